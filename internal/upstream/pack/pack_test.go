package pack_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"pyindex/internal/upstream/pack"
)

var contents = map[pack.Part]string{
	pack.Record: "a record", pack.Content: "a wheel", pack.Metadata: "Name: six", pack.Provenance: "{}",
}

func blob(p pack.Part) pack.Blob { return pack.BlobOf([]byte(contents[p])) }

func manifest() pack.Manifest {
	at := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	metadata, provenance := blob(pack.Metadata), blob(pack.Provenance)
	return pack.Manifest{Format: pack.Format, Made: at, Upstreams: []pack.Upstream{{
		Name: "public", URL: "https://upstream.test/simple/", Kind: "public",
		Projects: []pack.Project{{
			Name: "six", Record: blob(pack.Record), URL: "https://upstream.test/simple/six/", ETag: `"1"`, Serial: "7",
			FetchedAt: at, CheckedAt: at,
			Files: []pack.File{{
				Filename: "six-1.0-py3-none-any.whl", Content: blob(pack.Content), Metadata: &metadata,
				Provenance: &provenance, ProvenanceAt: at,
			}},
		}},
	}}}
}

func written(t testing.TB, m pack.Manifest) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := pack.Write(&b, m, func(at pack.Place) (io.ReadCloser, error) {
		return pack.Bytes([]byte(contents[at.Part])), nil
	}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads a pack to its end.
func read(b []byte) (parts []string, err error) {
	r, err := pack.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for {
		at, content, err := r.Next()
		if errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return parts, nil
		}
		if err != nil {
			return parts, err
		}
		text, err := io.ReadAll(content)
		if err != nil {
			return parts, err
		}
		parts = append(parts, string(at.Part)+"="+string(text))
	}
}

// A pack is read as it was written.
func TestPack(t *testing.T) {
	parts, err := read(written(t, manifest()))
	if want := "record=a record content=a wheel metadata=Name: six provenance={}"; err != nil ||
		strings.Join(parts, " ") != want {
		t.Errorf("read %q, %v", parts, err)
	}
}

// A pack that was cut off or changed anywhere is refused.
func TestDamagedPack(t *testing.T) {
	b := written(t, manifest())
	end := bytes.LastIndex(b, []byte("{}")) + 2
	for n := 0; n < end; n += 97 {
		if parts, err := read(b[:n]); err == nil {
			t.Errorf("the first %d bytes are read as %q", n, parts)
		}
	}
	for _, text := range contents {
		i := bytes.LastIndex(b, []byte(text))
		changed := bytes.Clone(b)
		changed[i] ^= 1
		if _, err := read(changed); err == nil {
			t.Errorf("%q was changed, and the pack was read", text)
		}
	}
}

// Manifests that no pack can have are refused, and archives whose entries are not those of the manifest.
func TestForeignPack(t *testing.T) {
	for name, change := range map[string]func(*pack.Manifest){
		"two upstreams of a name": func(m *pack.Manifest) { m.Upstreams = append(m.Upstreams, m.Upstreams[0]) },
		"kind":                    func(m *pack.Manifest) { m.Upstreams[0].Kind = "own" },
		"terminal control":        func(m *pack.Manifest) { m.Upstreams[0].URL = "\x1b[2J" },
		"project":                 func(m *pack.Manifest) { m.Upstreams[0].Projects[0].Name = "Six" },
		"path": func(m *pack.Manifest) {
			m.Upstreams[0].Projects[0].Files[0].Filename = "../six-1.0-py3-none-any.whl"
		},
		"file of another project": func(m *pack.Manifest) {
			m.Upstreams[0].Projects[0].Files[0].Filename = "seven-1.0.tar.gz"
		},
		"digest":        func(m *pack.Manifest) { m.Upstreams[0].Projects[0].Record.SHA256 = "ab" },
		"negative size": func(m *pack.Manifest) { m.Upstreams[0].Projects[0].Record.Size = -1 },
		"huge record":   func(m *pack.Manifest) { m.Upstreams[0].Projects[0].Record.Size = 1 << 50 },
		"time":          func(m *pack.Manifest) { m.Upstreams[0].Projects[0].FetchedAt = time.Time{} },
		"header":        func(m *pack.Manifest) { m.Upstreams[0].Projects[0].ETag = "a\r\nb" },
	} {
		m := manifest()
		change(&m)
		if err := pack.Write(io.Discard, m, nil); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	for name, text := range map[string]string{
		"nothing":        ``,
		"newer format":   `{"format":2,"more":true}`,
		"unknown member": `{"format":1,"made":"2026-11-29T12:00:00Z","upstreams":[],"more":true}`,
		"member twice":   `{"format":1,"format":1,"made":"2026-11-29T12:00:00Z","upstreams":[]}`,
	} {
		if _, err := read(archive(t, text)); err == nil {
			t.Errorf("%s: read", name)
		}
	}
	if parts, err := read(archive(t, `{"format":1,"made":"2026-11-29T12:00:00Z","upstreams":[]}`)); err != nil ||
		len(parts) > 0 {
		t.Errorf("an empty pack: %q, %v", parts, err)
	}
}

// A sparse file is refused, which would have more content than the archive.
func TestSparsePack(t *testing.T) {
	for name, archive := range map[string][]byte{"empty": archive(t, ``), "sparse": sparse(t)} {
		_, err := pack.NewReader(bytes.NewReader(archive))
		if want := "begin with a manifest"; err == nil || strings.Contains(err.Error(), want) != (name == "sparse") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// sparse returns an archive whose first entry is a hole of 60 MB under the name of the manifest.
func sparse(t *testing.T) []byte {
	t.Helper()
	records := "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n35 GNU.sparse.name=index-pack.json\n32 GNU.sparse.realsize=60000000\n"
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range []struct {
		flag byte
		name string
		text string
	}{
		{tar.TypeReg, "PaxHeaders.0/x", records},
		{tar.TypeReg, "GNUSparseFile.0/index-pack.json", "1\n60000000\n0\n" + strings.Repeat("\x00", 499)},
	} {
		if err := w.WriteHeader(&tar.Header{
			Typeflag: e.flag,
			Name:     e.name,
			Size:     int64(len(e.text)),
			Mode:     0o644,
			Format:   tar.FormatUSTAR,
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, e.text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out := b.Bytes()
	out[156] = tar.TypeXHeader // which the writer makes by itself only
	var sum int
	copy(out[148:156], "        ")
	for _, c := range out[:512] {
		sum += int(c)
	}
	copy(out[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return out
}

// archive returns an archive of a manifest and nothing else.
func archive(t testing.TB, manifest string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(
		w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "index-pack.json", Size: int64(len(manifest)), Mode: 0o644}),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, manifest); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzReader(f *testing.F) {
	f.Add(written(f, manifest()))
	f.Add(archive(f, `{"format":1,"made":"2026-11-29T12:00:00Z","upstreams":[]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			t.Skip()
		}
		parts, err := read(b)
		if err == nil && len(strings.Join(parts, "")) > len(b)+32*len(parts) {
			t.Errorf("%d parts are larger than the pack", len(parts))
		}
	})
}
