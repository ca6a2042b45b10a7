package resolve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/holds"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/upstreamtest"
)

// ruling is a world whose readers decide by rulings, feeds and a clock of the test.
type ruling struct {
	*world
	mu        sync.Mutex
	now       time.Time
	standings map[string]*holds.Standing
	malware   map[string]string // id of an advisory by name and version
	feeds     policy.Feeds
	log       bytes.Buffer
	limit     int64
}

func newRuling(t testing.TB, args ...string) *ruling {
	t.Helper()
	return newRulingOn(t, t.TempDir(), "sqlite:"+t.TempDir()+"/index.db", "file://"+t.TempDir(), args...)
}

// newRulingOn is newRuling with a database and a store.
func newRulingOn(t testing.TB, dir, database, storage string, args ...string) *ruling {
	t.Helper()
	w := &ruling{
		world: newWorld(t, dir, database, storage, args...),
		now:   time.Now().Truncate(time.Second), standings: map[string]*holds.Standing{}, malware: map[string]string{},
	}
	for i, a := range w.replicas {
		a.Reader = resolve.New(a.Index.Index, resolve.Options{
			Upstreams: a.Upstreams, Pages: a.Pages, Files: a.Files, Offline: slices.Contains(args, "--offline"),
			Downloads: a.Downloads,
			Rulings:   w, Advisories: feeds{w}, Now: w.clock, Surveyor: a.Operator,
			Log: slog.New(slog.NewTextHandler(&w.log, nil)),
			Address: func(repository string, name packaging.ProjectName, version string) string {
				return strings.TrimSuffix("https://index.example/"+repository+"/held/"+name.String()+"/"+version, "/") + "/"
			},
		})
		w.handlers[i] = w.serve(a)
	}
	return w
}

