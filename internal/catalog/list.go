package catalog

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Listing contains the projects of a repository that one caller may see, by normal name, except quarantined ones.
type Listing struct {
	Repository Repository
	Serial     int64 // of the index at the time of reading
	Epoch      int64 // epoch of the serial, see memo.Stamp
	Roll       *Roll
}

// Stamp returns the stamp to cache a rendering of the listing under.
func (l Listing) Stamp() memo.Stamp { return memo.Stamp{Epoch: l.Epoch, Value: l.Serial} }

// Projects returns the projects of the listing, without their ids.
func (l Listing) Projects() (out []Listed) {
	for line := range l.Roll.Lines() {
		name, err := packaging.ParseProjectName(string(line.Name))
		if err == nil && !line.Hidden {
			out = append(out, Listed{Name: name, Display: string(line.Shown), Serial: line.Serial})
		}
	}
	return out
}

// Listed is a project in a listing.
type Listed struct {
	ID      string // "" if it is not needed
	Name    packaging.ProjectName
	Display string
	Status  Status
	Serial  int64
}

// ListingState returns the state that a listing depends on without reading the listing: the repository and the stamp.
// The bool reports whether the caller sees the whole repository, so that all such callers may share one rendering.
func (x *Index) ListingState(ctx context.Context, who access.Caller,
	repo string,
) (Repository, memo.Stamp, bool, error) {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return Repository{}, memo.Stamp{}, false, err
	}
	r, err := x.repository(ctx, who, at, repo)
	return r, at, err == nil && who.May(access.Reader, r.Object()), err
}

// Listing returns the projects that the caller may see. It is empty, not an error, if there are none.
func (x *Index) Listing(ctx context.Context, who access.Caller, repo string) (Listing, error) {
	r, at, _, err := x.ListingState(ctx, who, repo)
	if err != nil {
		return Listing{}, err
	}
	known, err := x.ListedAt(ctx, who, at, r)
	if err != nil {
		return Listing{}, err
	}
	return Listing{r, at.Value, at.Epoch, Combine(nil, []Readable{known}, nil)}, nil
}

// Managed returns the projects of a repository that the caller maintains, including quarantined ones, by normal name.
func (x *Index) Managed(ctx context.Context, who access.Caller, repo string) (out []Project, err error) {
	r, _, _, err := x.ListingState(ctx, who, repo)
	if err != nil {
		return nil, err
	}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		out, err = tx.Projects(ctx, r.ID)
		return err
	})
	return slices.DeleteFunc(out, func(p Project) bool { return !who.May(access.Maintainer, p.Object()) }), err
}

// Contents is a project with everything that its page lists.
type Contents struct {
	Project  Project
	Releases []Release // oldest first
	Files    []File    // oldest first
}

// Contents returns a project with its releases and files from one snapshot. A quarantined project lists nothing.
func (x *Index) Contents(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (Contents, error) {
	return x.contents(ctx, who, repo, name, Tx.Releases, Tx.Files)
}

// Shown is Contents with only what pages show of releases and files; see Tx.ShownFiles and Tx.ShownReleases.
func (x *Index) Shown(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (Contents, error) {
	return x.contents(ctx, who, repo, name, Tx.ShownReleases, Tx.ShownFiles)
}

func (x *Index) contents(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	releases func(Tx, context.Context, string) ([]Release, error),
	files func(Tx, context.Context, string) ([]File, error),
) (Contents, error) {
	p, err := x.Project(ctx, who, repo, name)
	if err != nil {
		return Contents{}, err
	}
	c := Contents{Project: p}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		if c.Project, err = tx.ProjectByID(ctx, p.ID); err != nil || c.Project.Status == Quarantined {
			return err
		}
		if c.Releases, err = releases(tx, ctx, p.ID); err != nil {
			return err
		}
		c.Files, err = files(tx, ctx, p.ID)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return Contents{}, Missing("project of that name")
	}
	c.Project.Epoch = p.Epoch
	return c, err
}

// ReleaseDetail is a release with its files and the core metadata of the file that represents it; see Telling.
type ReleaseDetail struct {
	Contents
	Release  Release
	Files    []File
	Metadata packaging.Metadata
}

// Release returns a release by any spelling of its version, or the latest for "": not yanked before yanked, then final
// before pre-release, then by version. It returns fault.NotFound if there is none.
func (x *Index) Release(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) (ReleaseDetail, error) {
	c, err := x.Contents(ctx, who, repo, name)
	if err != nil {
		return ReleaseDetail{}, err
	}
	d := ReleaseDetail{Contents: c}
	var ok bool
	if d.Release, ok = pick(c, version); !ok {
		return ReleaseDetail{}, Missing("release of that version")
	}
	d.Files = FilesOf(c.Files, d.Release.ID)
	if len(d.Files) == 0 {
		return d, nil
	}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		d.Metadata, err = tx.Metadata(ctx, Telling(d.Files).ID)
		return err
	})
	return d, err
}

func pick(c Contents, version string) (Release, bool) {
	if version == "" {
		return latest(c)
	}
	v, err := packaging.ParseVersion(version)
	if err != nil {
		return Release{}, false
	}
	i := slices.IndexFunc(c.Releases, func(r Release) bool { return r.Key == v.Key() })
	if i < 0 {
		return Release{}, false
	}
	return c.Releases[i], true
}

// latest picks the release that the project page shows.
func latest(c Contents) (best Release, ok bool) {
	var top rank
	yanked := yankedReleases(c.Files)
	for _, r := range c.Releases {
		v, err := packaging.ParseVersion(r.Version)
		if err != nil {
			continue
		}
		if rk := (rank{!yanked[r.ID], !v.IsPrerelease(), v}); !ok || top.below(rk) {
			best, top, ok = r, rk, true
		}
	}
	return best, ok
}

type rank struct {
	offered, final bool
	version        packaging.Version
}

func (a rank) below(b rank) bool {
	if a.offered != b.offered {
		return b.offered
	}
	if a.final != b.final {
		return b.final
	}
	return a.version.Compare(b.version) < 0
}

// yankedReleases returns the releases whose files are all yanked.
func yankedReleases(files []File) map[string]bool {
	all := map[string]bool{}
	for _, f := range files {
		before, seen := all[f.ReleaseID]
		all[f.ReleaseID] = f.Yanked && (before || !seen)
	}
	return all
}

// FilesOf returns those of the files that belong to a release.
func FilesOf(files []File, releaseID string) []File {
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool { return f.ReleaseID != releaseID })
}

// Telling picks the file whose metadata represents the release: a wheel if there is one. files must not be empty.
func Telling(files []File) File {
	if i := slices.IndexFunc(files, func(f File) bool { return f.Kind == packaging.Wheel }); i >= 0 {
		return files[i]
	}
	return files[0]
}
