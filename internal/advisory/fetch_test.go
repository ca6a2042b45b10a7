package advisory_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pyindex/internal/advisory"
	"pyindex/internal/fault"
	"pyindex/internal/storage/storagetest"
)

// fetcher answers with content, or with an error.
type fetcher struct {
	content []byte
	etag    string
	err     error
	asked   []string // ETags
}

func (f *fetcher) Fetch(_ context.Context, _ advisory.Feed, etag, _ string, _ int64) (advisory.Fetched, error) {
	f.asked = append(f.asked, etag)
	if f.err != nil {
		return advisory.Fetched{}, f.err
	}
	if etag != "" && etag == f.etag {
		return advisory.Fetched{NotModified: true}, nil
	}
	return advisory.Fetched{Body: io.NopCloser(bytes.NewReader(f.content)), ETag: f.etag}, nil
}

func fetched(name, whenOld string) advisory.Feed {
	f := advisory.Default()
	f.Name, f.URL, f.WhenOld = name, "https://feeds.example.com/all.zip", whenOld
	return f
}

// TestTend checks when a feed is read: when it is due, once among all processes, and again soon after a failure.
func TestTend(t *testing.T) {
	each(t, func(w *world) {
		w.declare(fetched("f", advisory.Open))
		a := entry("MAL-1", "demo", "1.0")
		w.fetcher.content, w.fetcher.etag = zipped(w.t, a), "one"
		other := w.process()
		tend := func(x *advisory.Advisories, wait time.Duration, asked int) error {
			w.t.Helper()
			w.now = w.now.Add(wait)
			err := x.Tend(ctx, w.boss)
			if len(w.fetcher.asked) != asked {
				w.t.Errorf("the feed was asked for %d times, want %d", len(w.fetcher.asked), asked)
			}
			return err
		}
		if err := tend(w.Advisories, 0, 1); err != nil {
			w.t.Fatal(err)
		}
		w.want("demo", "1.0", "MAL-1!")
		_ = tend(other, time.Minute, 1)
		_ = tend(w.Advisories, 5*time.Hour, 1)
		before := w.stamp()
		if err := tend(other, time.Hour, 2); err != nil || w.fetcher.asked[1] != "one" {
			w.t.Errorf("Tend() = %v, asked with %q", err, w.fetcher.asked)
		}
		if got := w.row("f"); !got.CheckedAt.Equal(w.now) || w.stamp() != before {
			w.t.Errorf("an unchanged feed was checked at %v, want %v; serial %v, was %v", got.CheckedAt, w.now, w.stamp(),
				before)
		}
		checked := w.now
		w.fetcher.err = fault.New(fault.Unavailable, "no\nanswer")
		if err := tend(other, 6*time.Hour, 3); err == nil {
			w.t.Error("Tend() returned no error of a feed that does not answer")
		}
		if got := w.row("f"); got.Problem != "no answer" || got.Failures != 1 || !got.CheckedAt.Equal(checked) || got.Busy {
			w.t.Errorf("Status() after a failure = %+v", got)
		}
		w.want("demo", "1.0", "MAL-1!")
		_ = tend(other, 30*time.Second, 3)
		_ = tend(w.Advisories, 31*time.Second, 4)
		_ = tend(w.Advisories, 61*time.Second, 4)
		_ = tend(w.Advisories, 61*time.Second, 5)
		for range 20 {
			_ = w.Refresh(ctx, w.boss, "f", false)
		}
		n := len(w.fetcher.asked)
		_ = tend(w.Advisories, 59*time.Minute, n)
		w.fetcher.err, w.fetcher.content, w.fetcher.etag = nil, zipped(w.t, a, entry("MAL-2", "demo", "2.0")), "two"
		if err := tend(w.Advisories, time.Minute, n+1); err != nil {
			w.t.Error(err)
		}
		w.want("demo", "2.0", "MAL-2!")
		if got := w.row("f"); got.Problem != "" || got.Failures != 0 {
			w.t.Errorf("Status() after a success = %+v", got)
		}
		// A half of the file is refused, and so is an answer that is no feed.
		for _, content := range [][]byte{w.fetcher.content[:100], []byte("<html>")} {
			w.fetcher.content, w.fetcher.etag = content, "three"
			if err := w.Refresh(ctx, w.boss, "f", false); err == nil {
				w.t.Error("a damaged feed was imported")
			}
			w.want("demo", "2.0", "MAL-2!")
		}
		w.now = w.now.Add(-1000 * time.Hour)
		n = len(w.fetcher.asked)
		_ = tend(w.Advisories, 0, n+1) // the clock was set back
	})
}

// TestRemovedFromConfiguration checks that a feed that the configuration no longer has keeps its records, is not
// fetched, and holds nothing.
func TestRemovedFromConfiguration(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	if got := w.declare(fetched("f", advisory.Closed)); len(got) != 1 || got[0].Action != "feed.add" {
		t.Errorf("Declare() = %v", got)
	}
	if got := w.declare(fetched("f", advisory.Closed)); len(got) != 0 {
		t.Errorf("Declare() again = %v, want nothing", got)
	}
	w.fetcher.content = zipped(t, entry("MAL-1", "demo", "1.0"))
	if err := w.Tend(ctx, w.boss); err != nil {
		t.Fatal(err)
	}
	if err := w.Remove(ctx, w.boss, "f"); !fault.Is(err, fault.Conflict) {
		t.Errorf("Remove() of a feed of the configuration = %v, want Conflict", err)
	}
	if got := w.declare(); len(got) != 1 || got[0].Action != "feed.undeclare" {
		t.Errorf("Declare() of nothing = %v", got)
	}
	w.now = w.now.Add(1000 * time.Hour)
	if err := w.Tend(ctx, w.boss); err != nil || len(w.fetcher.asked) != 1 {
		t.Errorf("Tend() = %v, asked %d times", err, len(w.fetcher.asked))
	}
	w.want("demo", "1.0", "MAL-1!")
	if feeds, err := w.Feeds(ctx, w.stamp()); err != nil || !feeds.OldAt.IsZero() {
		t.Errorf("Feeds() = %+v, %v, want nothing", feeds, err)
	}
	if err := w.Remove(ctx, w.boss, "f"); err != nil {
		t.Error(err)
	}
	w.want("demo", "1.0", "")
}