func (w *ruling) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *ruling) wait(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// Standing implements resolve.Rulings.
func (w *ruling) Standing(_ context.Context, _ memo.Stamp, name packaging.ProjectName) (*holds.Standing, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s := w.standings[name.String()]; s != nil {
		return s, nil
	}
	return &holds.Standing{}, nil
}

// Ruled implements resolve.Rulings.
func (w *ruling) Ruled(context.Context, memo.Stamp) (names []packaging.ProjectName, contents []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for project, s := range w.standings {
		name, err := packaging.ParseProjectName(project)
		if err != nil {
			return nil, nil, err
		}
		names = append(names, name)
		contents = slices.AppendSeq(contents, maps.Keys(s.Contents))
	}
	return names, contents, nil
}

// decide sets what was decided about a project, as a change of the index.
func (w *ruling) decide(project string, s holds.Standing) {
	w.t.Helper()
	w.mu.Lock()
	w.limit++
	s.Revision = fmt.Sprint("r", w.limit)
	w.standings[project] = &s
	w.mu.Unlock()
	w.change()
}

// change increments the serial.
func (w *ruling) change() {
	w.t.Helper()
	w.limit++
	limit := w.limit + 1<<40
	w.set("main", catalog.RepositoryChange{SizeLimit: &limit})
}

func (w *ruling) set(repository string, c catalog.RepositoryChange) {
	w.t.Helper()
	w.must(w.replicas[0].Index.ChangeRepository(w.t.Context(), w.replicas[0].Operator, repository, c))
}

// configure changes the public upstream.
func (w *ruling) configure(change func(*upstream.Upstream)) {
	w.t.Helper()
	a := w.replicas[0]
	_, err := a.Upstreams.Set(w.t.Context(), a.Operator, "public", func(u *upstream.Upstream) error {
		change(u)
		return nil
	})
	w.must(err)
}

// feeds implements resolve.Advisories.
type feeds struct{ w *ruling }

func (f feeds) About(_ context.Context, _ memo.Stamp, name packaging.ProjectName) (resolve.Affecting, string, error) {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	text := ""
	a := affecting{}
	for k, id := range f.w.malware {
		if project, version, _ := strings.Cut(k, "=="); project == name.String() {
			text += version + id
			a[version] = []advisory.Advisory{{ID: id, Malware: true}}
		}
	}
	if text == "" {
		return nil, "", nil
	}
	return a, text, nil
}

func (f feeds) Feeds(context.Context, memo.Stamp) (policy.Feeds, error) {
	f.w.mu.Lock()
	defer f.w.mu.Unlock()
	return f.w.feeds, nil
}

type affecting map[string][]advisory.Advisory

func (a affecting) Of(version string) []advisory.Advisory { return a[version] }

// theirsAt adds a wheel to the public upstream that was uploaded some time ago.
func (w *ruling) theirsAt(project, version string, age time.Duration) packagingtest.File {
	f := packagingtest.Wheel(project, version, "theirs")
	w.public.Add(f)
	w.public.Change(project, func(p *upstreamtest.Project) {
		for _, one := range p.Files {
			if one.Name == f.Name {
				one.Uploaded = w.clock().Add(-age)
			}
		}
	})
	return f
}

type listed struct {
	Filename string
	URL      string
	Yanked   any
}

type listing struct {
	Versions []string
	Files    []listed
	Status   struct{ Status, Reason string } `json:"project-status"`
}

func (w *ruling) list(tree, project string) (l listing) {
	w.t.Helper()
	out := w.call(1, w.admin, http.MethodGet, tree+"/simple/"+project+"/", nil, "Accept", jsonPage)
	if out.Code != http.StatusOK {
		w.t.Fatalf("the page of %s%s = %d %s", tree, project, out.Code, out.Body)
	}
	w.must(json.Unmarshal(out.Body.Bytes(), &l))
	return l
}

// yanked returns the reason for which a file is listed as yanked, "" if it is listed and not yanked, and "absent".
func (l listing) yanked(f packagingtest.File) string {
	for _, one := range l.Files {
		if one.Filename != f.Name {
			continue
		}
		switch y := one.Yanked.(type) {
		case string:
			return y
		case bool:
			if y {
				return "true"
			}
			return ""
		}
	}
	return "absent"
}

const day = 24 * time.Hour

func (w *ruling) cooldown(repository string, d time.Duration) {
	w.t.Helper()
	w.set(repository, catalog.RepositoryChange{Cooldown: &d})
}

// addresses returns the paths at which a file and what belongs to it are served.
func (w *ruling) addresses(tree, project string, f packagingtest.File) map[string]string {
	path := page.Path(w.public.FileURL(f.Name), f.Name, "")
	return map[string]string{
		"file":       tree + "/packages/public/" + path,
		"metadata":   tree + "/packages/public/" + path + ".metadata",
		"provenance": tree + "/integrity/" + project + "/" + f.Version + "/" + f.Name + "/provenance",
	}
}

// refuses checks that every address of a file answers 403 with a reason, whatever the request, and with no byte of it.
func (w *ruling) refuses(tree, project string, f packagingtest.File, reason, header string) {
	w.t.Helper()
	for what, path := range w.addresses(tree, project, f) {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			for _, with := range [][]string{
				nil,
				{"If-None-Match", `"` + f.SHA256() + `"`},
				{"If-None-Match", "*"},
				{"Range", "bytes=0-9"},
				{"Range", "bytes=-5"},
				{"Accept", "application/problem+json"},
				{"Accept", "application/json"},
				{"Cache-Control", "no-cache"},
			} {
				if what == "provenance" && slices.Contains(with, "application/problem+json") {
					continue // that address has documents of two other types only
				}
				out := w.call(1, w.admin, method, path, nil, with...)
				h := out.Header()
				if out.Code != http.StatusForbidden {
					w.t.Errorf("%s %s with %q = %d", method, what, with, out.Code)
				}
				if got := h.Get("X-Index-Hold"); got != header {
					w.t.Errorf("%s %s: X-Index-Hold = %q, want %q", method, what, got, header)
				}
				if h.Get("Etag") != "" || h.Get("Accept-Ranges") != "" || h.Get("Cache-Control") != "no-store" {
					w.t.Errorf("%s %s has the headers %v", method, what, h)
				}
				if bytes.Contains(out.Body.Bytes(), f.Bytes) || bytes.Contains(out.Body.Bytes(), f.Metadata) {
					w.t.Errorf("%s %s has the content", method, what)
				}
				if method == http.MethodGet && !strings.Contains(out.Body.String(), reason) {
					w.t.Errorf("%s %s says %q, want %q", method, what, out.Body, reason)
				}
				if method == http.MethodHead && out.Body.Len() > 0 {
					w.t.Errorf("%s %s has a body", method, what)
				}
			}
		}
	}
}

