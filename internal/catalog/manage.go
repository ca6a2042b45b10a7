package catalog

import (
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Yank yanks all files of a release: installers then skip them unless the exact version is requested (PEP 592). It
// needs a maintainer: it returns fault.NotFound if the caller may not see the release, and fault.Denied if the role is
// missing.
func (x *Index) Yank(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version, reason string,
) error {
	return x.setYank(ctx, who, target{repo: repo, name: name, version: version}, true, reason)
}

// Unyank undoes Yank.
func (x *Index) Unyank(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) error {
	return x.setYank(ctx, who, target{repo: repo, name: name, version: version}, false, "")
}

// YankFile is Yank for one file, by its exact name.
func (x *Index) YankFile(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	filename, reason string,
) error {
	return x.setYank(ctx, who, target{repo: repo, name: name, filename: filename}, true, reason)
}

// UnyankFile undoes YankFile, or Yank for one file.
func (x *Index) UnyankFile(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	filename string,
) error {
	return x.setYank(ctx, who, target{repo: repo, name: name, filename: filename}, false, "")
}

// target identifies the object of a change: a release or a file if version or filename is set, otherwise the project.
type target struct {
	repo     string
	name     packaging.ProjectName
	version  string
	filename string
}

// noun returns the first part of an audit action on t.
func (t target) noun() string {
	switch {
	case t.filename != "":
		return "file"
	case t.version != "":
		return "release"
	}
	return "project"
}

// MaxReason limits the reason for a yank, a status or a quarantine, in bytes.
const MaxReason = 1000

func checkReason(reason string) error {
	if len(reason) > MaxReason {
		return fault.InField("reason", "the reason is too long: it may have %d bytes", MaxReason)
	}
	return nil
}

func (x *Index) setYank(ctx context.Context, who access.Caller, t target, yanked bool, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	e := x.changes.Entry(who, t.noun()+".unyank", nil)
	if yanked {
		e = x.changes.Entry(who, t.noun()+".yank", map[string]any{"reason": reason})
	}
	return x.change(ctx, who, access.Maintainer, t, e, func(tx Tx, p *Project, e *audit.Entry) error {
		_, files, err := targeted(ctx, tx, *p, t, e)
		if err != nil {
			return err
		}
		for _, f := range files {
			if err := tx.SetYank(ctx, f.ID, yanked, reason); err != nil {
				return err
			}
		}
		return nil
	})
}

// targeted returns the release of t and those of its files that t covers. It sets e.Version to the release's own
// spelling.
func targeted(ctx context.Context, tx Tx, p Project, t target, e *audit.Entry) (Release, []File, error) {
	version := t.version
	if t.filename != "" {
		f, err := tx.FileByName(ctx, p.Repository.ID, t.filename)
		if fault.Is(err, fault.NotFound) || err == nil && f.ProjectID != p.ID {
			return Release{}, nil, fault.New(fault.NotFound, "project %s has no file %.200s", p.Name, t.filename)
		} else if err != nil {
			return Release{}, nil, err
		}
		version = f.Version
	}
	rel, err := findRelease(ctx, tx, p, version)
	if err != nil {
		return rel, nil, err
	}
	e.Version = rel.Version
	files, err := tx.AllFilesOfRelease(ctx, rel.ID)
	if t.filename != "" {
		files = slices.DeleteFunc(files, func(f File) bool { return f.Filename != t.filename })
	}
	return rel, files, err
}

// SetStatus sets the status marker of a project and its reason (PEP 792). It needs an owner; only an administrator may
// put a project into quarantine or take it out.
func (x *Index) SetStatus(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName, s Status,
	reason string,
) error {
	switch s {
	case Active, Archived, Deprecated, Quarantined:
	default:
		return fault.New(fault.Invalid, "unknown status %.40q: choose active, archived, deprecated or quarantined", s)
	}
	if err := checkReason(reason); err != nil {
		return err
	}
	e := x.changes.Entry(who, "project.status", map[string]any{"status": s, "reason": reason})
	may := func(who access.Caller, p Project) error {
		if (s == Quarantined || p.Status == Quarantined) && !who.Admin() {
			return fault.New(fault.Denied, "only an administrator may put a project into quarantine or take it out")
		}
		return Permit(who, access.Owner, p)
	}
	return x.changeIf(ctx, who, may, target{repo: repo, name: name}, e, func(_ Tx, p *Project, _ *audit.Entry) error {
		p.Status, p.StatusReason = s, reason
		return nil
	})
}

// SetLimits replaces a project's own limits; a zero field means the configured limit. It needs an administrator, and
// returns fault.Invalid for a negative limit.
func (x *Index) SetLimits(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	l Limits,
) error {
	if l.FileSize < 0 || l.ProjectSize < 0 {
		return fault.New(fault.Invalid, "a limit is a number of bytes, or 0 for the configured limit")
	}
	l.RepositorySize = 0
	e := x.changes.Entry(who, "project.limits", map[string]any{"file_size": l.FileSize, "project_size": l.ProjectSize})
	may := func(who access.Caller, _ Project) error {
		if !who.Admin() {
			return fault.New(fault.Denied, "only an administrator may change the limits of a project")
		}
		return nil
	}
	return x.changeIf(ctx, who, may, target{repo: repo, name: name}, e, func(_ Tx, p *Project, _ *audit.Entry) error {
		p.Limits = l
		return nil
	})
}

// DeleteRelease deletes a release and its files. The file names can never be used again. It needs an owner, or an
// administrator if one of the files or the project is in quarantine.
func (x *Index) DeleteRelease(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) error {
	if version == "" { // a target without a version is the project
		return fault.New(fault.Invalid, "name the version to delete")
	}
	return x.delete(ctx, who, target{repo: repo, name: name, version: version})
}

// DeleteFile deletes one file by its exact name, which can never be used again. Deleting the last file of a release
// deletes the release. It needs the same caller as DeleteRelease, and returns fault.NotFound if the project has no such
// file.
func (x *Index) DeleteFile(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	filename string,
) error {
	if filename == "" { // a target without a file name is the project
		return fault.New(fault.Invalid, "name the file to delete")
	}
	return x.delete(ctx, who, target{repo: repo, name: name, filename: filename})
}

// DeleteProject deletes a project with everything in it. The names of its files can never be used again. The project
// name is reserved for KeepName: for the last owners and administrators, or for administrators alone if the project was
// in quarantine. It needs the same caller as DeleteRelease. All three return a *custody.Leftover if the deletion is
// done but some content could not be removed from the store yet.
func (x *Index) DeleteProject(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
	return x.delete(ctx, who, target{repo: repo, name: name})
}

// delete deletes the object of t, and then content that no other file references. It returns a *custody.Leftover if
// only some content could not be removed.
func (x *Index) delete(ctx context.Context, who access.Caller, t target) error {
	var waste []string
	e := x.changes.Entry(who, t.noun()+".delete", nil)
	admin := false
	may := func(who access.Caller, p Project) error {
		admin = who.Admin()
		return Permit(who, access.Owner, p)
	}
	err := x.changeIf(ctx, who, may, t, e, func(tx Tx, p *Project, e *audit.Entry) (err error) {
		if !admin {
			if err := keepsQuarantine(ctx, tx, *p, t); err != nil {
				return err
			}
		}
		if t.noun() == "project" {
			waste, err = x.deleteProject(ctx, tx, p, e)
		} else {
			waste, err = x.deleteFiles(ctx, tx, p, t, e)
		}
		return err
	})
	if err != nil {
		return err
	}
	if _, left := x.custody.Drop(context.WithoutCancel(ctx), waste); left > 0 {
		return &custody.Leftover{Objects: left, Deleted: "the " + t.noun() + " was deleted from the index"}
	}
	return nil
}

func (x *Index) deleteProject(ctx context.Context, tx Tx, p *Project, e *audit.Entry) ([]string, error) {
	left, err := x.leaveName(ctx, tx, *p)
	if err != nil {
		return nil, err
	}
	e.Detail = map[string]any{"name_free_at": stamp(left.FreeAt)}
	files, err := tx.AllFiles(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	waste, err := x.bury(ctx, tx, files)
	if err != nil {
		return nil, err
	}
	services, err := access.EndServices(ctx, tx, p.ID, "", x.changes.Clock())
	if err != nil {
		return nil, err
	}
	if len(services) > 0 {
		e.Detail["service_accounts"] = services
	}
	err = tx.DeleteProject(ctx, p.ID)
	p.ID = ""
	return waste, err
}

// deleteFiles deletes the files of t, and the release if no file of it is left.
func (x *Index) deleteFiles(ctx context.Context, tx Tx, p *Project, t target, e *audit.Entry) ([]string, error) {
	rel, files, err := targeted(ctx, tx, *p, t, e)
	if err != nil {
		return nil, err
	}
	waste, err := x.bury(ctx, tx, files)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range files {
		p.Size -= f.Size
		names = append(names, f.Filename)
	}
	e.Detail = map[string]any{"files": names}
	left, err := tx.AllFilesOfRelease(ctx, rel.ID)
	if err != nil || len(left) > 0 {
		return waste, err
	}
	return waste, tx.DeleteRelease(ctx, rel.ID)
}

// bury deletes the rows of files, records their names as tombstones, and returns the storage keys that no row
// references now.
func (x *Index) bury(ctx context.Context, tx Tx, files []File) (waste []string, err error) {
	for _, f := range files {
		if err := tx.InsertTombstone(ctx, f.RepositoryID, f.NameKey, f.Filename, x.changes.Clock()); err != nil {
			return nil, err
		}
		if err := tx.DeleteFile(ctx, f.ID); err != nil {
			return nil, err
		}
		freed, err := free(ctx, tx, f)
		if err != nil {
			return nil, err
		}
		waste = append(waste, freed...)
	}
	return waste, nil
}

func free(ctx context.Context, tx Tx, f File) (waste []string, err error) {
	for _, s := range f.AllStored() {
		drop, err := tx.ReleaseBlob(ctx, s.Key(), false)
		if err != nil {
			return nil, err
		}
		if drop {
			waste = append(waste, s.Key())
		}
	}
	return waste, nil
}

func findRelease(ctx context.Context, tx Tx, p Project, version string) (Release, error) {
	v, err := packaging.ParseVersion(version)
	if err != nil {
		return Release{}, err
	}
	rel, err := tx.ReleaseByKey(ctx, p.ID, v.Key())
	if fault.Is(err, fault.NotFound) {
		return Release{}, fault.Wrap(fault.NotFound, err, "project %s has no release %s", p.Name, v)
	}
	return rel, err
}

// Permit returns fault.Denied unless the caller has the role in a project.
func Permit(who access.Caller, role access.Role, p Project) error {
	if who.May(role, p.Object()) {
		return nil
	}
	return fault.New(fault.Denied, "this needs the role %s in project %s", role, p.Name)
}

// permitted returns a project that the caller may read and has the role in.
func (x *Index) permitted(ctx context.Context, who access.Caller, role access.Role, repo string,
	name packaging.ProjectName,
) (Project, error) {
	p, err := x.Project(ctx, who, repo, name)
	if err == nil {
		err = Permit(who, role, p)
	}
	return p, err
}

// change is changeIf for callers with a role.
func (x *Index) change(ctx context.Context, who access.Caller, role access.Role, t target, e audit.Entry,
	f func(Tx, *Project, *audit.Entry) error,
) error {
	return x.changeIf(ctx, who, func(who access.Caller, p Project) error { return Permit(who, role, p) }, t, e, f)
}

// shown reports whether an action may change the card of a project.
func shown(action string) bool {
	return action == "project.status" || strings.HasPrefix(action, "release.") || strings.HasPrefix(action, "file.")
}

// changeIf runs f on a project that the caller may read and that may permits changing. The audit entry, the next serial
// and the changes by f are one transaction. f sets the project's id to "" if it deleted the project. may is called
// before the transaction and again in it. A refusal is recorded separately.
func (x *Index) changeIf(ctx context.Context, who access.Caller, may func(access.Caller, Project) error, t target,
	e audit.Entry, f func(Tx, *Project, *audit.Entry) error,
) error {
	p, err := x.Project(ctx, who, t.repo, t.name)
	if err != nil {
		return err
	}
	e.Repository, e.Project, e.Version, e.Filename = p.Repository.ID, p.Name.String(), audit.Cut(t.version),
		audit.Cut(t.filename)
	if err := may(who, p); err != nil {
		return x.changes.Deny(ctx, e, err)
	}
	return x.changes.Update(ctx, who, e, func(tx Tx, who access.Caller) error {
		now, err := tx.ProjectByID(ctx, p.ID)
		if err != nil {
			return err
		}
		if err := may(who, now); err != nil {
			return err
		}
		e := e // f may be run again
		if err := f(tx, &now, &e); err != nil {
			return err
		}
		if now.Serial, err = tx.NextSerial(ctx); err != nil {
			return err
		}
		if err := tx.InsertAudit(ctx, e); err != nil || now.ID == "" {
			return err
		}
		if err := tx.UpdateProject(ctx, now); err != nil || !shown(e.Action) {
			return err
		}
		return putCard(ctx, tx, now)
	})
}
