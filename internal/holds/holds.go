package holds

import (
	"context"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// File is a file that a repository shows to a caller, also if it is held or denied.
type File struct {
	Filename string
	Version  string
	SHA256   string // "" if unknown
	Own      bool   // of this index
	Gone     bool   // its upstream no longer lists it
	Decision policy.Decision
}

// Files lists files as they are read through a repository.
type Files interface {
	// FilesOf returns all files of a project, also those that are held or denied. Errors are those of resolve.Reader.View.
	FilesOf(ctx context.Context, who access.Caller, repository string, name packaging.ProjectName) ([]File, error)
	// HeldNow lists what repositories hold and deny now, as far as the caller may read it. It leaves out who asked for it,
	// and of an exemption all but its id.
	HeldNow(ctx context.Context, who access.Caller, repositories []catalog.Repository, q Query) (Now, error)
	// ReturnOf returns since when a project is gone from an upstream, or when it came back with none of its old files; the
	// times are zero otherwise. It returns fault.NotFound if there is no such upstream.
	ReturnOf(ctx context.Context, upstream string, name packaging.ProjectName) (gone, returned time.Time, err error)
}

// Options are the settings of Holds. Only Files is needed.
type Options struct {
	Files Files
	Now   func() time.Time // default time.Now
	NewID func() string    // default access.NewID
	// Decided is called after a request was granted or refused. It may be nil.
	Decided func(ctx context.Context, r Request)
}

// Holds manages what people decide about files. It is safe for concurrent use, also by several processes on one store.
type Holds struct {
	index   *catalog.Index
	store   Store
	changes access.Changes[Tx]
	o       Options

	held    *memo.BySerial[struct{}, *snapshot]
	loading sync.Mutex
	last    *snapshot // protected by loading
}

// New returns the service over the rows of s for the repositories of x.
func New(x *catalog.Index, s Store, o Options) *Holds {
	return &Holds{
		index: x, store: s, changes: access.NewChanges(s, o.Now, o.NewID), o: o,
		held: memo.NewBySerial[struct{}, *snapshot](1),
	}
}

var (
	errNoAdministrator = fault.New(fault.Denied,
		"only an administrator, with a token of scope admin, may decide this for the whole index")
	errNoMaintainer = fault.New(fault.Denied,
		"only a maintainer of the repository, or an administrator, may exempt files from its holds; a role in one project does not suffice, and neither does a token without the scope admin")
)

// maxListed limits the rows of one list.
const maxListed = 1000

// checkReason returns fault.Invalid for a reason that is empty or too long. field is the name of the form field.
func checkReason(field, reason string) error {
	if strings.TrimSpace(reason) == "" {
		if field == "answer" {
			return fault.InField(field, "give an answer: the person who asked can read it")
		}
		return fault.InField(field, "give a reason: it is shown with the decision")
	}
	if len(reason) > catalog.MaxReason {
		return fault.InField(field, "the %s is too long: it may have %d bytes", field, catalog.MaxReason)
	}
	return nil
}

// person returns the actor as rows name one.
func person(a audit.Actor) audit.Actor { return audit.Actor{Kind: a.Kind, ID: a.ID, Name: a.Name} }

// commit gives a change of policy its serial and writes its audit entry.
func commit(ctx context.Context, tx Tx, e audit.Entry) error {
	serial, err := tx.NextSerial(ctx)
	if err != nil {
		return err
	}
	if err := tx.SetRulingsRevision(ctx, serial); err != nil {
		return err
	}
	return tx.InsertAudit(ctx, e)
}

// mayManage reports whether the caller may exempt files from the holds of a repository.
func mayManage(who access.Caller, r catalog.Repository) bool {
	return who.May(access.Maintainer, r.Object())
}

// aim writes a target into an audit entry.
func aim(e *audit.Entry, t Target) {
	e.Project, e.Version, e.Filename = t.Project.String(), t.Version.String(), t.Filename
}

// selected returns the files of a target that the caller can read through a repository.
func (h *Holds) selected(ctx context.Context, who access.Caller, repository string, t Target) (out []File, err error) {
	all, err := h.o.Files.FilesOf(ctx, who, repository, t.Project)
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if t.selects(f) {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.NotFound, "repository %s shows no files of %s", repository, t)
	}
	return out, nil
}

// few returns the first names of a list, and the number of the others.
func few(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + " and " + plural(len(names)-most)
}
