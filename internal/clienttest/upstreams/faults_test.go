package upstreams

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

// aged waits until every page that is held is older than its time, so that the next request asks the upstream.
func aged() { time.Sleep(1100 * time.Millisecond) }

// pair is a client of each kind that installs quickly: pip and uv have their own ways to ask and to fail.
func pair(t *testing.T) []installer {
	t.Helper()
	all := installers(t)
	return []installer{all[len(all)-4], all[len(all)-3]}
}

func newestPip(t *testing.T) []installer { return pair(t)[:1] }

func onlyUV(t *testing.T) []installer { return pair(t)[1:] }

// troubled is a team whose own project needs one of the upstream that was installed before, and one that was not.
func troubled(t *testing.T, stores string, o upstreamtest.Options) *world {
	t.Helper()
	up := upstreamtest.New(t, o)
	up.Add(packagingtest.Wheel("known", "1.0", "known = 1"), packagingtest.Wheel("known", "1.1", "known = 2"))
	up.Add(packagingtest.Wheel("fresh", "1.0", "fresh = 1"))
	w := newTeam(t, stores, up)
	w.put(packagingtest.Wheel("acme-app", "2.0", "app = 1", "Requires-Dist: known"),
		packagingtest.Wheel("acme-lib", "1.0", "lib = 1"))
	up.Add(packagingtest.Wheel("acme-app", "99.0", "evil = 1"))
	return w
}

// onBothPairs runs a test on SQLite with a folder and, in depth, on PostgreSQL with S3 and three replicas. What
// replicas do together with upstreams that fail is the subject of TestUpstreamAway and TestUpstreamLiesAboutFiles,
// which always run on them.
func onBothPairs(t *testing.T, test func(t *testing.T, stores string)) {
	t.Run("sqlite", func(t *testing.T) { test(t, "sqlite") })
	if clienttest.All() {
		t.Run("replicas", func(t *testing.T) { test(t, "replicas") })
	}
}

// works fails t unless every client installs an own project with the project of the upstream that it needs.
func (w *world) works(when, version string) {
	w.t.Helper()
	for _, c := range pair(w.t) {
		site, r := c.install(w.t, w, []string{"acme-app"})
		if r.Code != 0 {
			w.t.Errorf("%s: %s does not install: %s", when, c.name, r.Output())
			continue
		}
		if got := installed(w.t, site); got["acme-app"] != "2.0" || got["known"] != version {
			w.t.Errorf("%s: %s installed %v, want known %s", when, c.name, got, version)
		}
	}
}

// fails fails t unless every client refuses to install a project, and none installs anything.
func (w *world) fails(when, project string) {
	w.t.Helper()
	for _, c := range pair(w.t) {
		site, r := c.install(w.t, w, []string{project})
		if got := installed(w.t, site); r.Code == 0 || len(got) > 0 {
			w.t.Errorf("%s: %s installs %s: %v", when, c.name, project, got)
		}
	}
}

// While the upstream is away, what was read before is installed, and marked as old; own projects do not notice; a new
// name is an error of the gateway, never "not found". Afterwards everything works.
func TestUpstreamAway(t *testing.T) {
	away := func(t *testing.T, stores string) {
		t.Parallel()
		w := troubled(t, stores, upstreamtest.Options{})
		w.works("at first", "1.1")
		w.up.Kill()
		aged()
		w.works("while it is away", "1.1")
		a := w.page("known")
		if a.status != http.StatusOK || a.header.Get("X-Index-Stale") == "" || a.header.Get("Age") == "" {
			t.Errorf("an old page = %d, headers %v", a.status, a.header)
		}
		if a := w.page("fresh"); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("a new name = %d, Retry-After %q, want 503", a.status, a.header.Get("Retry-After"))
		}
		for _, c := range pair(t) {
			_, r := c.install(t, w, []string{"acme-lib"})
			r.OK(t)
		}
		if err := w.up.Revive(); err != nil {
			t.Fatal(err)
		}
		w.up.Add(packagingtest.Wheel("known", "1.2", "known = 3"))
		w.comesBack("known", "known-1.2-")
		w.comesBack("fresh", "fresh-1.0-")
		w.works("when it is back", "1.2")
	}
	t.Run("sqlite", func(t *testing.T) { away(t, "sqlite") })
	t.Run("replicas", func(t *testing.T) { away(t, "replicas") })
}

