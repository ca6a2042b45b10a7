package publishing

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/terminal"
	"pyindex/internal/workload/ciconfig"
)

type publisherWorkflowCmd struct {
	Project string `required:"" placeholder:"P" help:"The project that is published."`
	ID      string `arg:"" optional:"" help:"Which of its publishers (default: the only one, or the newest)."`
	With    string `placeholder:"WORD" help:"Which alternative, as action, uv or twine (default: the usual one)."`
}

// Run prints the file on standard output, and on standard error where it goes and what else is to be done.
func (c *publisherWorkflowCmd) Run(s *cli.Session) error {
	base := s.Config.BaseURL.URL
	if base == nil {
		return fault.New(fault.Invalid,
			"base_url is not set: the file names the address of this index, so say it in the settings or with --base-url")
	}
	return s.With(func(a *app.App) error {
		list, err := a.Registry.List(s.Ctx, a.Operator, c.Project)
		if err != nil {
			return err
		}
		p, err := c.choose(list)
		if err != nil {
			return err
		}
		t := ciconfig.Target{BaseURL: base.String(), Repository: p.Repository, Project: p.Project}
		for _, i := range s.Config.Issuers(base) {
			if i.Provider == p.Provider && i.URL == p.Issuer {
				t.Audience = i.Audience
			}
		}
		t.Audience = cmp.Or(t.Audience, config.Audience(base))
		return c.write(s, ciconfig.For(t, p.Provider, p.Issuer, p.Fields))
	})
}

func (c *publisherWorkflowCmd) choose(list []publishers.Listed) (publishers.Listed, error) {
	if len(list) == 0 {
		return publishers.Listed{}, fault.New(fault.NotFound, "project %.100s has no publisher: add one first", c.Project)
	}
	if c.ID == "" {
		return slices.MaxFunc(list, func(a, b publishers.Listed) int { return a.AddedAt.Compare(b.AddedAt) }), nil
	}
	i := slices.IndexFunc(list, func(p publishers.Listed) bool { return p.ID == c.ID })
	if i < 0 {
		return publishers.Listed{}, fault.New(fault.NotFound, "project %.100s has no publisher %.80q", c.Project, c.ID)
	}
	return list[i], nil
}

func (c *publisherWorkflowCmd) write(s *cli.Session, g ciconfig.Guide) error {
	if len(g.Files) > 0 {
		f, err := alternative(g.Files, c.With)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(s.Out, f.Text); err != nil {
			return err
		}
		if f.Calls != nil {
			fmt.Fprintf(s.Errs, "%s, %s:\n", f.Calls.Title, terminal.Printable(f.Calls.Path))
			for line := range strings.SplitSeq(f.Calls.Text, "\n") {
				fmt.Fprintln(s.Errs, terminal.Printable(line))
			}
		}
	}
	for i, step := range g.Steps {
		fmt.Fprintf(s.Errs, "%d. %s\n", i+1, terminal.Printable(step))
	}
	return nil
}

func alternative(files []ciconfig.File, key string) (ciconfig.File, error) {
	var keys []string
	for _, f := range files {
		if key == "" || f.Key == key {
			return f, nil
		}
		keys = append(keys, f.Key)
	}
	return ciconfig.File{},
		fault.New(fault.Invalid, "there is no such file %.40q for this publisher: choose %s", key, strings.Join(keys, " or "))
}
