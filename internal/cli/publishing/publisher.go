// Package publishing has the commands about trusted workloads: publishers, readers and the exchanges of their tokens.
package publishing

import (
	"fmt"

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
	Constrain publisherConstrainCmd `cmd:"" help:"Require more of a publisher: an environment, a ref."`
	Remove    publisherRemoveCmd    `cmd:"" help:"Trust a workload no more; its tokens end with it."`
	Workflow  publisherWorkflowCmd  `cmd:"" help:"Print the file by which a publisher's workload publishes, to be pasted as it is."`
	Explain   publisherExplainCmd   `cmd:"" help:"Say why exchanges of identity tokens were refused, and what would let them pass."`
}

// tell prints a new publisher's id alone on standard output, and on standard error what it trusts and what is still
// open.
func tell(s *cli.Session, p publishers.Added) {
	fmt.Fprintln(s.Out, p.ID)
	fmt.Fprintf(s.Errs, "%s may now publish %s\n", workload.Clause(p.Sentence), p.Project)
	if p.Pending {
		fmt.Fprintf(s.Errs, "pending until %s: the first token that fits makes the project\n", terminal.Moment(p.ExpiresAt))
	}
	if p.Warning != "" {
		fmt.Fprintf(s.Errs, "note: %s\n", p.Warning)
	}
}

type publisherListCmd struct {
	terminal.Listing
	Project string `placeholder:"P" help:"Those of this project."`
}

// Run lists the publishers, pending ones too.
func (c *publisherListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		list, err := a.Registry.List(s.Ctx, a.Operator, c.Project)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, p := range list {
			rows = append(rows,
				[]string{p.ID, p.Project, p.Provider, p.Sentence, pinText(p), terminal.Moment(p.ExpiresAt).String()})
		}
		return c.Write(s.Out, terminal.NotNil(list),
			[]string{"ID", "PROJECT", "KIND", "PUBLISHER", "OWNER ID", "PENDING UNTIL"}, rows)
	})
}

// pinText is the owner's id, as far as it is known.
func pinText(p publishers.Listed) string {
	if p.Pinned {
		return p.OwnerID
	}
	return "of the first token"
}

type publisherRemoveCmd struct {
	ID string `arg:""`
}

// Run removes the publisher or the pending one.
func (c *publisherRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Registry.Remove(s.Ctx, a.Operator, c.ID) })
}