// A slow upstream delays, and does nothing else.
func TestUpstreamSlow(t *testing.T) {
	onBothPairs(t, func(t *testing.T, stores string) {
		w := troubled(t, stores, upstreamtest.Options{Latency: 200 * time.Millisecond, Bandwidth: 100_000})
		w.works("slowly", "1.1")
		w.up.Fail(upstreamtest.Fault{Kind: upstreamtest.Slow, For: 2 * time.Second})
		aged()
		w.works("slower", "1.1")
		start := time.Now()
		for range 20 {
			if a := w.page("acme-lib"); a.status != http.StatusOK {
				t.Fatalf("an own page = %d", a.status)
			}
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("20 own pages took %v beside a slow upstream", took)
		}
	})
}

// comesBack waits until every replica reads a project's page from the upstream again.
func (w *world) comesBack(project, file string) {
	w.t.Helper()
	var a answer
	const enough = 12 // answers in a row, of replicas that take turns
	seen := 0
	for deadline := time.Now().Add(90 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if a = w.page(project); a.status != http.StatusOK || !strings.Contains(a.body, file) {
			seen = 0
		} else if seen++; seen == enough {
			return
		}
	}
	w.t.Errorf("%s does not come back: %d %.200s", project, a.status, a.body)
}

var (
	pages = []upstreamtest.What{upstreamtest.Page}
	files = []upstreamtest.What{upstreamtest.Content}
)

// A page that is not one changes nothing: the page that is held is used, and marked; a new name is an error of the
// gateway. When the upstream is well, the name is there.
func TestUpstreamLies(t *testing.T) {
	elsewhere := upstreamtest.New(t, upstreamtest.Options{})
	for _, f := range []upstreamtest.Fault{
		{Kind: upstreamtest.ErrorPage},
		{Kind: upstreamtest.Truncated},
		{Kind: upstreamtest.Stalled},
		{Kind: upstreamtest.Huge},
		{Kind: upstreamtest.Bomb},
		{Kind: upstreamtest.NewMajor},
		{Kind: upstreamtest.Loop},
		{Kind: upstreamtest.Elsewhere, To: "ftp://127.0.0.1/simple/"},
		{Kind: upstreamtest.Elsewhere, To: elsewhere.Base() + "/login"},
		{Kind: upstreamtest.Status, Status: http.StatusInternalServerError},
		{Kind: upstreamtest.Status, Status: http.StatusForbidden},
		{Kind: upstreamtest.Status, Status: http.StatusUnauthorized},
		{Kind: upstreamtest.Status, Status: http.StatusTooManyRequests, RetryAfter: "1"},
	} {
		name := strings.TrimSpace(fmt.Sprint(f.Kind, " ", strings.TrimPrefix(f.To, elsewhere.Base())))
		if f.Status != 0 {
			name = fmt.Sprint(f.Status)
		}
		f.What = pages
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := troubled(t, "sqlite", upstreamtest.Options{})
			w.comesBack("known", "known-1.1-")
			w.up.Fail(f)
			aged()
			if a := w.page("known"); a.status != http.StatusOK || !strings.Contains(a.body, "known-1.1-") ||
				a.header.Get("X-Index-Stale") == "" {
				t.Errorf("the page that is held = %d, %v, %.200s", a.status, a.header, a.body)
			}
			a := w.page("fresh")
			if a.status != http.StatusBadGateway && a.status != http.StatusServiceUnavailable ||
				a.header.Get("Retry-After") == "" {
				t.Errorf("a new name = %d, Retry-After %q: %.200s", a.status, a.header.Get("Retry-After"), a.body)
			}
			w.up.Mend()
			w.comesBack("fresh", "fresh-1.0-")
		})
	}
}

// A page with a lower serial is an old one: what was listed stays listed.
func TestUpstreamLowerSerial(t *testing.T) {
	t.Parallel()
	w := troubled(t, "sqlite", upstreamtest.Options{})
	w.comesBack("known", "known-1.1-")
	w.up.Fail(upstreamtest.Fault{Kind: upstreamtest.LowerSerial, What: pages})
	for range 3 {
		aged()
		if a := w.page("known"); a.status != http.StatusOK || !strings.Contains(a.body, "known-1.1-") {
			t.Errorf("with a lower serial = %d, %.300s", a.status, a.body)
		}
	}
	w.up.Mend()
	w.up.Add(packagingtest.Wheel("known", "1.2", "known = 3"))
	w.comesBack("known", "known-1.2-")
}

