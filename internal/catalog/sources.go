package catalog

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// Stamp returns the current state of the index, for reads that must agree with each other.
func (x *Index) Stamp(ctx context.Context) (memo.Stamp, error) { return x.store.Stamp(ctx) }

// RepositoryAt is Repository at a stamp.
func (x *Index) RepositoryAt(ctx context.Context, who access.Caller, at memo.Stamp, name string) (Repository, error) {
	return x.repository(ctx, who, at, name)
}

// ProjectAt returns a project of a repository that was read at the same stamp, and whether the caller may read it. It
// returns fault.NotFound if there is no such project, also to callers who could not read one: it is for the decision
// about the owner of a name, which must not depend on the caller.
func (x *Index) ProjectAt(ctx context.Context, who access.Caller, at memo.Stamp, r Repository,
	name packaging.ProjectName,
) (p Project, readable bool, err error) {
	k := projectKey{r.ID, name}
	if _, none := x.absent.Get(at, k); none {
		return Project{}, false, errNoProject
	}
	p, ok := x.projects.Get(at, k)
	if !ok {
		p, err = recallAt(ctx, x, at, x.projects, k, func(tx Tx) (Project, error) {
			return tx.ProjectByName(ctx, k.id, k.name)
		})
	}
	if fault.Is(err, fault.NotFound) {
		x.absent.Put(at, k, struct{}{})
	}
	p.Epoch = at.Epoch
	return p, err == nil && who.May(access.Reader, p.Object()), err
}

var errNoProject = Missing("project of that name")

// FileAt returns a file of a repository that was read at the same stamp, with its project, and whether the caller may
// read it. It returns fault.NotFound if the repository has no file of that name.
func (x *Index) FileAt(ctx context.Context, who access.Caller, at memo.Stamp, r Repository,
	filename string,
) (f File, p Project, readable bool, err error) {
	l, err := recallAt(ctx, x, at, x.files, fileKey{r.ID, filename}, func(tx Tx) (located, error) {
		return locate(ctx, tx, r.ID, filename)
	})
	return l.file, l.project, err == nil && l.visible(who), err
}

// PickRelease returns the release of a project by any spelling of its version, or the latest for "".
func PickRelease(c Contents, version string) (Release, error) {
	r, ok := pick(c, version)
	if !ok {
		return r, Missing("release of that version")
	}
	return r, nil
}

// UpstreamFile is what only a file of an upstream has.
type UpstreamFile struct {
	Name       string // of the upstream
	Path       string // of its URL, below packages/ and the upstream's name
	Metadata   bool   // its core metadata can be read, although the digest may be unknown
	Provenance bool   // the upstream has provenance
	Signed     *bool  // whether the upstream states a PGP signature, nil if it does not say
}

// SeenNames returns the names that an upstream answered for a repository and that are not own
// there by now.
func (x *Index) SeenNames(ctx context.Context, repositoryID string) (out []packaging.ProjectName, err error) {
	err = x.store.View(ctx, func(tx Tx) error {
		out, err = tx.SeenNames(ctx, repositoryID)
		return err
	})
	return out, err
}

// ProjectsWith returns the projects of a repository that have a file with a SHA-256 in hex, each once.
func (x *Index) ProjectsWith(ctx context.Context, repositoryID, sha256 string,
) (out []packaging.ProjectName, err error) {
	err = x.store.View(ctx, func(tx Tx) error {
		out = nil
		files, err := tx.FilesBySHA256(ctx, repositoryID, sha256)
		if err != nil {
			return err
		}
		seen := map[string]bool{}
		for _, f := range files {
			if seen[f.ProjectID] {
				continue
			}
			seen[f.ProjectID] = true
			p, err := tx.ProjectByID(ctx, f.ProjectID)
			if err != nil {
				return err
			}
			out = append(out, p.Name)
		}
		return nil
	})
	return out, err
}

// IsMissing reports whether an error says that an object does not exist or is hidden from the caller.
func IsMissing(err error) bool { return fault.Is(err, fault.NotFound) }
