package blobs

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"gocloud.dev/blob"
	"gocloud.dev/gcerrors"

	"pyindex/internal/catalog"
)

// bucket keeps bytes in whatever gocloud.dev opened. Stages lie in a local folder, where the gate can read them.
type bucket struct {
	b    *blob.Bucket
	temp string // "" is os.TempDir
}

func (b *bucket) dir() string {
	if b.temp != "" {
		return b.temp
	}
	return os.TempDir()
}

func (b *bucket) stage(context.Context) (*stage, error) { return newStage(b.dir()) }

// keep writes the key only where it is absent. A failed copy is cancelled before Close, which would commit the part.
func (b *bucket) keep(ctx context.Context, key string, s *stage) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.b.NewWriter(ctx, key, &blob.WriterOptions{IfNotExist: true, ContentType: "application/octet-stream"})
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, io.NewSectionReader(s.f, 0, s.size)); err != nil {
		cancel()
		return errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil && gcerrors.Code(err) != gcerrors.FailedPrecondition {
		return err
	}
	return nil
}

func (b *bucket) open(ctx context.Context, key string) (catalog.Blob, int64, error) {
	a, err := b.b.Attributes(ctx, key)
	if err != nil {
		return nil, 0, err
	}
	return &ranged{ctx: ctx, b: b.b, key: key, size: a.Size}, a.Size, nil
}

func (b *bucket) remove(ctx context.Context, key string) error {
	err := b.b.Delete(ctx, key)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil
	}
	return err
}

func (b *bucket) sweep(_ context.Context, t time.Time) error { return sweepStages(b.dir(), t) }

func (b *bucket) ping(ctx context.Context) error {
	_, err := b.b.IsAccessible(ctx)
	return err
}

func (b *bucket) close() error { return b.b.Close() }

// missing reports whether an error says that there is nothing under a name.
func missing(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || gcerrors.Code(err) == gcerrors.NotFound
}
