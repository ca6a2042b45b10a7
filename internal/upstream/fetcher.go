package upstream

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"pyindex/internal/packaging"
)

// Fetcher asks upstreams. It bounds time, bytes, redirects and addresses, and sends the credential of an upstream to
// its origin only. Errors are of type *Failure, or of the context.
type Fetcher interface {
	// Page asks for the page of a project: the URL of the upstream, the normalized name and "/". With validators the
	// answer may be that nothing changed.
	Page(ctx context.Context, u Upstream, name packaging.ProjectName, v Validators) (Response, error)
	// List asks for the root list of all projects.
	List(ctx context.Context, u Upstream, v Validators) (Response, error)
	// Open asks for a file, its metadata or its provenance, without any content encoding, of at most limit bytes if limit
	// is positive.
	Open(ctx context.Context, u Upstream, at string, limit int64) (Body, error)
}

// Validators identify a page that is held, for a conditional request.
type Validators struct{ ETag, LastModified string }

// Response is a complete page of an upstream.
type Response struct {
	NotModified bool // the page that is held is current; the other fields but Validators are empty
	Body        []byte
	ContentType string
	URL         *url.URL // after redirects, for relative links
	Validators  Validators
	Serial      string // of the header X-PyPI-Last-Serial, "" if there is none
}

// Body is the content of a file while it arrives. Read returns a *Failure if it ends early.
type Body struct {
	io.ReadCloser
	Size        int64 // in bytes, -1 if the upstream does not say
	ContentType string
}

// FailureKind says what an upstream did instead of answering.
type FailureKind string

// Only Absent says that the upstream does not have the project. After every other failure it may have it.
const (
	Absent    FailureKind = "absent"    // a complete 404 or 410, with the credential accepted
	Refused   FailureKind = "refused"   // 401 or 403
	Wrong     FailureKind = "wrong"     // an answer that is not one: 5xx, an error page, too large, truncated, redirects
	Silent    FailureKind = "silent"    // no connection, or no answer in time
	Busy      FailureKind = "busy"      // 429, or too many requests of our own waiting
	Forbidden FailureKind = "forbidden" // the address is not allowed
	Loop      FailureKind = "loop"      // the request has come through this index, or too many others, already
)

// Failure is the error of an upstream that gave no usable answer. Its text names the upstream and never contains a
// credential.
type Failure struct {
	Upstream   string
	Kind       FailureKind
	Status     int           // of HTTP, 0 if there was none
	RetryAfter time.Duration // of Busy, 0 if unknown
	Limited    Visited       // of Loop: the index servers that asked no upstream for the answer
	Err        error
}

// Error returns the upstream's name and what happened.
func (f *Failure) Error() string { return fmt.Sprintf("upstream %s: %v", f.Upstream, f.Err) }

// Unwrap returns the cause.
func (f *Failure) Unwrap() error { return f.Err }

// Answered reports whether the upstream answered at all, so that a gateway calls it a bad answer rather than none.
func (f *Failure) Answered() bool {
	return f.Kind == Wrong || f.Kind == Refused || f.Kind == Forbidden || f.Kind == Loop
}
