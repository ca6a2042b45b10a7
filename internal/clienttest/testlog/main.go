// Testlog turns the event stream of "go test -json" into the usual output of go test, with the output of failed and
// skipped tests. It writes the counts to the file named by its argument, and fails if anything in the stream failed.
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json ... | testlog COUNTS")
		os.Exit(2)
	}
	l := newLog(os.Stdout)
	if err := read(os.Stdin, l); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		l.failed++
	}
	l.list()
	if err := os.WriteFile(os.Args[1], []byte(l.counts()+"\n"), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "testlog:", err)
		os.Exit(1)
	}
	if l.failed > 0 || l.passed == 0 {
		os.Exit(1)
	}
}

// read passes every line of r to l. Lines have no length limit: a test may print a whole page on one line.
func read(r io.Reader, l *log) error {
	b := bufio.NewReader(r)
	for {
		line, err := b.ReadBytes('\n')
		if len(line) > 0 {
			l.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading test events: %w", err)
		}
	}
}
