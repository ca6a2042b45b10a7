package synthetic_test

import (
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/browse"
	"pyindex/internal/packaging"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/db/synthetic"
	"pyindex/internal/storage/storagetest"
)

// A catalog is filled in two steps, and the program's own reads find the same data as after uploads.
func TestFill(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) { fill(t, fresh(t)) })
}

func fill(t *testing.T, url string) {
	for _, o := range []synthetic.Options{
		{Projects: 40, Files: 300}, {Projects: 100, Files: 200}, {Projects: 100, Files: 200},
	} {
		if err := synthetic.Fill(t.Context(), url, o); err != nil {
			t.Fatalf("Fill(%d projects) = %v", o.Projects, err)
		}
	}
	z, err := synthetic.Measure(t.Context(), url)
	if err != nil || z.Projects != 100 || z.Files < 480 || z.Files > 501 || z.Bytes < 1<<18 {
		t.Errorf("Measure() = %+v, %v, want 100 projects and 500 files", z, err)
	}
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	x := assembly.New(d.Catalog(), nil, assembly.Options{})
	for n := range 100 {
		check(t, x, synthetic.Name(n))
	}
	common, _, _ := synthetic.Queries()
	if f, err := x.Search(t.Context(), access.Guest(true), "", browse.Query{Text: common, PerPage: 20}); err != nil ||
		f.Total < 50 {
		t.Errorf("Search(%q) = %d, %v, want most of 100", common, f.Total, err)
	}
}

// check reads a project as the simple page and the project's page do.
func check(t *testing.T, x *assembly.Index, text string) {
	t.Helper()
	name, err := packaging.ParseProjectName(text)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x.Contents(t.Context(), access.Guest(true), "", name)
	if err != nil || len(c.Files) == 0 {
		t.Fatalf("Contents(%s) = %d files, %v", text, len(c.Files), err)
	}
	f := c.Files[0]
	parsed, err := packaging.ParseFilename(f.Filename, name)
	if err != nil || parsed.Key() != f.NameKey || len(f.SHA256) != 64 {
		t.Errorf("%s: file %+v, %v", text, f, err)
	}
}

// No two projects have the same name.
func TestNames(t *testing.T) {
	known := map[string]bool{}
	for n := range 700_000 {
		known[synthetic.Name(n)] = true
	}
	if len(known) != 700_000 {
		t.Errorf("%d names of 700,000 projects", len(known))
	}
}
