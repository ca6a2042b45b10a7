//go:build !windows

package main

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
)

// lockDataDir locks a data folder for this server and reports whether another server has already locked it. The caller
// keeps f open; the lock is released when f is closed or the process ends.
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
