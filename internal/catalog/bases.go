package catalog

import (
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/upstream"
)

// Base is something that a repository draws on: another repository, or an upstream. Either Upstream is set, or
// RepositoryID with Repository.
type Base struct{ RepositoryID, Repository, Upstream string }

// upstreamBase is the prefix of an upstream's name among the bases of a repository.
const upstreamBase = "upstream:"

// ParseBase parses a base as people write it: the name of a repository, or "upstream:" and the name of an upstream.
func ParseBase(s string) Base {
	if name, ok := strings.CutPrefix(s, upstreamBase); ok {
		return Base{Upstream: name}
	}
	return Base{Repository: s}
}

// String returns the base as people write it.
func (b Base) String() string {
	if b.Upstream != "" {
		return upstreamBase + b.Upstream
	}
	return b.Repository
}

// maxBases limits the bases of a repository, and maxChain the sources that a request goes through.
const (
	maxBases = 32
	maxChain = 100
)

// Source is a repository or an upstream that is read through the repository that was asked.
type Source struct {
	Repository Repository // that of the source itself, or the first one that has the upstream as its base
	Upstream   string     // "" for the repository itself
	// Through are all repositories of the chain that have the upstream as their base.
	Through []Repository
	// Ways are all repositories of the chain on some way to the upstream, from the one that was asked to those in
	// Through.
	Ways []Repository
}

// addUpstream adds an upstream to a chain, or another repository that has it as its base.
func addUpstream(chain []Source, r Repository, name string) []Source {
	i := slices.IndexFunc(chain, func(s Source) bool { return s.Upstream == name })
	if i < 0 {
		return append(chain, Source{Repository: r, Upstream: name, Through: []Repository{r}})
	}
	chain[i].Through = append(chain[i].Through, r)
	return chain
}

// Chain returns the sources that are read through a repository: itself, then its bases in order, each followed by its
// own bases, each source once. It does not depend on the caller's rights.
func (x *Index) Chain(ctx context.Context, at memo.Stamp, r Repository) ([]Source, error) {
	if c, ok := x.chains.Get(at, r.ID); ok { // without the closure, which costs an allocation
		return c, nil
	}
	return x.readChain(ctx, at, r)
}

func (x *Index) readChain(ctx context.Context, at memo.Stamp, r Repository) ([]Source, error) {
	return recallAt(ctx, x, at, x.chains, r.ID, func(tx Tx) ([]Source, error) { return chain(ctx, tx, r) })
}

func chain(ctx context.Context, tx Tx, r Repository) ([]Source, error) {
	all, err := tx.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	byID := map[string]Repository{}
	for _, one := range all {
		byID[one.ID] = one
	}
	var out []Source
	seen := map[Base]bool{}
	drawsOn := map[string][]string{} // ids of bases by the id of a repository
	var add func(Repository) error
	add = func(r Repository) error {
		if seen[Base{RepositoryID: r.ID}] || len(out) >= maxChain {
			return nil
		}
		seen[Base{RepositoryID: r.ID}] = true
		out = append(out, Source{Repository: r})
		bases, err := tx.Bases(ctx, r.ID)
		if err != nil {
			return err
		}
		for _, b := range bases {
			if b.Upstream != "" {
				out = addUpstream(out, r, b.Upstream)
			}
			if base, ok := byID[b.RepositoryID]; ok {
				drawsOn[r.ID] = append(drawsOn[r.ID], base.ID)
				if err := add(base); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err = add(r)
	addWays(out, drawsOn)
	return out, err
}

// addWays sets the Ways of all upstreams of a chain.
func addWays(chain []Source, drawsOn map[string][]string) {
	for i := range chain {
		s := &chain[i]
		if s.Upstream == "" {
			continue
		}
		leads := map[string]bool{}
		for _, r := range s.Through {
			leads[r.ID] = true
		}
		for more := true; more; {
			more = false
			for id, bases := range drawsOn {
				if !leads[id] && slices.ContainsFunc(bases, func(base string) bool { return leads[base] }) {
					leads[id], more = true, true
				}
			}
		}
		for _, one := range chain {
			if one.Upstream == "" && leads[one.Repository.ID] {
				s.Ways = append(s.Ways, one.Repository)
			}
		}
	}
}

// SetBases replaces the bases of a repository. It needs an administrator. It returns the faults of PutBases.
func (x *Index) SetBases(ctx context.Context, who access.Caller, name string, bases []Base) error {
	return x.ChangeRepository(ctx, who, name, RepositoryChange{Bases: &bases})
}

// Bases returns the bases of all repositories that have some, in order, by the name of the repository. It needs an
// administrator.
func (x *Index) Bases(ctx context.Context, who access.Caller) (out map[string][]Base, err error) {
	if !who.Admin() {
		return nil, errNoRepositories
	}
	err = x.store.View(ctx, func(tx Tx) error {
		names, err := repositoryNames(ctx, tx)
		if err != nil {
			return err
		}
		links, err := tx.RepositoryBases(ctx)
		out = map[string][]Base{}
		for _, l := range links {
			b := Base{RepositoryID: l.BaseID, Repository: names[l.BaseID], Upstream: l.Upstream}
			out[l.Repository] = append(out[l.Repository], b)
		}
		return err
	})
	return out, err
}

// PutBases replaces the bases of a repository in a transaction whose caller was already authorized. It returns
// fault.Invalid if a base does not exist, is listed twice, or leads back to the repository, and if the repository, or
// one that draws on it, would read from two public upstreams that may be asked for any name.
func PutBases(ctx context.Context, tx Tx, r Repository, bases []Base) error {
	if len(bases) > maxBases {
		return fault.New(fault.Invalid, "a repository has at most %d bases", maxBases)
	}
	upstreams, err := tx.Upstreams(ctx)
	if err != nil {
		return err
	}
	var out []Base
	for _, b := range bases {
		if b.Upstream == "" {
			base, err := tx.RepositoryByName(ctx, b.Repository)
			if fault.Is(err, fault.NotFound) {
				return fault.New(fault.Invalid, "there is no repository %.80q to draw on%s", b.Repository,
					meantUpstream(upstreams, b.Repository))
			} else if err != nil {
				return err
			}
			b = Base{RepositoryID: base.ID, Repository: base.Name}
			if err := noCircle(ctx, tx, r, base); err != nil {
				return err
			}
		} else if upstream.Find(upstreams, b.Upstream) == nil {
			return fault.New(fault.Invalid, "there is no upstream %.80q: add it with \"index upstream add\" first", b.Upstream)
		}
		if slices.Contains(out, b) {
			return fault.New(fault.Invalid, "the base %s is listed twice", b)
		}
		out = append(out, b)
	}
	if err := tx.PutBases(ctx, r.ID, out); err != nil {
		return err
	}
	links, err := tx.RepositoryBases(ctx)
	if err != nil {
		return err
	}
	return upstream.CheckLinks(upstreams, links)
}

// meantUpstream returns advice for a base that names an upstream without the prefix, or "".
func meantUpstream(all []upstream.Upstream, name string) string {
	if upstream.Find(all, name) != nil {
		return "; did you mean " + Base{Upstream: name}.String() + "?"
	}
	return ": index repository list shows those that exist"
}

// noCircle returns fault.Invalid if the base draws on the repository.
func noCircle(ctx context.Context, tx Tx, r, base Repository) error {
	through, err := chain(ctx, tx, base)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(through, func(s Source) bool { return s.Upstream == "" && s.Repository.ID == r.ID }) {
		return fault.New(fault.Invalid, "%s cannot be a base of %s, because it draws on %s itself", base.Name, r.Name, r.Name)
	}
	return nil
}
