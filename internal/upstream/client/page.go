package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream"
)

// project asks for the page of a project.
func (q *question) project(
	ctx context.Context, name packaging.ProjectName, v upstream.Validators,
) (upstream.Response, error) {
	at, err := url.Parse(q.u.URL + name.String() + "/")
	if err != nil || name.IsZero() {
		return upstream.Response{}, q.fail(upstream.Forbidden, 0, "the URL of the upstream is not valid")
	}
	l := limits{q.c.o.PageSize, q.c.o.PageTime}
	return q.page(ctx, at, v, l, func(final *url.URL) bool { return isPageOf(final, name) })
}

// list asks for the root list.
func (q *question) list(ctx context.Context, v upstream.Validators) (upstream.Response, error) {
	at, err := url.Parse(q.u.URL)
	if err != nil {
		return upstream.Response{}, q.fail(upstream.Forbidden, 0, "the URL of the upstream is not valid")
	}
	l := limits{q.c.o.ListSize, listTime * q.c.o.PageTime}
	return q.page(ctx, at, v, l, func(final *url.URL) bool { return lastSegment(final) == lastSegment(at) })
}

// limits are the bounds of a page.
type limits struct {
	size int64 // in bytes, decoded
	time time.Duration
}

// page asks for a page. about reports whether an answer at a URL is one about what was asked for.
func (q *question) page(
	ctx context.Context, at *url.URL, v upstream.Validators, l limits, about func(*url.URL) bool,
) (upstream.Response, error) {
	header := http.Header{"Accept": {accept}, "Accept-Encoding": {"gzip"}}
	conditional := addValidators(header, v)
	r, err := q.get(ctx, at, header, false)
	if err != nil {
		return upstream.Response{}, err
	}
	defer r.Close()
	whole := time.AfterFunc(l.time, func() { r.body.stop(errLong) })
	defer whole.Stop()
	if by := upstream.ParseLimited(r.Header[upstream.LimitedHeader], q.c.o.Instance); len(by) > 0 {
		f := q.fail(upstream.Loop, r.StatusCode, "%s asked none of its upstreams, because of the way of this request",
			hostOf(r.at))
		f.Limited = by
		return upstream.Response{}, f
	}
	if r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusGone {
		return upstream.Response{}, q.absent(r, about(r.at), true)
	}
	if f := q.judge(r); f != nil {
		return upstream.Response{}, f
	}
	out := upstream.Response{
		NotModified: r.StatusCode == http.StatusNotModified,
		Validators:  validatorsOf(r.Header),
	}
	if out.NotModified {
		if !conditional {
			return upstream.Response{}, q.fail(upstream.Wrong, r.StatusCode,
				"%s answered 304 to a request without validators", hostOf(r.at))
		}
		out.Validators.ETag = cmp.Or(out.Validators.ETag, v.ETag)
		out.Validators.LastModified = cmp.Or(out.Validators.LastModified, v.LastModified)
		return out, nil
	}
	out.ContentType = r.Header.Get("Content-Type")
	if s := r.Header.Get("X-PyPI-Last-Serial"); len(s) <= maxSerial && valid(s) {
		out.Serial = s
	}
	if err := q.checkType(r, about(r.at)); err != nil {
		return upstream.Response{}, err
	}
	if out.Body, err = q.read(r, l.size); err != nil {
		return upstream.Response{}, err
	}
	out.URL = &url.URL{Scheme: r.at.Scheme, Host: r.at.Host, Path: r.at.Path, RawPath: r.at.RawPath}
	return out, nil
}

// addValidators makes a request conditional, and reports whether there are validators.
func addValidators(h http.Header, v upstream.Validators) bool {
	if valid(v.ETag) {
		h.Set("If-None-Match", v.ETag)
	}
	if valid(v.LastModified) {
		h.Set("If-Modified-Since", v.LastModified)
	}
	return h.Get("If-None-Match") != "" || h.Get("If-Modified-Since") != ""
}

// validatorsOf returns the validators of a response, without those that are too long to be kept.
func validatorsOf(h http.Header) (v upstream.Validators) {
	if e := h.Get("ETag"); valid(e) {
		v.ETag = e
	}
	if m := h.Get("Last-Modified"); valid(m) {
		v.LastModified = m
	}
	return v
}

