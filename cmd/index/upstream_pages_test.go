//go:build !windows

package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/upstreamtest"
)

// drawing makes the repository team, which draws on main, the secret repository and an upstream.
func (x *fixture) drawing(t *testing.T, change ...func(*upstream.Upstream)) *upstreamtest.Server {
	t.Helper()
	from := upstreamtest.New(t, upstreamtest.Options{})
	u := upstream.Default()
	u.Name, u.URL, u.AllowPrivate = "faraway", from.URL(), true
	for _, f := range change {
		f(&u)
	}
	ctx, op := t.Context(), x.app.Operator
	if err := x.app.Upstreams.Add(ctx, op, u); err != nil {
		t.Fatal(err)
	}
	bases := []catalog.Base{
		catalog.ParseBase("main"), catalog.ParseBase(secret), catalog.ParseBase("upstream:faraway"),
	}
	err := x.app.Index.AddRepository(ctx, op, catalog.NewRepository{Name: "team", Members: access.Reader, Bases: bases})
	if err != nil {
		t.Fatal(err)
	}
	return from
}

// have adds a project with every field to the upstream.
func have(from *upstreamtest.Server) {
	from.Add(
		packagingtest.Wheel("rocket", "1.0", "x"),
		packagingtest.Wheel("rocket", "2.0", "x", "Summary: Flies to the moon", "Requires-Python: >=3.9",
			"Requires-Dist: fuel>=1", "Description-Content-Type: text/markdown", "",
			"# Rocket\n\nA <script>alert(1)</script> *fast* one."),
		packagingtest.SDist("rocket", "2.0", "x"),
		packagingtest.Wheel("rocket", "3.0rc1", "x"),
	)
	from.Change("rocket", func(p *upstreamtest.Project) {
		p.Files[0].Yanked, p.Files[0].YankedReason = true, "explodes"
		p.Files[1].Provenance = []byte(`{"version": 1, "attestation_bundles": []}`)
		p.Files[3].NoSHA256 = true
	})
}

func contains(t *testing.T, got *httptest.ResponseRecorder, status int, want ...string) {
	t.Helper()
	if got.Code != status {
		t.Fatalf("the page = %d, want %d: %s", got.Code, status, got.Body)
	}
	for _, text := range want {
		if !strings.Contains(got.Body.String(), text) {
			t.Errorf("the page does not have %q:\n%s", text, got.Body)
		}
	}
}

func lacks(t *testing.T, got *httptest.ResponseRecorder, unwanted ...string) {
	t.Helper()
	for _, text := range unwanted {
		if strings.Contains(got.Body.String(), text) {
			t.Errorf("the page has %q:\n%s", text, got.Body)
		}
	}
}

func TestProjectPageOfAnUpstream(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	have(from)
	from.Fail(upstreamtest.Fault{Kind: upstreamtest.Status, What: []upstreamtest.What{upstreamtest.Content}})

	at := "/r/team/project/rocket/"
	got := x.visit(t, http.MethodGet, at, "stranger", "")
	contains(t, got, http.StatusOK, "From the upstream <strong>faraway</strong>", "Flies to the moon", "read <time",
		"rocket-2.0-py3-none-any.whl", "rocket-2.0.tar.gz", "attested at faraway", "&gt;=3.9", "<em>fast</em>", "fuel",
		"1 file waits", "http://h.example/r/team/simple/ rocket", `href="/r/team/project/rocket/1.0/"`,
		"rocket-2.0-py3-none-any.whl.metadata", "2021")
	lacks(t, got, "<script>alert", "Downloads</dt>", "Contacts", "/manage/project/rocket", "releases.xml", "Required by",
		"3.0rc1", "verified on upload", "/versions/follow/", "/diff/", "simple/ rocket==")

	got = x.visit(t, http.MethodGet, at+"1.0/", "stranger", "")
	contains(t, got, http.StatusOK, "This release was yanked", "Reason: explodes", "Yanked because: explodes",
		"simple/ rocket==1.0")
	got = x.visit(t, http.MethodGet, at+"versions/", "stranger", "")
	contains(t, got, http.StatusOK, "From the upstream <strong>faraway</strong>", "2.0", "1.0", "yanked")
	contains(t, x.visit(t, http.MethodGet, at+"9.9/", "stranger", ""), http.StatusNotFound, "Project page of rocket")

	if asked := from.Count("rocket", upstreamtest.Page); asked != 1 {
		t.Errorf("the upstream was asked %d times for the page", asked)
	}
}

