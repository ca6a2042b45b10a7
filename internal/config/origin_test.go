package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// complain parses index serve and checks the settings. It returns the error's text, with FILE for the path of the file.
func complain(t *testing.T, text string, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := new(program)
	k, err := newParser(c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.Parse(append([]string{"serve", "--config", path}, args...))
	if err == nil {
		err = c.Check()
	}
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), path, "FILE")
}

// Every problem of the file is reported at once, with its line, and so is every bad variable.
func TestProblemsOfSettings(t *testing.T) {
	t.Setenv("INDEX_LIMITS_MINT_RATE", "many")
	t.Setenv("INDEX_LOG_LEVEL", "loud")
	got := complain(t, `lisen = ":80"

[acces]
[access]
anonymus_read = true
realm = 7
token_max_life = "soon"
[storage]
delivery = "drone"
frobnicate = 1
[[oidc.issuers]]
kind = "github"
isuer = "https://a.example"
`)
	want := `INDEX_LIMITS_MINT_RATE: "many" is not a whole number of 0 or more
INDEX_LOG_LEVEL: "loud" is none of its values: choose debug, info, warn, error
FILE:1: unknown key "lisen"; did you mean listen?
FILE:3: unknown key "acces"; did you mean access?
FILE:5: unknown key "access.anonymus_read"; did you mean access.anonymous_read?
FILE:7: access.token_max_life: "soon" is not a duration: write for example 90s, 24h or 30d
FILE:9: storage.delivery: "drone" is none of its values: choose auto, stream, redirect
FILE:10: unknown key "storage.frobnicate"
FILE:13: unknown key "oidc.issuers[0].isuer"; did you mean issuer?`
	if got != want {
		t.Errorf("the error is\n%s\nwant\n%s", got, want)
	}
}

// A setting is named as the person wrote it: the flag, the variable, or the key with file and line.
func TestLocatedSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		file, env, want string
		args            []string
	}{
		"flag":          {"", "", "--audit-keep: 1h0m0s is shorter", []string{"--audit-keep=1h"}},
		"variable":      {"", "INDEX_AUDIT_KEEP=1h", "INDEX_AUDIT_KEEP: 1h0m0s is shorter", nil},
		"key":           {"\n[audit]\nkeep = '1h'", "", "FILE:3: audit.keep: 1h0m0s is shorter", nil},
		"flag over key": {"[audit]\nkeep = '1h'", "", "", []string{"--audit-keep=48h"}},
		"one of two":    {"tls_cert = 'x'", "", "FILE:1: tls_cert and tls_key: set both", nil},
		"flag and key": {
			"tls_cert = 'x'\ntls_acme = 'y'", "", "--tls-cert and tls_key: set both", []string{"--tls-cert=z"},
		},
		"three ways": {
			"tls_acme = 'y'", "INDEX_TLS_SELF_SIGNED=true", "FILE:1: tls_cert, INDEX_TLS_SELF_SIGNED and tls_acme: choose one",
			nil,
		},
		"typed variable": {"", "INDEX_HSTS=x", `INDEX_HSTS: "x" is not a duration`, nil},
		"not TOML":       {"a = 1\nlisten = ", "", "FILE:2:", nil},
		"issuer": {
			"[[oidc.issuers]]\nkind = 'github'\nissuer = 'http://a.example'", "",
			`FILE:1: oidc.issuers: issuer "http://a.example" must use https`, nil,
		},
		"list": {
			"listen = ':1'\ntrusted_proxies = ['10.0.0.0/8', 'x']", "", `FILE:2: trusted_proxies: "x" is not a range`, nil,
		},
		"a list":     {"listen = [':1']", "", "FILE:1: listen: it must be one value, not a list", nil},
		"wrong kind": {"listen = [1]", "", "FILE:1: listen[0] must be a string", nil},
		"other kind": {"[limits]\nmint_rate = 1.5", "", "FILE:2: limits.mint_rate: no setting has this type", nil},
		"help":       {"help = true", "", `FILE:1: unknown key "help"`, nil},
		"lines of two": {
			"[sso]\nissuer = 'https://a.example'\nclient_id = 'x'\ngroups = ['a']", "", `FILE:4: sso.groups: "a" is not`, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if k, v, ok := strings.Cut(tt.env, "="); ok {
				t.Setenv(k, v)
			}
			got := complain(t, tt.file, tt.args...)
			if !strings.HasPrefix(got, tt.want) || tt.want == "" && got != "" {
				t.Errorf("the error is %q, want %q", got, tt.want)
			}
		})
	}
}

// all parses a command line and returns the text of every setting.
func all(t *testing.T, args ...string) map[string]string {
	t.Helper()
	k, err := newParser(new(program))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(append([]string{"serve"}, args...)); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, f := range k.Model.Flags {
		if isSetting(f) && f.Name != "config" {
			texts[f.Name] = valueText(f.Name, f.Target.Interface())
		}
	}
	return texts
}

// An empty variable is not set, whatever its setting, and an empty text in the file is not either.
func TestEmptyIsNotSet(t *testing.T) {
	usual := all(t)
	var empty, tables strings.Builder
	for _, f := range settings(t) {
		if section, key, ok := strings.Cut(tomlKey(f.Name), "."); ok {
			tables.WriteString(section + "." + key + " = \"\"\n")
		} else {
			empty.WriteString(section + " = \"\"\n")
		}
		t.Setenv(variable(f), "")
	}
	t.Setenv("INDEX_CONFIG", "")
	file := "--config=" + write(t, empty.String()+tables.String())
	for name, got := range map[string]map[string]string{"variables": all(t), "texts in the file": all(t, file)} {
		if diff := cmp.Diff(usual, got); diff != "" {
			t.Errorf("empty %s change settings: %s", name, diff)
		}
	}
	got := all(t, "--config="+write(t, "hsts = \"1d\"\nlimits.mint_rate = 7\naccess.anonymous_read = true"))
	if got["hsts"] != "1d" || got["limits-mint-rate"] != "7" || got["access-anonymous-read"] != "true" {
		t.Errorf("empty variables hide the file: %v", got)
	}
}