// TestHeldFilesAreListedAsYanked: resolvers pass over a held file, and every address of it answers with the reason and
// the address of the page that explains it.
func TestHeldFilesAreListedAsYanked(t *testing.T) {
	w := newRuling(t)
	old, fresh := w.theirsAt("cooling", "1.0", 30*day), w.theirsAt("cooling", "2.0", time.Hour)
	w.cooldown("main", 3*day)
	until := w.clock().Add(3*day - time.Hour)
	reason := "held: cooldown until " + policy.Date(until) + " https://index.example/main/held/cooling/2.0/"
	l := w.list("", "cooling")
	if got := l.yanked(old); got != "" {
		t.Errorf("the old file is yanked: %q", got)
	}
	if got := l.yanked(fresh); got != reason {
		t.Errorf("the new file is yanked with %q, want %q", got, reason)
	}
	if !slices.Equal(l.Versions, []string{"1.0", "2.0"}) {
		t.Errorf("versions = %q", l.Versions)
	}
	html := w.call(0, w.admin, http.MethodGet, "/simple/cooling/", nil, "Accept", "text/html").Body.String()
	if strings.Count(html, "data-yanked") != 1 || !strings.Contains(html, `data-yanked="`+reason+`"`) {
		t.Errorf("HTML says %s", html)
	}
	w.refuses("", "cooling", fresh, "held: cooldown until "+policy.Date(until), "cooldown; until="+
		until.Add(time.Second-1).UTC().Truncate(time.Second).Format(time.RFC3339))
	for what, path := range w.addresses("", "cooling", old) {
		if out := w.call(0, w.admin, http.MethodGet, path, nil); out.Code != http.StatusOK && what != "provenance" {
			t.Errorf("%s of the old file = %d %s", what, out.Code, out.Body)
		}
	}
	out := w.call(0, w.admin, http.MethodGet, "/pypi/cooling/json", nil)
	var d struct {
		Info struct{ Version string }
		URLs []struct{ Yanked bool }
	}
	w.must(json.Unmarshal(out.Body.Bytes(), &d))
	if d.Info.Version != "1.0" {
		t.Errorf("the latest release in JSON is %s", d.Info.Version)
	}
	out = w.call(0, w.admin, http.MethodGet, "/pypi/cooling/2.0/json", nil)
	w.must(json.Unmarshal(out.Body.Bytes(), &d))
	if len(d.URLs) != 1 || !d.URLs[0].Yanked || !strings.Contains(out.Body.String(), reason) {
		t.Errorf("JSON of the held release = %s", out.Body)
	}
	if strings.Contains(out.Body.String(), "theirs") {
		t.Errorf("JSON of the held release has its metadata: %s", out.Body)
	}
}

// TestAReleaseWaitsForFilesWithoutADigest: a file that the page leaves out for want of a digest is part of the release,
// so the page and the URL of another one agree that both are held.
func TestAReleaseWaitsForFilesWithoutADigest(t *testing.T) {
	w := newRuling(t)
	wheel := w.theirsAt("waiting", "1.0", 80*time.Hour)
	sdist := packagingtest.SDist("waiting", "1.0", "theirs")
	w.public.Add(sdist)
	w.public.Change("waiting", func(p *upstreamtest.Project) {
		for _, f := range p.Files {
			if f.Name == sdist.Name {
				f.Uploaded, f.NoSHA256 = w.clock().Add(-70*time.Hour), true
			}
		}
	})
	w.cooldown("main", 3*day)
	until := policy.Date(w.clock().Add(3*day - 70*time.Hour))
	l := w.list("", "waiting")
	if got := l.yanked(wheel); !strings.HasPrefix(got, "held: cooldown until "+until) {
		t.Errorf("the wheel is listed with %q, want it held until %s", got, until)
	}
	if got := l.yanked(sdist); got != "absent" {
		t.Errorf("the file without a digest is listed with %q", got)
	}
	out := w.call(1, w.admin, http.MethodGet, w.addresses("", "waiting", wheel)["file"], nil)
	if out.Code != http.StatusForbidden || !strings.Contains(out.Body.String(), until) {
		t.Errorf("the wheel = %d %s, want it held until %s", out.Code, out.Body, until)
	}
}

// TestReasonOnTheStatusLine: clients print the reason phrase, so it has the reason and the address.
func TestReasonOnTheStatusLine(t *testing.T) {
	w := newRuling(t)
	fresh := w.theirsAt("cooling", "2.0", time.Hour)
	w.cooldown("main", 3*day)
	s := httptest.NewServer(w.handlers[0])
	defer s.Close()
	for what, path := range w.addresses("", "cooling", fresh) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path, nil)
		w.must(err)
		r.SetBasicAuth("__token__", w.admin.Reveal())
		out, err := http.DefaultClient.Do(r)
		w.must(err)
		w.must(out.Body.Close())
		want := "403 held: cooldown until " + policy.Date(w.clock().Add(3*day-time.Hour)) +
			" https://index.example/main/held/cooling/2.0/"
		if out.Status != want {
			t.Errorf("%s = %q, want %q", what, out.Status, want)
		}
	}
}

// TestHeldFilesCanBeHidden: a repository may leave out held files, with the versions that have no others.
func TestHeldFilesCanBeHidden(t *testing.T) {
	w := newRuling(t)
	old, fresh := w.theirsAt("cooling", "1.0", 30*day), w.theirsAt("cooling", "2.0", time.Hour)
	hidden := catalog.ShowHidden
	w.set("main", catalog.RepositoryChange{ShowHeld: &hidden})
	w.cooldown("main", 3*day)
	l := w.list("", "cooling")
	if l.yanked(old) != "" || l.yanked(fresh) != "absent" || !slices.Equal(l.Versions, []string{"1.0"}) {
		t.Errorf("the page lists %v %q", l.Files, l.Versions)
	}
	if out := w.call(0, w.admin, http.MethodGet, "/pypi/cooling/2.0/json", nil); out.Code != http.StatusNotFound {
		t.Errorf("JSON of the hidden release = %d", out.Code)
	}
	out := w.call(0, w.admin, http.MethodGet, w.addresses("", "cooling", fresh)["file"], nil)
	if out.Code != http.StatusForbidden || !strings.Contains(out.Body.String(), "held: cooldown") {
		t.Errorf("the hidden file = %d %s", out.Code, out.Body)
	}
}

