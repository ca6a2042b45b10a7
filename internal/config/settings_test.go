package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"pyindex/internal/span"
)

// The operator sees every setting, what decided it, and no secret.
func TestSettingsOf(t *testing.T) {
	file := filepath.Join(t.TempDir(), "index.toml")
	err := os.WriteFile(file,
		[]byte(
			"[access]\nrealm = \"team\"\n[database]\nurl = \"postgres://index:hush1@db.example/index?sslpassword=hush2&sslmode=require\"\n",
		), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("INDEX_ACCESS_ANONYMOUS_READ", "true")
	parser, err := newParser(new(program))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse([]string{"serve", "--config", file, "--listen", "127.0.0.1:9"})
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]string{}
	for _, s := range SettingsOf(parsed) {
		from[s.Name] = s.From
		if strings.Contains(s.Value, "hush") {
			t.Errorf("%s shows a secret: %s", s.Name, s.Value)
		}
	}
	for name, want := range map[string]string{
		"listen":                "flag",
		"access.realm":          "file",
		"access.anonymous_read": "environment",
		"log.level":             "default",
		"database.url":          "file",
		"data_dir":              "default",
	} {
		t.Run(name, func(t *testing.T) {
			if from[name] != want {
				t.Errorf("%s comes from %q, want %q", name, from[name], want)
			}
		})
	}
	if len(from) < 30 {
		t.Errorf("%d settings are shown", len(from))
	}
}

func TestHideSecrets(t *testing.T) {
	for _, c := range [][3]string{
		{"database-url", "postgres://u:p@h/d", "postgres://[secret]@h/d"},
		{"database-url", "postgres://h/d?password=x&sslmode=disable", "postgres://h/d?password=[secret]&sslmode=disable"},
		{
			"storage-url", "s3://bucket?region=eu&awssdk=v2&secret_key=x", "s3://bucket?awssdk=v2&region=eu&secret_key=[secret]",
		},
		{"storage-url", "azblob://c?sig=x", "azblob://c?sig=[secret]"},
		{"sso-client-secret-file", "/run/secret", "/run/secret"},
		{"mail-password", "x", "[secret]"},
		{"listen", "127.0.0.1:8080", "127.0.0.1:8080"},
		{"database-url", "sqlite:/var/index.db", "sqlite:/var/index.db"},
		{"database-url", "postgres://%zz:hush@h", "[not shown: it is not a valid URL]"},
	} {
		if got := hideSecrets(c[0], c[1]); got != c[2] {
			t.Errorf("hideSecrets(%s, %s) = %s, want %s", c[0], c[1], got, c[2])
		}
	}
}

// effective parses index serve with a file and returns its settings by name.
func effective(t *testing.T, text string) map[string]Setting {
	t.Helper()
	file := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	parser, err := newParser(new(program))
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := parser.Parse([]string{"serve", "--config", file})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]Setting{}
	for _, s := range SettingsOf(parsed) {
		all[s.Name] = s
	}
	return all
}

