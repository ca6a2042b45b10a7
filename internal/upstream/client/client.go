// Package client asks upstream indexes over HTTP.
//
// An upstream is another party's server, and the files on its pages are on hosts that it names, so the client trusts
// neither. It connects only to public addresses by https, unless the upstream may have private ones, and checks the
// address of each connection when the connection opens. Time, bytes, headers, redirects and concurrent requests are
// bounded. The credential of an upstream is sent to its origin only, and no error contains it. An answer that did not
// arrive complete is a failure, never a shorter page.
package client

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
)

// Defaults of Options.
const (
	defaultConnect   = 10 * time.Second
	defaultFirstByte = 30 * time.Second
	defaultStall     = 30 * time.Second
	defaultPageTime  = 2 * time.Minute
	defaultQueue     = 5 * time.Second
	defaultPlaces    = 64
	defaultPageSize  = 64 << 20
	defaultListSize  = 256 << 20
)

// Limits without an option.
const (
	maxHeader    = 64 << 10 // bytes of the header of a response
	maxRedirects = 5
	maxLocation  = 8 << 10 // bytes of the address of a redirect
	maxErrorPage = 1 << 20 // bytes of a page that says that something is absent
	maxValidator = 1 << 10 // bytes of an ETag or a Last-Modified that is kept
	maxSerial    = 64      // bytes of a serial
	maxDrained   = 2 << 10 // bytes that are read after a redirect, to use its connection again
	listTime     = 5       // times PageTime, for a root list
)

// Options configure a Client. Each field has a default.
type Options struct {
	Version  string // of this program, for User-Agent
	Instance string // id of this index, for Via
	Now      func() time.Time
	Resolver *net.Resolver // nil for the system's
	// Proxy returns the egress proxy for a URL, for upstreams without a proxy of their own. The default is the proxy of
	// the environment (HTTPS_PROXY, NO_PROXY).
	Proxy func(*url.URL) (*url.URL, error)

	Connect   time.Duration // for opening a connection, and again for TLS (10 s)
	FirstByte time.Duration // from the request to the end of the response's header (30 s)
	Stall     time.Duration // without a kilobyte of the body (30 s)
	PageTime  time.Duration // for a whole page (2 min); files have no such limit
	Queue     time.Duration // for a place among the requests to a host (5 s)
	Places    int           // requests to a host at once, for pages, and again for files (64)
	PageSize  int64         // bytes of a page after decompression (64 MiB)
	ListSize  int64         // bytes of a root list after decompression (256 MiB)
}

// withDefaults returns o with every field set.
func (o Options) withDefaults() Options {
	o.Connect = cmp.Or(o.Connect, defaultConnect)
	o.FirstByte = cmp.Or(o.FirstByte, defaultFirstByte)
	o.Stall = cmp.Or(o.Stall, defaultStall)
	o.PageTime = cmp.Or(o.PageTime, defaultPageTime)
	o.Queue = cmp.Or(o.Queue, defaultQueue)
	o.Places = cmp.Or(o.Places, defaultPlaces)
	o.PageSize = cmp.Or(o.PageSize, defaultPageSize)
	o.ListSize = cmp.Or(o.ListSize, defaultListSize)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Proxy == nil {
		o.Proxy = func(u *url.URL) (*url.URL, error) { return http.ProxyFromEnvironment(&http.Request{URL: u}) }
	}
	return o
}

// Client asks upstreams. It is safe for concurrent use, and keeps connections open between requests.
type Client struct {
	o         Options
	userAgent string
	queue     *queue
	guard     func(allowPrivate bool) control // tests exempt a server of theirs

	mu    sync.Mutex
	links map[string]*link // by name of the upstream
}

var _ upstream.Fetcher = (*Client)(nil)

// New returns a client.
func New(o Options) *Client {
	o = o.withDefaults()
	return &Client{
		o:         o,
		userAgent: "index/" + cmp.Or(token(o.Version), "0"),
		queue:     newQueue(o.Places, o.Queue, o.Now),
		guard:     guard,
		links:     map[string]*link{},
	}
}

// token returns the characters of s that a product version in a User-Agent may have.
func token(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' ||
			strings.ContainsRune("!#$%&'*+-.^_`|~", r) {
			return r
		}
		return -1
	}, s)
}

// accept is the Accept header of a request for a page: JSON, and HTML from servers that have no other form.
const accept = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01"

// Page asks for the page of a project. A *upstream.Failure of kind Absent is certain: the upstream answered completely,
// and the credential was accepted. If ctx is canceled, the error is that of ctx and not a failure of the upstream; if
// its deadline passes, the upstream was Silent.
func (c *Client) Page(
	ctx context.Context, u upstream.Upstream, name packaging.ProjectName, v upstream.Validators,
) (upstream.Response, error) {
	return c.ask(u).project(ctx, name, v)
}

// List asks for the root list. Its failures are those of Page.
func (c *Client) List(
	ctx context.Context, u upstream.Upstream, v upstream.Validators,
) (upstream.Response, error) {
	return c.ask(u).list(ctx, v)
}

// Open asks for a file, its metadata or its provenance. If limit is positive, a longer body is a failure. The caller
// must close the body; until then it holds a place among the requests to that host.
func (c *Client) Open(ctx context.Context, u upstream.Upstream, at string, limit int64) (upstream.Body, error) {
	q := c.ask(u)
	target, err := url.Parse(at)
	if err != nil {
		return upstream.Body{}, q.fail(upstream.Forbidden, 0, "the address of the file is not valid")
	}
	target.Fragment, target.RawFragment = "", ""
	return q.open(ctx, target, limit)
}

// Query posts a question to an address of the upstream's origin, and returns the answer of at most limit bytes. It does
// not follow redirects. It sends the question once.
func (c *Client) Query(
	ctx context.Context, u upstream.Upstream, at, contentType string, body []byte, limit int64,
) (upstream.Body, error) {
	q := c.ask(u)
	target, err := url.Parse(at)
	if err != nil || origin(target) != q.origin {
		return upstream.Body{}, q.fail(upstream.Forbidden, 0, "the address of the question is not one of the upstream")
	}
	return q.query(ctx, target, contentType, body, limit)
}

// ask begins a question to an upstream.
func (c *Client) ask(u upstream.Upstream) *question {
	return &question{c: c, u: u, origin: originOf(u.URL)}
}

// originOf returns the origin of a URL, or "" if it is not a URL.
func originOf(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return origin(u)
}

// origin returns the scheme, host and port of a URL in one spelling.
func origin(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[scheme]
	}
	return fmt.Sprintf("%s://%s", scheme, net.JoinHostPort(strings.ToLower(u.Hostname()), port))
}

// isPageOf reports whether a URL is that of a project's page in some spelling, so that an answer there is about the
// project. A sign-in page is not.
func isPageOf(u *url.URL, name packaging.ProjectName) bool {
	got, err := packaging.ParseProjectName(lastSegment(u))
	return err == nil && got == name
}

// lastSegment returns the last part of a URL's path that is not the name of an index file.
func lastSegment(u *url.URL) string {
	parts := strings.FieldsFunc(u.Path, func(r rune) bool { return r == '/' })
	if n := len(parts); n > 1 && strings.HasPrefix(parts[n-1], "index.") {
		parts = parts[:n-1]
	}
	if len(parts) == 0 {
		return ""
	}
	return parts[len(parts)-1]
}
