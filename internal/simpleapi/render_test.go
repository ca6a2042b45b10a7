package simpleapi

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func digest(c byte) string { return strings.Repeat(string(c), 64) }

func name(t testing.TB, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// page returns a project with one file of every kind.
func page(t testing.TB) catalog.Contents {
	at := time.Date(2026, 3, 1, 12, 30, 5, 42_000, time.UTC)
	return catalog.Contents{
		Project: catalog.Project{
			ID: "p", Repository: catalog.Repository{ID: "r", Name: catalog.MainRepository}, Name: name(t, "De_Mo"),
			Display: "De_Mo",
			Status:  catalog.Deprecated, StatusReason: `use "other" & <new>`, Serial: 42,
		},
		Releases: []catalog.Release{{ID: "1", Version: "1.0"}, {ID: "2", Version: "2.0+cu121"}, {ID: "3", Version: "3.0rc1"}},
		Files: []catalog.File{
			{Filename: "De_Mo-1.0.tar.gz", SHA256: digest('a'), Size: 1234, UploadedAt: at},
			{
				Filename:       "de_mo-1.0-py3-none-any.whl",
				SHA256:         digest('b'),
				MetadataSHA256: digest('c'),
				RequiresPython: ">=3.8,<4",
				Size:           9,
				UploadedAt:     at.Add(time.Hour),
			},
			{
				Filename:       "de_mo-2.0+cu121-py3-none-any.whl",
				SHA256:         digest('d'),
				MetadataSHA256: digest('e'),
				Yanked:         true,
				YankedReason:   `"broken" <b> & 'worse'`,
				Size:           1 << 40,
				UploadedAt:     at,
			},
			{
				Filename:   "de_mo-3.0rc1-py3-none-any.whl",
				SHA256:     digest('f'),
				Yanked:     true,
				Size:       1,
				UploadedAt: at.Truncate(time.Second),
			},
		},
	}
}

// attested returns a project with one attested file and one without attestations.
func attested(t testing.TB) catalog.Contents {
	c := page(t)
	c.Files = c.Files[1:3]
	c.Files[1].Version, c.Files[1].Attested = "2.0+cu121", true
	return c
}

func TestProjectPages(t *testing.T) {
	quarantined := catalog.Contents{Project: page(t).Project}
	quarantined.Project.Status, quarantined.Project.StatusReason = catalog.Quarantined, ""
	for file, answer := range map[string]interface{ Body() []byte }{
		"project.json":       v1JSON.projectPage(tree{}, page(t), nil),
		"project.html":       textHTML.projectPage(tree{}, page(t), nil),
		"project-other.json": v1JSON.projectPage(tree{prefix: "/pre/r/other"}, page(t), nil),
		"project-other.html": v1HTML.projectPage(tree{prefix: "/pre/r/other"}, page(t), nil),
		"attested.json":      v1JSON.projectPage(tree{"/pre/r/other", "https://h.example:8443"}, attested(t), nil),
		"attested.html":      v1HTML.projectPage(tree{"/pre/r/other", "https://h.example:8443"}, attested(t), nil),
		"quarantined.json":   v1JSON.projectPage(tree{}, quarantined, nil),
		"quarantined.html":   textHTML.projectPage(tree{}, quarantined, nil),
	} {
		t.Run(file, func(t *testing.T) { golden(t, file, answer.Body()) })
	}
}

func TestListPages(t *testing.T) {
	l := catalog.Listing{Serial: 77, Roll: catalog.RollOf([]catalog.Listed{
		{Name: name(t, "de-mo"), Display: "De_Mo", Serial: 42}, {Name: name(t, "zope.interface"), Serial: 7},
	})}
	golden(t, "list.json", v1JSON.listPage("", l, nil).Body())
	golden(t, "list.html", textHTML.listPage("/pre/r/other", l, nil).Body())
	golden(t, "list-empty.json", v1JSON.listPage("", catalog.Listing{}, nil).Body())
	golden(t, "list-empty.html", textHTML.listPage("", catalog.Listing{}, nil).Body())
}

// TestPagesKeepToTheSpecification parses the JSON page and checks required and forbidden keys.
func TestPagesKeepToTheSpecification(t *testing.T) {
	var doc map[string]any
	if err := json.Unmarshal(v1JSON.projectPage(tree{}, page(t), nil).Body(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, absent := range []string{"namespaces", "alternate-locations"} {
		if _, ok := doc[absent]; ok {
			t.Errorf("the page has %s, which must be absent", absent)
		}
	}
	meta := doc["meta"].(map[string]any)
	if _, ok := meta["tracks"]; ok || meta["api-version"] != "1.4" || meta["_last-serial"] != 42.0 {
		t.Errorf("meta = %v, want version 1.4, serial 42 and no tracks", meta)
	}
	if doc["name"] != "de-mo" {
		t.Errorf("name = %v, want the normal form", doc["name"])
	}
	for _, file := range doc["files"].([]any) {
		for _, key := range []string{"filename", "url", "hashes", "size", "upload-time", "yanked", "core-metadata"} {
			if _, ok := file.(map[string]any)[key]; !ok {
				t.Errorf("%v has no %s", file, key)
			}
		}
	}
	if html := string(textHTML.projectPage(tree{}, page(t), nil).Body()); strings.Count(html, "data-yanked") != 2 {
		t.Errorf("two files are yanked, but data-yanked occurs %d times", strings.Count(html, "data-yanked"))
	}
}

// TestProvenanceNeedsHTTPS: without an https base URL, a page shows no difference between files with and without
// provenance.
func TestProvenanceNeedsHTTPS(t *testing.T) {
	for base, want := range map[string]string{
		"": "", "http://h.example": "", "https://h.example": "https://h.example",
		"https://h.example:8443/team": "https://h.example:8443", "https://": "", ":": "",
	} {
		if got := secureOrigin(base); got != want {
			t.Errorf("secureOrigin(%q) = %q, want %q", base, got, want)
		}
	}
	if html := string(textHTML.projectPage(tree{}, attested(t), nil).Body()); strings.Contains(html, "provenance") {
		t.Errorf("the page links provenance without https: %s", html)
	}
	if json := string(v1JSON.projectPage(tree{}, attested(t), nil).Body()); strings.Count(json, `"provenance":null`) != 2 {
		t.Errorf("the page links provenance without https: %s", json)
	}
}
