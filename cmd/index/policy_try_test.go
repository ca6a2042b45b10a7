//go:build !windows

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/downloads"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/upstreamtest"
)

// tried is the output of index policy try.
type tried struct {
	Repository string
	Cooldown   int64      `json:"cooldown_seconds"`
	Recorded   *time.Time `json:"recorded_since"`
	Releases   []triedRelease
	Stopped    []triedRelease `json:"would_have_been_stopped"`
	Files      int
	AllFiles   int `json:"all_files"`
	Readers    []struct{ Kind, Name string }
	AllReaders int `json:"all_readers"`
	Downloads  int64
	All        int64 `json:"all_downloads"`
	Unjudged   int64 `json:"downloads_not_judged"`
}

type triedRelease struct {
	Upstream, Project, Version, Rule string
	Held                             int64 `json:"held_seconds"`
	Files, Readers                   int
	Downloads                        int64
	All                              int64 `json:"all_downloads"`
	Removed                          *time.Time
}

// text runs one command line on the index of a fixture, and returns what it prints.
func (x *fixture) text(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	args = append([]string{"--data-dir", x.app.Config.DataDir}, args...)
	if status := run(t.Context(), args, strings.NewReader(""), &out, &out); status != want {
		t.Fatalf("index %v = %d, want %d: %s", args, status, want, out.String())
	}
	return out.String()
}

// storePage asks for a project of the upstream faraway until its page in the database, where commands read it, is as a
// test wants it.
func (x *fixture) storePage(t *testing.T, name packaging.ProjectName, wanted func(page.Page) bool) {
	t.Helper()
	u, err := x.app.Upstreams.Show(t.Context(), x.app.Operator, "faraway")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		// an error says that the project is gone, which the page says, too
		_, _ = x.app.Reader.FilesOf(t.Context(), x.app.Operator, "team", name)
		if err := x.app.Pages.Batch(t.Context()); err != nil {
			t.Fatal(err)
		}
		p, err := x.app.Pages.Remembered(t.Context(), u.Upstream, name)
		if err != nil {
			t.Fatal(err)
		}
		if wanted(p) {
			return
		}
	}
	t.Fatalf("the page of %s is never stored as it is wanted", name)
}

// TestPolicyTry: the rehearsal says what a cooldown would have held of what was downloaded, by whom, and what of it is
// known to be bad today, and changes nothing.
func TestPolicyTry(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	have(from)
	young := time.Now().Add(-time.Hour)
	from.Change("rocket", func(p *upstreamtest.Project) {
		for _, f := range p.Files {
			f.Uploaded = young
		}
		p.Files[0].Uploaded = young.Add(-200 * 24 * time.Hour)
	})
	empty := x.text(t, 0, "policy", "try", "--cooldown", "72h")
	if !strings.HasPrefix(empty, "no downloads of upstreams are recorded since ") {
		t.Errorf("without a record: %s", empty)
	}
	name, _ := packaging.ParseProjectName("rocket")
	files, err := x.app.Reader.FilesOf(t.Context(), x.app.Operator, "team", name)
	if err != nil {
		t.Fatal(err)
	}
	x.storePage(t, name, func(p page.Page) bool { return len(p.Files) > 0 })
	for _, f := range files {
		x.app.Downloads.Note(x.app.Operator, downloads.File{
			Repository: "team", Upstream: "faraway", Project: "rocket", Version: f.Version, Filename: f.Filename,
			SHA256: f.SHA256,
		})
	}
	x.app.Downloads.Note(x.app.Operator, downloads.File{
		Repository: "main", Upstream: "faraway", Project: "lost", Version: "1.0", Filename: "lost-1.0.zip", SHA256: "ab",
	})
	if err := x.app.Downloads.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got tried
	x.command(t, &got, "policy", "try", "team", "--cooldown", "72h", "--since", "7d")
	if got.Repository != "team" || got.Cooldown != 72*3600 || len(got.Releases) != 2 || got.Files != 3 ||
		got.AllFiles != 4 ||
		len(got.Readers) != 1 || got.AllReaders != 1 || got.Downloads != 3 || got.All != 4 || got.Unjudged != 0 ||
		len(got.Stopped) != 0 {
		t.Fatalf("index policy try = %+v", got)
	}
	if r := got.Releases[0]; r.Upstream != "faraway" || r.Project != "rocket" || r.Version != "2.0" ||
		r.Rule != "cooldown" ||
		r.Files != 2 || r.Readers != 1 || r.Downloads != 2 || r.All != 2 || r.Held < 70*3600 || r.Held > 71*3600 {
		t.Errorf("the release is %+v", r)
	}
	text := x.text(t, 0, "policy", "try", "--cooldown", "72h")
	for _, want := range []string{
		"PROJECT ", "rocket", "2d 23h",
		"Of 4 downloads of files of upstreams since ", ", 3 would have been refused (75.0 %): 3 files of 2 releases.",
		"1 of 1 reader would have noticed: ",
		"Not judged, because nothing is known about the files any more: 1 more download.",
		"Of those releases, 0 are known to be bad today.",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("index policy try does not say %q:\n%s", want, text)
		}
	}

	// Refused: nothing to try, what no record reaches, and unknown names.
	for want, args := range map[string][]string{
		"choose what to try":        {"policy", "try"},
		"downloads are recorded":    {"policy", "try", "--cooldown", "1h", "--since", "500d"},
		"must be one of":            {"policy", "try", "--startup-files", "maybe"},
		"is not a duration: write ": {"policy", "try", "--cooldown", "soon"},
	} {
		if got := x.text(t, statusMisused, args...); !strings.Contains(got, want) {
			t.Errorf("index %v says %q, want %q", args, got, want)
		}
	}
	if got := x.text(t, statusMisused, "policy", "try", "main"); !strings.Contains(got,
		"repository main has no cooldown: choose what to try with --cooldown") {
		t.Errorf("index policy try of a repository without rules says %q", got)
	}
	wait := 48 * time.Hour
	if err := x.app.Index.ChangeRepository(t.Context(), x.app.Operator, "main",
		catalog.RepositoryChange{Cooldown: &wait}); err != nil {
		t.Fatal(err)
	}
	var own struct {
		Cooldown int64  `json:"cooldown_seconds"`
		Startup  string `json:"startup_files"`
	}
	if x.command(t, &own, "policy", "try", "main"); own.Cooldown != 48*3600 || own.Startup != "known" {
		t.Errorf("index policy try main tries %+v, want the settings of the repository", own)
	}
	if got := x.text(t, statusRefused, "policy", "try", "nowhere", "--cooldown", "1h"); !strings.Contains(got, "nowhere") {
		t.Errorf("an unknown repository: %s", got)
	}
	r, err := x.app.Index.Repository(t.Context(), x.app.Operator, "team")
	if err != nil || r.Cooldown != 0 {
		t.Errorf("the repository has the cooldown %v, %v", r.Cooldown, err)
	}
}
