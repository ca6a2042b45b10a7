package upstream

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/span"
)

// Bounds of the settings.
const (
	maxPatterns = 10_000
	maxURL      = 2000
	minTTL      = time.Second
	maxTTL      = 30 * span.Day
	maxStale    = 10 * 365 * span.Day
)

// wrong returns a fault.Invalid about a key, whose message begins with the key.
func wrong(key, format string, args ...any) error {
	return fault.InField(key, key+": "+format, args...)
}

// Check returns fault.Invalid if a setting is invalid or contradicts another one. The message begins with the key of
// the setting, which fault.FieldOf returns too. It looks at no file and asks no server.
func (u Upstream) Check() error {
	for _, check := range []func() error{
		u.checkName, u.checkURL, u.checkKind, u.checkPatterns, u.checkCredential, u.checkTransport, u.checkTimes,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (u Upstream) checkName() error {
	if digest.MatchString(u.Name) {
		return wrong("name", "an upstream cannot have the form of a digest: files of this index are found under theirs")
	}
	if !IsName(u.Name) {
		return wrong("name", "%.80q is not a name of an upstream: use lower-case letters, digits and '-', 64 at most", u.Name)
	}
	return nil
}

func (u Upstream) checkURL() error {
	if u.URL == "" {
		return wrong("url", "it is missing: write the URL of the upstream's simple root, for example https://HOST/simple/")
	}
	at, err := plainURL("url", u.URL, "https", "http")
	if err != nil {
		return err
	}
	if at.User != nil {
		return wrong("url", "it must have no user or password: use username with password_file, or token_file")
	}
	if at.Scheme == "http" && !u.AllowPrivate {
		return wrong("url", "%s is plain http: write https, or set allow_private for a server of your own network", u.URL)
	}
	if host := at.Hostname(); !u.AllowPrivate && inside(host) {
		return wrong("url", "%s is a local or private address: set allow_private if this index may connect to it", host)
	}
	if !strings.HasSuffix(at.Path, "/") {
		return wrong("url",
			"%s does not end with \"/\": write %[1]s/, because it is used literally, as the URL of the simple"+
				" root", u.URL)
	}
	if u.ArtifactBase == "" {
		return nil
	}
	base, err := plainURL("artifact_base", u.ArtifactBase, "https", "http")
	if err != nil {
		return err
	}
	if base.User != nil {
		return wrong("artifact_base", "it must have no user or password")
	}
	if !strings.HasSuffix(base.Path, "/") {
		return wrong("artifact_base", "%s does not end with \"/\": write %[1]s/", u.ArtifactBase)
	}
	return nil
}

// plainURL parses a URL with a host and one of the schemes, and without a query and a fragment.
func plainURL(key, text string, schemes ...string) (*url.URL, error) {
	strange := func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) || c == '\\' }
	at, err := url.Parse(text)
	if err != nil || len(text) > maxURL || strings.ContainsFunc(text, strange) { // the text may contain a password
		return nil, wrong(key, "it is not a URL")
	}
	if !slices.Contains(schemes, at.Scheme) {
		return nil, wrong(key, "it must begin with %s://", strings.Join(schemes, ":// or "))
	}
	if at.Opaque != "" || at.Hostname() == "" {
		return nil, wrong(key, "it has no host")
	}
	if at.RawQuery != "" || at.ForceQuery || at.Fragment != "" || strings.Contains(text, "#") {
		return nil, wrong(key, "it must have no query and no fragment, because names of projects are appended to it")
	}
	return at, nil
}

// inside reports whether a host is, by itself, the address of this machine or of a private network.
func inside(host string) bool {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		host = strings.ToLower(strings.TrimSuffix(host, "."))
		return host == "localhost" || strings.HasSuffix(host, ".localhost")
	}
	addr = addr.Unmap()
	return addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || addr.IsUnspecified()
}

func (u Upstream) checkKind() error {
	switch u.Kind {
	case Public:
	case Private:
		if u.Probe == "" {
			return wrong("probe", "a private upstream needs one: a project that it certainly has, so that a missing project"+
				" can be told from a failure")
		}
	default:
		return wrong("kind", "%.80q is neither public nor private", u.Kind)
	}
	if _, err := packaging.ParseProjectName(u.Probe); u.Probe != "" && err != nil {
		return wrong("probe", "%.80q is not a project name", u.Probe)
	}
	return nil
}

func (u Upstream) checkPatterns() error {
	if u.Names != AnyName && u.Names != ListedOnly {
		return wrong("names", "%.80q is neither any nor listed", u.Names)
	}
	if u.Names == ListedOnly && len(u.Allow) == 0 {
		return wrong("allow", "names = \"listed\" needs the names that the upstream may be asked for")
	}
	for key, patterns := range map[string][]string{"allow": u.Allow, "deny": u.Deny} {
		if len(patterns) > maxPatterns {
			return wrong(key, "it has more than %d elements", maxPatterns)
		}
		for _, p := range patterns {
			if err := CheckPattern(p); err != nil {
				return wrong(key, "%s", fault.Message(err))
			}
		}
	}
	return nil
}

func (u Upstream) checkCredential() error {
	switch {
	case u.Username != "" && u.PasswordFile == "":
		return wrong("password_file", "username needs the file that contains its password")
	case u.PasswordFile != "" && u.Username == "":
		return wrong("username", "password_file needs the user whose password it contains")
	case strings.ContainsFunc(u.Username, func(c rune) bool { return c == ':' || unicode.IsControl(c) }):
		return wrong("username", "it must have no colon and no control character")
	case u.IdentityAudience != "" && u.IdentityTokenFile == "":
		return wrong("identity_token_file", "identity_audience needs the file that contains this server's identity token")
	case u.IdentityTokenFile != "" && u.IdentityAudience == "":
		return wrong("identity_audience", "identity_token_file needs the audience of its tokens at the other index")
	}
	ways := 0
	for _, set := range []string{u.Username, u.TokenFile, u.IdentityAudience} {
		if set != "" {
			ways++
		}
	}
	if ways > 1 {
		return wrong("token_file", "choose one credential: username with password_file, token_file, or identity_audience"+
			" with identity_token_file")
	}
	return nil
}

func (u Upstream) checkTransport() error {
	if u.ClientCert != "" && u.ClientKey == "" {
		return wrong("client_key", "client_cert needs the file that contains its private key")
	}
	if u.ClientKey != "" && u.ClientCert == "" {
		return wrong("client_cert", "client_key needs the file that contains its certificate")
	}
	if u.Proxy == "" {
		return nil
	}
	at, err := plainURL("proxy", u.Proxy, "http", "https", "socks5")
	if err == nil && at.Path != "" && at.Path != "/" {
		err = wrong("proxy", "it must have no path: write for example http://HOST:3128")
	}
	return err
}

func (u Upstream) checkTimes() error {
	for _, t := range []struct {
		key         string
		d           time.Duration
		least, most time.Duration
	}{
		{"ttl", u.TTL, minTTL, maxTTL},
		{"negative_ttl", u.NegativeTTL, minTTL, maxTTL},
		{"stale_while_revalidate", u.StaleWhileRevalidate, 0, maxStale},
		{"stale_if_error", u.StaleIfError, 0, maxStale},
	} {
		if t.d < t.least || t.d > t.most {
			return wrong(t.key, "%s is not between %s and %s", span.Text(t.d), span.Text(t.least), span.Text(t.most))
		}
	}
	return nil
}