// TestStrictestAlongTheChain: a file is held through a repository if any repository on the way to its upstream holds
// it, and an exemption lifts the holds of its own repository only.
func TestStrictestAlongTheChain(t *testing.T) {
	w := newRuling(t)
	f := w.theirsAt("cooling", "2.0", 4*day)
	w.repository("middle", access.NoRole, "main")
	w.repository("team", access.NoRole, "middle")
	w.repository("beside", access.NoRole, "main")
	state := func(tree string) string {
		t.Helper()
		text, _, _ := strings.Cut(w.list(tree, "cooling").yanked(f), " https:")
		return text
	}
	until := func(d time.Duration) string {
		return "held: cooldown until " + policy.Date(w.clock().Add(d))
	}
	for _, tree := range []string{"", "/r/middle", "/r/team", "/r/beside"} {
		if got := state(tree); got != "" {
			t.Errorf("without any rule, %q has %q", tree, got)
		}
	}
	w.cooldown("middle", 7*day)
	for tree, want := range map[string]string{
		"": "", "/r/middle": until(3 * day), "/r/team": until(3 * day), "/r/beside": "",
	} {
		if got := state(tree); got != want {
			t.Errorf("with a cooldown of middle, %q has %q, want %q", tree, got, want)
		}
	}
	w.cooldown("team", 6*day)
	w.cooldown("main", 5*day)
	for tree, want := range map[string]string{
		"": until(day), "/r/middle": until(3 * day), "/r/team": until(3 * day), "/r/beside": until(day),
	} {
		if got := state(tree); got != want {
			t.Errorf("with a cooldown of each, %q has %q, want %q", tree, got, want)
		}
	}
	middle, err := w.replicas[0].Index.Repository(t.Context(), w.replicas[0].Operator, "middle")
	w.must(err)
	w.decide("cooling", holds.Standing{Exempt: map[string]map[string]policy.Exemption{middle.ID: {
		f.SHA256(): {ID: "e", Since: w.clock(), EndsAt: w.clock().Add(day)},
	}}})
	for tree, want := range map[string]string{
		"": until(day), "/r/middle": until(day), "/r/team": until(2 * day), "/r/beside": until(day),
	} {
		if got := state(tree); got != want {
			t.Errorf("with an exemption of middle, %q has %q, want %q", tree, got, want)
		}
	}
}

// TestRenderingEndsWhenADecisionChanges: without any request to the upstream, any change of the index or a restart,
// each form of a page changes at the moment at which time alone changes a decision about one of its files, for each
// kind of such a moment, and not before.
func TestRenderingEndsWhenADecisionChanges(t *testing.T) {
	type moment struct {
		name    string
		prepare func(*ruling, packagingtest.File)
		after   time.Duration
		before  bool // whether the file is held before
	}
	exempt := func(since, ends time.Duration) func(*ruling, packagingtest.File) {
		return func(w *ruling, f packagingtest.File) {
			main, err := w.replicas[0].Index.Repository(t.Context(), w.replicas[0].Operator, "main")
			w.must(err)
			w.cooldown("main", 300*day)
			w.decide("moving", holds.Standing{Exempt: map[string]map[string]policy.Exemption{main.ID: {
				f.SHA256(): {ID: "e", Since: w.clock().Add(since), EndsAt: w.clock().Add(ends)},
			}}})
		}
	}
	for _, m := range []moment{
		{
			"the end of a cooldown", func(w *ruling, _ packagingtest.File) { w.cooldown("main", 3*day) }, 3*day - time.Hour,
			true,
		},
		{"the beginning of an exemption", exempt(2*time.Hour, 9*day), 2 * time.Hour, true},
		{"the end of an exemption", exempt(-time.Hour, 5*day), 5 * day, false},
		{"the age of a feed", func(w *ruling, _ packagingtest.File) {
			w.feeds = policy.Feeds{Name: "osv", OldAt: w.clock().Add(7 * time.Hour)}
			w.change()
		}, 7 * time.Hour, false},
	} {
		t.Run(m.name, func(t *testing.T) {
			w := newRuling(t)
			f := w.theirsAt("moving", "2.0", time.Hour)
			m.prepare(w, f)
			forms := func() (held []bool, tags []string) {
				for _, form := range []struct{ path, accept string }{
					{"/simple/moving/", jsonPage},
					{"/simple/moving/", "text/html"},
					{"/pypi/moving/json", "*/*"},
					{"/pypi/moving/2.0/json", "*/*"},
				} {
					out := w.call(1, w.admin, http.MethodGet, form.path, nil, "Accept", form.accept)
					if out.Code != http.StatusOK {
						t.Fatalf("%s = %d %s", form.path, out.Code, out.Body)
					}
					held = append(held, strings.Contains(out.Body.String(), "held: "))
					tags = append(tags, out.Header().Get("Etag"))
				}
				out := w.call(1, w.admin, http.MethodGet, w.addresses("", "moving", f)["file"], nil)
				return append(held, out.Code == http.StatusForbidden), tags
			}
			all := func(state bool) []bool { return slices.Repeat([]bool{state}, 5) }
			first, tags := forms()
			if !slices.Equal(first, all(m.before)) {
				t.Fatalf("at first held = %v, want %v of each", first, m.before)
			}
			w.public.Forget()
			w.wait(m.after - time.Nanosecond)
			if got, same := forms(); !slices.Equal(got, first) || !slices.Equal(same, tags) {
				t.Errorf("just before, held = %v with the tags %q", got, same)
			}
			w.wait(time.Nanosecond)
			if got, other := forms(); !slices.Equal(got, all(!m.before)) || slices.Equal(other, tags) {
				t.Errorf("at that moment, held = %v with the tags %q", got, other)
			}
			for i, form := range []string{jsonPage, "text/html"} {
				out := w.call(1, w.admin, http.MethodGet, "/simple/moving/", nil, "Accept", form, "If-None-Match", tags[i])
				if out.Code != http.StatusOK {
					t.Errorf("the tag of before gives %d", out.Code)
				}
			}
			if n := w.public.Count("moving", upstreamtest.Page); n > 0 {
				t.Errorf("the upstream was asked for the page %d times", n)
			}
		})
	}
}

