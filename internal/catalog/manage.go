package catalog

import (
	"context"
	"fmt"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/dist"
	"pyindex/internal/fault"
)

// Yank marks all files of a release as not to be chosen unless asked for by number (PEP 592). It needs a maintainer;
// fault.NotFound where there is no such release for the caller, fault.Denied without the right.
func (x *Index) Yank(ctx context.Context, who access.Caller, repo string, name dist.ProjectName, version, reason string) error {
	return x.setYank(ctx, who, target{repo, name, version}, true, reason)
}

// Unyank undoes Yank.
func (x *Index) Unyank(ctx context.Context, who access.Caller, repo string, name dist.ProjectName, version string) error {
	return x.setYank(ctx, who, target{repo, name, version}, false, "")
}

// target names what a change is about.
type target struct {
	repo    string
	name    dist.ProjectName
	version string
}

func (x *Index) setYank(ctx context.Context, who access.Caller, t target, yanked bool, reason string) error {
	action := "release.unyank"
	if yanked {
		action = "release.yank"
	}
	return x.change(ctx, who, access.Maintainer, t, x.entry(who, action, map[string]any{"reason": reason}), func(tx Tx, p *Project) error {
		rel, err := findRelease(ctx, tx, *p, t.version)
		if err != nil {
			return err
		}
		files, err := tx.FilesOfRelease(ctx, rel.ID)
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

// SetStatus gives a project a status marker and a reason (PEP 792). It needs an owner.
func (x *Index) SetStatus(ctx context.Context, who access.Caller, repo string, name dist.ProjectName, s Status, reason string) error {
	switch s {
	case Active, Archived, Deprecated, Quarantined:
	default:
		return fault.New(fault.Invalid, "unknown status %.40q: choose active, archived, deprecated or quarantined", s)
	}
	e := x.entry(who, "project.status", map[string]any{"status": s, "reason": reason})
	return x.change(ctx, who, access.Owner, target{repo: repo, name: name}, e, func(_ Tx, p *Project) error {
		p.Status, p.StatusReason = s, reason
		return nil
	})
}

// DeleteRelease removes a release and its files. The names of the files are never usable again. It needs an owner.
func (x *Index) DeleteRelease(ctx context.Context, who access.Caller, repo string, name dist.ProjectName, version string) error {
	var waste []string
	t := target{repo, name, version}
	err := x.change(ctx, who, access.Owner, t, x.entry(who, "release.delete", nil), func(tx Tx, p *Project) error {
		rel, err := findRelease(ctx, tx, *p, version)
		if err != nil {
			return err
		}
		files, err := tx.FilesOfRelease(ctx, rel.ID)
		if err != nil {
			return err
		}
		if waste, err = x.bury(ctx, tx, files); err != nil {
			return err
		}
		for _, f := range files {
			p.Size -= f.Size
		}
		return tx.DeleteRelease(ctx, rel.ID)
	})
	if err == nil {
		x.drop(context.WithoutCancel(ctx), waste)
	}
	return err
}

// DeleteProject removes a project with everything in it. The names of its files are never usable again; the name of
// the project is. It needs an owner.
func (x *Index) DeleteProject(ctx context.Context, who access.Caller, repo string, name dist.ProjectName) error {
	var waste []string
	t := target{repo: repo, name: name}
	err := x.change(ctx, who, access.Owner, t, x.entry(who, "project.delete", nil), func(tx Tx, p *Project) error {
		files, err := tx.Files(ctx, p.ID)
		if err != nil {
			return err
		}
		if waste, err = x.bury(ctx, tx, files); err != nil {
			return err
		}
		err = tx.DeleteProject(ctx, p.ID)
		p.ID = ""
		return err
	})
	if err == nil {
		x.drop(context.WithoutCancel(ctx), waste)
	}
	return err
}

// bury removes the rows of files, keeps their names as tombstones, and returns the keys whose bytes nothing names any more.
func (x *Index) bury(ctx context.Context, tx Tx, files []File) (waste []string, err error) {
	for _, f := range files {
		if err := tx.InsertTombstone(ctx, f.RepositoryID, f.NameKey, f.Filename, x.clock()); err != nil {
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
	keys := []string{FileKey(f.SHA256)}
	if f.MetadataSHA256 != "" {
		keys = append(keys, MetadataKey(f.MetadataSHA256))
	}
	for _, key := range keys {
		drop, err := tx.ReleaseBlob(ctx, key, false)
		if err != nil {
			return nil, err
		}
		if drop {
			waste = append(waste, key)
		}
	}
	return waste, nil
}

func findRelease(ctx context.Context, tx Tx, p Project, version string) (Release, error) {
	v, err := dist.ParseVersion(version)
	if err != nil {
		return Release{}, err
	}
	rel, err := tx.ReleaseByKey(ctx, p.ID, v.Key())
	if fault.Is(err, fault.NotFound) {
		return Release{}, fault.Wrap(fault.NotFound, err, "project %s has no release %s", p.Name, v)
	}
	return rel, err
}

// change runs f on a project that the caller has the role in, with the entry, the next serial and what f made of the
// project in one transaction; f sets the project's id to "" when it is gone. A refusal is recorded on its own.
func (x *Index) change(ctx context.Context, who access.Caller, role access.Role, t target, e audit.Entry, f func(Tx, *Project) error) error {
	p, err := x.Project(ctx, who, t.repo, t.name)
	if err != nil {
		return err
	}
	e.Repository, e.Project, e.Version = p.Repository.ID, p.Name.String(), t.version
	if !who.May(role, p.Object()) {
		return x.deny(ctx, e, fmt.Sprintf("this needs the role %s in project %s", role, p.Name))
	}
	return x.store.Update(ctx, func(tx Tx) error {
		now, err := tx.ProjectByID(ctx, p.ID)
		if err != nil {
			return err
		}
		if err := f(tx, &now); err != nil {
			return err
		}
		if now.Serial, err = tx.NextSerial(ctx); err != nil {
			return err
		}
		if err := tx.InsertAudit(ctx, e); err != nil || now.ID == "" {
			return err
		}
		return tx.UpdateProject(ctx, now)
	})
}
