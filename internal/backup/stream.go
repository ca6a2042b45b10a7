package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"

	"pyindex/internal/fault"
)

// Stream writes a backup with one snapshot to w as a tar file: the parts of the snapshot, the content, and at last the
// manifest. A stream without it is incomplete. The rows are kept in a temporary file first, so that a slow reader does
// not hold back the database.
func Stream(ctx context.Context, w io.Writer, o Options) (Manifest, error) {
	r, err := newRun(o)
	if err != nil {
		return Manifest{}, err
	}
	r.place = "-"
	if r.space, err = os.MkdirTemp("", "index-backup-"); err != nil {
		return Manifest{}, explain("no temporary folder can be created", err)
	}
	defer os.RemoveAll(r.space)
	t := tar.NewWriter(w)
	err = r.leased(ctx, func(ctx context.Context) error {
		if err := r.rows(ctx); err != nil {
			return err
		}
		return r.stream(ctx, t)
	})
	if err != nil {
		return Manifest{}, err
	}
	return r.result(r.record(ctx))
}

// stream writes everything after the rows were read.
func (r *run) stream(ctx context.Context, t *tar.Writer) error {
	if err := tarFile(t, markFile, []byte(markText), r.m.StartedAt); err != nil {
		return explain("the backup cannot be written", err)
	}
	for _, p := range r.m.Files {
		if err := r.streamPart(t, p); err != nil {
			return explain("the backup cannot be written", err)
		}
	}
	if !r.RowsOnly {
		if err := r.streamContent(ctx, t); err != nil {
			return err
		}
	}
	r.m.FinishedAt = r.Now().UTC().Truncate(time.Microsecond)
	b, err := json.MarshalIndent(r.m, "", "  ")
	if err == nil {
		err = r.alive(ctx)
	}
	if err == nil {
		err = tarFile(t, snapshotsDir+"/"+r.m.ID+"/"+manifestFile, append(b, '\n'), r.m.StartedAt)
	}
	if err == nil {
		err = t.Close()
	}
	return explain("the backup cannot be written", err)
}

func (r *run) streamPart(t *tar.Writer, p Part) error {
	f, err := os.Open(filepath.Join(r.space, p.Path))
	if err != nil {
		return err
	}
	defer f.Close()
	err = t.WriteHeader(&tar.Header{
		Name: snapshotsDir + "/" + r.m.ID + "/" + p.Path, Mode: 0o600, Size: p.Size, ModTime: r.m.StartedAt,
	})
	if err == nil {
		_, err = io.Copy(t, f)
	}
	return err
}

// streamContent writes the content of the snapshot.
func (r *run) streamContent(ctx context.Context, t *tar.Writer) error {
	r.Progress.Step("copying content", "object", r.m.Objects)
	f, err := os.Open(filepath.Join(r.space, contentFile))
	if err != nil {
		return explain("the list of content cannot be read", err)
	}
	defer f.Close()
	z, err := newDecoder(f)
	if err != nil {
		return err
	}
	defer z.Close()
	buffer := make([]byte, copyBuffer)
	return EachContent(z, func(c Content) error {
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		return r.streamOne(ctx, t, c, buffer)
	})
}

// streamOne writes one object. The header of a tar file states the size first, so damaged content may be in the stream;
// the manifest says so, and its digest is not its name.
func (r *run) streamOne(ctx context.Context, t *tar.Writer, c Content, buffer []byte) error {
	from, size, err := r.open(ctx, c)
	if fault.Is(err, fault.NotFound) {
		r.lack(c, "missing")
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	if c.Size >= 0 && size != c.Size {
		r.lack(c, "damaged: it has another size")
		return nil
	}
	h := sha256.New()
	err = t.WriteHeader(&tar.Header{Name: c.Path(), Mode: 0o600, Size: size, ModTime: r.m.StartedAt})
	if err == nil {
		_, err = io.CopyBuffer(io.MultiWriter(h, t), struct{ io.Reader }{from}, buffer)
	}
	if err == nil && hex.EncodeToString(h.Sum(nil)) != c.SHA256 {
		// The name in the tar file is the digest, so whoever restores it finds the damage.
		r.lack(c, "damaged: it has another SHA-256")
		return nil
	}
	if errors.Is(err, tar.ErrWriteTooLong) {
		err = fault.Wrap(fault.Unavailable, err, "stored content changed while it was read")
	}
	if err == nil {
		if c.Size < 0 {
			r.m.Bytes += size
		}
		r.Progress.Add(1, size)
	}
	return explain("the backup cannot be written", err)
}
