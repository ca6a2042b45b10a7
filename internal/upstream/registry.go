package upstream

import (
	"context"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
)

// Options are the settings of a Registry; the zero value works.
type Options struct {
	Now   func() time.Time // time.Now
	NewID func() string    // UUIDv7
}

// Registry manages the upstreams of an index. It is safe for concurrent use, also by several processes on one store.
type Registry struct {
	store   Store
	changes access.Changes[Tx]
	held    *memo.BySerial[struct{}, []Upstream]
}

// NewRegistry returns a registry that stores its rows in s.
func NewRegistry(s Store, o Options) *Registry {
	return &Registry{
		store: s, changes: access.NewChanges(s, o.Now, o.NewID), held: memo.NewBySerial[struct{}, []Upstream](1),
	}
}

// All returns all upstreams at a stamp, by name. It is cheap until the index changes. The caller must not change the
// result.
func (r *Registry) All(ctx context.Context, at memo.Stamp) ([]Upstream, error) {
	if all, ok := r.held.Get(at, struct{}{}); ok {
		return all, nil
	}
	var all []Upstream
	err := r.store.View(ctx, func(tx Tx) (err error) {
		all, err = tx.Upstreams(ctx)
		return err
	})
	if err == nil {
		r.held.Put(at, struct{}{}, all)
	}
	return all, err
}

// Get returns an upstream at a stamp, or fault.NotFound. It is as cheap as All.
func (r *Registry) Get(ctx context.Context, at memo.Stamp, name string) (Upstream, error) {
	all, err := r.All(ctx, at)
	if err != nil {
		return Upstream{}, err
	}
	u := Find(all, name)
	if u == nil {
		return Upstream{}, missing(name)
	}
	return *u, nil
}

func missing(name string) error { return fault.New(fault.NotFound, "there is no upstream %.80q", name) }

var errNoAdministrator = fault.New(fault.Denied,
	"only an administrator, with a token of scope admin, may manage upstreams")

// Listed is an upstream with the names of the repositories that have it as a base, sorted.
type Listed struct {
	Upstream
	Repositories []string
}

// List returns the upstreams by name. It needs an administrator.
func (r *Registry) List(ctx context.Context, who access.Caller) (out []Listed, err error) {
	if !who.Admin() {
		return nil, errNoAdministrator
	}
	err = r.store.View(ctx, func(tx Tx) error {
		all, err := tx.Upstreams(ctx)
		if err != nil {
			return err
		}
		links, err := tx.RepositoryBases(ctx)
		out = nil
		for _, u := range all {
			out = append(out, Listed{u, drawing(links, u.Name)})
		}
		return err
	})
	return out, err
}

// Show returns one upstream. It needs an administrator, and returns fault.NotFound if there is no such upstream.
func (r *Registry) Show(ctx context.Context, who access.Caller, name string) (Listed, error) {
	all, err := r.List(ctx, who)
	if err != nil {
		return Listed{}, err
	}
	i := slices.IndexFunc(all, func(l Listed) bool { return l.Name == name })
	if i < 0 {
		return Listed{}, missing(name)
	}
	return all[i], nil
}

// Add adds an upstream. It needs an administrator. It returns fault.Invalid if a setting is invalid, and fault.Conflict
// if the name is taken.
func (r *Registry) Add(ctx context.Context, who access.Caller, u Upstream) error {
	err := u.Check()
	if err != nil {
		return err
	}
	u = u.created(r.changes.Clock())
	return r.change(ctx, who, "upstream.add", u.Name, func(tx Tx) (map[string]any, error) {
		return u.added(), tx.InsertUpstream(ctx, u)
	})
}

// created returns u as a new row. Its revision is larger than that of every earlier upstream of the same name, so that
// what was learned from another URL is not taken for its own.
func (u Upstream) created(at time.Time) Upstream {
	u.CreatedAt, u.Revision = at, at.UnixMicro()
	return u
}

// added returns the details of an audit entry about a new upstream.
func (u Upstream) added() map[string]any {
	out := map[string]any{"url": u.URL, "kind": string(u.Kind), "names": u.Names, "declared": u.Declared}
	if text := u.Credential(); text != "" {
		out["credential"] = text
	}
	if u.AllowPrivate {
		out["allow_private"] = true
	}
	return out
}

// Changed is an upstream after a change.
type Changed struct {
	Upstream
	// Dropped is set if the upstream lost its credential, because its URL has another origin now.
	Dropped bool
}

