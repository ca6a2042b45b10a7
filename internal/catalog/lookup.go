package catalog

import (
	"cmp"
	"context"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
)

// ErrAnonymous refuses an anonymous caller, whether or not the requested object exists.
var ErrAnonymous = fault.New(fault.Unauthenticated,
	"this index is private: send an API token as the password, with __token__ as the user name")

// Missing returns fault.NotFound, with the same text for an object that does not exist and for one that is hidden from
// the caller.
func Missing(what string) error { return fault.New(fault.NotFound, "there is no %s here", what) }

// recallAt returns the cached value of k at a stamp, or loads it.
func recallAt[K comparable, V any](ctx context.Context, x *Index, at memo.Stamp, m *memo.BySerial[K, V], k K,
	load func(Tx) (V, error),
) (V, error) {
	if v, ok := m.Get(at, k); ok {
		return v, nil
	}
	return loadAt(ctx, x, at, m, k, load)
}

// loadAt is recallAt for a value that is not cached. It is a function of its own because what its closure uses is
// allocated at the start.
func loadAt[K comparable, V any](ctx context.Context, x *Index, at memo.Stamp, m *memo.BySerial[K, V], k K,
	load func(Tx) (V, error),
) (v V, err error) {
	err = x.store.View(ctx, func(tx Tx) (err error) {
		v, err = load(tx)
		return err
	})
	if err == nil {
		m.Put(at, k, v)
	}
	return v, err
}

// Repository returns a repository by name, "" being main. It returns fault.Unauthenticated if an anonymous caller may
// read nothing there, and fault.NotFound if it does not exist or is hidden from the caller.
func (x *Index) Repository(ctx context.Context, who access.Caller, name string) (Repository, error) {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return Repository{}, err
	}
	return x.repository(ctx, who, at, name)
}

// repository is Repository at a stamp.
func (x *Index) repository(ctx context.Context, who access.Caller, at memo.Stamp, name string) (Repository, error) {
	name = cmp.Or(name, MainRepository)
	r, ok := x.repositories.Get(at, name)
	var err error
	if !ok {
		r, err = x.loadRepository(ctx, at, name)
	}
	if !who.Known() && (err != nil || !who.May(access.Reader, r.Object())) {
		return Repository{}, ErrAnonymous
	}
	if err == nil {
		err = x.knows(ctx, who, r)
	}
	if fault.Is(err, fault.NotFound) {
		return Repository{}, Missing("repository of that name")
	}
	return r, err
}

func (x *Index) loadRepository(ctx context.Context, at memo.Stamp, name string) (Repository, error) {
	return loadAt(ctx, x, at, x.repositories, name, func(tx Tx) (Repository, error) {
		return tx.RepositoryByName(ctx, name)
	})
}

// knows returns fault.NotFound if the repository is closed to members and the caller has no grant in it: the repository
// is then hidden from them.
func (x *Index) knows(ctx context.Context, who access.Caller, r Repository) error {
	if r.Members >= access.Reader || who.May(access.Reader, r.Object()) || who.NamesIn(r.ID) {
		return nil
	}
	return x.hasGrant(ctx, who, r)
}

// hasGrant returns fault.NotFound if the caller has no role in a project of the repository.
func (x *Index) hasGrant(ctx context.Context, who access.Caller, r Repository) error {
	return x.store.View(ctx, func(tx Tx) error {
		for _, id := range who.ProjectIDs() {
			p, err := tx.ProjectByID(ctx, id)
			if err == nil && p.Repository.ID == r.ID || id == r.ID {
				return nil
			} else if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
		}
		return fault.New(fault.NotFound, "nothing of the caller's is in it")
	})
}

// Project returns a project that the caller may read. Otherwise it returns fault.NotFound, or fault.Unauthenticated if
// the caller is anonymous and the repository is closed. While nothing changes, it costs only a look at the serial.
func (x *Index) Project(ctx context.Context, who access.Caller, repo string,
	name packaging.ProjectName,
) (Project, error) {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return Project{}, err
	}
	r, err := x.repository(ctx, who, at, repo)
	if err != nil {
		return Project{}, err
	}
	p, readable, err := x.ProjectAt(ctx, who, at, r, name)
	if fault.Is(err, fault.NotFound) || err == nil && !readable {
		return Project{}, errNoProject
	}
	return p, err
}

// File returns a file that the caller may read, by its digest and name. Quarantined projects have none.
func (x *Index) File(ctx context.Context, who access.Caller, repo, sha256, filename string) (File, error) {
	at, err := x.store.Stamp(ctx)
	if err != nil {
		return File{}, err
	}
	l, err := x.fileAt(ctx, who, at, repo, filename)
	if err == nil && l.file.SHA256 != sha256 {
		err = Missing(fileOfThat)
	}
	if err != nil {
		return File{}, err
	}
	return l.file, nil
}

const fileOfThat = "file of that name and digest"

// fileAt finds a file for every kind of read, so that visibility is decided in one place.
func (x *Index) fileAt(ctx context.Context, who access.Caller, at memo.Stamp, repo, filename string) (located, error) {
	r, err := x.repository(ctx, who, at, repo)
	if err != nil {
		return located{}, err
	}
	f, p, readable, err := x.FileAt(ctx, who, at, r, filename)
	if fault.Is(err, fault.NotFound) || err == nil && !readable {
		return located{}, Missing(fileOfThat)
	}
	return located{f, p}, err
}

func locate(ctx context.Context, tx Tx, repositoryID, filename string) (located, error) {
	f, err := tx.FileByName(ctx, repositoryID, filename)
	if err != nil {
		return located{}, err
	}
	p, err := tx.ProjectByID(ctx, f.ProjectID)
	return located{f, p}, err
}

// visible decides whether the caller may see a file, in all its forms.
func (l located) visible(who access.Caller) bool {
	return l.project.Status != Quarantined && !l.file.Quarantined() && who.May(access.Reader, l.project.Object())
}

// Part is a downloadable part of a file.
type Part int

// The parts are the distribution itself and its core metadata (PEP 658).
const (
	Bytes Part = iota
	MetadataPart
)

// Link returns a short-lived URL of the store for the content of f; anyone with the URL can download it. It returns ""
// if the content is only available through Open, and fault.Unavailable if the store does not have it or has another
// size. The caller must have obtained f from File for the user that follows the link.
func (x *Index) Link(ctx context.Context, f File) (string, error) {
	return x.custody.Link(ctx, f.Filename, f.Stored())
}

// Open returns the content of a file that the caller may read, and its size in bytes. It returns fault.NotFound also if
// the file has no metadata part, and fault.Unavailable if the stored content is missing, has another size, or is
// metadata with another digest.
func (x *Index) Open(ctx context.Context, who access.Caller, repo, sha256, filename string,
	part Part,
) (custody.Blob, int64, error) {
	f, err := x.File(ctx, who, repo, sha256, filename)
	if err != nil {
		return nil, 0, err
	}
	stored := f.Stored()
	if part == MetadataPart {
		if stored = f.StoredMetadata(); stored.SHA256 == "" {
			return nil, 0, Missing("metadata of that file")
		}
	}
	return x.custody.Open(ctx, f.Filename, stored)
}
