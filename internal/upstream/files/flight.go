package files

import (
	"context"
	"errors"
	"io"
	"slices"
	"sync"
	"time"

	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// flight is one download of a file, for all its readers.
type flight struct {
	files *Files
	key   Key
	u     upstream.Upstream
	file  page.File
	stop  context.CancelFunc

	mu       sync.Mutex
	news     chan struct{} // closed and replaced when something changes
	streams  map[*Stream]struct{}
	spool    spool
	size     int64 // of the file in bytes, -1 if unknown
	exact    bool  // the upstream's response has this size, so that it cannot end earlier
	released int64 // number of bytes that readers may have
	whole    bool  // the file is complete and verified
	dead     bool  // nobody may join
	ended    bool  // the download, and keeping the file, are done
	err      error
	inMemory bool    // occupies a slot
	startup  Startup // of the whole file
}

// join adds a reader to the flight of a file, and begins one if there is none. It reports whether it did.
func (f *Files) join(ctx context.Context, u upstream.Upstream, file page.File) (s *Stream, first bool) {
	k := keyOf(u, file)
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.flights[k]; fl != nil {
		if s := fl.add(ctx, file.SHA256, f.times.follower); s != nil {
			return s, false
		}
	}
	flying, stop := context.WithCancel(context.WithoutCancel(ctx))
	fl := &flight{
		files:   f,
		key:     k,
		u:       u,
		file:    file,
		stop:    stop,
		news:    make(chan struct{}),
		streams: map[*Stream]struct{}{},
		size:    file.Size,
	}
	f.flights[k] = fl
	s = fl.add(ctx, file.SHA256, f.times.whole)
	unhook := context.AfterFunc(f.base, stop)
	f.work.Go(func() {
		defer unhook()
		defer stop()
		fl.end(fl.run(flying))
	})
	return s, true
}

// add returns a new reader who knows a digest, or nil if the flight can no longer be joined. wait is how long the
// reader waits for a whole file.
func (fl *flight) add(ctx context.Context, stated string, wait time.Duration) *Stream {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if fl.dead || fl.ended {
		return nil
	}
	s := &Stream{ctx: ctx, flight: fl, stated: stated, until: time.Now().Add(wait), lost: !fl.spool.all()}
	fl.streams[s] = struct{}{}
	return s
}

// leave removes a reader. The last one stops the download unless more than half of the file is there.
func (fl *flight) leave(s *Stream) error {
	fl.mu.Lock()
	if s.closed {
		fl.mu.Unlock()
		return nil
	}
	s.closed = true
	delete(fl.streams, s)
	alone := len(fl.streams) == 0
	stop := alone && !fl.whole && !fl.ended && (fl.inMemory || fl.size < 0 || fl.spool.end*2 <= fl.size)
	if stop {
		fl.dead = true
	}
	fl.change()
	fl.mu.Unlock()
	if stop {
		fl.stop()
		fl.remove()
	}
	return fl.free()
}

// remove takes the flight off the map, so that the next reader begins another one.
func (fl *flight) remove() {
	fl.files.mu.Lock()
	defer fl.files.mu.Unlock()
	if fl.files.flights[fl.key] == fl {
		delete(fl.files.flights, fl.key)
	}
}

// end records the outcome of the flight.
func (fl *flight) end(err error) {
	fl.mu.Lock()
	fl.ended, fl.dead = true, true
	if !fl.whole {
		fl.err = err
	}
	fl.change()
	fl.mu.Unlock()
	fl.remove()
	if err := fl.free(); err != nil {
		fl.files.log.Warn("a staged download cannot be removed", "error", err)
	}
}

// free frees the bytes of a flight that ended and has no readers.
func (fl *flight) free() error {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	if !fl.ended || len(fl.streams) > 0 {
		return nil
	}
	if fl.inMemory {
		fl.inMemory = false
		<-fl.files.slots
	}
	return fl.spool.discard()
}

// change wakes everybody who waits. The lock is held.
func (fl *flight) change() {
	close(fl.news)
	fl.news = make(chan struct{})
}

// release lets readers have what arrived, except the end. The lock is held.
func (fl *flight) release() {
	free := fl.spool.end - holdBack
	if fl.exact {
		free = min(fl.spool.end, fl.size-holdBack)
	}
	if fl.whole {
		free = fl.spool.end
	}
	if free > fl.released {
		fl.released = free
	}
	fl.change()
}

// take reads for a stream what is there, or returns a channel that is closed when there may be more.
func (fl *flight) take(s *Stream, p []byte) (n int, news <-chan struct{}, err error) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	switch {
	case s.closed:
		return 0, nil, errors.New("read from a closed stream")
	case fl.err != nil:
		return 0, nil, fl.err
	case s.lost:
		return 0, nil, errSlow
	case fl.asks(s):
		return 0, nil, errAsk
	case s.off >= fl.released && fl.whole:
		return 0, nil, io.EOF
	case s.off >= fl.released:
		return 0, fl.news, nil
	}
	p = p[:min(int64(len(p)), fl.released-s.off)]
	if s.off >= fl.spool.onDisk {
		n = fl.spool.peek(p, s.off)
	} else {
		p = p[:min(int64(len(p)), fl.spool.onDisk-s.off)]
		stage, off := fl.spool.stage, s.off
		fl.mu.Unlock() // the stage remains: this reader keeps it
		n, err = stage.ReadAt(p, off)
		fl.mu.Lock()
		switch {
		case n == len(p) || err == io.EOF && n > 0:
			err = nil
		case err == io.EOF: // the end of the stage is not that of the file
			err = io.ErrUnexpectedEOF
		}
	}
	s.off += int64(n)
	if len(fl.spool.memory) > 0 {
		fl.change() // the download may be waiting for this reader
	}
	return n, nil, err
}

