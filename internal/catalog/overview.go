package catalog

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// Summary is a release as lists of releases show it.
type Summary struct {
	Release
	Files        int   // without those in quarantine, as in the next three fields
	Size         int64 // bytes of all its files; -1 if an upstream does not state it
	Yanked       bool  // all its files are yanked
	YankedFiles  int   // number of yanked files
	YankedReason string
	Held         bool // all its files are held or denied, with YankedReason; only package resolve sets it
	HeldFiles    int  // files that are held or denied
	DeniedFiles  int  // of them, those that are denied
	Prerelease   bool

	Quarantined     int   // files in quarantine
	QuarantinedSize int64 // their size in bytes

	parsed packaging.Version
}

// Stopped returns "held" or "denied" if none of its files is served, "partly held" if some are not, and else "". Files
// that are held count as yanked.
func (s Summary) Stopped() string {
	switch {
	case s.HeldFiles == 0:
		return ""
	case s.HeldFiles < s.Files:
		return "partly held"
	case s.DeniedFiles == s.Files:
		return "denied"
	}
	return "held"
}

// Offered reports whether readers see the release: they do unless all its files are in quarantine.
func (s Summary) Offered() bool { return s.Files > 0 || s.Quarantined == 0 }

func (s *Summary) parse() {
	v, err := packaging.ParseVersion(s.Version)
	s.parsed, s.Prerelease = v, err == nil && v.IsPrerelease()
}

func (s Summary) rank() rank { return rank{!s.Yanked, !s.Prerelease, s.parsed} }

// Overview is a project with one release in full and summaries of all.
type Overview struct {
	Project  Project
	Releases []Summary // newest version first; shared, must not be modified
	Latest   Summary   // zero if there is no release
	Release  Summary   // the release in full; zero if there is none
	Files    []File    // of Release, with uploaders, oldest first
	Source   File      // the file whose metadata represents the release
	Metadata packaging.Metadata

	Startup map[string]Startup // by id of a file

	Quarantined int // number of quarantined files, if the caller is a maintainer
}

// Overview returns a project with one release in full: by any spelling of its version, or the latest for "", chosen as
// by Release. It returns fault.NotFound if the caller may not see the project or there is no such release. A project
// that is in quarantine or has no releases has none to show. Unless the project changed, it reads one release, however
// many there are.
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
		if o.Metadata, err = tx.Metadata(ctx, o.Source.ID); err == nil {
			o.Startup, err = tx.StartupOfRelease(ctx, o.Release.ID)
		}
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return Overview{}, Missing("release of that version") // it was deleted a moment ago
	}
	return o, err
}

// Releases returns a project that the caller may read, with summaries of its releases.
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

// maxPresent limits the names that Present looks up.
const maxPresent = 300

// Present reports which projects, by normal name, the caller may see in a repository. Names beyond the first 300 are
// taken as absent.
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

// TotalSize returns the size of all files in bytes, including those in quarantine.
func (s Summary) TotalSize() int64 { return s.Size + s.QuarantinedSize }

// offered returns the releases that readers see. It copies the slice only if it must drop some.
func offered(all []Summary) []Summary {
	hidden := func(s Summary) bool { return !s.Offered() }
	if !slices.ContainsFunc(all, hidden) {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), hidden)
}

// Counts contains the numbers of a project's releases and files.
type Counts struct {
	Releases    int // including those in quarantine
	Files       int // of all releases, including those in quarantine
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

// summaries returns all releases of a project, newest version first, from the cache unless the project changed.
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

// Find returns the index of a release in o.Releases by any spelling of its version, or -1.
func (o Overview) Find(version string) int {
	v, err := packaging.ParseVersion(version)
	if err != nil {
		return -1
	}
	return slices.IndexFunc(o.Releases, func(s Summary) bool { return s.Key == v.Key() })
}

// newest picks the release that the project page shows; see Index.Release.
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

// AddUpstream adds the releases of an upstream, which contents have beside those of this index, and picks the latest
// release again. A release is as old as its first file whose time is known, and its size is -1 unless all are known.
func (o *Overview) AddUpstream(c Contents) {
	files := map[string][]File{}
	for _, f := range c.Files {
		if f.Upstream != nil {
			files[f.ReleaseID] = append(files[f.ReleaseID], f)
		}
	}
	all := slices.Clone(o.Releases)
	for _, r := range c.Releases {
		if len(files[r.ID]) > 0 {
			all = append(all, summarize(r, files[r.ID]))
		}
	}
	slices.SortStableFunc(all, func(a, b Summary) int { return b.parsed.Compare(a.parsed) })
	o.Releases, o.Latest = all, newest(all)
}

// MarkHeld corrects the releases by contents of the same project whose files are marked: a release with files that are
// not served counts as yanked, and one that the contents leave out is left out. It picks the latest release again.
func (o *Overview) MarkHeld(c Contents) {
	files := map[string][]File{}
	for _, f := range c.Files {
		files[f.ReleaseID] = append(files[f.ReleaseID], f)
	}
	known := map[string]bool{}
	for _, r := range c.Releases {
		known[r.ID] = true
	}
	var all []Summary
	for _, s := range o.Releases {
		if !known[s.ID] {
			continue
		}
		if some := files[s.ID]; slices.ContainsFunc(some, func(f File) bool { return f.Held() }) {
			marked := summarize(s.Release, some)
			s.Yanked, s.YankedFiles, s.YankedReason = marked.Yanked, marked.YankedFiles, marked.YankedReason
			s.Held, s.HeldFiles, s.DeniedFiles = marked.Held, marked.HeldFiles, marked.DeniedFiles
		}
		all = append(all, s)
	}
	o.Releases, o.Latest = all, newest(all)
}

func summarize(r Release, files []File) Summary {
	s := Summary{Release: r, Files: len(files), Yanked: true, Held: len(files) > 0}
	sized := true
	for _, f := range files {
		if f.Yanked {
			s.YankedFiles++
			s.YankedReason = cmp.Or(s.YankedReason, f.YankedReason)
		}
		if f.Held() {
			s.HeldFiles++
			if f.Decision.Verdict == policy.Deny {
				s.DeniedFiles++
			}
		}
		s.Yanked, s.Held = s.Yanked && f.Yanked, s.Held && f.Held()
		s.Size, sized = s.Size+f.Size, sized && f.Size >= 0
		if !f.UploadedAt.IsZero() && (s.CreatedAt.IsZero() || f.UploadedAt.Before(s.CreatedAt)) {
			s.CreatedAt = f.UploadedAt
		}
	}
	if !sized {
		s.Size = -1
	}
	s.parse()
	return s
}

// maxLines limits the cached release summaries, some hundred bytes each.
const maxLines = 100_000