// An empty list in the file is a value, unlike an empty text.
func TestEmptyList(t *testing.T) {
	if got := mustParse(t, "oidc-issuers", "--config="+write(t, "[oidc]\nissuers = []")); got != "[]" {
		t.Errorf("no issuers in the file = %s, want []", got)
	}
}

// Groups of a directory have commas and equals signs in their names.
func TestGroupsOfDirectories(t *testing.T) {
	for name, args := range map[string][]string{
		"file": {"--config=" + write(t, `[sso]
require_groups = ["CN=devs,DC=acme", "CN=Doe\\, John,DC=acme"]
groups = ["CN=devs,DC=acme=team", "ops=operators"]`)},
		"flag": {`--sso-require-groups=CN=devs\,DC=acme`, `--sso-groups=CN=devs\,DC=acme=team,ops=operators`},
	} {
		t.Run(name, func(t *testing.T) {
			c := new(program)
			k, err := newParser(c)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.Parse(append([]string{"serve"}, args...)); err != nil {
				t.Fatal(err)
			}
			if got := c.SSO.RequireGroups[0]; got != "CN=devs,DC=acme" {
				t.Errorf("the required group is %q", got)
			}
			if name == "file" && c.SSO.RequireGroups[1] != `CN=Doe\, John,DC=acme` {
				t.Errorf("the second required group is %q", c.SSO.RequireGroups[1])
			}
			groups, err := c.SSO.groups()
			if err != nil || len(groups) != 2 || groups["CN=devs,DC=acme"] != "team" || groups["ops"] != "operators" {
				t.Errorf("groups() = %v, %v", groups, err)
			}
		})
	}
	for _, bad := range []string{"a", "=a", "a=", "CN=devs="} {
		if _, err := (ssoConfig{Groups: []string{bad}}).groups(); err == nil {
			t.Errorf("groups() accepts %q", bad)
		}
	}
}

// A variable that is no setting is reported, except those of Kubernetes and of clients.
func TestUnknownVariables(t *testing.T) {
	for name, value := range map[string]string{
		"INDEX_LISTN": ":80", "INDEX_ANONYMOUS_READ": "1", "INDEX_FROBNICATE": "", "INDEX_SERVER_PORT": "80",
		"INDEX_SERVICE_HOST": "10.0.0.1", "INDEX_SERVICE_PORT": "80", "INDEX_SERVICE_PORT_HTTP": "80",
		"INDEX_PORT": "tcp://10.0.0.1:80", "INDEX_PORT_80_TCP": "tcp://10.0.0.1:80", "INDEX_PORT_80_TCP_ADDR": "10.0.0.1",
		"INDEX_PORT_80_TCP_PORT": "80", "INDEX_PORT_80_TCP_PROTO": "tcp", "INDEX_DB_SERVICE_HOST": "10.0.0.2",
		"INDEX_DB_PORT": "tcp://10.0.0.2:5432", "INDEX_TEST_X": "y", "INDEX_ID_TOKEN": "y", "INDEX_TOKEN": "y",
		"INDEX_LISTEN": ":80", "INDEX_CONFIG": "x",
	} {
		t.Setenv(name, value)
	}
	got, err := UnknownVariables()
	const text = "the environment variable %s is not a setting and has no effect"
	want := []string{
		strings.ReplaceAll(text, "%s", "INDEX_ANONYMOUS_READ") + "; did you mean INDEX_ACCESS_ANONYMOUS_READ?",
		strings.ReplaceAll(text, "%s", "INDEX_FROBNICATE"),
		strings.ReplaceAll(text, "%s", "INDEX_LISTN") + "; did you mean INDEX_LISTEN?",
		strings.ReplaceAll(text, "%s", "INDEX_SERVER_PORT"),
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("UnknownVariables() = %v\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The target of a move is read with the same care.
func TestReadPlaceProblems(t *testing.T) {
	path := write(t, "listen = ''\n[databse]\nurl = 'sqlite:x'\n[log]\nlevel = 'warn'")
	_, err := ReadPlace(path)
	if err == nil || !strings.Contains(err.Error(), path+`:3: unknown key "databse.url"; did you mean database.url?`) {
		t.Errorf("ReadPlace() = %v", err)
	}
}

// A misspelled table is recognized although its keys are unknown too, and in every form of a table.
func TestUnknownTable(t *testing.T) {
	for text, want := range map[string]string{
		"[acess]\nfrobnicate = true\n":  `FILE:2: unknown key "acess.frobnicate"; did you mean the table [access]?`,
		"[acess.more]\nx = 1\n":         `FILE:1: unknown key "acess.more"; did you mean the table [access]?`,
		"[[acess]]\nx = 1\n":            `FILE:1: unknown key "acess"; did you mean the table [access]?`,
		"[acess]\n":                     `FILE:1: unknown key "acess"; did you mean access?`,
		"[acess]\nanonymous_read = 1\n": `FILE:2: unknown key "acess.anonymous_read"; did you mean access.anonymous_read?`,
		"[access]\nfrobnicate = true\n": `FILE:2: unknown key "access.frobnicate"`,
		"[whatever]\nfrobnicate = 1\n":  `FILE:2: unknown key "whatever.frobnicate"`,
		"acess = 1\n":                   `FILE:1: unknown key "acess"`,
	} {
		if got := complain(t, text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}
