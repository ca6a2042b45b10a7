package admin

import (
	"net/http"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/doctor"
	"pyindex/web/ui"
)

// finding is the result of a check with its advice in lines.
type finding struct {
	doctor.Finding
	Steps []step
}

// step is one line of advice.
type step struct {
	Text    string
	Command bool // to copy
}

// commands are the first words of lines that are to be copied.
var commands = []string{"index ", "chmod ", "ALTER ", "REINDEX ", "timedatectl "}

func findingOf(f doctor.Finding) finding {
	out := finding{Finding: f}
	out.Check, out.Text = sentence(f.Check), sentence(f.Text)
	for line := range strings.Lines(f.Advice) {
		line = strings.TrimSpace(line)
		s := step{Text: line}
		for _, word := range commands {
			s.Command = s.Command || strings.HasPrefix(line, word) && !strings.HasSuffix(line, ".")
		}
		out.Steps = append(out.Steps, s)
	}
	return out
}

// sentence returns a sentence with a capital at its beginning, unless that is part of a name such as index.db.
func sentence(text string) string {
	first, _, _ := strings.Cut(text, " ")
	if text == "" || strings.ContainsAny(first, "/._") {
		return text
	}
	return capital(text)
}

type healthView struct {
	ui.Frame
	Failed, Warnings, Fine, Skipped []finding
	At                              time.Time
	Took                            time.Duration
}

// adminHealth shows what index doctor checks, as the running server sees it.
func (s *Section) adminHealth(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	v := healthView{Frame: s.adminFrame(r, who, "health", "Health")}
	if s.o.Doctor != nil {
		report, err := s.o.Doctor.Examine(r.Context())
		if err != nil {
			return err
		}
		v.At, v.Took = report.At, report.Took.Round(time.Millisecond)
		for _, f := range report.Findings {
			into := &v.Fine
			switch f.Status {
			case doctor.Failed:
				into = &v.Failed
			case doctor.Warning:
				into = &v.Warnings
			case doctor.Skipped:
				into = &v.Skipped
			}
			*into = append(*into, findingOf(f))
		}
	}
	return s.Render(w, http.StatusOK, "admin-health", &v)
}