// The status that an upstream states is shown with its reason, and a project in quarantine there offers nothing.
func TestStatusOfAnUpstreamOnPages(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	for status, want := range map[string]string{
		"archived": "This project is archived", "deprecated": "This project is deprecated",
		"quarantined": "This project is in quarantine",
	} {
		name := "rocket-" + status
		from.Add(packagingtest.Wheel(name, "1.0", "x"))
		from.Change(name, func(p *upstreamtest.Project) { p.Status, p.StatusReason = status, "no one flies it" })
		contains(t, x.visit(t, http.MethodGet, "/r/team/project/"+name+"/", "stranger", ""), http.StatusOK, want,
			"no one flies it")
		release := x.visit(t, http.MethodGet, "/r/team/project/"+name+"/1.0/", "stranger", "")
		file := x.visit(t, http.MethodGet, "/r/team/project/"+name+"/1.0/file/rocket_"+status+"-1.0-py3-none-any.whl",
			"stranger", "")
		code := map[bool]int{false: http.StatusOK, true: http.StatusNotFound}[status == "quarantined"]
		if release.Code != code || file.Code != code {
			t.Errorf("%s: the release = %d and its file = %d, want %d", status, release.Code, file.Code, code)
		}
	}
}

// The files and the metadata on a page can be downloaded with the session of a browser.
func TestFilesOfAnUpstreamOnPages(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	have(from)
	wheel := packagingtest.Wheel("rocket", "1.0", "x")

	sent := func() (n int) {
		for _, asked := range from.Asked(upstreamtest.Content) {
			if strings.HasSuffix(asked.Path, "/"+wheel.Name) {
				n++
			}
		}
		return n
	}
	at := "/r/team/project/rocket/1.0/file/" + wheel.Name
	head := x.visit(t, http.MethodHead, at, "stranger", "")
	if head.Code != http.StatusOK || head.Body.Len() != 0 || sent() != 0 {
		t.Errorf("HEAD = %d, and the upstream sent the file %d times", head.Code, sent())
	}
	for range 2 {
		got := x.visit(t, http.MethodGet, at, "stranger", "")
		contains(t, got, http.StatusOK)
		if got.Body.String() != string(wheel.Bytes) || got.Header().Get("Content-Disposition") != "attachment" {
			t.Errorf("the file has %d bytes, and the header %v", got.Body.Len(), got.Header())
		}
	}
	if n := sent(); n != 1 {
		t.Errorf("the upstream sent the file %d times", n)
	}
	contains(t, x.visit(t, http.MethodGet, at+".metadata", "stranger", ""), http.StatusOK, "Name: rocket", "Version: 1.0")
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/1.0/file/other.whl", "stranger", ""),
		http.StatusNotFound)
	if got := x.visit(t, http.MethodGet, at, "nobody", ""); told(got) != "sign-in" {
		t.Errorf("nobody gets %s", told(got))
	}

	from.Fail(upstreamtest.Fault{Kind: upstreamtest.Status, What: []upstreamtest.What{upstreamtest.Content}})
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/2.0/file/rocket-2.0.tar.gz", "stranger", ""),
		http.StatusBadGateway, "An upstream does not answer correctly")
}

