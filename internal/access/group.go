package access

import (
	"context"
	"regexp"
	"time"

	"pyindex/internal/fault"
)

// Group is a set of users with common roles.
type Group struct {
	ID, Name    string // Name is unique
	Description string
	CreatedAt   time.Time
}

// Member is a user in a group. Source is "" if a person added the member. Otherwise it names the system that did, which
// also removes the member again.
type Member struct {
	User, Source string // the user's name
	CreatedAt    time.Time
}

// GroupGrant is a role of a group in a project, or in a repository if there is no project.
type GroupGrant struct {
	GroupID, RepositoryID, ProjectID string
	Group, Repository, Project       string // names, set when read
	Role                             Role
	CreatedAt                        time.Time
}

// GroupRows stores groups. Reads of a single group return fault.NotFound if it does not exist.
type GroupRows interface {
	InsertGroup(ctx context.Context, g Group) error // fault.Conflict if the name is taken
	GroupByName(ctx context.Context, name string) (Group, error)
	Groups(ctx context.Context) ([]Group, error)      // by name
	DeleteGroup(ctx context.Context, id string) error // with its members and grants

	// PutMember adds a user to a group. If the user is a member already, it keeps the source and returns nil.
	PutMember(ctx context.Context, groupID, userID, source string, at time.Time) error
	RemoveMember(ctx context.Context, groupID, userID string) (bool, error)
	MembersOf(ctx context.Context, groupID string) ([]Member, error) // by name
	// GroupsOf returns the groups that a source added a user to, or all of the user's groups if source is "*".
	GroupsOf(ctx context.Context, userID, source string) ([]Group, error)

	PutGroupGrant(ctx context.Context, g GroupGrant) error
	RemoveGroupGrant(ctx context.Context, g GroupGrant) (bool, error)
	// GroupGrants returns the grants of a group, or of all groups if groupID is "", by group and place.
	GroupGrants(ctx context.Context, groupID string) ([]GroupGrant, error)
}

var groupName = regexp.MustCompile(`\A[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?\z`)

// AddGroup creates a group. It requires an administrator. It returns fault.Invalid if the name is unacceptable, and
// fault.Conflict if the name is taken.
func (d *Directory) AddGroup(ctx context.Context, who Caller, name, description string) (Group, error) {
	g := Group{ID: d.newID(), Name: name, Description: description, CreatedAt: d.now()}
	return g, d.change(ctx, who, Caller.Admin, d.entry(who, "group.add", name, nil), func(tx Tx) error {
		if !groupName.MatchString(name) {
			return fault.InField("name",
				"%.80q is not a group's name: use lower-case letters, digits, '.', '-' and '_', 64 at most", name)
		}
		if len([]rune(description)) > 200 {
			return fault.InField("description", "a description has at most 200 characters")
		}
		err := tx.InsertGroup(ctx, g)
		if fault.Is(err, fault.Conflict) {
			return fault.InField("name", "group %s exists already", name)
		}
		return err
	})
}

// Groups returns all groups by name. It requires an administrator.
func (d *Directory) Groups(ctx context.Context, who Caller) (out []Group, err error) {
	if !who.Admin() {
		return nil, denied("groups")
	}
	err = d.store.View(ctx, func(tx Tx) error {
		out, err = tx.Groups(ctx)
		return err
	})
	return out, err
}

// GroupDetail is a group with its members and grants.
type GroupDetail struct {
	Group
	Members []Member
	Grants  []GroupGrant
}

// Group returns a group by name. It requires an administrator, and returns fault.NotFound if the name is unknown.
func (d *Directory) Group(ctx context.Context, who Caller, name string) (out GroupDetail, err error) {
	if !who.Admin() {
		return out, denied("groups")
	}
	err = d.store.View(ctx, func(tx Tx) error {
		if out.Group, err = groupNamed(ctx, tx, name); err != nil {
			return err
		}
		if out.Members, err = tx.MembersOf(ctx, out.ID); err != nil {
			return err
		}
		out.Grants, err = tx.GroupGrants(ctx, out.ID)
		return err
	})
	return out, err
}

