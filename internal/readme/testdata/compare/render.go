// Command render renders files with package readme to FILE.html, according to their extension: .md or .rst.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pyindex/internal/readme"
)

func main() {
	for _, path := range os.Args[1:] {
		text, err := os.ReadFile(path)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		kind := map[string]string{".md": "text/markdown", ".rst": "text/x-rst"}[filepath.Ext(path)]
		urls, _ := os.ReadFile(path + ".urls") // there is none for a text without a project
		source := readme.SourceOf(strings.Split(string(urls), "\n")...)
		start := time.Now()
		r := readme.Render(context.Background(), string(text), kind, readme.Options{Source: source})
		if r.Plain {
			fmt.Fprintln(os.Stderr, path, "is shown as plain text")
		}
		if took := time.Since(start); took > 100*time.Millisecond {
			fmt.Fprintln(os.Stderr, path, "took", took)
		}
		if err := os.WriteFile(path+".html", []byte(r.HTML), 0o600); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
