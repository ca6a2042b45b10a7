package upstreams

import (
	"fmt"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/client"
	"pyindex/internal/version"
)

type checkCmd struct {
	Name    string `arg:""`
	Project string `placeholder:"P" help:"Project whose page and files are the sample (default: the probe of a private upstream)."`
	terminal.Listing
}

// Run asks the upstream and prints what it offers.
func (c *checkCmd) Run(s *cli.Session) error {
	var project packaging.ProjectName
	if c.Project != "" {
		var err error
		if project, err = packaging.ParseProjectName(c.Project); err != nil {
			return err
		}
	}
	if s.Config.Offline {
		return fault.New(fault.Invalid, "offline: no upstream is asked while this is set")
	}
	return s.With(func(a *app.App) error {
		u, err := a.Upstreams.Show(s.Ctx, a.Operator, c.Name)
		if err != nil {
			return err
		}
		if err := mayAsk(s, a, u, project); err != nil {
			return err
		}
		instance, err := a.DB.Instance(s.Ctx)
		if err != nil {
			return err
		}
		timeout := time.Duration(s.Config.UpstreamTimeout)
		asking := client.New(client.Options{
			Version: version.Read().Version, Instance: instance, FirstByte: timeout, Stall: timeout,
		})
		report := asking.Check(s.Ctx, u.Upstream, project)
		if c.JSON {
			err = terminal.WriteJSON(s.Out, report)
		} else {
			printReport(s, report)
		}
		if err == nil && !report.Usable {
			return fmt.Errorf("upstream %s cannot be used as it is configured", u.Name)
		}
		return err
	})
}

// mayAsk returns an error if a project must not be asked of an upstream: one of this index, and one that the settings
// of the upstream exclude.
func mayAsk(s *cli.Session, a *app.App, u upstream.Listed, name packaging.ProjectName) error {
	if name.IsZero() {
		return nil
	}
	if !u.MayAsk(name) {
		return fault.New(fault.Invalid, "%s may not be asked for %s: see its settings names, allow and deny", u.Name, name)
	}
	at, err := a.Index.Stamp(s.Ctx)
	if err != nil {
		return err
	}
	main, err := a.Index.RepositoryAt(s.Ctx, a.Operator, at, catalog.MainRepository)
	if err != nil {
		return err
	}
	o, err := a.Index.OriginOf(s.Ctx, at, []string{main.ID}, name)
	if err != nil {
		return err
	}
	if o.Origin == catalog.Own || o.Origin == catalog.Adopted {
		return fault.New(fault.Invalid,
			"%s is a name of this index, about which no upstream is asked: choose another project",
			name)
	}
	return nil
}

func printReport(s *cli.Session, r client.Report) {
	about := ""
	if r.Project != "" {
		about = ", with the project " + r.Project
	}
	fmt.Fprintf(s.Out, "%s at %s%s\n", r.Upstream, r.URL, about)
	for _, f := range r.Findings {
		fmt.Fprintf(s.Out, "%-8s %s: %s\n", f.Result, f.Subject, terminal.Printable(f.Detail))
	}
}
