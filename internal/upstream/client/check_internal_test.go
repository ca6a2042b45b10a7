package client

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging"
)

// results returns the findings of a report, "result detail" by subject.
func results(t *testing.T, r Report) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, f := range r.Findings {
		if out[f.Subject] != "" {
			t.Errorf("%s is there twice", f.Subject)
		}
		out[f.Subject] = strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Result, f.Failure, f.Detail))
	}
	return out
}

// wants compares findings with what each must begin with or contain.
func wants(t *testing.T, what string, got, want map[string]string) {
	t.Helper()
	for subject, text := range want {
		kind, word, _ := strings.Cut(text, " ")
		g := got[subject]
		if text == "" && g != "" || !strings.HasPrefix(g, kind) || !strings.Contains(g, word) {
			t.Errorf("%s: %s: %q, want %q", what, subject, g, text)
		}
	}
}

// full is an upstream that offers everything: files, metadata, ranges, ETags.
func full(w http.ResponseWriter, r *http.Request) {
	const content = "the bytes"
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	w.Header().Set("ETag", `"x"`)
	switch r.URL.Path {
	case "/simple/":
		w.Header().Set("Content-Type", typeJSON)
		_, _ = io.WriteString(w, `{"meta":{"api-version":"1.1"},"projects":[{"name":"foo"},{"name":"bar"}]}`)
	case "/simple/foo/":
		if r.Header.Get("If-None-Match") != "" {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", typeJSON)
		fmt.Fprintf(w, `{"meta":{"api-version":"1.1"},"name":"foo","versions":["1"],"files":[
			{"filename":"foo-1-py3-none-any.whl","url":"/files/foo-1-py3-none-any.whl","hashes":{"sha256":%q},"size":9,
			 "upload-time":"2026-01-01T00:00:00Z","core-metadata":{"sha256":%q},"provenance":"/p","yanked":"broken"},
			{"filename":"foo-1.tar.gz","url":"/files/foo-1.tar.gz","hashes":{"sha256":%q},"size":20,"upload-time":"2026-01-01T00:00:00Z"}]}`,
			digest, digest, digest)
	case "/files/foo-1-py3-none-any.whl", "/files/foo-1-py3-none-any.whl.metadata":
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(content))
	default:
		http.NotFound(w, r)
	}
}

// TestCheckFull: what a good upstream offers, over TLS and with a credential.
func TestCheckFull(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/simple/") && r.Header.Get("Authorization") != "Bearer right" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		full(w, r)
	}))
	defer s.Close()
	u := local(s.URL)
	u.CAFile, u.TokenFile = caFile(t, s), temp(t, "right")
	c := New(small())
	r := c.Check(t.Context(), u, name(t, "foo"))
	if !r.Usable || r.Project != "foo" || r.Upstream != "public" || r.URL != u.URL {
		t.Errorf("%+v", r)
	}
	wants(t, "full", results(t, r), map[string]string{
		SubjectConnection: "yes HTTP/", SubjectTLS: "yes TLS 1.3", SubjectProxy: "", SubjectCredential: "yes accepted",
		SubjectRoot: "yes JSON with 2 projects", SubjectPage: "yes foo has 2 files", SubjectFormat: "yes JSON",
		SubjectConditional: "yes not sent again", SubjectDigests: "yes 2 of 2", SubjectSizes: "yes 2 of 2",
		SubjectTimes: "yes 2 of 2", SubjectMetadata: "yes 1 of 2", SubjectProvenance: "yes 1 of 2",
		SubjectYanks: "yes 1 of 2",
		SubjectFiles: "yes " + s.URL, SubjectRanges: "yes",
	})
	for i, f := range r.Findings[1:] {
		if before := r.Findings[i].Subject; before == SubjectRanges {
			t.Errorf("%s comes after %s", f.Subject, before)
		}
	}
	write(t, u.TokenFile, "wrong")
	r = c.Check(t.Context(), u, name(t, "foo"))
	wants(t, "wrong token", results(t, r), map[string]string{
		SubjectConnection: "yes", SubjectCredential: "failed refused", SubjectPage: "failed refused", SubjectFiles: "",
	})
	if r.Usable {
		t.Error("usable with a wrong token")
	}
	u.CAFile = ""
	r = c.Check(t.Context(), u, name(t, "foo"))
	wants(t, "no ca_file", results(t, r), map[string]string{
		SubjectConnection: "failed unknown authority", SubjectTLS: "", SubjectCredential: "unknown",
		SubjectPage: "failed wrong",
	})
}

