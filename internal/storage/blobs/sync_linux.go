package blobs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// syncsAll reports that syncAll works.
const syncsAll = true

// syncAll waits until everything that was written to the file system of a folder is on its disk.
func syncAll(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(unix.Syncfs(int(d.Fd())), d.Close())
}

// writeError returns the error of writing a file to its disk that happened since it was opened, also if a sync of the
// file system did not report it. It does not wait for the disk after such a sync.
func writeError(f *os.File) error {
	err := unix.SyncFileRange(int(f.Fd()), 0, 0, unix.SYNC_FILE_RANGE_WAIT_BEFORE)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ESPIPE) {
		return f.Sync()
	}
	return err
}
