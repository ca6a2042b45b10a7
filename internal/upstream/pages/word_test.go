package pages_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
)

// said is what an upstream says of a project, whose file of a version has the content of the same number.
type said struct {
	status, reason string
	files          []saidFile
}

type saidFile struct {
	version string
	content int
	yanked  any // absent, true, or the reason
}

func one(version string) saidFile { return saidFile{version: version, content: len(version)} }

// answer returns an answer with the page.
func (s said) answer(project string) func(upstream.Validators) (upstream.Response, error) {
	files := []map[string]any{}
	for _, f := range s.files {
		name := fmt.Sprintf("%s-%s.tar.gz", project, f.version)
		file := map[string]any{
			"filename": name,
			"url":      "https://files.test/" + name,
			"hashes":   map[string]string{"sha256": fmt.Sprintf("%064x", f.content)},
			"size":     7,
		}
		if f.yanked != nil {
			file["yanked"] = f.yanked
		}
		files = append(files, file)
	}
	page := map[string]any{"meta": map[string]any{"api-version": "1.4"}, "name": project, "files": files}
	if s.status != "" {
		page["project-status"] = map[string]string{"status": s.status, "reason": s.reason}
	}
	b, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return func(upstream.Validators) (upstream.Response, error) {
		return upstream.Response{Body: b, ContentType: "application/vnd.pypi.simple.v1+json"}, nil
	}
}

// shown returns the page as a line: status, the files with yanks, and those that are gone.
func shown(t *testing.T, h pages.Held) string {
	t.Helper()
	p, err := h.Page()
	if err != nil {
		t.Fatal(err)
	}
	line := fmt.Sprintf("%s %q absent=%v", p.Status, p.StatusReason, h.Absent)
	for _, f := range p.Files {
		line += fmt.Sprintf(" %s", f.Version)
		if f.Yanked {
			line += fmt.Sprintf("(yanked %q)", f.YankedReason)
		}
	}
	for _, f := range p.Gone {
		line += " gone:" + f.Version
	}
	return line
}

