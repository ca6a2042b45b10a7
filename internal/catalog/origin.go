package catalog

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
)

// Origin is the source of a name's projects.
type Origin string

// The origins of a name. The zero Origin is that of a name that nobody has used yet.
const (
	// Own names have, had, or are reserved for projects of this index. No upstream is asked about them.
	Own Origin = "own"
	// Foreign names were answered by an upstream first. Nobody uploads to them.
	Foreign Origin = "upstream"
	// Both is an administrator's exception for one repository: own versions beside those of an upstream.
	Both Origin = "both"
	// Adopted names offer files that were copied from an upstream, in one repository, and are not read there any longer.
	Adopted Origin = "adopted"
)

// Reasons of a Name.
const (
	WhyProject  = "project"          // a project of that name was created
	WhyRuling   = "decision"         // an administrator made it own
	WhyUpstream = "upstream"         // a public upstream had it first
	WhyPrivate  = "private upstream" // a private upstream has it
)

// Ownership says whose a name is, for the readers of one repository.
type Ownership struct {
	Origin Origin
	// Upstream is the one that is remembered to have the name, for this repository, or "" if none is. It may have been
	// removed, or taken from the repository's bases, since then.
	Upstream string
	// Private is set for names that a private upstream has. Public upstreams are not asked about them.
	Private bool
	// Reserved is set for own names that have a page even without a project: those of a reserved prefix, and those that a
	// pending publisher waits for or did until lately.
	Reserved bool
	// Versions are the versions that may be uploaded to a name of origin Both, as a specifier. "" allows local versions.
	Versions string
	Until    time.Time // when this may change although nothing else does; zero if it cannot
	Name     Name      // zero if the name is not known
	Ruling   Ruling    // the decision that applies, zero if none does
}

// Ruling is what an administrator decided about a name in one repository.
type Ruling struct {
	RepositoryID string
	Name         packaging.ProjectName
	Origin       Origin
	Versions     string // for Both, see Ownership
	Since        time.Time
	By           audit.Actor // kind, id and name
	Why          string
}

// NameSource is the upstream that is remembered to have a name, for the readers of one repository.
type NameSource struct {
	Upstream string
	Private  bool
}

// NameFacts are the rows that decide whose a name is.
type NameFacts struct {
	Name         Name
	Source       NameSource
	Rulings      []Ruling      // in any repository
	Reservations []Reservation // those that cover the name, also those that ended
}

// ownership decides whose a name is for the readers of a repository, whose sources are the repositories chain.
func (f NameFacts) ownership(chain []string, now time.Time) Ownership {
	o := Ownership{Name: f.Name}
	for _, id := range chain {
		i := slices.IndexFunc(f.Rulings, func(r Ruling) bool { return r.RepositoryID == id })
		if i >= 0 {
			o.Ruling = f.Rulings[i]
			break
		}
	}
	reserved, until := reservedUntil(f.Reservations, now)
	switch {
	case o.Ruling.Origin != "":
		o.Origin, o.Versions = o.Ruling.Origin, o.Ruling.Versions
		if o.Origin == Own {
			o.Reserved, o.Until = reserved, until
		}
	case f.Name.Origin == Own || reserved:
		o.Origin, o.Reserved, o.Until = Own, reserved, until
	default:
		o.Origin = f.Name.Origin
	}
	if o.Origin == Own || o.Origin == Adopted {
		return o
	}
	o.Private = f.Name.Origin == Foreign && f.Name.Why == WhyPrivate && o.Ruling.Origin != Foreign
	o.Upstream = f.Source.Upstream
	if o.Private && !f.Source.Private {
		o.Upstream = f.Name.Upstream
	}
	return o
}

// reservedUntil reports whether one of the reservations is in force, and when the last of them ends: zero if never.
func reservedUntil(all []Reservation, now time.Time) (reserved bool, until time.Time) {
	for _, r := range all {
		switch {
		case r.EndsAt.IsZero():
			return true, time.Time{}
		case now.Before(r.EndsAt):
			reserved = true
			if r.EndsAt.After(until) {
				until = r.EndsAt
			}
		}
	}
	return reserved, until
}

// nameKey is a cache key; id is that of the repository that is read.
type nameKey struct {
	id   string
	name packaging.ProjectName
}

const memoNames = 100_000

// OriginOf returns whose a name is for the readers of a repository. chain has the ids of the repositories that are read
// through it, as Chain returns them at the same stamp: the repository itself first. The answer does not depend on the
// caller's rights, and it must be obtained before anything is asked of an upstream.
//
// The decision of an administrator comes first, that of the first repository of the chain that has one. Names that are
// own anywhere on this index are own for every repository. While nothing changes, it costs no look at the database.
//
// While the index is in the state recovered, OriginOf returns fault.Unavailable for a name without any row.
func (x *Index) OriginOf(ctx context.Context, at memo.Stamp, chain []string,
	name packaging.ProjectName,
) (Ownership, error) {
	if len(chain) == 0 {
		return Ownership{}, fault.New(fault.Internal, "the origin of %s was asked for no repository", name)
	}
	k, now := nameKey{chain[0], name}, x.changes.Clock()
	if o, ok := x.origins.Get(at, k); ok && (o.Until.IsZero() || now.Before(o.Until)) {
		return o, nil
	}
	var o Ownership
	err := x.store.View(ctx, func(tx Tx) error {
		f, err := tx.NameFacts(ctx, name, chain[0])
		if err != nil {
			return err
		}
		o = f.ownership(chain, now)
		return f.checkUnknown(ctx, tx, name)
	})
	if err == nil {
		x.origins.Put(at, k, o)
	}
	return o, err
}

