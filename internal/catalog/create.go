package catalog

import (
	"cmp"
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// NewProject describes the project to create.
type NewProject struct {
	ID         string
	Repository Repository
	Name       packaging.ProjectName
	Display    string
	Owner      string // user id of the owner, "" if only administrators manage it
	For        string // user id, or NoUser, that the name must be available to; "" for that of the owner
	Actor      audit.Actor
	EntryID    string // id of the audit entry
	At         time.Time
	Reason     map[string]any // detail of the audit entry
	// Imported is set by an import, which may also create a project with the files of an adopted name.
	Imported bool
}

// Create creates a project in a transaction whose caller was already authorized. It writes the project row, owner,
// audit entry and serial together, and removes other users' pending publishers for the name. All projects are created
// here. It returns fault.Conflict if the name exists, and fault.Denied if the name belongs to an upstream, or while the
// name of a deleted project is reserved for others than n.Owner or n.For. It returns fault.Unavailable while the index
// is in the state recovered.
func Create(ctx context.Context, tx Tx, n NewProject) (Project, error) {
	if err := CheckUploadsIn(ctx, tx); err != nil {
		return Project{}, err
	}
	before, err := nameFree(ctx, tx, n.Repository, n.Name, cmp.Or(n.For, n.Owner), n.At)
	if err != nil {
		return Project{}, err
	}
	name := NewName{Repository: n.Repository, Name: n.Name, User: cmp.Or(n.For, n.Owner), At: n.At, Imported: n.Imported}
	if err := (NamePolicy{}).checkPublic(ctx, tx, name); err != nil { // an upstream may have been faster
		return Project{}, err
	}
	serial, err := tx.NextSerial(ctx)
	if err != nil {
		return Project{}, err
	}
	p := Project{
		ID: n.ID, Repository: n.Repository, Name: n.Name, Display: n.Display,
		Status: Active, Serial: serial, CreatedAt: n.At,
	}
	if err := tx.InsertProject(ctx, p); fault.Is(err, fault.Conflict) {
		return Project{}, fault.Wrap(fault.Conflict, err, "project %s exists already", n.Name)
	} else if err != nil {
		return Project{}, err
	}
	return p, settle(ctx, tx, p, n, before)
}

// DetailPendingRemoved is the audit detail with the ids of other users' pending publishers that a project's creation
// removed. Only administrators see it.
const DetailPendingRemoved = "pending_publishers_removed"

// settle completes a new project: it writes the owner and the audit entry, and removes other users' pending publishers
// for the name. before is the deleted project of that name, if any.
func settle(ctx context.Context, tx Tx, p Project, n NewProject, before Deleted) error {
	if n.Owner != "" {
		g := access.Grant{
			UserID: n.Owner, RepositoryID: p.Repository.ID, ProjectID: p.ID, Role: access.Owner, CreatedAt: n.At,
		}
		if err := tx.PutGrant(ctx, g); err != nil {
			return err
		}
	}
	gone, err := tx.DeletePendingFor(ctx, p.Repository.ID, p.Name.String(), n.Owner)
	if err != nil {
		return err
	}
	by := audit.Actor{Kind: n.Actor.Kind, ID: n.Actor.ID, Name: n.Actor.Name}
	name := Name{Name: p.Name, Origin: Own, Since: n.At, By: by, Why: WhyProject}
	if err := ownName(ctx, tx, p.Repository, name); err != nil {
		return err
	}
	detail := map[string]any{"display": p.Display}
	if !before.At.IsZero() {
		if err := tx.NoteAgain(ctx, before.Repository, p.Name, n.At); err != nil {
			return err
		}
		detail["earlier_project_deleted_at"] = stamp(before.At)
	}
	for k, v := range n.Reason {
		detail[k] = v
	}
	if len(gone) > 0 {
		detail[DetailPendingRemoved] = gone
	}
	return tx.InsertAudit(ctx, audit.Entry{
		ID: n.EntryID, At: n.At, Action: "project.create", Outcome: audit.Granted, Actor: n.Actor,
		Repository: p.Repository.ID, Project: p.Name.String(), Detail: detail,
	})
}
