//go:build !windows

package main

import (
	"html"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/config"
)

// The pages with settings show values as the file takes them, and keys that break only after dots and underscores.
func TestPagesOfSettings(t *testing.T) {
	x := newFixture(t, "https://index.example", true)
	x.people(t)
	k, err := newParser(new(commands), os.Stdout, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := k.Parse([]string{
		"serve", "--trusted-proxies=127.0.0.1/32", "--sso-issuer=https://u:hush@login.example",
		"--hsts=2d", "--data-dir=" + x.app.Config.DataDir,
	})
	if err != nil {
		t.Fatal(err)
	}
	e := &endpoints{
		App: x.app, base: x.base, log: slog.New(slog.DiscardHandler), settings: config.SettingsOf(parsed),
	}
	keyring := access.NewKeyring(x.app.DB.Access(), access.KeyringOptions{AnonymousRead: true})
	if x.server, err = e.handler(keyring); err != nil {
		t.Fatal(err)
	}
	for path, wanted := range map[string][]string{
		"/admin/settings/": {
			`<code class="key">trusted_<wbr>proxies</code>`, "<code>127.0.0.1/32</code>", "<code>2d</code>",
			"<code>12h</code>", "<code>2GiB</code>", "<code>profile, email</code>",
			"<code>github https://token.actions.githubusercontent.com</code>", "[secret]@login.example",
			`<h2 id="settings-">Server</h2>`, `<h2 id="settings-sso">Single sign-on <code class="small muted">[sso]</code></h2>`,
			`<strong>flag</strong>`, `<span class="muted">default</span>`, "4 settings differ from their defaults.",
			`<strong>flag</strong><br><span class="small muted">default: 365d</span>`,
		},
		"/help/settings/": {
			`<tr id="setting-trusted_proxies" role="row"><th scope="row" role="rowheader"><code class="key">trusted_<wbr>proxies</code></th>`,
			"\"Default\"><code>false</code></td>", "\"Default\"><code>365d</code></td>", "(default: none).</td>\n<td role=\"cell\" data-label=\"Default\"></td>",
			`<h2 id="settings-limits">Limits <code class="small muted">[limits]</code></h2>`,
		},
	} {
		page := x.visit(t, "GET", path, "administrator", "").Body.String()
		for _, want := range wanted {
			if !strings.Contains(html.UnescapeString(page), want) {
				t.Errorf("%s does not show %s", path, want)
			}
		}
		if strings.Contains(page, "hush") {
			t.Errorf("%s shows a password", path)
		}
		if bad := regexp.MustCompile(`<td[^>]*><code>(\d{6,}|\[.*|0x.*)</code>`).FindString(page); bad != "" {
			t.Errorf("%s shows %s", path, bad)
		}
		if t.Failed() {
			t.Logf("%s:\n%s", path, page)
		}
	}
}
