package catalog

import (
	"context"
	"maps"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// UploadFilter says which uploads are meant: those of one user, of one token, or of a publisher, or all that are in
// quarantine. The first that is set decides.
type UploadFilter struct {
	UserID    string
	TokenID   string
	Publisher string // the sentence that uploads of its tokens are kept under
	Minted    string // with Publisher: the publisher's id, whose tokens count too while they are known
	Since     time.Time
	Offered   bool // leave out those in quarantine
}

// Uploaded is a file with where it is.
type Uploaded struct {
	File
	Repository, Project string // names
}

// MaxUploads bounds how many uploads one answer names.
const MaxUploads = 10_000

// Quarantine returns the files that are in quarantine, newest first. It needs an administrator.
func (x *Index) Quarantine(ctx context.Context, who access.Caller) (out []Uploaded, err error) {
	if !who.Admin() {
		return nil, errNoQuarantine
	}
	err = x.store.View(ctx, func(tx Tx) error {
		out, err = tx.Uploads(ctx, UploadFilter{}, MaxUploads)
		return err
	})
	return out, err
}

var errNoQuarantine = fault.New(fault.Denied, "only an administrator may put a file into quarantine or take it out")

// QuarantineFile takes a file out of every listing and serves it to nobody, until ReleaseFile. Its name stays taken and
// its bytes are kept. It needs an administrator, and returns fault.NotFound if the project has no such file, and
// fault.Conflict, recording nothing, if the file is already in quarantine.
func (x *Index) QuarantineFile(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	filename, reason string,
) error {
	return x.setQuarantine(ctx, who, target{repo: repo, name: name, filename: filename}, x.changes.Clock(), reason)
}

// ReleaseFile undoes QuarantineFile. It needs an administrator, and returns fault.NotFound if the project has no such
// file, and fault.Conflict, recording nothing, if the file is not in quarantine.
func (x *Index) ReleaseFile(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	filename string,
) error {
	return x.setQuarantine(ctx, who, target{repo: repo, name: name, filename: filename}, time.Time{}, "")
}

func (x *Index) setQuarantine(ctx context.Context, who access.Caller, t target, at time.Time, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	e := x.changes.Entry(who, "file.release", nil)
	if !at.IsZero() {
		e = x.changes.Entry(who, "file.quarantine", map[string]any{"reason": reason})
	}
	may := func(who access.Caller, _ Project) error {
		if !who.Admin() {
			return errNoQuarantine
		}
		return nil
	}
	return x.changeIf(ctx, who, may, t, e, func(tx Tx, p *Project, e *audit.Entry) error {
		_, files, err := targeted(ctx, tx, *p, t, e)
		for i := 0; err == nil && i < len(files); i++ {
			switch f := files[i]; {
			case f.Quarantined() && !at.IsZero():
				err = fault.New(fault.Conflict, "%s is already in quarantine", f.Filename)
			case !f.Quarantined() && at.IsZero():
				err = fault.New(fault.Conflict, "%s is not in quarantine", f.Filename)
			default:
				err = tx.SetQuarantine(ctx, f.ID, at, reason)
			}
		}
		return err
	})
}

// keepsQuarantine returns fault.Denied if deleting what t names would destroy something that is in quarantine: it is
// kept for administrators to look at, and they alone may release or delete it.
func keepsQuarantine(ctx context.Context, tx Tx, p Project, t target) error {
	if p.Status == Quarantined {
		return fault.New(fault.Denied,
			"project %s is in quarantine: ask an administrator to end the quarantine or to delete the %s", p.Name, t.noun())
	}
	var files []File
	var err error
	if t.noun() == "project" {
		files, err = tx.AllFiles(ctx, p.ID)
	} else {
		_, files, err = targeted(ctx, tx, p, t, &audit.Entry{})
	}
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f File) bool { return !f.Quarantined() })
	switch len(files) {
	case 0:
		return nil
	case 1:
		return fault.New(fault.Denied, "%s is in quarantine: ask an administrator to release it or to delete the %s",
			files[0].Filename, t.noun())
	}
	return fault.New(fault.Denied, "%d files are in quarantine: ask an administrator to release them or to delete the %s",
		len(files), t.noun())
}

// ReleaseFiles is ReleaseFile for every file of a project that is in quarantine, and returns how many there were.
func (x *Index) ReleaseFiles(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (n int, err error) {
	p, err := x.Project(ctx, who, repo, name)
	if err != nil {
		return 0, err
	}
	if !who.Admin() {
		return 0, errNoQuarantine
	}
	var files []File
	err = x.store.View(ctx, func(tx Tx) error {
		files, err = tx.AllFiles(ctx, p.ID)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, f := range files {
		if !f.Quarantined() {
			continue
		}
		err := x.ReleaseFile(ctx, who, repo, name, f.Filename)
		if fault.Is(err, fault.Conflict) {
			continue // somebody released it meanwhile
		} else if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// atOnce is how many uploads QuarantineAll holds in memory.
const atOnce = 1000

// QuarantineAll puts all files that a filter means into quarantine within a transaction of somebody who may, with an
// entry for each as entry makes it, and returns how many were not there yet. Their pages change with it.
func QuarantineAll(ctx context.Context, tx Tx, which UploadFilter, at time.Time, reason string,
	entry func(action string) audit.Entry,
) (n int, err error) {
	which.Offered = true
	projects := map[string]bool{}
	for {
		files, err := tx.Uploads(ctx, which, atOnce) // those of the page before are in quarantine now
		if err != nil {
			return n, err
		}
		if err := quarantine(ctx, tx, files, at, reason, entry); err != nil {
			return n, err
		}
		n += len(files)
		for _, f := range files {
			projects[f.ProjectID] = true
		}
		if len(files) < atOnce {
			break
		}
	}
	for _, id := range slices.Sorted(maps.Keys(projects)) {
		if err := refreshed(ctx, tx, id); err != nil {
			return n, err
		}
	}
	return n, nil
}

func quarantine(ctx context.Context, tx Tx, files []Uploaded, at time.Time, reason string,
	entry func(action string) audit.Entry,
) error {
	for _, f := range files {
		if err := tx.SetQuarantine(ctx, f.ID, at, reason); err != nil {
			return err
		}
		e := entry("file.quarantine")
		e.Repository, e.Project, e.Version, e.Filename = f.RepositoryID, f.Project, f.Version, f.Filename
		if err := tx.InsertAudit(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// refreshed gives a project the next serial, so that its pages are made again, and its card.
func refreshed(ctx context.Context, tx Tx, projectID string) error {
	p, err := tx.ProjectByID(ctx, projectID)
	if err != nil {
		return err
	}
	if p.Serial, err = tx.NextSerial(ctx); err != nil {
		return err
	}
	if err := tx.UpdateProject(ctx, p); err != nil {
		return err
	}
	return putCard(ctx, tx, p)
}
