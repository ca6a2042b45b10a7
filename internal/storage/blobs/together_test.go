package blobs_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/storage/blobs"
)

// TestKeepAll keeps files together: new ones, one of which exists and is damaged, and one twice.
func TestKeepAll(t *testing.T) {
	dir := t.TempDir()
	b, err := blobs.Open(t.Context(), dir, blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if !b.KeepsTogether() {
		t.Skip("this system cannot sync a file system")
	}
	var keys []string
	var all []custody.Stage
	content := map[string][]byte{}
	for i := range 30 {
		p := bytes.Repeat([]byte{byte(i)}, 1000*i)
		sum := sha256.Sum256(p)
		key := custody.FileKey(hex.EncodeToString(sum[:]))
		content[key] = p
		for range 1 + i/29 {
			s, err := b.Stage(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer s.Discard()
			if _, err := s.Write(p); err != nil {
				t.Fatal(err)
			}
			keys, all = append(keys, key), append(all, s)
		}
	}
	damaged := filepath.Join(dir, filepath.FromSlash(keys[7]))
	if err := os.MkdirAll(filepath.Dir(damaged), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(damaged, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // it may be repeated
		if err := b.KeepAll(t.Context(), keys, all); err != nil {
			t.Fatal(err)
		}
	}
	for key, want := range content {
		f, _, err := b.Open(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		f.Close()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has %d bytes, %v; want %d", key, len(got), err, len(want))
		}
	}
}

// TestKeepAllRefuses keeps nothing if one key or stage is wrong.
func TestKeepAllRefuses(t *testing.T) {
	b, err := blobs.Open(t.Context(), t.TempDir(), blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	other, err := blobs.Open(t.Context(), t.TempDir(), blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	sum := sha256.Sum256(nil)
	key := custody.FileKey(hex.EncodeToString(sum[:]))
	own, err := b.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer own.Discard()
	foreign, err := other.Stage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.Discard()
	for name, c := range map[string]struct {
		key   string
		stage custody.Stage
	}{
		"a key outside of the store": {"../" + key, own},
		"a stage of another store":   {key, foreign},
	} {
		err := b.KeepAll(t.Context(), []string{key, c.key}, []custody.Stage{own, c.stage})
		if !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := b.Size(t.Context(), key); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: the other file was kept: %v", name, err)
		}
	}
}
