package alias_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/alias"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

func TestParsePath(t *testing.T) {
	for text, want := range map[string]string{
		"/root/pypi/+simple/": "/root/pypi/+simple/", "/repository/acme/simple": "/repository/acme/simple/",
		"/api/pypi/Acme_local/simple/":              "/api/pypi/Acme_local/simple/",
		"/api/v4/projects/20/packages/pypi/simple/": "/api/v4/projects/20/packages/pypi/simple/",
		"/a": "/a/",
	} {
		if got, err := alias.ParsePath(text); got != want || err != nil {
			t.Errorf("ParsePath(%q) = %q, %v; want %q", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "/", "//", "root/pypi", "/a//b", "/a/../b", "/./a", "/a b/", "/a%2Bb/", "/:project/", "/a/*", "/a?b", "/a#b",
		"/ä/", "/a\\b", "/a\x00", "https://a.example/simple/", "/a;b/",
	} {
		if got, err := alias.ParsePath(text); !fault.Is(err, fault.Invalid) {
			t.Errorf("ParsePath(%q) = %q, %v", text, got, err)
		}
	}
}

func TestCheck(t *testing.T) {
	of := func(paths ...string) (out []alias.Alias) {
		for _, p := range paths {
			out = append(out, alias.Alias{Path: p, Repository: "main"})
		}
		return out
	}
	for _, paths := range [][]string{
		nil, {"/a/"}, {"/a/", "/b/"}, {"/a/b/c/", "/a/"}, {"/root/pypi/+simple/", "/root/dev/+simple/"},
	} {
		if err := alias.Check(of(paths...)); err != nil {
			t.Errorf("Check(%q) = %v", paths, err)
		}
	}
	for _, paths := range [][]string{{"/a/", "/a/"}, {"/a/", "/a/b/"}, {"/a/b/", "/a/"}} {
		if err := alias.Check(of(paths...)); !fault.Is(err, fault.Invalid) {
			t.Errorf("Check(%q) = %v", paths, err)
		}
	}
}

// failing is a store whose updates fail while err is set.
type failing struct {
	alias.Store
	err error
}

func (f *failing) Update(ctx context.Context, do func(alias.Tx) error) error {
	if f.err != nil {
		return f.err
	}
	return f.Store.Update(ctx, do)
}

func TestLedger(t *testing.T) {
	d, err := db.Open(t.Context(), storagetest.SQLite(t), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	now := time.Date(2026, 11, 29, 23, 59, 0, 0, time.UTC)
	store := &failing{Store: d.Aliases()}
	l := alias.NewLedger(store, alias.Options{
		Now: func() time.Time { return now }, Aliases: []alias.Alias{{Path: "/a/"}, {Path: "/unused/"}},
	})
	flush := func() {
		t.Helper()
		if err := l.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	l.Note("/a/", `pip/26.3 {"ci":null}`)
	store.err = errors.New("away")
	if err := l.Flush(t.Context()); !errors.Is(err, store.err) {
		t.Fatalf("Flush() = %v", err)
	}
	now = now.Add(time.Second)
	l.Note("/a/", "uv/0.9.0 {}")
	store.err = nil
	flush()
	now = now.Add(time.Minute) // the next day
	l.Note("/a/", "Mozilla<script>/5.0")
	flush()
	flush()
	if n := l.Requests(); len(n) != 2 || n["/a/"] != 3 || n["/unused/"] != 0 {
		t.Errorf("Requests() = %v", n)
	}
	operator := access.Operator("boss")
	uses, err := l.Uses(t.Context(), operator, time.Time{})
	if err != nil || len(uses) != 2 || uses[0].Requests != 2 || uses[0].Client != "uv/0.9.0" || uses[1].Requests != 1 ||
		uses[1].Client != "" || uses[1].Day != time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC) {
		t.Errorf("Uses() = %+v, %v", uses, err)
	}
	all := []alias.Alias{{Path: "/a/", Repository: "main"}, {Path: "/unused/", Repository: "main"}}
	sums := alias.Summarize(all, uses)
	if len(sums) != 2 || sums[0].Requests != 3 || !sums[0].LastAt.Equal(now) || sums[1].Requests != 0 ||
		!sums[1].LastAt.IsZero() {
		t.Errorf("Summarize() = %+v", sums)
	}
	for _, who := range []access.Caller{{}, access.Guest(true)} {
		if _, err := l.Uses(t.Context(), who, time.Time{}); !fault.Is(err, fault.Denied) {
			t.Errorf("Uses() of a stranger = %v", err)
		}
	}
	now = now.AddDate(2, 0, 0)
	l.Note("/a/", "")
	flush()
	if uses, _ := l.Uses(t.Context(), operator, time.Time{}); len(uses) != 1 {
		t.Errorf("old counts are kept: %+v", uses)
	}
}