// TestMaxAgeEndsWhenADecisionChanges: a client that may keep pages for a while does not keep one beyond the moment.
func TestMaxAgeEndsWhenADecisionChanges(t *testing.T) {
	w := newRuling(t)
	w.theirsAt("moving", "2.0", time.Hour)
	w.cooldown("main", 3*day)
	h := w.serveWith(simpleapi.Options{MaxAge: 10 * time.Minute})
	ask := func() string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/simple/moving/", nil)
		r.SetBasicAuth("__token__", w.admin.Reveal())
		out := httptest.NewRecorder()
		h.ServeHTTP(out, r)
		return out.Header().Get("Cache-Control")
	}
	left := 3*day - time.Hour
	for _, c := range []struct {
		left time.Duration
		want string
	}{
		{2 * time.Hour, "private, max-age=600"},
		{10 * time.Minute, "private, max-age=600"},
		{599*time.Second + 900*time.Millisecond, "private, max-age=599"},
		{time.Second, "private, max-age=1"},
		{time.Second - 1, "private, no-cache"},
		{1, "private, no-cache"},
		{0, "private, max-age=600"},
	} {
		w.wait(left - c.left)
		left = c.left
		if got := ask(); got != c.want {
			t.Errorf("%v before the moment, Cache-Control = %q, want %q", c.left, got, c.want)
		}
	}
}

// TestDeniedContentOfThisIndex: what an administrator denied is refused in every repository that has the content, with
// the reason, and shown to nobody who could not read it before.
func TestDeniedContentOfThisIndex(t *testing.T) {
	w := newRuling(t)
	w.repository("team", access.NoRole)
	w.repository("closed", access.NoRole, "team")
	bad, good := packagingtest.Wheel("ours", "2.0", "bad"), packagingtest.Wheel("ours", "1.0", "good")
	for _, tree := range []string{"", "/r/team"} {
		w.publish(tree, bad)
		w.publish(tree, good)
	}
	own := func(tree string, f packagingtest.File) string { return tree + "/packages/" + f.SHA256() + "/" + f.Name }
	for _, tree := range []string{"", "/r/team", "/r/closed"} {
		if got := w.list(tree, "ours").yanked(bad); got != "" {
			t.Errorf("before, %q lists it as yanked: %s", tree, got)
		}
	}
	stranger := w.user("stranger")
	w.decide("ours", holds.Standing{Contents: map[string]*policy.Denial{bad.SHA256(): {
		ID: "d", Reason: "a stolen token",
	}}})
	for _, tree := range []string{"", "/r/team", "/r/closed"} {
		l := w.list(tree, "ours")
		if got := l.yanked(bad); !strings.HasPrefix(got, "denied: denylist, a stolen token https://index.example/") {
			t.Errorf("%q lists it with %q", tree, got)
		}
		if got := l.yanked(good); got != "" {
			t.Errorf("%q lists the other file with %q", tree, got)
		}
		for _, path := range []string{own(tree, bad), own(tree, bad) + ".metadata"} {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				out := w.call(1, w.admin, method, path, nil, "If-None-Match", `"`+bad.SHA256()+`"`)
				if out.Code != http.StatusForbidden || out.Header().Get("X-Index-Hold") != "denylist" ||
					out.Header().Get("Etag") != "" || bytes.Contains(out.Body.Bytes(), bad.Metadata) {
					t.Errorf("%s %s = %d %v %s", method, path, out.Code, out.Header(), out.Body)
				}
				if out := w.call(1, stranger, method, path, nil); tree != "" && out.Code != http.StatusNotFound {
					t.Errorf("%s %s for somebody who may not read it = %d", method, path, out.Code)
				}
			}
		}
		if out := w.call(1, w.admin, http.MethodGet, own(tree, good), nil); out.Code != http.StatusOK {
			t.Errorf("the other file = %d", out.Code)
		}
		out := w.call(1, w.admin, http.MethodGet, tree+"/pypi/ours/json", nil)
		if !strings.Contains(out.Body.String(), `"version":"1.0"`) || !strings.Contains(out.Body.String(), "a stolen token") {
			t.Errorf("JSON of %q = %s", tree, out.Body)
		}
		if out := w.call(1, w.admin, http.MethodGet, tree+"/integrity/ours/2.0/"+bad.Name+"/provenance", nil); out.Code !=
			http.StatusForbidden {
			t.Errorf("provenance = %d", out.Code)
		}
	}
	w.decide("ours", holds.Standing{
		Contents: map[string]*policy.Denial{bad.SHA256(): {ID: "d", Reason: "a stolen token"}},
		Lifts:    map[string]string{bad.SHA256(): "l"},
	})
	for _, tree := range []string{"", "/r/team", "/r/closed"} {
		if got := w.list(tree, "ours").yanked(bad); got != "" {
			t.Errorf("after the denial was lifted, %q lists it with %q", tree, got)
		}
		if out := w.call(1, w.admin, http.MethodGet, own(tree, bad), nil); out.Code != http.StatusOK {
			t.Errorf("after the denial was lifted, the file = %d", out.Code)
		}
	}
}