// ClaimUpstream makes an upstream the owner of a name, for the readers of a repository, unless somebody else owns it
// already. It returns the ownership that stands: of a claim and the creation of a project that race, the first to
// commit wins. The caller serves the upstream's page only if the upstream is that of the result, and only after
// ClaimUpstream returned, so that a page that was once served cannot become somebody else's project unnoticed.
//
// The first claim makes the name Foreign for the whole index, so that nobody uploads to it. The source is remembered
// for each repository by itself, until the upstream is no longer among those that are read through it. A public
// upstream never replaces a remembered one, unless its configuration lists the name. A private one replaces a public
// one, and from then on the name is that of a private upstream for every repository: no public upstream is asked about
// it, also if the private one is removed. Only an administrator's decision changes that.
//
// A claim does not move the serial, so other processes may go on with what they knew: nobody's, which leads to a claim
// of their own. Only a private upstream's claim of a name that was a public one's moves it.
func (x *Index) ClaimUpstream(ctx context.Context, repositoryID string, name packaging.ProjectName,
	u upstream.Upstream,
) (Ownership, error) {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return Ownership{}, err
	}
	c := claim{repositoryID: repositoryID, name: name, by: u, now: x.changes.Clock()}
	var o Ownership
	settled := false
	err = x.store.View(ctx, func(tx Tx) (err error) { // most claims repeat an earlier one
		o, settled, err = c.look(ctx, tx)
		return err
	})
	if err == nil && !settled {
		err = x.store.Update(ctx, func(tx Tx) (err error) {
			o, err = c.make(ctx, tx)
			return err
		})
	}
	if err == nil {
		x.origins.Put(at, nameKey{repositoryID, name}, o)
	}
	return o, err
}

// claim is the claim of a name by an upstream.
type claim struct {
	repositoryID string
	name         packaging.ProjectName
	by           upstream.Upstream
	now          time.Time

	chain []string
	facts NameFacts
}

// look reads the rows, and reports whether the claim changes nothing: it was made before, or somebody else owns the
// name.
func (c *claim) look(ctx context.Context, tx Tx) (o Ownership, settled bool, err error) {
	through, err := chainOf(ctx, tx, c.repositoryID)
	if err != nil {
		return o, false, err
	}
	c.chain = nil
	present := false // whether the remembered upstream is still read through this repository
	if c.facts, err = tx.NameFacts(ctx, c.name, c.repositoryID); err != nil {
		return o, false, err
	}
	for _, s := range through {
		if s.Upstream == "" {
			c.chain = append(c.chain, s.Repository.ID)
		}
		present = present || s.Upstream != "" && s.Upstream == c.facts.Source.Upstream
	}
	o = c.facts.ownership(c.chain, c.now)
	private := c.by.Kind == upstream.Private
	switch was := c.facts.Source; {
	case o.Origin == Own || o.Origin == Adopted:
		return o, true, nil
	case o.Private && !private:
		return o, true, nil
	case c.facts.Name.Name.IsZero():
		return o, false, nil
	case was.Upstream == c.by.Name:
		return o, was.Private == private && (!private || c.private()), nil
	case !present, private && !was.Private, c.by.Lists(c.name) && !was.Private:
		return o, false, nil
	}
	return o, true, nil
}

// private reports whether the name is known to be that of a private upstream, or is own and shared with one.
func (c *claim) private() bool { return c.facts.Name.Origin == Own || c.facts.Name.Why == WhyPrivate }

// make is look in an update, and writes the claim.
func (c *claim) make(ctx context.Context, tx Tx) (Ownership, error) {
	o, settled, err := c.look(ctx, tx)
	if err != nil || settled {
		return o, err
	}
	if err := c.facts.checkUnknown(ctx, tx, c.name); err != nil {
		return o, err
	}
	n := Name{Name: c.name, Origin: Foreign, Upstream: c.by.Name, Since: c.now, Why: WhyUpstream}
	private := c.by.Kind == upstream.Private
	if private {
		n.Why = WhyPrivate
	}
	switch known := !c.facts.Name.Name.IsZero(); {
	case !known:
		c.facts.Name, err = n, tx.PutName(ctx, n)
	case private && !c.private():
		c.facts.Name = n
		if err = tx.ReplaceName(ctx, n); err == nil {
			_, err = tx.NextSerial(ctx) // some process may go on asking a public upstream otherwise
		}
	}
	if err != nil {
		return o, err
	}
	c.facts.Source = NameSource{Upstream: c.by.Name, Private: private}
	return c.facts.ownership(c.chain, c.now), tx.PutNameSource(ctx, c.repositoryID, c.name, c.facts.Source, c.now)
}

// chainOf is chain for a repository id. It returns fault.NotFound if there is no such repository.
func chainOf(ctx context.Context, tx Tx, repositoryID string) ([]Source, error) {
	all, err := tx.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(r Repository) bool { return r.ID == repositoryID })
	if i < 0 {
		return nil, Missing("repository of that name")
	}
	return chain(ctx, tx, all[i])
}
