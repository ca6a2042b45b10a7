package client

import (
	"context"
	"net/http"
	"net/url"

	"pyindex/internal/upstream"
)

// Document is a document at a URL while it arrives. NotModified says that it is the one with the given validators, and
// that there is no body.
type Document struct {
	NotModified bool
	Body        upstream.Body
	Validators  upstream.Validators
}

// Document asks for the document at the URL of u, as a file of at most limit bytes. With validators the answer may be
// that nothing changed. The caller must close the body; until then it holds a place among the requests to that host.
func (c *Client) Document(
	ctx context.Context, u upstream.Upstream, v upstream.Validators, limit int64,
) (Document, error) {
	q := c.ask(u)
	at, err := url.Parse(u.URL)
	if err != nil {
		return Document{}, q.fail(upstream.Forbidden, 0, "the URL is not valid")
	}
	header := http.Header{"Accept": {"*/*"}, "Accept-Encoding": {"identity"}}
	conditional := addValidators(header, v)
	r, err := q.get(ctx, at, header, true)
	if err != nil {
		return Document{}, err
	}
	if r.StatusCode == http.StatusNotModified && conditional {
		return Document{NotModified: true}, r.Close()
	}
	if err := q.checkFile(r, limit); err != nil {
		r.Close()
		return Document{}, err
	}
	return Document{
		Body: upstream.Body{
			ReadCloser:  &file{response: r, limit: limit},
			Size:        r.ContentLength,
			ContentType: r.Header.Get("Content-Type"),
		},
		Validators: validatorsOf(r.Header),
	}, nil
}
