package roles

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// GrantGroup gives a group a role in a project, or in the whole repository if the name is zero. It replaces the group's
// previous role there. It requires an owner. It returns fault.NotFound if the group is unknown, fault.Denied if the
// caller is not an owner, and fault.Conflict if the project would lose its last owner, unless the caller is an
// administrator.
func (x *Roles) GrantGroup(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	group string, role access.Role,
) error {
	if role == access.NoRole {
		return fault.New(fault.Invalid, "a grant needs a role: reader, uploader, maintainer or owner")
	}
	return x.changeGroupGrant(ctx, who, repo, name, group, "grant.add", role, func(tx Tx, g access.GroupGrant) error {
		return tx.PutGroupGrant(ctx, g)
	})
}

// UngrantGroup removes a group's role. It requires an owner. It returns fault.NotFound if there is no grant, and
// fault.Conflict if the project would lose its last owner.
func (x *Roles) UngrantGroup(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	group string,
) error {
	return x.changeGroupGrant(ctx, who, repo, name, group, "grant.remove", access.NoRole,
		func(tx Tx, g access.GroupGrant) error {
			had, err := tx.RemoveGroupGrant(ctx, g)
			if err == nil && !had {
				return fault.New(fault.NotFound, "group %s has no role there", group)
			}
			return err
		})
}

func (x *Roles) changeGroupGrant(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	group, action string, role access.Role, f func(Tx, access.GroupGrant) error,
) error {
	p, err := x.place(ctx, who, repo, name)
	if err != nil {
		return err
	}
	e := x.changes.Entry(who, action, map[string]any{"group": audit.Cut(group), "role": role.String()})
	e.Repository, e.Project = p.repository.ID, name.String()
	if !who.May(access.Owner, p.object()) {
		return x.changes.Deny(ctx, e, errNoOwner)
	}
	return x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.May(access.Owner, p.object()) {
			return errNoOwner
		}
		g, err := tx.GroupByName(ctx, group)
		if fault.Is(err, fault.NotFound) {
			return fault.Wrap(fault.NotFound, err, "there is no group %.80q", group)
		} else if err != nil {
			return err
		}
		grant := access.GroupGrant{
			GroupID:      g.ID,
			RepositoryID: p.repository.ID,
			ProjectID:    p.project.ID,
			Role:         role,
			CreatedAt:    x.changes.Clock(),
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		if err := keepsOwner(ctx, tx, who, p, "group "+g.Name, func() error { return f(tx, grant) }); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, e)
	})
}

// GroupGrants returns the roles of groups in a project, or in the repository and its projects if the name is zero. It
// requires an owner.
func (x *Roles) GroupGrants(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (out []access.GroupGrant, err error) {
	p, err := x.place(ctx, who, repo, name)
	if err != nil {
		return nil, err
	}
	if !who.May(access.Owner, p.object()) {
		return nil, errNoOwner
	}
	err = x.store.View(ctx, func(tx Tx) error {
		out, err = tx.GroupGrants(ctx, "")
		return err
	})
	return slices.DeleteFunc(out, func(g access.GroupGrant) bool {
		return g.RepositoryID != p.repository.ID || p.project.ID != "" && g.ProjectID != p.project.ID
	}), err
}
