package projects

import (
	"bufio"
	"fmt"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Origin has the commands about the owners of names: this index or an upstream.
type Origin struct {
	Show       originShowCmd       `cmd:"" help:"Explain whether a name belongs to this index or to an upstream."`
	Set        originSetCmd        `cmd:"" help:"Decide that a name belongs to this index, to an upstream, or to both, in one repository."`
	Collisions originCollisionsCmd `cmd:"" help:"List this index's own names that are on an upstream's list of names too. No upstream is asked about a name."`
}

type originShowCmd struct {
	Repository string `arg:""`
	Project    string `arg:""`
	terminal.Listing
}

type originRow struct {
	Repository string          `json:"repository"`
	Project    string          `json:"project"`
	Origin     string          `json:"origin"` // "own", "upstream", "both", "adopted", or "" if nobody has used the name
	Upstream   string          `json:"upstream,omitempty"`
	Private    bool            `json:"private,omitempty"`  // the upstream is a private one
	Reserved   bool            `json:"reserved,omitempty"` // the name has an empty page although there is no project
	Versions   string          `json:"versions,omitempty"` // that may be uploaded, if the origin is both
	Since      terminal.Moment `json:"since"`
	By         string          `json:"by,omitempty"`
	Why        string          `json:"why,omitempty"`
	Decision   *rulingRow      `json:"decision,omitempty"`
	Until      terminal.Moment `json:"until"`    // when a reservation ends
	Projects   []string        `json:"projects"` // repositories that have the project
	Listed     string          `json:"listed,omitempty"`
	Compared   bool            `json:"compared"` // whether all upstreams have a list that the name was compared with
}

type rulingRow struct {
	Origin string          `json:"origin"`
	Since  terminal.Moment `json:"since"`
	By     string          `json:"by,omitempty"`
	Reason string          `json:"reason"`
}

// Run explains the origin.
func (c *originShowCmd) Run(s *cli.Session) error {
	name, err := packaging.ParseProjectName(c.Project)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		o, err := a.Index.Origin(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return err
		}
		r := originRow{
			Repository: o.Repository.Name, Project: name.String(), Origin: string(o.Origin), Upstream: o.Upstream,
			Private: o.Private, Reserved: o.Reserved, Versions: o.Versions, Since: terminal.Moment(o.Ownership.Name.Since),
			By: o.Ownership.Name.By.Name, Why: o.Ownership.Name.Why, Until: terminal.Moment(o.Until),
			Projects: []string{}, Listed: o.Compared.By, Compared: !o.Compared.Unknown,
		}
		for _, p := range o.Projects {
			r.Projects = append(r.Projects, p.Repository.Name)
		}
		if d := o.Ruling; d.Origin != "" {
			r.Decision = &rulingRow{string(d.Origin), terminal.Moment(d.Since), d.By.Name, d.Why}
		}
		return c.Report(s.Out, r, strings.Join(originLines(o), "\n"))
	})
}

// originLines describes an origin, a fact on each line.
func originLines(o catalog.OriginReport) (lines []string) {
	say := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	say("%s in repository %s: %s", o.Name, o.Repository.Name, originText(o.Ownership))
	if d := o.Ruling; d.Origin != "" {
		say("  decided on %s by %s: %s", terminal.Moment(d.Since), terminal.Dash(d.By.Name), terminal.Printable(d.Why))
	}
	if n := o.Ownership.Name; !n.Since.IsZero() {
		say("  known since %s: %s", terminal.Moment(n.Since), whyText(n))
	}
	for _, r := range o.Reservations {
		until := ""
		if !r.EndsAt.IsZero() {
			until = " until " + terminal.Moment(r.EndsAt).String()
		}
		if r.Why == catalog.ReservedByPending {
			say("  reserved for a pending publisher%s", until)
		} else {
			say("  reserved by %s%s: %s", r.Text(), until, terminal.Printable(r.Reason))
		}
	}
	for _, p := range o.Projects {
		say("  repository %s has the project", p.Repository.Name)
	}
	switch {
	case o.Compared.By != "":
		say("  the name is on the list of names of the upstream %s", o.Compared.By)
	case o.Compared.Unknown:
		say("  not every upstream has a list of names, so the name was not compared with all of them")
	}
	return lines
}

func originText(o catalog.Ownership) string {
	from := "an upstream"
	if o.Upstream != "" {
		from = "the upstream " + o.Upstream
	}
	switch o.Origin {
	case catalog.Own:
		return "own; no upstream is asked about it"
	case catalog.Foreign:
		return "it belongs to " + from + "; nothing can be uploaded to it"
	case catalog.Both:
		some := "local versions"
		if o.Versions != "" {
			some = "versions " + o.Versions
		}
		return "both: it is read from " + from + ", and " + some + " can be uploaded"
	case catalog.Adopted:
		return "adopted: the files that were copied from " + from + " are offered, and nothing else"
	}
	return "nobody has used the name"
}

