package roles

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// GrantInfo is a grant as listings show it.
type GrantInfo struct {
	User     string
	Disabled bool   // the user's account is disabled
	Service  bool   // it is a service account
	Project  string // normal name, "" for the repository
	Role     access.Role
	Since    time.Time
}

// place is a repository, or a project in it.
type place struct {
	repository catalog.Repository
	project    catalog.Project // zero for the repository
}

func (p place) object() access.Object {
	if p.project.ID != "" {
		return p.project.Object()
	}
	return p.repository.Object()
}

// place returns a project, or its repository if the name is zero.
func (x *Roles) place(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) (place, error) {
	if name.IsZero() {
		r, err := x.index.Repository(ctx, who, repo)
		return place{repository: r}, err
	}
	p, err := x.index.Project(ctx, who, repo, name)
	return place{p.Repository, p}, err
}

// Grant gives a user a role in a project, or in the whole repository if the name is zero. It replaces the user's
// previous role there. It requires an owner. It returns fault.NotFound if the user is unknown, fault.Denied if the
// caller is not an owner, and fault.Conflict if the project would lose its last owner, unless the caller is an
// administrator.
func (x *Roles) Grant(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName, user string,
	role access.Role,
) error {
	if role == access.NoRole {
		return fault.New(fault.Invalid, "a grant needs a role: reader, uploader, maintainer or owner")
	}
	return x.changeGrant(ctx, who, grantChange{repo, name, user, "grant.add", role})
}

// Ungrant removes a user's role. The user keeps the rights of a member of the repository. It requires an owner. It
// returns fault.NotFound if there is no grant, and fault.Conflict if the project would lose its last owner.
func (x *Roles) Ungrant(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	user string,
) error {
	return x.changeGrant(ctx, who, grantChange{repo, name, user, "grant.remove", access.NoRole})
}

// Leave removes the caller's own role in a project. It returns fault.NotFound if the caller has no role of their own,
// fault.Denied unless the caller is a person, and fault.Conflict for the last owner.
func (x *Roles) Leave(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
	if who.Kind() != access.KindUser || name.IsZero() {
		return fault.New(fault.Denied, "only a person can leave a project")
	}
	return x.changeGrant(ctx, who, grantChange{repo, name, who.Name(), "grant.leave", access.NoRole})
}

// grantChange is a change of a grant; NoRole removes it.
type grantChange struct {
	repo   string
	name   packaging.ProjectName
	user   string
	action string
	role   access.Role
}

// allowed reports whether the caller may make the change. Owners may, and users may leave if their token has the scope
// admin.
func (c grantChange) allowed(who access.Caller, o access.Object) bool {
	if c.action == "grant.leave" {
		return who.Manages() && who.May(access.Reader, o)
	}
	return who.May(access.Owner, o)
}

func (x *Roles) changeGrant(ctx context.Context, who access.Caller, c grantChange) error {
	p, err := x.place(ctx, who, c.repo, c.name)
	if err != nil {
		return err
	}
	e := x.changes.Entry(who, c.action, map[string]any{"user": audit.Cut(c.user), "role": c.role.String()})
	e.Repository, e.Project = p.repository.ID, c.name.String()
	if !c.allowed(who, p.object()) {
		return x.changes.Deny(ctx, e, errNoOwner)
	}
	return x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !c.allowed(who, p.object()) {
			return errNoOwner
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		u, err := tx.UserByName(ctx, c.user)
		if fault.Is(err, fault.NotFound) {
			return fault.Wrap(fault.NotFound, err, "there is no user %.80q: index user list shows the users", c.user)
		} else if err != nil {
			return err
		}
		if u.Service && c.role != access.NoRole {
			if err := serviceRole(u, c.role); err != nil {
				return err
			}
		}
		if err := x.putGrant(ctx, tx, who, p, u, c.role); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, e)
	})
}

// serviceRole returns an error unless a service account may have the role.
func serviceRole(u access.User, role access.Role) error {
	switch {
	case !u.Active():
		return fault.New(fault.Conflict, "the service account %s was disabled or removed", u.Name)
	case role > access.Uploader:
		return fault.InField("role", "%s is a service account: it can be a reader or an uploader", u.Name)
	}
	return nil
}

// putGrant writes the change unless a project would lose its last owner.
func (x *Roles) putGrant(ctx context.Context, tx Tx, who access.Caller, p place, u access.User,
	role access.Role,
) error {
	g := access.Grant{
		UserID:       u.ID,
		RepositoryID: p.repository.ID,
		ProjectID:    p.project.ID,
		Role:         role,
		CreatedAt:    x.changes.Clock(),
	}
	return keepsOwner(ctx, tx, who, p, u.Name, func() error {
		if role != access.NoRole {
			return tx.PutGrant(ctx, g)
		}
		had, err := tx.RemoveGrant(ctx, g)
		if err == nil && !had {
			return fault.New(fault.NotFound, "%s has no grant there: index grant list shows the grants", u.Name)
		}
		return err
	})
}

