// Package holds has the commands about what people decide on held and denied files: exemptions, denials and pins.
package holds

import (
	"fmt"
	"strings"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/terminal"
)

// Exempt has the commands about exemptions from the holds of a repository.
type Exempt struct {
	Add      exemptAddCmd      `cmd:"" help:"Exempt the files that a project, a version or a file name has now from the holds of a repository. Later files are decided anew."`
	List     exemptListCmd     `cmd:"" help:"List the exemptions, with those that have ended."`
	Remove   exemptRemoveCmd   `cmd:"" help:"End an exemption. This takes effect on the next request."`
	Requests exemptRequestsCmd `cmd:"" help:"List the requests for exemptions, the open ones first."`
	Grant    exemptGrantCmd    `cmd:"" help:"Grant a request: exempt the files that it is about."`
	Refuse   exemptRefuseCmd   `cmd:"" help:"Refuse a request, with an answer."`
}

// lifetime is the flag for the lifetime of an exemption.
type lifetime struct {
	Expires *config.Span `placeholder:"14d" help:"Lifetime of the exemption, such as 24h or 30d: up to 180d (default: 14d)."`
}

func (l lifetime) get() (time.Duration, error) {
	if l.Expires == nil {
		return 0, nil
	}
	if *l.Expires == 0 {
		return 0, terminal.Misused(fmt.Errorf("--expires: an exemption must end: choose up to 180d"))
	}
	return time.Duration(*l.Expires), nil
}

type exemptAddCmd struct {
	Repository string `arg:""`
	Project    string `arg:"" help:"Project, or one version of it: PROJECT==VERSION."`
	File       string `placeholder:"F" help:"Exempt only the file of this name."`
	Reason     string `required:"" placeholder:"R" help:"Reason. It is shown with the exemption."`
	lifetime
	terminal.Listing
}

type exemptionRow struct {
	ID         string          `json:"id"`
	Repository string          `json:"repository"`
	Project    string          `json:"project"`
	Version    string          `json:"version,omitempty"`
	Filename   string          `json:"filename,omitempty"`
	Files      int             `json:"files"`
	Reason     string          `json:"reason"`
	By         string          `json:"by"`
	Since      terminal.Moment `json:"since"`
	Until      terminal.Moment `json:"until"`
	Ended      terminal.Moment `json:"ended"` // early
	EndedBy    string          `json:"ended_by,omitempty"`
	Request    string          `json:"request,omitempty"`
	State      string          `json:"state"` // "in force", "ended" or "expired"
}

func exemptionOf(e holds.Exemption) exemptionRow {
	state := "in force"
	switch {
	case !e.EndedAt.IsZero():
		state = "ended"
	case !e.InForce(time.Now()):
		state = "expired"
	}
	return exemptionRow{
		ID: e.ID, Repository: e.Repository, Project: e.Project, Version: e.Version, Filename: e.Filename, Files: e.Covers,
		Reason: e.Reason, By: e.By.Name, Since: terminal.Moment(e.Since), Until: terminal.Moment(e.EndsAt),
		Ended: terminal.Moment(e.EndedAt), EndedBy: e.EndedBy.Name, Request: e.RequestID, State: state,
	}
}

// Run exempts the files.
func (c *exemptAddCmd) Run(s *cli.Session) error {
	t, err := holds.ParseTarget(c.Project, c.File)
	if err != nil {
		return err
	}
	last, err := c.get()
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		e, err := a.Holds.Exempt(s.Ctx, a.Operator, holds.NewExemption{
			Repository: c.Repository, Target: t, Reason: c.Reason, For: last,
		})
		if err != nil {
			return err
		}
		return c.Report(s.Out, exemptionOf(e), exemptedText(e))
	})
}

func exemptedText(e holds.Exemption) string {
	return fmt.Sprintf("%s (%s) is exempt from the holds of repository %s until %s; id %s",
		e.Target(), terminal.Plural(int64(e.Covers), "file"), e.Repository,
		terminal.Moment(e.EndsAt), e.ID)
}

type exemptListCmd struct {
	Repository string `arg:"" optional:"" help:"Repository (default: all)."`
	terminal.Listing
}

// Run lists the exemptions.
func (c *exemptListCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := a.Holds.Exemptions(s.Ctx, a.Operator, c.Repository)
		if err != nil {
			return err
		}
		list, rows := []exemptionRow{}, [][]string{}
		for _, e := range all {
			r := exemptionOf(e)
			list = append(list, r)
			rows = append(rows, []string{
				r.ID, r.Repository, e.Target(), fmt.Sprint(r.Files), r.State, r.Until.String(),
				terminal.Dash(r.By), terminal.Printable(r.Reason),
			})
		}
		return c.Write(s.Out, list, []string{"ID", "REPOSITORY", "FOR", "FILES", "STATE", "UNTIL", "BY", "REASON"}, rows)
	})
}

