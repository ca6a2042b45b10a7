package resolve_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
	"pyindex/internal/upstream/upstreamtest"
)

// replay is an index that reads an upstream by a clock of the test, with its own rulings and feeds of advisories.
type replay struct {
	*world
	mu    sync.Mutex
	at    time.Time // of the clock
	begin time.Time // of the incidents
}

// The repositories of a replay: one that only observes, as an index without rules does; one with the rules that every
// repository has by default; and one that also waits.
const (
	unruled = "unruled"
	usual   = "usual"
	waiting = "waiting"
)

func newReplay(t *testing.T) *replay {
	t.Helper()
	w := &replay{
		world: newWorld(t, t.TempDir(), "sqlite:"+t.TempDir()+"/index.db", "file://"+t.TempDir()),
		begin: time.Date(2026, 3, 24, 10, 0, 0, 0, time.UTC),
	}
	w.at = w.begin
	a := w.replicas[0]
	a.Pages = pages.New(pages.Options{
		Store: a.DB.Pages(), Fetcher: a.Client, Now: w.clock, Alone: true, Log: slog.New(slog.DiscardHandler),
		Upstreams: func(ctx context.Context) ([]upstream.Upstream, error) {
			at, err := a.DB.Catalog().Stamp(ctx)
			if err != nil {
				return nil, err
			}
			return a.Upstreams.All(ctx, at)
		},
	})
	a.Reader = resolve.New(a.Index.Index, resolve.Options{
		Upstreams: a.Upstreams, Pages: a.Pages, Files: a.Files, Rulings: a.Holds, Advisories: ofFeeds{a.Advisories},
		Now: w.clock, Log: slog.New(slog.DiscardHandler),
	})
	w.handlers[0] = w.serve(a)
	_, err := a.Upstreams.Set(t.Context(), a.Operator, "public", func(u *upstream.Upstream) error {
		u.StaleWhileRevalidate = 0
		return nil
	})
	w.must(err)
	yes, all, allow, wait := true, policy.KeepAll, policy.AllowStartup, 72*time.Hour
	for name, c := range map[string]catalog.RepositoryChange{
		unruled: {Observe: &yes, KeepRemoved: &all, StartupFiles: &allow},
		usual:   {},
		waiting: {Cooldown: &wait},
	} {
		w.must(a.Index.AddRepository(t.Context(), a.Operator, catalog.NewRepository{
			Name: name, Members: access.Reader, Bases: []catalog.Base{catalog.ParseBase("upstream:public")},
		}))
		w.must(a.Index.ChangeRepository(t.Context(), a.Operator, name, c))
	}
	return w
}

func (w *replay) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

// goTo moves the clock to a time after the beginning.
func (w *replay) goTo(after time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.begin.Add(after)
}

// ofFeeds are the advisories of an index as its reader takes them.
type ofFeeds struct{ *advisory.Advisories }

// About implements resolve.Advisories.
func (f ofFeeds) About(ctx context.Context, at memo.Stamp, name packaging.ProjectName) (
	resolve.Affecting, string, error,
) {
	about, text, err := f.Advisories.About(ctx, at, name)
	if about == nil || err != nil {
		return nil, "", err
	}
	return about, text, nil
}

// malware imports a feed with one record for each of the projects.
func (w *replay) malware(a *app.App, of ...*incident) {
	w.t.Helper()
	dir := w.t.TempDir()
	for n, i := range of {
		b, err := json.Marshal(map[string]any{
			"id": fmt.Sprint("MAL-2026-", n), "modified": "2026-01-02T03:04:05Z", "affected": []any{map[string]any{
				"package": map[string]string{"ecosystem": "PyPI", "name": i.project}, "versions": i.bad(),
			}},
		})
		w.must(err)
		w.must(os.WriteFile(filepath.Join(dir, fmt.Sprint(n, ".json")), b, 0o600))
	}
	from, err := advisory.FromPath(dir)
	w.must(err)
	_, err = a.Advisories.Import(w.t.Context(), a.Operator, "osv", from, advisory.ImportOptions{From: dir})
	w.must(err)
}

