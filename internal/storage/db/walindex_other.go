//go:build !linux && !darwin

package db

import "errors"

// walHeader and walIndex are unsupported on systems without a known way to map SQLite's shared memory.
type walHeader struct{}

func (*walHeader) whole() bool { return false }

type walIndex struct{}

func openWALIndex(string) (*walIndex, error) { return nil, errors.ErrUnsupported }
func (*walIndex) header() walHeader          { return walHeader{} }
func (*walIndex) pending() int64             { return 0 }
func (*walIndex) close() error               { return nil }
