package publishers

import (
	"context"
	"maps"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

func (r *Registry) attach(ctx context.Context, tx Tx, who access.Caller, a addition) (string, error) {
	project, err := ProjectFor(ctx, tx, who, a.req.Repository, a.name)
	if err != nil {
		return "", err
	}
	// Incrementing the serial first serializes concurrent changes: none of them deletes the publisher that another one
	// links to. It also invalidates cached callers.
	if _, err := tx.NextSerial(ctx); err != nil {
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
	return p.ID, tx.InsertAudit(ctx, r.entry("publisher.add", who.Actor(), project, p.ID, a.at, detail))
}

// sameRule compares p with the project's publishers. It returns fault.Conflict if one has the same rule and owner, or
// has the same rule while p is not pinned: an unpinned copy would trust the next account that takes the owner's name.
// If p is pinned and replaces an unpinned publisher, sameRule returns the id of that one.
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

// SameRule reports whether two publishers are equal except for the owner's id.
func SameRule(p, q Publisher) bool {
	return p.Issuer == q.Issuer && p.Provider == q.Provider && maps.Equal(p.Fields, q.Fields)
}

func alreadyRegistered(name packaging.ProjectName) error {
	return fault.New(fault.Conflict, "this publisher is already registered for project %s", name)
}

// AttachOnce links a publisher to a project unless they are linked already. It checks first, because a conflict aborts
// the transaction in some databases.
func AttachOnce(ctx context.Context, tx Tx, a Attached) error {
	links, err := tx.AttachedTo(ctx, a.Publisher.ID, a.ProjectID)
	if err != nil || len(links) > 0 {
		return err
	}
	return tx.Attach(ctx, a)
}
