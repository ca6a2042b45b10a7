package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"pyindex/internal/publishers/insight"
	"pyindex/internal/workload"
)

type publisherExplainCmd struct {
	listing
	Project string `placeholder:"P" help:"Those that came near this project (default: all, also those that came near none)."`
	Last    int    `default:"10" placeholder:"N" help:"How many, newest first."`
}

// explained is an exchange in JSON, with the command that would let it pass.
type explained struct {
	insight.Exchange
	PublisherAdd string `json:"publisher_add,omitempty"`
}

// Run lists recent exchanges and says of refused ones what was expected, what came and what would let it pass.
func (c *publisherExplainCmd) Run(s *session) error {
	return s.with(func(a *app) error {
		list, err := insight.New(a.registry).Exchanges(s.ctx, a.operator, c.Project, c.Last)
		if err != nil {
			return err
		}
		var all []explained
		for _, x := range list {
			all = append(all, explained{x, addLineFor(settingsArgs(s.config), cmp.Or(x.Project, c.Project), x)})
		}
		if c.JSON {
			return writeJSON(s.out, notNil(all))
		}
		for _, x := range all {
			if err := x.write(s.out); err != nil {
				return err
			}
		}
		if len(all) == 0 {
			fmt.Fprintln(s.errs, "no exchange is recorded")
		}
		return nil
	})
}

// write writes an exchange for people: a line, and for a refused one why and what to do.
func (x explained) write(w io.Writer) error {
	outcome := "refused"
	if x.Granted {
		outcome = "granted"
	}
	fmt.Fprintf(w, "%s  %s  to %s %s  from %s\n", moment(x.At), outcome, x.Scope, cmp.Or(x.Project, "(no project)"), cmp.Or(x.Address, "-"))
	if x.Granted {
		fmt.Fprintf(w, "  %s\n", printable(x.Publisher))
		return nil
	}
	fmt.Fprintf(w, "  %s: %s\n", x.Code, printable(x.Description))
	for _, n := range x.Nearest {
		if err := writeNearest(w, x.Scope, n); err != nil {
			return err
		}
	}
	if x.PublisherAdd != "" {
		fmt.Fprintf(w, "  To let this workload publish:\n    %s\n", x.PublisherAdd)
	} else if x.WhyNone != "" && x.Scope == scopeUpload {
		fmt.Fprintf(w, "  No publisher would let it pass: %s\n", printable(x.WhyNone))
	}
	return nil
}

// writeNearest writes what a publisher expected beside what came.
func writeNearest(w io.Writer, scope string, n insight.Nearest) error {
	kind := "publisher"
	switch {
	case scope != scopeUpload:
		kind = "reader"
	case n.Pending:
		kind = "pending publisher"
	}
	fmt.Fprintf(w, "  nearest %s %s: %s\n", kind, n.ID, printable(n.Publisher))
	if len(n.Differences) == 0 { // it fits, and was passed over
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "    CLAIM\tEXPECTED\tGOT")
	for _, d := range n.Differences {
		expected := d.Expected
		if expected == "" {
			expected = "(" + d.Why + ")"
		}
		fmt.Fprintf(t, "    %s\t%s\t%s\n", printable(d.Claim), printable(expected), printable(d.Got))
	}
	return t.Flush()
}

// addLineFor is the command that would let a refused exchange pass, "" where there is none.
func addLineFor(settings, project string, x insight.Exchange) string {
	if x.Suggested == nil || x.Scope != scopeUpload {
		return ""
	}
	return addLine(settings, x.Provider, x.Issuer, project, x.Pending, x.Suggested)
}

// scopeUpload is the scope of exchanges that publishers are for.
const scopeUpload = "upload"

// projectMissing stands in a command where the reader has to put a project's name.
const projectMissing = "PROJECT"

// firstFields are the fields that come first in a command, as people think of them.
var firstFields = []string{"owner", "repository", "workflow", "environment", "owner_id"}

// addLine is the command that adds a publisher. The values come from strangers' tokens: each is one word for a shell.
func addLine(settings, provider, issuer, project string, pending bool, fields map[string]string) string {
	var b strings.Builder
	b.WriteString("index" + settings + " publisher add " + provider)
	b.WriteString(flagWord("project", cmp.Or(project, projectMissing)))
	if pending {
		b.WriteString(" --pending")
	}
	names := slices.SortedFunc(maps.Keys(fields), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), strings.Compare(a, b))
	})
	for _, name := range names {
		b.WriteString(fieldWord(provider, name, fields[name]))
	}
	if issuer != workload.GitHubIssuer {
		b.WriteString(flagWord("issuer", issuer))
	}
	return b.String()
}

// fieldWord is a rule's field as a flag of publisher add. A kind whose own word is "project" calls it by the kind there.
func fieldWord(provider, name, value string) string {
	if _, claim, ok := strings.Cut(name, ":"); ok {
		return flagWord("claim", claim+"="+value)
	}
	if name == "project" {
		name = provider + "-project"
	}
	return flagWord(strings.ReplaceAll(name, "_", "-"), value)
}

func rank(field string) int {
	if i := slices.Index(firstFields, field); i >= 0 {
		return i
	}
	return len(firstFields)
}

// flagWord is a flag with a value, a blank before it. A value that begins with a dash is not another flag.
func flagWord(name, value string) string {
	if strings.HasPrefix(value, "-") {
		return " --" + name + "=" + quote(value)
	}
	return " --" + name + " " + quote(value)
}

// printable replaces what could move a terminal's cursor or turn its text around.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
