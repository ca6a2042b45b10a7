package files

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// maxSibling is the size of the largest metadata or provenance document, in bytes.
const maxSibling = 10 << 20

// provenanceFor is how long a provenance document is served before it is read again: publishers may add attestations.
const provenanceFor = 24 * time.Hour

// call is a request for a sibling. All callers that want it at the same time share one.
type call struct {
	key        Key
	provenance bool
	startup    bool
}

type calling struct {
	done     chan struct{}
	document []byte
	sum      string
	err      error
}

// once runs f for all callers of c that come before it ends. f outlives a caller that leaves.
func (f *Files) once(ctx context.Context, c call, get func(context.Context) ([]byte, string, error)) ([]byte, string,
	error,
) {
	f.mu.Lock()
	one, found := f.calls[c]
	if !found {
		one = &calling{done: make(chan struct{})}
		f.calls[c] = one
		flying, stop := context.WithCancel(context.WithoutCancel(ctx))
		unhook := context.AfterFunc(f.base, stop)
		f.work.Go(func() {
			defer unhook()
			defer stop()
			one.document, one.sum, one.err = get(flying)
			f.mu.Lock()
			delete(f.calls, c)
			f.mu.Unlock()
			close(one.done)
		})
	}
	f.mu.Unlock()
	select {
	case <-one.done:
		return one.document, one.sum, one.err
	case <-ctx.Done():
		return nil, "", context.Cause(ctx)
	}
}

// Metadata returns the core metadata of a file (PEP 658), and its SHA-256 in hex. If the upstream offers none, it is
// read from the stored content of a wheel.
//
// It returns fault.NotFound if there is none, fault.Denied with ErrNotHeld if it is not stored and may not be fetched,
// and an *upstream.Failure, of kind Wrong if the upstream sent other content than it states.
func (f *Files) Metadata(ctx context.Context, u upstream.Upstream, file page.File,
	mayFetch bool,
) ([]byte, string, error) {
	row, err := f.row(ctx, keyOf(u, file))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, "", err
	}
	stated := file.MetadataSHA256
	if b, err := f.keptMetadata(ctx, row, stated); err == nil || !fault.Is(err, fault.NotFound) {
		return b, row.Metadata.SHA256, err
	}
	if !mayFetch || !file.Metadata {
		b, sum, err := f.metadataOf(ctx, row)
		if file.Metadata && (fault.Is(err, fault.NotFound) || err == nil && stated != "" && sum != stated) {
			err = notHeld(file.Filename + ".metadata")
		}
		if err != nil {
			return nil, "", err
		}
		return b, sum, nil
	}
	return f.once(ctx, call{key: keyOf(u, file)}, func(ctx context.Context) ([]byte, string, error) {
		// The row may be some seconds old, and another replica may have kept the document since.
		if now, err := f.read(ctx, keyOf(u, file)); err == nil {
			row = now
			if b, err := f.keptMetadata(ctx, row, stated); err == nil {
				return b, row.Metadata.SHA256, nil
			}
		}
		return f.fetchMetadata(ctx, u, file, row)
	})
}

// keptMetadata returns the stored metadata of a row, or fault.NotFound if there is none with the stated digest.
func (f *Files) keptMetadata(ctx context.Context, row Row, stated string) ([]byte, error) {
	if !row.Metadata.Stored || stated != "" && stated != row.Metadata.SHA256 {
		return nil, fault.New(fault.NotFound, "the metadata of %s is not stored", row.Filename)
	}
	return f.sibling(ctx, row, row.Metadata)
}

// fetchMetadata asks the upstream for metadata, and keeps it.
func (f *Files) fetchMetadata(ctx context.Context, u upstream.Upstream, file page.File,
	row Row,
) ([]byte, string, error) {
	c := call{key: keyOf(u, file)}
	if err := f.refusedFor(u, c, file.Filename+".metadata"); err != nil {
		return nil, "", err
	}
	b, err := f.fetchSibling(ctx, u, file.MetadataURL())
	if err != nil {
		var why *upstream.Failure
		if errors.As(err, &why) && why.Kind == upstream.Absent {
			if b, sum, err := f.metadataOf(ctx, row); err == nil && (file.MetadataSHA256 == "" || file.MetadataSHA256 == sum) {
				return b, sum, nil
			}
			wrong := *why
			wrong.Kind = upstream.Wrong
			err = &wrong
		}
		return nil, "", err
	}
	sum := digestOf(b)
	want := file.MetadataSHA256
	if want == "" {
		want = row.Metadata.SHA256 // of the first time
	}
	if want != "" && want != sum {
		return nil, "", f.wrongSibling(ctx, u, file, c, want, sum)
	}
	f.keepSibling(ctx, u, file, b, sum, func(r *Row, s Sibling) { r.Metadata = s })
	return b, sum, nil
}

