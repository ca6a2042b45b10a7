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

// UploadFilter selects uploads: those of one user, token or publisher, or all in quarantine if none is set. The first
// field that is set decides.
type UploadFilter struct {
	UserID    string
	TokenID   string
	Publisher string // uploader name recorded for uploads with its tokens
	Minted    string // with Publisher: the publisher's id; includes uploads with its known tokens
	Since     time.Time
	Offered   bool // only files that are not in quarantine
}

// Uploaded is a file with the names of its repository and project.
type Uploaded struct {
	File
	Repository, Project string
}

// MaxUploads limits the uploads in one result.
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

// QuarantineFile hides a file from every listing and blocks its download until ReleaseFile. Its name remains taken and
// its content is kept. It needs an administrator. It returns fault.NotFound if the project has no such file, and
// fault.Conflict, without an audit entry, if the file is already in quarantine.
func (x *Index) QuarantineFile(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	filename, reason string,
) error {
	return x.setQuarantine(ctx, who, target{repo: repo, name: name, filename: filename}, x.changes.Clock(), reason)
}

// ReleaseFile undoes QuarantineFile. It needs an administrator. It returns fault.NotFound if the project has no such
// file, and fault.Conflict, without an audit entry, if the file is not in quarantine.
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

// keepsQuarantine returns fault.Denied if deleting the object of t would destroy something in quarantine: only
// administrators may release or delete it.
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

// ReleaseFiles calls ReleaseFile for every quarantined file of a project, and returns the number of released files.
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
			continue // already released by someone else
		} else if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// atOnce is the number of uploads that QuarantineAll holds in memory.
const atOnce = 1000

// QuarantineAll quarantines all files that a filter selects, within the transaction of an authorized caller, with an
// audit entry for each, created by entry. It returns the number of newly quarantined files, and refreshes the pages of
// their projects.
func QuarantineAll(ctx context.Context, tx Tx, which UploadFilter, at time.Time, reason string,
	entry func(action string) audit.Entry,
) (n int, err error) {
	which.Offered = true
	projects := map[string]bool{}
	for {
		files, err := tx.Uploads(ctx, which, atOnce) // the previous page is in quarantine by now
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

// refreshed advances a project's serial, so that its pages are rendered again, and updates its card.
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

// SetAside is a way to keep files from being installed.
type SetAside string

// The ways. Yanked files can still be installed by their exact version, quarantined files cannot.
const (
	KeepFiles       SetAside = ""
	YankFiles       SetAside = "yank"
	QuarantineFiles SetAside = "quarantine"
)

// SetAsideFiles yanks or quarantines files of a project, within the transaction of an authorized caller, with an audit
// entry for each, created by entry. It skips files that are set aside in this way already, returns the number of the
// others, and refreshes the pages of the project.
func SetAsideFiles(ctx context.Context, tx Tx, p Project, files []File, how SetAside, at time.Time, reason string,
	entry func(action string) audit.Entry,
) (n int, err error) {
	if err := checkReason(reason); err != nil {
		return 0, err
	}
	for _, f := range files {
		switch {
		case how == YankFiles && !f.Yanked:
			err = tx.SetYank(ctx, f.ID, true, reason)
		case how == QuarantineFiles && !f.Quarantined():
			err = tx.SetQuarantine(ctx, f.ID, at, reason)
		default:
			continue
		}
		if err != nil {
			return n, err
		}
		e := entry("file." + string(how))
		e.Repository, e.Project, e.Version, e.Filename = p.Repository.ID, p.Name.String(), f.Version, f.Filename
		if err := tx.InsertAudit(ctx, e); err != nil {
			return n, err
		}
		n++
	}
	if n == 0 {
		return 0, nil
	}
	return n, refreshed(ctx, tx, p.ID)
}
