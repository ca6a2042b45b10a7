package web_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"testing"

	"pyindex/web/ui"
)

// A field of a view that has the name of one of Frame's would hide it from the templates.
func TestViewsHideNothing(t *testing.T) {
	frame := map[string]bool{}
	for f := range reflect.TypeFor[ui.Frame]().Fields() {
		frame[f.Name] = true
	}
	names, err := filepath.Glob("*/*.go")
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
			if x, ok := s.Fields.List[0].Type.(*ast.SelectorExpr); !ok || x.Sel.Name != "Frame" {
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
