package page_test

import (
	"testing"
	"time"

	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// Check accepts what Parse and Merge make, and nothing that they cannot have made.
func TestCheck(t *testing.T) {
	name, err := packaging.ParseProjectName("p")
	if err != nil {
		t.Fatal(err)
	}
	const digest = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	good := func() page.Page {
		p, err := page.Parse([]byte(`{"meta":{"api-version":"1.1"},"name":"p","files":[
			{"filename":"p-1.0.tar.gz","url":"https://files.test/p-1.0.tar.gz","hashes":{"sha256":"`+digest+`"},
				"requires-python":">=3.9","yanked":"a  reason","upload-time":"2026-01-02T03:04:05Z","size":3},
			{"filename":"p-1.0-py3-none-any.whl","url":"https://files.test/p-1.0-py3-none-any.whl","hashes":{},
				"core-metadata":true}]}`),
			"application/vnd.pypi.simple.v1+json", nil, name, page.DefaultBounds())
		if err != nil || len(p.Files) != 2 {
			t.Fatalf("%+v, %v", p, err)
		}
		p = page.Merge(page.Page{}, p, time.Now())
		if p, err = page.Decode(p.Encode()); err != nil {
			t.Fatal(err)
		}
		return p
	}
	if err := good().Check(name); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*page.Page){
		"path":                 func(p *page.Page) { p.Files[0].Filename = "../p-1.0.tar.gz" },
		"another project":      func(p *page.Page) { p.Files[0].Filename = "q-1.0.tar.gz" },
		"another version":      func(p *page.Page) { p.Files[0].Version = "2.0" },
		"another kind":         func(p *page.Page) { p.Files[0].Kind = packaging.Wheel },
		"scheme":               func(p *page.Page) { p.Files[0].URL = "javascript:alert(1)" },
		"user":                 func(p *page.Page) { p.Files[0].URL = "https://u:p@files.test/p-1.0.tar.gz" },
		"fragment":             func(p *page.Page) { p.Files[0].URL += "#x" },
		"digest":               func(p *page.Page) { p.Files[0].SHA256 = "AB" },
		"size":                 func(p *page.Page) { p.Files[0].Size = -2 },
		"control characters":   func(p *page.Page) { p.Files[0].YankedReason = "a\nb" },
		"python":               func(p *page.Page) { p.Files[0].RequiresPython = ">=3\n" },
		"a name twice":         func(p *page.Page) { p.Files[1] = p.Files[0] },
		"present and gone":     func(p *page.Page) { p.Gone = p.Files[:1] },
		"provenance":           func(p *page.Page) { p.Files[0].Provenance = "file:///etc/passwd" },
		"changed":              func(p *page.Page) { p.Files[0].Changed = "x" },
		"time":                 func(p *page.Page) { p.Files[0].Uploaded = time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"serial":               func(p *page.Page) { p.Serial = "-1" },
		"status":               func(p *page.Page) { p.Status = "\x1b[2J" },
		"reason of the status": func(p *page.Page) { p.StatusReason = "a\x00" },
	} {
		p := good()
		change(&p)
		if p.Check(name) == nil {
			t.Errorf("%s: accepted", what)
		}
	}
}
