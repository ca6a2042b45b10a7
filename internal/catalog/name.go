package catalog

import (
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// KeepName is how long the name of a deleted project is kept for its last owners. Until then a stranger cannot publish
// a higher version under a name that others still install.
const KeepName = 90 * 24 * time.Hour

// Origin says where the projects of a name come from.
type Origin string

// Own is the origin of a name that this index has, or had, a project of.
const Own Origin = "own"

// Name is a project name that this index knows, in whichever repository. It stays known after the project, its files
// and its repository are gone.
type Name struct {
	Name   packaging.ProjectName
	Origin Origin
	Since  time.Time
	By     audit.Actor // who made it known: kind, id and name; empty if that was not recorded
	Why    string      // "project"
}

// Deleted is a project that was deleted. If several of one name were, it is the last.
type Deleted struct {
	Repository    string // the repository's name
	Name          packaging.ProjectName
	At            time.Time
	FreeAt        time.Time // from then on anybody who may create projects can use the name
	AgainAt       time.Time // when a project of the name was created again; zero if none was
	Users, Groups []string  // ids of its last owners
}

// NamePolicy is what the names of new projects must keep to. The zero NamePolicy asks for nothing.
type NamePolicy struct {
	SimilarNames  bool // refuse new projects whose names look like an existing one's, or one that is kept
	ReservedNames bool // refuse new projects named like a module of the standard library
}

// CheckNewName returns nil if a user who may create projects in a repository may create one of a name that no project
// has, and otherwise why not: fault.Invalid or fault.Conflict for a name that the policy forbids, fault.Denied for one
// that is kept for the last owners of a deleted project. User "" stands for the operator.
func (p NamePolicy) CheckNewName(ctx context.Context, tx Tx, r Repository, name packaging.ProjectName, user string,
	now time.Time,
) error {
	if p.ReservedNames && packaging.IsStdlibModule(name) {
		return fault.New(fault.Invalid, "project name %s is reserved: it is a module of the standard library", name)
	}
	if p.SimilarNames {
		if err := lookalike(ctx, tx, r, name, user, now); err != nil {
			return err
		}
	}
	_, err := nameFree(ctx, tx, r, name, user, now)
	return err
}

// lookalike refuses a new name that people could take for an existing one, or for one that is kept for others than the
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

// nameFree returns fault.Denied if the name of a deleted project is kept for others than the user, who may have no
// project of the repository in general. User "" stands for the operator. It returns the project that was deleted under
// the name, the zero Deleted if none was.
func nameFree(ctx context.Context, tx Tx, r Repository, name packaging.ProjectName, user string,
	now time.Time,
) (Deleted, error) {
	d, err := tx.DeletedNamed(ctx, r.Name, name)
	if fault.Is(err, fault.NotFound) {
		return Deleted{}, nil
	}
	if err != nil || user == "" || !now.Before(d.FreeAt) || !d.AgainAt.IsZero() {
		return d, err // a project that was created again has the name: inserting another one fails
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

// lastOwner reports whether a user is among the last owners of a deleted project, also by a group that the user is in
// now, or owns the repository or administers the index.
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

// leaveName records that a project is being deleted, with its owners, in the transaction that deletes it. The owners of
// one in quarantine do not count: they could make it again without the status.
func (x *Index) leaveName(ctx context.Context, tx Tx, p Project) (Deleted, error) {
	now := x.changes.Clock()
	d := Deleted{Repository: p.Repository.Name, Name: p.Name, At: now, FreeAt: now.Add(KeepName)}
	if err := tx.PutName(ctx, Name{Name: p.Name, Origin: Own, Since: p.CreatedAt, Why: "project"}); err != nil {
		return d, err // a project that some other program inserted
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

// Formerly returns the project that was deleted under the name of a project that there is now, the zero Deleted if none
// was. It needs an owner, and does not tell who owned the earlier project.
func (x *Index) Formerly(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (d Deleted, err error) {
	p, err := x.Project(ctx, who, repo, name)
	if err == nil {
		err = Permit(who, access.Owner, p)
	}
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

// KnownName is a name with the projects that were deleted under it.
type KnownName struct {
	Name
	Deleted []Deleted // by repository
}

// namesAtOnce bounds how many names are read by one query.
const namesAtOnce = 1000

// Names returns all names that this index knows, in order; with deleted only those of deleted projects that nobody
// created again. It returns fault.Denied unless the caller is an administrator.
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

// ReleaseName lets anybody who may create projects in a repository use the name of a deleted project at once. The name
// stays known to this index. The repository need not exist any longer. It returns fault.Denied unless the caller is an
// administrator, fault.NotFound if no project of that name was deleted there, and fault.Conflict if the name is free
// already.
func (x *Index) ReleaseName(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
	if repo == "" {
		repo = MainRepository
	}
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

// stamp is a time in the details of the record.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
