package publishers

import (
	"context"
	"maps"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// attach gives an existing project a publisher.
func (r *Registry) attach(ctx context.Context, tx Tx, who access.Caller, a addition) (string, error) {
	project, err := ProjectFor(ctx, tx, who, a.req.Repository, a.name)
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
	detail := r.Detail(p)
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
// where p is not pinned, is fault.Conflict: a loose copy would be open to whoever takes the owner's name next. One that
// is not pinned while p is gives way to p; its id is returned.
func sameRule(ctx context.Context, tx Tx, projectID string, p Publisher) (loose string, err error) {
	links, err := tx.AttachedTo(ctx, "", projectID)
	if err != nil {
		return "", err
	}
	for _, l := range links {
		q := l.Publisher
		if !SameRule(p, q) {
			continue
		}
		if p.OwnerID == "" || p.OwnerID == q.OwnerID {
			name, _ := packaging.ParseProjectName(l.Project)
			return "", alreadyRegistered(name)
		}
		if q.OwnerID == "" {
			loose = q.ID
		}
	}
	return loose, nil
}

// SameRule reports whether two publishers differ at most in the owner's id.
func SameRule(p, q Publisher) bool {
	return p.Issuer == q.Issuer && p.Provider == q.Provider && maps.Equal(p.Fields, q.Fields)
}

func alreadyRegistered(name packaging.ProjectName) error {
	return fault.New(fault.Conflict, "this publisher is already registered for project %s", name)
}

// AttachOnce is Tx.Attach if a link that exists is fine. It looks first, because after a conflict a transaction of some
// databases is over.
func AttachOnce(ctx context.Context, tx Tx, a Attached) error {
	links, err := tx.AttachedTo(ctx, a.Publisher.ID, a.ProjectID)
	if err != nil || len(links) > 0 {
		return err
	}
	return tx.Attach(ctx, a)
}