type exemptRemoveCmd struct {
	ID string `arg:"" name:"id" help:"ID of the exemption; index exempt list shows it."`
	terminal.Listing
}

// Run ends the exemption.
func (c *exemptRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		e, err := a.Holds.EndExemption(s.Ctx, a.Operator, c.ID)
		if err != nil {
			return err
		}
		return c.Report(s.Out, exemptionOf(e), fmt.Sprintf("%s is no longer exempt from the holds of repository %s by this exemption",
			e.Target(), e.Repository))
	})
}

type exemptRequestsCmd struct {
	Repository string `arg:"" optional:"" help:"Repository (default: all)."`
	terminal.Listing
}

type requestRow struct {
	ID         string          `json:"id"`
	Repository string          `json:"repository"`
	Project    string          `json:"project"`
	Version    string          `json:"version,omitempty"`
	Filename   string          `json:"filename,omitempty"`
	Reason     string          `json:"reason"`
	By         string          `json:"by"`
	At         terminal.Moment `json:"at"`
	State      string          `json:"state"` // "open", "granted" or "refused"
	Decided    terminal.Moment `json:"decided"`
	DecidedBy  string          `json:"decided_by,omitempty"`
	Answer     string          `json:"answer,omitempty"`
	Exemption  string          `json:"exemption,omitempty"`

	Present []presentRow `json:"present,omitempty"` // of an open request
}

// presentRow is what is decided now about files of an open request.
type presentRow struct {
	State  string          `json:"state"` // "served", "held" or "denied"
	Rule   string          `json:"rule,omitempty"`
	Detail string          `json:"detail,omitempty"`
	Until  terminal.Moment `json:"until"`
	Text   string          `json:"text"`
}

// presentOf returns what is decided now about the files of an open request, with one text about all of them.
func presentOf(s *cli.Session, a *app.App, q holds.Request) (out []presentRow, text string) {
	if q.State != holds.Open {
		return nil, "-"
	}
	all, err := a.Holds.Present(s.Ctx, a.Operator, q)
	if err != nil {
		return nil, "not known: " + fault.Message(err)
	}
	texts := make([]string, 0, len(all))
	for _, d := range all {
		row := presentRow{
			State: d.Verdict.String(), Rule: string(d.Rule), Detail: d.Detail, Until: terminal.Moment(d.Until),
			Text: d.Text(),
		}
		out, texts = append(out, row), append(texts, row.Text)
	}
	return out, terminal.Printable(strings.Join(texts, "; "))
}

func requestOf(r holds.Request) requestRow {
	return requestRow{
		ID: r.ID, Repository: r.Repository, Project: r.Project, Version: r.Version, Filename: r.Filename, Reason: r.Reason,
		By: r.By.Name, At: terminal.Moment(r.At), State: string(r.State), Decided: terminal.Moment(r.DecidedAt),
		DecidedBy: r.DecidedBy.Name, Answer: r.Answer, Exemption: r.ExemptionID,
	}
}

// Run lists the requests.
func (c *exemptRequestsCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, err := a.Holds.Requests(s.Ctx, a.Operator, c.Repository)
		if err != nil {
			return err
		}
		list, rows := []requestRow{}, [][]string{}
		for _, q := range all {
			r := requestOf(q)
			var now string
			r.Present, now = presentOf(s, a, q)
			list = append(list, r)
			rows = append(rows, []string{
				r.ID, r.Repository, q.Target(), r.State, r.At.String(), terminal.Dash(r.By), now,
				terminal.Printable(strings.TrimSpace(r.Reason)),
			})
		}
		return c.Write(s.Out, list, []string{"ID", "REPOSITORY", "FOR", "STATE", "ASKED", "BY", "NOW", "REASON"}, rows)
	})
}

type exemptGrantCmd struct {
	ID string `arg:"" name:"id" help:"ID of the request; index exempt requests shows it."`
	lifetime
	terminal.Listing
}

// Run grants the request.
func (c *exemptGrantCmd) Run(s *cli.Session) error {
	last, err := c.get()
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		e, err := a.Holds.Grant(s.Ctx, a.Operator, c.ID, last)
		if err != nil {
			return err
		}
		return c.Report(s.Out, exemptionOf(e), exemptedText(e))
	})
}

type exemptRefuseCmd struct {
	ID     string `arg:"" name:"id" help:"ID of the request; index exempt requests shows it."`
	Answer string `required:"" placeholder:"TEXT" help:"Answer. The person who asked can read it."`
	terminal.Listing
}

// Run refuses the request.
func (c *exemptRefuseCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		q, err := a.Holds.Refuse(s.Ctx, a.Operator, c.ID, c.Answer)
		if err != nil {
			return err
		}
		return c.Report(s.Out, requestOf(q), fmt.Sprintf("the request of %s for %s was refused", terminal.Dash(q.By.Name),
			q.Target()))
	})
}
