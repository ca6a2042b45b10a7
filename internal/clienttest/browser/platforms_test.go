package browser_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/workload"
)

// newPlatforms serves an index that has an issuer of each kind.
func newPlatforms(t *testing.T) *busy {
	t.Helper()
	var config strings.Builder
	for _, k := range workload.All {
		config.WriteString("[[oidc.issuers]]\nkind = \"" + k.Name() + "\"\nissuer = \"" + k.Manual().Issuer + "\"\n")
	}
	path := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(path, []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return &busy{t: t, Server: clienttest.Serve(t,
		clienttest.Options{Host: "localhost", Env: []string{"INDEX_CONFIG=" + path}})}
}

// With an issuer of each kind, the choice of a platform fits on a phone and works by keyboard, and what was typed
// survives it. The form and the manual's page of each kind are accessible, and a form replaces rules on claims.
func TestEachPlatform(t *testing.T) {
	x := newPlatforms(t)
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))
	b := x.open()
	b.Look(390, "light")
	b.Go(publishing)
	b.Fits()
	choices := `[...document.querySelectorAll("nav.platforms a")]`
	if n := number(t, b, choices+`.length`); int(n) != len(workload.All) {
		t.Errorf("there are %v choices, want %d", n, len(workload.All))
	}
	if n := b.Eval(choices + `.filter(a => { const r = a.getBoundingClientRect();
		return r.height < 44 || r.left < 0 || r.right > innerWidth }).length`); n != "0" {
		t.Errorf("%s choices are too low for a finger, or not on the screen", n)
	}
	b.Fill("Owner", "acme")
	b.Eval(`document.querySelector("nav.platforms a[href*='provider=forgejo']").focus()`)
	b.Key("\r")
	b.See("Manual: Forgejo Actions")
	if owner := b.Eval(`document.getElementById("f-owner").value`); owner != "acme" {
		t.Errorf("the owner is %q after another platform was chosen", owner)
	}
	for _, k := range workload.All {
		form := k.Forms()[0]
		q := url.Values{"provider": {k.Name()}}
		for name, v := range form.Typed(k.Sample()) {
			q.Set(name, v)
		}
		for _, path := range []string{publishing + "?" + q.Encode(), "/help/trusted-publishing/" + k.Name() + "/"} {
			look(b, path, "platform-"+k.Name()+map[bool]string{true: "-manual"}[strings.HasPrefix(path, "/help/")])
		}
	}
	x.replaced(b)
}

// replaced replaces a rule on claims in the page.
func (x *busy) replaced(b *browser.Tab) {
	x.t.Helper()
	const uuid = "01890000-0000-4000-8000-00000000000"
	x.Index("publisher", "add", "generic", "--project", "widgets", "--issuer", workload.Generic.Manual().Issuer,
		"--claim", "oidc.circleci.com/project-id="+uuid+"2").OK(x.t)
	b.Go(publishing)
	b.See("also checks the organization and the pipeline definition")
	look(b, publishing, "platform-replace")
}
