//go:build !unix

package main

import (
	"os"
	"path/filepath"
)

// lockDataDir cannot tell here whether another server serves a data folder.
func lockDataDir(dir string) (f *os.File, taken bool, err error) {
	f, err = os.OpenFile(filepath.Join(dir, "serve.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	return f, false, err
}
