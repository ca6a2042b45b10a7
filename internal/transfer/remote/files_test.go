package remote_test

import (
	"io"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/transfer/remote"
)

func TestFiles(t *testing.T) {
	m := record(t, map[string]string{"/pool/acme-1.0+local.zip": "content"})
	f, err := remote.NewFiles(remote.Options{URL: m.URL + "/pool", Wait: noWait})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in, err := f.Open(t.Context(), "acme-1.0+local.zip")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if b, err := io.ReadAll(in); err != nil || string(b) != "content" {
		t.Errorf("content %q, %v", b, err)
	}
	for name, want := range map[string]fault.Kind{
		"missing-1.zip": fault.NotFound, "": fault.Invalid, "..": fault.Invalid, "../x": fault.Invalid, `a\b`: fault.Invalid,
	} {
		if _, err := f.Open(t.Context(), name); !fault.Is(err, want) {
			t.Errorf("Open(%q): %v", name, err)
		}
	}
	if _, err := remote.NewFiles(remote.Options{URL: "https://me:hunter2@h.example/"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a password in the URL: %v", err)
	}
}
