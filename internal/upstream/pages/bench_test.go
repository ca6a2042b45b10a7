package pages_test

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// large is a JSON page of many files, with digests as random as real ones.
func large(project string, files int) []byte {
	var b strings.Builder
	b.Grow(600 * files)
	fmt.Fprintf(&b, `{"meta":{"api-version":"1.1","_last-serial":17},"name":%q,"files":[`, project)
	x := uint64(88172645463325252)
	next := func() uint64 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return x
	}
	for i := range files {
		if i > 0 {
			b.WriteString(",")
		}
		file := fmt.Sprintf("%s-%d.%d.%d-cp3%d-cp3%d-manylinux_2_17_x86_64.whl", project, i/500, i/10%50, i%10, i%7, i%7)
		fmt.Fprintf(&b, `{"core-metadata":{"sha256":"%016x%016x%016x%016x"},"filename":%q,`,
			next(), next(), next(), next(), file)
		fmt.Fprintf(&b, `"hashes":{"sha256":"%016x%016x%016x%016x"},"requires-python":">=3.9","size":%d,`,
			next(), next(), next(), next(), next()%10_000_000)
		fmt.Fprintf(&b, `"upload-time":"2026-01-02T03:04:05.%06dZ",`, next()%1_000_000)
		fmt.Fprintf(&b, `"url":"https://files.test/packages/%02x/%02x/%060x/%s","yanked":false}`,
			next()%256, next()%256, next(), file)
	}
	b.WriteString("]}")
	return []byte(b.String())
}

// answersLarge is an answer with a large page, whose body is a new copy each time, as from the network.
func answersLarge(project string, files int) (int, func(upstream.Validators) (upstream.Response, error)) {
	content := string(large(project, files))
	at := &url.URL{Scheme: "https", Host: "upstream.test", Path: "/simple/" + project + "/"}
	return len(content), func(upstream.Validators) (upstream.Response, error) {
		return upstream.Response{
			Body: []byte(content), ContentType: "application/vnd.pypi.simple.v1+json", URL: at,
			Validators: upstream.Validators{ETag: `"1"`},
		}, nil
	}
}

// TestTheFirstReadOfALargePage takes no more memory than four times the page, and the record is made after its reader
// was served.
func TestTheFirstReadOfALargePage(t *testing.T) {
	w := newWorld(t)
	w.f.says("small", has("small", "", "1.0"))
	w.get("small", pages.Normal) // opens what is opened once
	w.batch()
	size, answer := answersLarge("big", 10_000)
	w.f.says("big", answer)
	peak := watchHeap(t)
	h := w.get("big", pages.Normal)
	p, err := h.Page()
	if err != nil || len(p.Files) != 10_000 {
		t.Fatalf("Page() has %d files, %v", len(p.Files), err)
	}
	_, weight, _ := w.p.InMemory()
	if weight < 1_000_000 {
		t.Error("the record was made before the reader was served")
	}
	w.batch()
	if most := peak(); most > 4*int64(size) {
		t.Errorf("the heap grew by %d bytes for a page of %d", most, size)
	} else {
		t.Logf("the heap grew by %.1f times the page of %d bytes", float64(most)/float64(size), size)
	}
	if _, weight, _ := w.p.InMemory(); weight > 140*10_000 {
		t.Errorf("memory keeps %d bytes", weight)
	}
	w.again().versionsOf("big", 10_000)
}

// versionsOf checks the number of files on a page.
func (w *world) versionsOf(s string, want int) {
	w.Helper()
	if p, err := w.get(s, pages.Normal).Page(); err != nil || len(p.Files) != want {
		w.Errorf("Page(%s) has %d files, %v", s, len(p.Files), err)
	}
}

// watchHeap returns a function that stops watching and returns by how many bytes the heap has grown at most. Garbage is
// collected early meanwhile, because on a busy machine it would be most of that.
func watchHeap(t *testing.T) func() int64 {
	t.Helper()
	was := debug.SetGCPercent(10)
	t.Cleanup(func() { debug.SetGCPercent(was) })
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := int64(m.HeapInuse), int64(0)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			runtime.ReadMemStats(&m)
			most = max(most, int64(m.HeapInuse)-before)
		}
	}()
	return func() int64 {
		close(stop)
		<-stopped
		return most
	}
}

// BenchmarkWarmGet is the look-up of a fresh page, which every request for it does.
func BenchmarkWarmGet(b *testing.B) {
	p, u := benchmarked(b, 100)
	n := name("big")
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := p.Get(b.Context(), u, n, pages.Normal, true); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkFirstRead is the first read of a page of 10,000 files, without its record.
func BenchmarkFirstRead(b *testing.B) {
	_, answer := answersLarge("big", 10_000)
	b.ReportAllocs()
	for b.Loop() {
		f := newFetcher()
		f.says("big", answer)
		p := pages.New(pages.Options{Store: empty{}, Fetcher: f, Alone: true})
		if _, err := p.Get(b.Context(), public(), name("big"), pages.Normal, true); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPage is the content of such a page, whose record is read after each garbage collection.
func BenchmarkPage(b *testing.B) {
	p, u := benchmarked(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		h, err := p.Get(b.Context(), u, name("big"), pages.Normal, true)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := h.Page(); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarked returns Pages with a page whose record has been made.
func benchmarked(b *testing.B, files int) (*pages.Pages, upstream.Upstream) {
	b.Helper()
	d, err := db.Open(b.Context(), storagetest.SQLite(b), db.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close() })
	f := newFetcher()
	_, answer := answersLarge("big", files)
	f.says("big", answer)
	p, u := pages.New(pages.Options{Store: d.Pages(), Fetcher: f, Alone: true}), public()
	u.TTL = 24 * time.Hour
	if _, err := p.Get(b.Context(), u, name("big"), pages.Normal, true); err != nil {
		b.Fatal(err)
	}
	p.Settle()
	if err := p.Batch(b.Context()); err != nil {
		b.Fatal(err)
	}
	return p, u
}

// empty is a store without rows.
type empty struct{}

func (empty) View(_ context.Context, f func(pages.Tx) error) error   { return f(noRows{}) }
func (empty) Update(_ context.Context, f func(pages.Tx) error) error { return f(noRows{}) }

// noRows is a transaction that finds nothing.
type noRows struct{ pages.Tx }

func (noRows) UpstreamPage(context.Context, pages.Key, time.Time) (pages.Row, error) {
	return pages.Row{}, fault.New(fault.NotFound, "no such page")
}
