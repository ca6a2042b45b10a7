package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// commit keeps the bytes, then the row: a crash in between leaves bytes that nobody lists, and the sweeper finds them
// by the hold that was noted first.
func (a *addition) commit(ctx context.Context) (Receipt, error) {
	// From here on the sender's going away must not leave half of it.
	ctx = context.WithoutCancel(ctx)
	f := a.file()
	x := a.index
	held, err := x.hold(ctx, f)
	if err != nil {
		return Receipt{}, err
	}
	f.Generation = held[0].Generation
	if len(held) > 1 {
		f.MetadataGeneration = held[1].Generation
	}
	keys := f.keys()
	err = a.keep(ctx, held)
	if err == nil {
		err = access.Update(ctx, x.store, a.who, func(tx Tx, who access.Caller) (err error) {
			a.who = who
			f, err = a.insert(ctx, tx, f, keys)
			return err
		})
	}
	if err == nil {
		return Receipt{File: f, Created: true, Warnings: a.warnings()}, nil
	}
	x.letGo(ctx, keys)
	if errors.Is(err, errIdentical) {
		return a.identical(ctx)
	}
	return Receipt{}, err
}

// file is the row that the upload becomes. Metadata comes from the archive, never from the form.
func (a *addition) file() File {
	python := a.PythonVersion
	if python == "" {
		python = a.filename.PythonTag()
	}
	f := File{
		ID: a.index.newID(), RepositoryID: a.repository.ID, Filename: a.filename.String(), NameKey: a.filename.Key(),
		Kind: a.filename.Kind(), PythonVersion: python, Size: a.Content.Size(), Comment: a.Comment,
		MD5: a.digests.MD5, SHA256: a.digests.SHA256, Blake2b256: a.digests.Blake2b256,
		RequiresPython: a.contents.Parsed.RequiresPython, UploadedAt: a.index.clock(), Attested: a.provable(),
		Uploader: Uploader{
			Kind: string(a.who.Kind()), ID: a.who.ID(), Name: a.who.Name(),
			TokenID: a.who.TokenID(), Claims: a.who.Claims(),
		},
	}
	if a.sibling() {
		sum := sha256.Sum256(a.contents.Metadata)
		f.MetadataSHA256 = hex.EncodeToString(sum[:])
	}
	return f
}

// keep makes the bytes durable. Where a file names the key already, its bytes are compared and mended.
func (a *addition) keep(ctx context.Context, held []Held) error {
	if err := a.index.keep(ctx, held[0], a.Content.stage, byUpload); err != nil || len(held) == 1 {
		return err
	}
	return a.index.put(ctx, held[1], a.contents.Metadata)
}

// insert writes everything that the file changes in one transaction. What was decided before is decided again, because
// others may have been faster, and because the caller's rights may have ended while the bytes came. It returns f in its place.
func (a *addition) insert(ctx context.Context, tx Tx, f File, keys []string) (File, error) {
	if err := a.spend(ctx, tx); err != nil {
		return f, err
	}
	if err := a.available(ctx, tx); err != nil {
		return f, err
	}
	p, err := a.project(ctx, tx, f)
	if err != nil {
		return f, err
	}
	if f, err = a.place(ctx, tx, p, f); err != nil {
		return f, err
	}
	if p, err = a.advance(ctx, tx, p, f); err != nil {
		return f, err
	}
	if err := a.card(ctx, tx, p, f); err != nil {
		return f, err
	}
	if err := a.noteBeside(ctx, tx, p, f); err != nil {
		return f, err
	}
	for _, key := range keys {
		if _, err := tx.ReleaseBlob(ctx, key, true); err != nil {
			return f, err
		}
	}
	e := a.index.entry(a.who, "file.add", map[string]any{
		"sha256": f.SHA256, "size": f.Size, "uploader": f.Uploader, "warnings": a.contents.Warnings, "attested": f.Attested,
	})
	e.Repository, e.Project, e.Version, e.Filename = a.repository.ID, a.name.String(), f.Version, f.Filename
	return f, tx.InsertAudit(ctx, e)
}

// project returns the project that the file goes to, and makes it where it does not exist.
func (a *addition) project(ctx context.Context, tx Tx, f File) (Project, error) {
	p, exists, err := a.index.admit(ctx, tx, a.who, a.repository, a.name)
	if err != nil || exists {
		return p, err
	}
	return Create(ctx, tx, NewProject{
		ID: a.index.newID(), Repository: a.repository, Name: a.name, Display: a.contents.Parsed.Name, Owner: a.who.ID(),
		Actor: a.who.Actor(), EntryID: a.index.newID(), At: f.UploadedAt, Reason: map[string]any{"first_file": f.Filename},
	})
}

// place puts the file's row into its release, which it makes where it is the first.
func (a *addition) place(ctx context.Context, tx Tx, p Project, f File) (File, error) {
	rel, err := tx.ReleaseByKey(ctx, p.ID, a.version.Key())
	if fault.Is(err, fault.NotFound) {
		rel = Release{ID: a.index.newID(), ProjectID: p.ID, Version: a.version.String(), Key: a.version.Key(), CreatedAt: f.UploadedAt}
		err = tx.InsertRelease(ctx, rel)
	}
	if err != nil {
		return f, err
	}
	f.ProjectID, f.ReleaseID, f.Version = p.ID, rel.ID, rel.Version
	if err := tx.InsertFile(ctx, f, a.contents.Parsed); fault.Is(err, fault.Conflict) {
		return f, a.lost(ctx, tx)
	} else if err != nil {
		return f, err
	}
	if err := a.insertMembers(ctx, tx, f); err != nil {
		return f, err
	}
	return f, a.insertAttestations(ctx, tx, f)
}

// lost says who was faster with the same name.
func (a *addition) lost(ctx context.Context, tx Tx) error {
	f, err := tx.FileByKey(ctx, a.repository.ID, a.filename.Key())
	if err != nil {
		return err
	}
	return a.taken(f)
}

// advance gives the project the next serial, its new size and the spelling of its newest upload.
func (a *addition) advance(ctx context.Context, tx Tx, p Project, f File) (_ Project, err error) {
	if p.Serial, err = tx.NextSerial(ctx); err != nil {
		return p, err
	}
	p.Size += f.Size
	if n, err := packaging.ParseProjectName(a.contents.Parsed.Name); err == nil && n == a.name {
		p.Display = a.contents.Parsed.Name
	}
	return p, tx.UpdateProject(ctx, p)
}
