package publishing

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/publishers"
	"pyindex/internal/terminal"
	"pyindex/internal/workload"
)

// Reader has the commands about workloads that may read.
type Reader struct {
	Add    readerAddCmd    `cmd:"" help:"Trust a workload to read a repository, or some of its projects."`
	List   readerListCmd   `cmd:"" help:"List the readers."`
	Remove readerRemoveCmd `cmd:"" help:"Remove a reader and revoke its tokens."`
}

// readerAddCmd has a command for each kind of issuer.
type readerAddCmd struct{ kong.Plugins }

// readerAdd is the command for one kind of issuer. Its rules are the same as those of publishers.
type readerAdd struct {
	Issuer          string   `placeholder:"URL" help:"Issuer, if several of this kind are configured (default: the usual one, or the only one)."`
	IndexRepository string   `default:"main" aliases:"repository-of-index" help:"Repository of this index that the workload may read."`
	Project         []string `sep:"none" placeholder:"P" help:"Project that the workload may read. Can be repeated (default: the whole repository)."`
	terminal.Listing
	ruleFlags
}

// Run adds the reader. It prints only the ID to standard output, and the details to standard error.
func (c *readerAdd) Run(s *cli.Session) error {
	kind, fields, err := c.rule()
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		issuer, err := a.Registry.IssuerOf(kind, c.Issuer)
		if err != nil {
			return err
		}
		c.split(kind, cmp.Or(a.Registry.Server(issuer), issuer), fields)
		added, err := a.Registry.AddReader(s.Ctx, a.Operator, publishers.ReaderRequest{
			Provider: kind, Issuer: issuer, Repository: c.IndexRepository, Projects: c.Project, Fields: fields,
		})
		if err != nil {
			return c.inFlags(err)
		}
		added.Warning = c.flagged(added.Warning)
		if err := c.Report(s.Out, addedReader{added, cmp.Or(added.Unserved, added.Warning)}, added.ID); err != nil || c.JSON {
			return err
		}
		tellReader(s, added)
		return nil
	})
}

// addedReader is a new reader in JSON.
type addedReader struct {
	publishers.ListedReader
	Warning string `json:"warning,omitempty"`
}

// tellReader prints the trusted workload of a new reader to standard error, and a warning if there is one.
func tellReader(s *cli.Session, l publishers.ListedReader) {
	fmt.Fprintf(s.Errs, "%s may now read %s\n", workload.Clause(l.Sentence), readsText(l))
	if l.Warning != "" {
		fmt.Fprintf(s.Errs, "note: %s\n", l.Warning)
	}
	if l.Unserved != "" {
		fmt.Fprintf(s.Errs, "warning: %s\n", terminal.Printable(l.Unserved))
	}
}

// readsText describes the projects that a reader may read.
func readsText(l publishers.ListedReader) string {
	if l.Whole {
		return "all of " + l.Repository
	}
	return strings.Join(l.Projects, ", ") + " in " + l.Repository
}

type readerListCmd struct{ terminal.Listing }

// Run lists the readers.
func (c *readerListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		list, err := a.Registry.Readers(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		var rows [][]string
		for _, l := range list {
			rows = append(rows, []string{l.ID, readsText(l), l.Provider, l.Sentence, terminal.Moment(l.AddedAt).String()})
		}
		if err := c.Write(s.Out, terminal.NotNil(list), []string{"ID", "READS", "KIND", "READER", "ADDED"},
			rows); err != nil {
			return err
		}
		for _, l := range list {
			warnUnserved(s, "reader", l.ID, l.Unserved)
		}
		return nil
	})
}

type readerRemoveCmd struct {
	ID string `arg:""`
}

// Run removes the reader.
func (c *readerRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error { return a.Registry.RemoveReader(s.Ctx, a.Operator, c.ID) })
}