// TestDeniedProject: a project that is denied as a whole has an empty page in quarantine, by whichever rule.
func TestDeniedProject(t *testing.T) {
	w := newRuling(t)
	f := w.theirsAt("denied", "1.0", 300*day)
	ours := packagingtest.Wheel("ours-denied", "1.0", "ours")
	w.publish("", ours)
	empty := func(what, project, reason string) {
		t.Helper()
		l := w.list("", project)
		if len(l.Files) > 0 || len(l.Versions) > 0 || l.Status.Status != "quarantined" ||
			!strings.Contains(l.Status.Reason, reason) {
			t.Errorf("%s: the page is %+v, want an empty one with %q", what, l, reason)
		}
		html := w.call(0, w.admin, http.MethodGet, "/simple/"+project+"/", nil, "Accept", "text/html")
		if html.Code != http.StatusOK || strings.Contains(html.Body.String(), "<a ") ||
			!strings.Contains(html.Body.String(), `content="quarantined"`) {
			t.Errorf("%s: HTML = %d %s", what, html.Code, html.Body)
		}
		if out := w.call(0, w.admin, http.MethodGet, "/pypi/"+project+"/json", nil); out.Code == http.StatusOK {
			t.Errorf("%s: JSON = %s", what, out.Body)
		}
	}
	w.decide("denied", holds.Standing{Denials: []policy.Denial{{ID: "d", Reason: "not ours to use"}}})
	w.decide("ours-denied", holds.Standing{Denials: []policy.Denial{{ID: "d", Reason: "withdrawn"}}})
	empty("a denial of an upstream's project", "denied", "denied: denylist, not ours to use")
	empty("a denial of an own project", "ours-denied", "denied: denylist, withdrawn")
	w.refuses("", "denied", f, "denied: denylist, not ours to use", "denylist")
	w.decide("denied", holds.Standing{
		Denials: []policy.Denial{{ID: "d", Reason: "not ours to use"}}, Lifts: map[string]string{f.SHA256(): "l"},
	})
	if l := w.list("", "denied"); l.yanked(f) != "" || l.Status.Status != "active" {
		t.Errorf("with its file lifted, the page is %+v", l)
	}

	w.theirsAt("status", "1.0", 300*day)
	w.public.Change("status", func(p *upstreamtest.Project) { p.Status, p.StatusReason = "quarantined", "malware" })
	empty("a quarantine at the upstream", "status", "denied: status, the project is in quarantine: malware")

	w.configure(func(u *upstream.Upstream) { u.Deny = []string{"re:by-.*"} })
	byName := w.theirsAt("by-name", "1.0", 300*day)
	w.public.Forget()
	empty("a denied name", "by-name", "denied: name")
	w.refuses("", "by-name", byName, "denied: name", "name")
	w.public.AssertNothingAsked(t, "by-name")
}

