package resolve

import (
	"context"

	"pyindex/internal/catalog"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/tally"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/pages"
)

// Upstreams are the configured upstreams, as of a stamp.
type Upstreams interface {
	All(ctx context.Context, at memo.Stamp) ([]upstream.Upstream, error)
}

// Pages keeps the pages of upstreams; see package pages.
type Pages interface {
	Get(ctx context.Context, u upstream.Upstream, name packaging.ProjectName, f pages.Freshness,
		mayFetch bool) (pages.Held, error)
	// Names returns the list of an upstream's projects as it was last read, and whether there is one.
	Names(ctx context.Context, u upstream.Upstream) (page.Names, bool, error)
}

// Files keeps the files of upstreams; see package files.
type Files interface {
	// Pins returns the digests that this index found for files without one, or that an administrator accepted instead of
	// the upstream's first one, by path, and a text that differs whenever they do.
	Pins(ctx context.Context, u upstream.Upstream, project packaging.ProjectName) (map[string]string, string, error)
	// Queue notes files without a digest, so that it is found in the background.
	Queue(u upstream.Upstream, project packaging.ProjectName, all []page.File)
	Stat(ctx context.Context, u upstream.Upstream, f page.File) (files.Info, error)
	Open(ctx context.Context, u upstream.Upstream, f page.File) (files.Opened, error)
	OpenHeld(ctx context.Context, u upstream.Upstream, f page.File) (files.Opened, error)
	Metadata(ctx context.Context, u upstream.Upstream, f page.File, mayFetch bool) ([]byte, string, error)
	Provenance(ctx context.Context, u upstream.Upstream, f page.File, mayFetch bool) ([]byte, error)
}

// Options are what a Reader needs beside the catalog. Without Upstreams, it reads repositories and their bases only.
type Options struct {
	Upstreams Upstreams
	Pages     Pages
	Files     Files
	Offline   bool // no upstream may be asked
}

// Reader reads projects and files. It is safe for concurrent use.
type Reader struct {
	index *catalog.Index
	o     Options
	seen  seen
	asked *memo.BySerial[askedKey, *asked]

	combined *memo.Weighted[combinedKey, combined]

	decided tally.Counts[policy.Counted]
}

// New returns a reader of x and the upstreams of o.
func New(x *catalog.Index, o Options) *Reader {
	return &Reader{
		index: x, o: o, asked: memo.NewBySerial[askedKey, *asked](memoAsked),
		combined: memo.NewWeighted(maxCombined, func(_ combinedKey, c combined) int64 { return c.roll.Size() }),
	}
}

// Decisions returns the number of decisions about files of upstreams since the process started.
func (x *Reader) Decisions() map[policy.Counted]int64 { return x.decided.All() }

// decide decides about a file of an upstream, and counts the decision.
func (x *Reader) decide(f policy.Facts) policy.Decision {
	d := policy.Decide(f)
	x.decided.Add(policy.Counted{Rule: d.Rule, Verdict: d.Verdict}, 1)
	return d
}

// Index returns the catalog.
func (x *Reader) Index() *catalog.Index { return x.index }

// Ask says how a request wants to be answered.
type Ask struct {
	Freshness pages.Freshness
	// OwnOnly asks no upstream and shows nothing of one. It is set for requests that come through this index already.
	OwnOnly bool
	Visited upstream.Visited // the indexes that the request came through
	// Limited is called with the indexes that asked none of their upstreams for the answer, and with nil if that is this
	// index. It may be nil.
	Limited func(upstream.Visited)
}