// TestOldAt checks when feeds are too old, and that only closed ones count.
func TestOldAt(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	start := w.now
	old := func() (time.Time, string) {
		feeds, err := w.Feeds(ctx, w.stamp())
		if err != nil {
			t.Fatal(err)
		}
		return feeds.OldAt, feeds.Name
	}
	w.declare(fetched("open", advisory.Open))
	if at, name := old(); !at.IsZero() {
		t.Errorf("an open feed is too old at %v (%s)", at, name)
	}
	w.declare(fetched("open", advisory.Open), fetched("z", advisory.Closed))
	if at, name := old(); !at.Equal(start) || name != "z" {
		t.Errorf("a closed feed that was never read is too old at %v (%s), want %v", at, name, start)
	}
	w.fetcher.content, w.fetcher.etag = zipped(t, entry("MAL-1", "demo", "1.0")), "one"
	for range 2 { // read, then unchanged
		w.now = w.now.Add(7 * time.Hour)
		if err := w.Tend(ctx, w.boss); err != nil {
			t.Fatal(err)
		}
		if at, name := old(); !at.Equal(w.now.Add(72*time.Hour)) || name != "z" {
			t.Errorf("it is too old at %v (%s), want 72 hours after %v", at, name, w.now)
		}
	}
	last := w.now
	w.fetcher.err = errors.New("down")
	w.now = w.now.Add(24 * time.Hour)
	_ = w.Tend(ctx, w.boss)
	if at, _ := old(); !at.Equal(last.Add(72 * time.Hour)) {
		t.Errorf("after a failure it is too old at %v, want %v", at, last.Add(72*time.Hour))
	}
	if w.row("z").Holds {
		t.Error("the feed holds files before it is too old")
	}
	second := fetched("a", advisory.Closed)
	second.MaxAge = time.Hour
	w.declare(fetched("open", advisory.Open), fetched("z", advisory.Closed), second)
	if at, name := old(); name != "a" || !at.Equal(w.now) {
		t.Errorf("the first feed that is too old is %s at %v", name, at)
	}
	w.now = w.now.Add(49 * time.Hour)
	if !w.row("z").Holds || w.row("open").Holds || !w.row("open").Old {
		t.Error("the wrong feeds hold files")
	}
}

// TestPath checks that a feed on the disk is read when it has changed.
func TestPath(t *testing.T) {
	w := newWorld(t, storagetest.SQLite(t))
	f := advisory.Default()
	f.Name, f.Path = "f", w.folder(entry("MAL-1", "demo", "1.0"))
	w.declare(f)
	for _, want := range []int64{1, 1} {
		w.now = w.now.Add(24 * time.Hour)
		if err := w.Tend(ctx, w.boss); err != nil {
			t.Fatal(err)
		}
		if got := w.row("f"); got.Revision != want || !got.CheckedAt.Equal(w.now) {
			t.Errorf("Status() = %+v", got)
		}
	}
	if err := os.WriteFile(filepath.Join(f.Path, "MAL-2.json"), []byte(entry("MAL-2", "demo", "2.0")), 0o600); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(24 * time.Hour)
	if err := w.Tend(ctx, w.boss); err != nil {
		t.Fatal(err)
	}
	w.want("demo", "2.0", "MAL-2!")
	if err := os.RemoveAll(f.Path); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(24 * time.Hour)
	if err := w.Tend(ctx, w.boss); err == nil {
		t.Error("Tend() reads a folder that is gone")
	}
	w.want("demo", "2.0", "MAL-2!")
	if got := w.row("f"); got.Failures != 1 || got.Problem == "" {
		t.Errorf("Status() = %+v", got)
	}
}

// TestCheck has settings that are refused.
func TestCheck(t *testing.T) {
	if err := fetched("f", advisory.Closed).Check(); err != nil {
		t.Error(err)
	}
	for key, values := range map[string][]any{
		"name": {"", "A", "a_b", 7},
		"url":  {"x", "ftp://example.com/", "http://example.com/", "https://a:b@example.com/", true},
		"path": {"/folder"}, "every": {"0s", "59s", "60d", "soon", 7, ""}, "max_age": {"0s", "10y", true},
		"when_old": {"", "maybe", "Open"}, "malware": {"", "off", "Deny"}, "proxy": {"x", "::"},
		"allow_private": {"maybe", 7},
		"records":       {"x"},
	} {
		for _, v := range values {
			f := fetched("f", advisory.Open)
			err := f.Set(key, v)
			if err == nil {
				err = f.Check()
			}
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%s = %v is accepted: %v", key, v, err)
			}
		}
	}
	for key, v := range map[string]any{
		"url": "https://example.com/", "every": "1h", "max_age": "7d", "when_old": "closed", "malware": "flag",
		"allow_private": "true", "proxy": "http://proxy:3128",
	} {
		f := fetched("f", advisory.Open)
		if err := f.Set(key, v); err != nil || f.Check() != nil {
			t.Errorf("%s = %v is refused: %v", key, v, err)
		}
	}
}
