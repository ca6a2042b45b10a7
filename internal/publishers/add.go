package publishers

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/workload"
)

// AddRequest is a request to trust a workload.
type AddRequest struct {
	Provider   string            // Provider.Name: "github"
	Issuer     string            // exact "iss"; "" for the provider's default
	Repository string            // of this index; "" for main
	Project    string            // in any spelling
	Fields     map[string]string // see Provider.Compile
	Pending    bool              // the project does not exist yet
	// name of the owner of a project that does not exist yet: if pending, "" for the caller; if it creates, "" for none
	User string

	// EvenIfPublic registers a pending publisher although the name belongs to an upstream. It needs an administrator and a
	// reason.
	EvenIfPublic bool
	Reason       string

	Wide    bool   // for the names of a repository, instead of a project
	Names   string // if wide: prefix of the names, in any spelling; see packaging.ParseNamePrefix
	Creates bool   // if wide: an upload may create the project
}

// Added is a publisher that was added.
type Added struct {
	ID        string
	Pending   bool
	Project   string // normal name; "" if it is for the names of a repository
	Provider  string
	Issuer    string
	Sentence  string
	Fields    map[string]string // as compiled
	OwnerID   string            // "" if not pinned
	Warning   string            // why it is not pinned; "" if it is, or if its kind never is
	Compared  string            // if pending: a warning if the name was not compared with those of upstreams
	Unserved  string            // a warning if the server does not have the issuer; "" if it does
	ExpiresAt time.Time         // if pending

	// if it is for the names of a repository:
	Repository string // of this index
	Names      string // normal prefix
	Creates    bool   // an upload may create the project
	Owner      string // name of the user who will own such a project; "" if only administrators manage it
}

// What describes the projects that the publisher may upload to.
func (a Added) What() string {
	if a.Names == "" {
		return a.Project
	}
	return Names(a.Names, a.Repository, a.Creates)
}

// Names describes the projects of a repository that a prefix covers.
func Names(prefix, repository string, creates bool) string {
	kind := "the existing projects "
	if creates {
		kind = "the projects, existing or new, "
	}
	return kind + prefix + " and " + prefix + "-* in repository " + repository
}

// String describes the publisher, and whether it still has to be pinned.
func (a Added) String() string {
	s := fmt.Sprintf("%s: %s may publish project %s", a.ID, workload.Clause(a.Sentence), a.Project)
	if a.Names != "" {
		s = fmt.Sprintf("%s: %s may publish %s", a.ID, workload.Clause(a.Sentence), a.What())
	}
	if a.Pending {
		s = fmt.Sprintf("%s: %s may create project %s, until %s", a.ID, workload.Clause(a.Sentence), a.Project,
			a.ExpiresAt.UTC().Format("2006-01-02"))
	}
	if a.OwnerID != "" {
		return s + "; pinned to owner id " + a.OwnerID
	}
	if a.Warning == "" {
		return s
	}
	return s + "; not yet pinned: " + a.Warning
}

type addition struct {
	req       AddRequest
	name      packaging.ProjectName
	prefix    packaging.NamePrefix // if wide
	publisher Publisher
	warning   string
	at        time.Time
	compared  catalog.Comparison // of a pending publisher's name with those of upstreams
}

// Add allows a workload to publish to a project or, if pending, to create it, or, if wide, to publish to all projects
// of a repository that a prefix covers. It returns fault.Unauthenticated for an anonymous caller, and fault.NotFound
// unless the caller owns the project, may create projects (if pending), or is an administrator; if wide, it returns
// fault.Denied unless the caller is an administrator. It returns a fault.Invalid that names the malformed field, and
// fault.Conflict if the project or the names have the publisher already or, if pending, the project exists.
func (r *Registry) Add(ctx context.Context, who access.Caller, req AddRequest) (Added, error) {
	if err := CheckKnown(who); err != nil {
		return Added{}, err
	}
	// Check permission before calling the issuer's API. The transaction checks it again.
	a, err := r.mayAdd(ctx, who, req)
	if err != nil {
		return Added{}, err
	}
	if a.publisher, a.warning, err = r.compile(ctx, who, req, a.at); err != nil {
		return Added{}, err
	}
	out := Added{
		Pending: req.Pending, Project: a.name.String(), Provider: a.publisher.Provider, Issuer: a.publisher.Issuer,
		Sentence: r.Sentence(a.publisher), Fields: a.publisher.Fields, OwnerID: a.publisher.OwnerID, Warning: a.warning,
		Unserved: r.unserved(a.publisher), Compared: a.compared.Warning(),
	}
	if req.Wide {
		out.Repository, out.Names, out.Creates, out.Owner = repositoryName(req.Repository), a.prefix.String(), req.Creates,
			req.User
	}
	err = access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) (err error) {
		switch {
		case req.Wide:
			out.ID, err = r.attachWide(ctx, tx, who, a)
		case req.Pending:
			out.ID, out.ExpiresAt, err = r.addPending(ctx, tx, who, a)
		default:
			out.ID, err = r.attach(ctx, tx, who, a)
		}
		return err
	})
	return out, err
}

