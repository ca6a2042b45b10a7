//go:build !windows

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// settingsHelp is the last line of an error about a setting.
const settingsHelp = "Run index serve --help for the settings.\n"

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
		{
			"unknown key of an issuer", "[[oidc.issuers]]\nkind = 'github'\nisuer = 'https://a.example'", "",
			"oidc.issuers[0].isuer",
		},
		{"number for an issuer", "[[oidc.issuers]]\nkind = 1", "", "oidc.issuers[0].kind"},
		{"comma in an issuer", "[[oidc.issuers]]\nkind = 'github,issuer=https://evil.example'", "", "oidc.issuers[0].kind"},
		{"broken file", "listen = ", "", ":1:9: expected value"},
		{"help is no key", "help = true", "", "help"},
		{"wrong type", "[access]\nanonymous_read = 'maybe'", "", ":2: access.anonymous_read"},
		{"number that is a float", "[limits]\nmint_rate = 1.5", "", "limits.mint_rate"},
		{"no such file", "", "--config=/nonexistent/x.toml", "config"},
		{"size", "", "--limits-file-size=lots", "limits-file-size"},
		{"negative size", "", "--limits-file-size=-1", "limits-file-size"},
		{"overflowing size", "", "--limits-file-size=99999999999TiB", "limits-file-size"},
		{"negative rate", "", "--limits-mint-rate=-1", "limits-mint-rate"},
		{"negative rate of signing in", "", "--limits-sign-in-rate=-1", "limits-sign-in-rate"},
		{"a record of minutes", "", "--audit-keep=90m", "--audit-keep"},
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
		{"empty data folder", "", "--data-dir=", "--data-dir"},
		{"metrics for other machines without a token", "", "--metrics-listen=0.0.0.0:9090", "--metrics-listen"},
		{"metrics on all addresses without a token", "[metrics]\nlisten = ':9090'", "", "metrics.listen"},
		{"metrics without a port", "", "--metrics-listen=127.0.0.1", "--metrics-listen"},
		{"no token of the metrics", "", "--metrics-token-file=/nonexistent/token", "--metrics-token-file"},
		{"short token of the metrics", "", "--metrics-token-file=" + write(t, "short"), "--metrics-token-file"},
		{
			"two tokens of the metrics", "", "--metrics-token-file=" + write(t, "0123456789abcdef0123\n0123456789abcdef0123"),
			"--metrics-token-file",
		},
		{"certificate without key", "", "--tls-cert=x", "--tls-cert and tls_key"},
		{"two kinds of TLS", "", "--tls-self-signed --tls-acme=a.example", "--tls-self-signed"},
		{"ACME for a URL", "", "--tls-acme=https://a.example", "--tls-acme"},
		{"unreadable secret", "", "--database-url-file=/nonexistent/secret", "--database-url-file"},
		{"empty secret", "", "--database-url-file=" + write(t, ""), "--database-url-file"},
		{"two databases", "", "--database-url=sqlite:x --database-url-file=y", "--database-url-file"},
		{"database of another kind", "", "--database-url=mysql://x", "--database-url"},
		{"password on the command line", "", "--database-url=postgres://u:hush@h/d", "--database-url-file"},
		{"storage of another kind", "", "--storage-url=ftp://x", "--storage-url"},
		{"redirect from a folder", "", "--storage-delivery=redirect", "--storage-delivery"},
		{"delivery", "", "--storage-delivery=drone", "storage-delivery"},
		{"policy", "", "--upload-policy=none", "upload-policy"},
		{"log level", "", "--log-level=loud", "log-level"},
		{"http issuer", "", "--oidc-issuers=kind=github,issuer=http://a.example", "issuer"},
		{"issuer of another kind", "", "--oidc-issuers=kind=drone,issuer=https://a.example", "drone"},
		{
			"API of an issuer without accounts", "",
			"--oidc-issuers=kind=gitlab,issuer=https://a.example,api_url=https://a.example/api", "api_url",
		},
		{
			"API by plain http", "", "--oidc-issuers=kind=github,issuer=https://a.example,api_url=http://a.example/api",
			"api_url",
		},
		{
			"API with a password", "", "--oidc-issuers=kind=github,issuer=https://a.example,api_url=https://u:p@a.example/api",
			"api_url",
		},
		{
			"server of an issuer of another kind", "",
			"--oidc-issuers=kind=github,issuer=https://a.example,server=https://b.example", "server",
		},
		{"server without a host", "", "--oidc-issuers=kind=gitlab,issuer=https://a.example,server=b.example", "server"},
		{
			"server with a query", "", "--oidc-issuers=kind=gitlab,issuer=https://a.example,server=https://b.example?x",
			"server",
		},
		{
			"server with a password", "", "--oidc-issuers=kind=gitlab,issuer=https://a.example,server=https://u:p@b.example",
			"server",
		},
		{"issuer without a URL", "", "--oidc-issuers=kind=github", "issuer"},
		{
			"issuer twice", "", "--oidc-issuers=kind=github,issuer=https://a.example;kind=github,issuer=https://a.example",
			"--oidc-issuers",
		},
		{"issuer with credentials", "", "--oidc-issuers=kind=github,issuer=https://u:p@a.example", "issuer"},
		{"issuer field twice", "", "--oidc-issuers=kind=github,kind=github,issuer=https://a.example", "kind"},
		{"unreadable CA", "", "--oidc-issuers=kind=github,issuer=https://a.example,ca_file=/nonexistent/ca", "ca_file"},
		{"CA that is none", "", "--oidc-issuers=kind=github,issuer=https://a.example,ca_file=" + notPEM, "ca_file"},
		{"token lifetime too long", "", "--oidc-token-lifetime=7h", "--oidc-token-lifetime"},
		{"token lifetime too short", "", "--oidc-token-lifetime=1s", "--oidc-token-lifetime"},
		{
			"session of sign-on too short", "", "--sso-issuer=https://login.example --sso-client-id=x --sso-session-life=1m",
			"--sso-session-life",
		},
		{"default life of tokens too long", "", "--access-token-default-life=366d", "--access-token-default-life"},
		{"unknown second factor policy", "", "--access-require-second-factor=some", "require-second-factor"},
		{"unknown invitations", "", "--access-invitations=everybody", "access-invitations"},
		{"attestations of another policy", "", "--attestations-policy=maybe", "attestations-policy"},
		{"required attestations without a root", "", "--attestations-policy=require", "--attestations-policy"},
		{"no trusted root", "", "--attestations-trusted-root=/nonexistent/root.json", "--attestations-trusted-root"},
		{"trusted root that is none", "[attestations]\ntrusted_root = '" + notPEM + "'", "", ":2: attestations.trusted_root"},
		{"unreadable key of a finder", "[leaks]\nkeys = ['/nonexistent/key.pem']", "", "leaks.keys"},
		{"key of a finder that is none", "", "--leaks-keys=" + notPEM, "--leaks-keys"},
		{"one text for the keys of finders", "[leaks]\nkeys = 7", "", "leaks.keys"},
		{"unknown key of leaks", "[leaks]\nkey = ['x']", "", "leaks.key"},
		{"mail without a server", "[mail]\nfrom = 'index@example.com'", "", "mail.server"},
		{"mail server without a port", "[mail]\nserver = 'smtp.example.com'\nfrom = 'index@example.com'", "", "mail.server"},
		{"mail from nobody", "[mail]\nserver = 'smtp.example.com:587'", "", "mail.from"},
		{
			"mail with another header",
			"[mail]\nserver = 'smtp.example.com:587'\nfrom = \"index@example.com\\r\\nBcc: x@example.com\"", "", "mail.from",
		},
		{
			"mail user without a password",
			"[mail]\nserver = 'smtp.example.com:587'\nfrom = 'index@example.com'\nuser = 'index'", "", "mail.user",
		},
		{
			"mail password that is not there",
			"[mail]\nserver = 'smtp.example.com:587'\nfrom = 'index@example.com'\nuser = 'index'\npassword_file = '/nonexistent/password'", "", "mail.password_file",
		},
		{
			"mail in the clear to elsewhere",
			"[mail]\nserver = 'smtp.example.com:25'\nfrom = 'index@example.com'\ntls = 'none'", "", "mail.tls",
		},
		{"mail spoken to otherwise", "[mail]\ntls = 'ssl'", "", ":2: mail.tls"},
		{"mail password in the file", "[mail]\npassword = 'x'", "", "mail.password"},
		{
			"unknown key of an upstream", "[[upstreams]]\nname = 'a'\nprob = 'x'", "",
			":3: unknown key \"upstreams[0].prob\"; did you mean probe?",
		},
		{
			"later key of a repository", "[[repositories]]\nname = 'a'\ncool_down = '72h'", "",
			":3: unknown key \"repositories[0].cool_down\"",
		},
		{
			"second upstream without a slash",
			"[[upstreams]]\nname = 'a'\nurl = 'https://a.example/'\n[[upstreams]]\nname = 'b'\nurl = 'https://b.example/simple'", "",
			":6: upstreams[1].url: https://b.example/simple does not end with \"/\"",
		},
		{
			"number for a time", "[[upstreams]]\nname = 'a'\nurl = 'https://a.example/'\nttl = 10", "", ":4: upstreams[0].ttl",
		},
		{
			"text for a list", "[[repositories]]\nname = 'a'\nbases = 1", "", ":3: repositories[0].bases",
		},
		{"upstream without a URL", "[[upstreams]]\nname = 'a'", "", ":1: upstreams[0].url"},
		{
			"upstream twice", "", "--upstreams=name=a,url=https://a.example/;name=a,url=https://b.example/", "--upstreams",
		},
		{"repository twice", "", "--repositories=name=a;name=a", "--repositories"},
		{"repository with a bad name", "[[repositories]]\nname = 'A'", "", ":1: repositories"},
		{"readers of upstreams", "", "--repositories=name=a,upstream_readers=all", "upstream_readers"},
		{"upstream by plain http", "", "--upstream=http://a.example/simple/", "set upstream_allow_private"},
		{"upstream without a slash", "upstream = 'https://a.example/simple'", "", ":1: upstream: "},
		{"upstream with a password", "", "--upstream=https://u:hush@a.example/simple/", "--upstream"},
		{"private addresses of no upstream", "", "--upstream-allow-private", "--upstream-allow-private"},
		{
			"two upstreams of one name", "",
			"--upstream=https://a.example/ --upstreams=name=default,url=https://b.example/", "--upstream: ",
		},
		{
			"unreadable password of an upstream", "",
			"--upstreams=name=a,url=https://a.example/,username=u,password_file=/nonexistent/p", "password_file of a",
		},
		{"size of the upstream cache", "[upstream_cache]\nsize = 'lots'", "", ":2: upstream_cache.size"},
		{"no time for an upstream", "", "--upstream-timeout=0s", "--upstream-timeout: 0s must be between 1s and 10m"},
		{"a rest of a day", "upstream_rest = '1d'", "", ":1: upstream_rest: 1d must be between 1s and 1h"},
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
			problem, rest, _ := strings.Cut(errs.String(), "\n")
			if status != statusMisused || !strings.Contains(problem, tt.want) || !helpLine.MatchString(rest) {
				t.Errorf("run(%q) = %d, %q, want status 2 and one line with %q", args, status, errs.String(), tt.want)
			}
			if strings.Contains(errs.String(), "hush") {
				t.Errorf("the password is in %q", errs.String())
			}
		})
	}
}

// An error about a key of the file names the file and the key, and no flag that has nothing to do with it.
func TestUnknownKeyNamesNoFlag(t *testing.T) {
	file := write(t, "[access]\nanonymus_read = true")
	want := "index: " + file + `:2: unknown key "access.anonymus_read"; did you mean access.anonymous_read?` + "\n" +
		settingsHelp
	for _, args := range [][]string{
		{"serve", "--config", file}, {"project", "list", "--config", file}, {"serve", "--listen=:9", "--config=" + file},
	} {
		var out, errs bytes.Buffer
		status := run(context.Background(), args, strings.NewReader(""), &out, &errs)
		if status != statusMisused || errs.String() != want {
			t.Errorf("run(%q) = %d, %q, want 2 and %q", args, status, errs.String(), want)
		}
	}
}

// write writes a file and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
