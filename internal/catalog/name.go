package catalog

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// KeepName is how long the name of a deleted project is reserved for its last owners. Until then, nobody else can
// publish a higher version under a name that people still install.
const KeepName = 90 * 24 * time.Hour

// Name is a project name that this index knows, in any repository. It remains known after the project, its files and
// its repository are deleted.
type Name struct {
	Name     packaging.ProjectName
	Origin   Origin // Own or Foreign
	Upstream string // of a Foreign name, the upstream that had it first
	Since    time.Time
	By       audit.Actor // the creator: kind, id and name; empty if not recorded
	Why      string      // WhyProject or another of the reasons
}

// Deleted is the last deleted project of a name.
type Deleted struct {
	Repository    string // the repository's name
	Name          packaging.ProjectName
	At            time.Time
	FreeAt        time.Time // when the name becomes available to everyone allowed to create projects
	AgainAt       time.Time // when a project of that name was created again, or zero
	Users, Groups []string  // ids of its last owners
}

// NamePolicy restricts the names of new projects. The zero NamePolicy allows all.
type NamePolicy struct {
	SimilarNames  bool // refuse names that look like an existing or reserved one
	ReservedNames bool // refuse names of standard library modules
	// Public compares new names with those of upstreams. If it is nil, they are not compared.
	Public PublicNames
}

// NoUser takes the place of a user id where a workload creates a project by itself. No account has this id, so the name
// of a deleted project is not available to it.
const NoUser = "workload"

// CheckNewName checks the name of a new project for a user with the right to create projects in the repository. It
// returns fault.Invalid or fault.Conflict if the policy forbids the name, and fault.Denied if the name belongs to an
// upstream or is reserved for the last owners of a deleted project.
func (p NamePolicy) CheckNewName(ctx context.Context, tx Tx, n NewName) error {
	if p.ReservedNames && packaging.IsStdlibModule(n.Name) {
		return fault.New(fault.Invalid, "project name %s is reserved: it is a module of the standard library", n.Name)
	}
	if p.SimilarNames {
		if err := lookalike(ctx, tx, n.Repository, n.Name, n.User, n.At); err != nil {
			return err
		}
	}
	if _, err := nameFree(ctx, tx, n.Repository, n.Name, n.User, n.At); err != nil {
		return err
	}
	return p.checkPublic(ctx, tx, n)
}

// lookalike refuses a name that could be mistaken for an existing one, or for one that is reserved for others than the
// user.
func lookalike(ctx context.Context, tx Tx, r Repository, name packaging.ProjectName, user string, now time.Time) error {
	p, err := tx.ProjectWithSkeleton(ctx, r.ID, name.Skeleton())
	if err == nil {
		return fault.New(fault.Conflict, "project name %s is too similar to %s", name, p.Name)
	}
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	gone, err := tx.DeletedProjects(ctx)
	if err != nil {
		return err
	}
	for _, d := range gone {
		if d.Repository != r.Name || d.Name == name || !d.Name.LooksLike(name) {
			continue
		}
		if _, err := nameFree(ctx, tx, r, d.Name, user, now); fault.Is(err, fault.Denied) {
			return fault.Wrap(fault.Conflict, err,
				"project name %s is too similar to %s, which was deleted and is kept for its last owners until %s",
				name, d.Name, d.FreeAt.UTC().Format(time.DateOnly))
		} else if err != nil {
			return err
		}
	}
	return nil
}

// nameFree returns the deleted project of a name, or the zero Deleted if there is none. It returns fault.Denied if the
// name is reserved for others than the user. User "" is the operator.
func nameFree(ctx context.Context, tx Tx, r Repository, name packaging.ProjectName, user string,
	now time.Time,
) (Deleted, error) {
	d, err := tx.DeletedNamed(ctx, r.Name, name)
	if fault.Is(err, fault.NotFound) {
		return Deleted{}, nil
	}
	if err != nil || user == "" || !now.Before(d.FreeAt) || !d.AgainAt.IsZero() {
		return d, err // if the project was created again, inserting another one fails
	}
	switch owner, err := lastOwner(ctx, tx, r, d, user); {
	case err != nil:
		return d, err
	case !owner:
		return d, fault.New(fault.Denied,
			"project %s was deleted on %s; until %s only its former owners and administrators can create it again",
			name, d.At.UTC().Format(time.DateOnly), d.FreeAt.UTC().Format(time.DateOnly))
	}
	return d, nil
}

// lastOwner reports whether a user was among the last owners of a deleted project, directly or through a current group,
// or owns the repository or administers the index.
func lastOwner(ctx context.Context, tx Tx, r Repository, d Deleted, user string) (bool, error) {
	if slices.Contains(d.Users, user) {
		return true, nil
	}
	if all, err := access.Holds(ctx, tx, user, access.Owner, r.Object()); all || err != nil {
		return all, err
	}
	groups, err := tx.GroupsOf(ctx, user, "*")
	return slices.ContainsFunc(groups, func(g access.Group) bool { return slices.Contains(d.Groups, g.ID) }), err
}

