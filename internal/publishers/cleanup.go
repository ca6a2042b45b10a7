package publishers

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Removal is a request to remove a publisher, and to set aside what came through it.
type Removal struct {
	ID                  string
	Repository, Project string           // in any spelling; Project "" is every project that the caller owns
	Files               catalog.SetAside // what happens to the files
	Reason              string           // of a yank, for everyone; of a quarantine, for administrators
	// Which selects among the files that came through the publisher; nil selects all.
	Which func(catalog.File) bool
	From  time.Time // no file that was uploaded before is read; zero reads all
}

// Removed is the result of a removal.
type Removed struct {
	Projects []string // from which the publisher was removed
	Selected int      // files that came through it and were selected
	SetAside int      // of these, files that were not set aside in this way before
}

// RemoveWith removes a publisher like Remove or RemoveFrom, and yanks or quarantines what came through it, in one
// transaction. If the publisher was removed before, RemoveWith only sets the files aside. A quarantine needs an
// administrator: it returns fault.Denied for an owner. Otherwise it needs the same caller as Remove and returns the
// same faults.
func (r *Registry) RemoveWith(ctx context.Context, who access.Caller, q Removal) (Removed, error) {
	if err := CheckKnown(who); err != nil {
		return Removed{}, err
	}
	from := func(catalog.Project) bool { return true }
	if q.Project != "" {
		name, err := packaging.ParseProjectName(q.Project)
		if err != nil {
			return Removed{}, err
		}
		from = func(p catalog.Project) bool {
			return p.Repository.Name == repositoryName(q.Repository) && p.Name == name
		}
	}
	var out Removed
	var refused audit.Entry
	err := access.Update(ctx, r.store, who, func(tx Tx, who access.Caller) (err error) {
		out, refused, err = r.removeWith(ctx, tx, who, q, from)
		return err
	})
	if !fault.Is(err, fault.Denied) || refused.ID == "" {
		return out, err
	}
	if kept := r.store.Update(ctx, func(tx Tx) error { return tx.InsertAudit(ctx, refused) }); kept != nil {
		return Removed{}, kept
	}
	return Removed{}, err
}

// removeWith also returns the audit entry to insert if it returns fault.Denied.
func (r *Registry) removeWith(ctx context.Context, tx Tx, who access.Caller, q Removal, from func(catalog.Project) bool,
) (out Removed, refused audit.Entry, err error) {
	held, err := heldBy(ctx, tx, who, q.ID)
	if err != nil {
		return out, refused, err
	}
	held = slices.DeleteFunc(held,
		func(h Held) bool { return !from(h.Project) || !h.Attached && q.Files == catalog.KeepFiles })
	if len(held) == 0 && q.Project != "" && q.Files != catalog.KeepFiles {
		if held, err = r.coveredBy(ctx, tx, who, q); err != nil {
			return out, refused, err
		}
	}
	wide := 0
	if q.Project == "" {
		if wide, err = r.detachAllWide(ctx, tx, who, q.ID); err != nil {
			return out, refused, err
		}
	}
	if wide > 0 && q.Files != catalog.KeepFiles {
		return out, refused, fault.New(fault.Invalid,
			"the publisher covers names of a repository: index lockout publisher --quarantine ends it with the files of all its projects")
	}
	if len(held)+wide == 0 {
		if q.Files == catalog.KeepFiles {
			return out, refused, r.removePending(ctx, tx, who, q.ID)
		}
		return out, refused, fault.New(fault.NotFound, "there is no publisher %.80q that you may remove", q.ID)
	}
	var set []setAside
	for _, h := range held {
		l, err := r.LineageOf(ctx, tx, h.Project, q.ID)
		if fault.Is(err, fault.NotFound) {
			continue // its rule is no longer recorded
		} else if err != nil {
			return out, refused, err
		}
		if q.Files == catalog.QuarantineFiles && !who.Admin() {
			refused = r.entry("publisher.remove", who.Actor(), h.Project, q.ID, r.o.Now(), r.Detail(l.Publisher))
			refused.Outcome, refused.Detail["files"] = audit.Refused, string(q.Files)
			return out, refused, fault.New(fault.Denied,
				"only an administrator may put files into quarantine: yank them instead, or ask an administrator")
		}
		one := setAside{h, l, 0}
		if err := r.setAside(ctx, tx, who, q, &one, &out); err != nil {
			return out, refused, err
		}
		set = append(set, one)
	}
	for _, s := range set {
		if !s.Attached {
			continue
		}
		if _, err := tx.Detach(ctx, q.ID, s.Project.ID); err != nil {
			return out, refused, err
		}
		detail := r.Detail(s.lineage.Publisher)
		if s.files > 0 {
			detail["files_"+string(q.Files)] = s.files
		}
		e := r.entry("publisher.remove", who.Actor(), s.Project, q.ID, r.o.Now(), detail)
		if err := tx.InsertAudit(ctx, e); err != nil {
			return out, refused, err
		}
		out.Projects = append(out.Projects, s.Project.Name.String())
	}
	// The serial invalidates cached callers.
	_, err = tx.NextSerial(ctx)
	return out, refused, err
}