// While every page has 100 MB, clients install what was read before, and nothing that was not.
func TestUpstreamHuge(t *testing.T) {
	onBothPairs(t, func(t *testing.T, stores string) {
		t.Parallel()
		w := troubled(t, stores, upstreamtest.Options{})
		w.works("at first", "1.1")
		w.up.Fail(upstreamtest.Fault{Kind: upstreamtest.Huge, What: pages})
		aged()
		w.works("with pages of 100 MB", "1.1")
		w.fails("with pages of 100 MB", "fresh")
		w.up.Mend()
		w.comesBack("fresh", "fresh-1.0-")
		w.works("when it is well", "1.1")
	})
}

// A file with other bytes than its page states reaches no client as a complete file, and is not kept: the right one is
// installed as soon as the upstream sends it.
func TestUpstreamLiesAboutFiles(t *testing.T) {
	for _, kind := range []upstreamtest.Kind{
		upstreamtest.OtherBytes, upstreamtest.Truncated, upstreamtest.Longer, upstreamtest.ErrorPage, upstreamtest.Gzip,
		upstreamtest.Elsewhere, upstreamtest.Status,
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			w := troubled(t, "sqlite", upstreamtest.Options{})
			w.lies(kind)
		})
	}
	t.Run("replicas", func(t *testing.T) {
		t.Parallel()
		w := troubled(t, "replicas", upstreamtest.Options{})
		w.lies(upstreamtest.OtherBytes)
		w.fails("with other bytes", "fresh")
	})
}

func (w *world) lies(kind upstreamtest.Kind) {
	w.t.Helper()
	w.up.Fail(upstreamtest.Fault{Kind: kind, What: files, To: w.up.Base() + "/login"})
	at := w.fileOf("fresh")
	for range 3 {
		if a := w.get(at); a.status == http.StatusOK && a.err == nil {
			w.t.Errorf("a complete response of %d bytes", len(a.body))
		}
	}
	w.up.Mend()
	w.recovers(at)
}

// recovers waits until a file that was refused is served: after a wrong digest, it is denied for some minutes unless
// the operator allows it again, so only its status is checked then.
func (w *world) recovers(at string) {
	w.t.Helper()
	a := w.get(at)
	switch {
	case a.status == http.StatusOK && a.err == nil:
		site, r := uvInstall(w.t, w, []string{"fresh"})
		r.OK(w.t)
		if installed(w.t, site)["fresh"] != "1.0" {
			w.t.Errorf("fresh is not installed when the upstream is well")
		}
	case a.status != http.StatusForbidden && a.status != http.StatusBadGateway &&
		a.status != http.StatusServiceUnavailable:
		w.t.Errorf("when the upstream is well: %d, %v", a.status, a.err)
	}
}

// fileOf returns the path of the first file of a project.
func (w *world) fileOf(project string) string {
	w.t.Helper()
	a := w.page(project)
	var page struct {
		Files []struct{ URL string }
	}
	if err := json.Unmarshal([]byte(a.body), &page); err != nil || len(page.Files) == 0 {
		w.t.Fatalf("page of %s: %d, %v, %.300s", project, a.status, err, a.body)
	}
	at := strings.TrimPrefix(page.Files[0].URL, w.url)
	if !strings.HasPrefix(at, "/") || strings.Contains(at, "?") {
		w.t.Errorf("a link of %s is not path-only: %s", project, page.Files[0].URL)
	}
	return at
}

// A digest that was stated once holds: clients install the file that they would have installed before.
func TestUpstreamOtherDigest(t *testing.T) {
	t.Parallel()
	w := troubled(t, "sqlite", upstreamtest.Options{})
	w.works("at first", "1.1")
	before := w.page("known").body
	w.up.Fail(upstreamtest.Fault{Kind: upstreamtest.OtherDigest, What: pages})
	aged()
	w.works("while the page states other digests", "1.1")
	digest := between(before, `"sha256":"`, `"`)
	if digest == "" || !strings.Contains(w.page("known").body, digest) {
		t.Errorf("the digest that was stated first, %s, is gone", digest)
	}
}

func between(s, before, after string) string {
	_, s, _ = strings.Cut(s, before)
	s, _, _ = strings.Cut(s, after)
	return s
}
