package blobs

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"

	"gocloud.dev/blob"

	"pyindex/internal/fault"
)

// probePrefix begins the names of objects that Probe writes. No other key begins with it.
const probePrefix = "index-doctor-"

// Probe writes an object to the bucket, reads it, lists it and deletes it. The error names the step that failed, such
// as "list", and is a fault. For a folder it is Ping.
func (b *Blobs) Probe(ctx context.Context) (step string, err error) {
	if b.folder != nil {
		return "write", b.Ping(ctx)
	}
	key := probePrefix + rand.Text()
	want := []byte("index doctor writes this object and deletes it again\n")
	steps := []struct {
		name string
		run  func() error
	}{
		{"write", func() error { return b.bucket.WriteAll(ctx, key, want, nil) }},
		{"read", func() error {
			got, err := b.bucket.ReadAll(ctx, key)
			if err == nil && !bytes.Equal(got, want) {
				err = errors.New("the object has another content than was written")
			}
			return err
		}},
		{"list", func() error {
			o, err := b.bucket.List(&blob.ListOptions{Prefix: key}).Next(ctx)
			if errors.Is(err, io.EOF) || err == nil && o.Key != key {
				err = errors.New("the object that was written is not listed")
			}
			return err
		}},
		{"delete", func() error { return b.bucket.Delete(ctx, key) }},
	}
	var failed string
	for _, s := range steps {
		if failed != "" && s.name != "delete" {
			continue
		}
		if e := s.run(); e != nil && failed == "" {
			failed, err = s.name, fault.Wrap(fault.Unavailable, e, "the bucket does not let this server %s objects", s.name)
		}
		if failed == "write" {
			break
		}
	}
	return failed, err
}
