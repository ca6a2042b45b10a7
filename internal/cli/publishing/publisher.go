// Package publishing has the commands about trusted workloads: publishers, readers and their token exchanges.
package publishing

import (
	"cmp"
	"fmt"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/publishers"
	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// Publisher has the commands about trusted publishers.
type Publisher struct {
	Add       publisherAddCmd       `cmd:"" help:"Trust a workload to publish a project."`
	List      publisherListCmd      `cmd:"" help:"List the publishers."`
	Constrain publisherConstrainCmd `cmd:"" help:"Restrict a publisher further, for example to an environment or a ref."`
	Remove    publisherRemoveCmd    `cmd:"" help:"Remove a publisher and revoke its tokens. Can also yank or quarantine its files."`
	Workflow  publisherWorkflowCmd  `cmd:"" help:"Print a ready-made workflow file for a publisher."`
	History   publisherHistoryCmd   `cmd:"" help:"List what a publisher let in, and what was unlike before."`
	Explain   publisherExplainCmd   `cmd:"" help:"Explain why token exchanges were refused, and how to allow them."`
}

// addedPublisher is a new publisher in JSON.
type addedPublisher struct {
	ID       string            `json:"id"`
	Project  string            `json:"project"`
	Provider string            `json:"provider"`
	Issuer   string            `json:"issuer"`
	Sentence string            `json:"publisher"`
	Fields   map[string]string `json:"fields"`
	OwnerID  string            `json:"owner_id,omitempty"`
	Pending  bool              `json:"pending"`
	Expires  terminal.Moment   `json:"pending_until"`
	Warning  string            `json:"warning,omitempty"`

	// if it is for the names of a repository; project is empty then
	Repository string `json:"repository,omitempty"`
	Names      string `json:"names,omitempty"`
	Creates    bool   `json:"creates,omitempty"`
	Owner      string `json:"owner,omitempty"`
}

// tell prints only a new publisher's ID to standard output. To standard error it prints the trusted workload, the
// expiry if the publisher is pending, and its warnings. repository is the one of its project in this index. With
// --json, everything is in the object.
func tell(s *cli.Session, l terminal.Listing, repository string, p publishers.Added) error {
	err := l.Report(s.Out, addedPublisher{
		p.ID, p.Project, p.Provider, p.Issuer, p.Sentence, p.Fields, p.OwnerID, p.Pending, terminal.Moment(p.ExpiresAt),
		cmp.Or(p.Unserved, p.Warning), p.Repository, p.Names, p.Creates, p.Owner,
	}, p.ID)
	if err != nil || l.JSON {
		return err
	}
	fmt.Fprintf(s.Errs, "%s may now publish %s\n", workload.Clause(p.Sentence), p.What())
	if p.Owner != "" {
		fmt.Fprintf(s.Errs, "%s will own the new projects\n", p.Owner)
	} else if p.Creates {
		fmt.Fprintln(s.Errs, "note: the new projects have no owner, so only administrators can manage them")
	}
	if p.Pending {
		fmt.Fprintf(s.Errs, "pending until %s: the first matching token creates the project\n", terminal.Moment(p.ExpiresAt))
	}
	for _, note := range []string{p.Warning, p.Compared} {
		if note != "" {
			fmt.Fprintf(s.Errs, "note: %s\n", note)
		}
	}
	if p.Unserved != "" {
		fmt.Fprintf(s.Errs, "warning: %s\n", terminal.Printable(p.Unserved))
	}
	warnLoose(s, repository, p)
	return nil
}

// warnLoose prints the warnings about a publisher that lets in more than most would expect, each with the command that
// tightens it. The pin has a note of its own. A pending publisher cannot be tightened.
func warnLoose(s *cli.Session, repository string, p publishers.Added) {
	kind := workload.Of(p.Provider)
	for _, w := range kind.Warnings(p.Issuer, p.Fields, p.OwnerID) {
		if w.Degree < workload.Loose || w.Field != "" && w.Field == kind.PinField() {
			continue
		}
		fmt.Fprintf(s.Errs, "warning: %s\n", terminal.Printable(w.Text))
		if p.Pending {
			continue
		}
		line := terminal.ConstrainLine(p.ID, repository, p.Project, p.Provider, p.Issuer, p.Fields, w)
		if p.Names != "" {
			line = terminal.ConstrainNamesLine(p.ID, repository, strings.TrimSuffix(p.Names, "-*"), p.Provider, p.Issuer,
				p.Fields, w)
		}
		if line != "" {
			fmt.Fprintf(s.Errs, "  %s\n", line)
		}
	}
}

// warnUnserved prints the warning about a rule whose issuer the server does not have, if there is one.
func warnUnserved(s *cli.Session, rule, id, warning string) {
	if warning != "" {
		fmt.Fprintf(s.Errs, "warning: %s %s: %s\n", rule, id, terminal.Printable(warning))
	}
}

type publisherListCmd struct {
	terminal.Listing
	Project string `placeholder:"P" help:"List only publishers of this project."`
}

// Run lists the publishers, including pending ones.
func (c *publisherListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		list, err := a.Registry.List(s.Ctx, a.Operator, c.Project)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, p := range list {
			rows = append(rows,
				[]string{
					p.ID, placeText(p), p.Provider, p.Sentence, pinText(p), terminal.Moment(p.ExpiresAt).String(), p.Loose,
				})
		}
		err = c.Write(s.Out, terminal.NotNil(list),
			[]string{"ID", "PROJECT", "KIND", "PUBLISHER", "OWNER ID", "PENDING UNTIL", "LOOSE"}, rows)
		if err != nil {
			return err
		}
		for _, p := range list {
			warnUnserved(s, "publisher", p.ID, p.Unserved)
		}
		return nil
	})
}

// pinText returns the owner's ID, or a placeholder until the first token sets it.
func pinText(p publishers.Listed) string {
	if p.Pinned {
		return p.OwnerID
	}
	return "set by the first token"
}

// placeText returns the project of a publisher, or the names that it covers.
func placeText(p publishers.Listed) string {
	if p.Names == "" {
		return p.Project
	}
	s := p.Names + "-* in " + p.Repository
	if p.Creates {
		s += ", also new"
	}
	return s
}
