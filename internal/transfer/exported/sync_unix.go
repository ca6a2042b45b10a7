//go:build unix

package exported

import "syscall"

// syncDisks waits until what was written is durable.
func syncDisks() { syscall.Sync() }
