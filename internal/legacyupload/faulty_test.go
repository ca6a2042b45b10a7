package legacyupload_test

import (
	"context"
	"testing"
	"time"

	"pyindex/internal/custody"
)

// faulty is a store whose steps may each fail: those of storagetest, and also reading a stage back and discarding it.
type faulty struct {
	custody.Blobs
	b *breaker
}

func breakBytes(t *testing.T, b *breaker) *site {
	return newSite(t, setting{blobs: func(inner custody.Blobs) custody.Blobs { return faulty{inner, b} }})
}

func (f faulty) Stage(ctx context.Context) (s custody.Stage, err error) {
	err = f.b.step(func() (err error) { s, err = f.Blobs.Stage(ctx); return err })
	if err != nil && s != nil {
		_ = s.Discard() // the caller cannot
	}
	return faultyStage{s, f.b}, err
}

func (f faulty) Keep(ctx context.Context, key string, s custody.Stage) error {
	return f.b.step(func() error { return f.Blobs.Keep(ctx, key, s.(faultyStage).Stage) })
}

func (f faulty) Put(ctx context.Context, key string, b []byte) error {
	return f.b.step(func() error { return f.Blobs.Put(ctx, key, b) })
}

func (f faulty) Delete(ctx context.Context, key string) error {
	return f.b.step(func() error { return f.Blobs.Delete(ctx, key) })
}

func (f faulty) SweepStages(ctx context.Context, t time.Time) error {
	return f.b.step(func() error { return f.Blobs.SweepStages(ctx, t) })
}

// faultyStage is a stage whose steps may each fail.
type faultyStage struct {
	custody.Stage
	b *breaker
}

func (s faultyStage) Write(p []byte) (n int, err error) {
	err = s.b.step(func() (err error) { n, err = s.Stage.Write(p); return err })
	return n, err
}

func (s faultyStage) ReadAt(p []byte, at int64) (n int, err error) {
	err = s.b.step(func() (err error) { n, err = s.Stage.ReadAt(p, at); return err })
	return n, err
}

func (s faultyStage) Discard() error { return s.b.step(s.Stage.Discard) }