func whyText(n catalog.Name) string {
	switch n.Why {
	case catalog.WhyProject:
		return "a project of that name was created"
	case catalog.WhyRuling:
		return "an administrator made it own"
	case catalog.WhyUpstream:
		return "the upstream " + n.Upstream + " answered for it first"
	case catalog.WhyPrivate:
		return "the private upstream " + n.Upstream + " has it"
	}
	return n.Why
}

type originSetCmd struct {
	Repository string `arg:""`
	Project    string `arg:""`
	Origin     string `arg:"" enum:"own,upstream,both" help:"Origin: own, for the whole index; upstream, to free the name for this repository; or both, for own versions beside those of the upstream."`
	Reason     string `required:"" placeholder:"R" help:"Reason. The people who manage the project can read it, and for both everyone who can read the project."`
	Versions   string `placeholder:"SPEC" help:"With both: the versions that may be uploaded, such as \">=2.0,<3\" (default: local versions only, such as 1.26.4+acme.1)."`
	Yes        bool   `short:"y" help:"Do not ask for confirmation."`
	terminal.Listing
}

// BothWarning says what own versions of a name beside those of an upstream do to the people who use it.
const BothWarning = `The first local version of a name affects everyone who installs it through this repository:
  - "uv lock" and "pipenv lock" move existing locks to it;
  - "uv pip install --require-hashes" stops for everyone who pins the public version;
  - pdm installs it under the number of the public version.`

// Run decides the origin. It asks before both, because that affects everyone who uses the name.
func (c *originSetCmd) Run(s *cli.Session) error {
	name, err := packaging.ParseProjectName(c.Project)
	if err != nil {
		return err
	}
	if catalog.Origin(c.Origin) == catalog.Both && !c.Yes {
		fmt.Fprintf(s.Errs, "%s\nType %s to continue: ", BothWarning, c.Project)
		line, _ := bufio.NewReader(s.In).ReadString('\n')
		if strings.TrimSpace(line) != c.Project {
			fmt.Fprintln(s.Errs)
			return fault.New(fault.Invalid, "nothing was changed: type the project's name, or use --yes")
		}
	}
	return s.With(func(a *app.App) error {
		err := a.Index.SetOrigin(s.Ctx, a.Operator, catalog.NewRuling{
			Repository: c.Repository, Name: name, Origin: catalog.Origin(c.Origin), Versions: c.Versions, Reason: c.Reason,
		})
		if err != nil {
			return err
		}
		o, err := a.Index.Origin(s.Ctx, a.Operator, c.Repository, name)
		if err != nil {
			return err
		}
		_, missing := a.Index.Project(s.Ctx, a.Operator, c.Repository, name)
		if o.Origin == catalog.Own && fault.Is(missing, fault.NotFound) {
			fmt.Fprintf(s.Errs,
				"note: no upstream is asked for %s now, so installers find nothing until a release is uploaded\n",
				name)
		}
		return c.Report(s.Out, struct {
			Repository string `json:"repository"`
			Project    string `json:"project"`
			Origin     string `json:"origin"`
			Versions   string `json:"versions,omitempty"`
		}{o.Repository.Name, name.String(), string(o.Origin), o.Versions},
			fmt.Sprintf("%s in repository %s: %s", name, o.Repository.Name, originText(o.Ownership)))
	})
}

type originCollisionsCmd struct {
	Repository string `arg:""`
	terminal.Listing
}

type collisionRow struct {
	Project    string `json:"project"`
	Upstream   string `json:"upstream"`
	Repository string `json:"repository,omitempty"` // that has the project
	Decision   string `json:"decision,omitempty"`   // "own", "upstream" or "both"
}

// Run lists the collisions.
func (c *originCollisionsCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		all, known, err := a.Index.Collisions(s.Ctx, a.Operator, c.Repository)
		if err != nil {
			return err
		}
		list, rows := []collisionRow{}, [][]string{}
		for _, one := range all {
			r := collisionRow{one.Name.String(), one.Upstream, one.Repository, string(one.Ruling)}
			list = append(list, r)
			rows = append(rows, []string{r.Project, r.Upstream, r.Repository, r.Decision})
		}
		if err := c.Write(s.Out, list, []string{"NAME", "UPSTREAM", "REPOSITORY", "DECISION"}, rows); err != nil {
			return err
		}
		if !known {
			fmt.Fprintln(s.Errs, "note: not every upstream has a list of names, so the names were not compared with all of them")
		}
		return nil
	})
}
