package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Import stores the content of a file of an upstream that another index has fetched, and reports whether it was not
// stored before. The digest must be the one that the page of the upstream states, if it states one, and the one that is
// known here, if one is. It returns fault.Conflict for another one, fault.Invalid if r does not have that digest and
// size, and fault.TooLarge if there is no room for the file.
func (f *Files) Import(ctx context.Context, u upstream.Upstream, file page.File, sum string, size int64, r io.Reader,
) (added bool, err error) {
	k := keyOf(u, file)
	row, err := f.read(ctx, k)
	if fault.Is(err, fault.NotFound) {
		row, err = f.newRow(k, file), nil
	}
	switch {
	case err != nil:
		return false, err
	case file.SHA256 != "" && file.SHA256 != sum, file.SHA256 != "" && file.Size >= 0 && file.Size != size:
		return false, fault.New(fault.Conflict, "%s is not the file that the page of the upstream states", file.Filename)
	case row.SHA256 != "" && row.SHA256 != sum:
		return false, fault.New(fault.Conflict, "another SHA-256 of %s is known here", file.Filename)
	}
	if row.Stored {
		row.Size = max(row.Size, size)
		if found, err := f.finds(ctx, row.stored()); err != nil || found {
			f.used(k)
			return false, err
		}
	}
	if f.low(ctx, size) || !f.fits(ctx, size) {
		return false, fault.New(fault.TooLarge,
			"there is no room for %s: upstream_cache.size is reached, or the disk is almost full",
			file.Filename)
	}
	stage, err := f.keeper.Stage(ctx) // durable, since it may not be possible to fetch it again
	if err != nil {
		return false, err
	}
	defer stage.Discard()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(stage, h), io.LimitReader(r, size+1))
	if err != nil {
		return false, err
	}
	if n != size || hex.EncodeToString(h.Sum(nil)) != sum {
		return false, fault.New(fault.Invalid, "the content of %s is not what is stated", file.Filename)
	}
	if row.SHA256 == "" && file.SHA256 == "" {
		if row, err = f.pin(ctx, row, sum, size); err != nil {
			return false, err
		}
		if row.SHA256 != sum {
			return false, fault.New(fault.Conflict, "another SHA-256 of %s is known here", file.Filename)
		}
	}
	row.SHA256, row.Size, row.Generation = sum, size, ""
	err = f.commit(ctx, row, func(h custody.Held) error { return f.keeper.Keep(ctx, h, stage) })
	return err == nil, err
}

// ImportMetadata stores the core metadata of a file that another index has fetched. It returns fault.Conflict if the
// upstream states other metadata or none, or if other metadata is known here.
func (f *Files) ImportMetadata(ctx context.Context, u upstream.Upstream, file page.File, b []byte) error {
	row, err := f.read(ctx, keyOf(u, file))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	sum := digestOf(b)
	known := row.Metadata.SHA256
	if !file.Metadata || len(b) > maxSibling || file.MetadataSHA256 != "" && file.MetadataSHA256 != sum ||
		known != "" && known != sum && file.MetadataSHA256 == "" {
		return fault.New(fault.Conflict, "%s.metadata is not what the upstream states", file.Filename)
	}
	if _, err := f.keptMetadata(ctx, row, sum); err == nil || !fault.Is(err, fault.NotFound) {
		return err
	}
	f.keepSibling(ctx, u, file, b, sum, func(r *Row, s Sibling) { r.Metadata = s })
	return nil
}

// ImportProvenance stores the provenance document of a file that another index read at a time, unless the stored one is
// as new. It returns fault.Conflict if the upstream states none.
func (f *Files) ImportProvenance(ctx context.Context, u upstream.Upstream, file page.File, b []byte,
	at time.Time,
) error {
	row, err := f.read(ctx, keyOf(u, file))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if file.Provenance == "" || len(b) > maxSibling || !isObject(b) {
		return fault.New(fault.Conflict, "the provenance of %s is not what the upstream states", file.Filename)
	}
	if now := f.changes.Clock(); at.After(now) {
		at = now
	}
	if row.Provenance.Stored && !row.ProvenanceAt.Before(at) {
		return nil
	}
	f.keepSibling(ctx, u, file, b, digestOf(b), func(r *Row, s Sibling) { r.Provenance, r.ProvenanceAt = s, at })
	return nil
}

// ProvenanceAt returns when the stored provenance document of a file was read; zero if there is none.
func (f *Files) ProvenanceAt(ctx context.Context, u upstream.Upstream, file page.File) time.Time {
	row, err := f.row(ctx, keyOf(u, file))
	if err != nil || !row.Provenance.Stored {
		return time.Time{}
	}
	return row.ProvenanceAt
}
