package blobs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

var testKey = custody.FileKey(strings.Repeat("ab", 32))

func testFolder(t *testing.T) *Blobs {
	t.Helper()
	b, err := openFolder(t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestExplain checks the fault kinds of errors that callers act on, and the message for a full disk.
func TestExplain(t *testing.T) {
	full := explain("the content cannot be stored", &os.PathError{Op: "write", Path: "/secret", Err: syscall.ENOSPC})
	if !fault.Is(full, fault.Unavailable) || !strings.Contains(full.Error(), "disk is full") ||
		strings.Contains(full.Error(), "secret") {
		t.Errorf("explain(full disk) = %v, want unavailable, the disk is full, and no path", full)
	}
	if !errors.Is(full, syscall.ENOSPC) {
		t.Error("explain(full disk) lost the cause")
	}
	for name, err := range map[string]error{
		"input": syscall.EIO, "read-only": syscall.EROFS, "missing folder": os.ErrNotExist,
	} {
		t.Run(name, func(t *testing.T) {
			if got := explain("x", err); !fault.Is(got, fault.Unavailable) {
				t.Errorf("%s: explain(%v) = %v, want unavailable", name, err, got)
			}
		})
	}
	if got := explainRead(os.ErrNotExist); !fault.Is(got, fault.NotFound) {
		t.Errorf("explainRead(not there) = %v, want not found", got)
	}
}

// TestFullDisk writes to the device that is always full.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skip("this system has no /dev/full")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	s := &stage{file: full}
	if n, err := s.Write([]byte("x")); n != 0 || !fault.Is(err, fault.Unavailable) || s.Size() != 0 {
		t.Errorf("Write(full disk) = %d, %v, size %d, want 0, unavailable, 0", n, err, s.Size())
	}
}

// TestLostSync checks that a failed sync is final, because the system discards the pages that it could not write.
func TestLostSync(t *testing.T) {
	b := testFolder(t)
	s, err := b.stages.create()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	s.lost = fault.New(fault.Unavailable, "the disk did not store the file; send it again")
	for range 2 {
		if err := b.Keep(t.Context(), testKey, s); !fault.Is(err, fault.Unavailable) {
			t.Errorf("Keep(lost) = %v, want unavailable", err)
		}
	}
	if _, _, err := b.Open(t.Context(), testKey); !fault.Is(err, fault.NotFound) {
		t.Errorf("Open(after a lost Keep) = %v, want not found", err)
	}
}

// TestKeepRetries checks that Keep fails if the directory cannot be created, and works once it can.
func TestKeepRetries(t *testing.T) {
	b := testFolder(t)
	inWay := filepath.Join(b.folder.root, "files")
	if err := os.WriteFile(inWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := b.stages.create()
	if err != nil {
		t.Fatal(err)
	}
	defer s.Discard()
	if err := b.Keep(t.Context(), testKey, s); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Keep(file in the way) = %v, want unavailable", err)
	}
	if err := os.Remove(inWay); err != nil {
		t.Fatal(err)
	}
	if err := b.Keep(t.Context(), testKey, s); err != nil {
		t.Errorf("Keep(again) = %v, want nil", err)
	}
}
