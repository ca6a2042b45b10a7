package files

import (
	"context"
	"errors"
	"io"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Opened is a file that can be read. Exactly one of Blob and Stream is set. Close it.
type Opened struct {
	// Blob is the whole, verified file. From a local folder it is an *os.File, so that sendfile works.
	Blob custody.Blob
	// Stream is a file that is still arriving.
	Stream *Stream
	Size   int64  // in bytes, -1 if unknown
	SHA256 string // in hex, for the ETag; "" if no digest is known yet
	// Ranges reports whether a range of the file can be answered: from Blob, or from Stream.Whole.
	Ranges bool
	Stored bool // Blob is from the store
}

// Close frees the file.
func (o Opened) Close() error {
	switch {
	case o.Blob != nil:
		return o.Blob.Close()
	case o.Stream != nil:
		return o.Stream.Close()
	}
	return nil
}

// ErrNotHeld is the error for content that is not in the store, if it may not be fetched.
var ErrNotHeld = errors.New("it is not stored on this index")

// notHeld returns fault.Denied with ErrNotHeld.
func notHeld(filename string) error {
	return fault.Wrap(fault.Denied, ErrNotHeld, "%s is not stored on this index", filename)
}

// errElsewhere ends a flight whose file turned out to be in the store.
var errElsewhere = errors.New("the file is in the store")

// keyOf returns the key of a file.
func keyOf(u upstream.Upstream, file page.File) Key {
	return Key{Upstream: u.Name, Path: file.Path(u.ArtifactBase)}
}

// Open returns a file of an upstream: from the store, or while it is being downloaded, by one download for all callers.
// It returns when there is a first byte, or for a file up to 256 KiB the whole. The file must be read before ctx ends.
//
// It returns an *upstream.Failure if the upstream does not send the file: of kind Wrong if it sent other content, is
// not asked again for a while because of that, or states another digest than before; of kind Busy, with RetryAfter, if
// the download of another caller has no byte yet after some seconds.
func (f *Files) Open(ctx context.Context, u upstream.Upstream, file page.File) (Opened, error) {
	const tries = 3 // the content may be evicted in between
	for range tries {
		o, err := f.openStored(ctx, u, file, asking{fetch: true})
		if err == nil || !fault.Is(err, fault.NotFound) {
			return o, err
		}
		s, first := f.join(ctx, u, file)
		if o, err = s.first(ctx, first); !errors.Is(err, errElsewhere) {
			return o, err
		}
	}
	return Opened{}, fault.New(fault.Unavailable, "%s is being removed and fetched again; try again", file.Filename)
}

// OpenHeld is Open without asking the upstream. It returns fault.Denied with ErrNotHeld if the file is not stored.
func (f *Files) OpenHeld(ctx context.Context, u upstream.Upstream, file page.File) (Opened, error) {
	o, err := f.openStored(ctx, u, file, asking{look: true})
	if fault.Is(err, fault.NotFound) {
		err = notHeld(file.Filename)
	}
	return o, err
}

// Info is what is known of a file without reading it.
type Info struct {
	Size   int64  // in bytes, -1 if unknown
	SHA256 string // in hex, "" if unknown
	Ranges bool   // whether a range would be answered
	Stored bool
}

// Stat describes a file for a HEAD request, without asking the upstream.
func (f *Files) Stat(ctx context.Context, u upstream.Upstream, file page.File) (Info, error) {
	i := Info{Size: file.Size, SHA256: file.SHA256}
	row, err := f.row(ctx, keyOf(u, file))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return i, err
	}
	if err == nil && row.SHA256 != "" {
		i.SHA256, i.Stored = row.SHA256, row.Stored
		if row.Size >= 0 {
			i.Size = row.Size
		}
	}
	i.Ranges = i.Stored || i.Size >= 0 && i.Size <= maxWhole
	return i, nil
}

// Stored reports whether the content of a file is in the store.
func (f *Files) Stored(ctx context.Context, u upstream.Upstream, file page.File) (bool, error) {
	row, err := f.row(ctx, keyOf(u, file))
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return row.Stored, err
}

// row returns the row of a file, which may be some seconds old.
func (f *Files) row(ctx context.Context, k Key) (Row, error) {
	if row, ok := f.recall(k); ok {
		return row, nil
	}
	return f.read(ctx, k)
}

// read returns the row of a file as it is now.
func (f *Files) read(ctx context.Context, k Key) (row Row, err error) {
	err = f.store.View(ctx, func(tx Tx) (err error) {
		row, err = tx.UpstreamFile(ctx, k)
		return err
	})
	if err == nil {
		f.remember(row)
	}
	return row, err
}

