package config

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// samples are three values of a setting that differ from each other and from its default. Settings of the same kind
// share them; what is not listed by name or type is a text.
func samples(f *kong.Flag) [3]string {
	switch f.Name {
	case "listen":
		return [3]string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}
	case "oidc-issuers":
		return [3]string{
			"kind=github,issuer=https://a.example",
			"kind=github,issuer=https://b.example;kind=github,issuer=https://c.example,audience=d",
			"kind=github,issuer=https://e.example",
		}
	case "upstreams":
		return [3]string{
			"name=a,url=https://a.example/simple/",
			"name=b,url=https://b.example/simple/,kind=private,probe=acme-core;name=c,url=https://c.example/,names=listed,allow=x y-*",
			"name=d,url=https://d.example/simple/,ttl=5m",
		}
	case "feeds":
		return [3]string{
			"name=a,url=https://a.example/all.zip",
			"name=b,path=/srv/osv,when_old=closed;name=c,url=http://c.example/,allow_private=true,malware=flag",
			"name=d,every=1h,max_age=7d",
		}
	case "aliases":
		return [3]string{
			"path=/root/pypi/+simple/", "path=/a/simple/;path=/b/simple/,repository=team", "path=/c/simple/,repository=d",
		}
	case "repositories":
		return [3]string{
			"name=a,bases=main", "name=b,bases=main upstream:a,require_hashes=false;name=c,public=true",
			"name=d,bases=main,upstream_readers=repository",
		}
	case "log-level":
		return [3]string{"debug", "warn", "error"}
	}
	switch f.Target.Interface().(type) {
	case baseURL:
		return [3]string{"https://a.example", "https://b.example/x", "http://c.example"}
	case []prefix:
		return [3]string{"10.0.0.0/8", "192.0.2.1/32,fd00::/8", "127.0.0.0/8"}
	case Span:
		return [3]string{"1m", "2h", "3m"}
	case ByteSize:
		return [3]string{"1KiB", "2000", "3MB"}
	case count:
		return [3]string{"1", "2", "3"}
	}
	return [3]string{"one", "two", "three"}
}

// program is a command line with the settings and no more.
type program struct {
	Config
	Serve struct{} `cmd:""`
}

func newParser(c *program) (*kong.Kong, error) { return kong.New(c, KongOptions()) }

// settings are the flags of every setting but the file's own.
func settings(t *testing.T) []*kong.Flag {
	t.Helper()
	k, err := newParser(new(program))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(k.Model.Flags, func(f *kong.Flag) bool { return !isSetting(f) || f.Name == "config" })
}

// parse reads a command line and returns the text of a setting, and the error.
func parse(t *testing.T, flag string, args ...string) (string, error) {
	t.Helper()
	k, err := newParser(new(program))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Parse(append([]string{"serve"}, args...)); err != nil {
		return "", err
	}
	i := slices.IndexFunc(k.Model.Flags, func(f *kong.Flag) bool { return f.Name == flag })
	v := k.Model.Flags[i].Target
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "unset", nil
		}
		v = v.Elem()
	}
	if lines, ok := v.Interface().([]declaredRepository); ok { // which has pointers
		return listed(flag, lines, "\n"), nil
	}
	return fmt.Sprintf("%v", v.Interface()), nil
}

// mustParse is parse for what must be accepted.
func mustParse(t *testing.T, flag string, args ...string) string {
	t.Helper()
	got, err := parse(t, flag, args...)
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return got
}

// writeTOML puts a setting into a file, lists as lists and plain numbers and truth values as such.
func writeTOML(t *testing.T, f *kong.Flag, text string) string {
	t.Helper()
	section, key, ok := strings.Cut(tomlKey(f.Name), ".")
	value := fmt.Sprintf("%q", text)
	switch {
	case f.Name == "oidc-issuers", f.Name == "upstreams", f.Name == "repositories", f.Name == "aliases",
		f.Name == "feeds":
		return write(t, entriesTOML(tomlKey(f.Name), text))
	case f.Target.Kind() == reflect.Slice:
		value = fmt.Sprintf("[%q]", strings.Split(text, ","))
		value = strings.NewReplacer("[[", "[", "]]", "]", `" "`, `", "`).Replace(value)
	case isTruth(f), text == "2", text == "2000":
		value = text
	}
	if !ok {
		return write(t, section+" = "+value+"\n")
	}
	return write(t, "["+section+"]\n"+key+" = "+value+"\n")
}

