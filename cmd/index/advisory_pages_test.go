//go:build !windows

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/advisory"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/policy"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/upstreamtest"
)

// imported imports records about releases, by id, into the feed "local". Each has a summary, and is fixed in 3.0.
func (x *fixture) imported(t *testing.T, about map[string][2]string) {
	t.Helper()
	from := func(_ context.Context, each func(string, []byte, error) error) error {
		for id, release := range about {
			err := each(id, fmt.Appendf(nil, `{"id":%[1]q,"modified":"2026-01-02T00:00:00Z","summary":"about %[2]s <b>",`+
				`"references":[{"type":"WEB","url":"javascript:alert(1)"},{"type":"WEB","url":"https://advisories.example/%[1]s"}],`+
				`"affected":[{"package":{"ecosystem":"PyPI","name":%[2]q},"versions":[%[3]q],`+
				`"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":%[3]q},{"fixed":"3.0"}]}]}]}`,
				id, release[0], release[1]), nil)
			if err != nil {
				return err
			}
		}
		return nil
	}
	_, err := x.app.Advisories.Import(t.Context(), x.app.Operator, "local", from, advisory.ImportOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// TestAdvisoriesOnProjectPages: a release of an upstream shows what the feeds state about it to those who may read it.
// One of this index does not, whatever a feed states about its name.
func TestAdvisoriesOnProjectPages(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	for _, v := range []string{"1.0", "2.0", "3.0"} {
		from.Add(packagingtest.Wheel("rocket", v, "x"))
	}
	x.imported(t, map[string][2]string{
		"GHSA-old": {"rocket", "1.0"}, "MAL-2026-1": {"rocket", "2.0"}, "GHSA-own": {demo, "1.0"},
	})
	const about = `aria-label="Advisories"`
	at := "/r/team/project/rocket/"
	for _, who := range []string{"stranger", "administrator"} {
		got := x.visit(t, http.MethodGet, at+"1.0/", who, "")
		contains(t, got, http.StatusOK, about, "1 advisory is about this release", "GHSA-old", "about rocket",
			"Fixed in 3.0.")
		lacks(t, got, "MAL-2026-1", ">malicious<")
		got = x.visit(t, http.MethodGet, at+"2.0/", who, "")
		contains(t, got, http.StatusOK, "This release cannot be installed", "denied: advisory MAL-2026-1",
			"MAL-2026-1", ">malicious<")
		lacks(t, x.visit(t, http.MethodGet, at+"3.0/", who, ""), about, "GHSA-old", "MAL-2026-1")
	}
	contains(t, x.visit(t, http.MethodGet, "/r/team/held/rocket/2.0/", "stranger", ""), http.StatusOK, about,
		"denied: advisory MAL-2026-1", "about rocket &lt;b&gt;", "Fixed in 3.0.",
		`<a href="https://advisories.example/MAL-2026-1" rel="nofollow noopener noreferrer">MAL-2026-1</a>`)
	lacks(t, x.visit(t, http.MethodGet, "/r/team/held/rocket/1.0/", "stranger", ""), "javascript:", "MAL-2026-1")
	lacks(t, x.visit(t, http.MethodGet, "/r/team/held/rocket/", "stranger", ""), about)
	for _, who := range []string{"reader", "administrator"} {
		own := x.visit(t, http.MethodGet, "/project/"+demo+"/1.0/", who, "")
		contains(t, own, http.StatusOK, demo)
		lacks(t, own, about, "GHSA-own")
	}
	if got := x.visit(t, http.MethodGet, at+"1.0/", "nobody", ""); strings.Contains(got.Body.String(), "GHSA-old") {
		t.Errorf("a visitor without an account reads the advisory: %d", got.Code)
	}
}

// TestAffectedReleases: administrators read which releases that callers asked for an advisory is about, and who
// downloaded them. The page of a held release says the same to them, and to no other reader.
func TestAffectedReleases(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t)
	for _, v := range []string{"1.0", "2.0", "3.0"} {
		from.Add(packagingtest.Wheel("rocket", v, "x"))
	}
	for _, v := range []string{"1.0", "2.0"} {
		name := "rocket-" + v + "-py3-none-any.whl"
		if got := x.ask(http.MethodGet, "/r/team/packages/faraway/"+page.Path(from.FileURL(name), name, ""),
			"read"); got.Code != http.StatusOK {
			t.Fatalf("the download of %s = %d %s", name, got.Code, got.Body)
		}
	}
	if err := x.app.Downloads.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.imported(t, map[string][2]string{
		"GHSA-old": {"rocket", "1.0"}, "MAL-2026-1": {"rocket", "2.0"}, "GHSA-new": {"rocket", "3.0rc1"},
		"GHSA-else": {"comet", "1.0"},
	})
	var shown string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		got := x.visit(t, http.MethodGet, "/admin/policy/", "administrator", "")
		_, shown, _ = strings.Cut(got.Body.String(), `<section id="affected">`)
		shown, _, _ = strings.Cut(shown, "</section>")
		if strings.Contains(shown, "rocket 2.0") { // the rows of downloads are written in the background
			break
		}
	}
	items := strings.Split(shown, "<li>")[1:]
	if len(items) != 3 { // the old advisory is about both
		t.Fatalf("%d releases are affected, want 3: %s", len(items), shown)
	}
	for _, item := range items {
		want := []string{"of faraway", "GHSA-old", "about rocket", "Fixed in 3.0.", "Downloaded by member"}
		if strings.Contains(item, "MAL-2026-1") {
			want = []string{"rocket 2.0", ">malicious<", "MAL-2026-1", "Downloaded by member"}
		}
		for _, text := range want {
			if !strings.Contains(item, text) {
				t.Errorf("the affected release lacks %q: %s", text, item)
			}
		}
	}
	at := "/r/team/held/rocket/2.0/"
	contains(t, x.visit(t, http.MethodGet, at, "administrator", ""), http.StatusOK, "denied: advisory MAL-2026-1",
		"Downloaded by member")
	for _, who := range []string{"stranger", "reader", "maintainer", "owner"} {
		got := x.visit(t, http.MethodGet, at, who, "")
		contains(t, got, http.StatusOK, "denied: advisory MAL-2026-1")
		lacks(t, got, "Downloaded by", "member")
		lacks(t, x.visit(t, http.MethodGet, "/admin/policy/", who, ""), "GHSA-old", "Downloaded by")
	}
}

