// Package transfer contains the commands that bring files in from other indexes and take them out.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
	"pyindex/internal/transfer"
	"pyindex/internal/upstream"
)

// Import is the command that imports files from other indexes.
type Import struct {
	Folder       folderCmd       `cmd:"" help:"Import a folder of wheels and source distributions: that of pypiserver, of dir2pi, or a copied bucket."`
	Simple       simpleCmd       `cmd:"" help:"Import any index by its simple pages (PEP 503 and 691), such as another Index."`
	Devpi        devpiCmd        `cmd:"" help:"Import an index of devpi-server from the folder that devpi-export wrote."`
	Bandersnatch bandersnatchCmd `cmd:"" help:"Import a mirror that bandersnatch made into the cache of an upstream."`
	DumbPyPI     dumbPyPICmd     `cmd:"" name:"dumb-pypi" help:"Import the files of a list of dumb-pypi."`
	Nexus        nexusCmd        `cmd:"" help:"Import a hosted repository of Nexus Repository 3 (experimental)."`
	Artifactory  artifactoryCmd  `cmd:"" help:"Import a local repository of Artifactory (experimental)."`

	Export exportCmd `cmd:"" help:"Import an export of another index of this kind, without loss."`

	Verify verifyCmd `cmd:"" help:"Read a source again and compare it with what was imported."`
	List   listCmd   `cmd:"" help:"List the imports, each with the result of its last run."`
}

// opener opens a source, of which some files are selected. Each kind has a struct with its argument and flags that
// implements it.
type opener interface {
	open(ctx context.Context, of *selection) (transfer.Source, error)
}

// selection are the flags that select files of a source.
type selection struct {
	To      string    `required:"" placeholder:"REPO" help:"Repository of this index."`
	Project []string  `placeholder:"PATTERN" help:"Import only these projects: names, or patterns such as acme-*. Repeatable."`
	Since   time.Time `placeholder:"TIME" format:"2006-01-02T15:04:05Z07:00" help:"Import only files that were uploaded since this time, such as 2026-11-01T00:00:00Z, and those without a time."`
}

// choices are the flags of all kinds.
type choices struct {
	selection
	DryRun       bool            `help:"Show what would be imported, and write nothing."`
	Deep         bool            `help:"With --dry-run: read the content of every file and apply all checks of an upload."`
	Resume       bool            `hidden:"" help:"Continue an interrupted import, as every import does."`
	AcceptLegacy bool            `help:"Import old files that an upload would be refused for, such as source distributions without PKG-INFO. They are marked."`
	StartupFiles bool            `help:"Import wheels with files that run code whenever Python starts, also if no earlier version of the project has one."`
	Names        string          `placeholder:"FILE" type:"path" help:"Decisions about names that upstreams have too. If the file does not exist, it is written with the names to decide."`
	Origin       string          `placeholder:"upstream:NAME" help:"Import into the cache of an upstream, of which the source is a mirror. The files do not become own files."`
	Rate         config.ByteSize `placeholder:"BYTES" help:"Read at most this many bytes a second, such as 10MiB."`
	Parallel     int             `help:"Files that are read at once; 0 chooses."`
	terminal.Listing
}

// options returns the options of an import.
func (c *choices) options() (o transfer.Options, err error) {
	o = transfer.Options{
		Legacy: c.AcceptLegacy, Startup: c.StartupFiles, Deep: c.Deep, Parallel: max(0, c.Parallel),
		Rate: int64(c.Rate),
	}
	if err := c.selection.fill(&o); err != nil {
		return o, err
	}
	if c.Deep && !c.DryRun {
		return o, fault.New(fault.Invalid, "--deep is used with --dry-run: an import reads every file anyway")
	}
	if o.Upstream, err = upstreamOf(c.Origin); err != nil {
		return o, err
	}
	if c.Names == "" {
		return o, nil
	}
	f, err := os.Open(c.Names)
	if errors.Is(err, os.ErrNotExist) {
		return o, nil
	} else if err != nil {
		return o, fault.Wrap(fault.Invalid, err, "--names: %v", err)
	}
	defer f.Close()
	if o.Names, err = transfer.ReadNames(f); err != nil {
		err = fault.Wrap(fault.Invalid, err, "--names %s: %s", c.Names, fault.Message(err))
	}
	return o, err
}

