package page_test

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/upstream/page"
)

func generatedPage(t testing.TB, n int) page.Page {
	t.Helper()
	p, err := page.Parse(generated("example", n), jsonType, address(t, "https://up.example/simple/example/"),
		project(t, "example"), page.Bounds{})
	if err != nil || len(p.Files) != n || p.Dropped != 0 {
		t.Fatalf("Parse = %d files, %d dropped, %v", len(p.Files), p.Dropped, err)
	}
	return p
}

func decoded(t testing.TB, b []byte) page.Page {
	t.Helper()
	p, err := page.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// 5,000 projects with a mean of 1,300 files take at most 1 GB.
func TestARecordIsSmall(t *testing.T) {
	for _, n := range []int{325, 1300, 10_000} {
		p := page.Merge(page.Page{}, generatedPage(t, n), time.Now())
		record := p.Encode()
		t.Logf("%d files: %d bytes, %.1f a file", n, len(record), float64(len(record))/float64(n))
		if len(record) > 131*n {
			t.Errorf("a record of %d files has %d bytes", n, len(record))
		}
		if diff := cmp.Diff(p, decoded(t, record)); diff != "" {
			t.Errorf("Decode: difference %.2000s", diff)
		}
	}
}

func TestNames(t *testing.T) {
	n := page.NewNames(project(t, "Foo"), project(t, "bar"), project(t, "foo"))
	again, err := page.DecodeNames(n.Encode())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []page.Names{n, again} {
		if n.Count() != 2 || !n.Contains(project(t, "FOO")) || !n.Contains(project(t, "bar")) ||
			n.Contains(project(t, "baz")) {
			t.Errorf("the set of foo and bar has %d names", n.Count())
		}
	}
	if len(n.Encode()) != 17 {
		t.Errorf("the set of two names takes %d bytes", len(n.Encode()))
	}
	for _, b := range [][]byte{nil, {2}, {1, 0}, n.Encode()[:16], append(n.Encode(), n.Encode()[1:]...)} {
		if _, err := page.DecodeNames(b); err == nil {
			t.Errorf("DecodeNames(%x) = nil, want an error", b)
		}
	}
	if empty, err := page.DecodeNames(page.Names{}.Encode()); err != nil || empty.Count() != 0 {
		t.Errorf("the empty set comes back with %d names, %v", empty.Count(), err)
	}
}

// Parsing and encoding a page allocate at most four times its length each, so the memory in use at once is less.
func TestMemoryOfALargePage(t *testing.T) {
	body := generated("example", 10_000)
	at, name := address(t, "https://up.example/simple/example/"), project(t, "example")
	var before, parsed, encoded runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := page.Parse(body, jsonType, at, name, page.Bounds{})
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&parsed)
	record := p.Encode()
	runtime.ReadMemStats(&encoded)
	limit := uint64(4 * len(body))
	if n := parsed.TotalAlloc - before.TotalAlloc; n > limit {
		t.Errorf("Parse allocates %d bytes for a page of %d", n, len(body))
	}
	if n := encoded.TotalAlloc - parsed.TotalAlloc; n > limit {
		t.Errorf("Encode allocates %d bytes for a page of %d and a record of %d", n, len(body), len(record))
	}
}

// A damaged record must not make the server allocate what its header claims.
func TestDecodeOfDamagedRecordsIsCheap(t *testing.T) {
	p := page.Merge(page.Page{}, generatedPage(t, 200), monday)
	record := p.Encode()
	for i := 0; i < len(record); i += 1 + i/200 {
		for _, change := range []byte{0x01, 0x80, 0xff} {
			damaged := bytes.Clone(record)
			damaged[i] ^= change
			var before, after runtime.MemStats
			measured := i < 64
			if measured {
				runtime.ReadMemStats(&before)
			}
			got, err := page.Decode(damaged)
			if err == nil && !cmp.Equal(p, got) {
				t.Fatalf("Decode accepts a change of byte %d", i)
			}
			if measured {
				runtime.ReadMemStats(&after)
				if n := after.TotalAlloc - before.TotalAlloc; n > 32<<20 {
					t.Errorf("Decode allocates %d bytes after a change of byte %d", n, i)
				}
			}
		}
	}
	for n := range 200 {
		if _, err := page.Decode(record[:n*len(record)/200]); err == nil {
			t.Fatalf("Decode accepts %d of %d bytes", n*len(record)/200, len(record))
		}
	}
	for _, b := range [][]byte{nil, {0}, {1}, {2}, {3, 1}, append([]byte{9}, record[1:]...)} {
		if _, err := page.Decode(b); err == nil {
			t.Errorf("Decode accepts %x", b[:min(len(b), 10)])
		}
	}
}