// TestRulesOfUpstreamFiles: malware, a pin, a digest denied anywhere, and a file that left its page.
func TestRulesOfUpstreamFiles(t *testing.T) {
	w := newRuling(t)
	old, bad := w.theirsAt("rules", "1.0", 300*day), w.theirsAt("rules", "2.0", 300*day)
	text := func(f packagingtest.File) string {
		t.Helper()
		text, _, _ := strings.Cut(w.list("", "rules").yanked(f), " https:")
		return text
	}
	w.malware["rules==2.0"] = "MAL-2026-0001"
	w.change()
	if got := text(bad); got != "denied: advisory MAL-2026-0001" {
		t.Errorf("malware is listed with %q", got)
	}
	if got := text(old); got != "" {
		t.Errorf("another version is listed with %q", got)
	}
	w.refuses("", "rules", bad, "denied: advisory MAL-2026-0001", "advisory")
	w.decide("rules", holds.Standing{Lifts: map[string]string{bad.SHA256(): "l"}})
	if got := text(bad); got != "" {
		t.Errorf("malware that was lifted is listed with %q", got)
	}
	w.decide("rules", holds.Standing{Pins: map[string]string{old.Name: bad.SHA256()}})
	if got := text(old); got != "denied: digest, the content is not the one that this index pinned" {
		t.Errorf("a file with another pin is listed with %q", got)
	}
	w.refuses("", "rules", old, "denied: digest", "digest")
	w.decide("rules", holds.Standing{Pins: map[string]string{old.Name: old.SHA256()}})
	if got := text(old); got != "" {
		t.Errorf("a file with its pin is listed with %q", got)
	}
}

// TestRemovedFiles: a file that left the page of its upstream is held if it was young then, and served by its URL if it
// was old; a repository may hold both or none.
func TestRemovedFiles(t *testing.T) {
	w := newRuling(t)
	w.configure(func(u *upstream.Upstream) {
		u.TTL, u.NegativeTTL, u.StaleWhileRevalidate = time.Second, time.Second, 0
	})
	for _, project := range []string{"some", "whole"} {
		young, old := w.theirsAt(project, "2.0", 20*day), w.theirsAt(project, "1.0", 40*day)
		kept := packagingtest.Wheel(project, "0.1", "kept")
		if project == "some" {
			w.public.Add(kept)
		}
		urls := map[bool]map[string]string{true: w.addresses("", project, young), false: w.addresses("", project, old)}
		w.list("", project)
		if project == "some" {
			w.public.Change(project, func(p *upstreamtest.Project) { p.Files = p.Files[2:] })
		} else {
			w.public.Change(project, func(p *upstreamtest.Project) { p.Files = nil })
			w.public.Remove(project)
		}
		time.Sleep(time.Second + 10*time.Millisecond) // the TTL; no shorter one is possible
		all, err := w.replicas[0].Reader.FilesOf(t.Context(), w.replicas[0].Operator, "main", name(t, project))
		w.must(err)
		for _, f := range all {
			if want := f.Filename != kept.Name; f.Gone != want {
				t.Errorf("%s: FilesOf() says that %s is gone: %t", project, f.Filename, f.Gone)
			}
		}
		if len(all) < 2 {
			t.Errorf("%s: FilesOf() = %+v", project, all)
		}
		for _, keep := range []policy.Removed{policy.KeepOld, policy.KeepNone, policy.KeepAll} {
			w.set("main", catalog.RepositoryChange{KeepRemoved: &keep})
			for isYoung, all := range urls {
				for what, path := range all {
					out := w.call(0, w.admin, http.MethodGet, path, nil)
					held := out.Code == http.StatusForbidden && strings.Contains(out.Body.String(), "held: removed upstream")
					if what == "provenance" {
						continue // of a file that is served it is missing
					}
					if want := keep == policy.KeepNone || keep == policy.KeepOld && isYoung; held != want {
						t.Errorf("%s: %s of a file (young: %t) with keep_removed %q = %d %s", project, what, isYoung, keep, out.Code,
							out.Body)
					}
				}
			}
		}
	}
}

// TestObserve: a repository that observes serves what its rules would hold, counts it, and logs it once an hour.
func TestObserve(t *testing.T) {
	w := newRuling(t)
	f := w.theirsAt("observed", "2.0", time.Hour)
	yes := true
	w.cooldown("main", 3*day)
	w.set("main", catalog.RepositoryChange{Observe: &yes})
	if got := w.list("", "observed").yanked(f); got != "" {
		t.Errorf("the file is listed with %q", got)
	}
	path := w.addresses("", "observed", f)["file"]
	counted := policy.Counted{Rule: policy.RuleCooldown, Verdict: policy.Hold, Observed: true}
	for n, wait := range []time.Duration{0, 0, 59 * time.Minute, 2 * time.Minute} {
		w.wait(wait)
		if out := w.call(0, w.admin, http.MethodGet, path, nil); out.Code != http.StatusOK {
			t.Fatalf("the file = %d %s", out.Code, out.Body)
		}
		if got := w.replicas[0].Reader.Decisions()[counted]; got != int64(n+1) {
			t.Errorf("after %d downloads, %d were counted", n+1, got)
		}
	}
	if n := strings.Count(w.log.String(), "rule=cooldown"); n != 2 || !strings.Contains(w.log.String(), f.Name) {
		t.Errorf("it was logged %d times: %s", n, w.log.String())
	}
}

