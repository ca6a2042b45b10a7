package resolve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
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
	w := &ruling{
		world: newWorld(t, t.TempDir(), "sqlite:"+t.TempDir()+"/index.db", "file://"+t.TempDir(), args...),
		now:   time.Now().Truncate(time.Second), standings: map[string]*holds.Standing{}, malware: map[string]string{},
	}
	for i, a := range w.replicas {
		a.Reader = resolve.New(a.Index.Index, resolve.Options{
			Upstreams: a.Upstreams, Pages: a.Pages, Files: a.Files, Offline: slices.Contains(args, "--offline"),
			Rulings: w, Advisories: feeds{w}, Now: w.clock, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
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
				nil, {"If-None-Match", `"` + f.SHA256() + `"`}, {"If-None-Match", "*"}, {"Range", "bytes=0-9"}, {"Range", "bytes=-5"},
				{"Accept", "application/problem+json"}, {"Accept", "application/json"}, {"Cache-Control", "no-cache"},
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

// TestStrictestAlongTheChain: a file is held through a repository if any repository on the way to its upstream holds it,
// and an exemption lifts the holds of its own repository only.
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
	for tree, want := range map[string]string{"": "", "/r/middle": until(3 * day), "/r/team": until(3 * day), "/r/beside": ""} {
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

// TestRenderingEndsWhenADecisionChanges: without any request to the upstream, any change of the index or a restart, each
// form of a page changes at the moment at which time alone changes a decision about one of its files, for each kind of
// such a moment, and not before.
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
		{"the end of a cooldown", func(w *ruling, _ packagingtest.File) { w.cooldown("main", 3*day) }, 3*day - time.Hour, true},
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
