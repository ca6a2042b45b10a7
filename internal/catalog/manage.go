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

// Yank marks all files of a release as not to be chosen unless asked for by number (PEP 592). It needs a maintainer;
// fault.NotFound where there is no such release for the caller, fault.Denied without the right.
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

// target names what a change is about: a project, or with a version or a file name that release or file of it.
type target struct {
	repo     string
	name     packaging.ProjectName
	version  string
	filename string
}

// noun is the first part of an action about t.
func (t target) noun() string {
	switch {
	case t.filename != "":
		return "file"
	case t.version != "":
		return "release"
	}
	return "project"
}

// MaxReason bounds, in bytes, what may be said about a yank or a status.
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

// targeted returns the release that t names, or the one of the file that it names, with those files that t is about.
// The record gets the release's own spelling.
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

// SetStatus gives a project a status marker and a reason (PEP 792). It needs an owner; only an administrator puts a
// project into quarantine or takes it out.
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

// SetLimits gives a project limits of its own in place of the configured ones; a zero field goes back to what is
// configured. It needs an administrator; fault.Invalid for a negative limit.
func (x *Index) SetLimits(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	l Limits,
) error {
	if l.FileSize < 0 || l.ProjectSize < 0 {
		return fault.New(fault.Invalid, "a limit is a number of bytes, or 0 for what is configured")
	}
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

// DeleteRelease removes a release and its files. The names of the files are never usable again. It needs an owner, and
// an administrator while one of the files, or the project, is in quarantine.
func (x *Index) DeleteRelease(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) error {
	if version == "" { // which is the project to a target
		return fault.New(fault.Invalid, "name the version to delete")
	}
	return x.delete(ctx, who, target{repo: repo, name: name, version: version})
}

// DeleteFile removes one file, by its exact name, which is never usable again, and with its last file a release. It
// needs the same caller as DeleteRelease; fault.NotFound where the project has no such file.
func (x *Index) DeleteFile(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	filename string,
) error {
	if filename == "" { // which is the project to a target
		return fault.New(fault.Invalid, "name the file to delete")
	}
	return x.delete(ctx, who, target{repo: repo, name: name, filename: filename})
}

// DeleteProject removes a project with everything in it. The names of its files are never usable again. The name of the
// project is kept for its last owners and administrators for KeepName, and for administrators alone if it was in
// quarantine. It needs the same caller as DeleteRelease. As for DeleteRelease and DeleteFile, a *custody.Leftover says
// that it is done, except that some bytes could not be removed from the store yet.
func (x *Index) DeleteProject(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName) error {
	return x.delete(ctx, who, target{repo: repo, name: name})
}

// delete removes what t names, and then the bytes that no other file names. Its error is a *custody.Leftover if all but
// some bytes is removed.
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
		return &custody.Leftover{Objects: left, Deleted: "the " + t.noun() + " is gone from the index"}
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
	err = tx.DeleteProject(ctx, p.ID)
	p.ID = ""
	return waste, err
}

// deleteFiles removes the release or the file that t names. A release without files is none.
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

// bury removes the rows of files, keeps their names as tombstones, and returns the keys whose bytes nothing names any
// more.
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

// Permit returns nil for who has the role in a project, and otherwise the refusal.
func Permit(who access.Caller, role access.Role, p Project) error {
	if who.May(role, p.Object()) {
		return nil
	}
	return fault.New(fault.Denied, "this needs the role %s in project %s", role, p.Name)
}

// change is changeIf for who has the role.
func (x *Index) change(ctx context.Context, who access.Caller, role access.Role, t target, e audit.Entry,
	f func(Tx, *Project, *audit.Entry) error,
) error {
	return x.changeIf(ctx, who, func(who access.Caller, p Project) error { return Permit(who, role, p) }, t, e, f)
}

// shown reports whether an action changes what lists show of a project.
func shown(action string) bool {
	return action == "project.status" || strings.HasPrefix(action, "release.") || strings.HasPrefix(action, "file.")
}

// changeIf runs f on a project that the caller may read and change, with the entry, the next serial and what f made of
// both in one transaction; f sets the project's id to "" when it is gone. may decides before the transaction and again
// in it. A refusal is recorded on its own.
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
