package catalog

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// NewRuling is a decision about a name in one repository.
type NewRuling struct {
	Repository string
	Name       packaging.ProjectName
	Origin     Origin // Own, Foreign or Both
	Versions   string // for Both: a specifier of the versions that may be uploaded; "" for local versions only
	Reason     string
}

func (n NewRuling) check() error {
	switch n.Origin {
	case Own, Foreign, Both:
	default:
		return fault.InField("origin", "the origin of a name can be set to own, upstream or both")
	}
	if strings.TrimSpace(n.Reason) == "" {
		return fault.InField("reason", "give a reason: it is shown to the people who manage the project")
	}
	if n.Versions == "" {
		return checkReason(n.Reason)
	}
	if n.Origin != Both {
		return fault.InField("versions", "only a name of origin both has versions that may be uploaded")
	}
	if _, err := packaging.ParseSpecifiers(n.Versions); err != nil {
		return fault.InField("versions", "%s", fault.Message(err))
	}
	return checkReason(n.Reason)
}

var errNoOrigins = fault.New(fault.Denied,
	"only an administrator, with a token of scope admin, may decide whose a name is")

// SetOrigin decides whose a name is, for the readers of one repository. It needs an administrator and a reason.
//
// Own makes the name own for the whole index, like an upload: from the commit on, no repository reads it from an
// upstream, unless another decision says so there. Foreign frees a name for this repository alone: it is read from an
// upstream again, although it was, or is, own elsewhere. That would hide the files of a project, so SetOrigin returns
// fault.Conflict while a project of that name has files in the repository or in one that it draws on. Both shows own
// versions beside those of an upstream.
func (x *Index) SetOrigin(ctx context.Context, who access.Caller, n NewRuling) error {
	if err := n.check(); err != nil {
		return err
	}
	detail := map[string]any{"origin": string(n.Origin), "reason": n.Reason}
	if n.Versions != "" {
		detail["versions"] = n.Versions
	}
	e := x.changes.Entry(who, "origin.set", detail)
	e.Project = n.Name.String()
	if !who.Admin() {
		return x.changes.Deny(ctx, e, errNoOrigins)
	}
	return x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoOrigins
		}
		r, err := tx.RepositoryByName(ctx, cmp.Or(n.Repository, MainRepository))
		if fault.Is(err, fault.NotFound) {
			return Missing("repository of that name")
		} else if err != nil {
			return err
		}
		was, err := tx.NameFacts(ctx, n.Name, r.ID)
		if err != nil {
			return err
		}
		e := e // this may run again
		e.Repository = r.ID
		e.Detail["was"] = string(was.ownership([]string{r.ID}, e.At).Origin)
		by := audit.Actor{Kind: e.Actor.Kind, ID: e.Actor.ID, Name: e.Actor.Name}
		if err := decide(ctx, tx, r, was, Ruling{
			RepositoryID: r.ID, Name: n.Name, Origin: n.Origin, Versions: n.Versions, Since: e.At, By: by, Why: n.Reason,
		}); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, e)
	})
}

// decide writes a decision. was are the facts from before it.
func decide(ctx context.Context, tx Tx, r Repository, was NameFacts, d Ruling) error {
	switch d.Origin {
	case Own:
		n := Name{Name: d.Name, Origin: Own, Since: d.Since, By: d.By, Why: WhyRuling}
		if was.Name.Origin == Own {
			break
		}
		if err := tx.ReplaceName(ctx, n); err != nil {
			return err
		}
	case Foreign:
		if err := hidesNothing(ctx, tx, r, d.Name); err != nil {
			return err
		}
	}
	return tx.PutRuling(ctx, d)
}

// hidesNothing returns fault.Conflict if a repository, or one that it draws on, has files of a project.
func hidesNothing(ctx context.Context, tx Tx, r Repository, name packaging.ProjectName) error {
	through, err := chain(ctx, tx, r)
	if err != nil {
		return err
	}
	for _, s := range through {
		if s.Upstream != "" {
			continue
		}
		p, err := tx.ProjectByName(ctx, s.Repository.ID, name)
		if fault.Is(err, fault.NotFound) {
			continue
		} else if err != nil {
			return err
		}
		files, err := tx.AllFiles(ctx, p.ID)
		if err != nil {
			return err
		}
		if len(files) > 0 {
			return fault.New(fault.Conflict,
				"project %s has files in repository %s, which would be hidden: delete the project first, or set the origin to both",
				name, s.Repository.Name)
		}
	}
	return nil
}

// OriginReport explains to an administrator whose a name is in a repository.
type OriginReport struct {
	Ownership
	Repository   Repository
	Name         packaging.ProjectName
	Projects     []Project     // of that name, in any repository
	Reservations []Reservation // in force
	Compared     Comparison
}

