package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"pyindex/internal/storage/db/synthetic"
)

// bare is the client for requests that are not timed.
var bare = http.DefaultClient

// Headers as sent by pip.
const (
	asHTML   = "Accept: text/html"
	asJSON   = "Accept: application/vnd.pypi.simple.v1+json"
	withGzip = "Accept-Encoding: gzip"
)

type page struct {
	name, path string
	header     []string
	held       bool // with If-None-Match
	bytes      bool // measured in MB/s
	conns      int
	budgets    []budget
}

func (b *bench) bigPage() string { return "/simple/" + synthetic.Name(0) + "/" }

func (b *bench) copyPages(ctx context.Context) error {
	dir := filepath.Join(b.dir, "copies")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	b.copies = &copies{Dir: dir}
	files, err := b.filePaths(ctx)
	if err != nil {
		return err
	}
	for _, k := range []struct{ path, form string }{
		{"/simple/" + demo + "/", "html"},
		{"/simple/" + demo + "/", "json"},
		{b.bigPage(), "html"},
		{"/simple/", "html"},
		{files[0], "file"},
		{files[1], "file"},
	} {
		header := []string{asHTML, withGzip}
		if k.form == "json" {
			header[0] = asJSON
		} else if k.form == "file" {
			header = nil
		}
		if err := b.copies.add(ctx, b.site.reads(b.token, k.path, header...), k.path, k.form); err != nil {
			return err
		}
	}
	return nil
}

// filePaths returns the paths of the 1 MB file and of the large file.
func (b *bench) filePaths(ctx context.Context) (paths [2]string, err error) {
	r, err := http.NewRequestWithContext(ctx, "GET", b.token.base+"/simple/"+large+"/", nil)
	if err != nil {
		return paths, err
	}
	b.site.reads(b.token, "").authorize(r)
	r.Header.Set("Accept", strings.TrimPrefix(asJSON, "Accept: "))
	answer, err := bare.Do(r)
	if err != nil {
		return paths, err
	}
	defer func() { _ = answer.Body.Close() }()
	var listed struct {
		Files []struct{ URL, Filename string }
	}
	if err := json.NewDecoder(answer.Body).Decode(&listed); err != nil {
		return paths, err
	}
	if len(listed.Files) != 2 {
		return paths, fmt.Errorf("%s has %d files, want 2", large, len(listed.Files))
	}
	for i, f := range listed.Files {
		u, err := r.URL.Parse(f.URL)
		if err != nil {
			return paths, err
		}
		paths[i] = u.Path
	}
	return paths, nil
}

func (b *bench) pages() []page {
	html, json := []string{asHTML, withGzip}, []string{asJSON, withGzip}
	warm := []budget{atLeast(0.8, "net/http"), atLeast(0.7, "nginx")}
	held := []budget{atLeast(0.8, "net/http"), atLeast(0.6, "nginx")}
	d, all := "/simple/"+demo+"/", b.copies.All
	return []page{
		{name: "page of 20 files, HTML", path: d, header: html, budgets: warm},
		{name: "the same, 304", path: d, header: html, held: true, budgets: held},
		{name: "page of 20 files, JSON", path: d, header: json, budgets: warm},
		{name: "the same, 304", path: d, header: json, held: true, budgets: held},
		{
			name: fmt.Sprintf("page of %d files, gzip", b.largest), path: b.bigPage(), header: html,
			budgets: []budget{atLeast(0.8, "net/http")},
		},
		{name: fmt.Sprintf("list of %d projects, gzip", b.projects), path: "/simple/", header: html},
		{name: "download, 1 MB", path: all[4].Path, bytes: true, budgets: []budget{atLeast(0.9, "nginx")}},
		{
			name:    fmt.Sprintf("download, %d MB, one at a time", b.blocks),
			path:    all[5].Path,
			bytes:   true,
			conns:   1,
			budgets: []budget{atLeast(0.9, "nginx")},
		},
	}
}

// readings measures every page on every column in turns.
func (b *bench) readings(ctx context.Context) error {
	for _, p := range b.pages() {
		if !b.wants(p.name) {
			continue
		}
		b.say("%s", p.name)
		r := &row{Name: p.name, Unit: "/s", Budgets: p.budgets}
		if p.bytes {
			r.Unit = "MB/s"
		}
		for range b.rounds {
			for _, c := range b.columns {
				if c.has != nil && !c.has(p.path) {
					continue
				}
				v, err := b.sample(ctx, c, p)
				if errors.Is(err, errUnable) {
					continue
				}
				if err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
				r.add(c.name, v)
			}
		}
		b.report.Rows = append(b.report.Rows, r)
		if p.name == "page of 20 files, HTML" {
			b.memoryUnder()
		}
	}
	return nil
}

var errUnable = errors.New("not supported")

func (b *bench) sample(ctx context.Context, c column, p page) (float64, error) {
	j := job{Target: c.at(p.path, p.header...), Conns: p.conns, For: b.each}
	if j.Conns == 0 {
		j.Conns = b.conns
	}
	answer, _, _, err := j.Target.once(ctx) // also warms the page
	if err != nil {
		return 0, err
	}
	etag := answer.Header.Get("ETag")
	if p.held && etag == "" ||
		slices.Contains(p.header, asJSON) && !strings.Contains(answer.Header.Get("Content-Type"), "json") {
		return 0, errUnable
	}
	if p.held {
		j.Target.Header = append(j.Target.Header[:len(j.Target.Header):len(j.Target.Header)], "If-None-Match: "+etag)
		if answer, _, _, err = j.Target.once(ctx); err != nil || answer.StatusCode != http.StatusNotModified {
			return 0, cmp.Or(err, errUnable)
		}
	}
	t, err := j.read(ctx)
	if err != nil {
		return 0, err
	}
	if p.bytes {
		return t.speed(), nil
	}
	return t.rate(), nil
}

// firstReads times the first read of a page after an upload changed it.
func (b *bench) firstReads(ctx context.Context) error {
	for _, f := range []struct{ name, path, project string }{
		{fmt.Sprintf("page of %d files, first read after an upload", b.largest), b.bigPage(), synthetic.Name(0)},
		{fmt.Sprintf("list of %d projects, first read after a change", b.projects), "/simple/", "bench-new"},
	} {
		if !b.wants(f.name) {
			continue
		}
		b.say("%s", f.name)
		r := &row{Name: f.name, Unit: "ms", Budgets: []budget{atMost(100, "")}}
		for range max(b.rounds, 3) {
			for _, c := range b.columns[:2] {
				b.count++
				if err := b.site.put(ctx, b.token, 1000, wheel{f.project, fmt.Sprintf("9000.%d", b.count)}); err != nil {
					return err
				}
				_, _, took, err := c.at(f.path, asHTML, withGzip).once(ctx)
				if err != nil {
					return err
				}
				r.add(c.name, took.Seconds()*1e3)
			}
		}
		b.report.Rows = append(b.report.Rows, r)
	}
	return nil
}

// memoryUnder records the memory in use just after the load of many connections.
func (b *bench) memoryUnder() {
	r := &row{Name: fmt.Sprintf("memory after %d connections", b.conns), Unit: "MB"}
	for _, c := range b.columns {
		r.add(c.name, c.process.memory("VmRSS"))
	}
	b.report.Rows = append(b.report.Rows, r)
}
