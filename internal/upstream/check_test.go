package upstream_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/upstream"
)

func valid() upstream.Upstream {
	u := upstream.Default()
	u.Name, u.URL = "public", "https://index.example/simple/"
	return u
}

// Each wrong setting is refused under its key.
func TestCheckNamesTheKey(t *testing.T) {
	for _, c := range []struct {
		what, key, says string
		spoil           func(*upstream.Upstream)
	}{
		{"no name", "name", "", func(u *upstream.Upstream) { u.Name = "" }},
		{"capitals", "name", "lower-case", func(u *upstream.Upstream) { u.Name = "Public" }},
		{"a slash", "name", "", func(u *upstream.Upstream) { u.Name = "a/b" }},
		{"a digest", "name", "digest", func(u *upstream.Upstream) { u.Name = strings.Repeat("0a", 32) }},
		{"no URL", "url", "missing", func(u *upstream.Upstream) { u.URL = "" }},
		{"not a URL", "url", "https://", func(u *upstream.Upstream) { u.URL = "index.example" }},
		{"control characters", "url", "not a URL", func(u *upstream.Upstream) { u.URL = "https://index.example/\nx/" }},
		{"blanks", "url", "not a URL", func(u *upstream.Upstream) { u.URL = "https://index.example/a b/" }},
		{"another scheme", "url", "https://", func(u *upstream.Upstream) { u.URL = "ftp://index.example/simple/" }},
		{"no host", "url", "no host", func(u *upstream.Upstream) { u.URL = "https:///simple/" }},
		{"opaque", "url", "no host", func(u *upstream.Upstream) { u.URL = "https:index.example/" }},
		{"a password", "url", "password_file", func(u *upstream.Upstream) { u.URL = "https://u:hush@index.example/simple/" }},
		{"a user", "url", "username", func(u *upstream.Upstream) { u.URL = "https://u@index.example/simple/" }},
		{"a query", "url", "query", func(u *upstream.Upstream) { u.URL = "https://index.example/simple/?x=/" }},
		{"an empty query", "url", "query", func(u *upstream.Upstream) { u.URL = "https://index.example/simple/?" }},
		{"a fragment", "url", "fragment", func(u *upstream.Upstream) { u.URL = "https://index.example/simple/#/" }},
		{
			"no slash at the end", "url", "write https://index.example/simple/",
			func(u *upstream.Upstream) { u.URL = "https://index.example/simple" },
		},
		{"plain http", "url", "allow_private", func(u *upstream.Upstream) { u.URL = "http://index.example/simple/" }},
		{"loopback", "url", "allow_private", func(u *upstream.Upstream) { u.URL = "https://127.0.0.1/simple/" }},
		{"IPv6 loopback", "url", "allow_private", func(u *upstream.Upstream) { u.URL = "https://[::1]:8/simple/" }},
		{"mapped loopback", "url", "allow_private", func(u *upstream.Upstream) { u.URL = "https://[::ffff:10.0.0.1]/" }},
		{"metadata service", "url", "allow_private", func(u *upstream.Upstream) { u.URL = "https://169.254.169.254/" }},
		{"localhost", "url", "allow_private", func(u *upstream.Upstream) { u.URL = "https://LocalHost/" }},
		{"another kind", "kind", "public", func(u *upstream.Upstream) { u.Kind = "own" }},
		{"private without a probe", "probe", "certainly", func(u *upstream.Upstream) { u.Kind = upstream.Private }},
		{"a probe that is no name", "probe", "", func(u *upstream.Upstream) { u.Probe = "-" }},
		{"other names", "names", "listed", func(u *upstream.Upstream) { u.Names = "some" }},
		{"listed without a list", "allow", "listed", func(u *upstream.Upstream) { u.Names = upstream.ListedOnly }},
		{"a bad expression", "allow", "regular", func(u *upstream.Upstream) { u.Allow = []string{"re:("} }},
		{"a bad prefix", "deny", "prefix", func(u *upstream.Upstream) { u.Deny = []string{"*"} }},
		{"an empty pattern", "deny", "", func(u *upstream.Upstream) { u.Deny = []string{""} }},
		{"a relative artifact base", "artifact_base", "", func(u *upstream.Upstream) { u.ArtifactBase = "/files/" }},
		{
			"an artifact base without a slash", "artifact_base", "https://files.example/a/",
			func(u *upstream.Upstream) { u.ArtifactBase = "https://files.example/a" },
		},
		{"a user without a password", "password_file", "", func(u *upstream.Upstream) { u.Username = "u" }},
		{"a password without a user", "username", "", func(u *upstream.Upstream) { u.PasswordFile = "/p" }},
		{"a user with a colon", "username", "colon", func(u *upstream.Upstream) { u.Username, u.PasswordFile = "a:b", "/p" }},
		{"half an identity", "identity_token_file", "", func(u *upstream.Upstream) { u.IdentityAudience = "a" }},
		{"the other half", "identity_audience", "", func(u *upstream.Upstream) { u.IdentityTokenFile = "/i" }},
		{
			"two credentials", "token_file", "choose one",
			func(u *upstream.Upstream) { u.Username, u.PasswordFile, u.TokenFile = "u", "/p", "/t" },
		},
		{
			"a token and an identity", "token_file", "choose one",
			func(u *upstream.Upstream) { u.TokenFile, u.IdentityAudience, u.IdentityTokenFile = "/t", "a", "/i" },
		},
		{"a certificate without a key", "client_key", "", func(u *upstream.Upstream) { u.ClientCert = "/c" }},
		{"a key without a certificate", "client_cert", "", func(u *upstream.Upstream) { u.ClientKey = "/k" }},
		{"a proxy without a scheme", "proxy", "http://", func(u *upstream.Upstream) { u.Proxy = "proxy.example:3128" }},
		{"a proxy with a path", "proxy", "path", func(u *upstream.Upstream) { u.Proxy = "http://proxy.example/x" }},
		{"no TTL", "ttl", "between", func(u *upstream.Upstream) { u.TTL = 0 }},
		{"a negative time", "stale_if_error", "between", func(u *upstream.Upstream) { u.StaleIfError = -1 }},
		{"a century", "stale_while_revalidate", "between", func(u *upstream.Upstream) { u.StaleWhileRevalidate = 1 << 62 }},
		{"a long negative TTL", "negative_ttl", "between", func(u *upstream.Upstream) { u.NegativeTTL = 1 << 62 }},
	} {
		u := valid()
		c.spoil(&u)
		err := u.Check()
		if !fault.Is(err, fault.Invalid) || fault.FieldOf(err) != c.key || !strings.HasPrefix(err.Error(), c.key+": ") ||
			!strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: Check() = %v, want an error of %s that contains %q", c.what, err, c.key, c.says)
		}
		if err != nil && strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the error has the password: %v", c.what, err)
		}
	}
}

