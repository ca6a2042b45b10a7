package s3

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"pyindex/internal/storage/blobs/remote"
)

var _ driver.Bucket = (*Bucket)(nil)

// clockError reports whether a request was refused for the time in its signature.
func clockError(err error) bool {
	e, ok := errors.AsType[*remote.Error](err)
	return ok && (e.Code == "RequestTimeTooSkewed" || e.Code == "RequestExpired" || e.Code == "RequestInTheFuture")
}

// ErrorCode implements driver.Bucket.
func (*Bucket) ErrorCode(err error) gcerrors.ErrorCode {
	e, ok := errors.AsType[*remote.Error](err)
	switch {
	case !ok:
		return gcerrors.Unknown
	case slices.Contains([]string{"NoSuchBucket", "NoSuchKey", "NotFound", "ObjectNotInActiveTierError"}, e.Code):
		return gcerrors.NotFound
	case e.Code == "PreconditionFailed":
		return gcerrors.FailedPrecondition
	case e.Status == http.StatusForbidden || e.Status == http.StatusUnauthorized:
		return gcerrors.PermissionDenied
	case e.Status == http.StatusTooManyRequests || e.Code == "SlowDown":
		return gcerrors.ResourceExhausted
	}
	return gcerrors.Unknown
}

// As implements driver.Bucket. There is no vendor's type.
func (*Bucket) As(any) bool { return false }

// ErrorAs implements driver.Bucket.
func (*Bucket) ErrorAs(err error, i any) bool { return errors.As(err, i) }

// Close implements driver.Bucket.
func (*Bucket) Close() error { return nil }

// Attributes implements driver.Bucket.
func (b *Bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	r, err := b.do(ctx, request{method: http.MethodHead, key: key})
	if err != nil {
		return nil, err
	}
	r.Body.Close()
	h := r.Header
	a := &driver.Attributes{
		CacheControl: h.Get("Cache-Control"), ContentDisposition: h.Get("Content-Disposition"),
		ContentEncoding: h.Get("Content-Encoding"), ContentLanguage: h.Get("Content-Language"),
		ContentType: h.Get("Content-Type"), ModTime: remote.Time(h), Size: r.ContentLength, ETag: h.Get("ETag"),
		MD5: md5Of(h.Get("ETag")), Metadata: map[string]string{}, AsFunc: b.As,
	}
	for name := range h {
		if short, ok := strings.CutPrefix(name, "X-Amz-Meta-"); ok {
			a.Metadata[strings.ToLower(short)] = h.Get(name)
		}
	}
	return a, nil
}

// md5Of returns the MD5 digest that an ETag is, or nil: that of a file in several parts is none.
func md5Of(etag string) []byte {
	p, err := hex.DecodeString(strings.Trim(etag, `"`))
	if err != nil || len(p) != 16 {
		return nil
	}
	return p
}

// ListPaged implements driver.Bucket.
func (b *Bucket) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	q := url.Values{"list-type": {"2"}}
	for name, value := range map[string]string{
		"prefix": o.Prefix, "delimiter": o.Delimiter, "continuation-token": string(o.PageToken),
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.PageSize > 0 {
		q.Set("max-keys", strconv.Itoa(o.PageSize))
	}
	var listed struct {
		NextContinuationToken string
		Contents              []struct {
			Key, ETag    string
			LastModified time.Time
			Size         int64
		}
		CommonPrefixes []struct{ Prefix string }
	}
	if err := b.call(ctx, request{method: http.MethodGet, query: q}, &listed); err != nil {
		return nil, err
	}
	page := &driver.ListPage{NextPageToken: []byte(listed.NextContinuationToken)}
	for _, c := range listed.Contents {
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: c.Key, ModTime: c.LastModified, Size: c.Size, MD5: md5Of(c.ETag), AsFunc: b.As,
		})
	}
	for _, c := range listed.CommonPrefixes {
		page.Objects = append(page.Objects, &driver.ListObject{Key: c.Prefix, IsDir: true, AsFunc: b.As})
	}
	slices.SortStableFunc(page.Objects, func(x, y *driver.ListObject) int { return strings.Compare(x.Key, y.Key) })
	return page, nil
}

// mostOfAnswer bounds the XML of a response, in bytes. A page of 1,000 keys is the longest.
const mostOfAnswer = 16 << 20

