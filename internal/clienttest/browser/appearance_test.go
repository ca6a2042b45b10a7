package browser_test

import (
	"os"
	"path/filepath"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
)

const (
	lightSurface = "rgb(255, 255, 255)"
	darkSurface  = "rgb(21, 25, 28)"
)

// The color scheme follows the system until the reader chooses one in the footer. The choice applies to later pages and
// survives a change of the system's scheme.
func TestColorScheme(t *testing.T) {
	logo := filepath.Join(t.TempDir(), "logo.svg")
	const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 32"><rect width="120" height="32" fill="#d9480f"/></svg>`
	if err := os.WriteFile(logo, []byte(svg), 0o600); err != nil {
		t.Fatal(err)
	}
	s := clienttest.Serve(t, clienttest.Options{
		Host: "localhost", Args: []string{"--logo", logo, "--access-realm", "ACME"},
	})
	b := browser.Open(t, s.URL)
	signUp(t, s, b)
	check := func(when, want string) {
		t.Helper()
		if got := b.Eval(`getComputedStyle(document.documentElement).backgroundColor`); got != want {
			t.Errorf("%s the background is %s, want %s", when, got, want)
		}
	}
	b.Look(1100, "light")
	b.Go("/manage/projects/")
	check("in a light system", lightSurface)
	b.Look(1100, "dark")
	check("in a dark system", darkSurface)
	b.Choose("Color scheme", "Light")
	check("after choosing light", lightSurface)
	b.Go("/manage/account/")
	check("on the next page", lightSurface)
	if got := b.Eval(`document.getElementById("theme").value`); got != "light" {
		t.Errorf("the control shows %q, want light", got)
	}
	b.Choose("Color scheme", "Dark")
	b.Look(1100, "light")
	check("after choosing dark", darkSurface)
	b.Choose("Color scheme", "Automatic")
	check("after choosing automatic", lightSurface)
	if got := b.Eval(
		`document.querySelector(".brand img").naturalWidth > 0 && document.querySelector(".brand img").alt`,
	); got != "ACME" {
		t.Errorf("the logo is not shown: %s", got)
	}
	for _, page := range []struct{ name, path string }{
		{"home", "/"}, {"tokens", "/manage/account/token/"}, {"admin", "/admin/"}, {"login", "-/login/"},
	} {
		if page.path[0] == '-' {
			signOut(b)
			page.path = page.path[1:]
		}
		for _, scheme := range []string{"light", "dark"} {
			for name, width := range map[string]int64{"wide": 1100, "narrow": 360} {
				b.Look(width, scheme)
				b.Go(page.path)
				b.Fits()
				b.Shot("scheme-" + page.name + "-" + scheme + "-" + name)
			}
		}
	}
}
