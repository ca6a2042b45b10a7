package terminal

import (
	"fmt"
	"io"
	"strings"
)

// The outcomes of a check.
const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkFailed  = "failed"
	checkSkipped = "skipped"
)

// finding is the result of one check, as a sentence with advice.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Text   string `json:"text"`
	Advice string `json:"advice,omitempty"`
}

// Findings are the results of a doctor's checks. Texts may come from another machine, so they are made printable.
type Findings []finding

func (f *Findings) note(check, status, advice, format string, args ...any) {
	*f = append(*f, finding{check, status, Printable(fmt.Sprintf(format, args...)), advice})
}

// OK records a successful check.
func (f *Findings) OK(check, format string, args ...any) { f.note(check, checkOK, "", format, args...) }

// Skip records a check that was not possible.
func (f *Findings) Skip(check, format string, args ...any) {
	f.note(check, checkSkipped, "", format, args...)
}

// Warn records a problem that may become a failure, and the advice to print below it.
func (f *Findings) Warn(check, advice, format string, args ...any) {
	f.note(check, checkWarning, advice, format, args...)
}

// Fail records a failed check, and the advice to print below it.
func (f *Findings) Fail(check, advice, format string, args ...any) {
	f.note(check, checkFailed, advice, format, args...)
}

// Failed returns an error if any check failed, so that the exit status is 1.
func (f Findings) Failed() error {
	n := 0
	for _, x := range f {
		if x.Status == checkFailed {
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
