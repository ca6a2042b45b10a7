package alias

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Use counts the requests below an alias on one day.
type Use struct {
	Day      time.Time // its beginning, UTC
	Path     string
	Requests int64
	LastAt   time.Time
	Client   string // program of the last request, such as "pip/26.3"; "" if it named none
}

// Tx is a transaction with the rows of this package.
type Tx interface {
	// AddAliasUse adds to the count of a day.
	AddAliasUse(ctx context.Context, u Use) error
	// AliasUses returns the counts of the days since a time, oldest first.
	AliasUses(ctx context.Context, since time.Time) ([]Use, error)
	DeleteAliasUsesBefore(ctx context.Context, t time.Time) error
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// keep is how long counts are kept.
const keep = 400 * 24 * time.Hour

// Ledger counts the use of aliases. It is safe for concurrent use. Counts are written by Flush; a crash may lose those
// of the last moment.
type Ledger struct {
	store Store
	now   func() time.Time

	mu      sync.Mutex
	pending map[useKey]Use
	total   map[string]int64 // since the start, by path
}

type useKey struct {
	day  time.Time
	path string
}

// Options are the settings of a Ledger; the zero value works.
type Options struct {
	Now     func() time.Time // time.Now
	Aliases []Alias          // those that are served
}

// NewLedger returns the ledger over the rows of s.
func NewLedger(s Store, o Options) *Ledger {
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Ledger{store: s, now: o.Now, pending: map[useKey]Use{}, total: map[string]int64{}}
	for _, a := range o.Aliases {
		l.total[a.Path] = 0 // so that the first request is seen as an increase
	}
	return l
}

// Note counts a request below the alias with a path, by the client that its User-Agent header names.
func (l *Ledger) Note(path, userAgent string) {
	now := l.now().UTC().Truncate(time.Microsecond)
	k := useKey{now.Truncate(24 * time.Hour), path}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.total[path]++
	u := l.pending[k]
	l.pending[k] = Use{Day: k.day, Path: path, Requests: u.Requests + 1, LastAt: now, Client: product(userAgent)}
}

// Requests returns the number of requests since the start of the process by the path of the alias.
func (l *Ledger) Requests() map[string]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return maps.Clone(l.total)
}

// product returns the first product of a User-Agent header, such as "pip/26.3". It returns "" if the header does not
// begin with one.
func product(userAgent string) string {
	first, _, _ := strings.Cut(userAgent, " ")
	name, version, _ := strings.Cut(first, "/")
	if name == "" || len(first) > 60 || strings.ContainsFunc(name+version, forbidden) {
		return ""
	}
	return first
}

// Flush writes the counts since the last call. Counts that cannot be written are kept for the next call.
func (l *Ledger) Flush(ctx context.Context) error {
	l.mu.Lock()
	pending := l.pending
	l.pending = map[useKey]Use{}
	l.mu.Unlock()
	if len(pending) == 0 {
		return nil
	}
	err := l.store.Update(ctx, func(tx Tx) error {
		for _, u := range pending {
			if err := tx.AddAliasUse(ctx, u); err != nil {
				return err
			}
		}
		return tx.DeleteAliasUsesBefore(ctx, l.now().Add(-keep))
	})
	if err == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, u := range pending {
		if later, ok := l.pending[k]; ok {
			later.Requests += u.Requests
			u = later
		}
		l.pending[k] = u
	}
	return err
}

// Uses returns the counts of the days since a time, oldest first. It returns fault.Denied unless the caller is an
// administrator.
func (l *Ledger) Uses(ctx context.Context, who access.Caller, since time.Time) (out []Use, err error) {
	if !who.Admin() {
		return nil, fault.New(fault.Denied, "only an administrator may see the use of aliases")
	}
	err = l.store.View(ctx, func(tx Tx) error {
		out, err = tx.AliasUses(ctx, since)
		return err
	})
	return out, err
}

// Summary is the use of one alias.
type Summary struct {
	Alias
	Requests int64     // of the days that were asked for
	LastAt   time.Time // zero if it was not used
	Client   string    // of the last request
}

// Summarize adds up counts. An alias without any is there too; those that are no longer configured are left out.
func Summarize(all []Alias, uses []Use) []Summary {
	out := make([]Summary, len(all))
	for i, a := range all {
		out[i].Alias = a
		for _, u := range uses {
			if u.Path != a.Path {
				continue
			}
			out[i].Requests += u.Requests
			if u.LastAt.After(out[i].LastAt) {
				out[i].LastAt, out[i].Client = u.LastAt, u.Client
			}
		}
	}
	return out
}
