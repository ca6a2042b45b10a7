package client

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"pyindex/internal/fetch/private"
	"pyindex/internal/upstream"
)

// question is one question to an upstream. It lasts for one call.
type question struct {
	c         *Client
	u         upstream.Upstream
	origin    string
	anonymous bool      // the credential is not sent
	secrets   []string  // kept out of errors
	proxy     string    // scheme and host of the proxy that the last request used, or ""
	last      *response // the last one, or nil
}

// request is one request of a question.
type request struct {
	method  string
	at      *url.URL
	header  http.Header
	body    []byte
	trusted bool // it carries the client certificate and, with authorization, the credential
	auth    string
	file    bool // it takes a place among those for files
}

// response is a response whose header has arrived. The caller must close it.
type response struct {
	*http.Response
	body    *body
	at      *url.URL // that answered
	away    bool     // another origin answered, or was passed
	trusted bool     // the credential, if there is one, was sent
}

// Close ends the request and returns its place.
func (r *response) Close() error { return r.body.Close() }

// get asks for a URL and follows redirects. The credential goes along as long as every URL is of the upstream's origin.
// A redirect that leads away and back comes back without it.
func (q *question) get(ctx context.Context, at *url.URL, header http.Header, file bool) (*response, error) {
	if !upstream.VisitedOf(ctx).MayAsk(q.c.o.Instance) {
		return nil, q.fail(upstream.Loop, 0,
			"the request has passed through this index, or through more than three others, already")
	}
	away := false
	for hops := 0; ; hops++ {
		away = away || origin(at) != q.origin
		m := request{method: http.MethodGet, at: at, header: header, file: file, trusted: !away && !q.anonymous}
		r, err := q.once(ctx, m)
		if err != nil {
			return nil, err
		}
		r.away = away
		if !slices.Contains(redirects, r.StatusCode) {
			return r, nil
		}
		next, err := q.follow(r, hops)
		if r.ContentLength > 0 && r.ContentLength <= maxDrained {
			_, _ = io.Copy(io.Discard, r.body)
		}
		r.Close()
		if err != nil {
			return nil, err
		}
		at = next
	}
}

// redirects are the statuses that lead to another URL.
var redirects = []int{
	http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect,
	http.StatusPermanentRedirect,
}

// follow returns the URL that a redirect leads to.
func (q *question) follow(r *response, hops int) (*url.URL, error) {
	host := hostOf(r.at)
	if hops == maxRedirects {
		return nil, q.fail(upstream.Wrong, r.StatusCode, "redirected more than %d times, at last by %s", maxRedirects, host)
	}
	location := r.Header.Get("Location")
	next, err := r.at.Parse(location)
	if err != nil || location == "" || len(location) > maxLocation {
		return nil, q.fail(upstream.Wrong, r.StatusCode, "%s redirected to no valid URL", host)
	}
	if next.User != nil {
		return nil, q.fail(upstream.Wrong, r.StatusCode, "%s redirected to a URL with a password", host)
	}
	next.Fragment, next.RawFragment = "", ""
	return next, nil
}

// once sends a request with the credential if it is trusted. If an exchanged token is refused, it is exchanged again if
// the platform has written a new identity token by then.
func (q *question) once(ctx context.Context, m request) (*response, error) {
	for again := false; ; again = true {
		if m.trusted {
			var err error
			if m.auth, err = q.authorization(ctx); err != nil {
				return nil, err
			}
		}
		r, err := q.send(ctx, m)
		if err != nil || again || r.StatusCode != http.StatusUnauthorized || !m.trusted || !q.renewed(ctx, m.auth) {
			return r, err
		}
		r.Close()
	}
}

// renewed reports whether there is another exchanged token than the one that was refused.
func (q *question) renewed(ctx context.Context, refused string) bool {
	if q.u.IdentityTokenFile == "" {
		return false
	}
	c := q.c.credentialOf(q.u)
	return c.identity.replace(ctx, q, &c.file, refused)
}

// acceptable returns a failure unless a URL may be asked for.
func (q *question) acceptable(at *url.URL) error {
	switch {
	case at.Hostname() == "" || at.Opaque != "":
		return q.fail(upstream.Forbidden, 0, "%s is not an address to connect to", hostOf(at))
	case at.User != nil:
		return q.fail(upstream.Forbidden, 0, "the address at %s contains a password", hostOf(at))
	case at.Scheme == "http" && !q.u.AllowPrivate:
		return q.fail(upstream.Forbidden, 0, "%s is not https, and the upstream does not have allow_private", hostOf(at))
	case at.Scheme != "https" && at.Scheme != "http":
		return q.fail(upstream.Forbidden, 0, "%s is not https", hostOf(at))
	}
	return nil
}

// send sends one request, once there is a place for it, and returns the response as soon as its header is there.
func (q *question) send(ctx context.Context, m request) (*response, error) {
	if err := q.acceptable(m.at); err != nil {
		return nil, err
	}
	host := hostOf(m.at)
	if wait := q.c.queue.resting(q.u.Name, m.at); wait > 0 {
		f := q.fail(upstream.Busy, 0, "%s asked not to be asked for a while", host)
		f.RetryAfter = min(max(wait, minRetry), maxRetry)
		return nil, f
	}
	line, err := q.line(m.at, m.trusted)
	if err != nil {
		return nil, q.unready(ctx, host, err)
	}
	leave, err := q.c.queue.enter(ctx, m.at, m.file)
	if errors.Is(err, errQueue) {
		f := q.fail(upstream.Busy, 0, "%d requests to %s are running, and no place became free", q.c.o.Places, host)
		f.RetryAfter = minRetry
		return nil, f
	} else if err != nil {
		return nil, q.failed(ctx, nil, host, err)
	}
	own, cancel := context.WithCancelCause(ctx)
	// A proxy may keep the connection waiting, which none of the transport's own limits covers.
	slow := time.AfterFunc(2*q.c.o.Connect+q.c.o.FirstByte, func() { cancel(errSlow) })
	resp, err := line.RoundTrip(q.build(own, m))
	if !slow.Stop() && err == nil {
		resp.Body.Close()
		err = errSlow
	}
	if err != nil {
		why := context.Cause(own)
		cancel(nil)
		leave()
		return nil, q.failed(ctx, why, host, err)
	}
	b := newBody(q, ctx, own, cancel, leave, resp.Body, host)
	q.last = &response{Response: resp, body: b, at: m.at, trusted: m.trusted}
	return q.last, nil
}

// unready returns the failure if there can be no connection because of a setting or of the name of the host.
func (q *question) unready(ctx context.Context, host string, err error) error {
	if _, refused := errors.AsType[private.Refused](err); refused {
		return q.failed(ctx, nil, host, err)
	}
	return q.fail(upstream.Silent, 0, "%v", err)
}

// build returns the request as the transport takes it.
func (q *question) build(ctx context.Context, m request) *http.Request {
	r := (&http.Request{
		Method:     m.method,
		URL:        m.at,
		Host:       m.at.Host,
		Header:     m.header.Clone(),
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
	}).WithContext(ctx)
	if m.body != nil {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(m.body)), nil }
		r.Body, _ = r.GetBody()
		r.ContentLength = int64(len(m.body))
		r.Header["X-Idempotency-Key"] = nil // not sent: the transport may try again if an idle connection was closed
	}
	r.Header.Set("User-Agent", q.c.userAgent)
	r.Header.Set("Via", upstream.VisitedOf(ctx).Via(q.c.o.Instance))
	if m.trusted && m.auth != "" {
		r.Header.Set("Authorization", m.auth)
	}
	return r
}
