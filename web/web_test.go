package web

import (
	"go/ast"
	"go/parser"
	"go/token"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestLocal(t *testing.T) {
	for next, want := range map[string]bool{
		"/": true, "/project/demo/": true, "/search/?q=a&page=2": true, "/a//b": true,
		"": false, "//evil.example/": false, `/\evil.example`: false, "https://evil.example/": false, "javascript:alert(1)": false,
		"evil": false, "/\t/evil.example": false, "/\n": false, "///evil.example": false, `\\evil.example`: false, "/%": false,
	} {
		if got := local(next); got != want {
			t.Errorf("local(%q) = %v, want %v", next, got, want)
		}
	}
}

func TestWords(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 3 * time.Hour: "3 hours ago", 47 * time.Hour: "47 hours ago",
		72 * time.Hour: "3 days ago", 100 * 24 * time.Hour: "on 18 August 2026", -30 * time.Second: "in a moment", -2 * time.Hour: "in 2 hours",
	} {
		if got := ago(now, now.Add(-d)); got != want {
			t.Errorf("ago(%v) = %q, want %q", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "0 bytes", 1: "1 byte", 999: "999 bytes", 1000: "1.0 kB", 9_940: "9.9 kB", 9_960: "10 kB", 999_600: "1.0 MB", 1_234_567: "1.2 MB", 5e12: "5.0 TB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %q, want %q", n, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := count(n); got != want {
			t.Errorf("count(%d) = %q, want %q", n, got, want)
		}
	}
	if got := cut(5, "größer"); got != "größ…" {
		t.Errorf("cut = %q", got)
	}
	if got := stamp(now, "<b>"); !strings.Contains(string(got), "&lt;b&gt;</time>") {
		t.Errorf("stamp = %q", got)
	}
}

func TestPages(t *testing.T) {
	r := httptest.NewRequest("GET", "/x/?q=a%26b&page=3", nil)
	p := pages(r, page(r), 101, 20)
	if p.Previous != "?page=2&q=a%26b" || p.Next != "?page=4&q=a%26b" || p.Last != 6 || p.Page != 3 {
		t.Errorf("pages = %+v", p)
	}
	for q, want := range map[string]int{"page=0": 1, "page=-1": 1, "page=x": 1, "page=99999999999999999999": 1, "": 1, "page=7": 7} {
		if got := page(httptest.NewRequest("GET", "/x/?"+q, nil)); got != want {
			t.Errorf("page(%s) = %d, want %d", q, got, want)
		}
	}
}

// A field of a view that has the name of one of Frame's would hide it from the templates.
func TestViewsHideNothing(t *testing.T) {
	frame := map[string]bool{}
	for f := range reflect.TypeFor[Frame]().Fields() {
		frame[f.Name] = true
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	views := 0
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.StructType)
			if !ok || len(s.Fields.List) == 0 || len(s.Fields.List[0].Names) > 0 {
				return true
			}
			if id, ok := s.Fields.List[0].Type.(*ast.Ident); !ok || id.Name != "Frame" {
				return true
			}
			views++
			for _, f := range s.Fields.List {
				for _, id := range f.Names {
					if frame[id.Name] {
						t.Errorf("%s: the field %s hides Frame's", name, id.Name)
					}
				}
			}
			return true
		})
	}
	if views < 10 {
		t.Errorf("%d views were found", views)
	}
}

// TestRevokedSaysHowLong: where replicas go on without the database, whoever takes a right away reads for how long one may
// still accept it.
func TestRevokedSaysHowLong(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", time.Minute: " A replica that cannot reach the database may still accept it for up to 60 seconds.",
	} {
		if got := (&Site{o: Options{Believed: d}}).believed(); got != want {
			t.Errorf("believed() with %v = %q, want %q", d, got, want)
		}
	}
}
