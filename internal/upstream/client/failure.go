package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"pyindex/internal/fetch/private"
	"pyindex/internal/upstream"
)

// Bounds of the wait that an upstream asks for.
const (
	minRetry = time.Second
	maxRetry = time.Minute

	maxOutage = 5 * time.Second // how long nothing is asked after a 503
)

// maxErrorText is the length of an error's text, in bytes.
const maxErrorText = 500

// Reasons why the client ended a request.
var (
	errSlow    = errors.New("the upstream did not answer in time")
	errStalled = errors.New("the upstream stopped sending")
	errLong    = errors.New("the upstream did not send the whole page in time")
)

// cause is the text of a failure without any credential. It does not keep the error that it describes.
type cause struct {
	text string
	is   error
}

// Error returns the text.
func (c *cause) Error() string { return c.text }

// Unwrap returns an error without a text of its own that callers recognize, such as context.DeadlineExceeded, or nil.
func (c *cause) Unwrap() error { return c.is }

// fail returns a failure with a text from which every secret of the question is removed.
func (q *question) fail(kind upstream.FailureKind, status int, format string, args ...any) *upstream.Failure {
	return q.failAs(nil, kind, status, fmt.Sprintf(format, args...))
}

// failAs is fail for a failure that callers recognize by errors.Is.
func (q *question) failAs(is error, kind upstream.FailureKind, status int, text string) *upstream.Failure {
	return &upstream.Failure{
		Upstream: q.u.Name,
		Kind:     kind,
		Status:   status,
		Err:      &cause{text: q.clean(text), is: is},
	}
}

// clean removes secrets and unprintable characters from a text, and shortens it.
func (q *question) clean(text string) string {
	for _, s := range q.secrets {
		if len(s) > 3 {
			text = withoutSecret(text, s)
		}
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(text) > maxErrorText {
		text = strings.ToValidUTF8(text[:maxErrorText], "") + "…"
	}
	return text
}

// withoutSecret replaces a secret in a text in any case of letters, because a server may have repeated it in a header
// that is compared in lower case.
func withoutSecret(text, secret string) string {
	var b strings.Builder
	secret = lower(secret)
	for folded := lower(text); ; {
		i := strings.Index(folded, secret)
		if i < 0 {
			b.WriteString(text)
			return b.String()
		}
		b.WriteString(text[:i] + "[secret]")
		text, folded = text[i+len(secret):], folded[i+len(secret):]
	}
}

// lower returns s with ASCII letters in lower case, which does not change its length.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// failed returns the failure for an error of a request or of reading its body. ctx is that of the caller, and why the
// reason for which the client ended the request itself, if it did.
func (q *question) failed(ctx context.Context, why error, host string, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return fmt.Errorf("upstream %s: %w", q.u.Name, context.Canceled)
	case ctx.Err() != nil:
		return q.failAs(context.DeadlineExceeded, upstream.Silent, 0, host+" did not answer before the deadline")
	case errors.Is(why, errSlow), errors.Is(why, errStalled), errors.Is(why, errLong):
		return q.fail(upstream.Silent, 0, "%s: %v", host, why)
	}
	if f, ok := errors.AsType[*upstream.Failure](err); ok {
		return f
	}
	if refused, ok := errors.AsType[private.Refused](err); ok {
		return q.fail(upstream.Forbidden, 0, "%s has an address that is not allowed: %v", host, refused)
	}
	kind := upstream.Wrong
	if silent(err) {
		kind = upstream.Silent
	}
	through := ""
	if q.proxy != "" {
		through = " through the proxy " + q.proxy
	}
	return q.fail(kind, 0, "request to %s%s: %s", host, through, described(err))
}

// silent reports whether an error before the response's header means that there was no answer.
func silent(err error) bool {
	if _, dial := errors.AsType[*net.DNSError](err); dial {
		return true
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	if n, ok := errors.AsType[net.Error](err); ok && n.Timeout() {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// described returns the text of an error without the URL of the request, which may contain a signature.
func described(err error) string {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if c, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](c.Err); unknown {
			return "its certificate is signed by an unknown authority: set ca_file to that of its authority"
		}
	}
	if errors.Is(err, io.EOF) {
		return "the connection was closed without an answer"
	}
	return err.Error()
}

// hostOf returns the scheme and host of a URL for errors. Path and query may contain a signature.
func hostOf(u *url.URL) string { return u.Scheme + "://" + u.Host }

// judge returns the failure that the status of a response means, and nil for 200 and 304.
func (q *question) judge(r *response) *upstream.Failure {
	status, host := r.StatusCode, hostOf(r.at)
	switch {
	case status == http.StatusOK || status == http.StatusNotModified:
		return nil
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		why := ""
		if r.away && hasCredential(q.u) {
			why = ", without the credential, which goes to " + q.origin + " only"
		}
		return q.fail(upstream.Refused, status, "%s answered %s%s", host, statusText(status), why)
	case status == http.StatusTooManyRequests,
		status == http.StatusServiceUnavailable && r.Header.Get("Retry-After") != "":
		f := q.fail(upstream.Busy, status, "%s answered %s", host, statusText(status))
		f.RetryAfter = retryAfter(r.Header, q.c.o.Now())
		rest := f.RetryAfter
		if status == http.StatusServiceUnavailable {
			rest = min(rest, maxOutage) // it may be about one page
		}
		q.c.queue.rest(q.u.Name, r.at, rest)
		return f
	}
	return q.fail(upstream.Wrong, status, "%s answered %s", host, statusText(status))
}

func statusText(status int) string {
	return strings.TrimSpace(strconv.Itoa(status) + " " + http.StatusText(status))
}

// retryAfter returns the wait that a header asks for, in seconds or as a date, within bounds.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(now), minRetry), maxRetry)
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return minRetry
	}
	return max(time.Duration(min(n, uint64(maxRetry/time.Second)))*time.Second, minRetry)
}