// leaveName records the deletion of a project and its owners, in the transaction that deletes it. Owners of a
// quarantined project are left out: they could recreate it without the quarantine.
func (x *Index) leaveName(ctx context.Context, tx Tx, p Project) (Deleted, error) {
	now := x.changes.Clock()
	d := Deleted{Repository: p.Repository.Name, Name: p.Name, At: now, FreeAt: now.Add(KeepName)}
	n := Name{Name: p.Name, Origin: Own, Since: p.CreatedAt, Why: WhyProject}
	if err := ownName(ctx, tx, p.Repository, n); err != nil {
		return d, err // needed for projects that another program inserted
	}
	if p.Status == Quarantined {
		return d, tx.PutDeleted(ctx, d)
	}
	people, err := tx.GrantsAbout(ctx, p.Repository.ID, p.ID)
	if err != nil {
		return d, err
	}
	for _, g := range people {
		if g.ProjectID == p.ID && g.Role == access.Owner {
			d.Users = append(d.Users, g.UserID)
		}
	}
	groups, err := tx.GroupGrants(ctx, "")
	if err != nil {
		return d, err
	}
	for _, g := range groups {
		if g.ProjectID == p.ID && g.Role == access.Owner {
			d.Groups = append(d.Groups, g.GroupID)
		}
	}
	return d, tx.PutDeleted(ctx, d)
}

// Formerly returns the deleted project of the same name as an existing one, or the zero Deleted. It needs an owner, and
// does not reveal the former owners.
func (x *Index) Formerly(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (d Deleted, err error) {
	p, err := x.permitted(ctx, who, access.Owner, repo, name)
	if err != nil {
		return Deleted{}, err
	}
	err = x.store.View(ctx, func(tx Tx) error {
		d, err = tx.DeletedNamed(ctx, p.Repository.Name, name)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
	d.Users, d.Groups = nil, nil
	return d, err
}

// KnownName is a name with its deleted projects.
type KnownName struct {
	Name
	Deleted []Deleted // by repository
}

const namesAtOnce = 1000

// Names returns all names that this index knows, in order. If deleted is true, it returns only names of deleted
// projects that were not created again. It returns fault.Denied unless the caller is an administrator.
func (x *Index) Names(ctx context.Context, who access.Caller, deleted bool) (out []KnownName, err error) {
	if !who.Admin() {
		return nil, fault.New(fault.Denied, "only an administrator may list names")
	}
	err = x.store.View(ctx, func(tx Tx) error {
		all, err := tx.DeletedProjects(ctx)
		if err != nil {
			return err
		}
		gone := map[packaging.ProjectName][]Deleted{}
		for _, d := range all {
			if !deleted || d.AgainAt.IsZero() {
				gone[d.Name] = append(gone[d.Name], d)
			}
		}
		return eachName(ctx, tx, func(n Name) {
			if !deleted || len(gone[n.Name]) > 0 {
				out = append(out, KnownName{n, gone[n.Name]})
			}
		})
	})
	slices.SortFunc(out, func(a, b KnownName) int { return strings.Compare(a.Name.Name.String(), b.Name.Name.String()) })
	return out, err
}

func eachName(ctx context.Context, tx Tx, f func(Name)) error {
	for after := ""; ; {
		some, err := tx.Names(ctx, after, namesAtOnce)
		if err != nil {
			return err
		}
		for _, n := range some {
			f(n)
			after = n.Name.String()
		}
		if len(some) < namesAtOnce {
			return nil
		}
	}
}

var errNotReleasing = fault.New(fault.Denied, "only an administrator, with a token of scope admin, may release names")

// ReleaseName makes the name of a deleted project available at once to everyone with the right to create projects in
// the repository. The name remains known to this index, and the repository need not exist any longer. It returns
// fault.Denied unless the caller is an administrator, fault.NotFound if no project of that name was deleted there, and
// fault.Conflict if the name is already available.
func (x *Index) ReleaseName(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
	repo = cmp.Or(repo, MainRepository)
	e := x.changes.Entry(who, "name.release", map[string]any{"repository": audit.Cut(repo)})
	e.Project = name.String()
	if !who.Admin() {
		return x.changes.Deny(ctx, e, errNotReleasing)
	}
	return access.Update(ctx, x.store, who, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNotReleasing
		}
		e := e // this may run again
		r, err := tx.RepositoryByName(ctx, repo)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		e.Repository = r.ID
		d, err := tx.DeletedNamed(ctx, repo, name)
		if fault.Is(err, fault.NotFound) {
			return fault.Wrap(fault.NotFound, err,
				"no project %s was deleted in repository %.80s: index name list --deleted shows which were", name, repo)
		} else if err != nil {
			return err
		}
		if !d.AgainAt.IsZero() {
			return fault.New(fault.Conflict, "project %s was created again on %s", name, d.AgainAt.UTC().Format(time.DateOnly))
		}
		sooner, err := tx.FreeName(ctx, repo, name, e.At)
		if err == nil && !sooner {
			err = fault.New(fault.Conflict, "the name %s has been free since %s", name, d.FreeAt.UTC().Format(time.DateOnly))
		}
		if err != nil {
			return err
		}
		e.Detail["deleted_at"], e.Detail["free_at"] = stamp(d.At), stamp(d.FreeAt)
		return tx.InsertAudit(ctx, e)
	})
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