// keepsOwner runs a change to the role of subject, a user or a group. It returns fault.Conflict if a project had an
// owner before and has none afterwards, unless the caller is an administrator.
func keepsOwner(ctx context.Context, tx Tx, who access.Caller, p place, subject string, change func() error) error {
	if who.Admin() || p.project.ID == "" {
		return change()
	}
	before, err := owned(ctx, tx, p.project)
	if err == nil {
		err = change()
	}
	if err != nil || !before {
		return err
	}
	if after, err := owned(ctx, tx, p.project); err != nil || after {
		return err
	}
	return fault.New(fault.Conflict, "%s is the last owner of project %s: make another user an owner first", subject,
		p.project.Name)
}

func owned(ctx context.Context, tx Tx, p catalog.Project) (bool, error) {
	return OwnedWithout(ctx, tx, p, "")
}

// OwnedWithout reports whether a project has an active owner other than the given user, directly or through a group.
// Owners of the repository are not included.
func OwnedWithout(ctx context.Context, tx Tx, p catalog.Project, userID string) (bool, error) {
	grants, err := tx.GrantsAbout(ctx, p.Repository.ID, p.ID)
	if err != nil {
		return false, err
	}
	for _, g := range grants {
		if g.ProjectID == "" || g.Role != access.Owner || g.UserID == userID {
			continue
		}
		if u, err := tx.UserByID(ctx, g.UserID); err != nil || u.Active() && !u.Service {
			return err == nil, err
		}
	}
	return ownedByGroup(ctx, tx, p, userID)
}

func ownedByGroup(ctx context.Context, tx Tx, p catalog.Project, without string) (bool, error) {
	grants, err := tx.GroupGrants(ctx, "")
	if err != nil {
		return false, err
	}
	for _, g := range grants {
		if g.ProjectID != p.ID || g.Role != access.Owner {
			continue
		}
		members, err := tx.MembersOf(ctx, g.GroupID)
		if err != nil {
			return false, err
		}
		for _, m := range members {
			u, err := tx.UserByName(ctx, m.User)
			if err != nil || u.Active() && u.ID != without && !u.Service {
				return err == nil, err
			}
		}
	}
	return false, nil
}

var errNoOwner = fault.New(fault.Denied, "this requires the role owner")

// Grants returns the roles of users in a project, by user. If the name is zero, it returns those in the repository and
// in its projects, by user and project. It requires an owner.
func (x *Roles) Grants(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) ([]GrantInfo, error) {
	all, err := x.Collaborators(ctx, who, repo, name)
	if name.IsZero() {
		return all, err
	}
	return slices.DeleteFunc(all, func(g GrantInfo) bool { return g.Project == "" }), err
}

// Collaborators is like Grants, but for a project it also returns roles in the whole repository, with an empty Project.
func (x *Roles) Collaborators(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (out []GrantInfo, err error) {
	p, err := x.place(ctx, who, repo, name)
	if err != nil {
		return nil, err
	}
	if !who.May(access.Owner, p.object()) {
		return nil, errNoOwner
	}
	err = x.store.View(ctx, func(tx Tx) error {
		grants, err := tx.GrantsAbout(ctx, p.repository.ID, p.project.ID)
		if err != nil {
			return err
		}
		out, err = describe(ctx, tx, grants)
		return err
	})
	return out, err
}

// describe adds the names of users and projects to grants, and sorts them.
func describe(ctx context.Context, tx Tx, grants []access.Grant) ([]GrantInfo, error) {
	users, projects := map[string]access.User{}, map[string]string{"": ""}
	out := make([]GrantInfo, 0, len(grants))
	for _, g := range grants {
		if _, ok := users[g.UserID]; !ok {
			u, err := tx.UserByID(ctx, g.UserID)
			if err != nil {
				return nil, err
			}
			users[g.UserID] = u
		}
		if _, ok := projects[g.ProjectID]; !ok {
			p, err := tx.ProjectByID(ctx, g.ProjectID)
			if err != nil {
				return nil, err
			}
			projects[g.ProjectID] = p.Name.String()
		}
		u := users[g.UserID]
		out = append(out, GrantInfo{
			User:     u.Name,
			Disabled: !u.Active(),
			Service:  u.Service,
			Project:  projects[g.ProjectID],
			Role:     g.Role,
			Since:    g.CreatedAt,
		})
	}
	slices.SortFunc(out, func(a, b GrantInfo) int {
		return cmp.Or(strings.Compare(a.User, b.User), strings.Compare(a.Project, b.Project))
	})
	return out, nil
}
