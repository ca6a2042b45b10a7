package ui

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"testing"

	"pyindex/internal/access"
)

func newKit(t *testing.T) *Kit {
	t.Helper()
	k, err := New(Options{Files: os.DirFS(".."), BaseURL: &url.URL{Scheme: "https", Host: "index.acme.example"}})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestTemplatesParse: every page can be joined with the shared parts. A server does this when it first renders a page.
func TestTemplatesParse(t *testing.T) {
	k := newKit(t)
	if len(k.templates) < 50 {
		t.Fatalf("%d templates", len(k.templates))
	}
	for name, parse := range k.templates {
		if _, err := parse(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAssetsAreCompressed: a static file is sent compressed to a client that accepts it, if that is smaller.
func TestAssetsAreCompressed(t *testing.T) {
	k := newKit(t)
	for name, a := range k.static {
		for accepts, smaller := range map[string]bool{"": false, "br": false, "gzip, br": len(a.gzip()) < len(a.plain)} {
			r := httptest.NewRequest(http.MethodGet, "/static/"+k.version+"/"+name, nil)
			r.SetPathValue("version", k.version)
			r.SetPathValue("file", name)
			r.Header.Set("Accept-Encoding", accepts)
			w := httptest.NewRecorder()
			if err := k.asset(w, r, access.Caller{}); err != nil {
				t.Fatal(err)
			}
			encoding, body := "", io.Reader(w.Body)
			if smaller {
				encoding = "gzip"
				var err error
				if body, err = gzip.NewReader(w.Body); err != nil {
					t.Fatalf("%s for a client that accepts %q: %v", name, accepts, err)
				}
			}
			got, err := io.ReadAll(body)
			if err != nil || !bytes.Equal(got, a.plain) || w.Header().Get("Content-Encoding") != encoding {
				t.Errorf("%s for a client that accepts %q: encoding %q with %d bytes (%v), want %q with %d", name, accepts,
					w.Header().Get("Content-Encoding"), len(got), err, encoding, len(a.plain))
			}
		}
	}
}
