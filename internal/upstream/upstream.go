package upstream

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Kind is the relation of an upstream's names to this index.
type Kind string

// Names of a Public upstream may belong to anybody. Names of a Private one are a company's own: no public upstream is
// asked about them.
const (
	Public  Kind = "public"
	Private Kind = "private"
)

// Values of Upstream.Names.
const (
	AnyName    = "any"    // ask for every name, except those in Deny
	ListedOnly = "listed" // ask only for names in Allow
)

// Defaults of the times of an Upstream.
const (
	DefaultTTL                  = 10 * time.Minute
	DefaultNegativeTTL          = time.Minute
	DefaultStaleWhileRevalidate = time.Hour
	DefaultStaleIfError         = 7 * 24 * time.Hour
)

// Upstream is the configuration of one upstream index. The fields are the keys of [[upstreams]] in the configuration
// file.
type Upstream struct {
	Name string
	URL  string // the simple root, used literally; it ends with "/"
	Kind Kind
	// Probe is a project that a Private upstream certainly has. A missing project counts only while the probe is there.
	Probe        string
	Names        string // AnyName or ListedOnly
	ArtifactBase string // URL prefix of files, for their URLs here; "" to recognize the usual layout
	TrustTimes   bool   // whether its upload times are believed
	AllowPrivate bool   // allow plain http, and addresses of loopback and private networks

	// The credential: a user name with a password, a bearer token, or an identity token of the platform that is exchanged
	// at another Index. At most one is set; none for an open upstream. The files are read by the server.
	Username, PasswordFile              string
	TokenFile                           string
	IdentityAudience, IdentityTokenFile string

	CAFile, ClientCert, ClientKey string
	Proxy                         string // URL of an egress proxy, "" for none

	TTL                  time.Duration // how long a page is used without asking again
	NegativeTTL          time.Duration // how long "no such project" is
	StaleWhileRevalidate time.Duration // how much older a page may be while a newer one is being fetched
	StaleIfError         time.Duration // how much older it may be while the upstream fails

	Allow, Deny []string // names, prefixes such as "acme-*", or "re:" with a regular expression

	// Declared is set for upstreams of the configuration file. Pages and commands do not change them.
	Declared bool
	// Revision increases with each change of URL: what was learned from the old one, such as ETags, no longer counts.
	Revision  int64
	CreatedAt time.Time
}

// WithDefaults returns u with the default of each setting that is not set. A zero StaleWhileRevalidate or StaleIfError
// is a value, so callers set those.
func (u Upstream) WithDefaults() Upstream {
	if u.Kind == "" {
		u.Kind = Public
	}
	if u.Names == "" {
		u.Names = AnyName
	}
	if u.TTL == 0 {
		u.TTL = DefaultTTL
	}
	if u.NegativeTTL == 0 {
		u.NegativeTTL = DefaultNegativeTTL
	}
	return u
}

var (
	validName = regexp.MustCompile(`\A[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\z`)
	digest    = regexp.MustCompile(`\A[0-9a-f]{64}\z`)
)

// IsName reports whether s can be the name of an upstream: lower-case letters, digits and dashes. A digest cannot,
// because files of this index are found under their digest in the same place.
func IsName(s string) bool { return validName.MatchString(s) && !digest.MatchString(s) }

// Find returns the upstream of a name in all, or nil. It points into all.
func Find(all []Upstream, name string) *Upstream {
	if i := slices.IndexFunc(all, func(u Upstream) bool { return u.Name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// Origin returns the scheme and host of the upstream, which alone receive its credential.
func (u Upstream) Origin() string {
	at, err := url.Parse(u.URL)
	if err != nil {
		return ""
	}
	return at.Scheme + "://" + strings.ToLower(at.Host)
}

// MayAsk reports whether the upstream may be asked for a project.
func (u Upstream) MayAsk(name packaging.ProjectName) bool {
	if u.Denies(name) {
		return false
	}
	listed := slices.ContainsFunc(u.Allow, func(p string) bool { return Matches(p, name) })
	return listed || len(u.Allow) == 0 && u.Names != ListedOnly
}

// Denies reports whether the configuration says that a project must not be read from the upstream.
func (u Upstream) Denies(name packaging.ProjectName) bool {
	return slices.ContainsFunc(u.Deny, func(p string) bool { return Matches(p, name) })
}

// Lists reports whether the upstream owns a project by its configuration: it may only be asked for listed names, and
// this one is listed.
func (u Upstream) Lists(name packaging.ProjectName) bool {
	return u.Names == ListedOnly && u.MayAsk(name)
}

// Matches reports whether a name fits a pattern of Allow or Deny: a name in any spelling, a prefix that ends in "*", or
// "re:" with a regular expression for the whole normalized name. An invalid pattern matches nothing; see CheckPattern.
func Matches(pattern string, name packaging.ProjectName) bool {
	if expr, ok := strings.CutPrefix(pattern, "re:"); ok {
		re, err := compiled(expr)
		return err == nil && re.MatchString(name.String())
	}
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name.String(), normalPrefix(prefix))
	}
	exact, err := packaging.ParseProjectName(pattern)
	return err == nil && exact == name
}

// CheckPattern returns fault.Invalid if a pattern of Allow or Deny is not valid.
func CheckPattern(pattern string) error {
	if expr, ok := strings.CutPrefix(pattern, "re:"); ok {
		if _, err := compiled(expr); err != nil {
			return fault.New(fault.Invalid, "%.200q is not a regular expression: %v", expr, err)
		}
		return nil
	}
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		if !prefixText.MatchString(prefix) {
			return fault.New(fault.Invalid, "%.200q is not a prefix of project names", pattern)
		}
		return nil
	}
	if _, err := packaging.ParseProjectName(pattern); err != nil {
		return fault.New(fault.Invalid, "%.200q is neither a project name nor a prefix that ends in *", pattern)
	}
	return nil
}

var (
	prefixText = regexp.MustCompile(`\A[A-Za-z0-9][A-Za-z0-9._-]*\z`)
	separators = regexp.MustCompile(`[-_.]+`)
)

// normalPrefix returns the beginning of a name in normal form.
func normalPrefix(s string) string { return strings.ToLower(separators.ReplaceAllString(s, "-")) }
