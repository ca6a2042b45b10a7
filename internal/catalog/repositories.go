package catalog

import (
	"context"
	"regexp"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/policy"
	"pyindex/internal/span"
)

// NewRepository describes the repository to create.
type NewRepository struct {
	Name    string      // lower-case letters, digits and dashes, 64 at most
	Members access.Role // NoRole, Reader or Uploader
	Public  bool
	Bases   []Base
	Reading RepositoryChange // of what is read through the bases; its other fields are ignored
}

var repositoryName = regexp.MustCompile(`\A[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?\z`)

// IsRepositoryName reports whether s is a valid repository name. It does not reveal whether the repository exists.
func IsRepositoryName(s string) bool { return repositoryName.MatchString(s) }

// AddRepository creates a repository, which is served below /r/ and its name. It needs an administrator. It returns
// fault.Invalid if the name or role is invalid, and fault.Conflict if the name is taken.
func (x *Index) AddRepository(ctx context.Context, who access.Caller, n NewRepository) error {
	if !IsRepositoryName(n.Name) {
		return fault.New(fault.Invalid, "%.80q is not a repository name: use lower-case letters, digits and '-', 64 at most",
			n.Name)
	}
	if n.Members > access.Uploader {
		return fault.New(fault.Invalid, "members of a repository are none, reader or uploader")
	}
	r := x.newRepository(n.Name)
	r.Members, r.Public = n.Members, n.Public
	c := n.Reading
	c.Members, c.Public, c.SizeLimit = nil, nil, nil
	c.Bases = &n.Bases
	if err := c.check(); err != nil {
		return err
	}
	if len(n.Bases) == 0 {
		c.Bases = nil
	}
	r = c.applied(r)
	return x.changeRepository(ctx, who, r, "repository.add", c, func(tx Tx) error {
		err := tx.InsertRepository(ctx, r)
		if fault.Is(err, fault.Conflict) {
			return fault.Wrap(fault.Conflict, err, "repository %s exists already", n.Name)
		}
		if err != nil || c.Bases == nil {
			return err
		}
		return PutBases(ctx, tx, r, *c.Bases)
	})
}

// newRepository returns a repository with the defaults.
func (x *Index) newRepository(name string) Repository {
	return EmptyRepository(x.changes.NewID(), name, x.changes.Clock())
}

// Repositories returns the repositories that the caller may read, by name.
func (x *Index) Repositories(ctx context.Context, who access.Caller) (out []Repository, err error) {
	err = x.store.View(ctx, func(tx Tx) error {
		all, err := tx.Repositories(ctx)
		out = nil
		for _, r := range all {
			if who.May(access.Reader, r.Object()) {
				out = append(out, r)
			}
		}
		return err
	})
	return out, err
}

// Visible returns the names of the repositories that the caller may open, by name: those that the caller may read, and
// those with a project that the caller may read.
//
// It is cheap until the index changes, so that every page can show them. It ignores the restrictions of tokens.
func (x *Index) Visible(ctx context.Context, who access.Caller) ([]string, error) {
	read := func(tx Tx) ([]string, error) {
		all, err := tx.Repositories(ctx)
		if err != nil {
			return nil, err
		}
		mine, err := repositoriesOf(ctx, tx, who)
		if err != nil {
			return nil, err
		}
		var names []string
		for _, r := range all {
			if who.May(access.Reader, r.Object()) || who.Known() && r.Members >= access.Reader || mine[r.ID] ||
				who.NamesIn(r.ID) {
				names = append(names, r.Name)
			}
		}
		return names, nil
	}
	if who.Kind() != access.KindUser {
		var names []string
		err := x.store.View(ctx, func(tx Tx) (err error) {
			names, err = read(tx)
			return err
		})
		return names, err
	}
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	return recallAt(ctx, x, at, x.visible, who.ID(), read)
}

// repositoriesOf returns the ids of the repositories that the caller has grants in.
func repositoriesOf(ctx context.Context, tx Tx, who access.Caller) (map[string]bool, error) {
	out := map[string]bool{}
	for _, id := range who.ProjectIDs() {
		p, err := tx.ProjectByID(ctx, id)
		switch {
		case err == nil:
			out[p.Repository.ID] = true
		case fault.Is(err, fault.NotFound):
			out[id] = true // a grant in a whole repository
		default:
			return nil, err
		}
	}
	return out, nil
}

