package blobs

import (
	"cmp"
	"context"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// Delivery is the way in which clients download blobs.
type Delivery string

// Values of Delivery: through this process, by a signed URL of the store, or automatic. Auto uses signed URLs if
// clients can reach the store over TLS by a public name and the file is large enough. Everything else is streamed.
const (
	Auto     Delivery = "auto"
	Stream   Delivery = "stream"
	Redirect Delivery = "redirect"
)

// DefaultLinkLifetime is the default minimum lifetime of a signed URL. Clients follow it immediately.
const DefaultLinkLifetime = 15 * time.Minute

// worthIt is the size in bytes from which Auto redirects. For smaller files the second request takes longer than the
// download.
const worthIt = 1 << 20

// links creates signed URLs. A nil *links creates none.
type links struct {
	at       place
	own      bool // the bucket differs from the store's own
	lifetime time.Duration
	least    int64
	now      func() time.Time

	mu    sync.Mutex
	since time.Time       // start of the current interval
	right map[string]bool // keys with a verified size in this interval
}

// openLinks returns the signer of URLs for a store, or nil if blobs are streamed. It returns fault.Invalid if Delivery
// is Redirect and the store cannot sign.
func openLinks(ctx context.Context, at place, o Options) (*links, error) {
	if o.Delivery != Redirect && o.Delivery != Auto {
		return nil, nil
	}
	l := &links{at: at, lifetime: cmp.Or(o.LinkLifetime, DefaultLinkLifetime), now: o.Now}
	if l.now == nil {
		l.now = time.Now
	}
	if o.LinkURL != "" {
		var err error
		if l.at, _, err = openDriver(ctx, o.LinkURL); err != nil {
			return nil, err
		}
		l.own = true
	}
	if o.Delivery == Auto {
		l.least = worthIt
	}
	try, err := l.link(ctx, "files/00/"+strings.Repeat("0", 64), worthIt)
	if o.Delivery == Auto && (err != nil || !public(try)) {
		return nil, l.close()
	}
	if err != nil {
		l.close()
		return nil, fault.Wrap(fault.Invalid, err,
			"delivery by redirect requires a store that signs URLs, but this one cannot: %v", err)
	}
	return l, nil
}

// link returns a URL for key, or "" if the blob must be streamed. Time is divided into intervals of the lifetime. A URL
// is valid from the start of one interval to the end of the next, so it is the same in every process during an
// interval, and valid for at least one lifetime.
func (l *links) link(ctx context.Context, key string, size int64) (string, error) {
	if l == nil || size < l.least {
		return "", nil
	}
	from := l.now().UTC().Truncate(l.lifetime)
	return l.at.sign(ctx, key, from, from.Add(2*l.lifetime))
}

// Limits on the number of keys with a verified size, and on how long a redirect waits for the store to report a size.
const (
	mostRight = 100_000
	sizeTime  = 2 * time.Second
)

// known reports whether the size of a key has been verified in this interval.
func (l *links) known(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now().Truncate(l.lifetime); !now.Equal(l.since) || len(l.right) >= mostRight {
		l.since, l.right = now, map[string]bool{}
	}
	return l.right[key]
}

func (l *links) learn(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.right[key] = true
}

// compare checks the size of an object before a client is redirected to it, once per interval. If the store cannot be
// asked, the client is redirected anyway.
func (b *Blobs) compare(ctx context.Context, key string, size int64) error {
	if b.links.known(key) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, sizeTime)
	defer cancel()
	have, err := b.Size(ctx, key)
	switch {
	case fault.Is(err, fault.NotFound):
		return err
	case err != nil:
		return nil
	case have != size:
		return &custody.SizeError{Key: key, Size: have, Want: size}
	}
	b.links.learn(key)
	return nil
}

func (l *links) close() error {
	if l == nil || !l.own {
		return nil
	}
	return l.at.Close()
}

// public reports whether clients can be expected to reach a URL: it uses TLS and a name with a dot or a public address.
func public(link string) bool {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.IsGlobalUnicast() && !ip.IsPrivate()
	}
	return strings.Contains(strings.Trim(host, "."), ".") && !strings.HasSuffix(host, ".local") &&
		!strings.HasSuffix(host, ".internal")
}

// Link implements custody.Blobs.
func (b *Blobs) Link(ctx context.Context, key string, size int64) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	to, err := b.links.link(ctx, key, size)
	if err != nil {
		return "", explain("no download URL can be created", err)
	}
	if to == "" {
		return "", nil
	}
	if err := b.compare(ctx, key, size); err != nil {
		return "", err
	}
	return to, nil
}
