package advisory_test

import (
	"archive/zip"
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// manyRecords writes a zip file with n records, which have the size of usual ones.
func manyRecords(b *testing.B, n int) string {
	name := filepath.Join(b.TempDir(), "all.zip")
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	z := zip.NewWriter(w)
	for i := range n {
		m, err := z.Create(fmt.Sprintf("MAL-2026-%d.json", i))
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(m, `{"schema_version":"1.7.4","id":"MAL-2026-%d","published":"2026-02-03T04:05:06Z",`+
			`"modified":"2026-03-04T05:06:07Z","summary":"Malicious code in package-%d","details":%q,`+
			`"affected":[{"package":{"ecosystem":"PyPI","name":"package-%d","purl":"pkg:pypi/package-%d"},`+
			`"versions":["0.0.%d","0.1.0","0.1.1"],"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}],`+
			`"database_specific":{"cwes":[{"cweId":"CWE-506","description":%q}]}}],`+
			`"references":[{"type":"WEB","url":"https://example.com/blog/%d"}],`+
			`"credits":[{"name":"Somebody","type":"FINDER","contact":["https://example.com"]}]}`,
			i, i, strings.Repeat(fmt.Sprintf("The package was found by campaign %d to send secrets away. ", i%977), 8), i, i, i,
			strings.Repeat("The product contains code that appears to be malicious in nature. ", 3), i)
	}
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	return name
}

// BenchmarkImport imports a feed into an empty index, then the same feed again. It reports the seconds of each, and the
// most memory that was in use. INDEX_BENCH_RECORDS sets the number of records.
func BenchmarkImport(b *testing.B) {
	n, err := strconv.Atoi(os.Getenv("INDEX_BENCH_RECORDS"))
	if err != nil {
		n = 20_000
	}
	path := manyRecords(b, n)
	boss := access.Operator("boss")
	for b.Loop() {
		d, err := db.Open(ctx, storagetest.SQLite(b), db.Options{})
		if err != nil {
			b.Fatal(err)
		}
		x := advisory.New(d.Advisories(), advisory.Options{})
		from, err := advisory.FromPath(path)
		if err != nil {
			b.Fatal(err)
		}
		runtime.GC() // what writing the file has left
		most, stop := watchHeap()
		for _, name := range []string{"first-s", "again-s"} {
			began := time.Now()
			if _, err := x.Import(ctx, boss, "f", from, advisory.ImportOptions{}); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(began).Seconds(), name)
		}
		stop()
		b.ReportMetric(float64(most.Load())/(1<<20), "heap-MB")
		if err := d.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// watchHeap measures the most bytes of live and dead objects until it is stopped.
func watchHeap() (most *atomic.Uint64, stop func()) {
	most, done := &atomic.Uint64{}, make(chan struct{})
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(sample)
			most.Store(max(most.Load(), sample[0].Value.Uint64()))
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return most, func() { close(done) }
}
