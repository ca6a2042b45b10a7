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

// Page selects a part of a long list.
type Page struct {
	Text   string // only names that contain this text; case does not matter
	Number int    // from 1
	Size   int    // from 1 to MaxPage
}

// MaxPage bounds the size of a page.
const MaxPage = 500

// offset returns the number of items before the page, or fault.Invalid if the page is out of range.
func (p Page) offset() (int, error) {
	if p.Number < 1 || p.Size < 1 || p.Size > MaxPage || p.Number > 1<<30 {
		return 0, fault.New(fault.Invalid, "a page has a number from 1 and a size from 1 to %d", MaxPage)
	}
	return (p.Number - 1) * p.Size, nil
}

func part[T any](all []T, p Page) []T {
	from := min(len(all), (p.Number-1)*p.Size)
	return all[from:min(len(all), from+p.Size)]
}

// ManagedProject is a project that the caller uploads to, maintains or owns.
type ManagedProject struct {
	Project
	Role   access.Role // of the caller
	Latest Summary     // zero if readers see no release
	Use    LimitUse    // of the limit of its size
	Counts
}

// ManagedPage returns a page of the projects of a repository that the caller uploads to, maintains or owns, including
// quarantined ones, by normal name, and the total number of such projects. It reads only projects granted to the
// caller, unless the caller has the role in the whole repository. The page is empty, not an error, if there are none.
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

// granted returns the projects of a repository in which the caller's own grants allow more than reading.
func granted(ctx context.Context, tx Tx, who access.Caller, r Repository, text string) ([]Project, error) {
	all, err := tx.ProjectsByID(ctx, r.ID, who.ProjectIDs())
	all = slices.DeleteFunc(all, func(p Project) bool {
		return !who.May(access.Uploader, p.Object()) || !strings.Contains(p.Name.String(), text)
	})
	slices.SortFunc(all, func(a, b Project) int { return strings.Compare(a.Name.String(), b.Name.String()) })
	return slices.CompactFunc(all, func(a, b Project) bool { return a.ID == b.ID }), err
}

// managed adds role, latest release and counts to projects. A project deleted meanwhile is left out.
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
			Use: p.LimitUses(x.limits)[0],
		})
	}
	return out, nil
}

// ManagedReleases is a page of a project's releases, newest version first, including those in quarantine.
type ManagedReleases struct {
	Project  Project
	Role     access.Role // of the caller
	Releases []Summary
	Total    int    // number of matching releases
	Counts   Counts // of the project
}

// ManagedReleases returns a page of the releases of a project, newest version first, also if the project is
// quarantined. It needs an uploader: it returns fault.NotFound if the caller may not see the project, and fault.Denied
// if the role is missing.
func (x *Index) ManagedReleases(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	p Page,
) (m ManagedReleases, err error) {
	if _, err := p.offset(); err != nil {
		return m, err
	}
	if m.Project, err = x.permitted(ctx, who, access.Uploader, repo, name); err != nil {
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

// ManagedRelease is a release with its files and their uploaders.
type ManagedRelease struct {
	Project Project
	Role    access.Role // of the caller
	Release Release
	Files   []File // oldest first
}

// ManagedRelease returns a release by any spelling of its version, also of a quarantined project. It needs a
// maintainer: it returns fault.NotFound if the caller may not see the release, and fault.Denied if the role is missing.
func (x *Index) ManagedRelease(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string,
) (m ManagedRelease, err error) {
	if m.Project, err = x.permitted(ctx, who, access.Maintainer, repo, name); err != nil {
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

// ManagedSettings contains the settings of a project.
type ManagedSettings struct {
	Project Project
	Limits  Limits // in effect; see LimitsUnder
	Counts
}

// ManagedSettings returns the settings of a project, also of a quarantined one. It needs an owner: it returns
// fault.NotFound if the caller may not see the project, and fault.Denied if the role is missing.
func (x *Index) ManagedSettings(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (m ManagedSettings, err error) {
	if m.Project, err = x.permitted(ctx, who, access.Owner, repo, name); err != nil {
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

// ManagedContents returns a project with all its files, including those in quarantine. It needs a maintainer: it
// returns fault.NotFound if the caller may not see the project, and fault.Denied if the role is missing.
func (x *Index) ManagedContents(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (m ManagedContents, err error) {
	if m.Project, err = x.permitted(ctx, who, access.Maintainer, repo, name); err != nil {
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
