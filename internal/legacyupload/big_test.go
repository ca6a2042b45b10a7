package legacyupload_test

import (
	"archive/zip"
	"bufio"
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"runtime/metrics"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/blake2b"
)

// big is a valid wheel that is generated while it is read, so that it is never in memory.
type big struct {
	distribution
	size  int64 // size of the large member
	chunk []byte
	crc   uint32
}

func newBig(version string, size int64) *big {
	b := &big{distribution: wheel("demo", version, ""), size: size, chunk: make([]byte, 1<<20)}
	random := rand.NewChaCha8([32]byte{1})
	_, _ = random.Read(b.chunk)
	sum := crc32.NewIEEE()
	_, err := io.Copy(sum, b.member())
	must(err)
	b.crc = sum.Sum32()
	return b
}

func (b *big) member() io.Reader { return io.LimitReader(&repeated{chunk: b.chunk}, b.size) }

// repeated reads a chunk repeatedly.
type repeated struct {
	chunk []byte
	at    int
}

func (r *repeated) Read(p []byte) (int, error) {
	n := copy(p, r.chunk[r.at:])
	r.at = (r.at + n) % len(r.chunk)
	return n, nil
}

// write writes the wheel.
func (b *big) write(to io.Writer) error {
	w := zip.NewWriter(to)
	info := "demo-" + b.version + ".dist-info/"
	members := []struct {
		name string
		text string
	}{
		{"payload.bin", ""},
		{info + "METADATA", b.metadata()},
		{info + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
		{info + "RECORD", "payload.bin,,\n" + info + "METADATA,,\n" + info + "WHEEL,,\n" + info + "RECORD,,\n"},
	}
	for _, m := range members {
		body, size, sum := io.Reader(strings.NewReader(m.text)), int64(len(m.text)), crc32.ChecksumIEEE([]byte(m.text))
		if m.text == "" {
			body, size, sum = b.member(), b.size, b.crc
		}
		p, err := w.CreateRaw(&zip.FileHeader{
			Name:               m.name,
			Method:             zip.Store,
			CRC32:              sum,
			CompressedSize64:   uint64(size),
			UncompressedSize64: uint64(size),
		})
		if err != nil {
			return err
		}
		if _, err := io.Copy(p, body); err != nil {
			return err
		}
	}
	return w.Close()
}

// hashed writes the wheel to a file in the simplest way, and returns its digests.
func (b *big) hashed(path string) (sha, blake string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return "", "", err
	}
	defer f.Close()
	s, m := sha256.New(), md5.New()
	l, err := blake2b.New256(nil)
	if err != nil {
		return "", "", err
	}
	if err := b.write(io.MultiWriter(s, l, m, f)); err != nil {
		return "", "", err
	}
	return hex.EncodeToString(s.Sum(nil)), hex.EncodeToString(l.Sum(nil)), f.Sync()
}

// body returns the whole form, of unknown length, with the file last.
func (b *big) body(sha, blake string) io.Reader {
	d := b.distribution
	d.bytes = []byte("<here>")
	parts := with(with(d.parts(), "sha256_digest", sha), "blake2_256_digest", blake)
	head, tail, _ := bytes.Cut(encode(parts), d.bytes)
	r, w := io.Pipe()
	go func() {
		pieces := bufio.NewWriterSize(w, 256<<10)
		err := b.write(pieces)
		if err == nil {
			err = pieces.Flush()
		}
		_ = w.CloseWithError(err)
	}()
	return io.MultiReader(bytes.NewReader(head), r, bytes.NewReader(tail))
}

// peak runs f and returns the maximum growth of the process's memory meanwhile, in bytes: memory obtained from the
// system minus memory returned to it.
func peak(f func()) int64 {
	sample := func() int64 {
		s := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
		metrics.Read(s)
		return int64(s[0].Value.Uint64() - s[1].Value.Uint64())
	}
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // as in production, whatever GOGC is
	debug.FreeOSMemory()
	before := sample()
	most, done := before, make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
				most = max(most, sample())
			}
		}
	})
	f()
	close(done)
	wg.Wait()
	return most - before
}

