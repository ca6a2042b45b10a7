//go:build !linux && !darwin

package db

import "errors"

// walHeader and walIndex are for systems on which the shared memory of SQLite can be mapped beside it.
type walHeader struct{}

func (*walHeader) whole() bool { return false }

type walIndex struct{}

func openWALIndex(string) (*walIndex, error) { return nil, errors.ErrUnsupported }
func (*walIndex) header() walHeader          { return walHeader{} }
func (*walIndex) close() error               { return nil }
