package catalog

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/upstream"
)

// Declared is the part of the server's configuration that is written into rows: the upstreams and the repositories.
type Declared struct {
	Upstreams    []upstream.Upstream
	Repositories []DeclaredRepository
	// Main is the name of an upstream that the main repository draws on in addition to its other bases, "" for none.
	Main string
}

// DeclaredRepository is a repository of the configuration. Settings that are nil keep their value, or have the default
// in a new repository.
type DeclaredRepository struct {
	Name string
	RepositoryChange
}

// Declare writes the upstreams and repositories of the configuration into the rows when a server starts, all or none of
// them. Upstreams and repositories that are no longer declared remain and can be changed like any other; nothing is
// deleted. It returns a sentence about each change, for the log. It returns fault.Denied unless the caller is an
// administrator, and fault.Invalid if the configuration contradicts itself or the rows.
func (x *Index) Declare(ctx context.Context, who access.Caller, d Declared) (said []string, err error) {
	idle, err := x.nothingDeclared(ctx, d)
	if err != nil || idle {
		return nil, err
	}
	e := x.changes.Entry(who, "upstream.declare", nil)
	err = x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoRepositories
		}
		w := declaring{Index: x, tx: tx, who: who}
		if err := w.upstreams(ctx, d.Upstreams); err != nil {
			return err
		}
		if err := w.repositories(ctx, d); err != nil {
			return err
		}
		said = w.said
		if len(said) == 0 {
			return nil
		}
		_, err := tx.NextSerial(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return said, nil
}

// nothingDeclared reports whether neither the configuration nor a row declares anything, so that a server without
// upstreams writes nothing when it starts.
func (x *Index) nothingDeclared(ctx context.Context, d Declared) (idle bool, err error) {
	if len(d.Upstreams) > 0 || len(d.Repositories) > 0 || d.Main != "" {
		return false, nil
	}
	err = x.store.View(ctx, func(tx Tx) error {
		all, err := tx.Upstreams(ctx)
		if err != nil {
			return err
		}
		repositories, err := tx.Repositories(ctx)
		idle = !slices.ContainsFunc(all, func(u upstream.Upstream) bool { return u.Declared }) &&
			!slices.ContainsFunc(repositories, func(r Repository) bool { return r.Declared })
		return err
	})
	return idle, err
}

// declaring is a transaction of Declare.
type declaring struct {
	*Index
	tx   Tx
	who  access.Caller
	said []string
}

func (w *declaring) upstreams(ctx context.Context, declared []upstream.Upstream) error {
	done, err := upstream.Declare(ctx, w.tx, w.changes.Clock(), declared)
	if err != nil {
		return err
	}
	for _, c := range done {
		e := w.changes.Entry(w.who, c.Action, c.Detail)
		e.Subject = c.Name
		if err := w.tx.InsertAudit(ctx, e); err != nil {
			return err
		}
		text := map[string]string{
			"upstream.add":    "upstream " + c.Name + " was added by the configuration",
			"upstream.change": "upstream " + c.Name + " was changed by the configuration",
			"upstream.undeclare": "upstream " + c.Name + " is no longer in the configuration: it remains, and can be changed" +
				" by commands and on its page",
		}[c.Action]
		if c.Moved {
			text += "; its URL has another origin now, which receives the configured credential"
		}
		w.said = append(w.said, text)
	}
	return nil
}

func (w *declaring) repositories(ctx context.Context, d Declared) error {
	before, err := w.tx.Repositories(ctx)
	if err != nil {
		return err
	}
	for _, r := range before {
		named := func(d DeclaredRepository) bool { return d.Name == r.Name }
		if !r.Declared || slices.ContainsFunc(d.Repositories, named) {
			continue
		}
		r.Declared = false
		if err := w.tx.UpdateRepository(ctx, r); err != nil {
			return err
		}
		err := w.record(ctx, r, "repository.undeclare", RepositoryChange{}, "repository "+r.Name+
			" is no longer in the configuration: it remains, and can be changed by commands and on its page")
		if err != nil {
			return err
		}
	}
	var put []DeclaredRepository // with other bases than now
	for _, one := range d.Repositories {
		if d.Main != "" && one.Name == MainRepository {
			one = one.drawingOn(d.Main)
		}
		changed, err := w.repository(ctx, before, one)
		if err != nil {
			return err
		}
		if changed {
			put = append(put, one)
		}
	}
	if err := w.bases(ctx, put); err != nil || d.Main == "" {
		return err
	}
	return w.mainDrawsOn(ctx, d.Main)
}

