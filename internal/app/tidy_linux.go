package app

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// unmapProgram gives the pages of the program's own file back to the system. Starting touches code and constants all over
// it, three vendors' libraries among them, that serving never reads again, and they are most of what the system counts
// as the process's memory. What is touched again is mapped again from the system's cache. An error says what the
// system refused or does not tell; nothing is lost then.
func unmapProgram() error {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	parts, err := unwritten(f, program)
	for _, p := range parts {
		if _, _, no := syscall.Syscall(syscall.SYS_MADVISE, p.from, p.to-p.from, syscall.MADV_DONTNEED); no != 0 {
			err = errors.Join(err, no)
		}
	}
	return err
}

// part is a range of addresses.
type part struct{ from, to uintptr }

// unwritten reads the kernel's list of mappings, /proc/PID/smaps in proc(5), and returns those of a file that can be
// had again from it: read-only, and without a page that was written all the same, as a debugger's break points are.
func unwritten(smaps io.Reader, file string) (all []part, err error) {
	var at part
	ours := false
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		var p part
		var mode, offset, device string
		var inode uint64
		line := lines.Text()
		if n, _ := fmt.Sscanf(line, "%x-%x %s %s %s %d", &p.from, &p.to, &mode, &offset, &device, &inode); n == 6 {
			at, ours = p, strings.HasPrefix(mode, "r-") && strings.HasSuffix(mode, "p") && strings.HasSuffix(line, " "+file)
		} else if kb, ok := strings.CutPrefix(line, "Anonymous:"); ok && ours && strings.TrimSpace(kb) == "0 kB" {
			all = append(all, at)
		}
	}
	return all, lines.Err()
}
