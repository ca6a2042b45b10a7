package publishing

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/terminal"
	"pyindex/internal/workload/ciconfig"
)

type publisherWorkflowCmd struct {
	Project         string `required:"" xor:"place" placeholder:"P" help:"Project to publish."`
	Names           string `required:"" xor:"place" placeholder:"PREFIX" help:"Names that the publisher has in the repository, instead of a project."`
	IndexRepository string `default:"main" help:"Repository of the names in this index."`
	ID              string `arg:"" optional:"" help:"ID of the publisher (default: the newest of the project or the names)."`
	With            string `placeholder:"WORD" help:"Variant of the file, for example action, uv or twine (default: the recommended one)."`
	terminal.Listing
}

// workflowRow is a workflow in JSON: its files, and the steps in order.
type workflowRow struct {
	Files []workflowFile `json:"files"` // a second file calls the first one
	Steps []string       `json:"steps"`
}

type workflowFile struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Run prints the file to standard output. It prints the file's path and the other steps to standard error.
func (c *publisherWorkflowCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		base := s.Config.BaseURL.URL
		if base == nil && !s.Config.Addressed() && !config.Loopback(a.Base.Hostname()) {
			base = a.Base // of the running server
		}
		if base == nil {
			return fault.New(fault.Invalid,
				"base_url is not set: the file contains the URL of this index, so set it in the settings or with --base-url")
		}
		list, err := a.Registry.List(s.Ctx, a.Operator, c.Project)
		if err != nil {
			return err
		}
		if list, err = c.ofNames(list); err != nil {
			return err
		}
		p, err := c.choose(list)
		if err != nil {
			return err
		}
		warnUnserved(s, "publisher", p.ID, p.Unserved)
		if p.Names != "" {
			name, err := packaging.ParseProjectName(cmp.Or(c.Project, p.Names))
			if err != nil {
				return err
			}
			p.Project = name.String()
		}
		t := ciconfig.Target{
			BaseURL: base.String(), Repository: p.Repository, Project: p.Project,
			Audience: cmp.Or(a.Registry.Options().Audience, s.Config.Audience(base)),
			Accepts:  a.Registry.OwnAudience(p.Issuer),
		}
		return c.write(s, ciconfig.For(t, p.Provider, p.Issuer, p.Fields))
	})
}

// ofNames returns the publishers of the chosen names, or list unless names are chosen.
func (c *publisherWorkflowCmd) ofNames(list []publishers.Listed) ([]publishers.Listed, error) {
	if c.Names == "" {
		return list, nil
	}
	prefix, err := packaging.ParseNamePrefix(c.Names)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(p publishers.Listed) bool {
		return p.Names != prefix.String() || p.Repository != c.IndexRepository
	}), nil
}

func (c *publisherWorkflowCmd) choose(list []publishers.Listed) (publishers.Listed, error) {
	place := fmt.Sprintf("project %.100s has", c.Project)
	if c.Names != "" {
		place = fmt.Sprintf("the names %.100s of repository %.100s have", c.Names, c.IndexRepository)
	}
	if len(list) == 0 {
		return publishers.Listed{}, fault.New(fault.NotFound, "%s no publisher: add one first", place)
	}
	if c.ID == "" {
		return slices.MaxFunc(list, func(a, b publishers.Listed) int {
			// the project's own publishers before those of its repository, and of those the longest prefix
			return cmp.Or(cmp.Compare(narrowness(a), narrowness(b)), a.AddedAt.Compare(b.AddedAt))
		}), nil
	}
	i := slices.IndexFunc(list, func(p publishers.Listed) bool { return p.ID == c.ID })
	if i < 0 {
		return publishers.Listed{}, fault.New(fault.NotFound, "%s no publisher %.80q", place, c.ID)
	}
	return list[i], nil
}

// narrowness is larger for a publisher of fewer projects.
func narrowness(p publishers.Listed) int {
	if p.Names == "" {
		return math.MaxInt
	}
	return len(p.Names)
}

func (c *publisherWorkflowCmd) write(s *cli.Session, g ciconfig.Guide) error {
	if c.JSON {
		return c.writeJSON(s, g)
	}
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

func (c *publisherWorkflowCmd) writeJSON(s *cli.Session, g ciconfig.Guide) error {
	out := workflowRow{Files: []workflowFile{}, Steps: terminal.NotNil(g.Steps)}
	if len(g.Files) > 0 {
		f, err := alternative(g.Files, c.With)
		if err != nil {
			return err
		}
		out.Files = append(out.Files, workflowFile{f.Path, f.Text})
		if f.Calls != nil {
			out.Files = append(out.Files, workflowFile{f.Calls.Path, f.Calls.Text})
		}
	}
	return terminal.WriteJSON(s.Out, out)
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
		fault.New(fault.Invalid, "this publisher has no file variant %.40q: choose %s", key, strings.Join(keys, " or "))
}
