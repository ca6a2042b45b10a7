//go:build !windows

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// lockDataDir marks a data folder as served. It reports whether another server serves it already; the mark goes when
// this process ends, however it does. The file is left open for that.
func lockDataDir(dir string) (f *os.File, taken bool, err error) {
	f, err = os.OpenFile(filepath.Join(dir, "serve.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, false, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return f, true, nil
	}
	return f, false, err
}