// RemoveRepository deletes an empty repository. It needs an administrator. It returns fault.Conflict for the main
// repository, and if the repository has projects or names of deleted files, which must remain taken. Its names remain
// own, and what it reserved is then reserved for the main repository.
func (x *Index) RemoveRepository(ctx context.Context, who access.Caller, name string) error {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return err
	}
	r, err := x.repository(ctx, who, at, name)
	if err != nil {
		return err
	}
	if r.Name == MainRepository {
		return fault.New(fault.Conflict, "the repository %s cannot be removed", MainRepository)
	}
	return x.changeRepository(ctx, who, r, "repository.remove", RepositoryChange{}, func(tx Tx) error {
		if err := notDeclared(ctx, tx, r.Name); err != nil {
			return err
		}
		on, err := tx.RepositoriesOn(ctx, Base{RepositoryID: r.ID})
		if err != nil {
			return err
		}
		if len(on) > 0 {
			return fault.New(fault.Conflict, "repository %s is a base of %s: take it out of those bases first", r.Name,
				on[0].Name)
		}
		main, err := tx.RepositoryByName(ctx, MainRepository)
		if err != nil {
			return err
		}
		if err := tx.MoveReservations(ctx, r.ID, main.ID); err != nil {
			return err
		}
		err = tx.DeleteRepository(ctx, r.ID)
		if fault.Is(err, fault.Conflict) {
			return fault.Wrap(fault.Conflict, err,
				"repository %s is not empty: it has projects, or names of deleted files that must stay taken", r.Name)
		}
		return err
	})
}

var errNoRepositories = fault.New(fault.Denied,
	"only an administrator, with a token of scope admin, may manage repositories")

func (x *Index) changeRepository(ctx context.Context, who access.Caller, r Repository, action string,
	c RepositoryChange, f func(Tx) error,
) error {
	e := x.changes.Entry(who, action, c.detail(r))
	e.Repository, e.Subject = r.ID, r.Name
	if !who.Admin() {
		return x.changes.Deny(ctx, e, errNoRepositories)
	}
	return x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNoRepositories
		}
		if err := f(tx); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertAudit(ctx, e)
	})
}

// RepositoryChange is a change of the settings of a repository. A nil field keeps its value.
type RepositoryChange struct {
	Members         *access.Role
	Public          *bool
	Bases           *[]Base
	RequireHashes   *bool
	UpstreamReaders *string // AnyReader or RepositoryReader
	AnonymousFetch  *bool
	SizeLimit       *int64 // bytes, 0 for the configured limit

	Cooldown      *time.Duration // 0 for none, at most MaxCooldown
	CooldownSince *time.Time     // zero for none
	Observe       *bool
	StartupFiles  *policy.Startup
	ShowHeld      *string // ShowYanked or ShowHidden
	KeepRemoved   *policy.Removed
}

// MaxCooldown is the longest cooldown of a repository.
const MaxCooldown = 365 * span.Day

func (c RepositoryChange) check() error {
	if c.Members != nil && *c.Members > access.Uploader {
		return fault.New(fault.Invalid, "members of a repository are none, reader or uploader")
	}
	if c.UpstreamReaders != nil && *c.UpstreamReaders != AnyReader && *c.UpstreamReaders != RepositoryReader {
		return fault.New(fault.Invalid, "upstream_readers: %.80q is neither any nor repository", *c.UpstreamReaders)
	}
	if c.SizeLimit != nil && *c.SizeLimit < 0 {
		return fault.New(fault.Invalid, "size_limit: a limit is a number of bytes, or 0 for the configured limit")
	}
	return c.checkPolicy()
}

// checkPolicy checks the settings of what is served of upstreams.
func (c RepositoryChange) checkPolicy() error {
	switch {
	case c.Cooldown != nil && (*c.Cooldown < 0 || *c.Cooldown > MaxCooldown):
		return fault.New(fault.Invalid, "cooldown: it is a time from 0 to 365d")
	case c.StartupFiles != nil && *c.StartupFiles != policy.AllowStartup && *c.StartupFiles != policy.KnownStartup &&
		*c.StartupFiles != policy.RefuseStartup:
		return fault.New(fault.Invalid, "startup_files: %.80q is none of allow, known and refuse", *c.StartupFiles)
	case c.ShowHeld != nil && *c.ShowHeld != ShowYanked && *c.ShowHeld != ShowHidden:
		return fault.New(fault.Invalid, "show_held: %.80q is neither yanked nor hidden", *c.ShowHeld)
	case c.KeepRemoved != nil && *c.KeepRemoved != policy.KeepAll && *c.KeepRemoved != policy.KeepOld &&
		*c.KeepRemoved != policy.KeepNone:
		return fault.New(fault.Invalid, "keep_removed: %.80q is none of all, old and none", *c.KeepRemoved)
	}
	return nil
}

