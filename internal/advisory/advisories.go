package advisory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/memo"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
)

// Options are the settings of Advisories; the zero value works, but fetches no URL.
type Options struct {
	Now     func() time.Time // time.Now
	NewID   func() string    // UUIDv7
	Log     *slog.Logger     // nothing is logged if nil
	Fetcher Fetcher
	Dir     string // for files that are being fetched; that of the system if ""
}

// Advisories keeps the records of feeds. It is safe for concurrent use, also by several processes on one store.
type Advisories struct {
	store   Store
	changes access.Changes[Tx]
	o       Options
	holder  string // of leases

	states *memo.BySerial[struct{}, *state]
	about  *memo.Weighted[aboutKey, *Affecting]

	mu         sync.Mutex
	revisions  string // of the last state
	generation int64
	running    map[string]bool // the feeds that this process imports
}

// maxAbout is the limit on what is kept about projects in memory, in bytes.
const maxAbout = 16 << 20

// New returns the advisories of a store.
func New(s Store, o Options) *Advisories {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	x := &Advisories{
		store: s, changes: access.NewChanges(s, o.Now, o.NewID), o: o, states: memo.NewBySerial[struct{}, *state](1),
		running: map[string]bool{},
	}
	x.holder = x.changes.NewID()
	x.about = memo.NewWeighted(maxAbout, func(_ aboutKey, a *Affecting) int64 { return a.weight })
	return x
}

// state is what the feeds are at a stamp.
type state struct {
	generation int64 // the same as long as the records that count are the same
	records    bool  // there are some
	denies     map[string]bool
	feeds      policy.Feeds
}

// aboutKey is a project as of a generation.
type aboutKey struct {
	generation int64
	name       packaging.ProjectName
}

// state returns the state at a stamp. It reads the feeds once for each stamp.
func (x *Advisories) state(ctx context.Context, at memo.Stamp) (*state, error) {
	if s, ok := x.states.Get(at, struct{}{}); ok {
		return s, nil
	}
	var rows []FeedRow
	if err := x.store.View(ctx, func(tx Tx) (err error) {
		rows, err = tx.Feeds(ctx)
		return err
	}); err != nil {
		return nil, err
	}
	s := &state{denies: map[string]bool{}}
	revisions := fmt.Sprint(at.Epoch)
	for _, f := range rows {
		s.records = s.records || f.Records > 0
		s.denies[f.Name] = f.Malware == DenyMalware
		revisions += fmt.Sprintf("\n%s %d %d %s", f.Name, f.CreatedAt.UnixMicro(), f.Revision, f.Malware)
		if end := f.OldAt(); f.Closes() && (s.feeds.OldAt.IsZero() || end.Before(s.feeds.OldAt)) {
			s.feeds = policy.Feeds{OldAt: end, Name: f.Name}
		}
	}
	x.mu.Lock()
	if revisions != x.revisions {
		x.revisions = revisions
		x.generation++
	}
	s.generation = x.generation
	x.mu.Unlock()
	x.states.Put(at, struct{}{}, s)
	return s, nil
}

// OldAt returns when the feed is, or was, too old: MaxAge after it was last read, or when it was created if it never
// was.
func (f FeedRow) OldAt() time.Time {
	if f.CheckedAt.IsZero() {
		return f.CreatedAt
	}
	return f.CheckedAt.Add(f.MaxAge)
}

// Closes reports whether files of upstreams are held while the feed is too old. A feed that the configuration file no
// longer has cannot hold files.
func (f FeedRow) Closes() bool { return f.Declared && f.WhenOld == Closed }

// Feeds returns the state of all feeds together, for decisions.
func (x *Advisories) Feeds(ctx context.Context, at memo.Stamp) (policy.Feeds, error) {
	s, err := x.state(ctx, at)
	if err != nil {
		return policy.Feeds{}, err
	}
	return s.feeds, nil
}

// About returns what the feeds state about a project, or nil if they state nothing, and a text that differs whenever
// the result does. It is cheap until the records of a feed change.
func (x *Advisories) About(ctx context.Context, at memo.Stamp, name packaging.ProjectName) (*Affecting, string, error) {
	s, err := x.state(ctx, at)
	if err != nil || !s.records {
		return nil, "", err
	}
	key := aboutKey{s.generation, name}
	a, ok := x.about.Get(memo.Stamp{}, key)
	if !ok {
		if a, err = x.read(ctx, s, name); err != nil {
			return nil, "", err
		}
		x.about.Put(memo.Stamp{}, key, a)
	}
	if len(a.all) == 0 {
		return nil, "", nil
	}
	return a, a.text, nil
}