// valid reports whether a validator can be kept and sent.
func valid(s string) bool {
	return s != "" && len(s) <= maxValidator && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// absent returns the failure for a 404 or 410. It is Absent only if it is certain that the upstream does not have what
// was asked for: the answer is complete and about that, and, for a page, the upstream had the credential. Files may be
// on hosts that need none.
func (q *question) absent(r *response, about, page bool) error {
	host, status := hostOf(r.at), statusText(r.StatusCode)
	n, err := io.Copy(io.Discard, io.LimitReader(r.body, maxErrorPage+1))
	switch {
	case err != nil:
		return err
	case n > maxErrorPage:
		return q.fail(upstream.Wrong, r.StatusCode, "%s answered %s with an endless page", host, status)
	case !about:
		return q.fail(upstream.Wrong, r.StatusCode, "redirected to another page, for which %s answered %s", host, status)
	case page && r.away && hasCredential(q.u):
		return q.fail(upstream.Wrong, r.StatusCode,
			"redirected to %s, which answered %s without the credential", host, status)
	}
	return q.fail(upstream.Absent, r.StatusCode, "%s answered %s", host, status)
}

// checkType returns a failure unless a response may be a page. HTML is only a page at a URL that is about what was
// asked for: a sign-in page is HTML too, and has no files.
func (q *question) checkType(r *response, about bool) error {
	text := r.Header.Get("Content-Type")
	kind, _, err := mime.ParseMediaType(text)
	if errors.Is(err, mime.ErrInvalidMediaParameter) {
		err = nil
	}
	simple, named := strings.CutPrefix(kind, "application/vnd.pypi.simple.")
	version, _, _ := strings.Cut(simple, "+")
	host := hostOf(r.at)
	switch {
	case named && version != "v1" && version != "latest":
		return q.fail(upstream.Wrong, r.StatusCode, "%s answered in version %q of the simple API, which is not known here",
			host, version)
	case !about && !named:
		return q.fail(upstream.Wrong, r.StatusCode, "redirected to another page at %s, such as a sign-in page", host)
	case named, text == "":
	case err != nil, kind != "text/html" && kind != "application/xhtml+xml" && kind != "application/json":
		return q.fail(upstream.Wrong, r.StatusCode, "%s answered with content of type %q, which is not a page", host, text)
	}
	return nil
}

// read returns the whole body of a page, decoded.
func (q *question) read(r *response, limit int64) ([]byte, error) {
	host := hostOf(r.at)
	tooLarge := func() error {
		return q.fail(upstream.Wrong, r.StatusCode, "the page of %s is larger than %d MiB", host, limit>>20)
	}
	if r.ContentLength > limit {
		return nil, tooLarge()
	}
	// The compressed bytes have the same limit: empty gzip members are endless and decode to nothing. The decoder reads
	// until the end of the body, so an answer that is not complete is an error here too.
	raw := &io.LimitedReader{R: r.body, N: limit + 1}
	var in io.Reader = raw
	encoding := strings.ToLower(strings.Join(r.Header.Values("Content-Encoding"), ","))
	switch strings.TrimSpace(encoding) {
	case "", "identity":
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(raw)
		if err != nil {
			return nil, q.undecoded(host, err)
		}
		defer z.Close()
		in = z
	default:
		return nil, q.fail(upstream.Wrong, r.StatusCode, "%s encoded the page as %q, which was not asked for", host, encoding)
	}
	var b []byte
	var err error
	if in == io.Reader(raw) && r.ContentLength > 0 && r.ContentLength <= trusted {
		b = make([]byte, r.ContentLength)
		_, err = io.ReadFull(in, b)
	} else {
		b, err = gather(io.LimitReader(in, limit+1))
	}
	n := int64(len(b))
	switch {
	case err == nil && (n > limit || raw.N == 0):
		return nil, tooLarge()
	case err != nil:
		return nil, q.undecoded(host, err)
	case n == 0:
		return nil, q.fail(upstream.Wrong, r.StatusCode, "the page of %s is empty", host)
	case endsByClose(r) && in == io.Reader(raw) && cutHTML(b):
		return nil, q.fail(upstream.Wrong, r.StatusCode, "the page of %s ends in the middle", host)
	}
	return b, nil
}

// pieces are buffers for pages whose length is not known yet. A slice that grows would take up to three times the page.
var pieces = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// trusted is the largest stated length of a page for which memory is taken before the page arrives, in bytes.
const trusted = 16 << 20

// keptPieces is the largest number of buffers of one page that are used again.
const keptPieces = 4

// gather reads everything into a slice of exactly that length.
func gather(in io.Reader) ([]byte, error) {
	var parts []*[256 << 10]byte
	defer func() {
		if len(parts) <= keptPieces { // those of large pages would stay for a while
			for _, p := range parts {
				pieces.Put(p)
			}
		}
	}()
	var err error
	total, free := 0, []byte(nil)
	for err == nil {
		if len(free) == 0 {
			p := pieces.Get().(*[256 << 10]byte)
			parts, free = append(parts, p), p[:]
		}
		var n int
		n, err = in.Read(free)
		total, free = total+n, free[n:]
	}
	if err != io.EOF {
		return nil, err
	}
	out := make([]byte, 0, total)
	for _, p := range parts {
		out = append(out, p[:min(len(p), total-len(out))]...)
	}
	return out, nil
}

// undecoded returns the failure for a body that cannot be read or decoded.
func (q *question) undecoded(host string, err error) error {
	if f, ok := errors.AsType[*upstream.Failure](err); ok {
		return f
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return q.fail(upstream.Wrong, 0, "the page of %s is not complete, or is damaged: %v", host, err)
}

// endsByClose reports whether nothing but the end of the connection ends a body, so that a broken connection looks the
// same as the end.
func endsByClose(r *response) bool {
	return r.ContentLength < 0 && len(r.TransferEncoding) == 0 && r.ProtoMajor == 1
}

// cutHTML reports whether a page is HTML that does not end as HTML does. Text in JSON shows that when it is parsed.
func cutHTML(b []byte) bool {
	if !bytes.HasPrefix(bytes.TrimLeft(b, "\ufeff \t\r\n"), []byte("<")) {
		return false
	}
	end := bytes.ToLower(b[max(0, len(b)-1024):])
	return !bytes.Contains(end, []byte("</html")) && !bytes.Contains(end, []byte("</body"))
}
