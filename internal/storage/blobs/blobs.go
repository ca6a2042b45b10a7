// Package blobs keeps bytes under keys that name their content: in a folder, or in any bucket that gocloud.dev opens.
//
// It guarantees that Keep and Put return nil only once the bytes are durable (in a folder: the file and every directory
// above it that was touched are synced), that a key is never seen with part of its bytes, and that one which exists is
// never written again. It does not look into the bytes: who calls Keep has hashed them.
package blobs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gocloud.dev/blob/memblob"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// Options are the settings of a store; the zero value works.
type Options struct {
	// TempDir is where stages of a bucket lie, os.TempDir by default. Stages of a folder lie in the folder.
	TempDir string
}

// Blobs is a store of bytes. It is safe for concurrent use, also by several processes on one folder or bucket.
type Blobs struct{ store }

// store is what a folder and a bucket do each in their own way. Keys are checked before they come here.
type store interface {
	stage(ctx context.Context) (*stage, error)
	keep(ctx context.Context, key string, s *stage) error
	open(ctx context.Context, key string) (catalog.Blob, int64, error)
	remove(ctx context.Context, key string) error
	sweep(ctx context.Context, before time.Time) error
	ping(ctx context.Context) error
	close() error
}

var _ catalog.Blobs = (*Blobs)(nil)

// Open opens a store by its URL: file:///folder, which is made where it is missing, or mem:// for one that is forgotten
// at the end of the process. Another scheme, or a folder that cannot be made, is an error that says what to change.
func Open(_ context.Context, raw string, o Options) (*Blobs, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the storage URL %q: %w", raw, err)
	}
	switch u.Scheme {
	case "file":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return nil, fmt.Errorf("the storage URL %q needs an absolute path: file:///var/lib/index/blobs", raw)
		}
		f, err := openFolder(u.Path)
		return &Blobs{f}, err
	case "mem":
		return &Blobs{&bucket{b: memblob.OpenBucket(nil), temp: o.TempDir}}, nil
	}
	return nil, fmt.Errorf("storage of kind %q is not in this program: use file:///folder or mem://", u.Scheme)
}

// Stage returns an empty stage, a file of mode 0600. A full disk is fault.Unavailable.
func (b *Blobs) Stage(ctx context.Context) (catalog.Stage, error) {
	s, err := b.stage(ctx)
	if err != nil {
		return nil, trouble(err, "making room for an upload")
	}
	return s, nil
}

// Keep makes a stage of this store durable under key. fault.Unavailable for whatever the disk or bucket refuses: the
// stage is as it was, so the call can be repeated.
func (b *Blobs) Keep(ctx context.Context, key string, s catalog.Stage) error {
	if err := checkKey(key); err != nil {
		return err
	}
	st, ok := s.(*stage)
	if !ok {
		return fmt.Errorf("keeping %s: a stage of another store", key)
	}
	if err := b.keep(ctx, key, st); err != nil {
		return trouble(err, "keeping "+key)
	}
	return nil
}

// Put keeps a few bytes.
func (b *Blobs) Put(ctx context.Context, key string, v []byte) error {
	s, err := b.Stage(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Discard() }()
	if _, err := io.Copy(s, bytes.NewReader(v)); err != nil {
		return err
	}
	return b.Keep(ctx, key, s)
}

// Open returns what is kept under key, and its size. fault.NotFound where nothing is.
func (b *Blobs) Open(ctx context.Context, key string) (catalog.Blob, int64, error) {
	if err := checkKey(key); err != nil {
		return nil, 0, err
	}
	r, n, err := b.open(ctx, key)
	if err != nil {
		return nil, 0, trouble(err, "opening "+key)
	}
	return r, n, nil
}

// Delete removes a key, and is content where there is none.
func (b *Blobs) Delete(ctx context.Context, key string) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := b.remove(ctx, key); err != nil {
		return trouble(err, "deleting "+key)
	}
	return nil
}

// SweepStages removes stages last written before t.
func (b *Blobs) SweepStages(ctx context.Context, t time.Time) error { return b.sweep(ctx, t) }

// Ping returns nil while the store can be reached and written to.
func (b *Blobs) Ping(ctx context.Context) error { return b.ping(ctx) }

// Close lets go of the store.
func (b *Blobs) Close() error { return b.close() }

var keyForm = regexp.MustCompile(`\A(?:files|metadata)/([0-9a-f]{2})/([0-9a-f]{64})\z`)

// checkKey keeps out what is no key of the catalog, before it can mean a path.
func checkKey(key string) error {
	m := keyForm.FindStringSubmatch(key)
	if m == nil || !strings.HasPrefix(m[2], m[1]) {
		return fmt.Errorf("%.100q is no key of a blob", key)
	}
	return nil
}

// trouble gives an error of the disk or bucket its kind: what is not there is NotFound, all else may pass.
func trouble(err error, doing string) error {
	if missing(err) {
		return fault.Wrap(fault.NotFound, err, "%s: there is nothing", doing)
	}
	return fault.Wrap(fault.Unavailable, err, "the storage does not work just now: try again, and tell the operator if it lasts")
}
