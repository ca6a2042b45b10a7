package catalog_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/storagetest"
)

// TestTrouble: if the server makes an upload fail, at any step of storing its content, Trouble reports it until an
// upload is stored, and it is logged once. Errors of senders, and uploads of an identical file, neither start nor end
// trouble.
func TestTrouble(t *testing.T) {
	for step := 1; step <= 4; step++ { // stage, write, keep, put
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			w := newWorld(t, ingest.Policy{}, catalog.Limits{})
			var log bytes.Buffer
			faulty := &storagetest.FaultyBlobs{Blobs: w.blobs}
			w.Index = assembly.New(w.db.Catalog(), faulty, assembly.Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			if _, err := w.Trouble(); err != nil {
				t.Errorf("Trouble() at the start = %v", err)
			}
			w.must(packagingtest.Wheel("demo", "1.0", "a"))
			for range 3 {
				faulty.Arm(step, storagetest.Before)
				if _, err := w.upload(w.admin, packagingtest.Wheel("demo", "2.0", "b")); err == nil {
					t.Fatal("an upload with a broken step succeeded")
				}
			}
			faulty.Arm(0, storagetest.Before)
			since, err := w.Trouble()
			if err == nil || since.IsZero() {
				t.Fatalf("Trouble() after uploads failed = %v, %v", since, err)
			}
			if _, err := w.upload(w.admin, packagingtest.Wheel("demo", "1.0", "other content")); err == nil {
				t.Error("other content under a taken name was accepted")
			}
			w.must(packagingtest.Wheel("demo", "1.0", "a")) // it exists, so nothing is written
			if again, err := w.Trouble(); err == nil || !again.Equal(since) {
				t.Errorf("Trouble() after a refusal and a file that is there = %v, %v, want as before", again, err)
			}
			w.must(packagingtest.Wheel("demo", "2.0", "b"))
			if _, err := w.Trouble(); err != nil {
				t.Errorf("Trouble() after an upload was stored = %v", err)
			}
			if got := strings.Count(log.String(), "uploads fail"); got != 1 {
				t.Errorf("the log has %d lines about failing uploads, want one:\n%s", got, &log)
			}
			if got := strings.Count(log.String(), "uploads work again"); got != 1 {
				t.Errorf("the log has %d lines about working uploads, want one:\n%s", got, &log)
			}
		})
	}
}

// TestNoTrouble: refusals and disconnected senders are not trouble.
func TestNoTrouble(t *testing.T) {
	w := newWorld(t, ingest.Policy{}, catalog.Limits{FileSize: 2000})
	nobody := w.user("bob", access.NewAPIToken{Scope: access.ScopeRead})
	for name, try := range map[string]func() error{
		"a name that is none": func() error {
			f := packagingtest.Wheel("demo", "1.0", "")
			f.Name = "x.exe"
			_, err := w.upload(w.admin, f)
			return err
		},
		"a token that reads": func() error { _, err := w.upload(nobody, packagingtest.Wheel("demo", "1.0", "")); return err },
		"a file that is large": func() error {
			f := packagingtest.Wheel("demo", "1.0", "")
			f.Bytes = make([]byte, 9000)
			_, err := w.upload(w.admin, f)
			return err
		},
		"a disconnected sender": func() error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			return w.mayPublish(ctx, w.admin, "", stagedFor(packagingtest.Wheel("demo", "1.0", "")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := try(); err == nil {
				t.Errorf("%s: no error", name)
			}
			if _, err := w.Trouble(); err != nil {
				t.Errorf("%s: Trouble() = %v, want none", name, err)
			}
		})
	}
}