// entriesTOML writes the text form of a list of tables as the file has it.
func entriesTOML(key, text string) string {
	var b strings.Builder
	for one := range strings.SplitSeq(text, ";") {
		fmt.Fprintf(&b, "[[%s]]\n", key)
		for pair := range strings.SplitSeq(one, ",") {
			name, value, _ := strings.Cut(pair, "=")
			switch {
			case name == "allow" || name == "bases":
				fmt.Fprintf(&b, "%s = [\"%s\"]\n", name, strings.Join(strings.Fields(value), `", "`))
			case value == "true" || value == "false":
				fmt.Fprintf(&b, "%s = %s\n", name, value)
			default:
				fmt.Fprintf(&b, "%s = %q\n", name, value)
			}
		}
	}
	return b.String()
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func isTruth(f *kong.Flag) bool {
	k := f.Target.Type()
	return k.Kind() == reflect.Bool || k.Kind() == reflect.Pointer
}

// Every setting is a flag, a variable and a key of the file, in that order.
func TestPrecedence(t *testing.T) {
	for _, f := range settings(t) {
		t.Run(f.Name, func(t *testing.T) {
			env := "INDEX_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			values := samples(f)
			if isTruth(f) {
				values = [3]string{"true", "false", "true"}
			} else if f.Enum != "" && f.Name != "log-level" {
				enum := strings.Split(f.Enum, ",")
				values = [3]string{enum[1], enum[0], enum[len(enum)-1]}
			}
			want := func(text string) string { return mustParse(t, f.Name, "--"+f.Name+"="+text) }
			fromFlag, fromEnv, fromFile := want(values[0]), want(values[1]), want(values[2])
			unset := mustParse(t, f.Name)

			file := "--config=" + writeTOML(t, f, values[2])
			if got := mustParse(t, f.Name, file); got != fromFile {
				t.Errorf("the file alone gives %q, want %q", got, fromFile)
			}
			t.Setenv(env, values[1])
			if got := mustParse(t, f.Name); got != fromEnv {
				t.Errorf("%s alone gives %q, want %q", env, got, fromEnv)
			}
			if got := mustParse(t, f.Name, file); got != fromEnv {
				t.Errorf("%s over the file gives %q, want %q", env, got, fromEnv)
			}
			if got := mustParse(t, f.Name, file, "--"+f.Name+"="+values[0]); got != fromFlag {
				t.Errorf("the flag over all gives %q, want %q", got, fromFlag)
			}
			os.Unsetenv(env)
			t.Setenv("INDEX_CONFIG", strings.TrimPrefix(file, "--config="))
			if got := mustParse(t, f.Name); got != fromFile {
				t.Errorf("INDEX_CONFIG gives %q, want %q", got, fromFile)
			}
			if other := mustParse(t, f.Name, "--config="); other != unset {
				t.Errorf("no file gives %q, want the default %q", other, unset)
			}
		})
	}
}

// The defaults that are contracts.
func TestDefaults(t *testing.T) {
	for flag, want := range map[string]string{
		"listen": "127.0.0.1:8080", "data-dir": "./data", "access-anonymous-read": "false", "upload-policy": "private",
		"attestations-policy": "verify-if-present", "attestations-trusted-root": "", "attestations-sct": "require",
		"storage-delivery": "auto", "oidc-issuers": "[{github https://token.actions.githubusercontent.com    }]",
		"oidc-token-lifetime": fmt.Sprint(Span(15 * 60 * 1e9)),
	} {
		if got := mustParse(t, flag); got != want {
			t.Errorf("default of %s = %q, want %q", flag, got, want)
		}
	}
}

func TestAcceptedIssuers(t *testing.T) {
	for _, text := range []string{
		"kind=github,issuer=http://127.0.0.1:99", "kind=github,issuer=http://[::1]:99/x",
		"kind=github,issuer=http://localhost:1", "kind=github, issuer=https://a.example/x",
	} {
		if err := new(issuer).UnmarshalText([]byte(text)); err != nil {
			t.Errorf("UnmarshalText(%q) = %v, want nil", text, err)
		}
	}
}

func TestAudience(t *testing.T) {
	for text, want := range map[string]string{
		"https://pypi.acme.example": "pypi.acme.example", "https://PyPI.acme.example:443/x": "pypi.acme.example",
		"https://pypi.acme.example:8443": "pypi.acme.example:8443", "http://127.0.0.1:8080": "127.0.0.1:8080",
	} {
		var b baseURL
		if err := b.UnmarshalText([]byte(text)); err != nil || new(Config).Audience(b.URL) != want {
			t.Errorf("audience(%s) = %q, %v, want %q", text, new(Config).Audience(b.URL), err, want)
		}
	}
}

// TestConfiguredAudience checks the audience that clients are told, and that every issuer accepts it beside its own.
func TestConfiguredAudience(t *testing.T) {
	base := &url.URL{Scheme: "https", Host: "pypi.acme.example"}
	const host, own, other = "pypi.acme.example", "index.team.example", "api://AzureADTokenExchange"
	for _, c := range []struct {
		name       string
		configured []string // of each issuer
		told       string
		accepted   []string // by each issuer, joined
	}{
		{"none configured", []string{"", ""}, host, []string{host, host}},
		{"the only issuer", []string{own}, own, []string{own}},
		{"all the same", []string{own, own}, own, []string{own, own}},
		{"one of two", []string{own, ""}, host, []string{host + " " + own, host}},
		{"the other of two", []string{"", own}, host, []string{host, host + " " + own}},
		{"all different", []string{own, other}, host, []string{host + " " + own, host + " " + other}},
		{
			"the last differs",
			[]string{own, own, other},
			host,
			[]string{host + " " + own, host + " " + own, host + " " + other},
		},
		{"the host spelled out", []string{host, ""}, host, []string{host, host}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var conf Config
			for _, a := range c.configured {
				conf.OIDC.Issuers = append(conf.OIDC.Issuers, issuer{Kind: "github", Audience: a})
			}
			if got := conf.Audience(base); got != c.told {
				t.Errorf("Audience() = %q, want %q", got, c.told)
			}
			for n, i := range conf.OIDC.Issuers {
				if got := strings.Join(conf.Audiences(i, base), " "); got != c.accepted[n] {
					t.Errorf("Audiences(issuer %d) = %q, want %q", n, got, c.accepted[n])
				}
			}
		})
	}
}

