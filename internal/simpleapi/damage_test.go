package simpleapi_test

import (
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/catalog"
)

// TestDamagedFilesAreRefused: every request for a file whose content is missing or damaged returns 503 with an
// explanation, and without headers that allow caching or suggest a retry.
func TestDamagedFilesAreRefused(t *testing.T) {
	d := newDemo(t)
	for _, c := range []struct {
		name, suffix string
		part         catalog.Part
		bytes        []byte
		says         string
	}{
		{"cut", "", catalog.Bytes, []byte(wheelBytes[:10]), "is damaged in the store"},
		{"empty", "", catalog.Bytes, []byte{}, "is damaged in the store"},
		{"longer", "", catalog.Bytes, []byte(wheelBytes + "more"), "is damaged in the store"},
		{"gone", "", catalog.Bytes, nil, "is missing in the store"},
		{"metadata, cut", ".metadata", catalog.MetadataPart, []byte(metadataBytes[:10]), "is damaged in the store"},
		{
			"metadata, other bytes", ".metadata", catalog.MetadataPart, []byte(strings.ToUpper(metadataBytes)),
			"is damaged in the store",
		},
		{"metadata, gone", ".metadata", catalog.MetadataPart, nil, "is missing in the store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d.Spoil(d.wheel, c.part, c.bytes)
			for _, request := range []string{"GET", "HEAD"} {
				for _, headers := range [][]string{
					nil,
					{"Range", "bytes=0-3"},
					{"Range", "bytes=-5"},
					{"If-None-Match", `"other"`},
					{"If-Range", `"` + d.wheel.SHA256 + `"`, "Range", "bytes=1-2"},
				} {
					w := call(d.open, request+" "+path(d.wheel)+c.suffix, headers...)
					h := w.Header()
					if w.Code != http.StatusServiceUnavailable || h.Get("Etag") != "" || h.Get("Cache-Control") != "no-store" ||
						h.Get("Retry-After") != "" || h.Get("Content-Range") != "" {
						t.Errorf("%s: %s %v = %d, ETag %q, Cache-Control %q, Retry-After %q; want 503 without an ETag, no-store", c.name,
							request, headers, w.Code, h.Get("Etag"), h.Get("Cache-Control"), h.Get("Retry-After"))
					}
					if request == "GET" && !strings.Contains(w.Body.String(), c.says) {
						t.Errorf("%s: GET = %q, want %q", c.name, w.Body, c.says)
					}
				}
			}
			right := []byte(wheelBytes)
			if c.part == catalog.MetadataPart {
				right = []byte(metadataBytes)
			}
			d.Spoil(d.wheel, c.part, right)
			if w := call(d.open, "GET "+path(d.wheel)+c.suffix); w.Code != http.StatusOK || w.Body.String() != string(right) {
				t.Errorf("%s, mended: GET = %d with %d bytes, want all", c.name, w.Code, w.Body.Len())
			}
		})
	}
}
