package transfer

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Skip is the decision to import nothing of a name.
const Skip catalog.Origin = "skip"

// Decision is what an administrator decided about the names that a pattern matches.
type Decision struct {
	Pattern  string // a normal name, with * and ? as in file names
	Origin   catalog.Origin
	Versions string // for both: a specifier
	line     int
}

// Names are decisions. The first one that matches a name decides.
type Names []Decision

// maxNamesLine limits a line of a file of names, in bytes.
const maxNamesLine = 4096

// ReadNames reads decisions, one a line: a name or pattern, then own, both, adopted or skip; after both, a specifier of
// the versions that are this index's. "?" in place of a decision leaves the name undecided. Text after "#" is a
// comment. It returns fault.Invalid, with the line, for anything else.
func ReadNames(r io.Reader) (Names, error) {
	var out Names
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, maxNamesLine), maxNamesLine)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		d, err := decision(words)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "line %d: %s", n, fault.Message(err))
		}
		if d.line = n; d.Origin != "" {
			out = append(out, d)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the file of names cannot be read: %v", err)
	}
	return out, nil
}

func decision(words []string) (d Decision, err error) {
	if len(words) < 2 {
		return d, fault.New(fault.Invalid, "%.80q needs a decision: own, both, adopted or skip", words[0])
	}
	d.Pattern = strings.ToLower(words[0])
	if !strings.ContainsAny(d.Pattern, "*?[") {
		name, err := packaging.ParseProjectName(words[0])
		if err != nil {
			return d, err
		}
		d.Pattern = name.String()
	} else if _, err := path.Match(d.Pattern, "x"); err != nil {
		return d, fault.New(fault.Invalid, "%.80q is not a pattern", words[0])
	}
	switch o := catalog.Origin(strings.ToLower(words[1])); o {
	case "?":
	case catalog.Own, catalog.Both, catalog.Adopted, Skip:
		d.Origin = o
	default:
		return d, fault.New(fault.Invalid, "%.80q is not a decision: write own, both, adopted or skip", words[1])
	}
	if d.Versions = strings.Join(words[2:], " "); d.Versions == "" {
		return d, nil
	}
	if d.Origin != catalog.Both {
		return d, fault.New(fault.Invalid, "only both takes versions, not %s", words[1])
	}
	_, err = packaging.ParseSpecifiers(d.Versions)
	return d, err
}

// Of returns the decision about a name.
func (n Names) Of(name packaging.ProjectName) (Decision, bool) {
	for _, d := range n {
		if ok, _ := path.Match(d.Pattern, name.String()); ok {
			return d, true
		}
	}
	return Decision{}, false
}

// WriteNames writes the file in which an administrator decides about names.
func WriteNames(w io.Writer, names []NameToDecide) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, `# Names that an upstream has too. Replace each ? by one of:
#   own      the project is yours: no upstream is asked for the name any longer
#   both     your versions beside those of the upstream; only local versions (1.0+acme.1) are
#            yours, or those of a specifier after it: both ==1.*
#   adopted  the imported files are copies of the upstream's: they are kept, the upstream is not asked
#   skip     import nothing of it
# A line may have a pattern in place of a name: acme-*  own
# The first line that matches a name decides.

`)
	for _, n := range names {
		state := "?"
		if n.Decision != "" {
			state = string(n.Decision)
		}
		fmt.Fprintf(b, "%-40s %-8s # %s, %s\n", n.Name, state, count(n.Files, "file"), n.Why)
	}
	return b.Flush()
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