// read reads what the feeds state about a project.
func (x *Advisories) read(ctx context.Context, s *state, name packaging.ProjectName) (*Affecting, error) {
	var rows []Row
	if err := x.store.View(ctx, func(tx Tx) (err error) {
		rows, err = tx.AdvisoriesAbout(ctx, name.String())
		return err
	}); err != nil {
		return nil, err
	}
	out := &Affecting{weight: 200}
	sum := sha256.New()
	for _, row := range rows {
		r, err := unpack(row.Record)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "reading the advisory %s of the feed %s", row.ID, row.Feed)
		}
		r.Malware = row.Malware
		out.weight += int64(3*len(row.Record)) + 500
		fmt.Fprintf(sum, "%s %s %s %v\n", row.Feed, row.ID, row.Digest, s.denies[row.Feed])
		out.all = append(out.all,
			stated{feed: row.Feed, record: r, denies: s.denies[row.Feed], matcher: newMatcher(r.Affected)})
	}
	if len(out.all) > 0 {
		out.text = hex.EncodeToString(sum.Sum(nil)[:8])
	}
	return out, nil
}

// stated is what one feed states about a project in one record.
type stated struct {
	feed    string
	record  *Record
	denies  bool // malicious releases
	matcher *matcher
}

// Affecting finds the advisories that concern a version of one project. It is safe for concurrent use.
type Affecting struct {
	all    []stated // by feed and id
	text   string
	weight int64

	mu    sync.RWMutex
	found map[string][]Advisory // by version
}

// maxFound is the number of versions whose advisories are remembered.
const maxFound = 5_000

// Of returns the advisories about a version, those about malware first. If several feeds have the same record, one that
// concerns the version is enough. A record that was withdrawn concerns none. The caller must not change the result.
func (a *Affecting) Of(version string) []Advisory {
	a.mu.RLock()
	out, ok := a.found[version]
	a.mu.RUnlock()
	if ok {
		return out
	}
	s := subjectOf(version)
	for _, malware := range []bool{true, false} {
		for i := range a.all {
			one := &a.all[i]
			if (one.record.Malware && one.denies) == malware && one.record.Withdrawn == "" && !has(out, one.record.ID) &&
				one.matcher.affects(s) {
				out = append(out, one.advisory())
			}
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.found == nil || len(a.found) >= maxFound {
		a.found = map[string][]Advisory{}
	}
	a.found[strings.Clone(version)] = out
	return out
}

// Records returns the records that Of returns for a version, in the same order, in the OSV format.
func (a *Affecting) Records(version string) []*Record {
	var out []*Record
	for _, one := range a.Of(version) {
		for i := range a.all {
			if s := &a.all[i]; s.feed == one.Feed && s.record.ID == one.ID {
				out = append(out, s.record)
			}
		}
	}
	return out
}

// All returns every record about the project that was not withdrawn, each once.
func (a *Affecting) All() []*Record {
	var out []*Record
	seen := map[string]bool{}
	for i := range a.all {
		if r := a.all[i].record; r.Withdrawn == "" && !seen[r.ID] {
			seen[r.ID] = true
			out = append(out, r)
		}
	}
	return out
}

func has(all []Advisory, id string) bool {
	for i := range all {
		if all[i].ID == id {
			return true
		}
	}
	return false
}

func (s *stated) advisory() Advisory {
	r := s.record
	a := Advisory{
		ID: r.ID, Feed: s.feed, Malware: r.Malware && s.denies, Aliases: r.Aliases, Summary: r.Summary, Details: r.Details,
		Link: r.link(), Fixed: fixedIn(r.Affected), Published: timeOf(r.Published), Modified: timeOf(r.Modified),
	}
	if len(r.Severity) > 0 {
		a.Severity = r.Severity[0].Score
	}
	return a
}

// Record returns what the feeds state in one record about all its projects, or fault.NotFound. If several feeds have
// it, the first one by name that did not withdraw it counts.
func (x *Advisories) Record(ctx context.Context, id string) (*Record, error) {
	var rows []Row
	if err := x.store.View(ctx, func(tx Tx) (err error) {
		rows, err = tx.AdvisoriesOf(ctx, id)
		return err
	}); err != nil {
		return nil, err
	}
	var out *Record
	feed := ""
	for _, row := range rows {
		r, err := unpack(row.Record)
		if err != nil {
			return nil, fault.Wrap(fault.Internal, err, "reading the advisory %s of the feed %s", row.ID, row.Feed)
		}
		r.Malware = row.Malware
		switch {
		case out != nil && row.Feed == feed:
			out.Affected = append(out.Affected, r.Affected...)
		case out == nil || out.Withdrawn != "" && r.Withdrawn == "":
			out, feed = r, row.Feed
		}
	}
	if out == nil {
		return nil, fault.New(fault.NotFound, "no feed has the advisory %.130q", id)
	}
	return out, nil
}