func (c *selection) fill(o *transfer.Options) error {
	o.Repository, o.Since, o.Pattern = c.To, c.Since, strings.Join(c.Project, " ")
	var patterns []string
	for _, p := range c.Project {
		p = strings.ToLower(p)
		if name, err := packaging.ParseProjectName(p); err == nil {
			p = name.String()
		}
		if _, err := path.Match(p, ""); err != nil {
			return fault.New(fault.Invalid, "--project: %.80q is not a pattern", p)
		}
		patterns = append(patterns, p)
	}
	if len(patterns) > 0 {
		o.Match = func(name packaging.ProjectName) bool {
			return slices.ContainsFunc(patterns, func(p string) bool {
				ok, _ := path.Match(p, name.String())
				return ok
			})
		}
	}
	return nil
}

// upstreamOf returns the name of the upstream in the flag --origin, "" if it is not given.
func upstreamOf(origin string) (string, error) {
	if origin == "" {
		return "", nil
	}
	name, ok := strings.CutPrefix(origin, "upstream:")
	if !ok || !upstream.IsName(name) {
		return "", fault.New(fault.Invalid, "--origin is upstream:NAME, with the name of an upstream of this index")
	}
	return name, nil
}

// with opens the index and a source, and calls f with what imports from it.
func (c *selection) with(s *cli.Session, from opener, o transfer.Options, quiet bool,
	f func(*transfer.Importer, transfer.Source, *terminal.Progress) error,
) error {
	return s.With(func(a *app.App) (err error) {
		source, err := from.open(s.Ctx, c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, source.Close()) }()
		progress := terminal.NewProgress(s.Errs, quiet)
		defer progress.Done()
		m, err := importer(s, a, o, progress)
		if err != nil {
			return err
		}
		return f(m, source, progress)
	})
}

// run plans or imports a source.
func (c *choices) run(s *cli.Session, from opener) error {
	o, err := c.options()
	if err != nil {
		return terminal.Misused(err)
	}
	return c.with(s, from, o, c.JSON, func(m *transfer.Importer, source transfer.Source, p *terminal.Progress) error {
		if c.DryRun {
			return c.plan(s, m, source, o, p)
		}
		plan, sum, err := m.Run(s.Ctx, source, o)
		p.Done()
		if transfer.IsUndecided(err) && plan != nil {
			return c.undecided(s, plan, err)
		}
		err = terminal.Interrupted(err, "run it again to continue")
		if sum == nil {
			return err
		}
		return errors.Join(c.report(s, sum), err, sum.Err())
	})
}

// importer returns the importer of an open index.
func importer(s *cli.Session, a *app.App, o transfer.Options, p *terminal.Progress) (*transfer.Importer, error) {
	m := &transfer.Importer{
		Store: a.DB.Transfer(), Index: a.Index.Index, Intake: a.Index.Intake, Who: a.Operator, Progress: p,
	}
	if o.Upstream == "" {
		return m, nil
	}
	at, err := a.Index.Stamp(s.Ctx)
	if err != nil {
		return nil, err
	}
	r, err := a.Index.RepositoryAt(s.Ctx, a.Operator, at, o.Repository)
	if err != nil {
		return nil, err
	}
	all, err := a.Upstreams.All(s.Ctx, at)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(all, func(u upstream.Upstream) bool { return u.Name == o.Upstream })
	if i < 0 {
		return nil, fault.New(fault.Invalid, "there is no upstream %s: index upstream list shows them", o.Upstream)
	}
	chain, err := a.Index.Chain(s.Ctx, at, r)
	if err != nil {
		return nil, err
	}
	if err := transfer.DrawsOn(chain, r, o.Upstream); err != nil {
		return nil, err
	}
	if a.Files.Limit() == 0 {
		return nil, fault.New(fault.Invalid,
			"files of upstreams are not kept here: set upstream_cache.size, the limit on their size")
	}
	m.Cache = &transfer.Cache{Upstream: all[i], Pages: a.Pages, Files: a.Files}
	return m, nil
}

