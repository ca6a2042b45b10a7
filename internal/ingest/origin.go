package ingest

import (
	"context"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// UpstreamVersions reads what upstreams have.
type UpstreamVersions interface {
	// UpstreamVersions returns the versions of a project that an upstream has for the readers of a repository, as the
	// upstream spells them. It returns fault.Unavailable or another error if an upstream that may have the project gives
	// no answer. It is not called in a transaction.
	UpstreamVersions(ctx context.Context, r catalog.Repository, name packaging.ProjectName) ([]string, error)
}

// compare compares the name with those of upstreams, if the upload would create a project.
func (x *Intake) compare(ctx context.Context, who access.Caller, r catalog.Repository,
	name packaging.ProjectName,
) (catalog.Comparison, error) {
	if x.policy.Public == nil {
		return catalog.Comparison{}, nil
	}
	at, err := x.index.Stamp(ctx)
	if err != nil {
		return catalog.Comparison{}, err
	}
	switch _, _, err := x.index.ProjectAt(ctx, who, at, r, name); {
	case err == nil:
		return catalog.Comparison{}, nil
	case !fault.Is(err, fault.NotFound):
		return catalog.Comparison{}, err
	}
	return x.policy.Compare(ctx, name), nil
}

// compareVersion reads the versions that the upstreams have, if an administrator decided that the name is shared with
// them. It runs before the transaction that adds the file, so that nobody waits for an upstream in it.
func (a *addition) compareVersion(ctx context.Context) error {
	if a.ruling.Origin != catalog.Both {
		return nil
	}
	if err := a.ruling.Takes(a.version); err != nil {
		return err
	}
	x := a.intake
	if x.versions == nil {
		return fault.New(fault.Unavailable, "%s is read from an upstream too, and its versions there cannot be read here",
			a.name)
	}
	var err error
	a.upstream, err = x.versions.UpstreamVersions(ctx, a.repository, a.name)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.Unavailable, err,
			"%s is read from an upstream too, which does not say now whether it has version %s; try again later", a.name,
			a.version)
	}
	a.asked = true
	return a.versionFree()
}

// versionFree returns fault.Conflict if the upstream has the version, in any spelling.
func (a *addition) versionFree() error {
	if slices.ContainsFunc(a.upstream, func(s string) bool {
		v, err := packaging.ParseVersion(s)
		return err == nil && v.Key() == a.version.Key()
	}) {
		return fault.New(fault.Conflict,
			"version %s of %s is on an upstream already, and a version belongs to one of both: choose another one", a.version,
			a.name)
	}
	return nil
}

// checkVersion repeats the checks of compareVersion with the decision of now, without asking the upstream again.
func (a *addition) checkVersion(ctx context.Context, tx Tx) error {
	d, err := catalog.MayUploadTo(ctx, tx, a.repository, a.name)
	if err != nil || d.Origin != catalog.Both {
		return err
	}
	if err := d.Takes(a.version); err != nil {
		return err
	}
	if !a.asked {
		return fault.New(fault.Unavailable, "the origin of %s was changed during the upload; try again", a.name)
	}
	return a.versionFree()
}
