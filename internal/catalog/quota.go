package catalog

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// LimitUse is how much of a size limit a repository or one of its projects uses. Every file counts with its full size,
// also if another file has the same content, which is then stored once. Files in quarantine count, files of upstreams
// and deleted files do not.
type LimitUse struct {
	Repository string
	Project    string // "" for the limit of the repository as a whole
	Used       int64  // bytes of all files, like Limit
	Limit      int64  // 0 for no limit
	Own        bool   // set for this repository or project; otherwise the configured limit of all applies
}

// LimitUses returns the use of the limit of a project and then of that of its repository, under the configured limits.
func (p Project) LimitUses(configured Limits) [2]LimitUse {
	return [2]LimitUse{
		{
			Repository: p.Repository.Name, Project: p.Name.String(), Used: p.Size,
			Limit: cmp.Or(p.Limits.ProjectSize, configured.ProjectSize), Own: p.Limits.ProjectSize > 0,
		},
		p.Repository.LimitUse(configured),
	}
}

// LimitUse returns the use of the limit of r under the configured limits.
func (r Repository) LimitUse(configured Limits) LimitUse {
	return LimitUse{
		Repository: r.Name, Used: r.Size, Limit: cmp.Or(r.SizeLimit, configured.RepositorySize), Own: r.SizeLimit > 0,
	}
}

// Near reports whether at least 80 % of the limit are used.
func (u LimitUse) Near() bool { return u.Limit > 0 && u.Used >= u.Limit-u.Limit/5 }

// Percent returns the used share of the limit in percent, rounded down, or 0 if there is no limit.
func (u LimitUse) Percent() int {
	if u.Limit <= 0 {
		return 0
	}
	return int(float64(u.Used) / float64(u.Limit) * 100)
}

// Holder names the repository or project that the limit is for.
func (u LimitUse) Holder() string {
	switch {
	case u.Project == "":
		return "repository " + u.Repository
	case u.Repository == MainRepository:
		return "project " + u.Project
	}
	return "project " + u.Project + " in repository " + u.Repository
}

// String describes the use in a sentence without a full stop.
func (u LimitUse) String() string {
	limit := "its limit of " + SizeText(u.Limit)
	if !u.Own {
		limit = "the " + SizeText(u.Limit) + " that " + u.setting() + " allows"
	}
	return fmt.Sprintf("%s uses %s (%d %%) of %s", u.Holder(), SizeText(u.Used), u.Percent(), limit)
}

func (u LimitUse) setting() string {
	if u.Project == "" {
		return "limits.repository_size"
	}
	return "limits.project_size"
}

// Raise returns the command with which an administrator changes the limit.
func (u LimitUse) Raise() string {
	switch {
	case u.Project == "":
		return "index repository limit " + u.Repository + " --size SIZE"
	case u.Repository == MainRepository:
		return "index project limit " + u.Project + " --project-size SIZE"
	}
	return "index project limit " + u.Project + " --repository " + u.Repository + " --project-size SIZE"
}

// Admit returns fault.TooLarge if a file of the given size in bytes exceeds the limit.
func (u LimitUse) Admit(size int64) error {
	if u.Limit <= 0 || size <= u.Limit-u.Used {
		return nil
	}
	return fault.New(fault.TooLarge,
		"File too large: it has %s, and %s; delete files that are no longer needed, or ask an administrator to raise the limit (%s)",
		SizeText(size), u, u.Raise())
}

// Warning returns a sentence for the sender of an upload if the limit is nearly used up, and "" otherwise.
func (u LimitUse) Warning() string {
	if !u.Near() {
		return ""
	}
	return u.String() + ": uploads that exceed it are refused; an administrator can raise it (" + u.Raise() + ")"
}

// SizeText formats a number of bytes in the largest unit that it fills, such as "1.5 GiB".
func SizeText(n int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB", "TiB"}
	f, u := float64(n), 0
	for f >= 1024 && u < len(units)-1 {
		f, u = f/1024, u+1
	}
	if f == float64(int64(f)) {
		return fmt.Sprintf("%d %s", int64(f), units[u])
	}
	return fmt.Sprintf("%.1f %s", f, units[u])
}

// nearShown bounds the projects that NearLimits returns.
const nearShown = 200

// NearLimits returns the repositories, and up to 200 projects, that use at least 80 % of their limit, those with the
// largest share first. It returns fault.Denied unless the caller is an administrator.
func (x *Index) NearLimits(ctx context.Context, who access.Caller) (out []LimitUse, err error) {
	if !who.Admin() {
		return nil, fault.New(fault.Denied, "only an administrator may see which limits are nearly used up")
	}
	err = x.store.View(ctx, func(tx Tx) error {
		out = nil
		all, err := tx.Repositories(ctx)
		if err != nil {
			return err
		}
		for _, r := range all {
			if u := r.LimitUse(x.limits); u.Near() {
				out = append(out, u)
			}
		}
		projects, err := tx.ProjectsNear(ctx, x.limits.ProjectSize, nearShown)
		for _, p := range projects {
			if u := p.LimitUse(x.limits); u.Near() {
				out = append(out, u)
			}
		}
		return err
	})
	slices.SortStableFunc(out, func(a, b LimitUse) int {
		return cmp.Compare(float64(b.Used)/float64(b.Limit), float64(a.Used)/float64(a.Limit))
	})
	return out, err
}

// LimitUses returns the use of the limit of a project and then of that of its repository.
func (x *Index) LimitUses(p Project) [2]LimitUse { return p.LimitUses(x.limits) }

// RepositoryLimitUse returns the use of the limit of a repository.
func (x *Index) RepositoryLimitUse(r Repository) LimitUse { return r.LimitUse(x.limits) }

// ProjectLimitUse returns the use of the limit of a project whose usage is given.
func (x *Index) ProjectLimitUse(u ProjectUsage) LimitUse { return u.LimitUse(x.limits) }

// recountSizes corrects the sizes of repositories. They differ from the sums of their projects if a replica of an
// earlier version, which does not maintain them, has changed projects.
func (x *Index) recountSizes(ctx context.Context) error {
	var wrong bool
	err := x.store.View(ctx, func(tx Tx) (err error) {
		wrong, err = tx.RepositorySizesDiffer(ctx)
		return err
	})
	if err != nil || !wrong {
		return err
	}
	return x.store.Update(ctx, func(tx Tx) error {
		if err := tx.RecountRepositories(ctx); err != nil {
			return err
		}
		_, err := tx.NextSerial(ctx)
		return err
	})
}
