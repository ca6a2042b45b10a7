package rehearsal_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/downloads"
	"pyindex/internal/downloads/rehearsal"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream/page"
)

var start = time.Date(2026, 9, 1, 12, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

// history is a record of downloads, with what is known of the files today.
type history struct {
	t     *testing.T
	d     *db.DB
	facts map[downloads.Project]*rehearsal.Facts
}

// file adds a file of an upstream: uploaded, and removed if that is not zero, so long after start.
func (h *history) file(project, version, filename string, uploaded, removed time.Duration) {
	f := h.about(project)
	file := page.File{
		Filename: filename, Version: version, SHA256: "sha-" + filename, Uploaded: start.Add(uploaded),
		FirstSeen: start.Add(uploaded + time.Hour),
	}
	if removed == 0 {
		f.Page.Files = append(f.Page.Files, file)
		return
	}
	file.LastSeen = start.Add(removed)
	f.Page.Gone = append(f.Page.Gone, file)
}

func (h *history) about(project string) *rehearsal.Facts {
	p := downloads.Project{Upstream: "public", Name: project}
	if h.facts[p] == nil {
		h.facts[p] = &rehearsal.Facts{TrustTimes: true}
	}
	return h.facts[p]
}

// got adds downloads of a file on one day.
func (h *history) got(who, repository, project, version, filename string, first time.Duration, n int64) {
	h.t.Helper()
	at := start.Add(first)
	r := downloads.Reader{
		Kind: "user", ID: "id-" + who, Name: who, Day: at.Truncate(day), First: at, Last: at, Count: n,
		File: downloads.File{
			Repository: repository, Upstream: "public", Project: project, Version: version, Filename: filename,
			SHA256: "sha-" + filename,
		},
	}
	if who == "" {
		r.Kind, r.ID = "", ""
	}
	if err := h.d.FileReaders().Update(h.t.Context(), func(tx downloads.Tx) error {
		return tx.AddReader(h.t.Context(), r)
	}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *history) try(repository string, since time.Duration, s policy.Settings) rehearsal.Result {
	h.t.Helper()
	plan := rehearsal.Plan{
		Period: downloads.Period{Repository: repository, Since: start.Add(since)}, Settings: s,
	}
	out, err := rehearsal.Try(h.t.Context(), access.Operator("test"), downloads.New(h.d.FileReaders(), nil), plan, h.read)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h *history) read(_ context.Context, p downloads.Project) (rehearsal.Facts, error) {
	if f := h.facts[p]; f != nil {
		return *f, nil
	}
	return rehearsal.Facts{}, nil
}

// told fills in a history: a release of which the wheel came later, one that was bad, old ones, and files of which
// nothing is known.
func told(t *testing.T, d *db.DB) *history {
	h := &history{t: t, d: d, facts: map[downloads.Project]*rehearsal.Facts{}}
	h.file("six", "1.0", "six-1.0.zip", -300*day, 0)
	h.file("six", "2.0", "six-2.0.zip", 0, 0)
	h.file("six", "2.0", "six-2.0.whl", 10*time.Hour, 0)
	h.file("six", "2.0", "six-2.0-late.whl", 9*day, 0) // no part of the release as it was
	h.file("evil", "6.6", "evil-6.6.whl", 0, 5*time.Hour)
	h.file("evil", "6.5", "evil-6.5.whl", -100*day, 6*time.Hour)
	h.about("evil").Malware = func(version string) string {
		if version == "6.6" {
			return "MAL-2026-1"
		}
		return ""
	}
	h.about("evil").Startup = func(f page.File) (found, known string) {
		if f.Version == "6.6" {
			return "evil.pth", ""
		}
		return "", ""
	}

	h.got("alice", "main", "six", "1.0", "six-1.0.zip", time.Hour, 4)
	h.got("alice", "main", "six", "2.0", "six-2.0.zip", 2*time.Hour, 2)      // held for 70 hours then
	h.got("bob", "team", "six", "2.0", "six-2.0.zip", 73*time.Hour, 1)       // still, with the wheel
	h.got("alice", "main", "six", "2.0", "six-2.0.whl", 83*time.Hour, 3)     // free
	h.got("carol", "main", "six", "2.0", "six-2.0-late.whl", 9*day+1, 1)     // new on its own
	h.got("", "main", "evil", "6.6", "evil-6.6.whl", time.Hour, 5)           // held
	h.got("bob", "team", "evil", "6.6", "evil-6.6.whl", 4*day, 1)            // free, from what was stored
	h.got("bob", "team", "evil", "6.5", "evil-6.5.whl", time.Hour, 1)        // old
	h.got("dora", "main", "unknown", "1.0", "unknown-1.0.whl", time.Hour, 7) // nothing is known
	h.got("dora", "main", "evil", "6.6", "evil-6.6-other.whl", time.Hour, 2) // nothing of that file
	h.got("dora", "main", "six", "2.0", "six-2.0.zip", -20*day, 1)           // before it was there: not in the period
	return h
}

func TestTry(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		h := told(t, storagetest.OpenDB(t, fresh(t), db.Options{}))
		cooldown := policy.Settings{Cooldown: 72 * time.Hour, Startup: policy.AllowStartup}
		x := h.try("", -day, cooldown)
		if got, want := fmt.Sprint(x.Files, x.AllFiles, len(x.Releases), x.Downloads, x.AllDownloads, x.AllReaders,
			x.Unjudged, x.Unstated), "3 6 2 9 18 4 9 0"; got != want {
			t.Errorf("Try() counts %s, want %s: %+v", got, want, x)
		}
		if !x.Recorded.Equal(start.Add(-20 * day)) {
			t.Errorf("the record begins at %v", x.Recorded)
		}
		var names []string
		for _, p := range x.Readers {
			names = append(names, p.Name)
		}
		if got := fmt.Sprintf("%q", names); got != `["" "alice" "bob" "carol"]` {
			t.Errorf("%s would have noticed", got)
		}
		wants := []rehearsal.Release{{
			Upstream: "public", Project: "evil", Version: "6.6", Rule: policy.RuleCooldown, Until: start.Add(72 * time.Hour),
			First: start.Add(time.Hour), Files: 1, Readers: 1, Downloads: 5, AllDownloads: 6, Malware: "MAL-2026-1",
			Removed: start.Add(5 * time.Hour),
		}, {
			Upstream: "public", Project: "six", Version: "2.0", Rule: policy.RuleCooldown, Until: start.Add(72 * time.Hour),
			First: start.Add(2 * time.Hour), Files: 2, Readers: 3, Downloads: 4, AllDownloads: 7,
		}}
		for i, r := range x.Releases {
			if i >= len(wants) || text(r) != text(wants[i]) {
				t.Errorf("release %d is\n%v, want\n%v", i, text(r), text(wants[min(i, len(wants)-1)]))
			}
		}
		if !x.Releases[0].Bad() || x.Releases[1].Bad() {
			t.Errorf("bad: %v, %v", x.Releases[0].Bad(), x.Releases[1].Bad())
		}

		for _, c := range []struct {
			name, repository string
			since            time.Duration
			settings         policy.Settings
			want             string // files, downloads, all downloads, readers
		}{
			{"a repository", "team", -day, cooldown, "1 1 3 1"},
			{"a later time", "", 3 * day, cooldown, "2 2 6 2"},
			{"nothing recorded", "other", -day, cooldown, "0 0 0 0"},
			{"no cooldown", "", -day, policy.Settings{Startup: policy.AllowStartup}, "0 0 18 0"},
			{"start-up files", "", -day, policy.Settings{Startup: policy.KnownStartup}, "1 6 18 2"},
			{"observed", "", -day, policy.Settings{Cooldown: 72 * time.Hour, Observe: true}, "0 0 18 0"},
		} {
			x := h.try(c.repository, c.since, c.settings)
			if got := fmt.Sprint(x.Files, x.Downloads, x.AllDownloads, len(x.Readers)); got != c.want {
				t.Errorf("%s: %s, want %s", c.name, got, c.want)
			}
		}
		h.about("six").TrustTimes = false // the index saw each file an hour after its upload
		x = h.try("", -day, cooldown)
		if got := fmt.Sprint(x.Files, x.Downloads, x.Unstated); got != "3 9 11" {
			t.Errorf("without times: %s, want 3 9 11", got)
		}
	})
}

// TestTryNeedsAnAdministrator: the record says who downloads what.
func TestTryNeedsAnAdministrator(t *testing.T) {
	d := storagetest.OpenDB(t, storagetest.SQLite(t), db.Options{})
	h := told(t, d)
	_, err := rehearsal.Try(t.Context(), access.Guest(true), downloads.New(d.FileReaders(), nil), rehearsal.Plan{}, h.read)
	if !fault.Is(err, fault.Denied) {
		t.Errorf("Try() = %v", err)
	}
}

// text is a release with times without their locations.
func text(r rehearsal.Release) string {
	r.First, r.Until, r.Removed = r.First.UTC(), r.Until.UTC(), r.Removed.UTC()
	return fmt.Sprintf("%+v", r)
}