// TestHeldPageOfRemovedFiles: the page about a release that its upstream removed says so, and readers can ask there.
// That of a project that came back says that an administrator decides.
func TestHeldPageOfRemovedFiles(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	from := x.drawing(t, func(u *upstream.Upstream) {
		u.TTL, u.NegativeTTL, u.StaleWhileRevalidate = time.Second, time.Second, 0
	})
	from.Add(packagingtest.Wheel("rocket", "1.0", "x"), packagingtest.Wheel("rocket", "2.0", "x"))
	from.Change("rocket", func(p *upstreamtest.Project) { p.Files[1].Uploaded = time.Now().Add(-48 * time.Hour) })
	name, err := packaging.ParseProjectName("rocket")
	if err != nil {
		t.Fatal(err)
	}
	x.storePage(t, name, func(p page.Page) bool { return len(p.Files) == 2 })
	from.Change("rocket", func(p *upstreamtest.Project) { p.Files = p.Files[:1] })
	x.storePage(t, name, func(p page.Page) bool { return len(p.Gone) == 1 })
	at := "/r/team/held/rocket/2.0/"
	for _, who := range []string{"stranger", "administrator"} {
		contains(t, x.visit(t, http.MethodGet, at, who, ""), http.StatusOK, "rocket-2.0-py3-none-any.whl",
			"held: removed upstream", "Its upstream no longer lists it.",
			"It is held until a maintainer of the repository exempts it")
	}
	contains(t, x.visit(t, http.MethodGet, at, "stranger", ""), http.StatusOK, "Ask for an exemption")
	if got := x.visit(t, http.MethodGet, at, "nobody", ""); strings.Contains(got.Body.String(), "removed upstream") {
		t.Errorf("a visitor without an account reads about the removed file: %d", got.Code)
	}

	from.Remove("rocket")
	x.storePage(t, name, func(p page.Page) bool { return !p.Away.IsZero() })
	from.Add(packagingtest.Wheel("rocket", "9.0", "other"))
	x.storePage(t, name, func(p page.Page) bool { return !p.Returned.IsZero() })
	back := "/r/team/held/rocket/9.0/"
	for _, who := range []string{"stranger", "administrator"} {
		contains(t, x.visit(t, http.MethodGet, back, who, ""), http.StatusOK, "rocket-9.0-py3-none-any.whl",
			"held: returned, the project was gone and came back with other files",
			"an administrator has to accept that first")
	}
	var e struct {
		Hidden []struct {
			Filename, Rule, Next string
		}
	}
	if err := json.Unmarshal([]byte(x.text(t, statusDone, "explain", "team", "rocket==9.0", "--json")), &e); err != nil {
		t.Fatal(err)
	}
	if len(e.Hidden) != 1 || e.Hidden[0].Rule != string(policy.RuleReturned) ||
		e.Hidden[0].Next != "index upstream accept-return faraway rocket --reason R" {
		t.Errorf("index explain = %+v", e)
	}
}
