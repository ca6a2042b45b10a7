package page_test

import (
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
		if n.Count() != 2 || !n.Contains(project(t, "FOO")) || !n.Contains(project(t, "bar")) || n.Contains(project(t, "baz")) {
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
