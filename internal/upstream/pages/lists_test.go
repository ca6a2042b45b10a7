package pages_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// listing is an answer with a list of projects, which answers 304 to its ETag.
func listing(etag string, names ...string) func(upstream.Validators) (upstream.Response, error) {
	projects := []map[string]string{}
	for _, n := range names {
		projects = append(projects, map[string]string{"name": n})
	}
	content, err := json.Marshal(map[string]any{"meta": map[string]string{"api-version": "1.1"}, "projects": projects})
	if err != nil {
		panic(err)
	}
	return func(v upstream.Validators) (upstream.Response, error) {
		if etag != "" && v.ETag == etag {
			return upstream.Response{NotModified: true}, nil
		}
		return upstream.Response{
			Body:        content,
			ContentType: "application/vnd.pypi.simple.v1+json",
			Validators:  upstream.Validators{ETag: etag},
		}, nil
	}
}

// update updates the lists.
func (w *world) update() {
	w.Helper()
	if err := w.p.UpdateLists(w.Context()); err != nil {
		w.Fatalf("UpdateLists() = %v", err)
	}
}

// listed checks what is known of a name.
func (w *world) listed(s string, by string, known bool) {
	w.Helper()
	got, is, ok := w.p.Listed(w.Context(), name(s))
	if got != by || is != (by != "") || ok != known {
		w.Errorf("Listed(%s) = %q, %v, %v, want %q and known %v", s, got, is, ok, by, known)
	}
}

// TestListsAreReadOnceADay conditionally, whole, and in any spelling; names are compared without asking.
func TestListsAreReadOnceADay(t *testing.T) {
	w := newWorld(t)
	w.listed("six", "", false)
	w.f.list = listing(`"1"`, "Six", "Zope.Interface")
	w.update()
	w.listed("six", "public", true)
	w.listed("zope-interface", "public", true)
	w.listed("seven", "", true)
	w.c.pass(23 * time.Hour)
	w.update()
	w.asked("", 1)
	w.c.pass(time.Hour)
	w.update() // 304
	w.asked("", 2)
	w.listed("six", "public", true)
	w.f.list = listing(`"2"`, "Seven")
	w.c.pass(24 * time.Hour)
	w.update()
	w.asked("", 3)
	w.listed("six", "", true)
	w.listed("seven", "public", true)
	if n := w.f.total.Load(); n != 0 {
		t.Errorf("%d questions about projects", n)
	}
	h, known, err := w.p.Health(t.Context(), w.u)
	if err != nil || !known || h.Listed != 1 || h.ListAge != 0 {
		t.Errorf("Health() = %+v, %v, %v", h, known, err)
	}
	if after := w.again(); true {
		names, ok, err := after.p.Names(t.Context(), w.u)
		if err != nil || !ok || !names.Contains(name("seven")) || names.Count() != 1 {
			t.Errorf("after a restart: %v, %v", ok, err)
		}
	}
}

// TestAFailureKeepsTheList: it is tried again after an hour, and at once if the URL changed.
func TestAFailureKeepsTheList(t *testing.T) {
	w := newWorld(t)
	w.f.list = listing(`"1"`, "six")
	w.update()
	w.f.list = fails(upstream.Wrong, 500)
	w.c.pass(24 * time.Hour)
	w.update()
	w.update()
	w.asked("", 2)
	w.listed("six", "public", true)
	w.f.list = func(upstream.Validators) (upstream.Response, error) {
		return upstream.Response{Body: []byte("<html><title>Sorry</title>"), ContentType: "application/json"}, nil
	}
	w.c.pass(time.Hour)
	w.update()
	w.asked("", 3)
	w.listed("six", "public", true)
	page := listing(`"1"`, "seven")
	w.f.list = func(v upstream.Validators) (upstream.Response, error) {
		if w.u.Revision == 2 && v != (upstream.Validators{}) {
			t.Errorf("the new place was asked with %q", v)
		}
		return page(v)
	}
	w.c.pass(time.Hour)
	w.update() // 304 by the validators of before the failures
	w.asked("", 4)
	w.u.Revision = 2
	w.update()
	w.asked("", 5)
	w.listed("seven", "public", true)
}

// TestOnlyPublicListsAreCompared, and all of them must be known.
func TestOnlyPublicListsAreCompared(t *testing.T) {
	second, private := public(), public()
	second.Name, private.Name, private.Kind = "second", "company", upstream.Private
	all := []upstream.Upstream{private, public()}
	w := newWorld(t, func(o *pages.Options) {
		o.Upstreams = func(context.Context) ([]upstream.Upstream, error) { return all, nil }
	})
	w.f.list = listing("", "six")
	w.update()
	w.listed("six", "public", true)
	w.listed("seven", "", true)
	if names, ok, err := w.p.Names(t.Context(), private); err != nil || !ok || !names.Contains(name("six")) {
		t.Errorf("the list of the private upstream: %v, %v", ok, err)
	}
	all = append(all, second)
	w.listed("six", "public", true)
	w.listed("seven", "", false)
	all = all[:1]
	w.listed("six", "", true)
}

// TestReplicasReadAListOnce: the other takes over the row.
func TestReplicasReadAListOnce(t *testing.T) {
	replicas(t, func(t *testing.T, a, b *world) {
		a.f.list = listing(`"1"`, "six")
		b.listed("six", "", false)
		a.update()
		b.update()
		a.asked("", 1)
		b.listed("six", "public", true)
		a.c.pass(24 * time.Hour)
		a.f.list = listing(`"2"`, "seven")
		a.batch()
		b.update()
		a.update()
		a.asked("", 2)
		a.listed("six", "", true)
		a.listed("seven", "public", true)
	})
}

// TestRunWritesAndRenews: what was read is in the rows soon, what is stale is renewed, and nothing is lost at the end.
func TestRunWritesAndRenews(t *testing.T) {
	w := newWorld(t)
	ctx, stop := contextWithCancel(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.p.Run(ctx)
	}()
	defer stop()
	w.f.says("six", has("six", `"1"`, "1.0"))
	w.get("six", pages.Normal)
	eventually(t, "the page has a row", func() bool {
		_, err := newWorldOffline(w).Get(ctx, w.u, name("six"), pages.Normal, true)
		return err == nil
	})
	w.f.says("six", has("six", `"2"`, "1.1"))
	w.c.pass(upstream.DefaultTTL)
	eventually(t, "the page is renewed", func() bool { return w.get("six", pages.Normal).Age == 0 })
	w.f.says("last", has("last", "", "1.0"))
	w.get("last", pages.Normal)
	stop()
	<-ended
	w.p.Close()
	if _, err := newWorldOffline(w).Get(t.Context(), w.u, name("last"), pages.Normal, true); err != nil {
		t.Errorf("at the end, the last page was lost: %v", err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 500 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("not within 5 seconds: %s", what)
}
