//go:build !linux

package blobs

import "os"

// syncsAll reports that the system cannot sync a whole file system and say whether that succeeded.
const syncsAll = false

func syncAll(dir string) error { return syncDir(dir) }

func writeError(f *os.File) error { return f.Sync() }
