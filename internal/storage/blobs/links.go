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

// Delivery is how bytes reach who may read them.
type Delivery string

// The ways: through this process, by a signed URL of the store, or as is best. Auto signs where the store is reached
// over TLS by a public name and the file is worth the detour; everything else it streams.
const (
	Auto     Delivery = "auto"
	Stream   Delivery = "stream"
	Redirect Delivery = "redirect"
)

// DefaultLinkLifetime is how long a signed URL is good for at least where Options say nothing: a client follows it at
// once.
const DefaultLinkLifetime = 15 * time.Minute

// worthIt is from how many bytes on Auto sends a client to the store: below, asking twice takes longer than the bytes.
const worthIt = 1 << 20

// links makes signed URLs. A nil *links makes none.
type links struct {
	at       place
	own      bool // the bucket is another than the store's
	driver   driver
	lifetime time.Duration
	least    int64
	now      func() time.Time

	mu    sync.Mutex
	since time.Time       // the beginning of the piece of time that right is about
	right map[string]bool // keys whose sizes were compared in it
}

// openLinks returns what signs URLs for a store, nil where its bytes are streamed. With Redirect a store that cannot
// sign is fault.Invalid.
func openLinks(ctx context.Context, at place, d driver, o Options) (*links, error) {
	if o.Delivery != Redirect && o.Delivery != Auto {
		return nil, nil
	}
	l := &links{at: at, driver: d, lifetime: cmp.Or(o.LinkLifetime, DefaultLinkLifetime), now: o.Now}
	if l.now == nil {
		l.now = time.Now
	}
	if o.LinkURL != "" {
		var err error
		if l.at, l.driver, err = openDriver(ctx, o.LinkURL); err != nil {
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
			"delivery by redirect needs a store that signs URLs, and this one cannot: %v", err)
	}
	return l, nil
}

// link returns a URL for key, "" where the bytes are to be streamed. Time is cut into pieces of the lifetime, and a URL
// is good from the beginning of one piece to the end of the next: it stays the same for a piece, in every process, and
// lives at least as long as one.
func (l *links) link(ctx context.Context, key string, size int64) (string, error) {
	if l == nil || size < l.least {
		return "", nil
	}
	from := l.now().UTC().Truncate(l.lifetime)
	return l.driver.sign(ctx, l.at, key, from, from.Add(2*l.lifetime))
}

// How many keys are remembered as right, and how long a redirect waits for the store to tell a size.
const (
	mostRight = 100_000
	sizeTime  = 2 * time.Second
)

// known reports whether the size of a key was found right in this piece of time.
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

// compare asks the store for the size of an object to which a client is about to be sent, once for each piece of time.
// A store that cannot be asked is no reason to send nobody there.
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

// public reports whether a URL may be reached by whoever reaches us: over TLS, by a name with a dot or a public
// address.
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
		return "", explain("no address of the bytes can be made", err)
	}
	if to == "" {
		return "", nil
	}
	if err := b.compare(ctx, key, size); err != nil {
		return "", err
	}
	return to, nil
}