// drawingOn returns d with one more base, unless d has it or does not set the bases.
func (d DeclaredRepository) drawingOn(upstream string) DeclaredRepository {
	if b := (Base{Upstream: upstream}); d.Bases != nil && !slices.Contains(*d.Bases, b) {
		bases := append(slices.Clone(*d.Bases), b)
		d.Bases = &bases
	}
	return d
}

// repository adds or changes a declared repository, and reports whether its bases have to be changed.
func (w *declaring) repository(ctx context.Context, before []Repository, one DeclaredRepository) (bool, error) {
	i := slices.IndexFunc(before, func(r Repository) bool { return r.Name == one.Name })
	if i < 0 {
		r := one.applied(w.newRepository(one.Name))
		r.Declared = true
		if err := w.tx.InsertRepository(ctx, r); err != nil {
			return false, err
		}
		return one.Bases != nil, w.record(ctx, r, "repository.add", one.RepositoryChange,
			"repository "+r.Name+" was added by the configuration")
	}
	from := before[i]
	to := one.applied(from)
	to.Declared = true
	bases, err := w.tx.Bases(ctx, from.ID)
	if err != nil {
		return false, err
	}
	other := one.Bases != nil &&
		!slices.EqualFunc(bases, *one.Bases, func(a, b Base) bool { return a.String() == b.String() })
	if to == from && !other {
		return false, nil
	}
	if err := w.tx.UpdateRepository(ctx, to); err != nil {
		return false, err
	}
	return other, w.record(ctx, to, "repository.change", one.RepositoryChange,
		"repository "+to.Name+" was changed by the configuration")
}

// bases writes the bases of repositories. It first removes the old ones of all, so that no state in between leads in a
// circle.
func (w *declaring) bases(ctx context.Context, all []DeclaredRepository) error {
	for _, empty := range []bool{true, false} {
		for _, one := range all {
			r, err := w.tx.RepositoryByName(ctx, one.Name)
			if err != nil {
				return err
			}
			if empty {
				err = w.tx.PutBases(ctx, r.ID, nil)
			} else {
				err = PutBases(ctx, w.tx, r, *one.Bases)
			}
			if err != nil {
				return err
			}
		}
	}
	upstreams, err := w.tx.Upstreams(ctx) // which may have changed although no base did
	if err != nil {
		return err
	}
	links, err := w.tx.RepositoryBases(ctx)
	if err != nil {
		return err
	}
	return upstream.CheckLinks(upstreams, links)
}

// mainDrawsOn adds an upstream to the bases of the main repository, unless it is there.
func (w *declaring) mainDrawsOn(ctx context.Context, name string) error {
	r, err := w.tx.RepositoryByName(ctx, MainRepository)
	if err != nil {
		return err
	}
	bases, err := w.tx.Bases(ctx, r.ID)
	if err != nil || slices.Contains(bases, Base{Upstream: name}) {
		return err
	}
	bases = append(bases, Base{Upstream: name})
	if err := PutBases(ctx, w.tx, r, bases); err != nil {
		return err
	}
	return w.record(ctx, r, "repository.bases", RepositoryChange{Bases: &bases},
		"repository "+r.Name+" draws on upstream "+name+" now")
}

// record writes an audit entry about a repository and keeps a sentence for the log.
func (w *declaring) record(ctx context.Context, r Repository, action string, c RepositoryChange, said string) error {
	e := w.changes.Entry(w.who, action, c.detail(r))
	e.Repository, e.Subject = r.ID, r.Name
	w.said = append(w.said, said)
	return w.tx.InsertAudit(ctx, e)
}

// CheckDeclared returns fault.Invalid if a repository of the configuration has an invalid name or setting, or is listed
// twice. It reads no rows.
func CheckDeclared(all []DeclaredRepository) error {
	seen := map[string]bool{}
	for _, d := range all {
		if !IsRepositoryName(d.Name) {
			return fault.New(fault.Invalid, "%.80q is not a repository name: use lower-case letters, digits and '-', 64 at most",
				d.Name)
		}
		if seen[d.Name] {
			return fault.New(fault.Invalid, "%s is listed twice", d.Name)
		}
		seen[d.Name] = true
		if err := d.check(); err != nil {
			return err
		}
	}
	return nil
}