// refusedFor returns a failure while a sibling with other content than stated is not asked for again.
func (f *Files) refusedFor(u upstream.Upstream, c call, what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	wait := f.refused[c].Sub(f.o.Now())
	if wait <= 0 {
		delete(f.refused, c)
		return nil
	}
	return &upstream.Failure{
		Upstream: u.Name, Kind: upstream.Wrong, RetryAfter: wait,
		Err: fmt.Errorf("it sent other content than it states for %s, and is asked again in %s", what,
			wait.Round(time.Second)),
	}
}

// wrongSibling raises the alarm about metadata with another digest than stated, and returns the error.
func (f *Files) wrongSibling(ctx context.Context, u upstream.Upstream, file page.File, c call, want, got string) error {
	f.counters.mismatches.Add(1)
	f.mu.Lock()
	if len(f.refused) < mostRemembered {
		f.refused[c] = f.o.Now().Add(f.times.block)
	}
	f.mu.Unlock()
	f.log.Error("an upstream sent other metadata than it states", "upstream", u.Name, "file", file.Filename,
		"stated", want, "sent", got)
	row := f.newRow(c.key, file)
	row.SHA256 = file.SHA256
	f.alarm(ctx, row, "upstream.mismatch",
		map[string]any{"stated": want, "sent": got, "of": "metadata"}, func(*Row) bool { return true })
	return &upstream.Failure{
		Upstream: u.Name, Kind: upstream.Wrong,
		Err: fmt.Errorf("it sent other content than it states for %s.metadata", file.Filename),
	}
}

// metadataOf reads the metadata from the stored content of a wheel, or returns fault.NotFound.
func (f *Files) metadataOf(ctx context.Context, row Row) ([]byte, string, error) {
	none := fault.New(fault.NotFound, "there is no metadata of %s", row.Filename)
	name, err := packaging.ParseProjectName(row.Project)
	if err != nil || !row.Stored || packaging.KindOf(row.Filename) != packaging.Wheel {
		return nil, "", none
	}
	filename, err := packaging.ParseFilename(row.Filename, name)
	if err != nil {
		return nil, "", none
	}
	b, size, err := f.keeper.Find(ctx, row.stored())
	if err != nil {
		return nil, "", err
	}
	defer b.Close()
	limits := archive.DefaultLimits()
	limits.Metadata = min(limits.Metadata, maxSibling)
	contents, err := archive.Inspect(readerAt(b), size, filename, limits, archive.Rules{})
	if fault.Is(err, fault.Invalid) {
		return nil, "", none
	}
	if err != nil {
		return nil, "", err
	}
	return contents.Metadata, digestOf(contents.Metadata), nil
}

// readerAt returns a blob as an io.ReaderAt.
func readerAt(b custody.Blob) io.ReaderAt {
	if r, ok := b.(io.ReaderAt); ok {
		return r
	}
	return &seeking{from: b}
}

// seeking is an io.ReaderAt over a blob of an object store.
type seeking struct {
	mu   sync.Mutex
	from io.ReadSeeker
}

