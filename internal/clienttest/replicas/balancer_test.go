package replicas_test

import (
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// balancer distributes requests over the replicas in turn. Like any load balancer it polls /readyz and skips replicas
// that are not ready. It responds with 502 if a replica fails, and sends nothing twice.
type balancer struct {
	*httptest.Server
	next     atomic.Uint64
	replicas []*target
}

// target is one replica, and whether it was ready when last asked.
type target struct {
	url   *url.URL
	ready atomic.Bool
	proxy *httputil.ReverseProxy
}

const askEvery = 50 * time.Millisecond

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

// ServeHTTP passes a request on.
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for range b.replicas {
		to := b.replicas[b.next.Add(1)%uint64(len(b.replicas))]
		if to.ready.Load() {
			to.proxy.ServeHTTP(w, r)
			return
		}
	}
	w.WriteHeader(http.StatusBadGateway)
}

// join adds a replica at an address and watches it until the test ends.
func (b *balancer) join(t *testing.T, address string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	to := &target{url: u}
	to.proxy = &httputil.ReverseProxy{
		Rewrite:      func(p *httputil.ProxyRequest) { p.SetURL(u); p.SetXForwarded(); p.Out.Host = p.In.Host },
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     log.New(discard{}, "", 0),
	}
	to.ask()
	b.replicas = append(b.replicas, to)
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	go func() {
		for tick := time.NewTicker(askEvery); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
				to.ask()
			}
		}
	}()
}

func (to *target) ask() {
	c := http.Client{Timeout: 5 * time.Second}
	answer, err := c.Get(to.url.String() + "/readyz")
	if err == nil {
		answer.Body.Close()
	}
	to.ready.Store(err == nil && answer.StatusCode == http.StatusOK)
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
