package catalog

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Summary is a release with what lists of releases show.
type Summary struct {
	Release
	Files        int   // those in quarantine are not counted here, nor by the next three
	Size         int64 // bytes of all its files
	Yanked       bool  // all its files are
	YankedFiles  int   // how many of them are
	YankedReason string
	Prerelease   bool

	Quarantined     int   // files in quarantine
	QuarantinedSize int64 // bytes of those

	parsed packaging.Version
}

// Offered reports whether readers see the release: they do unless all its files are in quarantine.
func (s Summary) Offered() bool { return s.Files > 0 || s.Quarantined == 0 }

// parse reads the version.
func (s *Summary) parse() {
	v, err := packaging.ParseVersion(s.Version)
	s.parsed, s.Prerelease = v, err == nil && v.IsPrerelease()
}

func (s Summary) rank() rank { return rank{!s.Yanked, !s.Prerelease, s.parsed} }

// Overview is a project as its page shows it: one release in full, the others in a line.
type Overview struct {
	Project  Project
	Releases []Summary // newest version first; shared, not to be changed
	Latest   Summary   // zero where there is no release
	Release  Summary   // the one that is shown; zero where there is none
	Files    []File    // of that release, with their uploaders, oldest first
	Source   File      // whose metadata stands for the release
	Metadata packaging.Metadata

	Quarantined int // files of the project in quarantine, counted for callers who maintain it
}

// Overview returns a project with one release in full: by any spelling of its version, or the latest for "", as Release
// picks it. fault.NotFound where the caller may not see it or there is no such release. A project without releases, or
// in quarantine, has none to show. It reads one release, whatever the number of others, except after a change.
func (x *Index) Overview(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) (Overview, error) {
	o, err := x.Releases(ctx, who, repo, name)
	if err != nil || o.Project.Status == Quarantined && version == "" {
		return o, err
	}
	i := 0
	if version != "" {
		if i = o.Find(version); i < 0 || o.Project.Status == Quarantined {
			return Overview{}, Missing("release of that version")
		}
		o.Release = o.Releases[i]
	} else {
		o.Release = o.Latest
	}
	if o.Release.ID == "" {
		return o, nil
	}
	err = x.store.View(ctx, func(tx Tx) (err error) {
		if o.Files, err = tx.FilesOfRelease(ctx, o.Release.ID); err != nil || len(o.Files) == 0 {
			return err
		}
		o.Source = Telling(o.Files)
		o.Metadata, err = tx.Metadata(ctx, o.Source.ID)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return Overview{}, Missing("release of that version") // it went a moment ago
	}
	return o, err
}

// Releases returns a project that the caller may read, with its releases in a line each.
func (x *Index) Releases(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (Overview, error) {
	p, err := x.Project(ctx, who, repo, name)
	if err != nil {
		return Overview{}, err
	}
	o := Overview{Project: p}
	if p.Status == Quarantined {
		return o, nil
	}
	all, err := x.summaries(ctx, p)
	if err != nil {
		return Overview{}, err
	}
	o.Releases, o.Latest = offered(all), newest(all)
	if who.May(access.Maintainer, p.Object()) {
		o.Quarantined = counted(all).Quarantined
	}
	return o, nil
}

// maxPresent bounds how many names are looked for at once.
const maxPresent = 300

// Present returns which of some projects, by normal name, the caller may see in a repository; what is beyond the first
// 300 is taken for absent.
func (x *Index) Present(ctx context.Context, who access.Caller, repo string, names []string) (map[string]bool, error) {
	here := map[string]bool{}
	if len(names) == 0 {
		return here, nil
	}
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return nil, err
	}
	r, err := x.repository(ctx, who, at, repo)
	if err != nil {
		return nil, err
	}
	err = x.store.View(ctx, func(tx Tx) error {
		for _, text := range names[:min(len(names), maxPresent)] {
			name, err := packaging.ParseProjectName(text)
			if err != nil {
				continue
			}
			p, err := tx.ProjectByName(ctx, r.ID, name)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			here[text] = err == nil && p.Status != Quarantined && who.May(access.Reader, p.Object())
		}
		return nil
	})
	return here, err
}

// TotalSize returns the bytes of all files, those in quarantine too.
func (s Summary) TotalSize() int64 { return s.Size + s.QuarantinedSize }

// offered returns the releases that readers see. It copies only if there are others.
func offered(all []Summary) []Summary {
	hidden := func(s Summary) bool { return !s.Offered() }
	if !slices.ContainsFunc(all, hidden) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), hidden)
}

// Counts is how much there is of a project.
type Counts struct {
	Releases    int // all of them, also those in quarantine
	Files       int // of all releases, also those in quarantine
	Quarantined int // files in quarantine
}

func counted(all []Summary) (c Counts) {
	c.Releases = len(all)
	for _, s := range all {
		c.Files += s.Files + s.Quarantined
		c.Quarantined += s.Quarantined
	}
	return c
}

// summaries returns all releases of a project, newest version first, from memory where nothing changed since.
func (x *Index) summaries(ctx context.Context, p Project) ([]Summary, error) {
	if all, ok := x.lines.Get(p.Stamp(), p.ID); ok {
		return all, nil
	}
	var all []Summary
	epoch := p.Epoch
	err := x.store.View(ctx, func(tx Tx) (err error) {
		if p, err = tx.ProjectByID(ctx, p.ID); err != nil {
			return err
		}
		p.Epoch = epoch
		all, err = tx.Summaries(ctx, p.ID)
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return nil, Missing("project of that name")
	} else if err != nil {
		return nil, err
	}
	for i := range all {
		all[i].parse()
	}
	slices.SortFunc(all, func(a, b Summary) int { return b.parsed.Compare(a.parsed) })
	x.lines.Put(p.Stamp(), p.ID, all)
	return all, nil
}

// Find returns the place of a release in o.Releases by any spelling of its version, and -1 if it is not there.
func (o Overview) Find(version string) int {
	v, err := packaging.ParseVersion(version)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(o.Releases, func(s Summary) bool { return s.Key == v.Key() })
}

// newest picks the release that a page about the project shows: see Index.Release.
func newest(all []Summary) (best Summary) {
	var top rank
	for _, s := range all {
		if !s.Offered() {
			continue
		}
		if rk := s.rank(); best.ID == "" || top.below(rk) {
			best, top = s, rk
		}
	}
	return best
}

// maxLines bounds how many releases of projects are remembered, some hundred bytes each.
const maxLines = 100_000

// newLines returns the memory of the releases of projects, by the project's id and stamp.
func newLines() *memo.Weighted[string, []Summary] {
	return memo.NewWeighted(maxLines, func(_ string, all []Summary) int64 { return int64(len(all)) + 1 })
}