func TestProjectPageOfABase(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	from.Add(packagingtest.Wheel(demo, "9.0", "x"))

	got := x.visit(t, http.MethodGet, "/r/team/project/"+demo+"/", "owner", "")
	contains(t, got, http.StatusOK, `From the repository <a href="/project/demo-pkg/">main</a>`,
		"http://h.example/r/team/simple/ "+demo, `href="/manage/project/demo-pkg/releases/"`,
		`href="/r/team/project/demo-pkg/1.0/file/`)
	lacks(t, got, "faraway", "9.0", `/r/team/manage/project/`)
	if got := x.visit(t, http.MethodGet, "/r/team/project/"+demo+"/1.0/file/"+demoFile, "reader", ""); got.Code !=
		http.StatusOK || got.Body.String() != string(x.wheel) {
		t.Errorf("the file of a base = %d, %d bytes", got.Code, got.Body.Len())
	}
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/"+demo+"/versions/", "reader", ""), http.StatusOK,
		"From the repository")
	lacks(t, x.visit(t, http.MethodGet, "/project/"+demo+"/", "reader", ""), "From the repository", "faraway")
	from.AssertNothingAsked(t, demo)
}

// A hidden name gets the answer for a missing one, and no upstream is asked for it.
func TestHiddenPageOfABaseIsMissing(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	if err := x.put(t, secret, packagingtest.Wheel("hush-hush", "1.0", "x")); err != nil {
		t.Fatal(err)
	}
	from.Add(packagingtest.Wheel("hush-hush", "9.0", "x"))
	for _, path := range []string{"", "versions/", "1.0/", "9.0/", "1.0/file/hush_hush-1.0-py3-none-any.whl"} {
		shape := func(name string) string {
			got := x.visit(t, http.MethodGet, "/r/team/project/"+name+"/"+path, "stranger", "")
			body := got.Body.String()
			for _, written := range []string{name, strings.ReplaceAll(name, "-", "_")} {
				body = strings.ReplaceAll(body, written, "NAME")
			}
			return strings.Join([]string{got.Result().Status, body}, "\n")
		}
		hidden, missing := shape("hush-hush"), shape("nix-nix")
		if !strings.HasPrefix(hidden, "404") || hidden != missing {
			t.Errorf("%q: hidden is\n%s\nmissing is\n%s", path, hidden, missing)
		}
	}
	from.AssertNothingAsked(t, "hush-hush")
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/hush-hush/", "administrator", ""), http.StatusOK,
		"From the repository")
	got := x.visit(t, http.MethodGet, "/r/team/search/?q=hush-hush", "stranger", "")
	lacks(t, got, "/project/hush-hush/")
}

func TestProjectPageOfAReservedName(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	from.Add(packagingtest.Wheel("acme-core", "1.0", "x"))
	if _, err := x.app.Index.Reserve(t.Context(), x.app.Operator,
		catalog.NewReservation{Repository: "team", Pattern: "acme", Reason: "ours"}); err != nil {
		t.Fatal(err)
	}
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/acme-core/", "stranger", ""), http.StatusOK,
		"This name is reserved")
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/acme-core/", "administrator", ""), http.StatusOK,
		"This name is reserved", "/r/team/manage/upload/")
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/acme-core/versions/", "stranger", ""), http.StatusOK)
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/acme-core/1.0/", "stranger", ""), http.StatusNotFound)
	from.AssertNothingAsked(t, "acme-core")
}

func TestProjectPageOfBoth(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	have(from)
	name, err := packaging.ParseProjectName("rocket")
	if err != nil {
		t.Fatal(err)
	}
	if err := x.app.Index.SetOrigin(t.Context(), x.app.Operator, catalog.NewRuling{
		Repository: "team", Name: name, Origin: catalog.Both, Reason: "we patch its engine",
	}); err != nil {
		t.Fatal(err)
	}
	if err := x.put(t, "team", packagingtest.Wheel("rocket", "2.0+acme.1", "x", "Summary: patched")); err != nil {
		t.Fatal(err)
	}
	got := x.visit(t, http.MethodGet, "/r/team/project/rocket/", "stranger", "")
	contains(t, got, http.StatusOK, "From this repository and the upstream <strong>faraway</strong>",
		"Reason: we patch its engine", "decided <time", "patched", "2.0&#43;acme.1", "Downloads</dt>",
		`href="/r/team/project/rocket/2.0/"`)
	got = x.visit(t, http.MethodGet, "/r/team/project/rocket/2.0/", "stranger", "")
	contains(t, got, http.StatusOK, "Flies to the moon", "attested at faraway", "This is not the latest release")
	got = x.visit(t, http.MethodGet, "/r/team/project/rocket/2.0+acme.1/file/rocket-2.0+acme.1-py3-none-any.whl",
		"stranger", "")
	contains(t, got, http.StatusOK)
}

