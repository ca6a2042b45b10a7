package publishers

import (
	"context"
	"fmt"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// reify turns the pending publishers that a token fits into projects with publishers, oldest first, and returns all
// publishers that the token fits then, and the projects. Where a name was taken meanwhile, the pending publisher goes and the
// project is not touched; if nothing else fits, that is the refusal. One exchange creates MaxCreated projects: the pending
// publishers that are left wait for the next one.
func (r *Registry) reify(ctx context.Context, tx Tx, x exchange, f fits) ([]Publisher, []Created, error) {
	out, passed := f.publishers, f.passed
	made := map[string]catalog.Project{} // by registrant and name
	var created []Created
	var taken []Pending
	for _, p := range f.pending {
		if _, known := made[madeKey(p)]; len(made) == MaxCreated && !known {
			passed = append(passed, passedOver{p, fmt.Sprintf("one exchange creates %d projects at most, the longest registered first: this one can be created by the next", MaxCreated)})
			continue
		}
		n := len(made)
		project, err := r.create(ctx, tx, x, p, made)
		if fault.Is(err, fault.Conflict) {
			taken = append(taken, p)
			continue
		} else if err != nil {
			return nil, nil, err
		}
		if len(made) > n {
			created = append(created, Created{
				Repository: project.Repository.Name, Project: p.Project, Owner: p.Registrant, Publisher: r.Sentence(p.Publisher), At: x.at, Address: x.who.Address(),
			})
		}
		q, err := r.adopt(ctx, tx, x, p, project)
		if err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(out, func(o Publisher) bool { return o.ID == q.ID }) {
			out = append(out, q)
		}
	}
	if len(out) == 0 {
		why := nameTaken(taken)
		why.passed = passed
		return nil, nil, why
	}
	if err := r.recordPassed(ctx, tx, x, passed); err != nil {
		return nil, nil, err
	}
	return out, created, r.dropTaken(ctx, tx, x, taken)
}

// madeKey is what pending publishers of one project share.
func madeKey(p Pending) string { return p.Registrant + "\n" + p.RepositoryID + "\n" + p.Project }

// recordPassed tells the registrants of pending publishers that a token fitted them, and why no project was created.
func (r *Registry) recordPassed(ctx context.Context, tx Tx, x exchange, passed []passedOver) error {
	for _, p := range passed[:min(len(passed), maxHistories)] {
		err := tx.InsertAudit(ctx, audit.Entry{
			ID: r.o.NewID(), At: x.at, Action: actionExchange, Outcome: audit.Refused, Actor: x.who.Actor(),
			Repository: p.RepositoryID, Project: p.Project, Subject: p.ID,
			Detail: map[string]any{
				"code": CodePassedOver, "description": "the token fits this pending publisher, which was passed over: " + p.why,
				"issuer": x.issuer, "provider": x.provider.Name(), "claims": bounded(x.claims), DetailCompared: r.Compared(p.Publisher),
				"nearest": []any{map[string]any{"id": p.ID, "publisher": r.Sentence(p.Publisher), "pending": true, "differences": []any{}}},
			},
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// create makes the project of a pending publisher. fault.Conflict where somebody else's has the name.
func (r *Registry) create(ctx context.Context, tx Tx, x exchange, p Pending, made map[string]catalog.Project) (catalog.Project, error) {
	key := madeKey(p)
	if project, ok := made[key]; ok {
		return project, nil
	}
	name, err := packaging.ParseProjectName(p.Project)
	if err != nil {
		return catalog.Project{}, err
	}
	repo, err := RepositoryByID(ctx, tx, p.RepositoryID)
	if err != nil {
		return catalog.Project{}, err
	}
	project, err := catalog.Create(ctx, tx, catalog.NewProject{
		ID: r.o.NewID(), Repository: repo, Name: name, Display: p.Display, Owner: p.Registrant,
		Actor: r.actor(x, p.Publisher), EntryID: r.o.NewID(), At: x.at,
		Reason: map[string]any{"pending_publisher": p.ID, "publisher": r.Sentence(p.Publisher), "provider": x.provider.Name(), "claims": bounded(x.claims), DetailCompared: r.Compared(p.Publisher)},
	})
	if err != nil {
		return catalog.Project{}, err
	}
	made[key] = project
	return project, nil
}

// adopt makes a pending publisher an ordinary one of its new project.
func (r *Registry) adopt(ctx context.Context, tx Tx, x exchange, p Pending, project catalog.Project) (Publisher, error) {
	q := p.Publisher
	if q.OwnerID == "" {
		q.OwnerID = r.ownerOf(x, q)
	}
	q, err := tx.PutPublisher(ctx, q)
	if err != nil {
		return q, err
	}
	if err := attachOnce(ctx, tx, Attached{Publisher: q, ProjectID: project.ID, Project: p.Project, AddedAt: x.at, AddedBy: p.Registrant}); err != nil {
		return q, err
	}
	e := r.entry("publisher.add", r.actor(x, q), project, q.ID, x.at, r.describe(q))
	e.Detail["pending_publisher"] = p.ID
	return q, r.dropPending(ctx, tx, p, e)
}

// dropPending removes a pending publisher and records why.
func (r *Registry) dropPending(ctx context.Context, tx Tx, p Pending, why audit.Entry) error {
	if _, err := tx.DeletePending(ctx, p.ID); err != nil {
		return err
	}
	return tx.InsertAudit(ctx, why)
}

// dropTaken removes pending publishers whose names were taken.
func (r *Registry) dropTaken(ctx context.Context, tx Tx, x exchange, taken []Pending) error {
	for _, p := range taken {
		if err := r.dropPending(ctx, tx, p, r.pendingEntry("publisher.pending-taken", r.actor(x, p.Publisher), p)); err != nil {
			return err
		}
	}
	return nil
}

// pendingEntry is an audit entry about a pending publisher that ends.
func (r *Registry) pendingEntry(action string, by audit.Actor, p Pending) audit.Entry {
	return audit.Entry{
		ID: r.o.NewID(), At: r.o.Now(), Action: action, Outcome: audit.Granted, Actor: by,
		Repository: p.RepositoryID, Project: p.Project, Subject: p.ID, Detail: r.describe(p.Publisher),
	}
}

// actor is a workload as the record names it.
func (r *Registry) actor(x exchange, p Publisher) audit.Actor {
	a := x.who.Actor()
	a.Kind, a.ID, a.Name = string(access.KindPublisher), p.ID, r.Sentence(p)
	return a
}

func nameTaken(taken []Pending) *Refusal {
	name := ""
	if len(taken) > 0 {
		name = " " + taken[0].Project
	}
	f := Refuse(CodePendingPublisher, "valid token, but the project"+name+
		" of its pending publisher exists already; the project's owner has to add the publisher to it")
	f.stale = taken
	return f
}