// TestCheckPlain: an upstream with HTML alone, no root list and no ranges is usable, and the report lists what is
// missing.
func TestCheckPlain(t *testing.T) {
	u := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/simple/foo/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `<html><body><a href="../../foo-1.tar.gz">foo-1.tar.gz</a></body></html>`)
		case "/foo-1.tar.gz":
			_, _ = io.WriteString(w, "content")
		default:
			http.NotFound(w, r)
		}
	})
	u.Username = "ann"
	c := New(small())
	r := c.Check(t.Context(), u, name(t, "foo"))
	if !r.Usable {
		t.Errorf("not usable: %+v", r)
	}
	wants(t, "plain", results(t, r), map[string]string{
		SubjectTLS: "no plain http", SubjectCredential: "no not needed", SubjectRoot: "no names cannot be compared",
		SubjectPage: "yes foo has 1 file", SubjectFormat: "yes HTML", SubjectConditional: "no ETag",
		SubjectDigests: "no 0 of 1",
		SubjectSizes:   "no 0 of 1", SubjectTimes: "no 0 of 1", SubjectMetadata: "no 0 of 1", SubjectProvenance: "no 0 of 1",
		SubjectYanks: "unknown", SubjectFiles: "yes", SubjectRanges: "no whole",
	})
	r = c.Check(t.Context(), u, packaging.ProjectName{})
	wants(t, "no project", results(t, r), map[string]string{SubjectConnection: "yes", SubjectPage: "unknown probe"})
	r = c.Check(t.Context(), u, name(t, "bar"))
	wants(t, "no such project", results(t, r), map[string]string{SubjectPage: "unknown no project bar"})
	if !r.Usable {
		t.Error("not usable because of a project that is not there")
	}
	u.Probe = "bar"
	r = c.Check(t.Context(), u, packaging.ProjectName{})
	wants(t, "probe", results(t, r), map[string]string{SubjectPage: "failed absent"})
	if r.Usable || r.Project != "bar" {
		t.Errorf("usable without its probe: %+v", r)
	}
}

// TestCheckBroken: what is wrong with an upstream is told by its failure.
func TestCheckBroken(t *testing.T) {
	c := New(small())
	r := c.Check(t.Context(), local("http://127.0.0.1:1"), name(t, "foo"))
	wants(t, "nobody there", results(t, r), map[string]string{
		SubjectConnection: "failed silent", SubjectPage: "failed silent", SubjectRoot: "no refused",
	})
	u := local("http://127.0.0.1:1")
	u.AllowPrivate = false
	wants(t, "plain http", results(t, c.Check(t.Context(), u, name(t, "foo"))), map[string]string{
		SubjectConnection: "failed forbidden", SubjectPage: "failed not https",
	})
	u.URL = "https://127.0.0.1:1/simple/"
	wants(t, "address", results(t, c.Check(t.Context(), u, name(t, "foo"))), map[string]string{
		SubjectConnection: "failed forbidden", SubjectPage: "failed not a public address",
	})
	for what, f := range map[string]struct {
		handle http.HandlerFunc
		want   map[string]string
	}{
		"error page": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<html><h1>We are down for maintenance</h1></html>")
		}, map[string]string{SubjectConnection: "yes", SubjectPage: "failed wrong"}},
		"another digest": {func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, ".metadata") {
				_, _ = io.WriteString(w, "other bytes")
				return
			}
			full(w, r)
		}, map[string]string{SubjectMetadata: "failed another digest", SubjectFiles: "yes"}},
		"no files": {func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/files/") {
				http.Error(w, "no", http.StatusForbidden)
				return
			}
			full(w, r)
		}, map[string]string{SubjectPage: "yes", SubjectMetadata: "failed refused", SubjectFiles: "failed refused"}},
	} {
		r := c.Check(t.Context(), serve(t, f.handle), name(t, "foo"))
		wants(t, what, results(t, r), f.want)
		if r.Usable {
			t.Errorf("%s: usable", what)
		}
	}
}

// TestCheckProxy: with a proxy, the report says that hosts are checked by name only.
func TestCheckProxy(t *testing.T) {
	u, _ := behindProxy(t, full)
	r := New(small()).Check(t.Context(), u, name(t, "foo"))
	wants(t, "proxy", results(t, r), map[string]string{
		SubjectProxy: "yes checked by name only, not by address", SubjectPage: "yes",
	})
	for _, f := range r.Findings {
		if strings.Contains(f.Detail, "proxy-password") {
			t.Errorf("%+v", f)
		}
	}
	if !r.Usable {
		t.Errorf("%+v", r)
	}
}
