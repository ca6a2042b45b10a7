package gcs

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"
	"golang.org/x/oauth2"

	"pyindex/internal/storage/blobs/remote"
)

// Bucket is a bucket of Google Cloud Storage. It implements driver.Bucket.
type Bucket struct {
	name, server string
	client       *http.Client
	signer       *signer // nil without credentials
}

var _ driver.Bucket = (*Bucket)(nil)

// object returns the URL of an object's content.
func (b *Bucket) object(key string) *url.URL {
	parts := strings.Split(key, "/")
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(url.QueryEscape(part), "+", "%20")
	}
	u, err := url.Parse(b.server + "/" + b.name)
	if err != nil {
		return &url.URL{}
	}
	u.RawPath = u.EscapedPath() + "/" + strings.Join(parts, "/")
	u.Path += "/" + key
	return u
}

// about returns the URL of an object in the JSON API, or of all objects for "".
func (b *Bucket) about(key string) string {
	at := b.server + "/storage/v1/b/" + url.PathEscape(b.name) + "/o"
	if key != "" {
		at += "/" + url.PathEscape(key)
	}
	return at
}

// do sends a request without a body, again if that may help, and returns a successful response.
func (b *Bucket) do(ctx context.Context, method, at string, h http.Header) (*http.Response, error) {
	return remote.Try(ctx, policy{}, func() (*http.Response, error) {
		q, err := http.NewRequestWithContext(ctx, method, at, http.NoBody)
		if err != nil {
			return nil, err
		}
		for name, values := range h {
			q.Header[name] = values
		}
		return send(b.client, q)
	})
}

func send(client *http.Client, q *http.Request) (*http.Response, error) {
	q.Header.Set("User-Agent", "index")
	answer, err := client.Do(q)
	if err != nil {
		return nil, err
	}
	if !remote.OK(answer) && answer.StatusCode != statusResume {
		return nil, remote.Refusal(answer, parseError)
	}
	return answer, nil
}

// mostOfAnswer bounds the JSON of a response, in bytes. A page of 1,000 objects is the longest.
const mostOfAnswer = 16 << 20

func call(client *http.Client, q *http.Request, into any) error {
	answer, err := send(client, q)
	if err != nil {
		return err
	}
	return decode(answer, into)
}

func decode(answer *http.Response, into any) error {
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, mostOfAnswer)).Decode(into); err != nil {
		return fmt.Errorf("the store's response cannot be read: %w", err)
	}
	return nil
}

// parseError reads the body of an error response: JSON, or XML of a response to a read.
func parseError(body []byte, e *remote.Error) {
	var said struct {
		Error struct {
			Message string
			Errors  []struct{ Reason string }
		}
	}
	if json.Unmarshal(body, &said) == nil {
		e.Message = said.Error.Message
		if len(said.Error.Errors) > 0 {
			e.Code = said.Error.Errors[0].Reason
		}
		return
	}
	var read struct{ Code, Message string }
	if xml.Unmarshal(body, &read) == nil && read.Code != "" {
		e.Code, e.Message = read.Code, read.Message
	}
}

// policy is that of Google's clients: errors that pass are tried again, later and later.
type policy struct{}

// mostAttempts is how often a request is sent that fails with errors that pass: for about half a minute.
const mostAttempts = 6

// Again implements remote.Policy.
func (policy) Again(_ context.Context, n int, err error) (time.Duration, bool) {
	if _, ok := errors.AsType[*oauth2.RetrieveError](err); ok || n >= mostAttempts || errors.Is(err, errDamagedRequest) {
		return 0, false
	}
	if e, ok := errors.AsType[*remote.Error](err); ok && e.Status < 500 && e.Status != http.StatusTooManyRequests &&
		e.Status != http.StatusRequestTimeout || ok && e.Status == http.StatusNotImplemented {
		return 0, false
	}
	most := time.Second << (n - 1)
	return most/2 + rand.N(most/2), true
}

