package browser_test

import (
	"testing"

	"pyindex/internal/clienttest/browser"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

// The pages of projects from bases and upstreams are accessible and fit, in each of their states.
func TestPagesOfUpstreams(t *testing.T) {
	x := newBusy(t)
	in := x.open()
	from := upstreamtest.New(t, upstreamtest.Options{})
	for _, version := range []string{"0.9", "1.0", "2.0", "2.1rc1"} {
		from.Add(packagingtest.Wheel("rocket", version, "x", "Summary: Flies to the moon and back, with guests",
			"Requires-Python: >=3.9", "License-Expression: MIT", "Requires-Dist: fuel>=1",
			"Description-Content-Type: text/markdown", "", readme), packagingtest.SDist("rocket", version, "x"))
	}
	from.Change("rocket", func(p *upstreamtest.Project) {
		for i := range 2 {
			p.Files[i].Yanked, p.Files[i].YankedReason = true, "explodes"
		}
		for _, f := range p.Files[2:6] {
			f.Provenance = []byte(`{"version": 1, "attestation_bundles": []}`)
		}
		p.Files[7].NoSHA256 = true
	})
	from.Add(packagingtest.Wheel("lander", "1.0", "x"), packagingtest.Wheel("relic", "1.0", "x"))
	from.Change("relic", func(p *upstreamtest.Project) { p.Status, p.StatusReason = "archived", "use rocket" })
	from.Fail(upstreamtest.Fault{Kind: upstreamtest.Status, What: []upstreamtest.What{upstreamtest.Content}},
		upstreamtest.Fault{Kind: upstreamtest.Status, Project: "broken", Status: 500})
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x", "Summary: Counts widgets"))
	for _, c := range [][]string{
		{"upstream", "add", "faraway", "--url", from.URL(), "--allow-private", "--ttl", "1s"},
		{"repository", "add", "team", "--members", "reader", "--base", "main", "--base", "upstream:faraway"},
		{"reserve", "add", "team", "acme", "--reason", "our company"},
		{"origin", "set", "team", "lander", "both", "--reason", "we patch its legs until the next release", "--yes"},
	} {
		x.Index(c...).OK(t)
	}
	x.put("team", packagingtest.Wheel("lander", "1.0+acme.1", "x", "Summary: Lands softly"))
	for _, page := range [][2]string{
		{"upstream", "/r/team/project/rocket/"},
		{"upstream-yanked", "/r/team/project/rocket/0.9/"},
		{"upstream-versions", "/r/team/project/rocket/versions/"},
		{"upstream-archived", "/r/team/project/relic/"},
		{"base", "/r/team/project/widgets/"},
		{"both", "/r/team/project/lander/"},
		{"both-upstream", "/r/team/project/lander/1.0/"},
		{"reserved", "/r/team/project/acme-core/"},
		{"failing", "/r/team/project/broken/"},
		{"search-upstream", "/r/team/search/?q=relic"},
		{"search-base", "/r/team/search/?q=widgets"},
		{"search-may-have", "/r/team/search/?q=nothing-like-it"},
	} {
		look(in, page[1], "page-"+page[0])
	}
	look(in, "/admin/upstream/faraway/", "page-health")
	from.Kill()
	look(in, "/r/team/project/rocket/", "page-stale")
	in.See("This may be out of date")
	look(browser.Open(t, x.URL), "/r/team/project/rocket/", "page-signed-out")
}