// TestAgeOfFiles: the age counts from the stated upload if it can be true, and otherwise from when this index first saw
// the file, or from the line in the sand for what was there already.
func TestAgeOfFiles(t *testing.T) {
	w := newRuling(t)
	for _, c := range []struct {
		name    string
		stated  time.Duration // before now; 0 for none
		since   time.Duration // the line in the sand, before now; 0 for none
		trusted bool
		want    time.Duration // until the file is served; 0 if it is
	}{
		{name: "old", stated: 4 * day, trusted: true},
		{name: "new", stated: day, trusted: true, want: 2 * day},
		{name: "not-stated", trusted: true, want: 3 * day},
		{name: "not-trusted", stated: 4 * day, want: 3 * day},
		{name: "in-the-future", stated: -4 * day, trusted: true, want: 3 * day},
		{name: "before-any-index", stated: 30 * 365 * day, trusted: true, want: 3 * day},
		{name: "first-page", since: 2 * day, trusted: true, want: day},
		{name: "first-page-long-after", since: 9 * day, trusted: true},
		{name: "stated-after-the-line", stated: day, since: 2 * day, trusted: true, want: 2 * day},
	} {
		f := w.theirsAt(c.name, "1.0", c.stated)
		if c.stated == 0 {
			w.public.Change(c.name, func(p *upstreamtest.Project) { p.Files[0].Uploaded = time.Time{} })
		}
		w.configure(func(u *upstream.Upstream) { u.TrustTimes = c.trusted })
		since := time.Time{}
		if c.since > 0 {
			since = w.clock().Add(-c.since)
		}
		cooldown := 3 * day
		w.set("main", catalog.RepositoryChange{Cooldown: &cooldown, CooldownSince: &since})
		for _, check := range []struct {
			after time.Duration
			held  bool
		}{{-time.Minute, c.want > 0}, {time.Minute, false}} {
			w.wait(c.want + check.after)
			if got := w.list("", c.name).yanked(f); strings.HasPrefix(got, "held: cooldown") != check.held {
				t.Errorf("%s: %v after the time, it is listed with %q", c.name, check.after, got)
			}
			w.wait(-c.want - check.after)
		}
	}
}

// TestDeniedReleaseOfThisIndex: overviews, feeds and comparisons show nothing of a denied release but its reason.
func TestDeniedReleaseOfThisIndex(t *testing.T) {
	w := newRuling(t)
	bad, good := packagingtest.Wheel("ours", "2.0", "bad"), packagingtest.Wheel("ours", "1.0", "good")
	w.publish("", bad)
	w.publish("", good)
	ctx, a := t.Context(), w.replicas[1]
	project := name(t, "ours")
	if err := a.Reader.RefuseOwn(ctx, a.Operator, "main", project, "1.0", "2.0"); err != nil {
		t.Errorf("before, a comparison is refused: %v", err)
	}
	w.decide("ours", holds.Standing{Denials: []policy.Denial{{ID: "d", Version: "2.0", Reason: "a stolen token"}}})
	feed, err := a.Reader.OwnOverview(ctx, a.Operator, "main", project, "")
	w.must(err)
	if feed.Latest.Version != "1.0" || len(feed.Releases) != 2 {
		t.Errorf("the overview is %+v", feed.Overview)
	}
	for _, s := range feed.Releases {
		if s.Held != (s.Version == "2.0") ||
			s.Held && !strings.HasPrefix(s.YankedReason, "denied: denylist, a stolen token") {
			t.Errorf("the release is %+v", s)
		}
	}
	v, err := a.Reader.View(ctx, a.Operator, "main", project, resolve.Ask{})
	w.must(err)
	o, err := a.Reader.Overview(ctx, a.Operator, v, "2.0")
	w.must(err)
	if len(o.Files) != 1 || !o.Files[0].Held() || o.Metadata.Summary != "" || o.Metadata.Description != "" {
		t.Errorf("the release is shown as %+v with %+v", o.Files, o.Metadata)
	}
	var refused resolve.Refused
	if err := a.Reader.Refuse(v, o.Files[0]); !errors.As(err, &refused) || refused.Decision.Rule != policy.RuleDenylist {
		t.Errorf("a download is refused by %v", err)
	}
	for _, pair := range [][]string{{"1.0", "2.0"}, {"2.0", "1.0"}, {"2.0.0"}} {
		if err := a.Reader.RefuseOwn(ctx, a.Operator, "main", project, pair...); !errors.As(err, &refused) {
			t.Errorf("a comparison of %q is refused by %v", pair, err)
		}
	}
	if err := a.Reader.RefuseOwn(ctx, a.Operator, "main", project, "1.0"); err != nil {
		t.Errorf("the other release is refused: %v", err)
	}
}
