package resolve_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/upstreamtest"
)

// nowhere is a response that discards its content.
type nowhere struct{ h http.Header }

func (w nowhere) Header() http.Header         { return w.h }
func (w nowhere) WriteHeader(int)             {}
func (w nowhere) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkWarmPage compares the page of a project of this index, through a repository without bases and one with an
// upstream, with one of the upstream. All have 20 files.
func BenchmarkWarmPage(b *testing.B) {
	dir := b.TempDir()
	w := newWorld(b, dir, "sqlite:"+filepath.Join(dir, "index.db"), "file://"+filepath.Join(dir, "blobs"))
	w.public.Close()
	w.public = upstreamtest.New(b, upstreamtest.Options{Catalog: upstreamtest.Catalog{Projects: 1, Files: 20}})
	w.must(w.replicas[0].Upstreams.Add(b.Context(), w.replicas[0].Operator,
		w.upstream("generated", w.public, upstream.Public)))
	w.bases("main", "upstream:generated")
	w.repository("plain", access.NoRole)
	for n := range 20 {
		w.publish("", packagingtest.Wheel("own", fmt.Sprint(n), ""))
		w.publish("/r/plain", packagingtest.Wheel("own-plain", fmt.Sprint(n), ""))
	}
	for _, c := range []struct{ name, path string }{
		{"own", "/r/plain/simple/own-plain/"},
		{"own beside an upstream", "/simple/own/"},
		{"upstream", "/simple/generated-0/"},
	} {
		b.Run(c.name, func(b *testing.B) {
			if out := w.call(0, w.admin, http.MethodGet, c.path, nil, "Accept", jsonPage, "Accept-Encoding",
				"gzip"); out.Code != http.StatusOK {
				b.Fatalf("%s = %d %s", c.path, out.Code, out.Body)
			}
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, c.path, nil)
			r.SetBasicAuth("__token__", w.admin.Reveal())
			r.Header.Set("Accept", jsonPage)
			r.Header.Set("Accept-Encoding", "gzip")
			out := nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(out.h)
				w.handlers[0].ServeHTTP(out, r)
			}
		})
	}
}

// BenchmarkFirstRead reads pages of 10,000 files of an upstream for the first time, without storing them. The memory
// includes that of the upstream, and of the recorder.
func BenchmarkFirstRead(b *testing.B) {
	dir := b.TempDir()
	w := newWorld(b, dir, "sqlite:"+filepath.Join(dir, "index.db"), "file://"+filepath.Join(dir, "blobs"))
	large := upstreamtest.New(b, upstreamtest.Options{Catalog: upstreamtest.Catalog{Projects: 10_000, Files: 10_000}})
	w.must(w.replicas[0].Upstreams.Add(b.Context(), w.replicas[0].Operator, w.upstream("large", large, upstream.Public)))
	w.bases("main", "upstream:large")
	n := 0
	for b.Loop() {
		path := fmt.Sprintf("/simple/generated-%d/", n)
		out := w.call(0, w.admin, http.MethodGet, path, nil, "Accept", jsonPage, "Accept-Encoding", "gzip")
		if out.Code != http.StatusOK {
			b.Fatalf("%s = %d %s", path, out.Code, out.Body)
		}
		n++
	}
}

// BenchmarkPagesUnderPolicy reads pages of 10,000 files through a repository with a cooldown and through one without
// any rule, by turns: each for the first time, and the same one again. It reports how fast the former are, as a part of
// the latter.
func BenchmarkPagesUnderPolicy(b *testing.B) {
	dir := b.TempDir()
	w := newWorld(b, dir, "sqlite:"+filepath.Join(dir, "index.db"), "file://"+filepath.Join(dir, "blobs"))
	large := upstreamtest.New(b, upstreamtest.Options{Catalog: upstreamtest.Catalog{Projects: 10_000, Files: 10_000}})
	w.must(w.replicas[0].Upstreams.Add(b.Context(), w.replicas[0].Operator, w.upstream("large", large, upstream.Public)))
	trees := []string{"plain", "cooling"}
	for _, name := range trees {
		w.repository(name, access.NoRole, "upstream:large")
	}
	cooldown := 72 * time.Hour
	w.must(w.replicas[0].Index.ChangeRepository(b.Context(), w.replicas[0].Operator, "cooling",
		catalog.RepositoryChange{Cooldown: &cooldown}))
	read := func(tree string, n int) time.Duration {
		begun := time.Now()
		out := w.call(0, w.admin, http.MethodGet, fmt.Sprintf("/r/%s/simple/generated-%d/", tree, n), nil, "Accept", jsonPage,
			"Accept-Encoding", "gzip")
		if out.Code != http.StatusOK {
			b.Fatalf("%s = %d %s", tree, out.Code, out.Body)
		}
		return time.Since(begun)
	}
	n, round := 0, 0
	for _, kind := range []string{"first", "warm"} {
		b.Run(kind, func(b *testing.B) {
			var took [2]time.Duration
			for i := range trees {
				read(trees[i], n)
			}
			for b.Loop() {
				round++
				for i := range trees {
					if kind == "first" {
						n++
					}
					turn := (i + round) % 2
					took[turn] += read(trees[turn], n)
				}
			}
			b.ReportMetric(float64(took[0])/float64(took[1]), "×plain")
		})
	}
}
