//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// apart gives a server a group of its own: an interrupt of the terminal is ours to pass on.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// end asks a server and all that it started to end, or makes them.
func end(cmd *exec.Cmd, now bool) {
	s := syscall.SIGTERM
	if now {
		s = syscall.SIGKILL
	}
	_ = syscall.Kill(-cmd.Process.Pid, s) // it is gone already where this fails
}
