package page_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

var (
	monday  = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	tuesday = monday.AddDate(0, 0, 1)
	friday  = monday.AddDate(0, 0, 4)
)

func sdist(version, sha256 string) page.File {
	name := "foo-" + version + ".zip"
	return page.File{
		Filename: name,
		URL:      "https://up.example/" + name,
		Kind:     packaging.SDist,
		Version:  version,
		SHA256:   sha256,
		Size:     7,
	}
}

func filesAt(files ...page.File) page.Page { return page.Page{Files: files} }

func TestMergeRemembersWhenAFileWasFirstSeen(t *testing.T) {
	p := page.Merge(page.Page{}, filesAt(sdist("1", digestA)), monday)
	p = page.Merge(p, filesAt(sdist("1", digestA), sdist("2", digestB)), tuesday)
	if one, two := p.Files[0].FirstSeen, p.Files[1].FirstSeen; !one.Equal(monday) || !two.Equal(tuesday) {
		t.Errorf("first seen %v and %v, want %v and %v", one, two, monday, tuesday)
	}
}

func TestMergeTakesWhatTheUpstreamSaysNow(t *testing.T) {
	old := page.Merge(page.Page{}, page.Page{
		Files: []page.File{{
			Filename:     "foo-1.zip",
			URL:          "https://up.example/a",
			SHA256:       digestA,
			Yanked:       true,
			YankedReason: "x",
		}},
		Status:       "archived",
		StatusReason: "old",
		Serial:       "5",
		Dropped:      3,
	}, monday)
	next := page.Page{
		Files: []page.File{{
			Filename:       "foo-1.zip",
			URL:            "https://up.example/b",
			SHA256:         digestA,
			RequiresPython: ">=3",
			Metadata:       true,
		}},
		Status: "quarantined",
		Serial: "6",
	}
	want := next
	want.Files = []page.File{next.Files[0]}
	want.Files[0].FirstSeen = monday
	if diff := cmp.Diff(want, page.Merge(old, next, friday)); diff != "" {
		t.Errorf("Merge: difference %s", diff)
	}
	if !next.Files[0].FirstSeen.IsZero() {
		t.Error("Merge has changed its argument")
	}
}

// A time that was stated does not vanish, and becomes earlier only if it was impossible: otherwise files would become
// old, or new, because a page changes.
func TestMergeKeepsWhenAFileWasUploaded(t *testing.T) {
	const hour = time.Hour
	for _, c := range []struct {
		name              string
		before, now, want time.Time
		otherFile         bool
	}{
		{name: "the same", before: monday.Add(-hour), now: monday.Add(-hour), want: monday.Add(-hour)},
		{name: "no longer stated", before: monday.Add(-hour), want: monday.Add(-hour)},
		{name: "stated at last", now: monday.Add(-hour), want: monday.Add(-hour)},
		{name: "earlier", before: monday.Add(-hour), now: monday.Add(-1000 * hour), want: monday.Add(-hour)},
		{name: "later", before: monday.Add(-hour), now: monday, want: monday},
		{name: "corrected", before: friday, now: monday.Add(-hour), want: monday.Add(-hour)},
		{name: "another content", before: monday.Add(-hour), otherFile: true},
	} {
		was, now := sdist("1", digestA), sdist("1", digestA)
		was.Uploaded, now.Uploaded = c.before, c.now
		p := page.Merge(page.Page{}, filesAt(was), monday)
		if c.otherFile { // it was away, and what comes back has no digest
			p = page.Merge(page.Page{}, filesAt(func() page.File { f := was; f.SHA256 = ""; return f }()), monday)
			p = page.Merge(p, filesAt(sdist("2", digestB)), monday)
			now.SHA256 = ""
		}
		p = page.Merge(p, filesAt(now), tuesday)
		if got := p.Files[0].Uploaded; !got.Equal(c.want) {
			t.Errorf("%s: uploaded %v, want %v", c.name, got, c.want)
		}
	}
}

