package roles

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// maxNames is the largest number of names that Suggested returns of each kind.
const maxNames = 200

// Suggested returns the names of users and groups to suggest to an owner of a project, or of a repository if the name
// is zero. An administrator gets those of all active users and groups. Other owners get those that have a role in the
// projects that they own: they may see no others. It requires an owner.
func (x *Roles) Suggested(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
) (users, groups []string, err error) {
	p, err := x.owned(ctx, who, repo, name)
	if err != nil {
		return nil, nil, err
	}
	err = x.store.View(ctx, func(tx Tx) error {
		if who.Admin() {
			users, groups, err = allNames(ctx, tx)
			return err
		}
		users, groups, err = namesIn(ctx, tx, who, p)
		return err
	})
	return users[:min(len(users), maxNames)], groups[:min(len(groups), maxNames)], err
}

// owned returns a place, or fault.Denied unless the caller is an owner of it.
func (x *Roles) owned(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) (place, error) {
	p, err := x.place(ctx, who, repo, name)
	if err == nil && !who.May(access.Owner, p.object()) {
		err = errNoOwner
	}
	return p, err
}

func allNames(ctx context.Context, tx Tx) (users, groups []string, err error) {
	all, err := tx.Users(ctx)
	for _, u := range all {
		if u.Active() {
			users = append(users, u.Name)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	some, err := tx.Groups(ctx)
	for _, g := range some {
		groups = append(groups, g.Name)
	}
	return users, groups, err
}

// maxOwned is the number of the caller's projects whose people and groups are suggested.
const maxOwned = 30

// namesIn returns the names that have a role in p, or in the first projects that the caller owns in p's repository.
func namesIn(ctx context.Context, tx Tx, who access.Caller, p place) (users, groups []string, err error) {
	mine, err := tx.GrantsOf(ctx, who.ID())
	if err != nil {
		return nil, nil, err
	}
	projects := []string{p.project.ID}
	for _, g := range mine {
		if g.RepositoryID == p.repository.ID && g.ProjectID != "" && g.Role == access.Owner &&
			!slices.Contains(projects, g.ProjectID) && len(projects) < maxOwned {
			projects = append(projects, g.ProjectID)
		}
	}
	seen := map[string]bool{}
	for _, id := range projects {
		if id == "" {
			continue // the whole repository: its people have roles in one of the projects, or are few
		}
		grants, err := tx.GrantsAbout(ctx, p.repository.ID, id)
		if err != nil {
			return nil, nil, err
		}
		for _, g := range grants {
			if seen[g.UserID] || len(seen) == maxNames {
				continue
			}
			seen[g.UserID] = true
			u, err := tx.UserByID(ctx, g.UserID)
			if err != nil {
				return nil, nil, err
			}
			if u.Active() {
				users = append(users, u.Name)
			}
		}
	}
	byGroup, err := tx.GroupGrants(ctx, "")
	for _, g := range byGroup {
		if g.RepositoryID == p.repository.ID && slices.Contains(projects, g.ProjectID) && !slices.Contains(groups, g.Group) {
			groups = append(groups, g.Group)
		}
	}
	slices.Sort(users)
	slices.Sort(groups)
	return users, groups, err
}

// CheckUser returns fault.NotFound unless there is a user of a name. It requires an owner, as Suggested does.
func (x *Roles) CheckUser(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName, user string,
) error {
	return x.look(ctx, who, repo, name, func(tx Tx) error {
		_, err := tx.UserByName(ctx, user)
		if fault.Is(err, fault.NotFound) {
			err = fault.Wrap(fault.NotFound, err, "there is no user %.80q", user)
		}
		return err
	})
}

// CheckGroup returns fault.NotFound unless there is a group of a name. It requires an owner, as Suggested does.
func (x *Roles) CheckGroup(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	group string,
) error {
	return x.look(ctx, who, repo, name, func(tx Tx) error {
		_, err := tx.GroupByName(ctx, group)
		if fault.Is(err, fault.NotFound) {
			err = fault.Wrap(fault.NotFound, err, "there is no group %.80q", group)
		}
		return err
	})
}

// look runs f in a view for an owner of a place.
func (x *Roles) look(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	f func(Tx) error,
) error {
	if _, err := x.owned(ctx, who, repo, name); err != nil {
		return err
	}
	return x.store.View(ctx, f)
}
