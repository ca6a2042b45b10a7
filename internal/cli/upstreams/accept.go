package upstreams

import (
	"fmt"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/terminal"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
)

type acceptCmd struct {
	Name       string `arg:"" help:"Name of the upstream."`
	Filename   string `arg:"" help:"Name of the file."`
	SHA256     string `name:"sha256" required:"" placeholder:"HEX" help:"Digest of the new content, as the audit log and index explain show it."`
	Reason     string `required:"" placeholder:"R" help:"Why the other content is right. It is recorded in the audit log."`
	Repository string `default:"main" help:"Repository that draws on the upstream."`
	terminal.Listing
}

// accepted is the result of the command in JSON.
type accepted struct {
	Upstream string `json:"upstream"`
	Filename string `json:"filename"`
	SHA256   string `json:"sha256"`
}

// Run makes another digest that of a file from now on.
func (c *acceptCmd) Run(s *cli.Session) error {
	return s.With(func(a *app.App) error {
		_, err := a.Upstreams.Show(s.Ctx, a.Operator, c.Name)
		if err != nil {
			return err
		}
		path, err := c.path(s, a)
		if err != nil {
			return err
		}
		k := files.Key{Upstream: c.Name, Path: path}
		if err := a.Files.Accept(s.Ctx, a.Operator, k, c.SHA256, c.Reason); err != nil {
			return err
		}
		text := fmt.Sprintf("%s of the upstream %s has the SHA-256 %s from now on", c.Filename, c.Name, c.SHA256)
		return c.Report(s.Out, accepted{c.Name, c.Filename, c.SHA256}, text)
	})
}

// path returns the path of the file on the page that the index holds.
func (c *acceptCmd) path(s *cli.Session, a *app.App) (string, error) {
	for _, name := range page.Projects(c.Filename) {
		path, err := c.pathIn(s, a, name)
		if path != "" || err != nil && !fault.Is(err, fault.NotFound) {
			return path, err
		}
	}
	return "", fault.New(fault.NotFound, "repository %s reads no file %s from the upstream %s", c.Repository, c.Filename,
		c.Name)
}

// pathIn returns the path of the file if it is one of a project, also if the repository holds or hides it, or "".
func (c *acceptCmd) pathIn(s *cli.Session, a *app.App, name packaging.ProjectName) (string, error) {
	all, err := a.Reader.Held(s.Ctx, a.Operator, c.Repository, name, resolve.Ask{})
	if err != nil {
		return "", err
	}
	for _, f := range all.Files {
		if f.Upstream != nil && f.Upstream.Name == c.Name && f.Filename == c.Filename {
			return f.Upstream.Path, nil
		}
	}
	return "", nil
}
