package files

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/custody"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// Options are the settings of Files.
type Options struct {
	// Limit is the size, in bytes, of the content of upstreams that is kept. Nothing is kept if it is 0.
	Limit int64
	// Space returns the free and the total bytes of the disk that downloads and content use, or false if that is unknown.
	// If it is nil, space is not limited.
	Space func() (free, total int64, ok bool)

	// MayServe is asked before a caller gets the end of a wheel that has start-up files, or of a file with another digest
	// than the caller stated, and before the first byte if that is known by then. file has the digest of the content, and
	// ctx is that of the request. Callers get its error. If it is nil, new start-up files are held.
	MayServe func(ctx context.Context, u upstream.Upstream, project packaging.ProjectName, file page.File,
		s Startup) error
	// Page returns the page of a project that is held, without asking the upstream. If it is nil, no earlier version is
	// known of any file.
	Page    func(ctx context.Context, u upstream.Upstream, project packaging.ProjectName) (page.Page, error)
	Offline bool // no upstream may be asked

	Now   func() time.Time // time.Now
	NewID func() string    // UUIDv7
	Log   *slog.Logger     // slog.Default
}

// DefaultLimit returns the default of Options.Limit for a disk: the smaller of 20 GiB and a tenth of its size.
func DefaultLimit(total int64) int64 { return min(20<<30, max(0, total)/10) }

// Limits of downloads.
const (
	// holdBack is the size of the end of a file that nobody gets before the file is verified.
	holdBack = 256 << 10
	// maxWhole is the size of the largest file of which a range is served while it is not stored.
	maxWhole = 50 << 20
	// piece is the size of one read of a download.
	piece = 128 << 10
	// window is the part of a download, in bytes, that stays in memory if the disk is full.
	window = 8 << 20
	// inMemory is the number of downloads with a window at the same time.
	inMemory = 4
)

// times are the waits of a Files. Tests shorten them.
type times struct {
	follower time.Duration // for the first byte of a download that another client began
	whole    time.Duration // for all of a file whose range was asked for
	slow     time.Duration // for the slowest client of a download in memory
	block    time.Duration // before a file with other content is asked for again
	look     time.Duration // between two looks whether another process has finished the same download
	row      time.Duration // for which a row is remembered
	idle     time.Duration // after the last use before content is evicted
	examine  time.Duration // for the examination of a wheel
	judge    time.Duration // for the examination of an earlier version, while a client waits for the end of its file
	again    time.Duration // for that, while nobody waits
}

func defaultTimes() times {
	return times{
		follower: 5 * time.Second,
		whole:    10 * time.Second,
		slow:     5 * time.Second,
		block:    10 * time.Minute,
		look:     2 * time.Second,
		row:      5 * time.Second,
		idle:     5 * time.Minute,
		examine:  20 * time.Second,
		judge:    8 * time.Second,
		again:    2 * time.Minute,
	}
}

// Files are the files of all upstreams. It is safe for concurrent use.
type Files struct {
	store   Store
	keeper  *custody.Keeper
	fetcher upstream.Fetcher
	o       Options
	times   times
	changes access.Changes[Tx]
	log     *slog.Logger

	base context.Context // of downloads, which outlive the requests that begin them
	stop context.CancelFunc
	work sync.WaitGroup

	slots chan struct{} // of downloads in memory

	mu      sync.Mutex
	flights map[Key]*flight
	rows    map[Key]remembered
	uses    map[Key]time.Time // not written yet
	calls   map[call]*calling
	refused map[call]time.Time // siblings with a wrong digest, and until when they are not asked for again
	queue   queue

	pins     recent[string]
	examined recent[Startup]

	kept     atomic.Int64 // bytes in the store, as last counted and changed since
	evicting sync.Mutex
	counters counters
}

// remembered is a row and when it was read.
type remembered struct {
	row Row
	at  time.Time
}

// mostRemembered bounds the rows and uses in memory.
const mostRemembered = 20_000

// New returns the files of upstreams, which f fetches and k stores. It frees space for uploads to k. Close ends it.
func New(s Store, k *custody.Keeper, f upstream.Fetcher, o Options) *Files {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	x := &Files{
		store:   s,
		keeper:  k,
		fetcher: f,
		o:       o,
		times:   defaultTimes(),
		changes: access.NewChanges(s, o.Now, o.NewID),
		log:     o.Log,
		slots:   make(chan struct{}, inMemory),
		flights: map[Key]*flight{},
		rows:    map[Key]remembered{},
		uses:    map[Key]time.Time{},
		calls:   map[call]*calling{},
		refused: map[call]time.Time{},
		queue:   newQueue(),
	}
	x.base, x.stop = context.WithCancel(context.Background())
	k.OnFull(x.makeRoom)
	return x
}

// closing bounds the writing of the last uses at the end.
const closing = 5 * time.Second

// Close ends all downloads, waits for them, and writes the last uses.
func (f *Files) Close() {
	f.stop()
	f.work.Wait()
	ctx, stop := context.WithTimeout(context.Background(), closing)
	defer stop()
	if err := f.Flush(ctx); err != nil {
		f.log.Warn("the last uses of files cannot be written", "error", err)
	}
}

// remember keeps a row that was read or written now.
func (f *Files) remember(r Row) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.rows) >= mostRemembered {
		clear(f.rows)
	}
	f.rows[r.Key] = remembered{r, f.o.Now()}
}

// recall returns a row that was remembered recently.
func (f *Files) recall(k Key) (Row, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, ok := f.rows[k]
	return m.row, ok && f.o.Now().Sub(m.at) < f.times.row
}

func (f *Files) forget(k Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.rows, k)
}

// used notes the last use of a file. Flush writes it.
func (f *Files) used(k Key) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.uses) < mostRemembered {
		f.uses[k] = f.changes.Clock()
	}
}

// Flush writes the last uses of files.
func (f *Files) Flush(ctx context.Context) error {
	f.mu.Lock()
	uses := f.uses
	f.uses = map[Key]time.Time{}
	f.mu.Unlock()
	if len(uses) == 0 {
		return nil
	}
	return f.writeUses(ctx, uses)
}

// usesAtOnce is the number of last uses in one transaction, for which uploads wait.
const usesAtOnce = 500

func (f *Files) writeUses(ctx context.Context, uses map[Key]time.Time) error {
	some := make([]Key, 0, usesAtOnce)
	flush := func() error {
		err := f.store.Update(ctx, func(tx Tx) error {
			for _, k := range some {
				if err := tx.UseUpstreamFile(ctx, k, uses[k]); err != nil {
					return err
				}
			}
			return nil
		})
		some = some[:0]
		return err
	}
	for k := range uses {
		if some = append(some, k); len(some) == usesAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
