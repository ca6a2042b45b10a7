package holds

import (
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/downloads"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Deny has the commands about denied files.
type Deny struct {
	Add    denyAddCmd    `cmd:"" help:"Deny a project, a version, a file or content in all repositories: it cannot be downloaded, uploaded or imported."`
	List   denyListCmd   `cmd:"" help:"List the denials, and the files for which a denial was lifted."`
	Remove denyRemoveCmd `cmd:"" help:"Remove a denial, or deny a file again for which it was lifted."`
	Lift   denyLiftCmd   `cmd:"" help:"Lift the denial of one file, for the content that it has now."`
}

type denyAddCmd struct {
	Project string `arg:"" optional:"" help:"Project, or one version of it: PROJECT==VERSION. It can be left out with --sha256."`
	File    string `placeholder:"F" help:"Deny only the file of this name."`
	SHA256  string `name:"sha256" placeholder:"DIGEST" help:"Deny only content with this SHA-256 digest; without a project, in every project."`
	Reason  string `required:"" placeholder:"R" help:"Reason. Everyone who asks for the file can read it."`
	terminal.Listing
}

type rulingRow struct {
	ID       string          `json:"id"`
	Kind     string          `json:"kind"` // "deny", "lift" or "pin"
	Project  string          `json:"project,omitempty"`
	Version  string          `json:"version,omitempty"`
	Filename string          `json:"filename,omitempty"`
	SHA256   string          `json:"sha256,omitempty"`
	Reason   string          `json:"reason"`
	Since    terminal.Moment `json:"since"`
	By       string          `json:"by"`
}

func rulingOf(r holds.Ruling) rulingRow {
	return rulingRow{
		r.ID, string(r.Kind), r.Project, r.Version, r.Filename, r.SHA256, r.Reason, terminal.Moment(r.Since), r.By.Name,
	}
}

// what describes the files of a ruling.
func what(r holds.Ruling) string {
	text := r.Target()
	switch {
	case text == "":
		return "content " + r.SHA256
	case r.SHA256 != "":
		return text + " with content " + r.SHA256
	}
	return text
}

// Run denies the files.
func (c *denyAddCmd) Run(s *cli.Session) error {
	n := holds.NewDenial{SHA256: c.SHA256, Reason: c.Reason}
	switch {
	case c.Project != "":
		t, err := holds.ParseTarget(c.Project, c.File)
		if err != nil {
			return err
		}
		n.Target = t
	case c.File != "":
		return terminal.Misused(fmt.Errorf("--file: name the project of the file"))
	case c.SHA256 == "":
		return terminal.Misused(fmt.Errorf("name a project, or content with --sha256"))
	}
	return s.With(func(a *app.App) error {
		r, err := a.Holds.Deny(s.Ctx, a.Operator, n)
		if err != nil {
			return err
		}
		row := denialRow{rulingRow: rulingOf(r)}
		text := fmt.Sprintf("%s is denied in all repositories; id %s", what(r), r.ID)
		if r.Project != "" {
			text += row.reach(s, a, r)
		}
		return c.Report(s.Out, row, text)
	})
}

// denialRow is a new denial, with what it is about today.
type denialRow struct {
	rulingRow
	Files   *int `json:"files"`   // that this index knows; null if that is not known
	Callers int  `json:"callers"` // that downloaded files of the release, or of the project
}

// reach fills in what a denial is about today, and returns it in sentences.
func (d *denialRow) reach(s *cli.Session, a *app.App, r holds.Ruling) (text string) {
	switch n, err := a.Holds.Known(s.Ctx, a.Operator, r); {
	case err != nil:
		text = "\nwhether this index knows such a file could not be read: " + fault.Message(err)
	case n == 0:
		d.Files, text = &n, "\nthis index knows no such file today: the denial is for later ones, unless the name is wrong"
	default:
		d.Files = &n
	}
	callers, err := downloaders(s, a, r)
	pin := r.Project
	if r.Version != "" {
		pin += "==" + r.Version
	}
	switch d.Callers = callers; {
	case err != nil:
		return text + "\nthe record of downloads could not be read: " + fault.Message(err)
	case callers > 0:
		return text + fmt.Sprintf("\n%s downloaded %s already: index project downloads %s shows them",
			terminal.Plural(int64(callers), "caller"), pin, pin)
	}
	return text
}

// maxEntries is the number of entries of the record of downloads that are read.
const maxEntries = 100_000

// downloaders returns the number of callers that downloaded files of the release, or of the project, of a denial.
func downloaders(s *cli.Session, a *app.App, r holds.Ruling) (int, error) {
	all, err := a.Downloads.Readers(s.Ctx, a.Operator, downloads.Filter{Project: r.Project, Limit: maxEntries})
	seen := map[[2]string]bool{}
	for _, one := range all {
		if r.Version == "" || catalog.SameVersion(one.Version, r.Version) {
			seen[[2]string{one.Kind, one.ID}] = true
		}
	}
	return len(seen), err
}

type denyListCmd struct{ terminal.Listing }

// Run lists the denials.
func (c *denyListCmd) Run(s *cli.Session) error {
	return list(s, c.Listing, holds.KindDenial, holds.KindLift)
}

// list lists the rulings of some kinds.
func list(s *cli.Session, l terminal.Listing, kinds ...holds.Kind) error {
	return s.With(func(a *app.App) error {
		all, err := a.Holds.Rulings(s.Ctx, a.Operator, kinds...)
		if err != nil {
			return err
		}
		list, rows := []rulingRow{}, [][]string{}
		for _, one := range all {
			r := rulingOf(one)
			list = append(list, r)
			rows = append(rows, []string{
				r.ID, r.Kind, one.Target(), r.SHA256, r.Since.String(), terminal.Dash(r.By),
				terminal.Printable(r.Reason),
			})
		}
		return l.Write(s.Out, list, []string{"ID", "KIND", "FOR", "SHA256", "SINCE", "BY", "REASON"}, rows)
	})
}

type denyRemoveCmd struct {
	ID string `arg:"" name:"id" help:"ID of the denial; index deny list shows it."`
	terminal.Listing
}

// Run removes the denial.
func (c *denyRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		r, err := a.Holds.Undeny(s.Ctx, a.Operator, c.ID)
		if err != nil {
			return hinted(err, "index deny list")
		}
		row := rulingOf(r)
		text := what(r) + " is no longer denied by this decision"
		if r.Kind == holds.KindLift {
			text = what(r) + " is denied again if a denial covers it"
		}
		return c.Report(s.Out, row, text)
	})
}

