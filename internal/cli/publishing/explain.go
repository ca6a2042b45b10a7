package publishing

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/terminal"
)

type publisherExplainCmd struct {
	terminal.Listing
	Project string `placeholder:"P" help:"List only exchanges that concern this project (default: all exchanges)."`
	Last    int    `default:"10" placeholder:"N" help:"Number of exchanges, newest first."`
}

// explained is an exchange in JSON, with the command that adds a matching publisher.
type explained struct {
	insight.Exchange
	PublisherAdd string `json:"publisher_add,omitempty"`
}

// Run lists recent exchanges. For refused ones it shows the expected and received claims, and how to allow them.
func (c *publisherExplainCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		list, err := insight.New(a.Registry).Exchanges(s.Ctx, a.Operator, c.Project, c.Last)
		if err != nil {
			return err
		}
		rules, err := a.Registry.List(s.Ctx, a.Operator, c.Project)
		if err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
		for _, p := range rules {
			warnUnserved(s, "publisher", p.ID, p.Unserved)
		}
		var all []explained
		for _, x := range list {
			all = append(all, explained{x, addLineFor(cli.SettingsArgs(s.Config), cmp.Or(x.Project, c.Project), x)})
		}
		if c.JSON {
			return terminal.WriteJSON(s.Out, terminal.NotNil(all))
		}
		for _, x := range all {
			if err := x.write(s.Out); err != nil {
				return err
			}
		}
		if len(all) == 0 {
			fmt.Fprintln(s.Errs, "no exchange is recorded")
		}
		if c.Project != "" {
			fmt.Fprintln(s.Errs, "Requests that came near no publisher are listed without --project.")
		}
		return nil
	})
}

// write writes an exchange as text: one line, and for a refused exchange the reason and the remedy.
func (x explained) write(w io.Writer) error {
	outcome := "refused"
	if x.Granted {
		outcome = "granted"
	}
	fmt.Fprintf(w, "%s  %s  to %s %s  from %s\n", terminal.Moment(x.At), outcome, x.Scope,
		cmp.Or(x.Project, x.Names, "(no project)"), cmp.Or(x.Address, "-"))
	if x.Granted {
		fmt.Fprintf(w, "  %s\n", terminal.Printable(x.Publisher))
		return nil
	}
	fmt.Fprintf(w, "  %s: %s\n", x.Code, terminal.Printable(x.Description))
	for _, n := range x.Nearest {
		if err := writeNearest(w, x.Scope, n); err != nil {
			return err
		}
	}
	if x.PublisherAdd != "" {
		if x.Caution != "" {
			fmt.Fprintf(w, "  %s\n", x.Caution)
		}
		fmt.Fprintf(w, "  To allow this workload to publish:\n    %s\n", x.PublisherAdd)
	} else if x.WhyNone != "" && x.Scope == scopeUpload {
		fmt.Fprintf(w, "  %s\n", terminal.Printable(x.NoneBecause()))
	}
	return nil
}

// writeNearest writes the claims that a publisher expected next to the received ones.
func writeNearest(w io.Writer, scope string, n insight.Nearest) error {
	kind := "publisher"
	switch {
	case scope != scopeUpload:
		kind = "reader"
	case n.Pending:
		kind = "pending publisher"
	}
	fmt.Fprintf(w, "  nearest %s %s: %s\n", kind, n.ID, terminal.Printable(n.Publisher))
	if n.Renamed != "" {
		fmt.Fprintf(w, "    %s\n", terminal.Printable(n.Renamed))
	}
	if len(n.Differences) == 0 { // it matches, but another one was chosen
		return nil
	}
	var notes []string
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "    CLAIM\tEXPECTED\tGOT")
	for _, d := range n.Differences {
		expected := d.Expected
		if expected == "" {
			expected = "(" + d.Why + ")"
		} else if d.Why != "" {
			notes = append(notes, d.Claim+": "+d.Why)
		}
		fmt.Fprintf(t, "    %s\t%s\t%s\n", terminal.Printable(d.Claim), terminal.Printable(expected),
			terminal.Printable(d.Got))
	}
	err := t.Flush()
	for _, note := range notes {
		fmt.Fprintf(w, "    %s\n", terminal.Printable(note))
	}
	return err
}

// addLineFor returns the command that would allow a refused exchange, or "" if there is none.
func addLineFor(settings, project string, x insight.Exchange) string {
	if x.Suggested == nil || x.Scope != scopeUpload {
		return ""
	}
	line := terminal.AddLine(settings, x.SuggestedKind, x.Issuer, project, x.Pending, x.Suggested)
	if x.Names != "" && project == "" { // of a publisher of a repository
		place := " --names " + terminal.Quote(strings.TrimSuffix(x.Names, "-*"))
		if x.Repository != catalog.MainRepository {
			place += " --index-repository " + terminal.Quote(x.Repository)
		}
		line = strings.Replace(line, " --project "+terminal.ProjectMissing, place, 1)
	}
	return line
}

// scopeUpload is the scope of exchanges for publishers.
const scopeUpload = "upload"