func TestCheckAccepts(t *testing.T) {
	for what, edit := range map[string]func(*upstream.Upstream){
		"the defaults":           func(*upstream.Upstream) {},
		"a root without a path":  func(u *upstream.Upstream) { u.URL = "https://index.example/" },
		"a port and a deep path": func(u *upstream.Upstream) { u.URL = "https://index.example:8443/a/b/+simple/" },
		"plain http, if allowed": func(u *upstream.Upstream) {
			u.URL, u.AllowPrivate = "http://127.0.0.1:8080/simple/", true
		},
		"private with its probe": func(u *upstream.Upstream) { u.Kind, u.Probe = upstream.Private, "Acme.Core" },
		"listed names": func(u *upstream.Upstream) {
			u.Names, u.Allow = "listed", []string{"torch*", "re:nvidia-.*"}
		},
		"a user with a password":  func(u *upstream.Upstream) { u.Username, u.PasswordFile = "u", "/p" },
		"a certificate and token": func(u *upstream.Upstream) { u.ClientCert, u.ClientKey, u.TokenFile = "/c", "/k", "/t" },
		"a proxy with a user":     func(u *upstream.Upstream) { u.Proxy = "http://u:p@proxy.example:3128" },
		"no stale pages":          func(u *upstream.Upstream) { u.StaleIfError, u.StaleWhileRevalidate = 0, 0 },
	} {
		u := valid()
		edit(&u)
		if err := u.Check(); err != nil {
			t.Errorf("%s: Check() = %v", what, err)
		}
	}
}

// What is shown or stored of a setting can be set again, and no field is forgotten.
func TestSettingsKeepEveryField(t *testing.T) {
	u := upstream.Default()
	v := reflect.ValueOf(&u).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i).Addr().Interface().(type) {
		case *string:
			*f = v.Type().Field(i).Name
		case *upstream.Kind:
			*f = upstream.Private
		case *bool:
			*f = !*f
		case *time.Duration:
			*f = time.Duration(i+1) * 12 * time.Hour
		case *[]string:
			*f = []string{v.Type().Field(i).Name, "b"}
		}
	}
	values, texts := upstream.Default(), upstream.Default()
	for _, key := range upstream.Keys() {
		if err := values.Set(key, u.Value(key)); err != nil {
			t.Errorf("Set(%s, %v) = %v", key, u.Value(key), err)
		}
		if err := texts.Set(key, u.Text(key)); err != nil {
			t.Errorf("Set(%s, %s) = %v", key, u.Text(key), err)
		}
	}
	// these belong to the row
	u.Declared, u.Revision, u.CreatedAt = values.Declared, values.Revision, values.CreatedAt
	if !reflect.DeepEqual(values, u) || !reflect.DeepEqual(texts, u) {
		t.Errorf("set again:\n%+v\n%+v\nwant\n%+v", values, texts, u)
	}
}

func TestSetRefuses(t *testing.T) {
	for key, value := range map[string]any{
		"cooldown": "72h", "url": 1, "kind": true, "trust_times": "maybe", "ttl": "soon", "allow": []any{1}, "deny": 7,
		"negative_ttl": "-3d",
	} {
		u := valid()
		if err := u.Set(key, value); fault.FieldOf(err) != key {
			t.Errorf("Set(%s, %v) = %v, want an error of it", key, value, err)
		}
	}
}

// The password of a proxy is stored, because requests need it, and never shown.
func TestProxyPasswordIsNotShown(t *testing.T) {
	u := valid()
	u.Proxy = "http://user:hush@proxy.example:3128"
	if got := u.Text("proxy"); strings.Contains(got, "hush") || !strings.Contains(got, "proxy.example:3128") {
		t.Errorf("Text(proxy) = %q", got)
	}
	if u.Value("proxy") != u.Proxy {
		t.Errorf("Value(proxy) = %v", u.Value("proxy"))
	}
	u.Proxy = "http://user:hush%zz@proxy.example"
	if got := u.Text("proxy"); strings.Contains(got, "hush") {
		t.Errorf("Text(malformed proxy) = %q", got)
	}
}
