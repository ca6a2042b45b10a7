package browser_test

import (
	"fmt"
	"testing"
)

// An administrator adds an upstream, makes it a base of a repository, and meets the rules on the way.
func TestUpstreams(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	x.fill()
	look := func(name string) {
		t.Helper()
		for _, width := range []int64{1280, 390} {
			for _, scheme := range []string{"light", "dark"} {
				b.Look(width, scheme)
				b.Fits()
				b.Accessible()
				b.Shot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
			}
		}
		b.Look(1280, "light")
	}
	// chromedp cannot clear a textarea that is empty
	write := func(field, text string) {
		b.Eval(fmt.Sprintf(`document.querySelector("textarea[name=%s]").value = %q`, field, text))
	}
	b.Go("/admin/upstreams/")
	b.Fill("Name", "team")
	b.Fill("URL of the simple root", "https://index.acme.example/simple")
	b.Press("Add upstream")
	b.See("does not end with")
	look("upstreams-wrong")
	b.Fill("URL of the simple root", "https://index.acme.example/simple/")
	write("allow", "acme-*\nre:internal-[0-9]+")
	b.Press("Add upstream")
	b.At("/admin/upstream/team/")
	b.See("Added the upstream team")
	look("upstream")
	write("allow", "")
	b.Press("Save")
	b.See("Changed the upstream team")

	x.Index("upstream", "set", "team", "--username", "u", "--password-file", "/dev/null").OK(t)
	b.Go("/admin/upstream/team/")
	b.See("user u with the password of /dev/null")
	b.Fill("URL of the simple root", "https://other.acme.example/simple/")
	b.Press("Save")
	b.See("its credential was removed")
	look("upstream-moved")

	b.Go("/admin/repositories/")
	look("repositories")
	b.Press("no bases")
	b.At("/admin/repository/main/bases/")
	write("bases", "upstream:public\nupstream:team")
	b.Press("Save")
	b.See("would read from two public upstreams")
	look("bases-wrong")
	write("bases", "upstream:cu126\nupstream:team")
	b.Press("Save")
	b.See("Changed the bases of main")
	look("bases")
	b.Go("/admin/upstream/team/")
	b.Press("Remove team")
	b.See("is a base of main")
	b.Go("/admin/upstreams/")
	look("upstreams")
	b.Go("/admin/audit/")
	b.See("made main draw on upstream:cu126 and upstream:team")
	b.Go("/help/upstreams/")
	look("help-upstreams")
}
