package exchange

import (
	"context"
	"fmt"
	"slices"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// MaxCreated is the largest number of projects that one exchange creates. The exchange holds the write lock meanwhile.
const MaxCreated = 3

// createPending creates the projects of the matching pending publishers, oldest first. It returns all rules that the
// token then matches, and the created projects. If a project with the name exists by now, createPending removes the
// pending publisher and leaves the project alone. If no other rule matches, it returns a refusal. Pending publishers
// beyond MaxCreated wait for the next exchange.
func (m *Minter) createPending(ctx context.Context, tx publishers.Tx, a attempt, f fits) ([]rule, []Created, error) {
	out, passed := f.rules, f.passed
	made := map[string]catalog.Project{} // by registrant and name
	var created []Created
	var taken []publishers.Pending
	for _, p := range f.pending {
		if _, known := made[madeKey(p)]; len(made) == MaxCreated && !known {
			passed = append(passed,
				passedOver{
					p, fmt.Sprintf(
						"one exchange creates %d projects at most, the longest registered first: this one can be created by the next",
						MaxCreated,
					),
				})
			continue
		}
		n := len(made)
		project, err := m.create(ctx, tx, a, p, made)
		if fault.Is(err, fault.Conflict) {
			taken = append(taken, p)
			continue
		} else if err != nil {
			return nil, nil, err
		}
		if len(made) > n {
			created = append(created, Created{
				Repository: project.Repository.Name,
				Project:    p.Project,
				Owner:      p.Registrant,
				Publisher:  m.registry.Sentence(p.Publisher),
				At:         a.at,
				Address:    a.who.Address(),
			})
		}
		q, err := m.adopt(ctx, tx, a, p, project)
		if err != nil {
			return nil, nil, err
		}
		if !slices.ContainsFunc(out, func(o rule) bool { return o.ID == q.ID }) {
			out = append(out, publisherRule(q))
		}
	}
	if len(out) == 0 {
		why := nameTaken(taken)
		why.passed = passed
		return nil, nil, why
	}
	if err := m.recordPassed(ctx, tx, a, passed); err != nil {
		return nil, nil, err
	}
	return out, created, m.dropTaken(ctx, tx, a, taken)
}

// madeKey returns a key that the pending publishers of one project share.
func madeKey(p publishers.Pending) string {
	return p.Registrant + "\n" + p.RepositoryID + "\n" + p.Project
}

// recordPassed records, for the registrants of matching pending publishers, why no project was created.
func (m *Minter) recordPassed(ctx context.Context, tx publishers.Tx, a attempt, passed []passedOver) error {
	for _, p := range passed[:min(len(passed), maxHistories)] {
		e := m.refusal(a, CodePassedOver, "the token fits this pending publisher, which was passed over: "+p.why)
		e.Subject, e.Detail[DetailCompared] = p.ID, m.compared(p.Publisher)
		e.Detail["nearest"] = []any{map[string]any{
			"id": p.ID, "publisher": m.registry.Sentence(p.Publisher), "pending": true, "differences": []any{},
		}}
		if err := m.insert(ctx, tx, e, target{repositoryID: p.RepositoryID, project: p.Project}); err != nil {
			return err
		}
	}
	return nil
}

// create creates the project of a pending publisher. It returns fault.Conflict if the name is taken.
func (m *Minter) create(ctx context.Context, tx publishers.Tx, a attempt, p publishers.Pending,
	made map[string]catalog.Project,
) (catalog.Project, error) {
	key := madeKey(p)
	if project, ok := made[key]; ok {
		return project, nil
	}
	name, err := packaging.ParseProjectName(p.Project)
	if err != nil {
		return catalog.Project{}, err
	}
	repo, err := publishers.RepositoryByID(ctx, tx, p.RepositoryID)
	if err != nil {
		return catalog.Project{}, err
	}
	project, err := catalog.Create(ctx, tx, catalog.NewProject{
		ID: m.rules.NewID(), Repository: repo, Name: name, Display: p.Display, Owner: p.Registrant,
		Actor: m.actor(a, pendingRule(p)), EntryID: m.rules.NewID(), At: a.at,
		Reason: map[string]any{
			"pending_publisher": p.ID, "publisher": m.registry.Sentence(p.Publisher), "provider": a.provider.Name(),
			"claims": bounded(a.claims), DetailCompared: m.compared(p.Publisher),
		},
	})
	if err != nil {
		return catalog.Project{}, err
	}
	made[key] = project
	return project, nil
}

// adopt converts a pending publisher to a publisher of its new project.
func (m *Minter) adopt(ctx context.Context, tx publishers.Tx, a attempt, p publishers.Pending,
	project catalog.Project,
) (publishers.Publisher, error) {
	q := p.Publisher
	if q.OwnerID == "" {
		q.OwnerID = m.ownerOf(a, q)
	}
	q, err := tx.PutPublisher(ctx, q)
	if err != nil {
		return q, err
	}
	link := publishers.Attached{
		Publisher: q,
		ProjectID: project.ID,
		Project:   p.Project,
		AddedAt:   a.at,
		AddedBy:   p.Registrant,
	}
	if err := publishers.AttachOnce(ctx, tx, link); err != nil {
		return q, err
	}
	e := m.granted(a, "publisher.add", publisherRule(q), q.ID)
	e.Detail["pending_publisher"] = p.ID
	place := target{repositoryID: project.Repository.ID, projectID: project.ID, project: project.Name.String()}
	if err := m.insert(ctx, tx, e, place); err != nil {
		return q, err
	}
	_, err = tx.DeletePending(ctx, p.ID)
	return q, err
}

// dropTaken removes pending publishers if a project with the name exists by now.
func (m *Minter) dropTaken(ctx context.Context, tx publishers.Tx, a attempt, taken []publishers.Pending) error {
	for _, p := range taken {
		r := pendingRule(p)
		if err := m.insert(ctx, tx, m.granted(a, "publisher.pending-taken", r, p.ID),
			target{repositoryID: p.RepositoryID, project: p.Project}); err != nil {
			return err
		}
		if _, err := tx.DeletePending(ctx, p.ID); err != nil {
			return err
		}
	}
	return nil
}

func nameTaken(taken []publishers.Pending) *Refusal {
	name := ""
	if len(taken) > 0 {
		name = " " + taken[0].Project
	}
	f := Refuse(CodePendingPublisher, "valid token, but the project"+name+
		" of its pending publisher exists already; the project's owner has to add the publisher to it")
	f.stale = taken
	return f
}
