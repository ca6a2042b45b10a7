package publishers

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// The fields of a publisher of a repository, in faults.
const (
	FieldNames = "names"
	FieldOwner = "owner_user"
)

var errNotWide = fault.New(fault.Denied,
	"only an administrator, with a token of scope admin, may change the publishers of a repository")

// WideFor returns a repository whose publishers the caller may change, "" being main. It returns fault.Denied unless
// the caller is an administrator, and fault.NotFound if there is no such repository.
func WideFor(ctx context.Context, tx Tx, who access.Caller, name string) (catalog.Repository, error) {
	if !who.Admin() {
		return catalog.Repository{}, errNotWide
	}
	repo, err := tx.RepositoryByName(ctx, repositoryName(name))
	if fault.Is(err, fault.NotFound) {
		err = fault.Wrap(fault.NotFound, err, "there is no repository %.100q: index repository list shows them",
			repositoryName(name))
	}
	return repo, err
}

// checkWide checks the part of a request that is only about a repository.
func checkWide(req AddRequest) (packaging.NamePrefix, error) {
	if req.Pending || req.Project != "" {
		return packaging.NamePrefix{}, fault.New(fault.Invalid,
			"a publisher is either for one project or for the names of a repository")
	}
	if req.User != "" && !req.Creates {
		return packaging.NamePrefix{}, fault.InField(FieldOwner,
			"an owner is only for new projects: let the publisher create projects, or leave out the owner")
	}
	return parsePrefix(req.Names)
}

func parsePrefix(s string) (packaging.NamePrefix, error) {
	p, err := packaging.ParseNamePrefix(s)
	if err != nil {
		return p, fault.InField(FieldNames, "%s", fault.Message(err))
	}
	return p, nil
}

func (r *Registry) attachWide(ctx context.Context, tx Tx, who access.Caller, a addition) (string, error) {
	repo, err := WideFor(ctx, tx, who, a.req.Repository)
	if err != nil {
		return "", err
	}
	// Incrementing the serial first serializes concurrent changes: none of them deletes the publisher that another one
	// links to. It also invalidates cached callers.
	if _, err := tx.NextSerial(ctx); err != nil {
		return "", err
	}
	loose, err := sameWide(ctx, tx, repo, a)
	if err != nil {
		return "", err
	}
	link := RepositoryPublisher{
		ID: r.o.NewID(), RepositoryID: repo.ID, Prefix: a.prefix, Creates: a.req.Creates, AddedAt: a.at, AddedBy: who.ID(),
	}
	if link.OwnerUser, err = wideOwner(ctx, tx, a.req.User); err != nil {
		return "", err
	}
	if link.Publisher, err = tx.PutPublisher(ctx, a.publisher); err != nil {
		return "", err
	}
	if err := tx.InsertRepositoryPublisher(ctx, link); fault.Is(err, fault.Conflict) {
		return "", alreadyWide(repo, a.prefix)
	} else if err != nil {
		return "", err
	}
	detail := r.WideDetail(link)
	if a.req.User != "" {
		detail["owner"] = a.req.User
	}
	if loose.ID != "" {
		if _, err := tx.DeleteRepositoryPublisher(ctx, loose.ID); err != nil {
			return "", err
		}
		detail["replaces_unpinned"] = loose.Publisher.ID
	}
	return link.Publisher.ID, tx.InsertAudit(ctx, r.entry("publisher.add", who.Actor(), catalog.Project{Repository: repo},
		link.Publisher.ID, a.at, detail))
}

// sameWide is sameRule for the publishers of a repository with one prefix.
func sameWide(ctx context.Context, tx Tx, repo catalog.Repository, a addition) (loose RepositoryPublisher, err error) {
	all, err := tx.RepositoryPublishers(ctx, "", repo.ID)
	if err != nil {
		return loose, err
	}
	for _, l := range all {
		q := l.Publisher
		if l.Prefix != a.prefix || !SameRule(a.publisher, q) {
			continue
		}
		if a.publisher.OwnerID == "" || a.publisher.OwnerID == q.OwnerID {
			return loose, alreadyWide(repo, a.prefix)
		}
		if q.OwnerID == "" {
			loose = l
		}
	}
	return loose, nil
}

func alreadyWide(repo catalog.Repository, prefix packaging.NamePrefix) error {
	return fault.New(fault.Conflict,
		"this publisher is already registered for the names %s of repository %s: remove it first to change what it may do",
		prefix.Pattern(), repo.Name)
}

