//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// apart starts a server in its own process group, so that an interrupt from the terminal reaches only the benchmark.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// end sends SIGTERM, or SIGKILL if now is set, to a server and its children.
func end(cmd *exec.Cmd, now bool) {
	s := syscall.SIGTERM
	if now {
		s = syscall.SIGKILL
	}
	_ = syscall.Kill(-cmd.Process.Pid, s) // on an error the process is already gone
}

// peakOf returns the largest memory of a process that ended, in MB, on Linux.
func peakOf(p *os.ProcessState) float64 {
	u, ok := p.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return float64(u.Maxrss) / 1024
}