// badRelease is a release that an attacker uploaded.
type badRelease struct {
	version string
	at      time.Duration
	startup bool // it has a start-up file
}

// incident is what happened to a project of the upstream, with times after its first bad release. Its release 1.0 is
// good and old.
type incident struct {
	what        string
	project     string
	releases    []badRelease
	quarantined time.Duration        // by the upstream; 0 if it never was
	deleted     time.Duration        // the bad releases, and the quarantine ends
	known       time.Duration        // a feed has a record
	want        map[string][2]counts // without a pin, and from a lock, by repository
	got         map[string]*harm
}

func (i *incident) bad() (all []string) {
	for _, r := range i.releases {
		all = append(all, r.version)
	}
	return all
}

// harm is what clients of a repository got in four days.
type harm struct {
	Unpinned counts // one installs without a pin every 15 minutes
	Locked   counts // one wrote a lock half an hour after the first bad release, and installs it every 15 minutes

	lock string // address of the file in the lock
}

// counts are installs: of a bad release, those of a bad release with a start-up file among them, of the good release,
// and those that failed.
type counts struct{ Bad, Startup, Good, Failed int }

// happens changes the upstream as the incident did at a time.
func (i *incident) happens(up *upstreamtest.Server, begin time.Time, at time.Duration) {
	for _, r := range i.releases {
		if r.at == at {
			var members [][2]string
			if r.startup {
				members = [][2]string{{i.project + "_init.pth", "import base64\n"}}
			}
			up.Add(packagingtest.WheelWith(i.project, r.version, "import base64", members))
			up.Change(i.project, func(p *upstreamtest.Project) { p.Files[len(p.Files)-1].Uploaded = begin.Add(at) })
		}
	}
	switch at {
	case 0:
	case i.quarantined:
		up.Change(i.project, func(p *upstreamtest.Project) { p.Status = "quarantined" })
	case i.deleted:
		up.Change(i.project, func(p *upstreamtest.Project) {
			p.Status, p.Files = "", slices.DeleteFunc(p.Files, func(f *upstreamtest.File) bool { return f.Version != "1.0" })
		})
	}
}

// newest returns the address of the newest file that a page offers, as a client without a pin chooses it; "" if it
// offers none.
func (w *replay) newest(repository string, i *incident) string {
	w.t.Helper()
	out := w.call(0, w.admin, http.MethodGet, "/r/"+repository+"/simple/"+i.project+"/", nil, "Accept", jsonPage)
	if out.Code != http.StatusOK {
		w.t.Fatalf("the page of %s in %s = %d %s", i.project, repository, out.Code, out.Body)
	}
	var l listing
	w.must(json.Unmarshal(out.Body.Bytes(), &l))
	best, version := "", ""
	for _, f := range l.Files {
		if f.Yanked == nil || f.Yanked == false {
			if v := strings.Split(f.Filename, "-")[1]; v > version {
				best, version = f.URL, v
			}
		}
	}
	return best
}

// install fetches a file, and counts what the client got.
func (w *replay) install(url string, i *incident, c *counts) {
	w.t.Helper()
	if url == "" {
		c.Failed++
		return
	}
	out := w.call(0, w.admin, http.MethodGet, url, nil)
	version := strings.Split(url[strings.LastIndex(url, "/"):], "-")[1]
	n := slices.IndexFunc(i.releases, func(r badRelease) bool { return r.version == version })
	switch {
	case out.Code == http.StatusForbidden:
		c.Failed++
	case out.Code != http.StatusOK:
		w.t.Fatalf("%s = %d %s", url, out.Code, out.Body)
	case n < 0:
		c.Good++
	default:
		c.Bad++
		if i.releases[n].startup {
			c.Startup++
		}
	}
}

