//go:build !unix

package backup

import (
	"errors"
	"os"
)

var errLocked = errors.New("the file is locked")

func lockFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}

func isFull(error) bool { return false }

func isReadOnly(error) bool { return false }