// wideOwner returns the id of the user who will own new projects, or "" if none is named.
func wideOwner(ctx context.Context, tx Tx, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	u, err := tx.UserByName(ctx, name)
	switch {
	case fault.Is(err, fault.NotFound) || err == nil && !u.Active():
		return "", fault.InField(FieldOwner, "there is no active user %.80q", name)
	case err == nil && u.Service:
		return "", fault.InField(FieldOwner, "%s is a service account: it cannot own a project", name)
	}
	return u.ID, err
}

// RemoveFromRepository removes a publisher from the names of a repository, "" being main. Its minted tokens lose them
// on their next request; other projects and names of the publisher remain. It returns fault.Denied unless the caller is
// an administrator, fault.NotFound if the repository does not have the publisher for these names, and
// fault.Unauthenticated for an anonymous caller.
func (r *Registry) RemoveFromRepository(ctx context.Context, who access.Caller, id, repository, names string) error {
	if err := CheckKnown(who); err != nil {
		return err
	}
	return access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) error {
		repo, err := WideFor(ctx, tx, who, repository)
		if err != nil {
			return err
		}
		prefix, err := parsePrefix(names)
		if err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil { // first, as in attachWide
			return err
		}
		l, err := widePublisher(ctx, tx, repo, prefix, id)
		if err != nil {
			return err
		}
		return r.detachWide(ctx, tx, who, repo, l)
	})
}

func widePublisher(ctx context.Context, tx Tx, repo catalog.Repository, prefix packaging.NamePrefix,
	id string,
) (RepositoryPublisher, error) {
	none := fault.New(fault.NotFound, "repository %s has no publisher %.80q for the names %s", repo.Name, id,
		prefix.Pattern())
	if id == "" {
		return RepositoryPublisher{}, none // "" would match all
	}
	all, err := tx.RepositoryPublishers(ctx, id, repo.ID)
	i := slices.IndexFunc(all, func(l RepositoryPublisher) bool { return l.Prefix == prefix })
	if err != nil || i < 0 {
		return RepositoryPublisher{}, cmp.Or(err, none)
	}
	return all[i], nil
}

func (r *Registry) detachWide(ctx context.Context, tx Tx, who access.Caller, repo catalog.Repository,
	l RepositoryPublisher,
) error {
	if _, err := tx.DeleteRepositoryPublisher(ctx, l.ID); err != nil {
		return err
	}
	return tx.InsertAudit(ctx, r.entry("publisher.remove", who.Actor(), catalog.Project{Repository: repo},
		l.Publisher.ID, r.o.Now(), r.WideDetail(l)))
}

// detachAllWide removes a publisher from all repositories, if the caller is an administrator, and returns how many
// rows were removed.
func (r *Registry) detachAllWide(ctx context.Context, tx Tx, who access.Caller, id string) (int, error) {
	if id == "" || !who.Admin() {
		return 0, nil
	}
	all, err := tx.RepositoryPublishers(ctx, id, "")
	if err != nil {
		return 0, err
	}
	for _, l := range all {
		repo, err := RepositoryByID(ctx, tx, l.RepositoryID)
		if err != nil {
			return 0, err
		}
		if err := r.detachWide(ctx, tx, who, repo, l); err != nil {
			return 0, err
		}
	}
	return len(all), nil
}

// keepsWide returns fault.Denied if a publisher covers a project that the caller owns from its repository: only
// administrators remove those, and not from one project.
func keepsWide(ctx context.Context, tx Tx, who access.Caller, id string, p catalog.Project) error {
	if id == "" || !MayManage(who, p) {
		return nil
	}
	all, err := tx.RepositoryPublishers(ctx, id, p.Repository.ID)
	for _, l := range all {
		if l.Covers(p) {
			return fault.New(fault.Denied,
				"this publisher has the names %s of repository %s, also %s: only an administrator can remove it, from the repository",
				l.Prefix.Pattern(), p.Repository.Name, p.Name)
		}
	}
	return err
}

// Covering returns the publishers of a project's repository that cover the project, those with the longest prefix
// first. Its callers must have checked that the caller may see the project's publishers.
func Covering(ctx context.Context, tx Tx, p catalog.Project) ([]RepositoryPublisher, error) {
	all, err := tx.RepositoryPublishers(ctx, "", p.Repository.ID)
	all = slices.DeleteFunc(all, func(l RepositoryPublisher) bool { return !l.Covers(p) })
	slices.SortStableFunc(all, func(a, b RepositoryPublisher) int {
		return cmp.Compare(len(b.Prefix.String()), len(a.Prefix.String()))
	})
	return all, err
}