// TestIncidents replays three attacks of 2025 and 2026 with generated packages, and counts who would have got a bad
// release. The times of the first are those of public reports, to a quarter of an hour. Of the others, reports state
// the days and what happened; their hours are assumed. docs/policy.md shows these numbers.
func TestIncidents(t *testing.T) {
	const hour, quarter = time.Hour, 15 * time.Minute
	incidents := []*incident{
		{
			what: "March 2026, a stolen token, the second release with a start-up file", project: "gateway",
			releases:    []badRelease{{"2.0", 0, false}, {"2.1", quarter, true}},
			quarantined: 10 * quarter, known: 4 * hour, deleted: 24 * hour,
			want: map[string][2]counts{
				unruled: {{Bad: 10, Startup: 9, Good: 288, Failed: 86}, {Bad: 296, Startup: 296, Failed: 86}},
				usual:   {{Bad: 9, Good: 288, Failed: 87}, {Bad: 8, Failed: 374}},
				waiting: {{Good: 298, Failed: 86}, {Good: 296, Failed: 86}},
			},
		},
		{
			what: "April 2026, two releases that run code when they are imported", project: "trainer",
			releases:    []badRelease{{"2.0", 0, false}, {"2.1", quarter, false}},
			quarantined: hour, known: 3 * hour, deleted: 24 * hour,
			want: map[string][2]counts{
				unruled: {{Bad: 4, Good: 288, Failed: 92}, {Bad: 290, Failed: 92}},
				usual:   {{Bad: 4, Good: 288, Failed: 92}, {Bad: 2, Failed: 380}},
				waiting: {{Good: 292, Failed: 92}, {Good: 290, Failed: 92}},
			},
		},
		{
			what: "July 2025, the password of a maintainer, deleted the next day without a quarantine", project: "numbers",
			releases: []badRelease{{"2.0", 0, false}, {"2.1", 2 * hour, false}},
			known:    6 * hour, deleted: 20 * hour,
			want: map[string][2]counts{
				unruled: {{Bad: 80, Good: 304}, {Bad: 382}},
				usual:   {{Bad: 24, Good: 360}, {Bad: 22, Failed: 360}},
				waiting: {{Good: 384}, {Good: 382}},
			},
		},
	}
	w := newReplay(t)
	repositories := []string{waiting, usual, unruled}
	for _, i := range incidents {
		w.public.Add(packagingtest.Wheel(i.project, "1.0", "good"))
		i.got = map[string]*harm{}
		for _, r := range repositories {
			i.got[r] = &harm{}
		}
	}
	var known []*incident
	for at := time.Duration(0); at < 4*24*hour; at += quarter {
		w.goTo(at)
		for _, i := range incidents {
			i.happens(w.public, w.begin, at)
			if at == i.known {
				known = append(known, i)
				w.malware(w.replicas[0], known...)
			}
			for _, r := range repositories {
				got, newest := i.got[r], w.newest(r, i)
				w.install(newest, i, &got.Unpinned)
				if at == 2*quarter {
					got.lock = newest
				}
				if at >= 2*quarter {
					w.install(got.lock, i, &got.Locked)
				}
			}
		}
	}
	for _, i := range incidents {
		for _, r := range repositories {
			if got := i.got[r]; got.Unpinned != i.want[r][0] || got.Locked != i.want[r][1] {
				t.Errorf("%s, %s:\n got %+v\nwant %+v", i.what, r, *got, i.want[r])
			}
		}
	}
	documented(t, incidents)
}

// documented checks that docs/policy.md has the numbers of bad installs.
func documented(t *testing.T, incidents []*incident) {
	t.Helper()
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "| Attack |")
	rows := regexp.MustCompile(`(?m)^\|[^|]*\|[^|]*\| \**(\d+)\b[^|]*\| \**(\d+)\b`).FindAllStringSubmatch(table, -1)
	var got, want []string
	for _, row := range rows {
		got = append(got, row[1]+" "+row[2])
	}
	for _, i := range incidents {
		for _, r := range []string{unruled, usual, waiting} {
			want = append(want, fmt.Sprint(i.want[r][0].Bad, i.want[r][1].Bad))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/policy.md has %q, want %q", got, want)
	}
}
