package page_test

import (
	"fmt"
	"strings"
	"testing"

	"pyindex/internal/upstream/page"
)

func BenchmarkParse(b *testing.B) {
	body := generated("example", 10_000)
	at, name := address(b, "https://up.example/simple/example/"), project(b, "example")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := page.Parse(body, jsonType, at, name, page.Bounds{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseHTML(b *testing.B) {
	body := []byte(asHTML(generatedPage(b, 10_000)))
	at, name := address(b, "https://up.example/simple/example/"), project(b, "example")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := page.Parse(body, htmlType, at, name, page.Bounds{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	p := generatedPage(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		p.Encode()
	}
}

func BenchmarkDecode(b *testing.B) {
	record := generatedPage(b, 10_000).Encode()
	b.ReportAllocs()
	for b.Loop() {
		decoded(b, record)
	}
}

func BenchmarkPath(b *testing.B) {
	p := generatedPage(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		for i := range p.Files {
			p.Files[i].Path("")
		}
	}
}

func BenchmarkParseList(b *testing.B) {
	body := []byte(`{"meta":{"api-version":"1.4"},"projects":[{"name":"first"}`)
	for i := range 1_000_000 {
		body = fmt.Appendf(body, `,{"_last-serial":%d,"name":"project-%d"}`, i, i)
	}
	body = append(body, "]}"...)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if names, err := page.ParseList(body, jsonType, page.Bounds{}); err != nil || names.Count() != 1_000_001 {
			b.Fatal(names.Count(), err)
		}
	}
}

// asHTML returns the page as an index without JSON writes it.
func asHTML(p page.Page) string {
	var b strings.Builder
	b.WriteString("<!DOCTYPE html><html><head><title>Links for example</title></head><body><h1>Links for example</h1>\n")
	for _, f := range p.Files {
		fmt.Fprintf(&b, `<a href="%s#sha256=%s" data-requires-python="%s" data-core-metadata="sha256=%s" `+
			`data-provenance="%s">%s</a><br />`+"\n", f.URL, f.SHA256, strings.ReplaceAll(f.RequiresPython, ">", "&gt;"),
			f.MetadataSHA256, f.Provenance, f.Filename)
	}
	b.WriteString("</body></html>\n")
	return b.String()
}
