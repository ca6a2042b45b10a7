// Package pictures fetches the pictures that descriptions of projects refer to, so that browsers need not ask their
// hosts and readers stay unknown to them.
//
// The addresses come from untrusted authors. A fetch therefore never reaches the server's own network: the address of
// every connection is checked after the name was resolved, also after redirects, and no HTTP proxy is used. It sends no
// credentials. Size, time, redirects, concurrency and rate are bounded. Only PNG, JPEG, GIF and WebP pictures of
// bounded dimensions are returned, recognized by their content.
//
// The package does not check whether a reader may see a picture. Its caller must pass only addresses in descriptions
// that the reader may read; otherwise the server is an open proxy.
package pictures

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"pyindex/internal/fault"
	"pyindex/internal/fetch/private"
	"pyindex/internal/memo"
	"pyindex/internal/readme"
)

const (
	maxSize       = 4 << 20          // bytes of a picture
	maxCached     = 32 << 20         // bytes of all cached pictures
	maxTime       = 10 * time.Second // for a fetch
	maxWait       = 3 * time.Second  // for a place, of a site or of all sites
	maxRedirects  = 3
	maxAddress    = 2_000 // bytes of an address
	fetchesAtOnce = 8
	fetchesOfSite = 2
	// waitingForSite is how many fetches may wait for a place of a site, so that a page with a few pictures is complete
	// although browsers ask for all of them at once.
	waitingForSite = 14
	keepSlow       = time.Minute // before a site that timed out is asked again

	fetchRate     = 10 // fetches per second
	fetchBurst    = 200
	keepPicture   = 24 * time.Hour
	keepRefusal   = 10 * time.Minute // after a fetch that failed
	entryOverhead = 500              // bytes of memory for an entry of the cache
)

// Picture is a fetched picture.
type Picture struct {
	Type    string // media type, such as "image/png"
	Content []byte
	Digest  string // SHA-256 of Content, hexadecimal
}

// Options configure a Fetcher. All fields are optional.
type Options struct {
	// Hosts may have any address and any port, such as hosts of the server's own network: "host" or "host:port".
	Hosts []string
	Now   func() time.Time // default time.Now
}

// Fetcher fetches and caches pictures. It is safe for concurrent use.
type Fetcher struct {
	client  *http.Client
	flights singleflight.Group
	hosts   *hosts
	rate    *rate.Limiter
	now     func() time.Time
	ready   *memo.Weighted[string, entry] // by address, under the zero stamp
}

// entry is the result of a fetch.
type entry struct {
	Picture
	err   error
	until time.Time
}

// New returns a fetcher.
func New(o Options) *Fetcher { return newFetcher(o, net.DefaultResolver) }

func newFetcher(o Options, resolver *net.Resolver) *Fetcher {
	if o.Now == nil {
		o.Now = time.Now
	}
	d := dialer{hosts: map[string]bool{}, guarded: net.Dialer{Resolver: resolver, Control: onlyPublic}}
	d.open.Resolver = resolver
	for _, host := range o.Hosts {
		d.hosts[strings.ToLower(host)] = true
	}
	return &Fetcher{
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:            d.dial,
				DisableCompression:     true, // a compressed picture may grow without bound
				ForceAttemptHTTP2:      true,
				MaxIdleConns:           8,
				IdleConnTimeout:        30 * time.Second,
				MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(r *http.Request, via []*http.Request) error {
				if len(via) > maxRedirects {
					return fmt.Errorf("redirected more than %d times", maxRedirects)
				}
				r.Header.Del("Referer") // the address of the picture, which may contain a secret
				if err := acceptable(r.URL); err != nil {
					return err
				}
				return r.Context().Value(trailKey{}).(*trail).visit(r.Context(), r.URL)
			},
		},
		hosts: newHosts(o.Now, d.hosts), rate: rate.NewLimiter(fetchRate, fetchBurst), now: o.Now,
		ready: memo.NewWeighted(maxCached, func(address string, e entry) int64 {
			return int64(len(address) + len(e.Content) + entryOverhead)
		}),
	}
}