// TestTheUpstreamsWordIsVisibleWithinOneTTL: whatever the upstream says of a project and its files is on our page when
// the TTL has passed, and not before; with stale-while-revalidate, it is when the page was renewed in the background.
func TestTheUpstreamsWordIsVisibleWithinOneTTL(t *testing.T) {
	two := []saidFile{one("1.0"), one("22.0")}
	yanked := func(reason any) []saidFile {
		return []saidFile{{version: "1.0", content: 3, yanked: reason}, one("22.0")}
	}
	plain := said{files: two}
	for _, c := range []struct {
		name          string
		before, after said
		gone          int // the status that the page becomes instead
		want          string
	}{
		{
			name: "quarantined", before: plain, after: said{"quarantined", "under review", two},
			want: `quarantined "under review" absent=false 1.0 22.0`,
		},
		{
			name: "no longer quarantined", before: said{"quarantined", "x", two}, after: said{"active", "", two},
			want: `active "" absent=false 1.0 22.0`,
		},
		{name: "status withdrawn", before: said{"quarantined", "x", two}, after: plain, want: ` "" absent=false 1.0 22.0`},
		{
			name: "archived", before: plain, after: said{"archived", "moved on", two},
			want: `archived "moved on" absent=false 1.0 22.0`,
		},
		{
			name: "deprecated", before: plain, after: said{"deprecated", "use seven", two},
			want: `deprecated "use seven" absent=false 1.0 22.0`,
		},
		{
			name: "another reason", before: said{"deprecated", "use seven", two}, after: said{"deprecated", "use eight", two},
			want: `deprecated "use eight" absent=false 1.0 22.0`,
		},
		{
			name: "yanked", before: plain, after: said{files: yanked("broken")},
			want: ` "" absent=false 1.0(yanked "broken") 22.0`,
		},
		{
			name: "yanked without a reason", before: plain, after: said{files: yanked(true)},
			want: ` "" absent=false 1.0(yanked "") 22.0`,
		},
		{
			name: "another reason of a yank", before: said{files: yanked("a")}, after: said{files: yanked("b")},
			want: ` "" absent=false 1.0(yanked "b") 22.0`,
		},
		{name: "un-yanked", before: said{files: yanked("broken")}, after: plain, want: ` "" absent=false 1.0 22.0`},
		{
			name: "un-yanked by false", before: said{files: yanked("broken")}, after: said{files: yanked(false)},
			want: ` "" absent=false 1.0 22.0`,
		},
		{name: "a file removed", before: plain, after: said{files: two[1:]}, want: ` "" absent=false 22.0 gone:1.0`},
		{name: "all files removed", before: plain, after: said{}, want: ` "" absent=false gone:1.0 gone:22.0`},
		{name: "a page that becomes 404", before: plain, gone: 404, want: ` "" absent=true gone:1.0 gone:22.0`},
		{
			name: "a page that becomes 410", before: said{"quarantined", "x", two}, gone: 410,
			want: ` "" absent=true gone:1.0 gone:22.0`,
		},
	} {
		for _, stale := range []time.Duration{0, upstream.DefaultStaleWhileRevalidate} {
			t.Run(fmt.Sprintf("%s, stale for %v", c.name, stale), func(t *testing.T) {
				w := newWorld(t)
				w.u.StaleWhileRevalidate = stale
				w.f.says("six", c.before.answer("six"))
				before := shown(t, w.get("six", pages.Normal))
				w.batch()
				w.f.says("six", c.after.answer("six"))
				if c.gone != 0 {
					w.f.says("six", fails(upstream.Absent, c.gone))
				}
				w.c.pass(upstream.DefaultTTL - time.Second)
				if got := shown(t, w.get("six", pages.Normal)); got != before {
					t.Errorf("within the TTL: %s, want %s", got, before)
				}
				w.c.pass(time.Second)
				if stale > 0 {
					w.get("six", pages.Normal) // has it renewed
					w.batch()
				}
				if got := shown(t, w.get("six", pages.Normal)); got != c.want {
					t.Errorf("after the TTL: %s, want %s", got, c.want)
				}
				w.asked("six", 2)
				w.batch()
				if got := shown(t, w.again().get("six", pages.Normal)); got != c.want {
					t.Errorf("after a restart: %s, want %s", got, c.want)
				}
			})
		}
	}
}

// turn lets the upstream say something, or nothing if it is nil, and reads the page when the TTL has passed.
func (w *world) turn(says func(upstream.Validators) (upstream.Response, error)) page.Page {
	w.Helper()
	w.f.says("six", says)
	w.c.pass(upstream.DefaultTTL)
	p, err := w.get("six", pages.Normal).Page()
	if err != nil {
		w.Fatal(err)
	}
	w.batch()
	return p
}

func offering(all ...saidFile) func(upstream.Validators) (upstream.Response, error) {
	return said{files: all}.answer("six")
}

