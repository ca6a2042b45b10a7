// Package feeds has the commands about feeds of advisories.
package feeds

import (
	"fmt"
	"strings"
	"time"

	"pyindex/internal/advisory"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/span"
	"pyindex/internal/terminal"
)

// Feed has the commands about feeds of advisories.
type Feed struct {
	Import importCmd `cmd:"" help:"Import advisories in the OSV format from a file, a folder or a zip file."`
	Fetch  fetchCmd  `cmd:"" help:"Read a feed of the configuration now."`
	Status statusCmd `cmd:"" help:"Show the feeds with their age and their records."`
	Remove removeCmd `cmd:"" help:"Remove a feed with its records."`
}

type importCmd struct {
	From  string `arg:"" placeholder:"PATH" help:"Folder with .json files, zip file with such members, or a file with one or more records."`
	Feed  string `default:"local" help:"Name of the feed, whose records are replaced. It is created if it does not exist."`
	Force bool   `help:"Import even if the feed loses more than half of its records."`
	terminal.Listing
}

// Run imports the records.
func (c *importCmd) Run(s *cli.Session) error {
	from, err := advisory.FromPath(c.From)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		out, err := a.Advisories.Import(s.Ctx, a.Operator, c.Feed, from, advisory.ImportOptions{
			From: terminal.Absolute(c.From), Force: c.Force,
		})
		for _, name := range out.BrokenNames {
			fmt.Fprintln(s.Errs, "warning: cannot read "+terminal.Printable(name))
		}
		if err != nil {
			return err
		}
		return c.Report(s.Out, out, Sentence(out))
	})
}

// Sentence returns the outcome of an import for people.
func Sentence(out advisory.Imported) string {
	text := fmt.Sprintf("feed %s has %s, %d of them about malicious releases: %d added, %d changed, %d removed", out.Feed,
		records(out.Records), out.Malware, out.Added, out.Changed, out.Removed)
	if out.Broken > 0 {
		text += fmt.Sprintf("; %s cannot be read, so what was stated before is kept", records(out.Broken))
	}
	if out.Other > 0 {
		text += fmt.Sprintf("; %s about other packages left out", records(out.Other))
	}
	return text
}

func records(n int64) string {
	if n == 1 {
		return "1 record"
	}
	return fmt.Sprintf("%d records", n)
}

type fetchCmd struct {
	Name  string `arg:""`
	Force bool   `help:"Import even if the feed has not changed or loses more than half of its records."`
	terminal.Listing
}

// Run reads the feed.
func (c *fetchCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		if a.Config.Offline {
			return fault.New(fault.Invalid, "the index is offline, so feeds are not read: use index feed import")
		}
		if err := a.Advisories.Refresh(s.Ctx, a.Operator, c.Name, c.Force); err != nil {
			return err
		}
		all, err := a.Advisories.Status(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		for _, f := range all {
			if f.Name == c.Name {
				return c.Report(s.Out, rowOf(f), fmt.Sprintf("feed %s has %s, %d of them about malicious releases", f.Name,
					records(f.Records), f.Malicious))
			}
		}
		return nil
	})
}

type statusCmd struct{ terminal.Listing }

// feedRow is a feed in JSON.
type feedRow struct {
	Name     string          `json:"name"`
	Source   string          `json:"source"` // "" for a feed that is imported by hand
	From     string          `json:"from"`   // of the records that count
	Declared bool            `json:"declared"`
	Records  int64           `json:"records"`
	Malware  int64           `json:"malware"`
	Broken   int64           `json:"broken"`
	Names    []string        `json:"broken_names"`
	Revision int64           `json:"revision"`
	Newest   terminal.Moment `json:"newest"`
	Changed  terminal.Moment `json:"changed"`
	Checked  terminal.Moment `json:"checked"`
	Age      *float64        `json:"age_seconds"` // since Checked; null if it was never read
	Old      bool            `json:"old"`
	Holds    bool            `json:"holds"`
	Failures int64           `json:"failures"`
	Problem  string          `json:"problem"`
	Every    string          `json:"every"`
	MaxAge   string          `json:"max_age"`
	WhenOld  string          `json:"when_old"`
	Denies   string          `json:"malware_action"`
}

func rowOf(f advisory.FeedStatus) feedRow {
	r := feedRow{
		Name: f.Name, Source: f.Source(), From: f.From, Declared: f.Declared, Records: f.Records, Malware: f.Malicious,
		Broken: f.Broken, Names: terminal.NotNil(f.BrokenNames), Revision: f.Revision, Newest: terminal.Moment(f.Newest),
		Changed: terminal.Moment(f.ImportedAt), Checked: terminal.Moment(f.CheckedAt), Old: f.Old, Holds: f.Holds,
		Failures: f.Failures, Problem: f.Problem, Every: span.Text(f.Every), MaxAge: span.Text(f.MaxAge),
		WhenOld: f.WhenOld, Denies: f.Feed.Malware,
	}
	if f.Age >= 0 {
		r.Age = new(f.Age.Seconds())
	}
	return r
}

// Run shows the feeds.
func (c *statusCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := a.Advisories.Status(s.Ctx, a.Operator)
		if err != nil {
			return err
		}
		list, rows := []feedRow{}, [][]string{}
		for _, f := range all {
			list = append(list, rowOf(f))
			source := f.Source()
			if source == "" {
				source = f.From
			}
			rows = append(rows, []string{
				f.Name, source, fmt.Sprint(f.Records), fmt.Sprint(f.Malicious), fmt.Sprint(f.Broken), age(f),
				strings.Join(notes(f), "; "),
			})
		}
		return c.Write(s.Out, list, []string{"NAME", "SOURCE", "RECORDS", "MALWARE", "UNREADABLE", "AGE", "NOTES"}, rows)
	})
}

func age(f advisory.FeedStatus) string {
	if f.Age < 0 {
		return "never read"
	}
	return f.Age.Truncate(time.Minute).String()
}

// notes are what an administrator should know about a feed.
func notes(f advisory.FeedStatus) (out []string) {
	switch {
	case f.Holds:
		out = append(out, "too old: files of upstreams are held")
	case f.Old:
		out = append(out, "too old")
	}
	if f.Busy {
		out = append(out, "being read")
	}
	if f.Problem != "" {
		out = append(out, fmt.Sprintf("failed %d times: %s", f.Failures, f.Problem))
	}
	if f.Feed.Malware == advisory.FlagMalware {
		out = append(out, "malware is flagged only")
	}
	if !f.Declared && f.Fetched() {
		out = append(out, "no longer in the configuration")
	}
	return out
}

type removeCmd struct {
	Name string `arg:""`
	terminal.Listing
}

// Run removes the feed.
func (c *removeCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		if err := a.Advisories.Remove(s.Ctx, a.Operator, c.Name); err != nil {
			return err
		}
		return c.Report(s.Out, struct {
			Name string `json:"name"`
		}{c.Name}, fmt.Sprintf("feed %s was removed", c.Name))
	})
}
