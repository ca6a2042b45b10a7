package doctor

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// The outcomes of a check, in Finding.Status.
const (
	OK      = "ok"
	Warning = "warning"
	Failed  = "failed"
	Skipped = "skipped"
)

// Finding is the result of one check, as a sentence with advice.
type Finding struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"` // what to do: sentences, commands or settings, one on a line
}

// Findings are the results of a doctor's checks. Texts may come from another machine, so they are made printable.
type Findings []Finding

func (f *Findings) note(check, status, advice, format string, args ...any) {
	*f = append(*f, Finding{check, status, printable(fmt.Sprintf(format, args...)), advice})
}

// OK records a successful check.
func (f *Findings) OK(check, format string, args ...any) { f.note(check, OK, "", format, args...) }

// Skip records a check that was not possible.
func (f *Findings) Skip(check, format string, args ...any) {
	f.note(check, Skipped, "", format, args...)
}

// Warn records a problem that may become a failure, and the advice to print below it.
func (f *Findings) Warn(check, advice, format string, args ...any) {
	f.note(check, Warning, advice, format, args...)
}

// Fail records a failed check, and the advice to print below it.
func (f *Findings) Fail(check, advice, format string, args ...any) {
	f.note(check, Failed, advice, format, args...)
}

// Failed returns an error if any check failed, so that the exit status is 1.
func (f Findings) Failed() error {
	n := 0
	for _, x := range f {
		if x.Status == Failed {
			n++
		}
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d checks failed", n, len(f))
}

// Write writes the findings as text, with the advice below each.
func (f Findings) Write(w io.Writer) {
	for _, x := range f {
		fmt.Fprintf(w, "%-8s %s: %s\n", x.Status, x.Check, x.Text)
		for line := range strings.Lines(x.Advice) {
			fmt.Fprintf(w, "         %s\n", strings.TrimRight(line, "\n"))
		}
	}
}

// printable replaces characters that are not printable by "?", as terminal.Printable does.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
