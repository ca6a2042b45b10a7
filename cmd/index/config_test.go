package main

import (
	"bytes"
	"context"
	"fmt"
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
		return [3]string{"kind=github,issuer=https://a.example", "kind=github,issuer=https://b.example;kind=github,issuer=https://c.example,audience=d", "kind=github,issuer=https://e.example"}
	case "log-level":
		return [3]string{"debug", "warn", "error"}
	}
	switch f.Target.Interface().(type) {
	case baseURL:
		return [3]string{"https://a.example", "https://b.example/x", "http://c.example"}
	case []prefix:
		return [3]string{"10.0.0.0/8", "192.0.2.1/32,fd00::/8", "127.0.0.0/8"}
	case span:
		return [3]string{"1m", "2h", "3m"}
	case byteSize:
		return [3]string{"1KiB", "2000", "3MB"}
	case count:
		return [3]string{"1", "2", "3"}
	}
	return [3]string{"one", "two", "three"}
}

// settings are the flags of every setting but the file's own.
func settings(t *testing.T) []*kong.Flag {
	t.Helper()
	k, err := newParser(new(commands), os.Stdout, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(k.Model.Flags, func(f *kong.Flag) bool { return !isSetting(f) || f.Name == "config" })
}

// parse reads a command line and returns the text of a setting, and the error.
func parse(t *testing.T, flag string, args ...string) (string, error) {
	t.Helper()
	c := new(commands)
	k, err := newParser(c, os.Stdout, os.Stderr)
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
	case f.Name == "oidc-issuers":
		return write(t, issuersTOML(text))
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

func issuersTOML(text string) string {
	var b strings.Builder
	for one := range strings.SplitSeq(text, ";") {
		b.WriteString("[[oidc.issuers]]\n")
		for pair := range strings.SplitSeq(one, ",") {
			name, value, _ := strings.Cut(pair, "=")
			fmt.Fprintf(&b, "%s = %q\n", name, value)
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
		"storage-delivery": "auto", "oidc-issuers": "[{github https://token.actions.githubusercontent.com   }]", "oidc-token-lifetime": fmt.Sprint(span(15 * 60 * 1e9)),
	} {
		if got := mustParse(t, flag); got != want {
			t.Errorf("default of %s = %q, want %q", flag, got, want)
		}
	}
}

// A setting that cannot be stops the program, with status 2 and its name on one line.
func TestRefusedSettings(t *testing.T) {
	notPEM := write(t, "nothing")
	tests := []struct{ name, file, args, want string }{
		{"unknown key", "lisen = 'x'", "", "lisen"},
		{"unknown section", "[acces]\nanonymous_read = true", "", "acces.anonymous_read"},
		{"empty unknown section", "[acces]", "", "acces"},
		{"unknown key in a section", "[access]\nanonymous = true", "", "access.anonymous"},
		{"flag name as a key", "access_anonymous_read = true", "", "access_anonymous_read"},
		{"dashes in a key", "data-dir = 'x'", "", "data-dir"},
		{"a section in a section", "[access.anonymous_read]\nx = 1", "", "access.anonymous_read"},
		{"unknown key of an issuer", "[[oidc.issuers]]\nkind = 'github'\nisuer = 'https://a.example'", "", "oidc.issuers[0].isuer"},
		{"number for an issuer", "[[oidc.issuers]]\nkind = 1", "", "oidc.issuers[0].kind"},
		{"comma in an issuer", "[[oidc.issuers]]\nkind = 'github,issuer=https://evil.example'", "", "oidc.issuers[0].kind"},
		{"broken file", "listen = ", "", "line 1"},
		{"help is no key", "help = true", "", "help"},
		{"wrong type", "[access]\nanonymous_read = 'maybe'", "", "access-anonymous-read"},
		{"number that is a float", "[limits]\nmint_rate = 1.5", "", "limits.mint_rate"},
		{"no such file", "", "--config=/nonexistent/x.toml", "config"},
		{"size", "", "--limits-file-size=lots", "limits-file-size"},
		{"negative size", "", "--limits-file-size=-1", "limits-file-size"},
		{"overflowing size", "", "--limits-file-size=99999999999TiB", "limits-file-size"},
		{"negative rate", "", "--limits-mint-rate=-1", "limits-mint-rate"},
		{"negative rate of signing in", "", "--limits-sign-in-rate=-1", "limits-sign-in-rate"},
		{"a record of minutes", "", "--audit-keep=90m", "audit.keep"},
		{"refusals of minutes", "[audit]\nkeep_refusals = '90m'", "", "audit.keep_refusals"},
		{"a record of less than nothing", "", "--audit-keep=-48h", "audit"},
		{"duration", "", "--drain-timeout=soon", "drain-timeout"},
		{"proxies", "", "--trusted-proxies=10.0.0.0/99", "trusted-proxies"},
		{"listen without a port", "", "--listen=localhost", "listen"},
		{"listen on a port that is none", "", "--listen=:99999", "listen"},
		{"base URL of another scheme", "", "--base-url=ftp://a", "base-url"},
		{"base URL with a query", "", "--base-url=https://a/?x", "base-url"},
		{"base URL with credentials", "", "--base-url=https://u:p@a/", "base-url"},
		{"base URL with dots", "", "--base-url=https://a/b/../c", "base-url"},
		{"base URL with an encoded path", "", "--base-url=https://a/b%2Fc", "base-url"},
		{"empty data folder", "", "--data-dir=", "data_dir"},
		{"certificate without key", "", "--tls-cert=x", "tls_key"},
		{"two kinds of TLS", "", "--tls-self-signed --tls-acme=a.example", "tls_self_signed"},
		{"ACME for a URL", "", "--tls-acme=https://a.example", "tls_acme"},
		{"unreadable secret", "", "--database-url-file=/nonexistent/secret", "database.url_file"},
		{"empty secret", "", "--database-url-file=" + write(t, ""), "database.url_file"},
		{"two databases", "", "--database-url=sqlite:x --database-url-file=y", "database.url_file"},
		{"database of another kind", "", "--database-url=mysql://x", "database.url"},
		{"password on the command line", "", "--database-url=postgres://u:hush@h/d", "--database-url-file"},
		{"storage of another kind", "", "--storage-url=ftp://x", "storage.url"},
		{"redirect from a folder", "", "--storage-delivery=redirect", "storage.delivery"},
		{"delivery", "", "--storage-delivery=drone", "storage-delivery"},
		{"policy", "", "--upload-policy=none", "upload-policy"},
		{"log level", "", "--log-level=loud", "log-level"},
		{"http issuer", "", "--oidc-issuers=kind=github,issuer=http://a.example", "issuer"},
		{"issuer of another kind", "", "--oidc-issuers=kind=jenkins,issuer=https://a.example", "jenkins"},
		{"API of an issuer without accounts", "", "--oidc-issuers=kind=gitlab,issuer=https://a.example,api_url=https://a.example/api", "api_url"},
		{"API by plain http", "", "--oidc-issuers=kind=github,issuer=https://a.example,api_url=http://a.example/api", "api_url"},
		{"API with a password", "", "--oidc-issuers=kind=github,issuer=https://a.example,api_url=https://u:p@a.example/api", "api_url"},
		{"issuer without a URL", "", "--oidc-issuers=kind=github", "issuer"},
		{"issuer twice", "", "--oidc-issuers=kind=github,issuer=https://a.example;kind=github,issuer=https://a.example", "oidc.issuers"},
		{"issuer with credentials", "", "--oidc-issuers=kind=github,issuer=https://u:p@a.example", "issuer"},
		{"issuer field twice", "", "--oidc-issuers=kind=github,kind=github,issuer=https://a.example", "kind"},
		{"unreadable CA", "", "--oidc-issuers=kind=github,issuer=https://a.example,ca_file=/nonexistent/ca", "ca_file"},
		{"CA that is none", "", "--oidc-issuers=kind=github,issuer=https://a.example,ca_file=" + notPEM, "ca_file"},
		{"token lifetime too long", "", "--oidc-token-lifetime=7h", "oidc.token_lifetime"},
		{"token lifetime too short", "", "--oidc-token-lifetime=1s", "oidc.token_lifetime"},
		{"session of sign-on too short", "", "--sso-issuer=https://login.example --sso-client-id=x --sso-session-life=1m", "sso.session_life"},
		{"default life of tokens too long", "", "--access-token-default-life=366d", "access.token_default_life"},
		{"unknown second factor policy", "", "--access-require-second-factor=some", "require-second-factor"},
		{"unknown invitations", "", "--access-invitations=everybody", "access-invitations"},
		{"attestations of another policy", "", "--attestations-policy=maybe", "attestations-policy"},
		{"required attestations without a root", "", "--attestations-policy=require", "attestations.policy"},
		{"no trusted root", "", "--attestations-trusted-root=/nonexistent/root.json", "attestations.trusted_root"},
		{"trusted root that is none", "[attestations]\ntrusted_root = '" + notPEM + "'", "", "attestations.trusted_root"},
		{"unreadable key of a finder", "[leaks]\nkeys = ['/nonexistent/key.pem']", "", "leaks.keys"},
		{"key of a finder that is none", "", "--leaks-keys=" + notPEM, "leaks.keys"},
		{"one text for the keys of finders", "[leaks]\nkeys = 7", "", "leaks.keys"},
		{"unknown key of leaks", "[leaks]\nkey = ['x']", "", "leaks.key"},
		{"mail without a server", "[mail]\nfrom = 'index@example.com'", "", "mail.server"},
		{"mail server without a port", "[mail]\nserver = 'smtp.example.com'\nfrom = 'index@example.com'", "", "mail.server"},
		{"mail from nobody", "[mail]\nserver = 'smtp.example.com:587'", "", "mail.from"},
		{"mail with another header", "[mail]\nserver = 'smtp.example.com:587'\nfrom = \"index@example.com\\r\\nBcc: x@example.com\"", "", "mail.from"},
		{"mail user without a password", "[mail]\nserver = 'smtp.example.com:587'\nfrom = 'index@example.com'\nuser = 'index'", "", "mail.user"},
		{"mail password that is not there", "[mail]\nserver = 'smtp.example.com:587'\nfrom = 'index@example.com'\nuser = 'index'\npassword_file = '/nonexistent/password'", "", "mail.password_file"},
		{"mail in the clear to elsewhere", "[mail]\nserver = 'smtp.example.com:25'\nfrom = 'index@example.com'\ntls = 'none'", "", "mail.tls"},
		{"mail spoken to otherwise", "[mail]\ntls = 'ssl'", "", "mail-tls"},
		{"mail password in the file", "[mail]\npassword = 'x'", "", "mail.password"},
		{"realm with a line end", "[access]\nrealm = \"a\\nb\"", "", "access.realm"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append([]string{"serve", "--data-dir=" + t.TempDir()}, strings.Fields(tt.args)...)
			if tt.file != "" {
				args = append(args, "--config="+write(t, tt.file))
			}
			var out, errs bytes.Buffer
			status := run(context.Background(), args, strings.NewReader(""), &out, &errs)
			if status != statusMisused || !strings.Contains(errs.String(), tt.want) || strings.Count(errs.String(), "\n") != 1 {
				t.Errorf("run(%q) = %d, %q, want status 2 and one line with %q", args, status, errs.String(), tt.want)
			}
			if strings.Contains(errs.String(), "hush") {
				t.Errorf("the password is in %q", errs.String())
			}
		})
	}
}

func TestAcceptedIssuers(t *testing.T) {
	for _, text := range []string{"kind=github,issuer=http://127.0.0.1:99", "kind=github,issuer=http://[::1]:99/x", "kind=github,issuer=http://localhost:1", "kind=github, issuer=https://a.example/x"} {
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
		if err := b.UnmarshalText([]byte(text)); err != nil || audience(b.parsed) != want {
			t.Errorf("audience(%s) = %q, %v, want %q", text, audience(b.parsed), err, want)
		}
	}
}
