package backup

import (
	"os"
	"time"

	"pyindex/internal/custody"
)

// WithLease returns o with a lease of another length, and the time after which it is renewed.
func (o Options) WithLease(length, every time.Duration) Options {
	o.term = custody.Term{Length: length, Every: every}
	return o
}

// WithWrites returns o with another way to write content.
func (o Options) WithWrites(f func(*os.File, []byte) (int, error)) Options {
	o.writeFile = f
	return o
}
