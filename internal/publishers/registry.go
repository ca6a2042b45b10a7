package publishers

import (
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// The default lifetimes.
const (
	DefaultPendingLifetime = 30 * 24 * time.Hour // of a pending publisher
	DefaultKeepExchanges   = 30 * 24 * time.Hour // of a recorded exchange
)

// The limits on open pending publishers per user and per administrator. A pending publisher may name anyone's workflow,
// whose next exchange creates the project; the public index allows three. The command line on the server has no limit.
const (
	MaxPending      = 3
	MaxPendingAdmin = 50
)

// Options are the settings of a Registry; the zero value works.
type Options struct {
	Now             func() time.Time // time.Now
	NewID           func() string    // UUIDv7
	PendingLifetime time.Duration    // DefaultPendingLifetime if not positive
	KeepExchanges   time.Duration    // how long exchanges are kept; DefaultKeepExchanges if not positive
	// OwnerID looks up the numeric id of an account at the issuer's API. It returns fault.NotFound if there is no such
	// account. If it is nil or returns another error, the first accepted token pins the publisher.
	OwnerID func(ctx context.Context, provider, issuer, owner string) (string, error)
	// Issuers lists the issuers that the server has, in display order. If nil, a publisher may name any.
	Issuers []Issuer
	// Unserved lists more issuers that a publisher may name, with a warning: those of a command's own settings.
	Unserved []Issuer
	// Audience is the audience that clients request tokens for, from any issuer; "" if it is not known.
	Audience string
	// Policy restricts the names of new projects.
	Policy catalog.NamePolicy
}

// Issuer is an issuer of identity tokens that the index is configured for.
type Issuer struct {
	Provider string `json:"kind"` // of its claims: Provider.Name
	URL      string `json:"url"`  // exact "iss"
	// Server is the base URL of the platform's pages, without a trailing slash; "" if it is the issuer's.
	Server string `json:"server,omitempty"`
	// Audience is accepted in the tokens of this issuer in addition to Options.Audience; "" for none.
	Audience string `json:"audience,omitempty"`
}

// FieldIssuer is the name of the issuer's field in faults.
const FieldIssuer = "issuer"

// Issuers returns the issuers that the index is configured for.
func (r *Registry) Issuers() []Issuer { return slices.Clone(r.o.Issuers) }

// Registry manages the publishers of an index. It is safe for concurrent use, also by several processes on one store.
type Registry struct {
	store     Store
	providers map[string]*workload.Kind
	servers   map[string]string // by issuer
	o         Options
}

// New returns a registry that stores its rows in s.
func New(s Store, providers []*workload.Kind, o Options) *Registry {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = access.NewID
	}
	if o.PendingLifetime <= 0 {
		o.PendingLifetime = DefaultPendingLifetime
	}
	if o.KeepExchanges <= 0 {
		o.KeepExchanges = DefaultKeepExchanges
	}
	r := &Registry{store: s, providers: map[string]*workload.Kind{}, servers: map[string]string{}, o: o}
	for _, i := range slices.Concat(o.Unserved, o.Issuers) { // those of the server count
		r.servers[i.URL] = i.Server
	}
	for _, p := range providers {
		r.providers[p.Name()] = p
	}
	return r
}

// Rule compiles the row of a publisher again. It returns fault.Invalid if the row is no longer valid.
func (r *Registry) Rule(p Publisher) (workload.Rule, error) {
	provider := r.Kind(p.Provider, p.Issuer)
	if provider == nil {
		return workload.Rule{}, fault.New(fault.Invalid, "unknown kind of publisher: %s", p.Provider)
	}
	rule, err := provider.Compile(p.Fields)
	if err != nil {
		return workload.Rule{}, err
	}
	if rule.Lookup != p.Lookup || !maps.Equal(rule.Fields, p.Fields) {
		return workload.Rule{}, fault.New(fault.Invalid, "the publisher's row was changed after it was written")
	}
	rule.OwnerID = p.OwnerID
	return rule, nil
}

// Sentence describes a publisher for people. Uploads by its minted tokens are stored under this sentence.
func (r *Registry) Sentence(p Publisher) string {
	if _, err := r.Rule(p); err != nil {
		return p.Provider + " " + p.Lookup
	}
	return r.providers[p.Provider].Describe(p.Issuer, p.Fields).String()
}

// Provider returns the provider of a kind of publisher, or nil if the kind is unknown.
func (r *Registry) Provider(kind string) *workload.Kind { return r.providers[kind] }

// Kind returns the kind of publisher for an issuer, whose platform may have another address. It returns nil if the kind
// is unknown.
func (r *Registry) Kind(name, issuer string) *workload.Kind {
	k := r.providers[name]
	if server := r.servers[issuer]; k != nil && server != "" {
		return k.At(server)
	}
	return k
}

// Server returns the base URL of an issuer's platform if it is not the issuer's own address, or "".
func (r *Registry) Server(issuer string) string { return r.servers[issuer] }

// Store returns the store of the registry's rows.
func (r *Registry) Store() Store { return r.store }

// OwnAudience returns the audience that the index accepts from one issuer only, or "" if there is none.
func (r *Registry) OwnAudience(issuer string) string {
	for _, i := range r.o.Issuers {
		if i.URL == issuer {
			return i.Audience
		}
	}
	return ""
}

// Options returns the settings of the registry, including defaults.
func (r *Registry) Options() Options { return r.o }

// CheckKnown returns fault.Unauthenticated for an anonymous caller. Call it before looking anything up.
func CheckKnown(who access.Caller) error {
	if !who.Known() {
		return fault.New(fault.Unauthenticated, "an API token is needed to see or change publishers")
	}
	return nil
}
