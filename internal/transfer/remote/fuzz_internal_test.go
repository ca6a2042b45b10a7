package remote

import (
	"context"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"pyindex/internal/transfer"
	"pyindex/internal/transfer/scan"
)

// FuzzManager: whatever a manager answers, texts are clean, and time and memory are those of the answer.
func FuzzManager(f *testing.F) {
	f.Add([]byte(`{"items": [{"name": "Acme", "assets": [{"path": "/packages/acme/1/acme-1.zip", "checksum": {"sha1": "x"},
		"fileSize": 7, "blobCreated": "2020-01-02T03:04:05.678+00:00", "uploader": "a"}, {"path": "../x"}]}], "continuationToken": null}`))
	f.Add([]byte(`{"results": [{"path": "..", "name": "../x"}, {"path": ".", "name": "acme-1.egg", "size": -1, "sha256": 7}],
		"range": {"notification": "cut"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 64<<10 {
			t.Skip()
		}
		start := time.Now()
		for _, nexus := range []bool{true, false} {
			m := &manager{list: func(_ context.Context, add func(transfer.File, string) error) error {
				return scan.Bytes("answer", b).Read(func(r *scan.Reader) error {
					if nexus {
						_, err := readComponents(r, add)
						return err
					}
					_, err := readResult(r, func(f transfer.File) error { return add(f, "") })
					return err
				})
			}}
			size := 0
			for p, err := range m.Projects(context.Background(), nil) {
				if err != nil {
					if text := badAnswer(err).Error(); len(text) > 1000 || strings.ContainsAny(text, "\r\n\x00") {
						t.Fatalf("unfit error %q", text)
					}
					break
				}
				for _, file := range p.Files {
					text := file.Place + file.Uploader + file.Version + file.Filename
					if strings.ContainsAny(text, "\r\n\x00") && file.Problem == "" || len(file.Place) > 1000 {
						t.Fatalf("file %+v", file)
					}
					size += len(text)
				}
			}
			if size > 5*len(b) {
				t.Fatalf("%d bytes become %d", len(b), size)
			}
			for _, n := range m.Notes() {
				if len(n.Text) > 10_000 || strings.ContainsAny(n.Text, "\r\n\x00") {
					t.Fatalf("note %q", n.Text)
				}
			}
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Fatalf("%d bytes take %v", len(b), d)
		}
	})
}

// FuzzSimple: a file of a page is asked for only below the index that was named.
func FuzzSimple(f *testing.F) {
	for _, at := range []string{
		"https://h.example/own/files/x.zip", "https://h.example/own/../x", "https://h.example/own/%2e%2e/x",
		"//h.example/own/x",
		"https://h.example:443/own/x", "https://me@h.example/own/x", "https://h.example/own\\..\\x",
		"https://h.example/own%2f..%2fx",
	} {
		f.Add(at)
	}
	s, err := NewSimple(SimpleOptions{Options: Options{URL: "https://h.example/own/simple/"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, at string) {
		if !s.mayAsk(at) {
			return
		}
		u, err := url.Parse(at)
		if err != nil || !strings.EqualFold(u.Host, "h.example") || u.Scheme != "https" ||
			!strings.HasPrefix(u.EscapedPath(), "/own/") || !strings.HasPrefix(path.Clean(u.Path)+"/", "/own/") {
			t.Fatalf("%q may be asked for", at)
		}
	})
}
