package policies

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/holds"
	"pyindex/internal/policy"
	"pyindex/internal/terminal"
)

type heldCmd struct {
	Repository string `arg:"" optional:"" help:"Only this repository (default: all repositories)."`
	Rule       string `placeholder:"R" help:"Only what this rule decides, such as cooldown or returned."`
	Project    string `placeholder:"P" help:"Only projects with this text in their name."`
	terminal.Listing
}

// heldRow is a release, or a whole project, of which files are not served, in JSON.
type heldRow struct {
	Repository string          `json:"repository"`
	Project    string          `json:"project"`
	Version    string          `json:"version,omitempty"`  // left out for all versions
	Upstream   string          `json:"upstream,omitempty"` // left out for files of this index
	Releases   int             `json:"releases"`
	Files      int             `json:"files"`
	State      string          `json:"state"` // "held", "denied" or "exempt"
	Rule       string          `json:"rule"`
	Reason     string          `json:"reason"`
	Decides    string          `json:"decides,omitempty"` // the repository whose settings decide
	Until      terminal.Moment `json:"until"`             // null if it does not end by time alone
	Exemption  string          `json:"exemption,omitempty"`
	Exempt     terminal.Moment `json:"exempt_until"` // null without an exemption
	Asked      []askedRow      `json:"asked"`
}

// askedRow is an open request for an exemption, in JSON.
type askedRow struct {
	ID     string          `json:"id"`
	By     string          `json:"by"`
	At     terminal.Moment `json:"at"`
	Reason string          `json:"reason"`
}

// heldRead is the number of rows that are read at once.
const heldRead = 500

// Run lists what is held and denied now.
func (c *heldCmd) Run(s *cli.Session) error {
	if rules := holds.RulesInOrder(); c.Rule != "" && !slices.Contains(rules, policy.Rule(c.Rule)) {
		var names []string
		for _, r := range rules {
			names = append(names, string(r))
		}
		return terminal.Misused(fmt.Errorf("--rule: there is no rule %q: choose one of %s", c.Rule,
			strings.Join(names, ", ")))
	}
	return s.With(func(a *app.App) error {
		q := holds.Query{
			Repository: c.Repository, Rule: policy.Rule(c.Rule), Project: strings.ToLower(c.Project), Limit: heldRead,
			Whole: true,
		}
		list, rows := []heldRow{}, [][]string{}
		for {
			now, err := a.Holds.Now(s.Ctx, a.Operator, q)
			if err != nil {
				return err
			}
			for _, r := range now.Rows {
				one := heldOf(r)
				list, rows = append(list, one), append(rows, one.cells())
			}
			if q.Offset += heldRead; q.Offset < now.Total {
				continue
			}
			if now.Beyond > 0 {
				fmt.Fprintf(s.Errs, "%d projects are not in this list, because there are too many to read\n", now.Beyond)
			}
			return c.Write(s.Out, list, []string{
				"REPOSITORY", "PROJECT", "VERSION", "STATE", "RULE", "UNTIL", "FILES", "ASKED BY", "REASON",
			}, rows)
		}
	})
}

func heldOf(r holds.Row) heldRow {
	out := heldRow{
		Repository: r.Repository, Project: r.Project, Version: r.Version, Upstream: r.Upstream, Releases: r.Releases,
		Files: r.Files, State: r.Decision.Verdict.String(), Rule: string(r.Decision.Rule), Reason: r.Decision.Text(),
		Decides: r.Decision.Repository, Until: terminal.Moment(r.Decision.Until), Asked: []askedRow{},
	}
	if r.Served != "" {
		out.State, out.Exemption, out.Exempt = "exempt", r.Served, terminal.Moment(r.Ends)
	}
	for _, q := range r.Asked {
		out.Asked = append(out.Asked, askedRow{q.ID, q.By.Name, terminal.Moment(q.At), q.Reason})
	}
	return out
}

// cells returns the row of a table.
func (r heldRow) cells() []string {
	version, until := r.Version, r.Until.String()
	if version == "" {
		version = "all"
	}
	if r.State == "exempt" {
		until = r.Exempt.String()
	}
	var asked []string
	for _, q := range r.Asked {
		if !slices.Contains(asked, q.By) {
			asked = append(asked, q.By)
		}
	}
	return []string{
		r.Repository, r.Project, version, r.State, r.Rule, until, strconv.Itoa(r.Files),
		terminal.Printable(strings.Join(asked, ", ")), terminal.Printable(r.Reason),
	}
}