// The addresses of security.txt are URLs, each on one line.
func TestSecurityContacts(t *testing.T) {
	for _, c := range []struct {
		contacts []string
		policy   string
		ok       bool
	}{
		{nil, "", true},
		{[]string{"mailto:security@acme.example"}, "", true},
		{[]string{"https://acme.example/report", "tel:+1-201-555-0123"}, "https://acme.example/policy", true},
		{[]string{"security@acme.example"}, "", false},
		{[]string{"http://acme.example/"}, "", false},
		{[]string{"mailto:"}, "", false},
		{[]string{"https://"}, "", false},
		{[]string{"mailto:a@b.example\nPolicy: https://evil.example"}, "", false},
		{[]string{"mailto:a@b.example c"}, "", false},
		{[]string{""}, "", false},
		{nil, "https://acme.example/policy", false},
		{[]string{"mailto:a@b.example"}, "mailto:a@b.example", false},
		{[]string{"mailto:a@b.example"}, "javascript:alert(1)", false},
	} {
		err := (&Config{SecurityContact: c.contacts, SecurityPolicy: c.policy}).checkSecurity()
		if (err == nil) != c.ok {
			t.Errorf("contacts %q, policy %q: %v, want ok %v", c.contacts, c.policy, err, c.ok)
		}
	}
}