// ErrorCode implements driver.Bucket. Google also answers 403 about buckets that do not exist.
func (*Bucket) ErrorCode(err error) gcerrors.ErrorCode {
	e, ok := errors.AsType[*remote.Error](err)
	if !ok {
		return gcerrors.Unknown
	}
	switch e.Status {
	case http.StatusNotFound, http.StatusForbidden:
		return gcerrors.NotFound
	case http.StatusPreconditionFailed:
		return gcerrors.FailedPrecondition
	case http.StatusUnauthorized:
		return gcerrors.PermissionDenied
	case http.StatusTooManyRequests:
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

// resource is an object as the JSON API describes it.
type resource struct {
	Name               string            `json:"name,omitempty"`
	Size               int64             `json:"size,omitempty,string"`
	ContentType        string            `json:"contentType,omitempty"`
	CacheControl       string            `json:"cacheControl,omitempty"`
	ContentDisposition string            `json:"contentDisposition,omitempty"`
	ContentEncoding    string            `json:"contentEncoding,omitempty"`
	ContentLanguage    string            `json:"contentLanguage,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	MD5                []byte            `json:"md5Hash,omitempty"`
	CRC32C             string            `json:"crc32c,omitempty"`
	ETag               string            `json:"etag,omitempty"`
	Created            time.Time         `json:"timeCreated,omitzero"`
	Updated            time.Time         `json:"updated,omitzero"`
}

// Attributes implements driver.Bucket.
func (b *Bucket) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	answer, err := b.do(ctx, http.MethodGet, b.about(key), nil)
	if err != nil {
		return nil, err
	}
	var r resource
	if err := decode(answer, &r); err != nil {
		return nil, err
	}
	return &driver.Attributes{
		CacheControl: r.CacheControl, ContentDisposition: r.ContentDisposition, ContentEncoding: r.ContentEncoding,
		ContentLanguage: r.ContentLanguage, ContentType: r.ContentType, Metadata: r.Metadata, CreateTime: r.Created,
		ModTime: r.Updated, Size: r.Size, MD5: r.MD5, ETag: strconv.Quote(r.ETag), AsFunc: b.As,
	}, nil
}

// ListPaged implements driver.Bucket.
func (b *Bucket) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	q := url.Values{}
	for name, value := range map[string]string{
		"prefix": o.Prefix, "delimiter": o.Delimiter, "pageToken": string(o.PageToken),
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if o.PageSize > 0 {
		q.Set("maxResults", strconv.Itoa(o.PageSize))
	}
	answer, err := b.do(ctx, http.MethodGet, b.about("")+"?"+q.Encode(), nil)
	if err != nil {
		return nil, err
	}
	var listed struct {
		Items         []resource
		Prefixes      []string
		NextPageToken string
	}
	if err := decode(answer, &listed); err != nil {
		return nil, err
	}
	page := &driver.ListPage{NextPageToken: []byte(listed.NextPageToken)}
	for _, r := range listed.Items {
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: r.Name, ModTime: r.Updated, Size: r.Size, MD5: r.MD5, AsFunc: b.As,
		})
	}
	for _, prefix := range listed.Prefixes {
		page.Objects = append(page.Objects, &driver.ListObject{Key: prefix, IsDir: true, AsFunc: b.As})
	}
	slices.SortStableFunc(page.Objects, func(x, y *driver.ListObject) int { return strings.Compare(x.Key, y.Key) })
	return page, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// NewRangeReader implements driver.Bucket. If the whole object is read, its checksum is verified.
func (b *Bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions,
) (driver.Reader, error) {
	h := http.Header{"Accept-Encoding": {"gzip"}} // as it is stored: objects are never decompressed
	part := remote.Range(offset, length)
	if part != "" {
		h.Set("Range", part)
	}
	answer, err := b.do(ctx, http.MethodGet, b.object(key).String(), h)
	if err != nil {
		return nil, err
	}
	r := remote.NewReader(answer)
	if length == 0 {
		return r, r.Empty()
	}
	if part == "" {
		for _, sums := range answer.Header.Values("X-Goog-Hash") {
			for sum := range strings.SplitSeq(sums, ",") {
				if encoded, ok := strings.CutPrefix(strings.TrimSpace(sum), "crc32c="); ok {
					r.Verify(crc32.New(castagnoli), encoded)
				}
			}
		}
	}
	return r, nil
}

// Copy implements driver.Bucket.
func (b *Bucket) Copy(ctx context.Context, to, from string, _ *driver.CopyOptions) error {
	return remote.Copy(ctx, b, to, from)
}

// Delete implements driver.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	answer, err := b.do(ctx, http.MethodDelete, b.about(key), nil)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// SignedURL implements driver.Bucket for reading.
func (b *Bucket) SignedURL(ctx context.Context, key string, o *driver.SignedURLOptions) (string, error) {
	return remote.SignedURL(ctx, b.Sign, key, o)
}

// pieceOf is the unit of the parts of an upload, except the last: 256 KiB.
const pieceOf = 256 << 10

// NewTypedWriter implements driver.Bucket. A file that fits into BufferSize is one request; others are sent in pieces
// of this size, one after the other.
func (b *Bucket) NewTypedWriter(ctx context.Context, key, contentType string, o *driver.WriterOptions,
) (driver.Writer, error) {
	r := resource{
		Name: key, ContentType: contentType, CacheControl: o.CacheControl, ContentDisposition: o.ContentDisposition,
		ContentEncoding: o.ContentEncoding, ContentLanguage: o.ContentLanguage, Metadata: o.Metadata, MD5: o.ContentMD5,
	}
	size := int64(16 << 20)
	if o.BufferSize > 0 {
		size = max(int64(o.BufferSize)/pieceOf, 1) * pieceOf
	}
	q := url.Values{"name": {key}}
	if o.IfNotExist {
		q.Set("ifGenerationMatch", "0")
	}
	return remote.NewWriter(func(from io.Reader) error {
		head, err := remote.Part(from, size)
		if err != nil {
			return err
		}
		if int64(len(head)) == size && remote.Size(from) != size {
			return b.pieces(ctx, r, q, head, from, size)
		}
		return b.whole(ctx, r, q, head)
	}), nil
}

// checksum returns the checksum of Google's objects in base64.
func checksum(sum uint32) string {
	return base64.StdEncoding.EncodeToString([]byte{byte(sum >> 24), byte(sum >> 16), byte(sum >> 8), byte(sum)})
}

func (b *Bucket) upload(kind string, q url.Values) string {
	values := url.Values{"uploadType": {kind}}
	for name := range q {
		values[name] = q[name]
	}
	return b.server + "/upload/storage/v1/b/" + url.PathEscape(b.name) + "/o?" + values.Encode()
}

// whole stores an object by one request with its attributes, its content and its checksum.
func (b *Bucket) whole(ctx context.Context, r resource, query url.Values, content []byte) error {
	r.CRC32C = checksum(crc32.Checksum(content, castagnoli))
	var front bytes.Buffer
	w := multipart.NewWriter(&front)
	about, err := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json; charset=UTF-8"}})
	if err == nil {
		err = json.NewEncoder(about).Encode(r)
	}
	if err == nil {
		_, err = w.CreatePart(textproto.MIMEHeader{"Content-Type": {r.ContentType}})
	}
	if err != nil {
		return err
	}
	begin := bytes.Clone(front.Bytes())
	front.Reset()
	if err := w.Close(); err != nil {
		return err
	}
	end := front.Bytes()
	_, err = remote.Try(ctx, policy{}, func() (resource, error) {
		body := io.MultiReader(bytes.NewReader(begin), bytes.NewReader(content), bytes.NewReader(end))
		q, err := http.NewRequestWithContext(ctx, http.MethodPost, b.upload("multipart", query), body)
		if err != nil {
			return resource{}, err
		}
		q.ContentLength = int64(len(begin) + len(content) + len(end))
		q.Header.Set("Content-Type", "multipart/related; boundary="+w.Boundary())
		var stored resource
		return stored, call(b.client, q, &stored)
	})
	return err
}
