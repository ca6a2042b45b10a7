package azure

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/bloberror"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blockblob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/sas"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"pyindex/internal/storage/blobs/remote"
)

// Bucket is a container of Azure Blob Storage. It implements driver.Bucket.
type Bucket struct{ client *container.Client }

var _ driver.Bucket = (*Bucket)(nil)

// of returns the value that p points to, or nothing.
func of[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// ErrorCode implements driver.Bucket.
func (*Bucket) ErrorCode(err error) gcerrors.ErrorCode {
	e, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		return gcerrors.Unknown
	}
	switch code := bloberror.Code(e.ErrorCode); {
	case code == bloberror.AuthenticationFailed, e.StatusCode == http.StatusForbidden:
		return gcerrors.PermissionDenied
	case code == bloberror.BlobAlreadyExists, e.StatusCode == http.StatusPreconditionFailed:
		return gcerrors.FailedPrecondition
	case e.StatusCode == http.StatusNotFound:
		return gcerrors.NotFound
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
	p, err := b.client.NewBlobClient(key).GetProperties(ctx, nil)
	if err != nil {
		return nil, err
	}
	a := &driver.Attributes{
		CacheControl: of(p.CacheControl), ContentDisposition: of(p.ContentDisposition),
		ContentEncoding: of(p.ContentEncoding), ContentLanguage: of(p.ContentLanguage), ContentType: of(p.ContentType),
		CreateTime: of(p.CreationTime), ModTime: of(p.LastModified), Size: of(p.ContentLength), MD5: p.ContentMD5,
		ETag: string(of(p.ETag)), Metadata: map[string]string{}, AsFunc: b.As,
	}
	for name, value := range p.Metadata {
		a.Metadata[name] = of(value)
	}
	return a, nil
}

// ListPaged implements driver.Bucket.
func (b *Bucket) ListPaged(ctx context.Context, o *driver.ListOptions) (*driver.ListPage, error) {
	q := &container.ListBlobsHierarchyOptions{Prefix: &o.Prefix}
	if token := string(o.PageToken); token != "" {
		q.Marker = &token
	}
	if size := int32(min(o.PageSize, 5000)); size > 0 {
		q.MaxResults = &size
	}
	listed, err := b.client.NewListBlobsHierarchyPager(o.Delimiter, q).NextPage(ctx)
	if err != nil {
		return nil, err
	}
	page := &driver.ListPage{NextPageToken: []byte(of(listed.NextMarker))}
	if listed.Segment == nil {
		return page, nil
	}
	for _, prefix := range listed.Segment.BlobPrefixes {
		page.Objects = append(page.Objects, &driver.ListObject{Key: of(prefix.Name), IsDir: true, AsFunc: b.As})
	}
	for _, item := range listed.Segment.BlobItems {
		p := of(item.Properties)
		page.Objects = append(page.Objects, &driver.ListObject{
			Key: of(item.Name), ModTime: of(p.LastModified), Size: of(p.ContentLength), MD5: p.ContentMD5, AsFunc: b.As,
		})
	}
	slices.SortStableFunc(page.Objects, func(x, y *driver.ListObject) int { return strings.Compare(x.Key, y.Key) })
	return page, nil
}

// NewRangeReader implements driver.Bucket.
func (b *Bucket) NewRangeReader(ctx context.Context, key string, offset, length int64, _ *driver.ReaderOptions,
) (driver.Reader, error) {
	o := &blob.DownloadStreamOptions{Range: blob.HTTPRange{Offset: offset, Count: max(length, 0)}}
	if length == 0 {
		o.Range.Count = 1 // no range is empty
	}
	got, err := b.client.NewBlobClient(key).DownloadStream(ctx, o)
	if err != nil {
		return nil, err
	}
	h := http.Header{"Content-Type": {of(got.ContentType)}, "Content-Range": {of(got.ContentRange)}}
	h.Set("Last-Modified", of(got.LastModified).Format(http.TimeFormat))
	r := remote.NewReader(&http.Response{Header: h, Body: got.Body, ContentLength: of(got.ContentLength)})
	if length == 0 {
		return r, r.Empty()
	}
	return r, nil
}

// Copy implements driver.Bucket.
func (b *Bucket) Copy(ctx context.Context, to, from string, _ *driver.CopyOptions) error {
	return remote.Copy(ctx, b, to, from)
}

// Delete implements driver.Bucket.
func (b *Bucket) Delete(ctx context.Context, key string, _ *driver.DeleteOptions) error {
	_, err := b.client.NewBlobClient(key).Delete(ctx, nil)
	return err
}

// SignedURL implements driver.Bucket for reading.
func (b *Bucket) SignedURL(ctx context.Context, key string, o *driver.SignedURLOptions) (string, error) {
	return remote.SignedURL(ctx, b.Sign, key, o)
}

// Sign returns a URL with a shared access signature for reading a blob between two times. That needs the account's key.
func (b *Bucket) Sign(_ context.Context, key string, from, until time.Time) (string, error) {
	return b.client.NewBlobClient(key).GetSASURL(sas.BlobPermissions{Read: true}, until.UTC(),
		&blob.GetSASURLOptions{StartTime: &from})
}

// Defaults of an upload: the size of its blocks in bytes, and how many are sent at once.
const (
	blockSize    = 8 << 20
	blocksAtOnce = 5
)

// NewTypedWriter implements driver.Bucket. A file that fits into BufferSize is one request; others are sent in blocks
// of this size, MaxConcurrency at once.
func (b *Bucket) NewTypedWriter(ctx context.Context, key, contentType string, o *driver.WriterOptions,
) (driver.Writer, error) {
	u := &blockblob.UploadStreamOptions{
		BlockSize: blockSize, Concurrency: blocksAtOnce, Metadata: map[string]*string{},
		HTTPHeaders: &blob.HTTPHeaders{
			BlobCacheControl: &o.CacheControl, BlobContentDisposition: &o.ContentDisposition,
			BlobContentEncoding: &o.ContentEncoding, BlobContentLanguage: &o.ContentLanguage,
			BlobContentMD5: o.ContentMD5, BlobContentType: &contentType,
		},
	}
	if o.BufferSize > 0 {
		u.BlockSize = int64(o.BufferSize)
	}
	if o.MaxConcurrency > 0 {
		u.Concurrency = o.MaxConcurrency
	}
	for name, value := range o.Metadata {
		u.Metadata[name] = &value
	}
	if o.IfNotExist {
		none := azcore.ETagAny
		u.AccessConditions = &blob.AccessConditions{
			ModifiedAccessConditions: &blob.ModifiedAccessConditions{IfNoneMatch: &none},
		}
	}
	return remote.NewWriter(func(r io.Reader) error {
		_, err := b.client.NewBlockBlobClient(key).UploadStream(ctx, r, u)
		return err
	}), nil
}
