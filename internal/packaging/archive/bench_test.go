package archive_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pyindex/internal/packaging/archive"
)

// sparseWheel writes a wheel with n members of size stored bytes each. The bodies are holes in the file; their checksum
// of 0 is wrong, which does not matter because the bodies are not read.
func sparseWheel(b *testing.B, n int, size int64) *os.File {
	f, err := os.Create(filepath.Join(b.TempDir(), wheelName))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	var at int64
	var dir []byte
	put := func(m zmember, hole int64) {
		grow := func(off int) func([]byte) {
			return func(h []byte) { le.PutUint32(h[off:], uint32(hole)); le.PutUint32(h[off+4:], uint32(hole)) }
		}
		if hole > 0 {
			m.pokeLocal, m.pokeEntry = grow(18), grow(20)
		}
		dir = append(dir, m.entry(int(at))...)
		head := m.bytes()
		if _, err := f.WriteAt(head, at); err != nil {
			b.Fatal(err)
		}
		at += int64(len(head)) + hole
	}
	var big []zmember
	for i := range n {
		big = append(big, zmember{name: fmt.Sprintf("foo_bar/data/part-%06d.bin", i)})
	}
	for i, m := range wheelMembers(big...) {
		hole := size
		if i < 3 || i == n+3 {
			hole = 0
		}
		put(m, hole)
	}
	tail := zspec{}.end(dir, n+4, len(dir))
	le.PutUint32(tail[len(tail)-6:], uint32(at))
	if _, err := f.WriteAt(tail, at); err != nil {
		b.Fatal(err)
	}
	return f
}

func benchInspect(b *testing.B, f *os.File, file string) {
	st, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	name := named(b, file, "foo-bar")
	b.SetBytes(st.Size())
	b.ReportAllocs()
	for b.Loop() {
		if _, err := archive.Inspect(f, st.Size(), name, archive.DefaultLimits(), archive.Rules{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkWheel500MB inspects a wheel of 500 MB in 20 members.
func BenchmarkWheel500MB(b *testing.B) { benchInspect(b, sparseWheel(b, 20, 25<<20), wheelName) }

// BenchmarkWheel500MB10k inspects a wheel of 500 MB in 10,000 members.
func BenchmarkWheel500MB10k(b *testing.B) { benchInspect(b, sparseWheel(b, 10_000, 50<<10), wheelName) }

// BenchmarkWheelSmall inspects a wheel of four members, like most uploads.
func BenchmarkWheelSmall(b *testing.B) { benchInspect(b, sparseWheel(b, 0, 0), wheelName) }

// BenchmarkSDist inspects an sdist of 10,000 members and 20 MB, all of which must be decompressed.
func BenchmarkSDist(b *testing.B) {
	var more []tmember
	for i := range 10_000 {
		more = append(more, tmember{name: in(fmt.Sprintf("src/module_%05d.py", i)), body: fmt.Sprintf("%02000d", i*i)})
	}
	f, err := os.Create(filepath.Join(b.TempDir(), sdistName))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	if _, err := f.Write(sdistOf(more...)); err != nil {
		b.Fatal(err)
	}
	benchInspect(b, f, sdistName)
}
