package page_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// own reads a page that this index writes, as the golden tests of package simpleapi keep it.
func own(t *testing.T, file string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "simpleapi", "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ownPage(t *testing.T, file, contentType string) page.Page {
	t.Helper()
	at := address(t, "https://h.example:8443/pre/r/other/simple/de-mo/")
	p, err := page.Parse(own(t, file), contentType, at, project(t, "de-mo"), page.Bounds{})
	if err != nil || p.Dropped != 0 {
		t.Fatalf("%s: Parse drops %d files, %v", file, p.Dropped, err)
	}
	return p
}

// A second index of this kind as an upstream: no field of its pages is lost.
func TestOurOwnPagesAreReadWithoutLoss(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 30, 5, 42_000, time.UTC)
	digest := func(c string) string { return strings.Repeat(c, 64) }
	link := func(c, name string) string { return "https://h.example:8443/packages/" + digest(c) + "/" + name }
	want := page.Page{
		Status:       "deprecated",
		StatusReason: `use "other" & <new>`,
		Serial:       "42",
		Files: []page.File{
			{
				Filename: "De_Mo-1.0.tar.gz",
				URL:      link("a", "De_Mo-1.0.tar.gz"),
				Kind:     packaging.SDist,
				Version:  "1.0",
				SHA256:   digest("a"),
				Size:     1234,
				Uploaded: at,
			},
			{
				Filename:       "de_mo-1.0-py3-none-any.whl",
				URL:            link("b", "de_mo-1.0-py3-none-any.whl"),
				Kind:           packaging.Wheel,
				Version:        "1.0",
				SHA256:         digest("b"),
				Size:           9,
				Uploaded:       at.Add(time.Hour),
				RequiresPython: ">=3.8,<4",
				Metadata:       true,
				MetadataSHA256: digest("c"),
			},
			{
				Filename:       "de_mo-2.0+cu121-py3-none-any.whl",
				URL:            link("d", "de_mo-2.0%2Bcu121-py3-none-any.whl"),
				Kind:           packaging.Wheel,
				Version:        "2.0+cu121",
				SHA256:         digest("d"),
				Size:           1 << 40,
				Uploaded:       at,
				Yanked:         true,
				YankedReason:   `"broken" <b> & 'worse'`,
				Metadata:       true,
				MetadataSHA256: digest("e"),
			},
			{
				Filename: "de_mo-3.0rc1-py3-none-any.whl",
				URL:      link("f", "de_mo-3.0rc1-py3-none-any.whl"),
				Kind:     packaging.Wheel,
				Version:  "3.0rc1",
				SHA256:   digest("f"),
				Size:     1,
				Uploaded: at.Truncate(time.Second),
				Yanked:   true,
			},
		},
	}
	got := ownPage(t, "project.json", jsonType)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("project.json: difference (-want +got) %s", diff)
	}
	if diff := cmp.Diff([]string{"1.0", "2.0+cu121", "3.0rc1"}, got.Versions()); diff != "" {
		t.Errorf("Versions: difference %s", diff)
	}
	for i := range want.Files { // HTML has neither
		want.Files[i].Size, want.Files[i].Uploaded = -1, time.Time{}
	}
	got = ownPage(t, "project.html", htmlType)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("project.html: difference (-want +got) %s", diff)
	}
	if diff := cmp.Diff(got, decoded(t, got.Encode())); diff != "" {
		t.Errorf("the record: difference %s", diff)
	}
	if path, want := got.Files[0].Path("https://h.example:8443/packages/"), digest("a")+"/De_Mo-1.0.tar.gz"; path != want {
		t.Errorf("Path = %q, want %q", path, want)
	}
}

func TestOurOwnProvenanceStatusAndLists(t *testing.T) {
	const provenance = "https://h.example:8443/pre/r/other/integrity/de-mo/2.0%2Bcu121/de_mo-2.0%2Bcu121-py3-none-any.whl/provenance"
	for file, contentType := range map[string]string{"attested.json": jsonType, "attested.html": htmlType} {
		p := ownPage(t, file, contentType)
		if f := p.Files[len(p.Files)-1]; f.Provenance != provenance {
			t.Errorf("%s: provenance %q", file, f.Provenance)
		}
		if diff := cmp.Diff(p, decoded(t, p.Encode())); diff != "" {
			t.Errorf("%s: the record: difference %s", file, diff)
		}
	}
	for file, contentType := range map[string]string{"quarantined.json": jsonType, "quarantined.html": htmlType} {
		if p := ownPage(t, file, contentType); p.Status != "quarantined" || len(p.Files) != 0 {
			t.Errorf("%s: %+v", file, p)
		}
	}
	for file, contentType := range map[string]string{
		"list.json": jsonType, "list.html": htmlType, "list-empty.json": jsonType, "list-empty.html": htmlType,
	} {
		n, err := page.ParseList(own(t, file), contentType, page.Bounds{})
		want := 2
		if strings.Contains(file, "empty") {
			want = 0
		}
		if err != nil || n.Count() != want || n.Contains(project(t, "zope.interface")) != (want > 0) {
			t.Errorf("%s: %d names, %v", file, n.Count(), err)
		}
	}
}
