package projects

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/downloads"
	"pyindex/internal/holds"
	"pyindex/internal/span"
	"pyindex/internal/terminal"
)

// maxEntries is the number of entries of the record that one command reads, which are those of a file, caller and day.
const maxEntries = 100_000

type projectDownloadsCmd struct {
	Project    string      `arg:"" help:"Project of this index or of an upstream, or one version of it: PROJECT==VERSION."`
	Repository string      `placeholder:"NAME" help:"Only downloads through this repository (default: all)."`
	Since      config.Span `default:"400d" placeholder:"400d" help:"Only callers that downloaded within this time (default: 400d, as long as downloads are recorded)."`
	terminal.Listing
}

// downloaderRow is a caller with its downloads of one version.
type downloaderRow struct {
	Kind       string          `json:"kind"` // "" for anonymous callers
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Repository string          `json:"repository"`
	Upstream   string          `json:"upstream"` // "" for a project of this index
	Version    string          `json:"version"`
	Files      []string        `json:"files"`
	Downloads  int64           `json:"downloads"`
	First      terminal.Moment `json:"first"`
	Last       terminal.Moment `json:"last"`
}

// Run lists the callers, the latest first.
func (c *projectDownloadsCmd) Run(s *cli.Session) error {
	about, err := holds.ParseTarget(c.Project, "")
	if err != nil {
		return terminal.Misused(err)
	}
	if time.Duration(c.Since) > downloads.Keep {
		return terminal.Misused(fmt.Errorf("--since: downloads are recorded for %s", span.Text(downloads.Keep)))
	}
	return s.With(func(a *app.App) error {
		all, err := a.Downloads.Readers(s.Ctx, a.Operator, downloads.Filter{
			Project: about.Project.String(), Since: time.Now().Add(-time.Duration(c.Since)), Limit: maxEntries,
		})
		if err != nil {
			return err
		}
		if len(all) == maxEntries {
			fmt.Fprintf(s.Errs, "These are only the latest of %s: there are too many to list all.\n", about.Project)
		}
		return c.write(s, c.gather(all, about))
	})
}

// gather adds up the entries of each caller and version, the latest first.
func (c *projectDownloadsCmd) gather(all []downloads.Reader, about holds.Target) (out []downloaderRow) {
	at := map[[5]string]int{}
	for _, r := range all {
		if c.Repository != "" && r.Repository != c.Repository ||
			!about.Version.IsZero() && !catalog.SameVersion(r.Version, about.Version.String()) {
			continue
		}
		key := [5]string{r.Kind, r.ID, r.Repository, r.Upstream, r.Version}
		i, known := at[key]
		if !known {
			i, at[key] = len(out), len(out)
			out = append(out, downloaderRow{
				Kind: r.Kind, ID: r.ID, Name: r.Name, Repository: r.Repository, Upstream: r.Upstream, Version: r.Version,
				First: terminal.Moment(r.First), Last: terminal.Moment(r.Last),
			})
		}
		out[i].add(r)
	}
	slices.SortStableFunc(out, func(a, b downloaderRow) int {
		return cmp.Or(time.Time(b.Last).Compare(time.Time(a.Last)), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// add adds an entry of the same caller and version.
func (d *downloaderRow) add(r downloads.Reader) {
	if !slices.Contains(d.Files, r.Filename) {
		d.Files = append(d.Files, r.Filename)
	}
	d.Downloads += r.Count
	if r.First.Before(time.Time(d.First)) {
		d.First = terminal.Moment(r.First)
	}
	if r.Last.After(time.Time(d.Last)) {
		d.Last = terminal.Moment(r.Last)
	}
}

func (c *projectDownloadsCmd) write(s *cli.Session, found []downloaderRow) error {
	if found == nil {
		found = []downloaderRow{}
	}
	if len(found) == 0 && !c.JSON {
		_, err := fmt.Fprintf(s.Out, "no downloads of %s are recorded in the last %s\n", c.Project,
			span.Text(time.Duration(c.Since)))
		return err
	}
	rows := make([][]string, 0, len(found))
	for _, d := range found {
		name := d.Name
		if d.Kind == "" {
			name = "anonymous callers"
		}
		rows = append(rows, []string{
			terminal.Printable(name), d.Kind, d.Version, d.Repository, fmt.Sprint(d.Downloads), d.First.String(),
			d.Last.String(),
		})
	}
	return c.Write(s.Out, found, []string{"CALLER", "KIND", "VERSION", "REPOSITORY", "DOWNLOADS", "FIRST", "LAST"}, rows)
}