// lose deletes the rows of pages, as an eviction or a restored backup does.
func (w *world) lose() {
	w.Helper()
	err := w.store.Update(w.Context(), func(tx pages.Tx) error {
		_, err := tx.DeleteUpstreamPages(w.Context(), w.c.Now().Add(time.Hour), 1000)
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

// damage makes the record of the page unreadable.
func (w *world) damage() {
	w.Helper()
	err := w.store.Update(w.Context(), func(tx pages.Tx) error {
		row, err := tx.UpstreamPage(w.Context(), pages.Key{Upstream: "public", Name: name("six")}, time.Time{})
		if err != nil {
			return err
		}
		row.Record, row.Revision = []byte("nonsense"), "damaged"
		return tx.PutUpstreamPage(w.Context(), row)
	})
	if err != nil {
		w.Fatal(err)
	}
}

// TestWhatLeftIsRememberedIfThePageIsLost: a file that left, and the absence or the return of a project, are known to a
// process that starts without the row of the page, or with a damaged one.
func TestWhatLeftIsRememberedIfThePageIsLost(t *testing.T) {
	for how, lose := range map[string]func(*world){
		"the row is lost": (*world).lose, "the record is damaged": (*world).damage,
	} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t)
			w.u.StaleWhileRevalidate = 0
			restart := func() {
				lose(w)
				w = w.again()
			}
			w.turn(offering(one("1.0"), one("22.0")))
			left := w.turn(offering(one("22.0"))).Gone
			restart()
			if got := w.turn(offering(one("22.0"))).Gone; len(got) != 1 || got[0] != left[0] {
				t.Fatalf("gone %+v, want %+v", got, left)
			}
			w.turn(nil)
			away := w.c.Now()
			restart()
			p := w.turn(nil)
			if !p.Away.Equal(away) || len(p.Gone) != 2 {
				t.Fatalf("away since %v with %d files, want %v", p.Away, len(p.Gone), away)
			}
			restart()
			p = w.turn(offering(one("333.0")))
			returned := w.c.Now()
			if !p.Returned.Equal(returned) || len(p.Files) != 1 {
				t.Fatalf("returned %v with %d files, want %v", p.Returned, len(p.Files), returned)
			}
			restart()
			if p = w.turn(offering(one("333.0"), one("4444.0"))); !p.Returned.Equal(returned) {
				t.Errorf("returned %v, want %v", p.Returned, returned)
			}
			if p = w.turn(offering(one("333.0"), one("22.0"))); !p.Returned.IsZero() {
				t.Errorf("with an old file, returned %v", p.Returned)
			}
			if p = w.turn(offering(one("1.0"), one("22.0"), one("333.0"), one("4444.0"))); len(p.Gone) > 0 {
				t.Fatalf("gone %+v", p.Gone)
			}
			restart()
			if p = w.turn(offering(one("55555.0"))); how == "the row is lost" && len(p.Gone) > 0 {
				t.Errorf("when nothing was gone, %+v is remembered", p.Gone)
			}
		})
	}
}

// TestALostPageIsNeverServed: what is remembered of a lost page is no page, neither for a caller for whom nothing is
// fetched nor while the upstream fails.
func TestALostPageIsNeverServed(t *testing.T) {
	w := newWorld(t)
	w.turn(offering(one("1.0"), one("22.0")))
	w.turn(offering(one("22.0")))
	w.batch()
	w.turn(offering(one("22.0")))
	w.lose()
	w = w.again()
	if h, err := w.p.Get(t.Context(), w.u, name("six"), pages.Normal, false); err == nil {
		t.Errorf("a caller for whom nothing is fetched gets %+v", h)
	}
	if h, err := newWorldOffline(w).Get(t.Context(), w.u, name("six"), pages.Normal, true); err == nil {
		t.Errorf("offline, callers get %+v", h)
	}
	w.f.says("six", fails(upstream.Wrong, 500))
	w.refused("six", pages.Normal)
}

// TestWhatLeftIsForgottenWithItsUpstream: another upstream of the name begins anew.
func TestWhatLeftIsForgottenWithItsUpstream(t *testing.T) {
	w := newWorld(t)
	w.u.StaleWhileRevalidate = 0
	w.turn(offering(one("1.0")))
	w.turn(nil)
	w.lose()
	w.u.CreatedAt = w.c.Now()
	w.u.Revision = w.u.CreatedAt.UnixMicro()
	w = w.again()
	if p := w.turn(offering(one("22.0"))); !p.Returned.IsZero() || len(p.Gone) > 0 {
		t.Errorf("of an upstream that was removed, %+v is known", p)
	}
}

