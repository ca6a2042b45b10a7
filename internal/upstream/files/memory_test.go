package files_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

// generated is an upstream that sends n bytes without holding them, and notes when it sent the first one.
type generated struct {
	fetcher
	n     int64
	first atomic.Int64
}

func (g *generated) Open(context.Context, upstream.Upstream, string, int64) (upstream.Body, error) {
	return upstream.Body{ReadCloser: io.NopCloser(&pattern{of: g, left: g.n}), Size: g.n}, nil
}

// pattern is a body that repeats the bytes from 0 to 255.
type pattern struct {
	of       *generated
	at, left int64
}

func (p *pattern) Read(b []byte) (int, error) {
	if p.left == 0 {
		return 0, io.EOF
	}
	p.of.first.CompareAndSwap(0, time.Now().UnixNano())
	b = b[:min(int64(len(b)), p.left)]
	for i := range b {
		b[i] = byte(p.at + int64(i))
	}
	p.at, p.left = p.at+int64(len(b)), p.left-int64(len(b))
	return len(b), nil
}

// most returns the largest heap that was seen until stop is called, with the garbage collector as in production.
func most(t *testing.T) (stop func() uint64) {
	t.Helper()
	percent := debug.SetGCPercent(100)
	t.Cleanup(func() { debug.SetGCPercent(percent) })
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	idle, largest := m.HeapInuse+m.StackInuse, uint64(0)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			runtime.ReadMemStats(&m)
			largest = max(largest, m.HeapInuse+m.StackInuse)
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-ended
		return max(largest, idle) - idle
	}
}

// TestALargeFileTakesLittleMemory checks that a file of 500 MB is passed on in less than 32 MB, with room on the disk
// and without. It logs how much later than the upstream's its first byte comes.
func TestALargeFileTakesLittleMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it passes on 500 MB")
	}
	const size = 500_000_000
	h := sha256.New()
	io.Copy(h, &pattern{of: &generated{}, left: size})
	f := page.File{
		Filename: "big-1.0-py3-none-any.whl", URL: "http://files.test/big", Size: size,
		SHA256: hex.EncodeToString(h.Sum(nil)),
	}
	for name, room := range map[string]int64{"stored": size, "full disk": 0} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, files.Options{})
			w.files.Close()
			inner, err := blobs.Open(t.Context(), w.folder, blobs.Options{})
			w.must(err)
			var store custody.Blobs = inner
			if room < size {
				store = &smallDisk{Blobs: inner}
			}
			g := &generated{n: size}
			w.up = nil
			quiet := slog.New(slog.DiscardHandler)
			o := files.Options{Limit: 1 << 30, Log: quiet, MayServe: servesAll} // it is noise
			w.keeper = custody.New(keeping{w.db.Catalog()}, store, custody.Options{Log: quiet})
			w.files = files.New(w.db.UpstreamFiles(), w.keeper, g, o)
			t.Cleanup(w.files.Close)
			stop := most(t)
			opened, err := w.files.Open(t.Context(), public, f)
			w.must(err)
			defer opened.Close()
			b := make([]byte, 64<<10)
			n, err := opened.Stream.Read(b)
			late := time.Duration(time.Now().UnixNano() - g.first.Load())
			w.must(err)
			rest, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, opened.Stream, b)
			if err != nil || rest+int64(n) != size {
				t.Errorf("%d bytes, %v", rest+int64(n), err)
			}
			used := stop()
			t.Logf("%d MB over idle, the first byte %v after the upstream's (want 20 ms on an idle machine)", used>>20, late)
			if used > 32<<20 {
				t.Errorf("it took %d MB over idle, want 32 at most", used>>20)
			}
			w.settle()
		})
	}
}
