package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"pyindex/internal/storage/blobs/remote"
)

// Bucket is a bucket of S3 or of a store that speaks its protocol. It implements driver.Bucket.
type Bucket struct {
	at        *url.URL
	http      aws.HTTPClient
	creds     aws.CredentialsProvider
	anonymous bool
	signer    *v4.Signer
	region    string
	policy    policy

	checksums, verify   bool
	encrypt, encryptKey string

	skewed bool         // correct requests by the clock of the store
	skew   atomic.Int64 // how far that is ahead of ours, in nanoseconds
}

// request is one request about a key, or about the bucket if key is "".
type request struct {
	method, key string
	query       url.Values
	header      http.Header
	body        []byte
}

// url returns the URL of a key. Everything that is not plain in it is escaped, as signatures demand.
func (b *Bucket) url(key string, query url.Values) *url.URL {
	u := *b.at
	u.RawPath = escape(u.Path) + "/" + escape(key)
	u.Path += "/" + key
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return &u
}

func escape(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(part), "+", "%20")
	}
	return strings.Join(parts, "/")
}

// do sends a request, again if that may help, and returns a successful response.
func (b *Bucket) do(ctx context.Context, r request) (*http.Response, error) {
	hash := digest(r.body)
	return remote.Try(ctx, b.policy, func() (*http.Response, error) { return b.once(ctx, r, hash) })
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

func (b *Bucket) once(ctx context.Context, r request, hash string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, r.method, "", bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	q.URL = b.url(r.key, r.query)
	q.Host = q.URL.Host
	if r.header != nil {
		q.Header = r.header.Clone()
	}
	q.Header.Set("Accept-Encoding", "identity") // or the length would be that of compressed bytes
	q.Header.Set("User-Agent", "index")
	if err := b.sign(ctx, q, hash); err != nil {
		return nil, err
	}
	sent := time.Now()
	answer, err := b.http.Do(q)
	if err != nil {
		return nil, &sendError{err}
	}
	if remote.OK(answer) {
		b.policy.worked()
		return answer, nil
	}
	refused := remote.Refusal(answer, parseError)
	b.correctClock(answer.Header, sent, refused.Code)
	return nil, refused
}

func (b *Bucket) sign(ctx context.Context, q *http.Request, hash string) error {
	if b.anonymous {
		return nil
	}
	creds, err := b.creds.Retrieve(ctx)
	if err != nil {
		return err
	}
	q.Header.Set("X-Amz-Content-Sha256", hash)
	return b.signer.SignHTTP(ctx, creds, q, hash, "s3", b.region, time.Now().Add(time.Duration(b.skew.Load())))
}

// correctClock notes the difference of the clocks if the store refused a request for it. The policy then tries again.
func (b *Bucket) correctClock(h http.Header, sent time.Time, code string) {
	if !b.skewed || code != "RequestTimeTooSkewed" && code != "RequestExpired" && code != "RequestInTheFuture" {
		return
	}
	if theirs, err := http.ParseTime(h.Get("Date")); err == nil {
		b.skew.Store(int64(theirs.Sub(sent)))
	}
}

// parseError reads the body of an error response. That to a HEAD has none.
func parseError(body []byte, e *remote.Error) {
	switch e.Status {
	case http.StatusNotFound:
		e.Code = "NotFound"
	case http.StatusForbidden:
		e.Code = "Forbidden"
	case http.StatusPreconditionFailed:
		e.Code = "PreconditionFailed"
	}
	var said struct{ Code, Message string }
	if xml.Unmarshal(body, &said) == nil && said.Code != "" {
		e.Code, e.Message = said.Code, said.Message
	}
}

// sendError is the failure of a request that got no response. AWS's policy tries again then.
type sendError struct{ error }

// ConnectionError reports that there was no response.
func (*sendError) ConnectionError() bool { return true }

// Unwrap returns the cause.
func (e *sendError) Unwrap() error { return e.error }

// policy is AWS's policy of retries.
type policy struct {
	retryer  aws.Retryer
	attempts int
}

func newPolicy(c aws.Config) policy {
	p := policy{retryer: c.Retryer()}
	if p.attempts = c.RetryMaxAttempts; p.attempts == 0 {
		p.attempts = p.retryer.MaxAttempts()
	}
	return p
}

// worked tells the client's own limit of retries about a success.
func (p policy) worked() { _ = p.retryer.GetInitialToken()(nil) }

// Again implements remote.Policy.
func (p policy) Again(ctx context.Context, n int, err error) (time.Duration, bool) {
	if n >= p.attempts && p.attempts > 0 || !p.retryer.IsErrorRetryable(err) && !clockError(err) {
		return 0, false
	}
	if _, limited := p.retryer.GetRetryToken(ctx, err); limited != nil {
		return 0, false
	}
	wait, err := p.retryer.RetryDelay(n, err)
	return wait, err == nil
}