// Set changes an upstream by edit, which may be called several times and must change only its argument. It needs an
// administrator. It returns fault.NotFound if there is no such upstream, fault.Conflict if the configuration file has
// it, and fault.Invalid if the result is invalid or gives a repository a second public upstream for any name.
//
// If the URL moves to another origin and edit does not change the credential, the upstream loses its credential: the
// new server must not receive it.
func (r *Registry) Set(ctx context.Context, who access.Caller, name string,
	edit func(*Upstream) error,
) (Changed, error) {
	var out Changed
	err := r.change(ctx, who, "upstream.change", name, func(tx Tx) (map[string]any, error) {
		from, err := find(ctx, tx, name)
		if err != nil {
			return nil, err
		}
		if from.Declared {
			return nil, declared(name)
		}
		to := from
		to.Allow, to.Deny = slices.Clone(from.Allow), slices.Clone(from.Deny)
		if err := edit(&to); err != nil {
			return nil, err
		}
		to.Name, to.Declared, to.CreatedAt = from.Name, from.Declared, from.CreatedAt
		to, dropped := from.moved(to, r.changes.Clock())
		if dropped {
			to = to.WithoutCredential()
		}
		if err := to.Check(); err != nil {
			return nil, err
		}
		if err := tx.UpdateUpstream(ctx, to); err != nil {
			return nil, err
		}
		out = Changed{to, dropped}
		detail := map[string]any{"changed": differences(from, to)}
		if dropped {
			detail["credential"] = "removed, because the URL has another origin now"
		}
		return detail, checkLinks(ctx, tx)
	})
	return out, err
}

// moved returns to with the revision that it has after from, and whether it has kept a credential of another origin.
func (u Upstream) moved(to Upstream, at time.Time) (Upstream, bool) {
	to.Revision = u.Revision
	if to.URL != u.URL {
		to.Revision = max(u.Revision+1, at.UnixMicro())
	}
	return to, to.Origin() != u.Origin() && u.hasCredential() && sameCredential(u, to)
}

// Remove removes an upstream. It needs an administrator. It returns fault.NotFound if there is no such upstream, and
// fault.Conflict if the configuration file has it or a repository draws on it. What was read
// from it is deleted; names that it owns remain its own.
func (r *Registry) Remove(ctx context.Context, who access.Caller, name string) error {
	return r.change(ctx, who, "upstream.remove", name, func(tx Tx) (map[string]any, error) {
		u, err := find(ctx, tx, name)
		if err != nil {
			return nil, err
		}
		if u.Declared {
			return nil, declared(name)
		}
		links, err := tx.RepositoryBases(ctx)
		if err != nil {
			return nil, err
		}
		if on := drawing(links, name); len(on) > 0 {
			return nil, fault.New(fault.Conflict, "upstream %s is a base of %s: take it out of the bases first", name,
				strings.Join(on, ", "))
		}
		return u.added(), tx.DeleteUpstream(ctx, name)
	})
}

func declared(name string) error {
	return fault.New(fault.Conflict, "upstream %s is set by the configuration of the server, or --upstream: change it"+
		" there and restart the server; if it is removed there, it remains and can be changed here", name)
}

func find(ctx context.Context, tx Rows, name string) (Upstream, error) {
	all, err := tx.Upstreams(ctx)
	if err != nil {
		return Upstream{}, err
	}
	i := slices.IndexFunc(all, func(u Upstream) bool { return u.Name == name })
	if i < 0 {
		return Upstream{}, missing(name)
	}
	return all[i], nil
}

func checkLinks(ctx context.Context, tx Rows) error {
	all, err := tx.Upstreams(ctx)
	if err != nil {
		return err
	}
	links, err := tx.RepositoryBases(ctx)
	if err != nil {
		return err
	}
	return CheckLinks(all, links)
}

// change runs f for an administrator, moves the serial and writes an audit entry with the details that f returns.
func (r *Registry) change(ctx context.Context, who access.Caller, action, name string,
	f func(Tx) (map[string]any, error),
) error {
	e := r.changes.Entry(who, action, nil)
	e.Subject = name
	if !who.Admin() {
		return r.changes.Deny(ctx, e, errNoAdministrator)
	}
	return r.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoAdministrator
		}
		detail, err := f(tx)
		if err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		e.Detail = detail
		return tx.InsertAudit(ctx, e)
	})
}
