package catalog

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Usage is what an index holds, and how much of what.
type Usage struct {
	Database int64 // bytes of the database, its log included
	Files    int64
	Bytes    int64 // of all files
	// stored bytes, by key, that no file names now: uploads under way, and what the sweeper removes next
	Waiting      int64
	Repositories []RepositoryUsage
	Largest      []ProjectUsage
	Checks       []custody.Check // the last of each kind, newest first
}

// RepositoryUsage is what a repository holds.
type RepositoryUsage struct {
	Name            string
	Projects, Bytes int64
}

// ProjectUsage is how large a project is.
type ProjectUsage struct {
	Repository, Project string
	Bytes               int64
}

// Day is how often something happened in a day, UTC.
type Day struct {
	Date     time.Time
	Granted  int
	Refused  int
	Activity string // action of the record, or "download"
}

// largestShown is how many projects Usage names.
const largestShown = 20

// Usage returns what the index holds. It needs an administrator.
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

// activities are the actions that days are counted of.
var activities = []string{"file.add", "publisher.exchange"}

// Days counts uploads and exchanges, granted and refused, and downloads, by day of the last n, oldest first. It needs
// an administrator.
func (x *Index) Days(ctx context.Context, who access.Caller, n int) (out []Day, err error) {
	if !who.Admin() {
		return nil, fault.New(fault.Denied, "only an administrator may see what happened in the index")
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

// keepDownloads is how long downloads are remembered.
const keepDownloads = 400 * 24 * time.Hour

// Downloads returns how often files of a project, or of one release of it as that spells its version, were downloaded
// in the last n days. Whoever may read the project may know; fault.NotFound for everybody else.
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
