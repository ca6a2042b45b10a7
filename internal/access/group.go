package access

import (
	"context"
	"regexp"
	"time"

	"pyindex/internal/fault"
)

// Group is some people who have roles together.
type Group struct {
	ID, Name    string // the name is unique
	Description string
	CreatedAt   time.Time
}

// Member is somebody in a group. Source is "" where a person put them there, or says who else did and takes them out
// again.
type Member struct {
	User, Source string // the user's name
	CreatedAt    time.Time
}

// GroupGrant is a role of a group, in a project or, without one, in a repository.
type GroupGrant struct {
	GroupID, RepositoryID, ProjectID string
	Group, Repository, Project       string // names, on reading
	Role                             Role
	CreatedAt                        time.Time
}

// GroupRows keeps groups. Reads of one return fault.NotFound for none.
type GroupRows interface {
	InsertGroup(ctx context.Context, g Group) error // fault.Conflict for a taken name
	GroupByName(ctx context.Context, name string) (Group, error)
	Groups(ctx context.Context) ([]Group, error)      // by name
	DeleteGroup(ctx context.Context, id string) error // with its members and grants

	// PutMember puts a user into a group; being there already is fine, and the source stays.
	PutMember(ctx context.Context, groupID, userID, source string, at time.Time) error
	RemoveMember(ctx context.Context, groupID, userID string) (bool, error)
	MembersOf(ctx context.Context, groupID string) ([]Member, error) // by name
	// GroupsOf returns the groups that a user was put into by a source, or, for "*", all of the user's.
	GroupsOf(ctx context.Context, userID, source string) ([]Group, error)

	PutGroupGrant(ctx context.Context, g GroupGrant) error
	RemoveGroupGrant(ctx context.Context, g GroupGrant) (bool, error)
	// GroupGrants returns the grants of a group, or for "" of all groups, by group and place.
	GroupGrants(ctx context.Context, groupID string) ([]GroupGrant, error)
}

var groupName = regexp.MustCompile(`\A[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?\z`)

// AddGroup makes a group. It needs an administrator. fault.Invalid for a bad name, fault.Conflict for a taken one.
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

// Groups returns all groups by name. It needs an administrator.
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

// GroupDetail is a group with who is in it and what they may do.
type GroupDetail struct {
	Group
	Members []Member
	Grants  []GroupGrant
}

// Group returns a group by name. It needs an administrator; fault.NotFound for an unknown name.
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

func groupNamed(ctx context.Context, tx Tx, name string) (Group, error) {
	g, err := tx.GroupByName(ctx, name)
	if fault.Is(err, fault.NotFound) {
		return g, fault.Wrap(fault.NotFound, err, "there is no group %.80q: index group list shows which there are", name)
	}
	return g, err
}

// DeleteGroup removes a group; its members lose what it gave them at their next request. It needs an administrator.
func (d *Directory) DeleteGroup(ctx context.Context, who Caller, name string) error {
	return d.change(ctx, who, Caller.Admin, d.entry(who, "group.remove", name, nil), func(tx Tx) error {
		g, err := groupNamed(ctx, tx, name)
		if err != nil {
			return err
		}
		return tx.DeleteGroup(ctx, g.ID)
	})
}

// AddMember puts a user into a group. It needs an administrator.
func (d *Directory) AddMember(ctx context.Context, who Caller, group, user string) error {
	return d.changeMember(ctx, who, "group.add-member", group, user, func(tx Tx, g Group, u User) error {
		return tx.PutMember(ctx, g.ID, u.ID, "", d.now())
	})
}

// RemoveMember takes a user out of a group. It needs an administrator; fault.NotFound for who is not in it.
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

// SyncGroups makes a user's memberships that come from a source those of the named groups; groups that do not exist are
// left out. What a person put there stays. It needs the operator or an administrator.
func (d *Directory) SyncGroups(ctx context.Context, who Caller, user, source string, names []string) error {
	return d.change(ctx, who, Caller.Admin,
		d.entry(who, "group.sync", user, map[string]any{"source": source, "groups": names}), func(tx Tx) error {
			u, err := userNamed(ctx, tx, user)
			if err != nil {
				return err
			}
			had, err := tx.GroupsOf(ctx, u.ID, source)
			if err != nil {
				return err
			}
			want := set(names)
			for _, g := range had {
				if _, ok := want[g.Name]; ok {
					continue
				}
				if _, err := tx.RemoveMember(ctx, g.ID, u.ID); err != nil {
					return err
				}
			}
			for _, name := range names {
				g, err := tx.GroupByName(ctx, name)
				if fault.Is(err, fault.NotFound) {
					continue
				} else if err != nil {
					return err
				}
				if err := tx.PutMember(ctx, g.ID, u.ID, source, d.now()); err != nil {
					return err
				}
			}
			return nil
		})
}
