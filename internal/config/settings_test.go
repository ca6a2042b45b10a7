package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
