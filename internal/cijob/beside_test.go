package cijob

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/terminal"
)

// besideLogin returns a login with an environment and an empty home folder.
func besideLogin(t *testing.T, scope string, env map[string]string) *login {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	return &login{
		site: &url.URL{Scheme: "https", Host: "pypi.acme.example"}, scope: scope, token: "pypi-idx_x",
		expires: time.Unix(1e9, 0), env: func(name string) string { return env[name] },
	}
}

// TestNotes: what lies beside the login is named, without its value.
func TestNotes(t *testing.T) {
	conf := filepath.Join(t.TempDir(), "pip.conf")
	if err := os.WriteFile(conf, []byte("[global]\nindex-url = x\n[install]\nextra_index_url: https://u:hush@x/\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	harmless := filepath.Join(t.TempDir(), "pip.conf")
	if err := os.WriteFile(harmless, []byte("[global]\n# extra-index-url = x\nindex-url = y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, scope, format, written string
		env                          map[string]string
		want                         []string // beginnings
	}{
		{"nothing", "read", "url", "", nil, nil},
		{
			"everything", "read", "env", "",
			map[string]string{
				"PIP_EXTRA_INDEX_URL": "hush", "UV_INDEX": "hush", "UV_EXTRA_INDEX_URL": "hush", "PIP_CONFIG_FILE": conf,
			},
			[]string{
				"PIP_EXTRA_INDEX_URL is set", "UV_INDEX is set", "UV_EXTRA_INDEX_URL is set", conf + " has extra-index-url",
			},
		},
		{
			"uv only", "read", "uv", "uv",
			map[string]string{"PIP_EXTRA_INDEX_URL": "hush", "UV_INDEX": "hush", "UV_DEFAULT_INDEX": "hush"},
			[]string{"UV_INDEX is set", "UV_DEFAULT_INDEX is set: uv uses it instead"},
		},
		{"pip only", "read", "pip", "", map[string]string{"UV_INDEX": "hush", "PIP_INDEX_URL": "hush"}, nil},
		{
			"pip's file", "read", "pip", "pip",
			map[string]string{"PIP_INDEX_URL": "hush"},
			[]string{"PIP_INDEX_URL is set: pip uses it instead"},
		},
		{"a harmless file", "read", "env", "", map[string]string{"PIP_CONFIG_FILE": harmless}, nil},
		{
			"a virtual environment", "read", "netrc", "netrc",
			map[string]string{"VIRTUAL_ENV": filepath.Dir(conf)},
			[]string{conf},
		},
		{
			"no file at all", "read", "env", "",
			map[string]string{"PIP_CONFIG_FILE": os.DevNull, "VIRTUAL_ENV": filepath.Dir(conf)},
			nil,
		},
		{"uploads", "upload", "env", "", map[string]string{"PIP_EXTRA_INDEX_URL": "hush"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := besideLogin(t, tt.scope, tt.env).notes(tt.format, tt.written)
			if len(got) != len(tt.want) {
				t.Fatalf("notes() = %q, want %q", got, tt.want)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(got[i], want) || strings.Contains(got[i], "hush") {
					t.Errorf("note %d is %q, want %q", i, got[i], want)
				}
			}
		})
	}
}

// TestUsersPipConf: the user's own file is read, unless PIP_CONFIG_FILE replaces it.
func TestUsersPipConf(t *testing.T) {
	env := map[string]string{}
	l := besideLogin(t, "read", env)
	own, err := l.configPath("", "pip", "pip.conf")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(own), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(own, []byte("[global]\nextra-index-url = x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := l.notes("env", ""); len(got) != 1 || !strings.HasPrefix(got[0], own) {
		t.Errorf("notes() = %q, want one about %s", got, own)
	}
	if env["PIP_CONFIG_FILE"] = filepath.Join(t.TempDir(), "pip.conf"); os.WriteFile(env["PIP_CONFIG_FILE"], nil,
		0o600) != nil {
		t.Fatal("cannot write")
	}
	if got := l.notes("env", ""); len(got) != 0 {
		t.Errorf("notes() = %q with another file, want none", got)
	}
}

// TestExtraIndexKey: the key is found as Python's configparser finds it: after blanks, before both delimiters.
func TestExtraIndexKey(t *testing.T) {
	for text, want := range map[string]bool{
		"extra-index-url = x": true, "extra_index_url:x": true, "Extra-Index-URL=x": true,
		"[global]\n  extra-index-url = x": true, "[global]\r\n\textra-index-url\t=\r\n  x": true,
		"[global]\n\f\vextra-index-url\v: x": true, "[global]\n\u00a0extra-index-url = x": true,
		"\ufeffextra-index-url = x": true, "[global]\n  --extra-index-url = x": true,
		"# extra-index-url = x": false, " ; extra-index-url = x": false, "index-url = x": false,
		"extra-index-urls = x": false, "no-extra-index-url = x": false, "extra-index-url": false,
	} {
		if got := extraIndex.MatchString(text); got != want {
			t.Errorf("%q: found %v, want %v", text, got, want)
		}
	}
}

// TestLoginFinish: the notes go to standard error, the login alone to standard output, as text or as JSON.
func TestLoginFinish(t *testing.T) {
	l := besideLogin(t, "read", map[string]string{"UV_INDEX": "hush"})
	put := func(w io.Writer) (string, error) { _, err := io.WriteString(w, "LOGIN\n"); return "", err }
	var out, errs bytes.Buffer
	s := &terminal.Session{Out: &out, Errs: &errs}
	if err := (&Login{Format: "url"}).finish(s, l, put); err != nil || out.String() != "LOGIN\n" ||
		!strings.HasPrefix(errs.String(), "note: UV_INDEX is set: uv asks that index first\nvalid until ") {
		t.Errorf("finish() = %v, %q, %q", err, out.String(), errs.String())
	}
	out.Reset()
	c := &Login{Format: "url"}
	c.JSON = true
	var got struct {
		URL, Token string
		Notes      []string
	}
	if err := c.finish(s, l, put); err != nil || json.Unmarshal(out.Bytes(), &got) != nil || got.Token != "pypi-idx_x" ||
		got.URL != "https://pypi.acme.example/simple/" || len(got.Notes) != 1 {
		t.Errorf("finish() with --json = %v, %s", err, out.String())
	}
}
