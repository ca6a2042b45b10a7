package storagetest

import (
	"context"
	"time"

	"pyindex/internal/custody"
)

// FaultyBlobs is a blob store with an injectable failure. Use the methods of Faults to select the failing step.
type FaultyBlobs struct {
	Faults
	Blobs custody.Blobs
}

var _ custody.Blobs = (*FaultyBlobs)(nil)

type faultyStage struct {
	custody.Stage
	faults *Faults
}

func (s faultyStage) Write(p []byte) (n int, err error) {
	err = s.faults.step("write", func() (err error) { n, err = s.Stage.Write(p); return err })
	return n, err
}

// Stage implements custody.Blobs.
func (b *FaultyBlobs) Stage(ctx context.Context) (custody.Stage, error) {
	var inner custody.Stage
	err := b.step("stage", func() (err error) { inner, err = b.Blobs.Stage(ctx); return err })
	if err != nil {
		return nil, err
	}
	return faultyStage{inner, &b.Faults}, nil
}

// Keep implements custody.Blobs.
func (b *FaultyBlobs) Keep(ctx context.Context, key string, s custody.Stage) error {
	if f, ok := s.(faultyStage); ok {
		s = f.Stage
	}
	return b.step("keep", func() error { return b.Blobs.Keep(ctx, key, s) })
}

// Put implements custody.Blobs.
func (b *FaultyBlobs) Put(ctx context.Context, key string, p []byte) error {
	return b.step("put", func() error { return b.Blobs.Put(ctx, key, p) })
}

// Link implements custody.Blobs.
func (b *FaultyBlobs) Link(ctx context.Context, key string, size int64) (to string, err error) {
	err = b.step("link", func() (err error) { to, err = b.Blobs.Link(ctx, key, size); return err })
	return to, err
}

// Open implements custody.Blobs.
func (b *FaultyBlobs) Open(ctx context.Context, key string) (out custody.Blob, size int64, err error) {
	err = b.step("open", func() (err error) { out, size, err = b.Blobs.Open(ctx, key); return err })
	if err != nil && out != nil {
		out.Close()
		return nil, 0, err
	}
	return out, size, err
}

// Size implements custody.Blobs.
func (b *FaultyBlobs) Size(ctx context.Context, key string) (n int64, err error) {
	err = b.step("size", func() (err error) { n, err = b.Blobs.Size(ctx, key); return err })
	return n, err
}

// Each implements custody.Blobs.
func (b *FaultyBlobs) Each(ctx context.Context, f func(custody.Object) error) error {
	return b.step("each", func() error { return b.Blobs.Each(ctx, f) })
}

// Delete implements custody.Blobs.
func (b *FaultyBlobs) Delete(ctx context.Context, key string) error {
	return b.step("delete", func() error { return b.Blobs.Delete(ctx, key) })
}

// SweepStages implements custody.Blobs.
func (b *FaultyBlobs) SweepStages(ctx context.Context, t time.Time) error {
	return b.step("sweep", func() error { return b.Blobs.SweepStages(ctx, t) })
}
