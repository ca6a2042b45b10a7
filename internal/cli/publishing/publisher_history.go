package publishing

import (
	"cmp"
	"fmt"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/terminal"
)

// inProject selects one project of a publisher.
type inProject struct {
	Project    string `placeholder:"P" help:"Project of the publisher (default: all of its projects)."`
	Repository string `name:"index-repository" default:"main" help:"Repository of the project."`
}

// of returns the chosen projects of a publisher.
func (c *inProject) of(s *cli.Session, a *app.App, id string) ([]publishers.Held, error) {
	if c.Project == "" {
		all, err := a.Registry.Projects(s.Ctx, a.Operator, id)
		return all, hintList(err)
	}
	through, err := a.Registry.Through(s.Ctx, a.Operator, c.Repository, c.Project, id, 1)
	if err != nil {
		return nil, hintList(err)
	}
	l := through.Lineage
	return []publishers.Held{{Project: through.Project, Attached: l.Attached && !l.Wide}}, nil
}

func hintList(err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.NotFound, err, "%s: index publisher list shows the publishers", fault.Message(err))
	}
	return err
}

type publisherHistoryCmd struct {
	ID   string `arg:"" help:"ID of the publisher, also of a removed one."`
	Last int    `default:"25" placeholder:"N" help:"Number of requests for each project, newest first."`
	inProject
	terminal.Listing
}

// maxHistory limits --last.
const maxHistory = 1000

// letInRow is an accepted request in JSON.
type letInRow struct {
	Repository string `json:"repository"`
	Project    string `json:"project"`
	insight.Entry
	Complete bool `json:"complete_history"` // whether it was compared with all earlier requests
}

// Run lists the requests that the publisher accepted, with their files and with everything that is unlike before.
func (c *publisherHistoryCmd) Run(s *cli.Session) error {
	if c.Last < 1 || c.Last > maxHistory {
		return fault.New(fault.Invalid, "--last must be from 1 to %d, not %d", maxHistory, c.Last)
	}
	return s.With(func(a *app.App) error {
		held, err := c.of(s, a, c.ID)
		if err != nil {
			return err
		}
		var all []letInRow
		for _, h := range held {
			if all, err = c.read(s, a, h, all); err != nil {
				return err
			}
		}
		if c.JSON {
			return terminal.WriteJSON(s.Out, terminal.NotNil(all))
		}
		c.write(s, all)
		return nil
	})
}

// read appends the requests of one project.
func (c *publisherHistoryCmd) read(s *cli.Session, a *app.App, h publishers.Held, all []letInRow) ([]letInRow, error) {
	q := insight.LetInRequest{
		Repository: h.Project.Repository.Name, Project: h.Project.Name.String(), Publisher: c.ID,
	}
	view := insight.New(a.Registry)
	for left := c.Last; left > 0; {
		q.Limit = min(left, insight.MaxLetIn)
		got, err := view.LetIn(s.Ctx, a.Operator, q)
		if err != nil {
			return nil, err
		}
		for _, e := range got.Requests {
			e.Unlike, e.Files = terminal.NotNil(e.Unlike), terminal.NotNil(e.Files)
			all = append(all, letInRow{q.Repository, q.Project, e, got.Whole})
		}
		left -= len(got.Requests)
		if q.Before = got.Older; q.Before == "" {
			break
		}
	}
	return all, nil
}

// write writes the requests as text: one line, and below it what is unlike before, and the files.
func (c *publisherHistoryCmd) write(s *cli.Session, all []letInRow) {
	for _, x := range all {
		fmt.Fprintf(s.Out, "%s  %s  %s", terminal.Moment(x.At), x.Project, terminal.Printable(cmp.Or(x.Workload, "-")))
		for _, part := range []struct{ before, value string }{
			{" at ", x.Ref}, {", started by ", x.Event}, {", ", x.Run}, {" from ", x.Address},
		} {
			if part.value != "" {
				fmt.Fprint(s.Out, part.before+terminal.Printable(part.value))
			}
		}
		if x.ID == "" {
			fmt.Fprint(s.Out, " (the request is no longer recorded)")
		}
		fmt.Fprintln(s.Out)
		for _, m := range x.Unlike {
			fmt.Fprintf(s.Out, "  unlike before: %s\n", terminal.Printable(m.Text))
		}
		for _, f := range x.Files {
			fmt.Fprintf(s.Out, "  %-11s  %s  sha256 %s\n", f.State, terminal.Printable(f.Filename), f.SHA256)
		}
	}
	if len(all) == 0 {
		fmt.Fprintln(s.Errs, "no request is recorded, and no file came through it")
	}
}

