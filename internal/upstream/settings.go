package upstream

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/span"
)

// keys are the keys of [[upstreams]] in the configuration file but name, in the order in which they are shown.
var keys = []string{
	"url", "kind", "probe", "names", "allow", "deny", "artifact_base", "trust_times", "allow_private",
	"username", "password_file", "token_file", "identity_audience", "identity_token_file",
	"ca_file", "client_cert", "client_key", "proxy",
	"ttl", "negative_ttl", "stale_while_revalidate", "stale_if_error",
}

// Keys returns the keys of [[upstreams]] in the configuration file, beginning with name.
func Keys() []string { return slices.Concat([]string{"name"}, keys) }

// Default returns an upstream with the default of each setting, without a name and a URL.
func Default() Upstream {
	return Upstream{
		TrustTimes: true, StaleWhileRevalidate: DefaultStaleWhileRevalidate, StaleIfError: DefaultStaleIfError,
	}.WithDefaults()
}

// field returns a pointer to the field of a key, or nil if there is no such key.
func (u *Upstream) field(key string) any {
	return map[string]any{
		"name":                   &u.Name,
		"url":                    &u.URL,
		"kind":                   &u.Kind,
		"probe":                  &u.Probe,
		"names":                  &u.Names,
		"allow":                  &u.Allow,
		"deny":                   &u.Deny,
		"artifact_base":          &u.ArtifactBase,
		"trust_times":            &u.TrustTimes,
		"allow_private":          &u.AllowPrivate,
		"username":               &u.Username,
		"password_file":          &u.PasswordFile,
		"token_file":             &u.TokenFile,
		"identity_audience":      &u.IdentityAudience,
		"identity_token_file":    &u.IdentityTokenFile,
		"ca_file":                &u.CAFile,
		"client_cert":            &u.ClientCert,
		"client_key":             &u.ClientKey,
		"proxy":                  &u.Proxy,
		"ttl":                    &u.TTL,
		"negative_ttl":           &u.NegativeTTL,
		"stale_while_revalidate": &u.StaleWhileRevalidate,
		"stale_if_error":         &u.StaleIfError,
	}[key]
}

// Set sets the field of a key from a value of a configuration file, a JSON document, or a text: "true" for a truth
// value, "10m" or "7d" for a duration, and patterns separated by blanks for a list. It returns fault.Invalid, which
// names the key, if there is no such key or the value has another type. It does not check the value; Check does.
func (u *Upstream) Set(key string, value any) error {
	switch at := u.field(key).(type) {
	case *string:
		text, ok := value.(string)
		if !ok {
			return wrong(key, "it must be a text")
		}
		*at = text
	case *Kind:
		text, ok := value.(string)
		if !ok {
			return wrong(key, "it must be a text")
		}
		*at = Kind(text)
	case *bool:
		on, err := strconv.ParseBool(fmt.Sprint(value))
		if err != nil {
			return wrong(key, "it must be true or false")
		}
		*at = on
	case *time.Duration:
		text, ok := value.(string)
		d, err := span.Parse(text)
		if !ok || err != nil {
			return wrong(key, "%.80q is not a duration: write for example 90s, 10m or 7d", fmt.Sprint(value))
		}
		*at = d
	case *[]string:
		list, ok := texts(value)
		if !ok {
			return wrong(key, "it must be a list of texts")
		}
		*at = list
	default:
		return wrong(key, "there is no such setting of an upstream")
	}
	return nil
}

// texts returns a list of texts, or a text split at blanks.
func texts(value any) (out []string, ok bool) {
	switch v := value.(type) {
	case string:
		return strings.Fields(v), true
	case []string:
		return slices.Clone(v), true
	case []any:
		for _, one := range v {
			text, ok := one.(string)
			if !ok {
				return nil, false
			}
			out = append(out, text)
		}
		return out, true
	}
	return nil, value == nil
}

// Value returns the setting of a key as the configuration file has it: a text, a truth value or a list of texts. It
// returns nil if there is no such key. A password in the URL of a proxy is part of it; see Shown.
func (u Upstream) Value(key string) any {
	switch at := u.field(key).(type) {
	case *string:
		return *at
	case *Kind:
		return string(*at)
	case *bool:
		return *at
	case *time.Duration:
		return span.Text(*at)
	case *[]string:
		return slices.Concat([]string{}, *at) // never nil
	}
	return nil
}

// Values returns the settings but the name by key, for a row. They include a password in the URL of a proxy.
func (u Upstream) Values() map[string]any {
	out := map[string]any{}
	for _, key := range keys {
		out[key] = u.Value(key)
	}
	return out
}

// Shown is Value for people and logs: without a password in the URL of a proxy.
func (u Upstream) Shown(key string) any {
	if key == "proxy" && u.Proxy != "" {
		at, err := url.Parse(u.Proxy)
		if err != nil {
			return "[not shown: it is not a valid URL]"
		}
		if at.User != nil {
			at.User = url.User("[secret]")
			return strings.Replace(at.String(), at.User.String(), "[secret]", 1)
		}
	}
	return u.Value(key)
}

// Text is Shown as a text, with the patterns of a list separated by blanks.
func (u Upstream) Text(key string) string {
	switch v := u.Shown(key).(type) {
	case nil:
		return ""
	case []string:
		return strings.Join(v, " ")
	default:
		return fmt.Sprint(v)
	}
}

// Credential describes how requests are authenticated, such as "the token of /etc/index/token", or "" for an open
// upstream. It names files and never shows their content.
func (u Upstream) Credential() string {
	switch {
	case u.Username != "":
		return "user " + u.Username + " with the password of " + u.PasswordFile
	case u.TokenFile != "":
		return "the token of " + u.TokenFile
	case u.IdentityAudience != "":
		return "an identity token for " + u.IdentityAudience
	}
	return ""
}

// credentialKeys are the keys of everything that may prove to an upstream who asks.
var credentialKeys = []string{
	"username", "password_file", "token_file", "identity_audience", "identity_token_file", "client_cert", "client_key",
}

// WithoutCredential returns u without its credential and its client certificate.
func (u Upstream) WithoutCredential() Upstream {
	for _, key := range credentialKeys {
		*u.field(key).(*string) = ""
	}
	return u
}

// sameCredential reports whether two upstreams have the same credential, whether any or none.
func sameCredential(a, b Upstream) bool {
	return !slices.ContainsFunc(credentialKeys, func(key string) bool { return a.Value(key) != b.Value(key) })
}

// hasCredential reports whether requests prove who asks, also by a client certificate.
func (u Upstream) hasCredential() bool { return !sameCredential(u, Upstream{}) }

// differences returns the shown settings that differ, as "from" and "to" by key, for the audit log.
func differences(from, to Upstream) map[string]any {
	out := map[string]any{}
	for _, key := range keys {
		if fmt.Sprint(from.Value(key)) != fmt.Sprint(to.Value(key)) {
			out[key] = map[string]any{"from": from.Text(key), "to": to.Text(key)}
		}
	}
	if from.Declared != to.Declared {
		out["declared"] = map[string]any{"from": from.Declared, "to": to.Declared}
	}
	return out
}
