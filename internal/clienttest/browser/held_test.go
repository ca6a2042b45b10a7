package browser_test

import (
	"testing"
	"time"

	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

// The pages about held and denied files are accessible and fit. A person asks for an exemption on the page of a held
// release, and an administrator grants it.
func TestPagesOfHeldFiles(t *testing.T) {
	x := newBusy(t)
	in := x.open()
	from := upstreamtest.New(t, upstreamtest.Options{})
	for _, version := range []string{"1.0", "2.0"} {
		from.Add(packagingtest.Wheel("rocket", version, "x", "Summary: Flies to the moon and back, with guests"),
			packagingtest.SDist("rocket", version, "x"))
	}
	from.Add(packagingtest.Wheel("lander", "1.0", "x"))
	from.Change("rocket", func(p *upstreamtest.Project) {
		for _, f := range p.Files[2:] {
			f.Uploaded = time.Now().Add(-time.Hour)
		}
	})
	for _, c := range [][]string{
		{"upstream", "add", "faraway", "--url", from.URL(), "--allow-private"},
		{"repository", "add", "team", "--members", "reader", "--base", "upstream:faraway", "--cooldown", "72h"},
		{"deny", "add", "lander", "--reason", "it explodes when it touches the ground, see the report of the incident"},
	} {
		x.Index(c...).OK(t)
	}
	for _, page := range [][2]string{
		{"held", "/r/team/held/rocket/2.0/"},
		{"held-project", "/r/team/held/rocket/"},
		{"held-nothing", "/r/team/held/rocket/1.0/"},
		{"held-denied", "/r/team/held/lander/1.0/"},
		{"held-release", "/r/team/project/rocket/2.0/"},
		{"held-versions", "/r/team/project/rocket/versions/"},
		{"held-whole", "/r/team/project/lander/"},
		{"held-settings", "/admin/repository/team/policy/"},
		{"held-policy", "/admin/policy/"},
		{"held-denials", "/admin/policy/denials/"},
		{"held-exemptions", "/manage/exemptions/"},
		{"held-now", "/manage/held/"},
		{"held-help", "/help/policy/"},
	} {
		look(in, page[1], "page-"+page[0])
	}
	in.Look(1280, "light")
	in.Go("/r/team/held/rocket/2.0/")
	in.Fill("Reason", "fixes the leak of the tank")
	in.Press("Exempt")
	in.See("Nothing of rocket 2.0 is held or denied")
	look(in, "/manage/exemptions/", "page-held-exempt")
	look(in, "/manage/held/", "page-held-now-exempt")
	look(in, "/r/team/held/rocket/2.0/", "page-held-lifted")
}