// TestAMirrorThatFlapsHoldsNothing: no project counts as returned because its upstream answered for a while that it has
// nothing, also if the process restarts in between.
func TestAMirrorThatFlapsHoldsNothing(t *testing.T) {
	for _, kind := range []upstream.Kind{upstream.Public, upstream.Private} {
		w := newWorld(t)
		w.u.StaleWhileRevalidate = 0
		w.u.Kind, w.u.Probe = kind, "known"
		w.f.says("known", has("known", "", "1.0"))
		w.turn(offering(one("1.0"), one("22.0")))
		for range 3 {
			w.turn(nil)
			w = w.again()
			w.u.StaleWhileRevalidate = 0
			w.f.says("six", fails(upstream.Wrong, 500))
			w.c.pass(upstream.DefaultTTL)
			w.refused("six", pages.Normal)
			p := w.turn(offering(one("22.0"), one("333.0")))
			if !p.Returned.IsZero() || !p.Away.IsZero() {
				t.Errorf("%s: returned %v, away %v", kind, p.Returned, p.Away)
			}
		}
	}
}

// TestAPublicProjectThatWasReplacedHasReturned, even if nobody saw that it was gone. A private upstream's names are not
// free for everybody.
func TestAPublicProjectThatWasReplacedHasReturned(t *testing.T) {
	for kind, want := range map[upstream.Kind]bool{upstream.Public: true, upstream.Private: false} {
		w := newWorld(t)
		w.u.Kind, w.u.StaleWhileRevalidate = kind, 0
		w.turn(offering(one("1.0"), one("22.0")))
		p := w.turn(offering(one("333.0")))
		if p.Returned.IsZero() == want {
			t.Errorf("%s: returned %v, want %v", kind, p.Returned, want)
		}
	}
}

// TestADownloadedProjectIsNotSwept: its page is known although nobody has read it for months, so that its return with
// other files is noticed.
func TestADownloadedProjectIsNotSwept(t *testing.T) {
	w := newWorld(t)
	w.u.StaleWhileRevalidate = 0
	w.turn(offering(one("1.0")))
	err := w.db.UpstreamFiles().Update(t.Context(), func(tx files.Tx) error {
		return tx.PutUpstreamFile(t.Context(), files.Row{
			Key: files.Key{Upstream: "public", Path: "x"}, Project: "six", Filename: "six-1.0.tar.gz",
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	w.c.pass(200 * 24 * time.Hour)
	if err := w.p.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := w.again().turn(offering(one("22.0"))); p.Returned.IsZero() {
		t.Error("a project that was replaced meanwhile counts as the same one")
	}
}

// TestImportKeepsWhatLeft: a page that another index read does not make this one forget files that left, and a return
// that it noticed counts here.
func TestImportKeepsWhatLeft(t *testing.T) {
	w := newWorld(t)
	w.u.StaleWhileRevalidate = 0
	w.turn(offering(one("1.0"), one("22.0")))
	w.turn(offering(one("22.0")))
	w.turn(nil)
	w.lose()
	there := newWorldOn(t, storagetest.SQLite(t), newFetcher(), w.c, func(o *pages.Options) { o.Alone = true })
	there.turn(offering(one("333.0")))
	row, err := there.p.Export(t.Context(), there.u, name("six"))
	if err != nil {
		t.Fatal(err)
	}
	content, err := page.Decode(row.Record)
	if err != nil {
		t.Fatal(err)
	}
	if added, err := w.p.Import(t.Context(), w.u, row, content); !added || err != nil {
		t.Fatalf("Import() = %v, %v", added, err)
	}
	check := func(when string, w *world) {
		t.Helper()
		p := w.turn(offering(one("333.0")))
		if p.Returned.IsZero() || len(p.Gone) != 2 {
			t.Errorf("%s: returned %v, %d files are gone", when, p.Returned, len(p.Gone))
		}
	}
	check("after the import", w.again())
	w.lose()
	check("after the page was lost", w.again())
}