// RepositoryCounts returns the number of publishers of each repository, by its name. It returns fault.Denied unless the
// caller is an administrator.
func (r *Registry) RepositoryCounts(ctx context.Context, who access.Caller) (map[string]int, error) {
	if !who.Admin() {
		return nil, errNotWide
	}
	var out map[string]int
	err := r.store.View(ctx, func(tx Tx) error {
		repositories, err := tx.Repositories(ctx)
		if err != nil {
			return err
		}
		all, err := tx.RepositoryPublishers(ctx, "", "")
		out = map[string]int{}
		for _, repo := range repositories {
			for _, l := range all {
				if l.RepositoryID == repo.ID {
					out[repo.Name]++
				}
			}
		}
		return err
	})
	return out, err
}

// constrainWide is Constrain for the names of a repository.
func (r *Registry) constrainWide(ctx context.Context, tx Tx, who access.Caller, req ConstrainRequest) (Added, error) {
	repo, err := WideFor(ctx, tx, who, req.Repository)
	if err != nil {
		return Added{}, err
	}
	prefix, err := parsePrefix(req.Names)
	if err != nil {
		return Added{}, err
	}
	if _, err := tx.NextSerial(ctx); err != nil { // first, as in attachWide
		return Added{}, err
	}
	old, err := widePublisher(ctx, tx, repo, prefix, req.ID)
	if err != nil {
		return Added{}, err
	}
	rule := old.Publisher
	if req.Kind != "" {
		if rule, err = r.own(rule, req.Kind); err != nil {
			return Added{}, err
		}
	}
	p, err := r.narrowed(who, old.Publisher, rule, req.Fields)
	if err != nil {
		return Added{}, err
	}
	link := old
	link.ID, link.AddedAt, link.AddedBy = r.o.NewID(), r.o.Now(), who.ID()
	if link.Publisher, err = settledWide(ctx, tx, repo, prefix, p); err != nil {
		return Added{}, err
	}
	same, err := tx.RepositoryPublishers(ctx, link.Publisher.ID, repo.ID)
	if err != nil {
		return Added{}, err
	}
	if !slices.ContainsFunc(same, func(l RepositoryPublisher) bool { return l.Prefix == prefix }) {
		if err := tx.InsertRepositoryPublisher(ctx, link); err != nil {
			return Added{}, err
		}
	}
	if _, err := tx.DeleteRepositoryPublisher(ctx, old.ID); err != nil {
		return Added{}, err
	}
	place := catalog.Project{Repository: repo}
	added, removed := r.WideDetail(link), r.WideDetail(old)
	added["constrains"], removed["constrained_by"] = old.Publisher.ID, link.Publisher.ID
	p = link.Publisher
	if err := tx.InsertAudit(ctx, r.entry("publisher.add", who.Actor(), place, p.ID, link.AddedAt, added)); err != nil {
		return Added{}, err
	}
	owner, err := UserName(ctx, tx, link.OwnerUser)
	if err != nil {
		return Added{}, err
	}
	return Added{
		ID: p.ID, Repository: repo.Name, Names: prefix.String(), Creates: link.Creates, Owner: owner,
		Provider: p.Provider, Issuer: p.Issuer, Sentence: r.Sentence(p), Fields: p.Fields, OwnerID: p.OwnerID,
		Unserved: r.unserved(p),
	}, tx.InsertAudit(ctx, r.entry("publisher.remove", who.Actor(), place, old.Publisher.ID, link.AddedAt, removed))
}

// settledWide is settled for the names of a repository.
func settledWide(ctx context.Context, tx Tx, repo catalog.Repository, prefix packaging.NamePrefix,
	p Publisher,
) (Publisher, error) {
	all, err := tx.RepositoryPublishers(ctx, "", repo.ID)
	if err != nil {
		return p, err
	}
	for _, l := range all {
		q := l.Publisher
		if l.Prefix != prefix || !SameRule(p, q) {
			continue
		}
		if p.OwnerID == "" || p.OwnerID == q.OwnerID {
			return q, nil
		}
		if q.OwnerID == "" {
			if _, err := tx.DeleteRepositoryPublisher(ctx, l.ID); err != nil {
				return p, err
			}
		}
	}
	return tx.PutPublisher(ctx, p)
}
