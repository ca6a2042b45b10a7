package exported

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/regular"
)

// Options configure Write.
type Options struct {
	Dir       string // created if it is missing
	Selection Selection
	Program   string // version of the program
	Instance  string // id of the index
	BaseURL   string // of the index
	Leases    custody.Leases
	Progress  Progress
	Now       func() time.Time // time.Now
	NewID     func() string
}

// Done is what Write did.
type Done struct {
	Header       Header `json:"export"`
	Written      int64  `json:"files_written"` // files, metadata and provenance
	WrittenBytes int64  `json:"bytes_written"`
	Present      int64  `json:"files_present"` // that an earlier export had written
	Removed      int64  `json:"removed"`       // entries that the index no longer has
}

// Write exports repositories into a folder. All rows are from one snapshot; a lease keeps the content that they name.
// If the folder has an export of the same selection, Write brings it up to date and writes only what changed. Until
// Write returns, the folder has no header. Running it again continues an interrupted export.
//
// Write needs an administrator. It returns fault.Conflict if the folder has anything else in it, or an export of
// another index or selection. If the content of some files is missing or damaged, it exports the rest and names them in
// the header.
func Write(ctx context.Context, s Store, c Content, who access.Caller, o Options) (Done, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = silent{}
	}
	x := &export{
		store: s, content: c, o: o,
		header: Header{
			Format: Format, ID: o.NewID(), Program: o.Program, Instance: o.Instance, BaseURL: o.BaseURL,
			StartedAt: o.Now().UTC().Truncate(time.Second), Selection: o.Selection, Repositories: []Totals{},
		},
		changes: access.NewChanges(s, o.Now, o.NewID),
	}
	return x.run(ctx, who)
}

type silent struct{}

func (silent) Step(string, string, int64) {}
func (silent) Add(int64, int64)           {}

type export struct {
	store   Store
	content Content
	o       Options
	header  Header
	changes access.Changes[Tx]
}

var errNotExporting = fault.New(fault.Denied, "only an administrator may export")

func (x *export) run(ctx context.Context, who access.Caller) (Done, error) {
	e := x.changes.Entry(who, "export.start", map[string]any{"folder": x.o.Dir, "of": x.o.Selection.String()})
	if !who.Admin() {
		return Done{}, x.changes.Deny(ctx, e, errNotExporting)
	}
	if err := x.o.Selection.check(); err != nil {
		return Done{}, err
	}
	finished, had, err := target(x.o.Dir, x.header)
	if err != nil {
		return Done{}, err
	}
	err = x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		if !who.Admin() {
			return errNotExporting
		}
		return tx.InsertAudit(ctx, e)
	})
	if err != nil {
		return Done{}, err
	}
	var done Done
	err = custody.WithLease(ctx, x.o.Leases, "export:"+x.header.ID, custody.LeaseTerm,
		func(ctx context.Context, _ custody.Lease) (err error) {
			if err = x.begin(had); err == nil {
				done, err = x.write(ctx, finished, had)
			}
			return err
		})
	return done, err
}

// begin marks the export as unfinished.
func (x *export) begin(had []string) error {
	h := x.header
	for _, name := range had { // so that an interrupted export still knows which folders it may remove
		h.Repositories = append(h.Repositories, Totals{Name: name})
	}
	if err := writeJSON(filepath.Join(x.o.Dir, unfinishedName), h); err != nil {
		return err
	}
	err := os.Remove(filepath.Join(x.o.Dir, headerName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (x *export) write(ctx context.Context, finished bool, had []string) (Done, error) {
	c := &contents{dir: x.o.Dir, from: x.content, trusted: finished, progress: x.o.Progress}
	var found []repositoryRows
	err := x.store.View(ctx, func(tx Tx) error {
		r := &rows{tx: tx, dir: x.o.Dir, selection: x.o.Selection, progress: x.o.Progress}
		err := r.write(ctx)
		found = r.found
		return err
	})
	if err != nil {
		return Done{}, err
	}
	for _, r := range found {
		if !slices.Contains(had, r.totals.Name) {
			had = append(had, r.totals.Name)
		}
	}
	if err := x.begin(had); err != nil {
		return Done{}, err
	}
	for _, r := range found {
		if err := c.repository(ctx, r); err != nil {
			return Done{}, err
		}
		if err := c.prune(r); err != nil {
			return Done{}, err
		}
		x.header.Repositories = append(x.header.Repositories, r.totals)
	}
	for _, name := range had {
		if !slices.ContainsFunc(found, func(r repositoryRows) bool { return r.totals.Name == name }) {
			c.done.Removed++
			if err := os.RemoveAll(filepath.Join(x.o.Dir, name)); err != nil {
				return Done{}, err
			}
		}
	}
	slices.Sort(c.missing)
	x.header.Missing = c.missing
	return x.finish(c)
}

// finish writes the header, after everything else is durable.
func (x *export) finish(c *contents) (Done, error) {
	if _, err := prune(x.o.Dir, func(name string) bool { return !isTemp(name) }); err != nil {
		return Done{}, err
	}
	syncDisks()
	x.header.FinishedAt = x.o.Now().UTC().Truncate(time.Second)
	if err := writeJSON(filepath.Join(x.o.Dir, headerName), x.header); err != nil {
		return Done{}, err
	}
	if err := os.Remove(filepath.Join(x.o.Dir, unfinishedName)); err != nil {
		return Done{}, err
	}
	c.done.Header = x.header
	return c.done, nil
}

// prune removes the projects that a repository no longer has.
func (c *contents) prune(r repositoryRows) error {
	has := func(name string) bool {
		_, ok := slices.BinarySearch(r.names, name)
		return ok
	}
	root := filepath.Join(c.dir, r.totals.Name)
	for folder, keep := range map[string]func(string) bool{
		projectsName: func(name string) bool {
			project, ok := strings.CutSuffix(name, ".json")
			return ok && has(project)
		},
		packagesName: has,
		simpleName:   func(name string) bool { return name == pageHTML || name == pageJSON || has(name) },
		".":          func(name string) bool { return !isTemp(name) },
	} {
		n, err := prune(filepath.Join(root, folder), keep)
		if err != nil {
			return err
		}
		if folder == projectsName {
			c.done.Removed += n
		}
	}
	return nil
}

// maxProject bounds the file of a project, which is read whole.
const maxProject = 1 << 30

func readProject(path string) (p Project, err error) {
	f, err := regular.Open(path)
	if err != nil {
		return p, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxProject+1))
	if err == nil && len(b) > maxProject {
		err = fault.New(fault.Invalid, "it is larger than %d bytes", maxProject)
	}
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(b))
		d.UseNumber()
		err = d.Decode(&p)
	}
	if err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