// mayAdd returns the addition of a request, without its publisher, if the caller may add the publisher.
func (r *Registry) mayAdd(ctx context.Context, who access.Caller, req AddRequest) (a addition, err error) {
	a = addition{req: req, at: r.o.Now()}
	if req.Wide {
		err := r.store.View(ctx, func(tx Tx) error {
			_, err := WideFor(ctx, tx, who, req.Repository)
			return err
		})
		if err == nil {
			a.prefix, err = checkWide(req)
		}
		return a, err
	}
	name, err := packaging.ParseProjectName(req.Project)
	if err != nil {
		return a, err
	}
	a.name = name
	if req.Pending {
		a.compared = r.o.Policy.Compare(ctx, name)
	}
	return a, r.store.View(ctx, func(tx Tx) error {
		if req.Pending {
			_, err = repositoryFor(ctx, tx, who, req.Repository)
		} else {
			_, err = ProjectFor(ctx, tx, who, req.Repository, name)
		}
		return err
	})
}

func (r *Registry) compile(ctx context.Context, who access.Caller, req AddRequest,
	at time.Time,
) (p Publisher, warning string, err error) {
	req.Provider, req.Fields = workload.OfPreset(req.Provider, req.Fields)
	provider := r.providers[req.Provider]
	if provider == nil {
		return p, "", fault.New(fault.Invalid, "%.40q is not a kind of publisher: choose %s", req.Provider,
			strings.Join(slices.Sorted(maps.Keys(r.providers)), " or "))
	}
	rule, err := provider.CompileNew(req.Fields)
	if err != nil {
		return p, "", err
	}
	p = Publisher{
		ID: r.o.NewID(), Provider: req.Provider, Lookup: rule.Lookup, Fields: rule.Fields,
		OwnerID: rule.OwnerID, CreatedAt: at, CreatedBy: who.ID(),
	}
	if p.Issuer, err = r.issuerFor(provider, req.Issuer); err != nil {
		return p, "", err
	}
	if p.OwnerID == "" && provider.Pins(p.Fields) {
		p.OwnerID, warning, err = r.ownerID(ctx, p, provider)
	}
	return p, warning, err
}

// CheckIssuer returns fault.Invalid unless publishers of a kind can be added for an issuer.
func (r *Registry) CheckIssuer(kind *workload.Kind, issuer string) error {
	_, err := r.issuerFor(kind, issuer)
	return err
}

// issuerFor returns the named issuer, or the default of the kind. It returns fault.Invalid if the index is not
// configured for the issuer.
func (r *Registry) issuerFor(provider *workload.Kind, named string) (string, error) {
	issuer := cmp.Or(named, provider.Issuer())
	if issuer == "" {
		return "", fault.InField(FieldIssuer, "a %s publisher needs an issuer: this kind has no default",
			provider.Name())
	}
	if r.o.Issuers == nil {
		return issuer, nil
	}
	for _, i := range slices.Concat(r.o.Issuers, r.o.Unserved) {
		if i.URL != issuer {
			continue
		}
		kind := workload.Of(i.Provider)
		if kind.Takes(provider) {
			return issuer, nil
		}
		if kind.Serves(provider) {
			return "", fault.InField(FieldIssuer, "the issuer %.200q has publishers of its own kind: use kind %s instead of %s",
				issuer, kind.Name(), provider.Name())
		}
	}
	return "", fault.InField(FieldIssuer, "this index is not configured for the issuer %.200q of kind %s", issuer,
		provider.Name())
}

// ownerID looks up the owner's id at the issuer's API. It returns fault.Invalid if the account does not exist. Any
// other failure is a warning, because the index may have no access to the API.
func (r *Registry) ownerID(ctx context.Context, p Publisher, kind *workload.Kind) (id, warning string, err error) {
	later := "the first accepted token will pin it (set " + kind.PinField() + " to pin it now)"
	if workload.LeavesIDs(p.Fields) {
		return "", "owner and repository are pinned together; the first accepted token will pin them", nil
	}
	if kind.PinsAll() {
		return "", "the first accepted token with an id will pin it (set " + kind.PinField() + " to pin it now)", nil
	}
	if r.o.OwnerID == nil || p.Fields[kind.Account] == "" {
		return "", "the owner's id is not known yet; " + later, nil
	}
	id, err = r.o.OwnerID(ctx, p.Provider, p.Issuer, p.Fields[kind.Account])
	if fault.Is(err, fault.NotFound) {
		return "", "", fault.InField(kind.Account, "%s", fault.Message(err))
	}
	if err != nil || id == "" {
		return "", fmt.Sprintf("the owner's id could not be looked up (%.200v); %s", err, later), nil
	}
	return id, "", nil
}
