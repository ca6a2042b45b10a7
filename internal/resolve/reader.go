package resolve

import (
	"context"
	"log/slog"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/downloads"
	"pyindex/internal/holds"
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
	// Heads returns the pages that are stored, without their content, and Stored one of them. Neither asks an upstream.
	Heads(ctx context.Context, u upstream.Upstream, limit int) (map[packaging.ProjectName]pages.Head, error)
	Stored(ctx context.Context, u upstream.Upstream, name packaging.ProjectName) (pages.Held, bool, error)
	// Remembered returns what is stored of a page, or of the files that left it if the page was lost.
	Remembered(ctx context.Context, u upstream.Upstream, name packaging.ProjectName) (page.Page, error)
}

// Files keeps the files of upstreams; see package files.
type Files interface {
	// Pins returns the digests that this index found for files without one, or that an administrator accepted instead of
	// the upstream's first one, by path, and a text that differs whenever they do.
	Pins(ctx context.Context, u upstream.Upstream, project packaging.ProjectName) (map[string]string, string, error)
	// Examined returns the start-up files that were found in the project's wheels, by path, and a text that differs
	// whenever they do.
	Examined(ctx context.Context, u upstream.Upstream, project packaging.ProjectName) (map[string]files.Startup, string,
		error)
	// Noted returns the names of the projects for which Pins or Examined may return something.
	Noted(ctx context.Context, u upstream.Upstream) (map[string]bool, error)
	// Queue notes files without a digest, so that it is found in the background.
	Queue(u upstream.Upstream, project packaging.ProjectName, all []page.File)
	Stat(ctx context.Context, u upstream.Upstream, f page.File) (files.Info, error)
	Open(ctx context.Context, u upstream.Upstream, f page.File) (files.Opened, error)
	OpenHeld(ctx context.Context, u upstream.Upstream, f page.File) (files.Opened, error)
	Metadata(ctx context.Context, u upstream.Upstream, f page.File, mayFetch bool) ([]byte, string, error)
	Provenance(ctx context.Context, u upstream.Upstream, f page.File, mayFetch bool) ([]byte, error)
}

// Rulings are the decisions of people about files; see package holds.
type Rulings interface {
	// Standing returns what was decided about the files of a project, which is never nil.
	Standing(ctx context.Context, at memo.Stamp, name packaging.ProjectName) (*holds.Standing, error)
	// Ruled returns the projects that denials and pins are about, and the SHA-256 of content that is denied in all.
	Ruled(ctx context.Context, at memo.Stamp) (projects []packaging.ProjectName, contents []string, err error)
}

// Advisories are what the feeds state; see package advisory.
type Advisories interface {
	// About returns the advisories about a project, in the order in which they are shown, and a text that differs whenever
	// they do. Both are empty for most projects.
	About(ctx context.Context, at memo.Stamp, name packaging.ProjectName) (Affecting, string, error)
	// Feeds returns the state of all feeds together.
	Feeds(ctx context.Context, at memo.Stamp) (policy.Feeds, error)
}

// Affecting finds the advisories that concern a version of one project.
type Affecting interface {
	// Of returns the advisories about a canonical version, those about malware first.
	Of(version string) []advisory.Advisory
}

// Options are what a Reader needs beside the catalog. Without Upstreams, it reads repositories and their bases only.
type Options struct {
	Upstreams Upstreams
	Pages     Pages
	Files     Files
	Downloads *downloads.Record // may be nil: then nothing is recorded
	// Rulings and Advisories may be nil: then nobody decided anything, and there are no feeds.
	Rulings    Rulings
	Advisories Advisories
	// Address returns the absolute URL of the page that explains why a release is held, or "".
	Address func(repository string, name packaging.ProjectName, version string) string
	Offline bool // no upstream may be asked
	// Surveyor reads everything, so that all callers can share what HeldNow keeps. They get what they may read of it.
	Surveyor access.Caller
	// Now returns the time of decisions; time.Now if nil.
	Now func() time.Time
	Log *slog.Logger // of what would be held by repositories that observe; slog.Default() if nil
}

// Reader reads projects and files. It is safe for concurrent use.
type Reader struct {
	index *catalog.Index
	o     Options
	seen  seen
	asked *memo.BySerial[askedKey, *asked]

	combined *memo.Weighted[combinedKey, combined]

	decided  tally.Counts[policy.Counted]
	observed observed
	periods  *periods
	survey   *survey
}

// New returns a reader of x and the upstreams of o.
func New(x *catalog.Index, o Options) *Reader {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Reader{
		index: x, o: o, periods: newPeriods(), asked: memo.NewBySerial[askedKey, *asked](memoAsked),
		survey:   newSurvey(),
		combined: memo.NewWeighted(maxCombined, func(_ combinedKey, c combined) int64 { return c.roll.Size() }),
	}
}

// Close ends what HeldNow does in the background.
func (x *Reader) Close() { x.survey.close() }

// Now returns the time by which the reader decides.
func (x *Reader) Now() time.Time { return x.o.Now() }

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

	gone goneFrom
}
