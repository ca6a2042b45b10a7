package workload

import (
	"go/ast"
	"go/constant"
	goparser "go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// TestPatternsCompile compiles the expressions of all patterns, which otherwise nothing does before their first use.
func TestPatternsCompile(t *testing.T) {
	own := func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }
	parsed, err := goparser.ParseDir(token.NewFileSet(), ".", own, 0) //nolint:staticcheck // no build tags here
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	ast.Inspect(parsed["workload"], func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return true
		}
		if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "newPattern" {
			return true
		}
		n++
		expression, ok := textOf(call.Args[0])
		if !ok {
			t.Errorf("an argument of newPattern is no constant: %v", call.Args[0])
		}
		if _, err := regexp.Compile(expression); err != nil {
			t.Errorf("newPattern(%q): %v", expression, err)
		}
		return true
	})
	if n < 20 {
		t.Errorf("found %d patterns, want all", n)
	}
}

// textOf returns the value of a string literal, or of several that are added.
func textOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return constant.StringVal(constant.MakeFromLiteral(e.Value, e.Kind, 0)), true
	case *ast.BinaryExpr:
		x, first := textOf(e.X)
		y, second := textOf(e.Y)
		return x + y, first && second
	}
	return "", false
}