// A failing upstream is no missing project, and an old page says so.
func TestProjectPageOfAFailingUpstream(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t, func(u *upstream.Upstream) { u.TTL = time.Second })
	have(from)
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/", "stranger", ""), http.StatusOK)
	from.Fail(upstreamtest.Fault{Kind: upstreamtest.Status, Status: http.StatusInternalServerError})
	time.Sleep(1100 * time.Millisecond)
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/", "stranger", ""), http.StatusOK,
		"This may be out of date")
	for _, path := range []string{
		"/r/team/project/lander/", "/r/team/project/lander/1.0/", "/r/team/project/lander/versions/",
	} {
		got := x.visit(t, http.MethodGet, path, "stranger", "")
		contains(t, got, http.StatusBadGateway, "An upstream does not answer correctly",
			"The upstream faraway does not answer correctly, and this name may be one of its projects",
			"try again later", "index upstream check faraway")
		if got.Header().Get("Retry-After") == "" {
			t.Errorf("%s has no Retry-After", path)
		}
	}
}

func TestProjectPageOfASilentUpstream(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	x.drawing(t).Kill()
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/orbiter/", "stranger", ""), http.StatusServiceUnavailable,
		"The upstream faraway does not answer, and this name")
}

// An upstream's name that was read before is found by its whole name, and nothing is asked.
func TestSearchOffersNamesFromElsewhere(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	have(from)
	look := func(visitor, query string) *httptest.ResponseRecorder {
		return x.visit(t, http.MethodGet, "/r/team/search/?q="+query, visitor, "")
	}
	got := look("stranger", "rocket")
	contains(t, got, http.StatusOK, "No matching projects", `href="/r/team/project/rocket/"`, "look for rocket there")
	from.AssertNothingAsked(t, "rocket")

	contains(t, x.visit(t, http.MethodGet, "/r/team/project/rocket/", "stranger", ""), http.StatusOK)
	from.Forget()
	got = look("stranger", "Rocket")
	contains(t, got, http.StatusOK, `<a class="name" href="/r/team/project/rocket/">rocket</a>`,
		"from the upstream faraway")
	lacks(t, got, "No matching projects")
	got = look("owner", demo)
	contains(t, got, http.StatusOK, `<a class="name" href="/r/team/project/demo-pkg/">demo-pkg</a>`,
		"from the repository main")
	lacks(t, x.visit(t, http.MethodGet, "/search/?q=rocket", "stranger", ""), "/project/rocket/")
	from.AssertNothingAsked(t, "rocket")
}

func TestUpstreamPageShowsHealth(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	have(from)
	at := "/r/team/project/rocket/"
	for range 3 {
		contains(t, x.visit(t, http.MethodGet, at, "stranger", ""), http.StatusOK)
	}
	contains(t, x.visit(t, http.MethodGet, at+"2.0/file/rocket-2.0.tar.gz", "stranger", ""), http.StatusOK)
	from.Fail(upstreamtest.Fault{Kind: upstreamtest.Status, Status: http.StatusInternalServerError})
	contains(t, x.visit(t, http.MethodGet, "/r/team/project/lander/", "stranger", ""), http.StatusBadGateway)
	contains(t, x.visit(t, http.MethodGet, "/admin/upstream/faraway/", "administrator", ""), http.StatusOK,
		"<dt>Latency</dt><dd>", "s for half, ", "after asking</dd>", "<dt>Errors</dt><dd>1,", "for all upstreams",
		"The last request failed")
	contains(t, x.visit(t, http.MethodGet, "/admin/upstreams/", "administrator", ""), http.StatusOK,
		"% of pages without asking", "failing")
}
