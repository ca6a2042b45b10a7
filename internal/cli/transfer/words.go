package transfer

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"pyindex/internal/terminal"
	"pyindex/internal/transfer"
)

// maxLines limits the files that a text lists of one kind; --json has all.
const maxLines = 20

func files(n int) string { return terminal.Plural(int64(n), "file") }

// sized returns the text of a number of files with their size, which is left out if the source states none.
func sized(n int, bytes int64) string {
	if bytes == 0 {
		return files(n)
	}
	return files(n) + " (" + terminal.SizeText(bytes) + ")"
}

// writePlan prints a plan for people.
func writePlan(w io.Writer, p *transfer.Plan, legacy bool) {
	fmt.Fprintf(w, "%s %s into %s\n", p.Kind, terminal.Printable(p.Source), p.Repository)
	fmt.Fprintf(w, "  %s, %s\n", terminal.Plural(int64(p.Projects), "project"), sized(p.Files, p.Bytes))
	line := func(n int, format string, args ...any) {
		if n > 0 {
			fmt.Fprintf(w, "  "+format+"\n", args...)
		}
	}
	fmt.Fprintf(w, "  would add %s, in %s\n", sized(p.Add, p.AddBytes),
		terminal.Plural(int64(p.NewProjects), "new project"))
	line(p.Present, "%s here already", isAre(p.Present, "file"))
	line(p.Skipped, "%s of names that are not imported", files(p.Skipped))
	line(p.ConflictCount, "%s in conflict with files that are, or were, here", isAre(p.ConflictCount, "file"))
	line(p.RefusedCount(), "%s refused", isAre(p.RefusedCount(), "file"))
	line(p.Unchecked, "the content of %s was not read: --deep does it, and applies all checks of an upload",
		files(p.Unchecked))
	line(p.WithoutDigest, "the source states no digest of %s: theirs is computed", files(p.WithoutDigest))
	writeTimes(w, p)
	writeRefused(w, p.RefusedBy, p.Refused, p.RefusedCount())
	if p.Legacy > 0 && !legacy {
		fmt.Fprintf(w, "\n%s of them would be taken with --accept-legacy\n", isAreOnly(p.Legacy))
	}
	writeListed(w, "Conflicts", p.Conflicts, p.ConflictCount)
	if len(p.Clashes) > 0 {
		fmt.Fprintf(w, "\nSpellings of one file, of which the first is taken:\n")
		for i, c := range p.Clashes {
			if i == maxLines {
				fmt.Fprintf(w, "  ... and %d more\n", len(p.Clashes)-i)
				break
			}
			fmt.Fprintf(w, "  %s\n", terminal.Printable(strings.Join(c.Files, ", ")))
		}
	}
	if len(p.Names) > 0 {
		fmt.Fprintf(w, "\nNames that an upstream has too:\n")
		for i, n := range p.Names {
			if i == maxLines {
				fmt.Fprintf(w, "  ... and %d more\n", len(p.Names)-i)
				break
			}
			state := string(n.Decision)
			if state == "" {
				state = "undecided"
			}
			fmt.Fprintf(w, "  %s: %s (%s, %s)\n", n.Name, state, files(n.Files), terminal.Printable(n.Why))
		}
	}
	line(p.NotCompared, "%s could not be compared with every upstream: at least one has no list of its names",
		terminal.Plural(int64(p.NotCompared), "name"))
	writeNotes(w, p.Notes)
}

func isAreOnly(n int) string { return terminal.Plural(int64(n), "file") }

// writeTimes says how well upload times are known.
func writeTimes(w io.Writer, p *transfer.Plan) {
	var parts []string
	for _, t := range []struct {
		n    int
		what string
	}{
		{p.Stated, "stated by the source"},
		{p.Latest, "known as an upper bound"},
		{p.Guessed, "guessed"},
		{p.Unknown, "unknown: they get that of the import"},
	} {
		if t.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", t.n, t.what))
		}
	}
	if len(parts) == 0 {
		return
	}
	fmt.Fprintf(w, "  upload times: %s\n", strings.Join(parts, ", "))
	if n := p.Latest + p.Guessed + p.Unknown; n > 0 {
		fmt.Fprintf(w, "  clients with exclude-newer (uv) or uploaded-prior-to (pip) may not see %s whose time is later than the upload was\n",
			files(n))
	}
}

func writeRefused(w io.Writer, by map[string]int, all []transfer.Listed, n int) {
	if n == 0 {
		return
	}
	fmt.Fprintf(w, "\nRefused:\n")
	for _, kind := range slices.Sorted(maps.Keys(by)) {
		fmt.Fprintf(w, "  %s: %d\n", kind, by[kind])
		shown := 0
		for _, l := range all {
			if l.Kind != kind {
				continue
			}
			if shown++; shown > maxLines {
				fmt.Fprintf(w, "    ... and %d more\n", by[kind]-maxLines)
				break
			}
			fmt.Fprintf(w, "    %s: %s\n", terminal.Printable(l.Place), terminal.Printable(l.Reason))
		}
	}
}

func writeListed(w io.Writer, title string, all []transfer.Listed, n int) {
	if n == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s:\n", title)
	for i, l := range all {
		if i == maxLines {
			fmt.Fprintf(w, "  ... and %d more (--json lists them)\n", n-i)
			break
		}
		fmt.Fprintf(w, "  %s: %s\n", terminal.Printable(l.Place), terminal.Printable(l.Reason))
	}
}

func writeNotes(w io.Writer, notes []transfer.Note) {
	if len(notes) == 0 {
		return
	}
	fmt.Fprintf(w, "\nNot imported, or to do:\n")
	for _, n := range notes {
		fmt.Fprintf(w, "  %s\n", terminal.Printable(n.Text))
		if n.Command != "" {
			fmt.Fprintf(w, "    %s\n", terminal.Printable(n.Command))
		}
	}
}

// writeSummary prints what an import did.
func writeSummary(w io.Writer, s *transfer.Summary) {
	fmt.Fprintf(w, "%s %s into %s\n", s.Kind, terminal.Printable(s.Source), s.Repository)
	fmt.Fprintf(w, "  %s, %d of them new here\n", terminal.Plural(int64(s.Projects), "project"), s.NewProjects)
	fmt.Fprintf(w, "  %s added (%s)\n", files(s.Added), terminal.SizeText(s.Bytes))
	line := func(n int, format string, args ...any) {
		if n > 0 {
			fmt.Fprintf(w, "  "+format+"\n", args...)
		}
	}
	line(s.Legacy, "%s of them as legacy", files(s.Legacy))
	line(s.Present, "%s here already", isAre(s.Present, "file"))
	line(s.Yanks, "%s yanked or unyanked, as the source did since the last run", files(s.Yanks))
	line(s.Statuses, "%s with another status, as in the source", terminal.Plural(int64(s.Statuses), "project"))
	line(s.Skipped, "%s of names that are not imported", files(s.Skipped))
	writeRefused(w, s.RefusedBy, s.RefusedList, s.Refused)
	writeListed(w, "Conflicts (nothing was replaced)", s.ConflictIn, s.Conflicts)
	writeListed(w, "Not read", s.FailedList, s.Failed)
	writeNotes(w, s.Notes)
}