// plan prints what an import would do. Findings are no error: the exit status is 1 only if it could not start.
func (c *choices) plan(s *cli.Session, m *transfer.Importer, source transfer.Source, o transfer.Options,
	progress *terminal.Progress,
) error {
	if err := m.Mirrors(source, o); err != nil {
		return err
	}
	p, err := m.Plan(s.Ctx, source, o)
	progress.Done()
	if err != nil {
		return err
	}
	if c.JSON {
		if err := terminal.WriteJSON(s.Out, p); err != nil {
			return err
		}
	} else {
		writePlan(s.Out, p, c.AcceptLegacy)
	}
	if n := len(p.Undecided()); n > 0 {
		return c.writeNames(s, p, fmt.Errorf("the import cannot start: %s undecided", isAre(n, "name")))
	}
	return nil
}

// undecided says which names must be decided about.
func (c *choices) undecided(s *cli.Session, p *transfer.Plan, why error) error {
	n := len(p.Undecided())
	if n == 0 {
		return why
	}
	for i, u := range p.Undecided() {
		if i == 10 {
			fmt.Fprintf(s.Errs, "... and %d more\n", n-i)
			break
		}
		fmt.Fprintf(s.Errs, "%s: %s, %s\n", terminal.Printable(u.Name), terminal.Plural(int64(u.Files), "file"),
			terminal.Printable(u.Why))
	}
	return c.writeNames(s, p, fmt.Errorf("nothing was imported: %s undecided", isAre(n, "name")))
}

// isAre returns a count with its verb, such as "2 names are".
func isAre(n int, noun string) string {
	if n == 1 {
		return "1 " + noun + " is"
	}
	return terminal.Plural(int64(n), noun) + " are"
}

// writeNames writes the file of names, unless there is one or none was named, and returns why with the next step.
func (c *choices) writeNames(s *cli.Session, p *transfer.Plan, why error) error {
	if c.Names == "" {
		return fmt.Errorf("%w: name a file with --names FILE, in which to decide about them", why)
	}
	f, err := os.OpenFile(c.Names, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%w: add them to %s", why, c.Names)
	} else if err != nil {
		return errors.Join(why, err)
	}
	err = errors.Join(transfer.WriteNames(f, p.Names), f.Close())
	if err == nil {
		fmt.Fprintf(s.Errs, "wrote %s: decide about each name in it, and run the command again\n", c.Names)
	}
	return errors.Join(why, err)
}

// report prints what an import did.
func (c *choices) report(s *cli.Session, sum *transfer.Summary) error {
	if c.JSON {
		return terminal.WriteJSON(s.Out, sum)
	}
	writeSummary(s.Out, sum)
	return nil
}

// listedImport is an import in JSON.
type listedImport struct {
	ID         string          `json:"id"`
	Kind       string          `json:"kind"`
	Source     string          `json:"source"`
	Repository string          `json:"repository"`
	By         string          `json:"by"`
	Started    terminal.Moment `json:"started"`
	Finished   terminal.Moment `json:"finished"`
	Added      int             `json:"added"`
	Refused    int             `json:"refused"`
	Conflicts  int             `json:"conflicts"`
}

type listCmd struct{ terminal.Listing }

// Run lists the imports.
func (c *listCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := transfer.List(s.Ctx, a.DB.Transfer(), a.Operator)
		if err != nil {
			return err
		}
		out, rows := []listedImport{}, [][]string{}
		for _, i := range all {
			l := listedImport{
				ID: i.ID, Kind: i.Kind, Source: i.Source, Repository: i.Repository, By: i.By.Name,
				Started: terminal.Moment(i.StartedAt), Finished: terminal.Moment(i.FinishedAt), Added: i.Last.Added,
				Refused: i.Last.Refused, Conflicts: i.Last.Conflicts,
			}
			out = append(out, l)
			rows = append(rows, []string{
				l.Kind, terminal.Printable(l.Source), l.Repository, l.Started.String(), l.Finished.String(),
				fmt.Sprint(l.Added), fmt.Sprint(l.Refused), fmt.Sprint(l.Conflicts),
			})
		}
		return c.Write(s.Out, out,
			[]string{"KIND", "SOURCE", "REPOSITORY", "STARTED", "FINISHED", "ADDED", "REFUSED", "CONFLICTS"}, rows)
	})
}
