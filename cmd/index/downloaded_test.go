//go:build !windows

package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"pyindex/internal/downloads"
	"pyindex/internal/packaging/packagingtest"
)

// TestDownloadsAreRecorded: a caller that downloads a file of this index is in the record with the repository that was
// asked; a HEAD, a later range, metadata and what is refused are not.
func TestDownloadsAreRecorded(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	from := x.drawing(t)
	from.Add(packagingtest.Wheel("comet", "1.0", "x"))
	file := "/packages/" + x.file.SHA256 + "/" + demoFile
	get := func(method, path, kind, ranges string, want int) {
		t.Helper()
		r := httptest.NewRequest(method, path, nil)
		if kind != "" {
			r.SetBasicAuth("__token__", x.tokens[kind].Reveal())
		}
		if ranges != "" {
			r.Header.Set("Range", ranges)
		}
		w := httptest.NewRecorder()
		x.server.ServeHTTP(w, r)
		if w.Code != want {
			t.Fatalf("%s %s = %d, want %d: %s", method, path, w.Code, want, w.Body)
		}
	}
	read := func() []downloads.Reader {
		t.Helper()
		out, err := x.app.Downloads.Readers(t.Context(), x.app.Operator, downloads.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	get("HEAD", file, "read", "", http.StatusOK)
	get("GET", file, "read", "bytes=5-", http.StatusPartialContent)
	get("GET", file+".metadata", "read", "", http.StatusOK)
	get("GET", file, "revoked", "", http.StatusUnauthorized)
	get("GET", "/packages/"+x.file.SHA256+"/other.whl", "read", "", http.StatusNotFound)
	if got := read(); len(got) != 0 {
		t.Fatalf("there was no download, but the record has %+v", got)
	}
	get("GET", file, "read", "", http.StatusOK)
	get("GET", file, "read", "bytes=0-4", http.StatusPartialContent)
	get("GET", "/r/team"+file, "read", "", http.StatusOK)
	get("GET", file, "", "", http.StatusOK)
	page := "/project/" + demo + "/1.0/file/" + demoFile
	if w := x.visit(t, "GET", page, "owner", ""); w.Code != http.StatusOK {
		t.Fatalf("GET %s = %d", page, w.Code)
	}
	foreign := "/r/team/project/comet/1.0/file/comet-1.0-py3-none-any.whl"
	if w := x.visit(t, "GET", foreign, "owner", ""); w.Code != http.StatusOK {
		t.Fatalf("GET %s = %d", foreign, w.Code)
	}
	got := map[string]int64{}
	for _, r := range read() {
		got[r.Name+" "+r.Repository+" "+r.Upstream+" "+r.Project+" "+r.Version] = r.Count
		if r.Upstream == "" && (r.SHA256 != x.file.SHA256 || r.Filename != demoFile) {
			t.Errorf("the record has another file: %+v", r)
		}
		if anonymous := r.Name == ""; anonymous != (r.ID == "") || anonymous != (r.Kind == "") {
			t.Errorf("the caller is %+v", r)
		}
	}
	want := map[string]int64{
		"member main  " + demo + " 1.0": 2, "member team  " + demo + " 1.0": 1, " main  " + demo + " 1.0": 1,
		"owner main  " + demo + " 1.0": 1, "owner team faraway comet 1.0": 1,
	}
	for k, n := range want {
		if got[k] != n {
			t.Errorf("%q downloaded %d times, want %d", k, got[k], n)
		}
	}
	if len(got) != len(want) {
		t.Errorf("the record is %v", got)
	}
}
