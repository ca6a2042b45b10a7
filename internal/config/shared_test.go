package config

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sharedWith returns the flags that index serve with some arguments prints for other commands, with DIR for the current
// folder.
func sharedWith(t *testing.T, args ...string) (flags string, secret bool) {
	t.Helper()
	c := new(program)
	k, err := newParser(c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	all := c.Shared()
	base, _ := url.Parse("http://index.example:1")
	if f, ok := c.SharedBase(base); ok {
		all = append(all, f)
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, f := range all {
		words = append(words, strings.ReplaceAll(f[0]+" "+f[1], dir, "DIR"))
	}
	return strings.Join(words, " "), c.SecretDatabase()
}

// Whatever decides where the data is and is not in the file is repeated, and passwords are not.
func TestShared(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	empty, data := file("empty.toml", ""), file("data.toml", "data_dir = \"there\"\n[storage]\nurl = \"mem://\"\n")
	port, base := file("port.toml", "listen = \":81\"\n"), file("base.toml", "base_url = \"https://a.example\"\n")
	secret := file("secret", "postgres://u:p@h/d")
	tests := []struct {
		name, args, variable, value, want string
	}{
		{name: "nothing", want: ""},
		{name: "a folder", args: "--data-dir x", want: "--data-dir DIR/x"},
		{name: "a file", args: "--config " + data, want: "--config " + data},
		{
			name: "a file and a folder", args: "--config " + empty + " --data-dir x",
			want: "--config " + empty + " --data-dir DIR/x",
		},
		{
			name: "the default instead of the file's folder", args: "--config " + data + " --data-dir ./data",
			want: "--config " + data + " --data-dir ./data",
		},
		{
			name: "a folder in the environment", args: "--config " + data, variable: "INDEX_DATA_DIR", value: "/y",
			want: "--config " + data + " --data-dir /y",
		},
		{name: "a database", args: "--database-url sqlite:a.db", want: "--database-url sqlite:DIR/a.db"},
		{name: "a server", args: "--database-url postgres://u@h/d", want: "--database-url postgres://u@h/d"},
		{name: "a password", variable: "INDEX_DATABASE_URL", value: "postgres://u:p@h/d", want: " SECRET"},
		{name: "a file with a URL", args: "--database-url-file " + secret, want: "--database-url-file " + secret},
		{
			name: "storage", args: "--config " + data + " --storage-url s3://b",
			want: "--config " + data + " --storage-url s3://b",
		},
		{name: "an address alone", args: "--listen :9", want: ""},
		{name: "an address and an empty file", args: "--listen :9 --config " + empty, want: "--config " + empty},
		{
			name: "an address instead of the file's", args: "--listen :9 --config " + port,
			want: "--config " + port + " --base-url http://index.example:1",
		},
		{
			name: "TLS at the file's address", args: "--tls-self-signed --config " + port,
			want: "--config " + port + " --base-url http://index.example:1",
		},
		{
			name: "another base URL", args: "--base-url http://index.example:1 --config " + base,
			want: "--config " + base + " --base-url http://index.example:1",
		},
		{
			name: "a base URL in the environment", args: "--config " + base, variable: "INDEX_BASE_URL",
			value: "http://index.example:1", want: "--config " + base + " --base-url http://index.example:1",
		},
		{name: "an address that the file's base URL hides", args: "--listen :9 --config " + base, want: "--config " + base},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.variable != "" {
				t.Setenv(tt.variable, tt.value)
			}
			got, secret := sharedWith(t, strings.Fields(tt.args)...)
			if secret {
				got += " SECRET"
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