// A digest that changes for a known file name is refused, whatever else the upstream states with it.
func TestMergeKeepsTheFirstDigestOfAFileName(t *testing.T) {
	held := page.Merge(page.Page{}, filesAt(sdist("1", digestA)), monday)
	evil := sdist("1", digestB)
	evil.URL, evil.Size, evil.Metadata, evil.MetadataSHA256 = "https://evil.example/foo-1.zip", 9, true, digestC

	p := page.Merge(held, filesAt(evil), tuesday)
	want := held.Files[0]
	want.Changed = digestB
	if diff := cmp.Diff(want, p.Files[0]); diff != "" {
		t.Errorf("another digest: difference %s", diff)
	}
	p = page.Merge(p, filesAt(evil), friday)
	if diff := cmp.Diff(want, p.Files[0]); diff != "" {
		t.Errorf("another digest again: difference %s", diff)
	}
	evil.Yanked, evil.YankedReason = true, "bad"
	if f := page.Merge(p, filesAt(evil), friday).Files[0]; !f.Yanked || f.SHA256 != digestA {
		t.Errorf("another digest, yanked: %+v", f)
	}
	if f := page.Merge(p, filesAt(sdist("1", digestA)), friday).Files[0]; f.Changed != "" || f.SHA256 != digestA {
		t.Errorf("the first digest again: %+v", f)
	}
	if f := page.Merge(p, filesAt(sdist("1", "")), friday).Files[0]; f.SHA256 != digestA {
		t.Errorf("no digest: %+v", f)
	}
	if f := page.Merge(filesAt(sdist("1", "")), filesAt(sdist("1", digestB)), friday).Files[0]; f.SHA256 != digestB ||
		f.Changed != "" {
		t.Errorf("a digest where there was none: %+v", f)
	}
}

func TestMergeKeepsTheDigestOfAFileThatWasAway(t *testing.T) {
	held := page.Merge(page.Page{}, filesAt(sdist("1", digestA), sdist("2", digestA)), monday)
	away := page.Merge(held, filesAt(sdist("2", digestA)), tuesday)
	if len(away.Files) != 1 || len(away.Gone) != 1 || !away.Gone[0].LastSeen.Equal(tuesday) {
		t.Fatalf("a file less: %+v", away)
	}
	away = page.Merge(away, page.Page{}, friday) // the project is gone
	if len(away.Files) != 0 || len(away.Gone) != 2 || away.Gone[0].Version != "2" ||
		!away.Gone[1].LastSeen.Equal(tuesday) {
		t.Fatalf("all files away: %+v", away)
	}
	if diff := cmp.Diff(away, decoded(t, away.Encode())); diff != "" {
		t.Errorf("the record: difference %s", diff)
	}
	if _, ok := away.Find("-/x/foo-1.zip", ""); ok {
		t.Error("a file that is gone is found")
	}
	back := page.Merge(away, filesAt(sdist("1", digestB), sdist("2", digestA)), friday.AddDate(0, 0, 1))
	one, two := back.Files[0], back.Files[1]
	if len(back.Gone) != 0 || one.SHA256 != digestA || one.Changed != digestB || two.Changed != "" {
		t.Errorf("the files are back: %+v", back)
	}
	if !one.FirstSeen.Equal(monday) || !two.FirstSeen.Equal(monday) || !one.LastSeen.IsZero() || !two.LastSeen.IsZero() {
		t.Errorf("the times of files that are back: %+v", back)
	}
}

func TestMergeTakesAFileWithoutADigestThatWasAwayAsNew(t *testing.T) {
	held := page.Merge(page.Page{}, filesAt(sdist("1", "")), monday)
	away := page.Merge(held, page.Page{}, tuesday)
	if f := page.Merge(away, filesAt(sdist("1", "")), friday).Files[0]; !f.FirstSeen.Equal(friday) {
		t.Errorf("first seen %v, want %v", f.FirstSeen, friday)
	}
	if f := page.Merge(held, filesAt(sdist("1", "")), friday).Files[0]; !f.FirstSeen.Equal(monday) {
		t.Errorf("first seen %v, want %v", f.FirstSeen, monday)
	}
}

func TestForgetAcceptsAnotherDigest(t *testing.T) {
	p := page.Merge(filesAt(sdist("1", digestA)), filesAt(sdist("1", digestB)), monday)
	p = page.Merge(p.Forget("foo-1.zip"), filesAt(sdist("1", digestB)), friday)
	if f := p.Files[0]; f.SHA256 != digestB || f.Changed != "" || !f.FirstSeen.Equal(friday) {
		t.Errorf("after Forget: %+v", f)
	}
}

func TestVersionsAreSortedAndUnique(t *testing.T) {
	var files []page.File
	for _, v := range strings.Fields("1.10 1.9 2.0rc1 1.9 2.0 2.0.dev3 1!0.1 1.9.post1 1.9+local") {
		files = append(files, sdist(v, digestA))
	}
	want := strings.Fields("1.9 1.9+local 1.9.post1 1.10 2.0.dev3 2.0rc1 2.0 1!0.1")
	if diff := cmp.Diff(want, filesAt(files...).Versions()); diff != "" {
		t.Errorf("Versions: difference %s", diff)
	}
}