// Fetch returns the picture at an http or https address. It returns fault.NotFound if there is no acceptable picture,
// and fault.Unavailable if its host or this server cannot deliver it now, at once if many fetches from that host wait
// already. Results are cached; concurrent calls for the same address share one fetch.
func (f *Fetcher) Fetch(ctx context.Context, address string) (Picture, error) {
	if e, ok := f.cached(address); ok {
		return e.Picture, e.err
	}
	made := f.flights.DoChan(address, func() (any, error) {
		if e, ok := f.cached(address); ok {
			return e, nil
		}
		return f.make(context.WithoutCancel(ctx), address), nil
	})
	select {
	case r := <-made:
		e := r.Val.(entry)
		return e.Picture, e.err
	case <-ctx.Done():
		return Picture{}, ctx.Err()
	}
}

func (f *Fetcher) cached(address string) (entry, bool) {
	e, ok := f.ready.Get(memo.Stamp{}, address)
	return e, ok && f.now().Before(e.until)
}

// make fetches a picture as soon as there is a place for its site and one of all places.
func (f *Fetcher) make(ctx context.Context, address string) entry {
	u, err := url.Parse(address)
	if err == nil {
		err = acceptable(u)
	}
	if err != nil || len(address) > maxAddress {
		return entry{err: fault.New(fault.NotFound, "the address of the picture is not acceptable")}
	}
	t, timedOut := &trail{hosts: f.hosts}, false
	defer func() { t.leave(timedOut) }()
	if err := t.visit(ctx, u); err != nil {
		return entry{err: err}
	}
	tooLong := time.NewTimer(maxWait)
	defer tooLong.Stop()
	select {
	case f.hosts.places <- struct{}{}:
		defer func() { <-f.hosts.places }()
	case <-tooLong.C:
		return entry{err: errBusy}
	}
	if !f.rate.Allow() {
		return entry{err: errBusy}
	}
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, trailKey{}, t), maxTime)
	defer cancel()
	t.since = time.Now()
	p, err := f.get(ctx, u)
	if fault.WaitOf(err) > 0 { // no place for a redirect, which says nothing about the picture
		return entry{err: err}
	}
	timedOut = ctx.Err() != nil
	e := entry{p, err, f.now().Add(keepPicture)}
	if err != nil {
		e.until = f.now().Add(keepRefusal)
	}
	f.ready.Put(memo.Stamp{}, address, e)
	return e
}

func (f *Fetcher) get(ctx context.Context, u *url.URL) (Picture, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Picture{}, fault.New(fault.NotFound, "the address of the picture is not acceptable")
	}
	r.Header.Set("Accept", "image/png, image/jpeg, image/gif, image/webp")
	r.Header.Set("User-Agent", "index")
	resp, err := f.client.Do(r)
	if _, refused := errors.AsType[private.Refused](err); refused {
		return Picture{}, fault.New(fault.NotFound, "the host of the picture has an address that this index does not use")
	}
	if later, ok := errors.AsType[*fault.Fault](err); ok && later.Wait > 0 {
		return Picture{}, later
	}
	if err != nil {
		return Picture{}, fault.New(fault.Unavailable, "the host of the picture did not answer")
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "" || resp.ContentLength > maxSize {
		return Picture{}, fault.New(fault.NotFound, "the host has no acceptable picture at this address")
	}
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxSize+1))
	if err != nil {
		return Picture{}, fault.New(fault.Unavailable, "the host of the picture stopped answering")
	}
	kind := readme.PictureType(content)
	if len(content) > maxSize || kind == "" {
		return Picture{}, fault.New(fault.NotFound, "the host has no acceptable picture at this address")
	}
	sum := sha256.Sum256(content)
	return Picture{kind, content, hex.EncodeToString(sum[:])}, nil
}

// acceptable returns an error unless a URL is one that browsers would load a picture from, without a password.
func acceptable(u *url.URL) error {
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil {
		return errors.New("not the address of a picture")
	}
	return nil
}
