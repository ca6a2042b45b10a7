package blobs

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"
	gocloud "gocloud.dev/blob/driver"

	"pyindex/internal/fault"
)

// store is an open bucket of one kind of object store, before keys have a prefix.
type store interface {
	gocloud.Bucket
	// Sign returns a URL for reading key between two times. Equal times give the same URL in every process, so that
	// caches see one address. Sign returns an error if the store cannot sign.
	Sign(ctx context.Context, key string, from, until time.Time) (string, error)
}

// driver is one kind of object store. Its URLs have the form of gocloud.dev, and credentials come from the environment,
// as with the vendor's own tools. Each driver has its own file and can be excluded by a build tag: nos3, nogcs,
// noazure.
type driver struct {
	// open opens the bucket of a name with the parameters of its URL.
	open func(ctx context.Context, name string, q url.Values) (store, error)
	// refused classifies errors of the store.
	refused func(error) refusal
}

// place is an open bucket, and what signs its URLs, with the prefix of all keys (the URL parameter prefix).
type place struct {
	*blob.Bucket
	store  store
	prefix string
}

// sign returns a URL for reading key between two times.
func (p place) sign(ctx context.Context, key string, from, until time.Time) (string, error) {
	return p.store.Sign(ctx, p.prefix+key, from, until)
}

// drivers maps URL schemes to the drivers of this build.
var drivers = map[string]driver{}

// leftOut maps URL schemes to the build tags that exclude their drivers.
var leftOut = map[string]string{"s3": "nos3", "gs": "nogcs", "azblob": "noazure"}

// Schemes returns the URL schemes that this build can open, object stores last.
func Schemes() []string { return append([]string{"file", "mem"}, slices.Sorted(maps.Keys(drivers))...) }

// unknownScheme returns the error for a URL scheme that this build cannot open.
func unknownScheme(scheme string) error {
	if tag := leftOut[scheme]; tag != "" {
		return fault.New(fault.Invalid, "storage %q is not included in this build: build without the tag %s", scheme+"://",
			tag)
	}
	return fault.New(fault.Invalid, "unknown storage %q: use %s://", scheme+"://", strings.Join(Schemes(), "://, "))
}

func openStore(ctx context.Context, location string, o Options) (*Blobs, error) {
	at, d, err := openDriver(ctx, location)
	if err != nil {
		return nil, err
	}
	b, err := openBucket(at.Bucket, o)
	if err != nil {
		return nil, err
	}
	b.refused = d.refused
	if b.links, err = openLinks(ctx, at, o); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

func openDriver(ctx context.Context, location string) (place, driver, error) {
	scheme, _, _ := strings.Cut(location, "://")
	d, ok := drivers[scheme]
	if !ok {
		return place{}, driver{}, unknownScheme(scheme)
	}
	u, err := url.Parse(location)
	if err != nil {
		return place{}, driver{}, fault.New(fault.Invalid, "the storage URL cannot be read: write it as s3://bucket?region=…")
	}
	if u.Host == "" || u.User != nil {
		return place{}, driver{},
			fault.New(fault.Invalid, "the storage URL names no bucket, or contains credentials, which belong in the environment")
	}
	q := u.Query()
	prefix := q.Get("prefix")
	q.Del("prefix")
	opened, err := d.open(ctx, u.Host, q)
	if err != nil {
		return place{}, driver{}, fault.Wrap(fault.Invalid, err, "the storage cannot be opened: %v", err)
	}
	bucket := blob.NewBucket(opened)
	if prefix != "" {
		bucket = blob.PrefixedBucket(bucket, prefix)
	}
	return place{bucket, opened, prefix}, d, nil
}
