//go:build !windows

package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestCommentsStartWithTheName reads every Go file that is no test. The doc comment of a function, type, constant or
// variable starts with its name, after an article or not. Comments of groups are about the group.
func TestCommentsStartWithTheName(t *testing.T) {
	root, files := filepath.Join("..", ".."), token.NewFileSet()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range file.Decls {
			for name, doc := range documented(decl) {
				if words := strings.Fields(doc.Text()); len(words) > 0 && !startsWith(words, name) {
					t.Errorf("%s: the comment of %s starts with %q", files.Position(doc.Pos()), name, words[0])
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// documented returns the doc comments of a declaration by what they are about.
func documented(decl ast.Decl) map[string]*ast.CommentGroup {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		return map[string]*ast.CommentGroup{d.Name.Name: d.Doc}
	case *ast.GenDecl:
		if d.Lparen.IsValid() || len(d.Specs) != 1 {
			return nil
		}
		switch s := d.Specs[0].(type) {
		case *ast.TypeSpec:
			return map[string]*ast.CommentGroup{s.Name.Name: d.Doc}
		case *ast.ValueSpec:
			if len(s.Names) == 1 {
				return map[string]*ast.CommentGroup{s.Names[0].Name: d.Doc}
			}
		}
	}
	return nil
}

// startsWith reports whether the first word, or the second after an article, is the name.
func startsWith(words []string, name string) bool {
	if len(words) > 1 && slices.Contains([]string{"A", "An", "The"}, words[0]) {
		words = words[1:]
	}
	word := strings.TrimRight(words[0], ".,:;")
	return word == name || strings.TrimSuffix(word, "'s") == name
}