// errAsk says that a reader must be admitted to a file before it gets more.
var errAsk = errors.New("the file has start-up files, or a digest that the reader does not know")

// asks reports whether a reader must be admitted first. The lock is held.
func (fl *flight) asks(s *Stream) bool {
	return fl.whole && !s.admitted && (fl.startup != Startup{} || fl.file.SHA256 != s.stated)
}

// admit lets the reader have the end of a file with start-up files, or with another digest than the reader knows, if
// the repository of the reader serves such a file.
func (s *Stream) admit() error {
	fl := s.flight
	if err := fl.files.mayServe(s.ctx, fl.u, fl.found(), s.stated, fl.startup); err != nil {
		return err
	}
	fl.mu.Lock()
	defer fl.mu.Unlock()
	s.admitted = true
	return nil
}

// found returns the file as it is known now.
func (fl *flight) found() page.File {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	return fl.file
}

// wholeFor returns the whole file, or a channel that is closed when it may be there. It returns neither if it never
// will be, or is too large to wait for.
func (fl *flight) wholeFor(s *Stream) (*spooled, <-chan struct{}, error) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	switch {
	case fl.err != nil:
		return nil, nil, fl.err
	case !fl.spool.all() || s.lost || fl.size < 0 || fl.size > maxWhole:
		return nil, nil, nil
	case !fl.whole:
		return nil, fl.news, nil
	case fl.asks(s):
		return nil, nil, errAsk
	}
	return fl.blob(s), nil, nil
}

// blob returns the whole file, which is all there. The lock is held.
func (fl *flight) blob(s *Stream) *spooled {
	return &spooled{SectionReader: io.NewSectionReader(fl, 0, fl.spool.end), stream: s}
}