// applied returns r with the change. Bases are rows of their own.
func (c RepositoryChange) applied(r Repository) Repository {
	set(&r.Members, c.Members)
	set(&r.Public, c.Public)
	set(&r.RequireHashes, c.RequireHashes)
	set(&r.UpstreamReaders, c.UpstreamReaders)
	set(&r.AnonymousFetch, c.AnonymousFetch)
	set(&r.SizeLimit, c.SizeLimit)
	set(&r.Cooldown, c.Cooldown)
	set(&r.CooldownSince, c.CooldownSince)
	set(&r.Observe, c.Observe)
	set(&r.StartupFiles, c.StartupFiles)
	set(&r.ShowHeld, c.ShowHeld)
	set(&r.KeepRemoved, c.KeepRemoved)
	return r
}

func set[T any](at, value *T) {
	if value != nil {
		*at = *value
	}
}

// detail returns the details of an audit entry about a repository with the change.
func (c RepositoryChange) detail(r Repository) map[string]any {
	out := map[string]any{"members": r.Members.String(), "public": r.Public}
	if c.Bases != nil {
		bases := []string{}
		for _, b := range *c.Bases {
			bases = append(bases, b.String())
		}
		out["bases"] = strings.Join(bases, " ")
	}
	if c.RequireHashes != nil {
		out["require_hashes"] = r.RequireHashes
	}
	if c.UpstreamReaders != nil {
		out["upstream_readers"] = r.UpstreamReaders
	}
	if c.AnonymousFetch != nil {
		out["anonymous_fetch"] = r.AnonymousFetch
	}
	if c.SizeLimit != nil {
		out["size_limit"] = r.SizeLimit
	}
	c.policyDetail(r, out)
	return out
}

func (c RepositoryChange) policyDetail(r Repository, out map[string]any) {
	if c.Cooldown != nil {
		out["cooldown"] = span.Text(r.Cooldown)
	}
	if c.CooldownSince != nil {
		out["cooldown_since"] = SinceText(r.CooldownSince)
	}
	if c.Observe != nil {
		out["observe"] = r.Observe
	}
	if c.StartupFiles != nil {
		out["startup_files"] = string(r.StartupFiles)
	}
	if c.ShowHeld != nil {
		out["show_held"] = r.ShowHeld
	}
	if c.KeepRemoved != nil {
		out["keep_removed"] = string(r.KeepRemoved)
	}
}

// ParseSince parses the time before which known files are not held for their age: a date, which begins in UTC, or a
// time of RFC 3339. "" is no time. It returns an error for another text.
func ParseSince(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t.UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	return t.UTC().Truncate(time.Microsecond), err
}

// SinceText returns a time as ParseSince takes it.
func SinceText(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(span.Day)):
		return t.Format(time.DateOnly)
	}
	return t.Format(time.RFC3339)
}

// ChangeRepository changes settings of a repository. It needs an administrator. It returns fault.Conflict if the
// configuration file has the repository, and the faults of PutBases.
func (x *Index) ChangeRepository(ctx context.Context, who access.Caller, name string, c RepositoryChange) error {
	if err := c.check(); err != nil {
		return err
	}
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return err
	}
	r, err := x.repository(ctx, who, at, name)
	if err != nil {
		return err
	}
	action := "repository.change"
	switch {
	case c.Bases != nil:
		action = "repository.bases"
	case c == (RepositoryChange{SizeLimit: c.SizeLimit}) && c.SizeLimit != nil:
		action = "repository.limits"
	}
	return x.changeRepository(ctx, who, c.applied(r), action, c, func(tx Tx) error {
		if err := notDeclared(ctx, tx, name); err != nil {
			return err
		}
		now, err := tx.RepositoryByName(ctx, name)
		if err != nil {
			return err
		}
		if err := tx.UpdateRepository(ctx, c.applied(now)); err != nil || c.Bases == nil {
			return err
		}
		return PutBases(ctx, tx, now, *c.Bases)
	})
}

// notDeclared returns fault.Conflict if the configuration file has the repository.
func notDeclared(ctx context.Context, tx Tx, name string) error {
	r, err := tx.RepositoryByName(ctx, name)
	if err == nil && r.Declared {
		return fault.New(fault.Conflict, "repository %s is set by the configuration of the server: change it there and"+
			" restart the server", name)
	}
	return err
}

// SetRepository changes the role of a repository's members, and whether anonymous callers may read it if the index
// allows public repositories. It needs an administrator.
func (x *Index) SetRepository(ctx context.Context, who access.Caller, name string, members access.Role,
	public bool,
) error {
	return x.ChangeRepository(ctx, who, name, RepositoryChange{Members: &members, Public: &public})
}