// call sends a request and reads the XML of its response. S3 may report an error with status 200.
func (b *Bucket) call(ctx context.Context, r request, into any) error {
	hash := digest(r.body)
	_, err := remote.Try(ctx, b.policy, func() (struct{}, error) {
		answer, err := b.once(ctx, r, hash)
		if err != nil {
			return struct{}{}, err
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(io.LimitReader(answer.Body, mostOfAnswer))
		if err != nil {
			return struct{}{}, err
		}
		var failed struct {
			XMLName       xml.Name
			Code, Message string
		}
		if err := xml.Unmarshal(body, &failed); err == nil && failed.XMLName.Local == "Error" {
			return struct{}{}, &remote.Error{
				Status: http.StatusInternalServerError, Code: failed.Code, Message: failed.Message,
			}
		}
		if err := xml.Unmarshal(body, into); err != nil {
			return struct{}{}, fmt.Errorf("the store's response to %s cannot be read: %w", r.method, err)
		}
		return struct{}{}, nil
	})
	return err
}

// sums are the checksums of the protocol that a response may have.
var sums = map[string]func() hash.Hash{
	"X-Amz-Checksum-Crc32":  func() hash.Hash { return crc32.NewIEEE() },
	"X-Amz-Checksum-Crc32c": func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"X-Amz-Checksum-Crc64nvme": func() hash.Hash {
		return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5))
	},
	"X-Amz-Checksum-Sha1":   sha1.New,
	"X-Amz-Checksum-Sha256": sha256.New,
}

// NewRangeReader implements driver.Bucket. If the whole object is read, its checksum is verified.
func (b *Bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions,
) (driver.Reader, error) {
	h := http.Header{}
	part := remote.Range(offset, length)
	switch {
	case part != "":
		h.Set("Range", part)
	case b.verify:
		h.Set("X-Amz-Checksum-Mode", "ENABLED")
	}
	answer, err := b.do(ctx, request{method: http.MethodGet, key: key, header: h})
	if err != nil {
		return nil, err
	}
	r := remote.NewReader(answer)
	if length == 0 {
		return r, r.Empty()
	}
	if part == "" && b.verify && answer.Header.Get("X-Amz-Checksum-Type") != "COMPOSITE" {
		for name, sum := range sums {
			if want := answer.Header.Get(name); want != "" { // with "-2" behind it if it is that of parts' checksums
				r.Verify(sum(), want)
				break
			}
		}
	}
	return r, nil
}

// Copy implements driver.Bucket.
func (b *Bucket) Copy(ctx context.Context, to, from string, _ *driver.CopyOptions) error {
	return remote.Copy(ctx, b, to, from)
}

// Delete implements driver.Bucket. S3 says nothing about an object that does not exist, so it is asked before.
func (b *Bucket) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	if _, err := b.Attributes(ctx, key); err != nil {
		return err
	}
	return b.discard(ctx, request{method: http.MethodDelete, key: key})
}