// ReadAt reads the whole file.
func (fl *flight) ReadAt(p []byte, off int64) (n int, err error) {
	fl.mu.Lock()
	onDisk, stage := fl.spool.onDisk, fl.spool.stage
	if off >= onDisk {
		n = fl.spool.peek(p, off)
		fl.mu.Unlock()
	} else {
		fl.mu.Unlock()
		n, err = stage.ReadAt(p[:min(int64(len(p)), onDisk-off)], off)
		if n > 0 && err == nil && n < len(p) {
			var m int
			m, err = fl.ReadAt(p[n:], off+int64(n))
			n += m
		}
	}
	if n < len(p) && err == nil {
		err = io.EOF
	}
	return n, err
}

// first waits until the file can be answered: until the flight has a byte for its readers, is whole, or failed. It
// closes the stream if it returns an error.
func (s *Stream) first(ctx context.Context, first bool) (Opened, error) {
	var late <-chan time.Time
	if !first {
		timer := time.NewTimer(s.flight.files.times.follower)
		defer timer.Stop()
		late = timer.C
	}
	for {
		o, news, err := s.flight.opened(s)
		if errors.Is(err, errAsk) {
			if err = s.admit(); err == nil {
				continue
			}
		}
		if err != nil {
			s.Close()
			return Opened{}, err
		}
		if news == nil {
			return o, nil
		}
		select {
		case <-news:
		case <-late:
			s.Close()
			return Opened{}, busy(s.flight.u, "its file is still arriving for another client")
		case <-ctx.Done():
			s.Close()
			return Opened{}, context.Cause(ctx)
		}
	}
}

// finish waits until the file is verified and kept, or failed.
func (s *Stream) finish(ctx context.Context) error {
	fl := s.flight
	for {
		fl.mu.Lock()
		ended, err, news := fl.ended, fl.err, fl.news
		s.off = fl.released // it reads nothing, and holds up nobody
		fl.mu.Unlock()
		if ended {
			if errors.Is(err, errElsewhere) {
				err = nil
			}
			return err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// opened returns the answer for a reader that has read nothing, or a channel that is closed when there may be one.
func (fl *flight) opened(s *Stream) (Opened, <-chan struct{}, error) {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	o := Opened{Size: fl.size, SHA256: fl.file.SHA256}
	switch {
	case fl.err != nil:
		return o, nil, fl.err
	case fl.asks(s):
		return o, nil, errAsk
	case s.lost:
		return o, nil, busy(fl.u, "its file is being downloaded without room to store it")
	case fl.whole && fl.spool.all():
		o.Blob, o.Ranges = fl.blob(s), true
	case fl.released > 0:
		o.Stream, o.Ranges = s, fl.size >= 0 && fl.size <= maxWhole && fl.spool.all()
	default:
		return o, fl.news, nil
	}
	return o, nil, nil
}

// room waits until memory has room for n more bytes. It drops what every reader has read, and readers that are too slow
// while others wait. It returns an error if nobody reads any longer.
func (fl *flight) room(ctx context.Context, n int) error {
	timer := time.NewTimer(fl.files.times.slow)
	defer timer.Stop()
	for late := false; ; {
		fl.mu.Lock()
		start := fl.spool.startFor(n)
		behind := fl.behind(start)
		if late && len(behind) < len(fl.streams) {
			for _, s := range behind {
				s.lost = true
			}
			fl.change()
			behind = nil
		}
		if len(behind) == 0 {
			fl.spool.dropTo(start)
			fl.mu.Unlock()
			return nil
		}
		news := fl.news
		fl.mu.Unlock()
		select {
		case <-news:
		case <-timer.C:
			late = true
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// behind returns the readers that still need what is before an offset. The lock is held.
func (fl *flight) behind(start int64) []*Stream {
	if start <= fl.spool.start {
		return nil
	}
	var behind []*Stream
	for s := range fl.streams {
		if !s.lost && s.off < start {
			behind = append(behind, s)
		}
	}
	return slices.Clip(behind)
}

func busy(u upstream.Upstream, why string) error {
	return &upstream.Failure{Upstream: u.Name, Kind: upstream.Busy, RetryAfter: 2 * time.Second, Err: errors.New(why)}
}