// coveredBy returns the project of a removal if the publisher covers it from its repository: its files can be set
// aside, and it stays a publisher of the project.
func (r *Registry) coveredBy(ctx context.Context, tx Tx, who access.Caller, q Removal) ([]Held, error) {
	name, err := packaging.ParseProjectName(q.Project)
	if err != nil {
		return nil, err
	}
	p, err := ProjectFor(ctx, tx, who, q.Repository, name)
	if err != nil {
		return nil, err
	}
	l, err := r.LineageOf(ctx, tx, p, q.ID)
	if err != nil || !l.Wide {
		return nil, err
	}
	return []Held{{Project: p}}, nil
}

// setAside is a project from which a publisher is removed, with the number of files that were set aside.
type setAside struct {
	Held
	lineage Lineage
	files   int
}

// setAside sets the selected files of a project aside.
func (r *Registry) setAside(ctx context.Context, tx Tx, who access.Caller, q Removal, s *setAside, out *Removed) error {
	if q.Files == catalog.KeepFiles {
		return nil
	}
	if err := catalog.Permit(who, access.Maintainer, s.Project); err != nil {
		return err
	}
	var files []catalog.File
	_, err := r.through(ctx, tx, s.Project, s.lineage, 0, func(f catalog.File) bool {
		if f.UploadedAt.Before(q.From) {
			return false
		}
		if q.Which == nil || q.Which(f) {
			f.Uploader.Claims = nil
			files = append(files, f)
		}
		return true
	})
	if err != nil {
		return err
	}
	at := r.o.Now()
	s.files, err = catalog.SetAsideFiles(ctx, tx, s.Project, files, q.Files, at, q.Reason,
		func(action string) audit.Entry {
			return r.entry(action, who.Actor(), s.Project, "", at, map[string]any{"reason": q.Reason, "publisher_removed": q.ID})
		})
	out.Selected, out.SetAside = out.Selected+len(files), out.SetAside+s.files
	return err
}

// throughBatch is the number of files that through reads at once.
const throughBatch = 500

// through calls each for the files of a project that came through a publisher, newest first, until it returns false. If
// scan is positive, it reads at most that many files. It reports whether there are more files that it did not look at.
func (r *Registry) through(ctx context.Context, tx Tx, p catalog.Project, l Lineage, scan int,
	each func(catalog.File) bool,
) (more bool, err error) {
	tokens := map[string]bool{}
	for _, id := range l.IDs {
		all, err := tx.TokensGranted(ctx, p.Repository.ID, p.Name.String(), id)
		if err != nil {
			return false, err
		}
		for _, token := range all {
			tokens[token] = true
		}
	}
	before := audit.Cursor{}
	for n := 0; ; n += throughBatch {
		if scan > 0 && n >= scan {
			return true, nil
		}
		files, err := tx.FilesPublished(ctx, p.ID, before, throughBatch)
		if err != nil {
			return false, err
		}
		for _, f := range files {
			before = audit.Cursor{At: f.UploadedAt, ID: f.ID}
			if (tokens[f.Uploader.TokenID] || l.LetIn(f)) && !each(f) {
				return true, nil
			}
		}
		if len(files) < throughBatch {
			return false, nil
		}
	}
}

// maxScanned limits the files that Through reads, because it serves pages.
const maxScanned = 5000

// Through is the files of a project that came through a publisher.
type Through struct {
	Project catalog.Project
	Lineage Lineage
	Files   []catalog.File // newest first, with Uploader
	More    bool           // there may be more
}

// Through returns at most limit files that came through a publisher of a project, newest first. Of a project with very
// many files, it searches only the newest. It returns fault.NotFound unless the caller owns the project or is an
// administrator, and if the project has and had no such publisher, and fault.Unauthenticated for an anonymous caller.
func (r *Registry) Through(ctx context.Context, who access.Caller, repository, project, id string, limit int,
) (Through, error) {
	if err := CheckKnown(who); err != nil {
		return Through{}, err
	}
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return Through{}, err
	}
	var out Through
	err = r.store.View(ctx, func(tx Tx) (err error) {
		out = Through{}
		if out.Project, err = ProjectFor(ctx, tx, who, repository, name); err != nil {
			return err
		}
		if out.Lineage, err = r.LineageOf(ctx, tx, out.Project, id); err != nil {
			return err
		}
		out.More, err = r.through(ctx, tx, out.Project, out.Lineage, max(maxScanned, limit), func(f catalog.File) bool {
			if len(out.Files) < limit {
				out.Files = append(out.Files, f)
				return true
			}
			return false
		})
		return err
	})
	return out, err
}

// Selected returns a selection of the files with some names, of those that were uploaded after a time, and of those
// uploaded before another one. A zero time selects nothing.
func Selected(names []string, after, before time.Time) func(catalog.File) bool {
	chosen := map[string]bool{}
	for _, name := range names {
		chosen[name] = true
	}
	return func(f catalog.File) bool {
		return chosen[f.Filename] || !after.IsZero() && f.UploadedAt.After(after) ||
			!before.IsZero() && f.UploadedAt.Before(before)
	}
}
