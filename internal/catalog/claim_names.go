package catalog

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// WhyImport is the reason of a Name that an import made own.
const WhyImport = "import"

// ClaimedName is a name of which an import is about to add files.
type ClaimedName struct {
	Name packaging.ProjectName
	// Decision is the administrator's decision about the name: Own, Both or Adopted. It is "" if nobody needs to decide:
	// the name is own already, or no upstream has it.
	Decision Origin
	Versions string // for Both, see Ownership
}

// ClaimNames gives names to this index, in one transaction, before an import adds the first file of them. A name
// without a decision becomes own unless an upstream has answered for it meanwhile: such names are returned, and then
// nothing is written. Decisions are recorded as SetOrigin does. ClaimNames returns fault.Denied unless the caller is an
// administrator.
func (x *Index) ClaimNames(ctx context.Context, who access.Caller, repo, reason string,
	names []ClaimedName,
) (taken []packaging.ProjectName, err error) {
	if !who.Admin() {
		return nil, errNoOrigins
	}
	err = access.Update(ctx, x.store, who, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoOrigins
		}
		taken = nil
		r, err := tx.RepositoryByName(ctx, cmp.Or(repo, MainRepository))
		if fault.Is(err, fault.NotFound) {
			return Missing("repository of that name")
		} else if err != nil {
			return err
		}
		c := claiming{x: x, who: who, repository: r, reason: reason}
		for _, n := range names {
			ok, err := c.claim(ctx, tx, n)
			if err != nil {
				return err
			}
			if !ok {
				taken = append(taken, n.Name)
			}
		}
		if len(taken) > 0 {
			return errTaken
		}
		if c.changed {
			_, err = tx.NextSerial(ctx)
		}
		return err
	})
	if len(taken) > 0 {
		return taken, nil
	}
	return nil, err
}

// errTaken undoes the transaction of an import that may not have all names.
var errTaken = fault.New(fault.Conflict, "an upstream has some of the names")

// claiming is a transaction of ClaimNames.
type claiming struct {
	x          *Index
	who        access.Caller
	repository Repository
	reason     string
	changed    bool
}

// claim writes one name. It returns false if an upstream has it.
func (c *claiming) claim(ctx context.Context, tx Tx, n ClaimedName) (bool, error) {
	f, err := tx.NameFacts(ctx, n.Name, c.repository.ID)
	if err != nil {
		return false, err
	}
	now, actor := c.x.changes.Clock(), c.who.Actor()
	by := audit.Actor{Kind: actor.Kind, ID: actor.ID, Name: actor.Name}
	i := slices.IndexFunc(f.Rulings, func(r Ruling) bool { return r.RepositoryID == c.repository.ID })
	switch {
	case i >= 0 && (n.Decision == "" || f.Rulings[i].Origin == n.Decision && f.Rulings[i].Versions == n.Versions):
		return f.Rulings[i].Origin != Foreign, nil
	case n.Decision != "":
		return true, c.decide(ctx, tx, f, Ruling{
			RepositoryID: c.repository.ID, Name: n.Name, Origin: n.Decision, Versions: n.Versions, Since: now, By: by,
			Why: c.reason,
		})
	case f.Name.Origin == Own:
		return true, nil
	case f.Name.Origin == Foreign:
		return false, nil
	}
	c.changed = true
	return true, tx.PutName(ctx, Name{Name: n.Name, Origin: Own, Since: now, By: by, Why: WhyImport})
}

func (c *claiming) decide(ctx context.Context, tx Tx, f NameFacts, d Ruling) error {
	if err := decide(ctx, tx, c.repository, f, d); err != nil {
		return err
	}
	c.changed = true
	detail := map[string]any{
		"origin": string(d.Origin), "reason": d.Why, "was": string(f.ownership([]string{c.repository.ID}, d.Since).Origin),
	}
	if d.Versions != "" {
		detail["versions"] = d.Versions
	}
	e := c.x.changes.Entry(c.who, "origin.set", detail)
	e.Repository, e.Project = c.repository.ID, d.Name.String()
	return tx.InsertAudit(ctx, e)
}

// NameStanding says whether an import may take a name without an administrator's decision.
type NameStanding struct {
	Name     packaging.ProjectName
	Origin   Origin // own, both or adopted if nobody needs to decide; "" if the name is free
	Upstream string // that has the name, if it is one that an administrator must decide about
	Unknown  bool   // an upstream without a list could not be compared with
	Ruling   Ruling // the decision that there is in the repository
}

// NameStandings returns whose names are, for an import into a repository. It asks no upstream. It returns fault.Denied
// unless the caller is an administrator.
func (x *Index) NameStandings(ctx context.Context, who access.Caller, repo string,
	names []packaging.ProjectName,
) (out []NameStanding, err error) {
	if !who.Admin() {
		return nil, errNoOrigins
	}
	compared := map[packaging.ProjectName]Comparison{}
	for _, n := range names {
		compared[n] = compare(ctx, x.public, n)
	}
	err = x.store.View(ctx, func(tx Tx) error {
		out = nil
		r, err := tx.RepositoryByName(ctx, cmp.Or(repo, MainRepository))
		if fault.Is(err, fault.NotFound) {
			return Missing("repository of that name")
		} else if err != nil {
			return err
		}
		for _, n := range names {
			f, err := tx.NameFacts(ctx, n, r.ID)
			if err != nil {
				return err
			}
			out = append(out, f.standing(r, n, compared[n]))
		}
		return nil
	})
	return out, err
}

func (f NameFacts) standing(r Repository, name packaging.ProjectName, c Comparison) NameStanding {
	s := NameStanding{Name: name}
	if i := slices.IndexFunc(f.Rulings, func(d Ruling) bool { return d.RepositoryID == r.ID }); i >= 0 {
		s.Ruling = f.Rulings[i]
		if s.Ruling.Origin == Foreign {
			s.Upstream = cmp.Or(f.Source.Upstream, f.Name.Upstream, "an upstream")
		} else {
			s.Origin = s.Ruling.Origin
		}
		return s
	}
	switch {
	case f.Name.Origin == Own:
		s.Origin = Own
	case f.Name.Origin == Foreign:
		s.Upstream = cmp.Or(f.Name.Upstream, f.Source.Upstream)
	default:
		s.Upstream, s.Unknown = c.By, c.Unknown
	}
	return s
}
