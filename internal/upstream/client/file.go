package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"pyindex/internal/upstream"
)

// open asks for a file.
func (q *question) open(ctx context.Context, at *url.URL, limit int64) (upstream.Body, error) {
	header := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}}
	r, err := q.get(ctx, at, header, true)
	if err != nil {
		return upstream.Body{}, err
	}
	if err := q.checkFile(r, limit); err != nil {
		r.Close()
		return upstream.Body{}, err
	}
	return upstream.Body{
		ReadCloser:  &file{response: r, limit: limit},
		Size:        r.ContentLength,
		ContentType: r.Header.Get("Content-Type"),
	}, nil
}

// query posts a question.
func (q *question) query(
	ctx context.Context, at *url.URL, contentType string, body []byte, limit int64,
) (upstream.Body, error) {
	header := http.Header{"Accept": {"application/json"}, "Accept-Encoding": {"identity"}, "Content-Type": {contentType}}
	m := request{method: http.MethodPost, at: at, header: header, body: body, trusted: true, file: true}
	r, err := q.once(ctx, m)
	if err != nil {
		return upstream.Body{}, err
	}
	if err := q.checkFile(r, limit); err != nil {
		r.Close()
		return upstream.Body{}, err
	}
	return upstream.Body{
		ReadCloser:  &file{response: r, limit: limit},
		Size:        r.ContentLength,
		ContentType: r.Header.Get("Content-Type"),
	}, nil
}

// checkFile returns a failure unless a response has the bytes of a whole file.
func (q *question) checkFile(r *response, limit int64) error {
	if r.StatusCode == http.StatusNotFound || r.StatusCode == http.StatusGone {
		return q.absent(r, true, false)
	}
	if f := q.judge(r); f != nil {
		return f
	}
	host := hostOf(r.at)
	encoding := strings.TrimSpace(strings.Join(r.Header.Values("Content-Encoding"), ","))
	switch {
	case r.StatusCode != http.StatusOK:
		return q.fail(upstream.Wrong, r.StatusCode, "%s answered %s", host, statusText(r.StatusCode))
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		return q.fail(upstream.Wrong, r.StatusCode, "%s encoded the file as %q although it was asked not to", host, encoding)
	case limit > 0 && r.ContentLength > limit:
		return q.tooLong(host, limit)
	}
	return nil
}

func (q *question) tooLong(host string, limit int64) error {
	return q.fail(upstream.Wrong, http.StatusOK, "the file of %s is longer than %d bytes", host, limit)
}

// file is the body of a file. It ends with a failure if it is longer than the limit.
type file struct {
	*response
	limit int64 // 0 for none
	read  int64
}

// Read reads from the file. Its error is io.EOF or a failure.
func (f *file) Read(p []byte) (int, error) {
	n, err := f.body.Read(p)
	if f.read += int64(n); f.limit > 0 && f.read > f.limit {
		f.body.err = f.body.q.tooLong(f.body.host, f.limit)
		return 0, f.body.err
	}
	return n, err
}

var _ io.ReadCloser = (*file)(nil)
