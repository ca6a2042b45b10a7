package catalog

import (
	"context"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Page is a part of a long list.
type Page struct {
	Text   string // only what has these letters in its name; capitals do not matter
	Number int    // from 1
	Size   int    // from 1 to MaxPage
}

// MaxPage bounds the size of a page.
const MaxPage = 500

// offset is how many come before the page; fault.Invalid for a page that nobody may ask for.
func (p Page) offset() (int, error) {
	if p.Number < 1 || p.Size < 1 || p.Size > MaxPage || p.Number > 1<<30 {
		return 0, fault.New(fault.Invalid, "a page has a number from 1 and a size from 1 to %d", MaxPage)
	}
	return (p.Number - 1) * p.Size, nil
}

// part is the page of all.
func part[T any](all []T, p Page) []T {
	from := min(len(all), (p.Number-1)*p.Size)
	return all[from:min(len(all), from+p.Size)]
}

// ManagedProject is a project that the caller uploads to, maintains or owns.
type ManagedProject struct {
	Project
	Role   access.Role // of the caller
	Latest Summary     // zero if readers see no release
	Counts
}

// ManagedPage returns a page of the projects of a repository that the caller uploads to, maintains or owns, quarantined
// ones too, by normal name, and how many there are in all. What was granted to the caller is all that is read, unless
// the caller has the role in the whole repository. It is empty, not an error, for who has none.
func (x *Index) ManagedPage(ctx context.Context, who access.Caller, repo string,
	p Page,
) (out []ManagedProject, total int, err error) {
	offset, err := p.offset()
	if err != nil {
		return nil, 0, err
	}
	r, _, _, err := x.ListingState(ctx, who, repo)
	if err != nil {
		return nil, 0, err
	}
	text := strings.ToLower(audit.Cut(p.Text))
	var projects []Project
	err = x.store.View(ctx, func(tx Tx) (err error) {
		if who.May(access.Uploader, r.Object()) {
			projects, total, err = tx.ProjectsNamed(ctx, r.ID, text, offset, p.Size)
		} else if projects, err = granted(ctx, tx, who, r, text); err == nil {
			total, projects = len(projects), part(projects, p)
		}
		return err
	})
	if err == nil {
		out, err = x.managed(ctx, who, projects)
	}
	return out, total, err
}

// granted returns the projects of a repository in which the caller was given something that is more than reading.
func granted(ctx context.Context, tx Tx, who access.Caller, r Repository, text string) ([]Project, error) {
	all, err := tx.ProjectsByID(ctx, r.ID, who.ProjectIDs())
	all = slices.DeleteFunc(all, func(p Project) bool {
		return !who.May(access.Uploader, p.Object()) || !strings.Contains(p.Name.String(), text)
	})
	slices.SortFunc(all, func(a, b Project) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return slices.CompactFunc(all, func(a, b Project) bool { return a.ID == b.ID }), err
}

// managed adds to projects what lists of them show. One that goes meanwhile is left out.
func (x *Index) managed(ctx context.Context, who access.Caller, projects []Project) ([]ManagedProject, error) {
	out := make([]ManagedProject, 0, len(projects))
	for _, p := range projects {
		releases, err := x.summaries(ctx, p)
		if fault.Is(err, fault.NotFound) {
			continue
		} else if err != nil {
			return nil, err
		}
		out = append(out, ManagedProject{
			Project: p, Role: who.RoleIn(p.Object()), Latest: newest(releases), Counts: counted(releases),
		})
	}
	return out, nil
}

// ManagedReleases is a page of a project's releases, newest version first, also of those in quarantine.
type ManagedReleases struct {
	Project  Project
	Role     access.Role // of the caller
	Releases []Summary
	Total    int    // that the page is a part of
	Counts   Counts // of the project
}

// ManagedReleases returns a page of the releases of a project, newest version first, also of a quarantined one. It
// needs an uploader; fault.NotFound where there is no such project for the caller, fault.Denied without the right.
func (x *Index) ManagedReleases(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	p Page,
) (m ManagedReleases, err error) {
	if _, err := p.offset(); err != nil {
		return m, err
	}
	m.Project, err = x.Project(ctx, who, repo, name)
	if err == nil {
		err = Permit(who, access.Uploader, m.Project)
	}
	if err != nil {
		return ManagedReleases{}, err
	}
	all, err := x.summaries(ctx, m.Project)
	if err != nil {
		return ManagedReleases{}, err
	}
	text := strings.ToLower(p.Text)
	var found []Summary
	for _, s := range all {
		if strings.Contains(s.Version, text) {
			found = append(found, s)
		}
	}
	m.Role, m.Total, m.Counts, m.Releases = who.RoleIn(m.Project.Object()), len(found), counted(all), part(found, p)
	return m, nil
}

// ManagedRelease is a release with its files and who uploaded each.
type ManagedRelease struct {
	Project Project
	Role    access.Role // of the caller
	Release Release
	Files   []File // oldest first
}

// ManagedRelease returns a release by any spelling of its version, also of a quarantined project. It needs a
// maintainer; fault.NotFound where there is no such release for the caller, fault.Denied without the right.
func (x *Index) ManagedRelease(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) (m ManagedRelease, err error) {
	m.Project, err = x.Project(ctx, who, repo, name)
	if err == nil {
		err = Permit(who, access.Maintainer, m.Project)
	}
	if err != nil {
		return ManagedRelease{}, err
	}
	m.Role = who.RoleIn(m.Project.Object())
	err = x.store.View(ctx, func(tx Tx) (err error) {
		if m.Release, err = findRelease(ctx, tx, m.Project, version); err != nil {
			return err
		}
		m.Files, err = tx.AllFilesOfRelease(ctx, m.Release.ID)
		return err
	})
	return m, err
}

// ManagedSettings is what a page of a project's settings shows.
type ManagedSettings struct {
	Project Project
	Limits  Limits // that hold: its own, and what is configured where it has none
	Counts
}

// ManagedSettings returns what there is to set of a project, also of a quarantined one. It needs an owner;
// fault.NotFound where there is no such project for the caller, fault.Denied without the right.
func (x *Index) ManagedSettings(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (m ManagedSettings, err error) {
	m.Project, err = x.Project(ctx, who, repo, name)
	if err == nil {
		err = Permit(who, access.Owner, m.Project)
	}
	if err != nil {
		return ManagedSettings{}, err
	}
	m.Limits = m.Project.LimitsUnder(x.limits)
	all, err := x.summaries(ctx, m.Project)
	m.Counts = counted(all)
	return m, err
}

// ManagedContents is a project with everything in it.
type ManagedContents struct {
	Project Project
	Counts
	Files []File // oldest first
}

// ManagedContents returns a project with all its files, those in quarantine too. It needs a maintainer; fault.NotFound
// if there is no such project for the caller, fault.Denied without the right.
func (x *Index) ManagedContents(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (m ManagedContents, err error) {
	m.Project, err = x.Project(ctx, who, repo, name)
	if err == nil {
		err = Permit(who, access.Maintainer, m.Project)
	}
	if err != nil {
		return ManagedContents{}, err
	}
	err = x.store.View(ctx, func(tx Tx) error {
		releases, err := tx.Summaries(ctx, m.Project.ID)
		if err == nil {
			m.Counts = counted(releases)
			m.Files, err = tx.AllFiles(ctx, m.Project.ID)
		}
		return err
	})
	return m, err
}
