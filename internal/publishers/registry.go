package publishers

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

// How long things live.
const (
	DefaultPendingLifetime = 30 * 24 * time.Hour // of a pending publisher
	DefaultKeepExchanges   = 30 * 24 * time.Hour // of what was recorded of an exchange
)

// How many pending publishers a user may have open at a time, and an administrator. They may name anybody's workflow,
// whose next exchange creates the projects; the public index allows three. The command line on the server has no such
// bound.
const (
	MaxPending      = 3
	MaxPendingAdmin = 50
)

// Options are the settings of a Registry; the zero value works.
type Options struct {
	Now             func() time.Time // time.Now
	NewID           func() string    // UUIDv7
	PendingLifetime time.Duration    // DefaultPendingLifetime where not positive
	KeepExchanges   time.Duration    // how long exchanges stay in the record: DefaultKeepExchanges where not positive
	// OwnerID asks the issuer's API for the numeric id of an account: fault.NotFound where there is none of that name.
	// With nil, or after any other error, the first accepted token pins the publisher.
	OwnerID func(ctx context.Context, provider, issuer, owner string) (string, error)
	// Issuers are those that the index is configured for, in the order in which people see them. Where they are nil, a
	// publisher may name any.
	Issuers []Issuer
	// Policy is what the index asks of the names of new projects.
	Policy catalog.NamePolicy
}

// Issuer is an issuer of identity tokens that the index is configured for.
type Issuer struct {
	Provider string // the kind of its claims: Provider.Name
	URL      string // exact "iss"
	Audience string // of tokens for this index
}

// FieldIssuer is the field that names a publisher's issuer, in faults.
const FieldIssuer = "issuer"

// Issuers returns the issuers that the index is configured for.
func (r *Registry) Issuers() []Issuer { return slices.Clone(r.o.Issuers) }

// Registry is the publishers of an index: which workloads may publish what. It is safe for concurrent use, and by
// several processes on one store.
type Registry struct {
	store     Store
	providers map[string]*workload.Kind
	o         Options
}

// New returns the registry over the rows of s.
func New(s Store, providers []*workload.Kind, o Options) *Registry {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() string { return uuid.Must(uuid.NewV7()).String() }
	}
	if o.PendingLifetime <= 0 {
		o.PendingLifetime = DefaultPendingLifetime
	}
	if o.KeepExchanges <= 0 {
		o.KeepExchanges = DefaultKeepExchanges
	}
	r := &Registry{store: s, providers: map[string]*workload.Kind{}, o: o}
	for _, p := range providers {
		r.providers[p.Name()] = p
	}
	return r
}

// Rule compiles a publisher's row again, so that a row which today's rules would not take fits nothing.
func (r *Registry) Rule(p Publisher) (workload.Rule, error) {
	provider := r.providers[p.Provider]
	if provider == nil {
		return workload.Rule{}, fault.New(fault.Invalid, "this index does not know publishers of kind %s", p.Provider)
	}
	rule, err := provider.Compile(p.Fields)
	if err != nil {
		return workload.Rule{}, err
	}
	if rule.Lookup != p.Lookup || !maps.Equal(rule.Fields, p.Fields) {
		return workload.Rule{}, fault.New(fault.Invalid, "the publisher's row is not as it was written")
	}
	rule.OwnerID = p.OwnerID
	return rule, nil
}

// Sentence describes a publisher for people. The uploads of its minted tokens are kept under it.
func (r *Registry) Sentence(p Publisher) string {
	if _, err := r.Rule(p); err != nil {
		return p.Provider + " " + p.Lookup
	}
	return r.providers[p.Provider].Describe(p.Issuer, p.Fields).String()
}

// Provider returns the provider of a kind of publisher; nil if this index does not know the kind.
func (r *Registry) Provider(kind string) *workload.Kind { return r.providers[kind] }

// Store returns the rows that the registry is over.
func (r *Registry) Store() Store { return r.store }

// Options returns the settings of the registry, with the defaults filled in.
func (r *Registry) Options() Options { return r.o }

// CheckKnown returns fault.Unauthenticated for an anonymous caller, before anything is looked up.
func CheckKnown(who access.Caller) error {
	if !who.Known() {
		return fault.New(fault.Unauthenticated, "an API token is needed to see or change publishers")
	}
	return nil
}