// An upload of 300 MB is stored completely, and its memory use does not depend on its size.
func TestMemory(t *testing.T) {
	s, b := newSite(t, setting{}), newBig("1.0", 300<<20)
	sha, blake, err := b.hashed(filepath.Join(t.TempDir(), "plain"))
	check(t, err)
	var a answer
	grown := peak(func() { a, err = s.try(request{token: s.token, body: b.body(sha, blake)}) })
	if err != nil || a.status != 200 {
		t.Fatalf("POST of 300 MB = %v, %v, want 200", a, err)
	}
	if grown > 64<<20 {
		t.Errorf("POST of 300 MB took %d MB", grown>>20)
	}
	t.Logf("memory grew by %.1f MB", float64(grown)/(1<<20))
	s.intact(b.filename)
}

// BenchmarkUploadSmall uploads wheels of 20 kB with one client.
func BenchmarkUploadSmall(b *testing.B) { benchmarkSmall(b, 1) }

// BenchmarkUploadSmall8 does the same with eight concurrent clients.
func BenchmarkUploadSmall8(b *testing.B) { benchmarkSmall(b, 8) }

func benchmarkSmall(b *testing.B, clients int) {
	s := newSite(b, setting{})
	payload := strings.Repeat("0123456789abcdef", 20<<10/16)
	if a := s.upload(wheel("demo", "0.1", "")); a.status != 200 {
		b.Fatalf("POST = %v, want 200", a)
	}
	plain := plainly(b, wheel("demo", "0.1", payload).bytes)
	bodies := make(chan []byte, clients)
	go func() {
		defer close(bodies)
		for i := range b.N {
			bodies <- encode(wheel("demo", fmt.Sprintf("1.%d", i), payload).parts())
		}
	}()
	b.ResetTimer()
	grown := peak(func() { s.drainInto(bodies, clients) })
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "uploads/s")
	b.ReportMetric(float64(plain)/1e6, "plain-ms")
	b.ReportMetric(float64(grown)/(1<<20), "peak-MB")
}

// drainInto uploads all bodies with a number of clients.
func (s *site) drainInto(bodies <-chan []byte, clients int) {
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for body := range bodies {
				if a, err := s.try(request{token: s.token, body: bytes.NewReader(body)}); err != nil || a.status != 200 {
					s.t.Errorf("POST = %v, %v, want 200", a, err)
				}
			}
		})
	}
	wg.Wait()
}

// plainly returns the time for only hashing and writing the content.
func plainly(b *testing.B, raw []byte) time.Duration {
	const times = 50
	dir, start := b.TempDir(), time.Now()
	for i := range times {
		d := distribution{bytes: raw}
		_, _, _ = d.sha256(), d.blake2(), d.md5()
		f, err := os.Create(filepath.Join(dir, fmt.Sprint(i)))
		check(b, err)
		_, err = f.Write(raw)
		check(b, err)
		check(b, f.Sync())
		check(b, f.Close())
	}
	return time.Since(start) / times
}

// BenchmarkUploadLarge uploads 500 MB, and reports the time relative to only hashing and writing the content.
func BenchmarkUploadLarge(b *testing.B) {
	const size = 500 << 20
	s := newSite(b, setting{})
	plain := filepath.Join(b.TempDir(), "plain")
	var alone, whole time.Duration
	var most int64
	for i := range b.N {
		d := newBig(fmt.Sprintf("1.%d", i), size)
		start := time.Now()
		sha, blake, err := d.hashed(plain)
		check(b, err)
		alone += time.Since(start)
		check(b, os.Remove(plain))
		start = time.Now()
		grown := peak(func() {
			if a, err := s.try(request{token: s.token, body: d.body(sha, blake)}); err != nil || a.status != 200 {
				b.Errorf("POST = %v, %v, want 200", a, err)
			}
		})
		whole += time.Since(start)
		most = max(most, grown)
	}
	b.SetBytes(size)
	b.ReportMetric(whole.Seconds()/float64(b.N), "s/upload")
	b.ReportMetric(alone.Seconds()/float64(b.N), "s/plain")
	b.ReportMetric(whole.Seconds()/alone.Seconds(), "ratio")
	b.ReportMetric(float64(most)/(1<<20), "peak-MB")
}
