package backup

import (
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// syncsAll reports that syncAll writes all files at once, so that they need not be synced one by one.
const syncsAll = true

// syncAll waits until everything that was written to the file system of a folder is on its disk.
func syncAll(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return unix.Syncfs(int(d.Fd()))
}

// niceness is the lowest share of the processors, and ioLow the lowest priority of requests to disks that still get
// their turn: class "best effort", level 7.
const (
	niceness = 19
	ioLow    = 2<<13 | 7
)

// StepBack gives this process a low priority, so that a server on the same machine goes first. Linux keeps priorities
// for each thread; new threads inherit them.
func StepBack() {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return
	}
	for _, t := range tasks {
		if id, err := strconv.Atoi(t.Name()); err == nil {
			_ = syscall.Setpriority(syscall.PRIO_PROCESS, id, niceness)
			_, _, _ = syscall.Syscall(unix.SYS_IOPRIO_SET, 1, uintptr(id), ioLow)
		}
	}
}