// ReadAt implements io.ReaderAt.
func (s *seeking) ReadAt(p []byte, off int64) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.from.Seek(off, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.ReadFull(s.from, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	return n, err
}

// Provenance returns the provenance document of a file (PEP 740), as the upstream states it: nothing in it was
// verified. A stored document is a day old at most, unless the upstream fails or may not be asked.
//
// It returns fault.NotFound if there is none, fault.Denied with ErrNotHeld if it is not stored and may not be fetched,
// and an *upstream.Failure.
func (f *Files) Provenance(ctx context.Context, u upstream.Upstream, file page.File, mayFetch bool) ([]byte, error) {
	if file.Provenance == "" {
		return nil, fault.New(fault.NotFound, "there is no provenance of %s", file.Filename)
	}
	row, err := f.row(ctx, keyOf(u, file))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return nil, err
	}
	var held []byte
	if row.Provenance.Stored {
		held, err = f.sibling(ctx, row, row.Provenance)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		if held != nil && (!mayFetch || f.o.Now().Sub(row.ProvenanceAt) < provenanceFor) {
			return held, nil
		}
	}
	if !mayFetch {
		return nil, notHeld("the provenance of " + file.Filename)
	}
	b, _, err := f.once(ctx, call{key: keyOf(u, file), provenance: true},
		func(ctx context.Context) ([]byte, string, error) {
			b, err := f.fetchSibling(ctx, u, file.Provenance)
			if err == nil && !isObject(b) {
				err = &upstream.Failure{
					Upstream: u.Name, Kind: upstream.Wrong,
					Err: fmt.Errorf("the provenance of %s is not a JSON object", file.Filename),
				}
			}
			if err != nil {
				return nil, "", err
			}
			at := f.changes.Clock()
			f.keepSibling(ctx, u, file, b, digestOf(b), func(r *Row, s Sibling) { r.Provenance, r.ProvenanceAt = s, at })
			return b, "", nil
		})
	var why *upstream.Failure
	if errors.As(err, &why) && held != nil {
		return held, nil
	}
	if why != nil && why.Kind == upstream.Absent {
		return nil, fault.Wrap(fault.NotFound, err, "there is no provenance of %s", file.Filename)
	}
	return b, err
}

// isObject reports whether a document is a JSON object.
func isObject(b []byte) bool {
	b = bytes.TrimLeft(b, " \t\r\n")
	return len(b) > 0 && b[0] == '{' && json.Valid(b)
}

// fetchSibling asks the upstream for a small document.
func (f *Files) fetchSibling(ctx context.Context, u upstream.Upstream, at string) ([]byte, error) {
	f.counters.fetches.Add(1)
	body, err := f.fetcher.Open(ctx, u, at, maxSibling)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, maxSibling+1))
	f.counters.fromUpstream.Add(int64(len(b)))
	if err != nil {
		return nil, err
	}
	if len(b) > maxSibling {
		return nil, &upstream.Failure{
			Upstream: u.Name, Kind: upstream.Wrong, Err: fmt.Errorf("a document has more than %d MiB", maxSibling>>20),
		}
	}
	return b, nil
}

// sibling reads a stored document, or returns fault.NotFound.
func (f *Files) sibling(ctx context.Context, row Row, s Sibling) ([]byte, error) {
	b, size, err := f.keeper.Find(ctx, s.stored())
	if err != nil {
		f.forget(row.Key)
		return nil, err
	}
	defer b.Close()
	f.used(row.Key)
	f.counters.fromStore.Add(size)
	return io.ReadAll(b)
}

// keepSibling stores a document within the limits. Its callers have it already, so that a failure is only logged.
func (f *Files) keepSibling(ctx context.Context, u upstream.Upstream, file page.File, b []byte, sum string,
	set func(*Row, Sibling),
) {
	size := int64(len(b))
	if f.low(ctx, size) || !f.fits(ctx, size) {
		return
	}
	row := f.newRow(keyOf(u, file), file)
	row.SHA256 = file.SHA256
	s := Sibling{SHA256: sum, Size: size, Stored: true}
	err := f.commitPart(ctx, row, s.stored(), func(h custody.Held) error {
		stage, err := f.keeper.LooseStage(ctx)
		if err != nil {
			return err
		}
		defer stage.Discard()
		if _, err := stage.Write(b); err != nil {
			return err
		}
		return f.keeper.Keep(ctx, h, stage)
	}, func(now *Row, generation string) error {
		s.Generation = generation
		set(now, s)
		return nil
	})
	if err != nil && ctx.Err() == nil {
		f.log.Warn("a document of an upstream was not kept", "upstream", u.Name, "file", file.Filename, "error", err)
	}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
