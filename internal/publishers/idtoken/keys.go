package idtoken

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"pyindex/internal/fault"
)

// The lifetimes of cached keys.
const (
	fetchBudget = 3 * time.Second // discovery and keys together
	// how long one exchange waits for keys; the fetch continues in the background, and the exchange answers within a
	// second
	waitBudget = 900 * time.Millisecond
	refreshAge = 10 * time.Minute // older keys are used while new ones are fetched
	staleAge   = 15 * time.Minute // older keys are used only if new ones cannot be fetched
	maxAge     = 24 * time.Hour   // older keys are not used
	coolDown   = 30 * time.Second // after a fetch that failed or did not return the wanted key
)

// inBackground is the key id of a fetch that no token caused. Strangers cannot trigger such fetches, so they need no
// cool-down.
const inBackground = ""

// keySet caches an issuer's keys and fetches them on demand. Invented key ids cause at most one fetch per cool-down. In
// return, a key that comes into use during a cool-down is refused until the cool-down ends.
type keySet struct {
	issuer string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	keys    map[string][]crypto.PublicKey
	fetched time.Time     // time of the last successful fetch; zero for never
	cooled  time.Time     // no fetch before this time
	failure error         // of the last fetch
	asked   bool          // a token of the issuer arrived
	flight  chan struct{} // closed when the current fetch ends; nil if none
}

func newKeySet(issuer string, client *http.Client, o Options) *keySet {
	return &keySet{issuer: issuer, client: client, now: o.Now, log: o.Log.With("issuer", issuer)}
}

// find returns the keys with an id, usually one. If the id is unknown or the keys are stale, find waits for a fetch. It
// returns fault.Unavailable if there are no usable keys, and another error if the id is unknown.
func (s *keySet) find(ctx context.Context, kid string) ([]crypto.PublicKey, error) {
	s.mu.Lock()
	s.asked = true
	s.mu.Unlock()
	budget := time.NewTimer(waitBudget)
	defer budget.Stop()
	for range 2 { // a fetch in progress may have started before a new key was published
		keys, flight := s.look(kid)
		if keys != nil {
			return keys, nil
		}
		if flight == nil {
			break
		}
		landed, err := wait(ctx, flight, budget.C)
		if err != nil {
			return nil, err
		}
		if !landed {
			break
		}
	}
	return s.settle(kid)
}

// warm starts the first fetch. If it fails, the next fetch waits for a token, because an index need not reach every
// issuer that it trusts.
func (s *keySet) warm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fetched.IsZero() {
		s.start(inBackground)
	}
}

// refresh starts a fetch if the keys are older than refreshAge.
func (s *keySet) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.fetched.IsZero() && s.age() >= refreshAge {
		s.start(inBackground)
	}
}

// look returns the usable keys with an id, and any fetch in progress. It starts a fetch if the id is unknown or the
// keys are older than refreshAge.
func (s *keySet) look(kid string) ([]crypto.PublicKey, chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := s.usable()[kid]
	if keys == nil || s.age() >= refreshAge {
		s.start(kid)
	}
	if s.age() >= staleAge {
		keys = nil
	}
	return keys, s.flight
}

// settle returns the result after the last fetch that find waited for.
func (s *keySet) settle(kid string) ([]crypto.PublicKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	usable := s.usable()
	if keys := usable[kid]; keys != nil {
		return keys, nil
	}
	if s.flight != nil {
		return nil, fault.New(fault.Unavailable,
			"the keys of the issuer %s are still being fetched; try again in a few seconds", s.issuer)
	}
	if usable == nil {
		return nil, fault.Wrap(fault.Unavailable, s.failure,
			"the keys of the issuer %s cannot be fetched at the moment; try again in a minute", s.issuer)
	}
	s.cool()
	return nil, fmt.Errorf("its key id (kid) %s is not among the issuer's keys", show(kid))
}

// usable returns the keys, or nil if they are too old. The caller must hold the lock.
func (s *keySet) usable() map[string][]crypto.PublicKey {
	if s.fetched.IsZero() || s.age() >= maxAge {
		return nil
	}
	return s.keys
}

func (s *keySet) age() time.Duration { return s.now().Sub(s.fetched) }

// cool starts a cool-down unless one is running. The caller must hold the lock.
func (s *keySet) cool() {
	if now := s.now(); !now.Before(s.cooled) {
		s.cooled = now.Add(coolDown)
	}
}

// start starts a fetch unless one is in progress or a cool-down is running. The fetch outlives the request that caused
// it, because other requests may wait for it. The caller must hold the lock.
func (s *keySet) start(kid string) {
	if s.flight != nil || s.now().Before(s.cooled) {
		return
	}
	done := make(chan struct{})
	s.flight = done
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), fetchBudget)
		defer cancel()
		keys, err := fetchKeys(ctx, s.client, s.issuer)
		s.land(kid, keys, err)
	}()
}

// land stores the result of a fetch. After a failure the previous keys remain.
func (s *keySet) land(kid string, keys map[string][]crypto.PublicKey, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	s.failure = err
	if err != nil {
		s.log.Log(context.Background(), s.severity(kid), "fetching an issuer's keys failed", "error",
			fmt.Sprintf("%.300v", err))
	} else {
		s.keys, s.fetched = keys, s.now()
	}
	if kid != inBackground && keys[kid] == nil {
		s.cool()
	}
}

// severity returns the log level of a failed fetch. A failure at startup is logged at debug level, because the issuer
// may never be used.
func (s *keySet) severity(kid string) slog.Level {
	if kid == inBackground && s.fetched.IsZero() {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// wait reports whether a fetch ended within the budget. It returns an error if the request ended first.
func wait(ctx context.Context, flight chan struct{}, budget <-chan time.Time) (landed bool, err error) {
	select {
	case <-flight:
		return true, nil
	case <-budget:
		return false, nil
	case <-ctx.Done():
		return false, fault.Wrap(fault.Unavailable, errors.Join(ctx.Err()), "the request ended before the issuer's keys came")
	}
}
