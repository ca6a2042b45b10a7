package catalog

import (
	"cmp"
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Usage reports the size of an index.
type Usage struct {
	Database int64 // bytes of the database, including its log
	Files    int64
	Bytes    int64 // total size of all files
	// bytes of stored content that no file references: uploads in progress, and content that the sweeper removes next
	Waiting      int64
	Repositories []RepositoryUsage
	Largest      []ProjectUsage
	Checks       []custody.Check // the last check of each kind, newest first
}

// RepositoryUsage reports the size of a repository.
type RepositoryUsage struct {
	Name            string
	Projects, Bytes int64
	SizeLimit       int64 // its own, 0 for the configured limit
}

// LimitUse returns the use of the limit of the repository under the configured limits.
func (u RepositoryUsage) LimitUse(configured Limits) LimitUse {
	return Repository{Name: u.Name, Size: u.Bytes, SizeLimit: u.SizeLimit}.LimitUse(configured)
}

// ProjectUsage reports the size of a project.
type ProjectUsage struct {
	Repository, Project string
	Bytes               int64
	SizeLimit           int64 // its own, 0 for the configured limit
}

// LimitUse returns the use of the limit of the project under the configured limits.
func (u ProjectUsage) LimitUse(configured Limits) LimitUse {
	return LimitUse{
		Repository: u.Repository, Project: u.Project, Used: u.Bytes,
		Limit: cmp.Or(u.SizeLimit, configured.ProjectSize), Own: u.SizeLimit > 0,
	}
}

// Day counts an activity on one day, UTC.
type Day struct {
	Date     time.Time
	Granted  int
	Refused  int
	Activity string // an audit action, or "download"
}

const largestShown = 20

// Usage returns the size of the index. It needs an administrator.
func (x *Index) Usage(ctx context.Context, who access.Caller) (u Usage, err error) {
	if !who.Admin() {
		return u, fault.New(fault.Denied, "only an administrator may see how large the index is")
	}
	err = x.store.View(ctx, func(tx Tx) error {
		if u, err = tx.Usage(ctx, largestShown); err != nil {
			return err
		}
		u.Checks, err = tx.Checks(ctx)
		return err
	})
	return u, err
}

var activities = []string{"file.add", "publisher.exchange"}

// Days counts uploads and token exchanges, granted and refused, and downloads for each of the last n days, oldest
// first. It needs an administrator.
func (x *Index) Days(ctx context.Context, who access.Caller, n int) (out []Day, err error) {
	if !who.Admin() {
		return nil, fault.New(fault.Denied, "only an administrator may see the activity of the index")
	}
	since := today(x.changes.Clock()).AddDate(0, 0, 1-n)
	err = x.store.View(ctx, func(tx Tx) error {
		days, err := tx.Days(ctx, since, activities)
		if err != nil {
			return err
		}
		downloads, err := tx.Downloads(ctx, since, "", "")
		out = append(days, downloads...)
		return err
	})
	return out, err
}

func today(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// keepDownloads is how long download counts are kept.
const keepDownloads = 400 * 24 * time.Hour

// Downloads returns the number of downloads in the last n days, of a project or of one release by its own spelling of
// the version. It returns fault.NotFound unless the caller may read the project.
func (x *Index) Downloads(ctx context.Context, who access.Caller, repo string, name packaging.ProjectName,
	version string, n int,
) (total int, err error) {
	p, err := x.Project(ctx, who, repo, name)
	if err != nil {
		return 0, err
	}
	err = x.store.View(ctx, func(tx Tx) error {
		days, err := tx.Downloads(ctx, today(x.changes.Clock()).AddDate(0, 0, 1-n), p.ID, version)
		total = 0
		for _, d := range days {
			total += d.Granted
		}
		return err
	})
	return total, err
}
