package publishers

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/dist"
	"pyindex/internal/fault"
)

// AddRequest is what somebody typed to trust a workload.
type AddRequest struct {
	Provider   string            // Provider.Name: "github"
	Issuer     string            // exact "iss"; "" for the provider's own
	Repository string            // of this index; "" for main
	Project    string            // in any spelling
	Fields     map[string]string // see Provider.Compile
	Pending    bool              // the project does not exist yet
	User       string            // pending: name of the user who becomes owner; "" for the caller
}

// Added is a publisher that was added.
type Added struct {
	ID        string
	Pending   bool
	Project   string // normal name
	Provider  string
	Issuer    string
	Sentence  string
	OwnerID   string    // "" where not pinned yet
	Warning   string    // why it is not pinned, "" where it is
	ExpiresAt time.Time // of a pending one
}

// String says what was added, and what is still missing, in a sentence or two.
func (a Added) String() string {
	how := "may publish"
	if a.Pending {
		how = "may make"
	}
	s := fmt.Sprintf("%s: %s %s project %s", a.ID, a.Sentence, how, a.Project)
	if a.Pending {
		s += ", until " + a.ExpiresAt.UTC().Format("2006-01-02")
	}
	if a.OwnerID != "" {
		return s + "; pinned to owner id " + a.OwnerID
	}
	return s + "; not yet pinned: " + a.Warning
}

// addition is a request that was read: everything but what only the transaction knows.
type addition struct {
	req       AddRequest
	name      dist.ProjectName
	publisher Publisher
	rule      Rule
	warning   string
	at        time.Time
}

// Add lets a workload publish to a project, or, pending, make it. Only the project's owners and administrators may, and
// for a pending one whoever may make projects; others get the fault.NotFound of a project that does not exist, and nobody
// gets fault.Unauthenticated. fault.Invalid names the field that is wrong; fault.Conflict is for a publisher that the
// project has, and for a pending one whose project exists.
func (r *Registry) Add(ctx context.Context, who access.Caller, req AddRequest) (Added, error) {
	if err := known(who); err != nil {
		return Added{}, err
	}
	// Permission comes before the issuer's API is asked, and again in the transaction that writes.
	if err := r.mayAdd(ctx, who, req); err != nil {
		return Added{}, err
	}
	a, err := r.read(ctx, who, req)
	if err != nil {
		return Added{}, err
	}
	out := Added{
		Pending: req.Pending, Project: a.name.String(), Provider: a.publisher.Provider, Issuer: a.publisher.Issuer,
		Sentence: a.rule.Sentence, OwnerID: a.publisher.OwnerID, Warning: a.warning,
	}
	err = r.store.Update(ctx, func(tx Tx) (err error) {
		if req.Pending {
			out.ID, out.ExpiresAt, err = r.addPending(ctx, tx, who, a)
		} else {
			out.ID, err = r.attach(ctx, tx, who, a)
		}
		return err
	})
	return out, err
}

func (r *Registry) mayAdd(ctx context.Context, who access.Caller, req AddRequest) error {
	name, err := dist.ParseProjectName(req.Project)
	if err != nil {
		return err
	}
	return r.store.View(ctx, func(tx Tx) error {
		if req.Pending {
			_, err = repositoryFor(ctx, tx, who, req.Repository)
		} else {
			_, err = projectFor(ctx, tx, who, req.Repository, name)
		}
		return err
	})
}

// read turns a request into rows.
func (r *Registry) read(ctx context.Context, who access.Caller, req AddRequest) (addition, error) {
	a := addition{req: req, at: r.o.Now()}
	var err error
	if a.name, err = dist.ParseProjectName(req.Project); err != nil {
		return a, err
	}
	provider := r.providers[req.Provider]
	if provider == nil {
		return a, fault.New(fault.Invalid, "%.40q is not a kind of publisher: choose %s", req.Provider, r.kinds())
	}
	if a.rule, err = provider.Compile(req.Fields); err != nil {
		return a, err
	}
	a.publisher = Publisher{
		ID: r.o.NewID(), Issuer: req.Issuer, Provider: req.Provider, Lookup: a.rule.Lookup, Fields: a.rule.Fields,
		OwnerID: a.rule.OwnerID, CreatedAt: a.at, CreatedBy: who.ID(),
	}
	if a.publisher.Issuer == "" {
		a.publisher.Issuer = provider.Issuer()
	}
	if a.publisher.OwnerID == "" {
		a.publisher.OwnerID, a.warning, err = r.ownerID(ctx, a.publisher)
	}
	return a, err
}

func (r *Registry) kinds() string {
	return strings.Join(slices.Sorted(maps.Keys(r.providers)), " or ")
}

// ownerID asks the issuer's API. An account that does not exist is fault.Invalid; any other failure is a warning, because
// an index may live where the API cannot be reached.
func (r *Registry) ownerID(ctx context.Context, p Publisher) (id, warning string, err error) {
	const later = "the first accepted token will pin it (give owner_id to pin it now)"
	if r.o.OwnerID == nil {
		return "", "the owner's id is not known yet; " + later, nil
	}
	id, err = r.o.OwnerID(ctx, p.Provider, p.Issuer, p.Fields[fieldOwner])
	if fault.Is(err, fault.NotFound) {
		return "", "", fault.Wrap(fault.Invalid, err, "%s", fault.Message(err))
	}
	if err != nil || id == "" {
		return "", fmt.Sprintf("the owner's id could not be looked up (%.200v); %s", err, later), nil
	}
	return id, "", nil
}