// hinted adds the command that lists the ids to fault.NotFound.
func hinted(err error, command string) error {
	if fault.Is(err, fault.NotFound) {
		return fault.Wrap(fault.NotFound, err, "%s: %s shows the ids", fault.Message(err), command)
	}
	return err
}

type denyLiftCmd struct {
	Project string `arg:"" help:"Version of the file: PROJECT==VERSION."`
	File    string `required:"" placeholder:"F" help:"Name of the file."`
	SHA256  string `name:"sha256" placeholder:"DIGEST" help:"Refuse to lift the denial if the file has another SHA-256 digest."`
	Reason  string `required:"" placeholder:"R" help:"Reason."`
	cli.InRepository
	terminal.Listing
}

// Run lifts the denial.
func (c *denyLiftCmd) Run(s *cli.Session) error {
	t, err := holds.ParseTarget(c.Project, c.File)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		r, err := a.Holds.Lift(s.Ctx, a.Operator, holds.NewLift{
			Repository: c.Repository, Target: t, SHA256: c.SHA256, Reason: c.Reason,
		})
		if err != nil {
			return err
		}
		row := rulingOf(r)
		return c.Report(s.Out, row, fmt.Sprintf("%s is no longer denied in any repository; id %s", what(r), r.ID))
	})
}

// Pin has the commands about pinned files.
type Pin struct {
	Add    pinAddCmd    `cmd:"" help:"Deny a file of this name with any other content, in all repositories."`
	List   pinListCmd   `cmd:"" help:"List the pinned files."`
	Remove pinRemoveCmd `cmd:"" help:"Remove a pin."`
}

type pinAddCmd struct {
	Project string `arg:""`
	File    string `arg:"" help:"Name of the file."`
	SHA256  string `arg:"" name:"sha256" help:"SHA-256 digest that the file must have, in hex."`
	Reason  string `required:"" placeholder:"R" help:"Reason."`
	terminal.Listing
}

// Run pins the file.
func (c *pinAddCmd) Run(s *cli.Session) error {
	name, err := packaging.ParseProjectName(c.Project)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		r, err := a.Holds.Pin(s.Ctx, a.Operator, holds.NewPin{
			Project: name, Filename: c.File, SHA256: c.SHA256, Reason: c.Reason,
		})
		if err != nil {
			return err
		}
		return c.Report(s.Out, rulingOf(r), fmt.Sprintf("%s is pinned to %s in all repositories; id %s", r.Filename, r.SHA256, r.ID))
	})
}

type pinListCmd struct{ terminal.Listing }

// Run lists the pins.
func (c *pinListCmd) Run(s *cli.Session) error { return list(s, c.Listing, holds.KindPin) }

type pinRemoveCmd struct {
	ID string `arg:"" name:"id" help:"ID of the pin; index pin list shows it."`
	terminal.Listing
}

// Run removes the pin.
func (c *pinRemoveCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		r, err := a.Holds.Unpin(s.Ctx, a.Operator, c.ID)
		if err != nil {
			return hinted(err, "index pin list")
		}
		return c.Report(s.Out, rulingOf(r), r.Filename+" may have any content again")
	})
}