// Origin explains whose a name is for the readers of a repository, without asking any upstream. It returns fault.Denied
// unless the caller is an administrator.
func (x *Index) Origin(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (out OriginReport, err error) {
	if !who.Admin() {
		return out, errNoOrigins
	}
	out.Name, out.Compared = name, compare(ctx, x.public, name)
	err = x.store.View(ctx, func(tx Tx) error {
		out.Projects, out.Reservations = nil, nil
		if out.Repository, err = tx.RepositoryByName(ctx, cmp.Or(repo, MainRepository)); fault.Is(err, fault.NotFound) {
			return Missing("repository of that name")
		} else if err != nil {
			return err
		}
		f, err := tx.NameFacts(ctx, name, out.Repository.ID)
		if err != nil {
			return err
		}
		now := x.changes.Clock()
		for _, r := range f.Reservations {
			if r.InForce(now) {
				out.Reservations = append(out.Reservations, r)
			}
		}
		ids, err := chainIDs(ctx, tx, out.Repository)
		if err != nil {
			return err
		}
		out.Ownership = f.ownership(ids, now)
		all, err := tx.Repositories(ctx)
		if err != nil {
			return err
		}
		for _, r := range all {
			p, err := tx.ProjectByName(ctx, r.ID, name)
			if err == nil {
				out.Projects = append(out.Projects, p)
			} else if !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		return nil
	})
	return out, err
}

func chainIDs(ctx context.Context, tx Tx, r Repository) (ids []string, err error) {
	through, err := chain(ctx, tx, r)
	for _, s := range through {
		if s.Upstream == "" {
			ids = append(ids, s.Repository.ID)
		}
	}
	return ids, err
}

// NamedRuling is a decision with the name of its repository.
type NamedRuling struct {
	Ruling
	Repository string
}

// Rulings returns all decisions about names, by repository and name. It returns fault.Denied unless the caller is an
// administrator.
func (x *Index) Rulings(ctx context.Context, who access.Caller) (out []NamedRuling, err error) {
	if !who.Admin() {
		return nil, errNoOrigins
	}
	err = x.store.View(ctx, func(tx Tx) error {
		out = nil
		all, err := tx.Rulings(ctx)
		if err != nil {
			return err
		}
		names, err := repositoryNames(ctx, tx)
		for _, r := range all {
			if name := names[r.RepositoryID]; name != "" { // those of removed repositories decide nothing
				out = append(out, NamedRuling{r, name})
			}
		}
		return err
	})
	slices.SortStableFunc(out, func(a, b NamedRuling) int { return strings.Compare(a.Repository, b.Repository) })
	return out, err
}

func repositoryNames(ctx context.Context, tx Tx) (map[string]string, error) {
	all, err := tx.Repositories(ctx)
	names := map[string]string{}
	for _, r := range all {
		names[r.ID] = r.Name
	}
	return names, err
}

// RulingIn returns the decision about a name in a repository, or the zero Ruling. It needs an uploader of the project.
func (x *Index) RulingIn(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (d Ruling, err error) {
	p, err := x.permitted(ctx, who, access.Uploader, repo, name)
	if err != nil {
		return d, err
	}
	err = x.store.View(ctx, func(tx Tx) error {
		d, err = tx.RulingOf(ctx, p.Repository.ID, name)
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		return err
	})
	return d, err
}

// Collision is an own name that is on an upstream's list of names.
type Collision struct {
	Name       packaging.ProjectName
	Upstream   string
	Repository string // that has the project; "" if there is none any longer
	Ruling     Origin // what an administrator decided about the name, if anything
}

// Collisions returns the own names that readers of a repository may look for and that are on an upstream's list of
// names too, by name. It compares with the lists as they were last read and asks no upstream. known is false if an
// upstream has no list, or there is no upstream. It returns fault.Denied unless the caller is an administrator.
func (x *Index) Collisions(ctx context.Context, who access.Caller,
	repo string,
) (out []Collision, known bool, err error) {
	if !who.Admin() {
		return nil, false, errNoOrigins
	}
	var own []Collision
	err = x.store.View(ctx, func(tx Tx) error {
		r, err := tx.RepositoryByName(ctx, cmp.Or(repo, MainRepository))
		if fault.Is(err, fault.NotFound) {
			return Missing("repository of that name")
		} else if err != nil {
			return err
		}
		own, err = ownNames(ctx, tx, r)
		return err
	})
	if err != nil || x.public == nil {
		return nil, false, err
	}
	known = true
	for _, c := range own {
		compared := compare(ctx, x.public, c.Name)
		known = known && !compared.Unknown
		if c.Upstream = compared.By; c.Upstream != "" {
			out = append(out, c)
		}
	}
	slices.SortFunc(out, func(a, b Collision) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return out, known, ctx.Err()
}

// ownNames returns the names of the projects that are read through a repository, and the own names that have no project
// any longer.
func ownNames(ctx context.Context, tx Tx, r Repository) ([]Collision, error) {
	ids, err := chainIDs(ctx, tx, r)
	if err != nil {
		return nil, err
	}
	all, err := tx.Repositories(ctx)
	if err != nil {
		return nil, err
	}
	rulings, err := tx.Rulings(ctx)
	if err != nil {
		return nil, err
	}
	ruled := map[packaging.ProjectName]Origin{}
	for _, d := range rulings {
		if d.RepositoryID == r.ID {
			ruled[d.Name] = d.Origin
		}
	}
	place := map[packaging.ProjectName]string{} // of every project; "" if it is not read through the repository
	var out []Collision
	for _, one := range all {
		projects, err := tx.Projects(ctx, one.ID)
		if err != nil {
			return nil, err
		}
		for _, p := range projects {
			if _, known := place[p.Name]; slices.Contains(ids, one.ID) {
				if place[p.Name] == "" {
					out = append(out, Collision{Name: p.Name, Repository: one.Name, Ruling: ruled[p.Name]})
				}
				place[p.Name] = one.Name
			} else if !known {
				place[p.Name] = ""
			}
		}
	}
	err = eachName(ctx, tx, func(n Name) {
		if _, known := place[n.Name]; !known && n.Origin == Own {
			out = append(out, Collision{Name: n.Name, Ruling: ruled[n.Name]})
		}
	})
	return out, err
}
