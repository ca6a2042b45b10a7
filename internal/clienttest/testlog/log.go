package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// event is one line of test2json. While a package is being built, ImportPath is set instead of Package.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
}

// test names one test of one package.
type test struct{ pkg, name string }

// log counts results, and keeps the output of a running test until its result decides whether to print it.
type log struct {
	out                     io.Writer
	output                  map[test][]string
	culprits                map[string]int // number of failed tests by package
	failures                []string       // listed again at the end of a long stream
	passed, failed, skipped int
}

func newLog(out io.Writer) *log {
	return &log{out: out, output: map[test][]string{}, culprits: map[string]int{}}
}

// line processes one line of the stream. A line that is not an event, such as a message of the go command, is printed
// as is.
func (l *log) line(b []byte) {
	var e event
	if err := json.Unmarshal(b, &e); err != nil || e.Action == "" {
		_, _ = l.out.Write(b)
		return
	}
	if e.Test == "" {
		l.pkg(e)
		return
	}
	l.test(e, test{e.Package, e.Test})
}

// pkg processes the events of a whole package: output of go test, build errors and the result.
func (l *log) pkg(e event) {
	switch e.Action {
	case "output", "build-output":
		if !strings.HasPrefix(e.Output, "PASS") {
			fmt.Fprint(l.out, e.Output)
		}
	case "fail":
		l.broken(e.Package)
	}
}

// broken counts a package that failed without a failed test: it did not build, panicked or timed out.
func (l *log) broken(pkg string) {
	if l.culprits[pkg] > 0 {
		return
	}
	l.failed++
	l.failures = append(l.failures, pkg)
	for t := range l.output {
		if t.pkg == pkg {
			l.show(t)
		}
	}
}

func (l *log) test(e event, t test) {
	switch e.Action {
	case "output":
		l.output[t] = append(l.output[t], e.Output)
	case "pass":
		l.passed++
		delete(l.output, t)
	case "skip":
		l.skipped++
		l.show(t)
	case "fail":
		l.failed++
		l.culprits[t.pkg]++
		l.failures = append(l.failures, t.pkg+" "+t.name)
		l.show(t)
	}
}

// show prints the output of a test, without the lines that only report that it started or waited.
func (l *log) show(t test) {
	for _, s := range l.output[t] {
		if !strings.HasPrefix(s, "=== ") {
			fmt.Fprint(l.out, s)
		}
	}
	delete(l.output, t)
}

// list prints the names of all failures at the end of the stream.
func (l *log) list() {
	for _, f := range l.failures {
		fmt.Fprintln(l.out, "failed:", f)
	}
}

func (l *log) counts() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", l.passed, l.failed, l.skipped)
}