type publisherRemoveCmd struct {
	ID         string      `arg:""`
	List       bool        `help:"List the files that came through it, without changing anything."`
	Yank       bool        `help:"Also yank the files that came through it." xor:"files"`
	Quarantine bool        `help:"Also put the files that came through it into quarantine." xor:"files"`
	Since      config.Span `placeholder:"AGE" help:"Only files of this period, for example 30d (default: all)."`
	Reason     string      `placeholder:"R" help:"Reason of the yank or the quarantine."`
	Names      string      `placeholder:"PREFIX" help:"Remove it only from these names of the repository (default: from every project and repository)."`
	inProject
	terminal.Listing
}

// removedPublisher is the result of a removal in JSON.
type removedPublisher struct {
	ID       string        `json:"id"`
	Projects []string      `json:"removed_from"`
	DryRun   bool          `json:"dry_run"`
	Files    []throughFile `json:"files"`    // with --list
	Selected int           `json:"selected"` // files that came through the publisher in the period
	SetAside int           `json:"set_aside"`
}

// throughFile is a file that came through a publisher.
type throughFile struct {
	Repository string            `json:"repository"`
	Project    string            `json:"project"`
	Version    string            `json:"version"`
	Filename   string            `json:"filename"`
	SHA256     string            `json:"sha256"`
	Uploaded   terminal.Moment   `json:"uploaded"`
	State      insight.FileState `json:"state"`
}

// Run removes the publisher or pending publisher, and sets aside what came through it.
func (c *publisherRemoveCmd) Run(s *cli.Session) error {
	then := catalog.KeepFiles
	switch {
	case c.Yank:
		then = catalog.YankFiles
	case c.Quarantine:
		then = catalog.QuarantineFiles
	case c.Since > 0 && !c.List, c.Reason != "":
		return fault.New(fault.Invalid, "--since and --reason need --yank or --quarantine")
	}
	if c.Names != "" && (c.List || c.Project != "" || then != catalog.KeepFiles) {
		return fault.New(fault.Invalid,
			"--names removes a publisher from names of a repository and leaves their files: index lockout publisher sets those aside")
	}
	return s.With(func(a *app.App) error {
		if c.List {
			return c.list(s, a)
		}
		if c.Names != "" {
			return a.Registry.RemoveFromRepository(s.Ctx, a.Operator, c.ID, c.Repository, c.Names)
		}
		q := publishers.Removal{ID: c.ID, Project: c.Project, Files: then, Reason: c.Reason}
		if c.Project != "" {
			q.Repository = c.Repository
		}
		if c.Since > 0 {
			q.From = time.Now().Add(-time.Duration(c.Since))
		}
		got, err := a.Registry.RemoveWith(s.Ctx, a.Operator, q)
		if err != nil {
			return err
		}
		if c.JSON {
			return terminal.WriteJSON(s.Out, removedPublisher{
				c.ID, terminal.NotNil(got.Projects), false, []throughFile{}, got.Selected, got.SetAside,
			})
		}
		if then != catalog.KeepFiles {
			done := map[catalog.SetAside]string{
				catalog.YankFiles: "yanked", catalog.QuarantineFiles: "put into quarantine",
			}[then]
			fmt.Fprintf(s.Out, "%s: %d of %d files that came through it\n", done, got.SetAside, got.Selected)
		}
		return nil
	})
}

// list lists the files that came through the publisher.
func (c *publisherRemoveCmd) list(s *cli.Session, a *app.App) error {
	held, err := c.of(s, a, c.ID)
	if err != nil {
		return err
	}
	out := removedPublisher{ID: c.ID, Projects: []string{}, DryRun: true}
	more := false
	for _, h := range held {
		repository, project := h.Project.Repository.Name, h.Project.Name.String()
		got, err := a.Registry.Through(s.Ctx, a.Operator, repository, project, c.ID, catalog.MaxUploads)
		if err != nil {
			return err
		}
		more = more || got.More
		if h.Attached {
			out.Projects = append(out.Projects, project)
		}
		for _, f := range got.Files {
			if c.Since > 0 && time.Since(f.UploadedAt) > time.Duration(c.Since) {
				continue
			}
			out.Files = append(out.Files, throughFile{
				repository, project, f.Version, f.Filename, f.SHA256, terminal.Moment(f.UploadedAt), insight.StateOf(f),
			})
		}
	}
	out.Files, out.Selected = terminal.NotNil(out.Files), len(out.Files)
	var rows [][]string
	for _, f := range out.Files {
		rows = append(rows,
			[]string{f.Filename, f.Repository + "/" + f.Project, f.Version, f.Uploaded.String(), string(f.State)})
	}
	if !c.JSON && len(rows) == 0 {
		fmt.Fprintln(s.Errs, "no file came through it")
		return nil
	}
	err = c.Write(s.Out, out, []string{"FILE", "PROJECT", "VERSION", "UPLOADED", "STATE"}, rows)
	if err == nil && more && !c.JSON {
		fmt.Fprintln(s.Errs, "only the newest files are listed; --yank and --quarantine change all of them")
	}
	return err
}
