package archive_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pyindex/internal/fault"
	"pyindex/internal/packaging/archive"
)

// tight keeps one fuzzed inspection short.
func tight() archive.Limits {
	l := archive.DefaultLimits()
	l.Members, l.Declared, l.Expanded, l.Bzip2 = 1000, 4<<20, 4<<20, 1<<20
	return l
}

// check inspects b and requires consistent contents or fault.Invalid.
func check(t *testing.T, file string, b []byte) {
	c, err := archive.Inspect(bytes.NewReader(b), int64(len(b)), named(t, file, "foo-bar"), tight(), archive.Rules{})
	if err != nil {
		if !fault.Is(err, fault.Invalid) {
			t.Fatalf("Inspect(%s) = %v, want fault.Invalid", file, err)
		}
		return
	}
	if !bytes.Contains(c.Metadata, []byte("1.0")) || len(c.Members) == 0 {
		t.Errorf("Inspect(%s) accepts metadata %q and %d members", file, c.Metadata, len(c.Members))
	}
	for _, m := range c.Members {
		if m == "" || m[0] == '/' || strings.Contains("/"+m+"/", "/../") {
			t.Errorf("Inspect(%s) accepts the member %q", file, m)
		}
	}
	keep(b, file)
}

// keep saves accepted inputs in INDEX_TEST_FUZZED for TestPythonSeesTheSame.
func keep(b []byte, file string) {
	if dir := os.Getenv("INDEX_TEST_FUZZED"); dir != "" {
		f, err := os.CreateTemp(dir, "*-"+file)
		if err == nil {
			f.Write(b)
			f.Close()
		}
	}
}

// fuzzed returns the saved inputs.
func fuzzed(t *testing.T) []upload {
	var all []upload
	dir := os.Getenv("INDEX_TEST_FUZZED")
	if dir == "" {
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*-foo_bar-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, name, _ := strings.Cut(filepath.Base(file), "-")
		all = append(all, upload{name: file, file: name, data: b})
	}
	return all
}

// FuzzZip: all readers see the same in an accepted zip. TestPythonSeesTheSame checks this for the inputs that keep
// saved.
func FuzzZip(f *testing.F) {
	for _, u := range goodWheels() {
		f.Add(u.data)
	}
	f.Add(sdistZip())
	f.Fuzz(func(t *testing.T, b []byte) {
		check(t, wheelName, b)
		check(t, "foo_bar-1.0.zip", b)
	})
}

// FuzzStartup: the look for start-up files alone finds what the whole inspection finds, or refuses the archive, and
// takes little memory.
func FuzzStartup(f *testing.F) {
	for _, u := range goodWheels() {
		f.Add(u.data)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := archive.Startup(bytes.NewReader(b), int64(len(b)), tight())
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<20 {
			t.Errorf("%d bytes take %d bytes", len(b), n)
		}
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatalf("Startup() = %v, want fault.Invalid", err)
		}
		c, invalid := archive.Inspect(bytes.NewReader(b), int64(len(b)), named(t, wheelName, "foo-bar"), tight(),
			archive.Rules{})
		if invalid == nil && (err != nil || !slices.Equal(got, c.Startup)) {
			t.Errorf("Startup() = %q, %v, and Inspect found %q", got, err, c.Startup)
		}
		places, err := archive.StartupPlaces(bytes.NewReader(b), int64(len(b)), tight())
		if err != nil && !fault.Is(err, fault.Invalid) {
			t.Fatalf("StartupPlaces() = %v, want fault.Invalid", err)
		}
		for _, name := range got {
			if !slices.Contains(places, name) {
				t.Errorf("StartupPlaces() = %q without %q", places, name)
			}
		}
	})
}

// FuzzTar fuzzes the tar inside the gzip, where the structure is.
func FuzzTar(f *testing.F) {
	for _, m := range [][]tmember{
		nil,
		{longName(in(strings.Repeat("deep/", 40))), {name: "x"}},
		{paxOf("path", in("x"), "size", "3"), {name: "x", body: "abc"}},
		{globalOf("comment", "x"), {name: in("l"), kind: '2', link: "setup.py"}},
		{{name: in("h"), kind: '1', link: in("setup.py")}},
	} {
		f.Add(sdistTar(m...))
	}
	f.Fuzz(func(t *testing.T, s string) { check(t, sdistName, pack(fixSums(s))) })
}

// FuzzTarStream fuzzes the compressed bytes.
func FuzzTarStream(f *testing.F) {
	f.Add(sdistOf(), false)
	f.Add(mustBase64(tarBz2), true)
	f.Fuzz(func(t *testing.T, b []byte, bz2 bool) {
		if bz2 {
			check(t, "foo_bar-1.0.tar.bz2", b)
			return
		}
		check(t, sdistName, b)
	})
}

// fixSums corrects the checksum of every block that might be a header, so that fuzzing reaches the code behind the
// check.
func fixSums(s string) string {
	b := []byte(s)
	for at := 0; at+512 <= len(b); {
		h := b[at : at+512]
		if len(bytes.Trim(h, "\x00")) == 0 {
			break
		}
		copy(h[148:], sum(h))
		at += 512
		if n, err := strconv.ParseUint(strings.Trim(string(h[124:136]), " \x00"), 8, 31); err == nil {
			at += int(n+511) &^ 511
		}
	}
	return string(b)
}
