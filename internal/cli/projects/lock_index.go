package projects

import (
	"cmp"
	"context"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/lockfile/lockcheck"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// OpenForLocks opens the index for the comparison of lock files with a repository. It returns fault.Invalid if the URL
// of the index is not configured, because lock files contain URLs.
func OpenForLocks(s *cli.Session, repository string,
	use func(lockcheck.Site, lockcheck.Index) error,
) error {
	if s.Config.BaseURL.URL == nil {
		return terminal.Misused(fault.New(fault.Invalid,
			"base_url is not set: set it, or specify the address of the index with --index-url"))
	}
	root := s.Config.BaseURL.URL
	if repository = cmp.Or(repository, catalog.MainRepository); repository != catalog.MainRepository {
		root = root.JoinPath("r", repository)
	}
	return s.With(func(a *app.App) error {
		if _, err := a.Index.Repository(s.Ctx, a.Operator, repository); err != nil {
			return err
		}
		site := lockcheck.NewSite(root)
		return use(site, &lockIndex{app: a, site: site, repository: repository})
	})
}

// lockIndex reads the projects of a repository from the database.
type lockIndex struct {
	app        *app.App
	site       lockcheck.Site
	repository string
}

// Project returns the files of a project, those in quarantine included.
func (x *lockIndex) Project(ctx context.Context, name packaging.ProjectName) (lockcheck.Project, error) {
	found, err := x.app.Index.ManagedContents(ctx, x.app.Operator, x.repository, name)
	if fault.Is(err, fault.NotFound) {
		return lockcheck.Project{Missing: true}, nil
	} else if err != nil {
		return lockcheck.Project{}, err
	}
	p := lockcheck.Project{
		Own: true, Quarantined: found.Project.Status == catalog.Quarantined, Reason: found.Project.StatusReason,
	}
	for _, f := range found.Files {
		listed := lockcheck.Listed{
			Name: f.Filename, SHA256: f.SHA256, Yanked: f.Yanked, Reason: f.YankedReason,
			URL: x.site.Root().JoinPath("packages", f.SHA256, f.Filename).String(),
		}
		if f.Quarantined() {
			listed.Refused = "quarantined"
			if f.QuarantineReason != "" {
				listed.Refused += ": " + f.QuarantineReason
			}
		}
		p.Files = append(p.Files, listed)
	}
	return p, nil
}

// Refusal returns "": Project has named the refused files already.
func (*lockIndex) Refusal(context.Context, string) (string, error) { return "", nil }