// asking says how a stored file is opened.
type asking struct {
	look  bool // read the row if it is not in memory
	fetch bool // upstreams may be asked for earlier versions
	keep  bool // nobody gets the content
}

// openStored opens the content of a file that is known to be stored, or returns fault.NotFound. A wheel is examined
// before, unless it was.
//
// It serves what is stored although the upstream states another digest now, and raises the alarm about that.
func (f *Files) openStored(ctx context.Context, u upstream.Upstream, file page.File, how asking) (Opened, error) {
	k := keyOf(u, file)
	row, ok := f.recall(k)
	if !ok && how.look {
		var err error
		if row, err = f.read(ctx, k); err != nil {
			return Opened{}, err
		}
	}
	if !row.Stored {
		return Opened{}, fault.New(fault.NotFound, "the file is not known to be stored")
	}
	b, size, err := f.keeper.Find(ctx, row.stored())
	if err != nil {
		f.forget(k)
		return Opened{}, err
	}
	if !how.keep {
		if err := f.admit(ctx, u, file, &row, how.fetch); err != nil {
			b.Close()
			return Opened{}, err
		}
	}
	if other := otherDigest(file, row); other != "" && other != row.Changed && f.base.Err() == nil {
		row.Changed = other // remembered, so that it is said once
		f.remember(row)
		row.Changed = ""
		f.work.Go(func() { f.changed(ctx, row, other) })
	}
	f.used(k)
	f.counters.fromStore.Add(size)
	return Opened{Blob: b, Size: size, SHA256: row.SHA256, Ranges: true, Stored: true}, nil
}

// Stream is a file that is still arriving, for one reader. Read waits for the download. Its end comes only if size and
// digest of the file are right; otherwise Read returns an error, and the connection to the client must be aborted.
//
// A stream lives as long as the request that opened it, and therefore holds its context.
type Stream struct {
	ctx    context.Context
	flight *flight
	off    int64     // of the next Read; the flight's lock guards it
	until  time.Time // for which Whole waits
	lost   bool      // too slow for a download in memory
	closed bool
	stated string // SHA-256 that the reader knows, "" if none
	// admitted is set if the reader may have the end of a file with start-up files or another digest.
	admitted bool
}

// errSlow is the error of a stream whose reader was too slow.
var errSlow = errors.New("the client is too slow for a download that cannot be stored")

// Read implements io.Reader.
func (s *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	fl := s.flight
	for {
		n, news, err := fl.take(s, p)
		if errors.Is(err, errAsk) {
			if err = s.admit(); err == nil {
				continue
			}
		}
		if n > 0 || err != nil {
			return n, err
		}
		select {
		case <-news:
		case <-s.ctx.Done():
			return 0, context.Cause(s.ctx)
		}
	}
}

// Close ends the reading. The download goes on if others read it, or if more than half of the file is there.
func (s *Stream) Close() error { return s.flight.leave(s) }

// Whole waits until the file is complete and verified, and returns it. It returns false if that takes more than some
// seconds, or if the file is larger than 50 MiB: then use Read. Close the stream after the Blob.
func (s *Stream) Whole(ctx context.Context) (custody.Blob, bool, error) {
	fl := s.flight
	timer := time.NewTimer(time.Until(s.until))
	defer timer.Stop()
	for {
		b, news, err := fl.wholeFor(s)
		if errors.Is(err, errAsk) {
			if err = s.admit(); err == nil {
				continue
			}
		}
		switch {
		case err != nil:
			return nil, false, err
		case b != nil:
			return b, true, nil
		case news == nil:
			return nil, false, nil
		}
		select {
		case <-news:
		case <-timer.C:
			return nil, false, nil
		case <-ctx.Done():
			return nil, false, context.Cause(ctx)
		}
	}
}

// spooled is a whole file of a flight. Closing it closes its stream.
type spooled struct {
	*io.SectionReader
	stream *Stream
}

// Close implements io.Closer.
func (b spooled) Close() error { return b.stream.Close() }

// projectOf returns the normalized name of the project of a file on a page.
func projectOf(file page.File) string {
	first := ""
	for _, name := range page.Projects(file.Filename) {
		parsed, err := packaging.ParseFilename(file.Filename, name)
		if err == nil && parsed.Version().String() == file.Version {
			return name.String()
		}
		if first == "" {
			first = name.String()
		}
	}
	return first
}