// discard sends a request whose response says nothing but success.
func (b *Bucket) discard(ctx context.Context, r request) error {
	answer, err := b.do(ctx, r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// SignedURL implements driver.Bucket for reading.
func (b *Bucket) SignedURL(ctx context.Context, key string, o *driver.SignedURLOptions) (string, error) {
	return remote.SignedURL(ctx, b.Sign, key, o)
}

// Sign returns a URL with Signature Version 4 in its query for reading an object between two times.
func (b *Bucket) Sign(ctx context.Context, key string, from, until time.Time) (string, error) {
	if b.anonymous {
		return "", errors.New("there are no credentials to sign with")
	}
	creds, err := b.creds.Retrieve(ctx)
	if err != nil {
		return "", err
	}
	expires := strconv.Itoa(int(until.Sub(from).Seconds()))
	q := &http.Request{
		Method: http.MethodGet, Header: http.Header{},
		URL: b.url(key, url.Values{"X-Amz-Expires": {expires}, "x-id": {"GetObject"}}),
	}
	q.Host = q.URL.Host
	signed, _, err := b.signer.PresignHTTP(ctx, creds, q, "UNSIGNED-PAYLOAD", "s3", b.region, from)
	return signed, err
}

// smallestPart and mostParts are S3's limits of an upload in parts.
const (
	smallestPart = 5 << 20
	mostParts    = 10_000
)

// NewTypedWriter implements driver.Bucket. A file that fits into BufferSize is one request; others are sent in parts of
// this size, MaxConcurrency at once.
func (b *Bucket) NewTypedWriter(ctx context.Context, key, contentType string, o *driver.WriterOptions,
) (driver.Writer, error) {
	h := http.Header{}
	for name, value := range map[string]string{
		"Content-Type": contentType, "Cache-Control": o.CacheControl, "Content-Disposition": o.ContentDisposition,
		"Content-Encoding": o.ContentEncoding, "Content-Language": o.ContentLanguage,
		"X-Amz-Server-Side-Encryption": b.encrypt, "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id": b.encryptKey,
	} {
		if value != "" {
			h.Set(name, value)
		}
	}
	for name, value := range o.Metadata {
		h.Set("X-Amz-Meta-"+name, value)
	}
	u := upload{b: b, key: key, header: h, once: http.Header{}, atOnce: max(o.MaxConcurrency, 1)}
	if o.IfNotExist {
		u.once.Set("If-None-Match", "*")
	}
	size := int64(max(o.BufferSize, smallestPart))
	return remote.NewWriter(func(r io.Reader) error { return u.send(ctx, r, size) }), nil
}

// upload stores one object.
type upload struct {
	b            *Bucket
	key          string
	header, once http.Header // of the object; of the request that makes it appear
	atOnce       int
}

func (u upload) send(ctx context.Context, r io.Reader, size int64) error {
	known := remote.Size(r)
	size = max(size, (known+mostParts-1)/mostParts)
	head, err := remote.Part(r, size)
	if err != nil {
		return err
	}
	if int64(len(head)) == size && known != size {
		return u.parts(ctx, head, r, size)
	}
	h := u.header.Clone()
	for name, values := range u.once {
		h[name] = values
	}
	u.b.checksum(h, head)
	return u.b.discard(ctx, request{method: http.MethodPut, key: u.key, header: h, body: head})
}

// checksum adds the checksum of a body, unless the store is said not to know it, and returns it.
func (b *Bucket) checksum(h http.Header, body []byte) string {
	if !b.checksums {
		return ""
	}
	sum := crc32.NewIEEE()
	sum.Write(body)
	encoded := base64.StdEncoding.EncodeToString(sum.Sum(nil))
	h.Set("X-Amz-Checksum-Crc32", encoded)
	return encoded
}

// part is a part that was stored, as the request that joins them names it.
type part struct {
	PartNumber    int
	ETag          string
	ChecksumCRC32 string `xml:",omitempty"`
}

// abortTime bounds the request that removes the parts of a failed upload.
const abortTime = 10 * time.Second

// parts stores an object in parts, the first of which has been read. If that fails, the parts are removed.
func (u upload) parts(ctx context.Context, head []byte, r io.Reader, size int64) error {
	h := u.header.Clone()
	if u.b.checksums {
		h.Set("X-Amz-Checksum-Algorithm", "CRC32")
	}
	var begun struct{ UploadId string }
	begin := request{method: http.MethodPost, key: u.key, query: url.Values{"uploads": {""}}, header: h}
	err := u.b.call(ctx, begin, &begun)
	if err != nil {
		return err
	}
	id := url.Values{"uploadId": {begun.UploadId}}
	done, err := u.each(ctx, begun.UploadId, head, r, size)
	if err == nil {
		err = u.join(ctx, id, done)
	}
	if err != nil {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
		defer cancel()
		_ = u.b.discard(last, request{method: http.MethodDelete, key: u.key, query: id})
	}
	return err
}

// each sends the parts, and returns them in order.
func (u upload) each(ctx context.Context, id string, head []byte, r io.Reader, size int64) ([]part, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		sending sync.WaitGroup
		mu      sync.Mutex
		done    []part
	)
	free := make(chan struct{}, u.atOnce)
	for n := 1; len(head) > 0 && ctx.Err() == nil; n++ {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			continue
		}
		body := head
		sending.Go(func() {
			defer func() { <-free }()
			p, err := u.part(ctx, id, n, body)
			if err != nil {
				cancel(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			done = append(done, p)
		})
		var err error
		if head, err = remote.Part(r, size); err != nil {
			cancel(err)
		}
	}
	sending.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	slices.SortFunc(done, func(x, y part) int { return x.PartNumber - y.PartNumber })
	return done, nil
}

func (u upload) part(ctx context.Context, id string, n int, body []byte) (part, error) {
	h := http.Header{}
	sum := u.b.checksum(h, body)
	q := url.Values{"partNumber": {strconv.Itoa(n)}, "uploadId": {id}}
	answer, err := u.b.do(ctx, request{method: http.MethodPut, key: u.key, query: q, header: h, body: body})
	if err != nil {
		return part{}, err
	}
	answer.Body.Close()
	return part{PartNumber: n, ETag: answer.Header.Get("ETag"), ChecksumCRC32: sum}, nil
}

func (u upload) join(ctx context.Context, id url.Values, done []part) error {
	var body bytes.Buffer
	err := xml.NewEncoder(&body).Encode(struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUpload"`
		Part    []part
	}{Part: done})
	if err != nil {
		return err
	}
	h := u.once.Clone()
	h.Set("Content-Type", "application/xml")
	var joined struct{ ETag string }
	return u.b.call(ctx, request{method: http.MethodPost, key: u.key, query: id, header: h, body: body.Bytes()}, &joined)
}
