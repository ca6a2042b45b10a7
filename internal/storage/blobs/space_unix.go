//go:build linux || darwin

package blobs

import "syscall"

// space returns the free and the total bytes of the disk with a path, or false if they are unknown.
func space(path string) (free, total int64, ok bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, 0, false
	}
	block := int64(s.Bsize)                                       //nolint:unconvert // another type on other systems
	return int64(s.Bavail) * block, int64(s.Blocks) * block, true //nolint:gosec // far below the limit
}
