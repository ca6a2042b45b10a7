package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// graph is a set of packages that depend on each other, as wheels in a folder.
type graph struct {
	dir   string
	root  string // the package that needs all others
	names []string
	files []graphFile
}

type graphFile struct {
	wheel
	sum, metadata, metadataSum string
}

// graphVersions are the versions of packages, of which clients choose the newest. A fifth of the packages has the
// other.
var graphVersions = []string{"1.0", "1.1"}

// makeGraph writes n packages. Package i needs the packages 2i and 2i+1, so the first one needs
// all others, and a few more that are needed several times.
func makeGraph(dir string, n int) (*graph, error) {
	g := &graph{dir: dir}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name := func(i int) string { return fmt.Sprintf("bench-graph-%02d", i) }
	for i := 1; i <= n; i++ {
		g.names = append(g.names, name(i))
		needs := ""
		for _, other := range []int{2 * i, 2*i + 1, i + 7} {
			if other <= n {
				needs += "Requires-Dist: " + name(other) + ">=1.0\n"
			}
		}
		for _, version := range graphVersions {
			if version != slices.Max(graphVersions) && i%5 != 0 {
				continue // some indexes need a second for each upload
			}
			f, err := g.write(wheel{name(i), version}, needs, 2000+1000*(i%20))
			if err != nil {
				return nil, err
			}
			g.files = append(g.files, f)
		}
	}
	g.root = name(1)
	return g, nil
}

func (g *graph) write(w wheel, needs string, size int) (graphFile, error) {
	text := "Metadata-Version: 2.1\nName: " + w.project + "\nVersion: " + w.version +
		"\nSummary: made to measure an index\nRequires-Python: >=3.10\n" + needs
	var b bytes.Buffer
	err := w.writeWith(&b, text, noise(w.stem(), size))
	if err != nil {
		return graphFile{}, err
	}
	f := graphFile{wheel: w, sum: digest(b.Bytes()), metadata: text, metadataSum: digest([]byte(text))}
	return f, os.WriteFile(g.path(w), b.Bytes(), 0o644)
}

func (g *graph) path(w wheel) string { return filepath.Join(g.dir, w.filename()) }

// pages writes the simple pages of the graph to a folder, as a generator of static indexes does, with links to the
// files and their metadata.
func (g *graph) pages(dir string) error {
	pages := map[string]string{}
	for _, f := range g.files {
		pages[f.project] += fmt.Sprintf("<a href=\"/files/%[1]s#sha256=%[2]s\" data-requires-python=\"&gt;=3.10\" "+
			"data-core-metadata=\"sha256=%[3]s\">%[1]s</a><br/>\n", f.filename(), f.sum, f.metadataSum)
		if err := os.WriteFile(g.path(f.wheel)+".metadata", []byte(f.metadata), 0o644); err != nil {
			return err
		}
	}
	for name, links := range pages {
		at := filepath.Join(dir, "simple", name)
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		text := "<!DOCTYPE html>\n<html><head><meta name=\"pypi:repository-version\" content=\"1.1\"><title>Links for " +
			name + "</title></head><body>\n" + links + "</body></html>\n"
		if err := os.WriteFile(filepath.Join(at, "index.html"), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// installed checks that a folder of installed packages has the newest version of each package of the graph.
func (g *graph) installed(dir string) error {
	var missing []string
	for _, name := range g.names {
		w := wheel{name, slices.Max(graphVersions)}
		if _, err := os.Stat(filepath.Join(dir, w.stem()+".dist-info", "METADATA")); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("not installed: %s", strings.Join(missing, ", "))
	}
	return nil
}
