package blobs

import (
	"context"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gocloud.dev/blob"

	"pyindex/internal/fault"
)

// driver is one kind of object store, which gocloud.dev opens by its URL: credentials come from the environment, as the
// vendor's own tools take them. Each is a file of its own, which a build tag leaves out: nos3, nogcs, noazure.
type driver struct {
	// sign returns a URL for reading key from one moment until another. The same moments give the same URL in every
	// process, so that caches on the way see one address. What cannot sign returns an error.
	sign func(ctx context.Context, at place, key string, from, until time.Time) (string, error)
}

// place is an open bucket, its name, and what gocloud.dev puts before every key (the parameter prefix of the URL).
type place struct {
	*blob.Bucket
	name, prefix string
}

// drivers are those of this build, by the scheme of their URLs.
var drivers = map[string]driver{}

// leftOut names the build tags by which a driver can be missing.
var leftOut = map[string]string{"s3": "nos3", "gs": "nogcs", "azblob": "noazure"}

// Schemes returns the schemes that this build can open, object stores last.
func Schemes() []string { return append([]string{"file", "mem"}, slices.Sorted(maps.Keys(drivers))...) }

// unknownScheme is the refusal of a URL that nothing here can open.
func unknownScheme(scheme string) error {
	if tag := leftOut[scheme]; tag != "" {
		return fault.New(fault.Invalid, "storage %q is left out of this build: build without the tag %s", scheme+"://", tag)
	}
	return fault.New(fault.Invalid, "storage %q is not known: use %s://", scheme+"://", strings.Join(Schemes(), "://, "))
}

// openStore opens an object store.
func openStore(ctx context.Context, location string, o Options) (*Blobs, error) {
	at, d, err := openDriver(ctx, location)
	if err != nil {
		return nil, err
	}
	b, err := openBucket(at.Bucket, o)
	if err != nil {
		return nil, err
	}
	if b.links, err = openLinks(ctx, at, d, o); err != nil {
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
			fault.New(fault.Invalid, "the storage URL names no bucket, or holds credentials, which belong into the environment")
	}
	bucket, err := blob.OpenBucket(ctx, location)
	if err != nil {
		return place{}, driver{}, fault.Wrap(fault.Invalid, err, "the storage cannot be opened: %v", err)
	}
	return place{bucket, u.Host, u.Query().Get("prefix")}, d, nil
}
