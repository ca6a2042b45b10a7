package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadLogo(t *testing.T) {
	folder := t.TempDir()
	for name, size := range map[string]int{"small": 10, "largest": maxLogo, "large": maxLogo + 1} {
		if err := os.WriteFile(filepath.Join(folder, name), bytes.Repeat([]byte{'x'}, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		file string
		size int
		fail string // part of the error, "" for none
	}{
		{"", 0, ""},
		{"small", 10, ""},
		{"largest", maxLogo, ""},
		{"large", 0, "larger than 64 KiB"},
		{"missing", 0, "no such file"},
		{".", 0, "directory"},
	} {
		t.Run(test.file, func(t *testing.T) {
			var c Config
			if test.file != "" {
				c.Logo = filepath.Join(folder, test.file)
			}
			b, err := c.ReadLogo()
			if test.fail != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "logo: ") || !strings.Contains(err.Error(), test.fail) {
					t.Errorf("ReadLogo() = %v, want an error with %q", err, test.fail)
				}
				return
			}
			if len(b) != test.size || err != nil {
				t.Errorf("ReadLogo() = %d bytes, %v, want %d bytes", len(b), err, test.size)
			}
		})
	}
}
