package ingest

import (
	"cmp"
	"context"
	"fmt"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// checkStartup refuses start-up files that the policy does not allow. Attackers use such files, because their code runs
// without an import. It runs again in the transaction that adds the file, because the files that made them known may
// have been quarantined or deleted meanwhile.
func (a *addition) checkStartup(ctx context.Context, tx Tx) error {
	if len(a.contents.Startup) == 0 || a.intake.policy.StartupFiles == AllowStartup {
		return nil
	}
	first, more := a.contents.Startup[0], others(len(a.contents.Startup))
	if a.intake.policy.StartupFiles == RefuseStartup {
		return fault.New(fault.Invalid,
			"%s: %s runs code whenever Python starts%s, which this index refuses (upload.startup_files = \"refuse\"): build the wheel without it", a.filename, first, more)
	}
	if a.startup {
		return nil
	}
	p, err := tx.ProjectByName(ctx, a.repository.ID, a.name)
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Invalid,
			"%s: %s runs code whenever Python starts%s, and the first version of a project cannot contain such a file (upload.startup_files = \"known\"): upload a version without it first, then allow it in the project's settings or with index project startup-files %s on", a.filename, first, more, a.name)
	} else if err != nil || p.StartupFiles {
		return err
	}
	if known, err := tx.HasStartup(ctx, p.ID); err != nil || known {
		return err
	}
	return fault.New(fault.Invalid,
		"%s: %s runs code whenever Python starts%s, and no earlier version of %s has such a file (upload.startup_files = \"known\"): if it is intended, an owner can allow it in the project's settings or with index project startup-files %s on", a.filename, first, more, a.name, a.name)
}

// StartupPolicy returns the policy for start-up files.
func (x *Intake) StartupPolicy() StartupPolicy { return cmp.Or(x.policy.StartupFiles, KnownStartup) }

// startupFiles returns the start-up files to be recorded.
func (a *addition) startupFiles() []string {
	return a.contents.Startup[:min(len(a.contents.Startup), catalog.MaxStartup)]
}

// others returns an addition to a sentence about the first of n start-up files.
func others(n int) string {
	switch n {
	case 1:
		return ""
	case 2:
		return " (so does one other file)"
	}
	return fmt.Sprintf(" (so do %d other files)", n-1)
}
