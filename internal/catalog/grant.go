package catalog

import (
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/dist"
	"pyindex/internal/fault"
)

// GrantInfo is a grant as listings show it.
type GrantInfo struct {
	User    string
	Project string // normal name, "" for the repository
	Role    access.Role
}

// place is what a grant is about: a repository, or a project of it.
type place struct {
	repository Repository
	project    Project // zero for the repository
}

func (p place) object() access.Object {
	if p.project.ID != "" {
		return p.project.Object()
	}
	return p.repository.Object()
}

// place finds what a grant is about; the zero name is the repository itself.
func (x *Index) place(ctx context.Context, who access.Caller, repo string, name dist.ProjectName) (place, error) {
	serial, err := x.store.Serial(ctx)
	if err != nil {
		return place{}, err
	}
	r, err := x.repository(ctx, who, serial, repo)
	if err != nil || name.IsZero() {
		return place{repository: r}, err
	}
	p, err := x.projectAt(ctx, who, serial, repo, name)
	return place{r, p}, err
}

// Grant gives a user a role in a project, or in a whole repository for the zero name; it replaces the one that the user
// has there. It needs an owner of the same; fault.NotFound for an unknown user, fault.Denied without the right.
func (x *Index) Grant(ctx context.Context, who access.Caller, repo string, name dist.ProjectName, user string, role access.Role) error {
	if role == access.NoRole {
		return fault.New(fault.Invalid, "a grant needs a role: reader, uploader, maintainer or owner")
	}
	return x.changeGrant(ctx, who, repo, name, user, "grant.add", role, func(tx Tx, g access.Grant) error {
		return tx.PutGrant(ctx, g)
	})
}

// Ungrant takes a user's role away; what the user may do as a member of the repository stays. It needs an owner, and
// fault.NotFound says that there was no grant.
func (x *Index) Ungrant(ctx context.Context, who access.Caller, repo string, name dist.ProjectName, user string) error {
	return x.changeGrant(ctx, who, repo, name, user, "grant.remove", access.NoRole, func(tx Tx, g access.Grant) error {
		had, err := tx.RemoveGrant(ctx, g)
		if err == nil && !had {
			return fault.New(fault.NotFound, "%s has no grant there: index grant list shows which there are", user)
		}
		return err
	})
}

func (x *Index) changeGrant(ctx context.Context, who access.Caller, repo string, name dist.ProjectName, user, action string, role access.Role, f func(Tx, access.Grant) error) error {
	p, err := x.place(ctx, who, repo, name)
	if err != nil {
		return err
	}
	e := x.entry(who, action, map[string]any{"user": user, "role": role.String()})
	e.Repository, e.Project = p.repository.ID, name.String()
	if !who.May(access.Owner, p.object()) {
		return x.deny(ctx, e, "this needs the role owner there")
	}
	return x.store.Update(ctx, func(tx Tx) error {
		u, err := tx.UserByName(ctx, user)
		if fault.Is(err, fault.NotFound) {
			return fault.Wrap(fault.NotFound, err, "there is no user %.80q: index user list shows who there is", user)
		} else if err != nil {
			return err
		}
		g := access.Grant{UserID: u.ID, RepositoryID: p.repository.ID, ProjectID: p.project.ID, Role: role, CreatedAt: x.clock()}
		if err := f(tx, g); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, e)
	})
}

// deny records a refusal and returns it.
func (x *Index) deny(ctx context.Context, e audit.Entry, why string) error {
	e.Outcome = audit.Refused
	if err := x.store.Update(ctx, func(tx Tx) error { return tx.InsertAudit(ctx, e) }); err != nil {
		return err
	}
	return fault.New(fault.Denied, "%s", why)
}

// Grants returns who has which role in a project, or, for the zero name, in the repository and its projects, by user
// and project. It needs an owner of the same.
func (x *Index) Grants(ctx context.Context, who access.Caller, repo string, name dist.ProjectName) ([]GrantInfo, error) {
	p, err := x.place(ctx, who, repo, name)
	if err != nil {
		return nil, err
	}
	if !who.May(access.Owner, p.object()) {
		return nil, fault.New(fault.Denied, "this needs the role owner there")
	}
	var out []GrantInfo
	err = x.store.View(ctx, func(tx Tx) error {
		out = nil
		users, err := tx.Users(ctx)
		if err != nil {
			return err
		}
		for _, u := range users {
			grants, err := grantsAt(ctx, tx, u, p)
			if err != nil {
				return err
			}
			out = append(out, grants...)
		}
		return nil
	})
	return out, err
}

// grantsAt returns a user's grants at a place.
func grantsAt(ctx context.Context, tx Tx, u access.User, p place) ([]GrantInfo, error) {
	grants, err := tx.GrantsOf(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	var out []GrantInfo
	for _, g := range grants {
		if g.RepositoryID != p.repository.ID || p.project.ID != "" && g.ProjectID != p.project.ID {
			continue
		}
		info := GrantInfo{User: u.Name, Role: g.Role}
		if g.ProjectID != "" {
			project, err := tx.ProjectByID(ctx, g.ProjectID)
			if err != nil {
				return nil, err
			}
			info.Project = project.Name.String()
		}
		out = append(out, info)
	}
	slices.SortFunc(out, func(a, b GrantInfo) int { return strings.Compare(a.Project, b.Project) })
	return out, nil
}