// GroupsOf returns the groups of a user by name. Members has only the user's membership. It requires an administrator,
// and returns fault.NotFound if the user is unknown.
func (d *Directory) GroupsOf(ctx context.Context, who Caller, user string) (out []GroupDetail, err error) {
	if !who.Admin() {
		return nil, denied("groups")
	}
	err = d.store.View(ctx, func(tx Tx) error {
		u, err := userNamed(ctx, tx, user)
		if err != nil {
			return err
		}
		groups, err := tx.GroupsOf(ctx, u.ID, "*")
		if err != nil {
			return err
		}
		for _, g := range groups {
			detail := GroupDetail{Group: g}
			members, err := tx.MembersOf(ctx, g.ID)
			if err != nil {
				return err
			}
			for _, m := range members {
				if m.User == u.Name {
					detail.Members = append(detail.Members, m)
				}
			}
			if detail.Grants, err = tx.GroupGrants(ctx, g.ID); err != nil {
				return err
			}
			out = append(out, detail)
		}
		return nil
	})
	return out, err
}

func groupNamed(ctx context.Context, tx Tx, name string) (Group, error) {
	g, err := tx.GroupByName(ctx, name)
	if fault.Is(err, fault.NotFound) {
		return g, fault.Wrap(fault.NotFound, err, "there is no group %.80q: index group list shows the groups", name)
	}
	return g, err
}

// DeleteGroup deletes a group. Its members lose the group's roles with their next request, and its service accounts are
// removed. It requires an administrator.
func (d *Directory) DeleteGroup(ctx context.Context, who Caller, name string) error {
	e := d.entry(who, "group.remove", name, nil)
	return d.changeWith(ctx, who, Caller.Admin, &e, func(tx Tx, _ Caller) error {
		g, err := groupNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		services, err := EndServices(ctx, tx, "", g.ID, d.now())
		if err != nil {
			return err
		}
		if len(services) > 0 {
			e.Detail = map[string]any{"service_accounts": services}
		}
		return tx.DeleteGroup(ctx, g.ID)
	})
}

// AddMember adds a user to a group. It requires an administrator.
func (d *Directory) AddMember(ctx context.Context, who Caller, group, user string) error {
	return d.changeMember(ctx, who, "group.add-member", group, user, func(tx Tx, g Group, u User) error {
		if u.Service {
			return d.restoreMember(ctx, tx, g, u)
		}
		return tx.PutMember(ctx, g.ID, u.ID, "", d.now())
	})
}

// restoreMember adds a service account to the group that it belongs to. It returns fault.Conflict for another group,
// whose members are people.
func (d *Directory) restoreMember(ctx context.Context, tx Tx, g Group, u User) error {
	s, err := tx.ServiceByID(ctx, u.ID)
	if err != nil {
		return err
	}
	if s.GroupID != g.ID || !s.RemovedAt.IsZero() {
		return fault.New(fault.Conflict,
			"%s is a service account of %s: give it roles of its own, or create one for group %s", u.Name, s.Owner(), g.Name)
	}
	return tx.PutMember(ctx, g.ID, u.ID, serviceSource, d.now())
}

// RemoveMember removes a user from a group. It requires an administrator, and returns fault.NotFound if the user is not
// a member.
func (d *Directory) RemoveMember(ctx context.Context, who Caller, group, user string) error {
	return d.changeMember(ctx, who, "group.remove-member", group, user, func(tx Tx, g Group, u User) error {
		did, err := tx.RemoveMember(ctx, g.ID, u.ID)
		if err == nil && !did {
			return fault.New(fault.NotFound, "%s is not in group %s", user, group)
		}
		return err
	})
}

func (d *Directory) changeMember(ctx context.Context, who Caller, action, group, user string,
	f func(Tx, Group, User) error,
) error {
	return d.change(ctx, who, Caller.Admin, d.entry(who, action, group, map[string]any{"user": user}), func(tx Tx) error {
		g, err := groupNamed(ctx, tx, group)
		if err != nil {
			return err
		}
		u, err := userNamed(ctx, tx, user)
		if err != nil {
			return err
		}
		return f(tx, g, u)
	})
}