// attach gives an existing project a publisher.
func (r *Registry) attach(ctx context.Context, tx Tx, who access.Caller, a addition) (string, error) {
	project, err := projectFor(ctx, tx, who, a.req.Repository, a.name)
	if err != nil {
		return "", err
	}
	loose, err := sameRule(ctx, tx, project.ID, a.publisher)
	if err != nil {
		return "", err
	}
	p, err := tx.PutPublisher(ctx, a.publisher)
	if err != nil {
		return "", err
	}
	link := Attached{Publisher: p, ProjectID: project.ID, Project: project.Name.String(), AddedAt: a.at, AddedBy: who.ID()}
	if err := tx.Attach(ctx, link); fault.Is(err, fault.Conflict) {
		return "", alreadyRegistered(a.name)
	} else if err != nil {
		return "", err
	}
	detail := r.describe(p)
	if loose != "" {
		if _, err := tx.Detach(ctx, loose, project.ID); err != nil {
			return "", err
		}
		detail["replaces_unpinned"] = loose
	}
	// Callers are kept in memory while the counter stands still.
	if _, err := tx.NextSerial(ctx); err != nil {
		return "", err
	}
	return p.ID, tx.InsertAudit(ctx, r.entry("publisher.add", who.Actor(), project, p.ID, a.at, detail))
}

// sameRule looks for a publisher of the project that says the same as p. One that is pinned to the same owner, or any
// where p is not pinned, is fault.Conflict: a loose copy would be open to whoever takes the owner's name next. One that is
// not pinned while p is gives way to p; its id is returned.
func sameRule(ctx context.Context, tx Tx, projectID string, p Publisher) (loose string, err error) {
	links, err := tx.AttachedTo(ctx, "", projectID)
	if err != nil {
		return "", err
	}
	for _, l := range links {
		q := l.Publisher
		if !equalRules(p, q) {
			continue
		}
		if p.OwnerID == "" || p.OwnerID == q.OwnerID {
			name, _ := dist.ParseProjectName(l.Project)
			return "", alreadyRegistered(name)
		}
		if q.OwnerID == "" {
			loose = q.ID
		}
	}
	return loose, nil
}

// equalRules reports whether two publishers differ at most in the owner's id.
func equalRules(p, q Publisher) bool {
	return p.Issuer == q.Issuer && p.Provider == q.Provider && maps.Equal(p.Fields, q.Fields)
}

func alreadyRegistered(name dist.ProjectName) error {
	return fault.New(fault.Conflict, "this publisher is already registered for project %s", name)
}

// addPending registers a publisher for a project that does not exist.
func (r *Registry) addPending(ctx context.Context, tx Tx, who access.Caller, a addition) (string, time.Time, error) {
	repo, err := repositoryFor(ctx, tx, who, a.req.Repository)
	if err != nil {
		return "", time.Time{}, err
	}
	switch _, err := tx.ProjectByName(ctx, repo.ID, a.name); {
	case err == nil:
		return "", time.Time{}, fault.New(fault.Conflict, "project %s exists already: its owner can add the publisher to it, not as pending", a.name)
	case !fault.Is(err, fault.NotFound):
		return "", time.Time{}, err
	}
	owner, err := registrant(ctx, tx, who, a.req.User)
	if err != nil {
		return "", time.Time{}, err
	}
	p := Pending{
		ID: r.o.NewID(), RepositoryID: repo.ID, Project: a.name.String(), Display: a.req.Project, Publisher: a.publisher,
		Registrant: owner, CreatedAt: a.at, ExpiresAt: a.at.Add(r.o.PendingLifetime),
	}
	if err := tx.InsertPending(ctx, p); fault.Is(err, fault.Conflict) {
		return "", time.Time{}, fault.Wrap(fault.Conflict, err, "this publisher is already pending for project %s", a.name)
	} else if err != nil {
		return "", time.Time{}, err
	}
	place := catalog.Project{Repository: repo, Name: a.name}
	return p.ID, p.ExpiresAt, tx.InsertAudit(ctx, r.entry("publisher.add-pending", who.Actor(), place, p.ID, a.at, r.describe(p.Publisher)))
}

// registrant returns the id of the user who will own the project. Only an administrator may name somebody else.
func registrant(ctx context.Context, tx Tx, who access.Caller, name string) (string, error) {
	if name == "" || name == who.Name() && who.Kind() == access.KindUser {
		return who.ID(), nil
	}
	if !who.Admin() {
		return "", fault.New(fault.Denied, "only an administrator may register a pending publisher for somebody else")
	}
	u, err := tx.UserByName(ctx, name)
	if fault.Is(err, fault.NotFound) || err == nil && !u.Active() {
		return "", fault.New(fault.Invalid, "there is no active user %.80q", name)
	}
	return u.ID, err
}

// describe is the detail of an audit entry about a publisher.
func (r *Registry) describe(p Publisher) map[string]any {
	return map[string]any{
		"provider": p.Provider, "issuer": p.Issuer, "owner_id": p.OwnerID, "fields": p.Fields, "publisher": r.sentence(p),
	}
}

// entry is an audit entry of a change that was granted.
func (r *Registry) entry(action string, by audit.Actor, p catalog.Project, subject string, at time.Time, detail map[string]any) audit.Entry {
	return audit.Entry{
		ID: r.o.NewID(), At: at, Action: action, Outcome: audit.Granted, Actor: by,
		Repository: p.Repository.ID, Project: p.Name.String(), Subject: subject, Detail: detail,
	}
}
