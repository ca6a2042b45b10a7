package client

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"time"
)

// queue limits how many requests to one host run at once. Pages and files have places of their own, so that long
// downloads do not hold up pages. It also keeps which hosts asked for a rest.
type queue struct {
	places int
	wait   time.Duration
	now    func() time.Time

	mu    sync.Mutex
	hosts map[queueKey]*host
	rests map[restKey]time.Time
}

type queueKey struct {
	origin string
	file   bool
}

// restKey has the upstream as well: a host counts the requests of each credential.
type restKey struct{ upstream, origin string }

// host holds the places of one host while there are requests.
type host struct {
	places chan struct{}
	users  int // requests with a place, and those that wait
}

func newQueue(places int, wait time.Duration, now func() time.Time) *queue {
	return &queue{places: places, wait: wait, now: now, hosts: map[queueKey]*host{}, rests: map[restKey]time.Time{}}
}

var errQueue = errors.New("too many requests are waiting")

// enter waits for a place among the requests to the host of a URL. It returns errQueue if there is none in time. The
// caller must call leave once.
func (q *queue) enter(ctx context.Context, u *url.URL, file bool) (leave func(), err error) {
	key := queueKey{origin(u), file}
	q.mu.Lock()
	h := q.hosts[key]
	if h == nil {
		h = &host{places: make(chan struct{}, q.places)}
		q.hosts[key] = h
	}
	h.users++
	q.mu.Unlock()
	done := func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(q.hosts, key)
		}
	}
	leave = sync.OnceFunc(func() {
		<-h.places
		done()
	})
	select {
	case h.places <- struct{}{}:
		return leave, nil
	default:
	}
	late := time.NewTimer(q.wait)
	defer late.Stop()
	select {
	case h.places <- struct{}{}:
		return leave, nil
	case <-late.C:
		done()
		return nil, errQueue
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}

// rest keeps that a host asked an upstream's requests to wait.
func (q *queue) rest(name string, u *url.URL, wait time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	for key, until := range q.rests {
		if !now.Before(until) {
			delete(q.rests, key)
		}
	}
	q.rests[restKey{name, origin(u)}] = now.Add(wait)
}

// resting returns how long a host is not to be asked for an upstream.
func (q *queue) resting(name string, u *url.URL) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.rests[restKey{name, origin(u)}].Sub(q.now())
}