// Settings are shown as the file takes them, whether they are defaults or not.
func TestSettingsAsInTheFile(t *testing.T) {
	goish := regexp.MustCompile(`^\d{6,}$|\[\{|^\[|0x|^&|<nil>|not a valid URL`)
	set := effective(t, `
trusted_proxies = ["127.0.0.1", "10.1.2.3/8"]
hsts = "48h"
drain_timeout = "90s"
base_url = "https://pypi.example/x/"
[access]
anonymous_read = true
[limits]
file_size = "3000000000"
project_size = "1536MiB"
connections = 100000
[upload]
refuse_bad_links = true
refuse_bad_emails = false
[leaks]
keys = ["/a.pem", "/b.pem"]
[sso]
groups = ["a=b", "c=d"]
issuer = "https://index:hush@login.example/"
scopes = []
require_groups = ["CN=devs,DC=acme", "ops"]
[[oidc.issuers]]
kind = "github"
issuer = "https://token.actions.githubusercontent.com"
[[oidc.issuers]]
kind = "github"
issuer = "https://ghes.example/_services/token"
audience = "pypi"
api_url = "https://ghes.example/api/v3"
[[oidc.issuers]]
kind = "gitlab"
issuer = "https://storage.example/bucket"
server = "https://gitlab.example/git/"
`)
	usual := effective(t, "")
	for name, s := range set {
		for _, text := range []string{s.Value, s.Default, usual[name].Value} {
			if goish.MatchString(text) && name != "limits.connections" {
				t.Errorf("%s is shown as %q", name, text)
			}
			if strings.Contains(text, "hush") {
				t.Errorf("%s shows a secret: %s", name, text)
			}
		}
		if u := usual[name]; u.Default != u.Value && name != "config" {
			t.Errorf("%s is %q by default, not %q", name, u.Value, u.Default)
		}
	}
	for name, want := range map[string]string{
		"trusted_proxies": "127.0.0.1/32, 10.0.0.0/8", "hsts": "2d", "drain_timeout": "1m30s", "drain_delay": "0s",
		"base_url": "https://pypi.example/x", "access.anonymous_read": "true", "limits.file_size": "3GB",
		"limits.project_size": "1536MiB", "limits.connections": "100000", "upload.refuse_bad_links": "true",
		"upload.refuse_bad_emails": "false", "upload.refuse_bad_extras": "", "leaks.keys": "/a.pem, /b.pem",
		"sso.groups": "a=b, c=d", "sso.issuer": "https://[secret]@login.example/",
		"sso.require_groups": "CN=devs,DC=acme\nops",
		"oidc.issuers": "github https://token.actions.githubusercontent.com\n" +
			"github https://ghes.example/_services/token audience=pypi api_url=https://ghes.example/api/v3\n" +
			"gitlab https://storage.example/bucket server=https://gitlab.example/git",
	} {
		if got := set[name].Value; got != want {
			t.Errorf("%s is shown as %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string][2]string{
		"hsts": {"365d", ""}, "sso.session_life": {"12h", ""}, "drain_delay": {"0s", ""}, "oidc.keep_exchanges": {"30d", ""},
		"limits.file_size": {"2GiB", ""}, "limits.project_size": {"0", ""}, "limits.upload_min_rate": {"50KB", ""},
		"sso.scopes": {"profile, email", ""}, "access.anonymous_read": {"false", ""}, "sso.create_users": {"true", ""},
		"oidc.issuers": {"github https://token.actions.githubusercontent.com", ""}, "trusted_proxies": {"", ""},
		"database.url": {"", ""}, "tls_cert": {"", "none"}, "upload.refuse_bad_links": {"", "depends on upload.policy"},
	} {
		if s := usual[name]; s.Default != want[0] || s.NoDefault != want[1] {
			t.Errorf("the default of %s is %q or %q, want %q", name, s.Default, s.NoDefault, want)
		}
	}
}

// What is shown can be copied into the file.
func TestShownValuesAreRead(t *testing.T) {
	for _, d := range []time.Duration{
		0, time.Nanosecond, time.Second, 90 * time.Second, time.Minute, 20 * time.Minute, time.Hour, 10 * time.Hour,
		90 * time.Minute, 24 * time.Hour, 25 * time.Hour, span.MaxDays * 24 * time.Hour, (span.MaxDays + 1) * 24 * time.Hour,
	} {
		var got Span
		if err := got.UnmarshalText([]byte(Span(d).String())); err != nil || got != Span(d) {
			t.Errorf("%v is shown as %q: %v", d, Span(d), err)
		}
	}
	for _, n := range []ByteSize{0, 1, 999, 1000, 1024, 50000, 2e9, 2 << 30, 3 << 40, 1<<62 - 1} {
		var got ByteSize
		if err := got.UnmarshalText([]byte(n.String())); err != nil || got != n {
			t.Errorf("%d is shown as %q: %v", int64(n), n, err)
		}
	}
}
