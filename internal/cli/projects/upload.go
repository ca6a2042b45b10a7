package projects

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/terminal"
)

// Upload adds files to the index.
type Upload struct {
	Files []string `arg:"" name:"file" help:"Wheels and source distributions."`
	cli.InRepository
	EvenIfPublic bool   `help:"Make the name of a new project own although an upstream has it. Requires --reason."`
	Reason       string `placeholder:"R" help:"With --even-if-public: the reason."`
	StartupFiles bool   `help:"Accept wheels with files that run code whenever Python starts, although no earlier version of the project has one."`
	terminal.Listing
}

// uploadedFile is the result for a file in JSON.
type uploadedFile struct {
	Path     string   `json:"path"`
	Filename string   `json:"filename"`
	Result   string   `json:"result"` // "added", "already there" or "refused"
	Error    string   `json:"error,omitempty"`
	Warnings []string `json:"warnings"`
}

// Run adds the files one by one and prints the result of each. It continues after a refused file. With --json, it
// prints an array at the end, which has the errors and warnings too.
func (c *Upload) Run(s *cli.Session) error {
	if c.EvenIfPublic != (c.Reason != "") {
		return fault.New(fault.Invalid, "--even-if-public and --reason are used together")
	}
	return s.With(func(a *app.App) error {
		refused, all := 0, []uploadedFile{}
		for _, path := range c.Files {
			f, err := c.add(s, a, path)
			if err != nil {
				refused++
				f = uploadedFile{Path: path, Filename: filepath.Base(path), Result: "refused", Error: fault.Explain(err)}
				terminal.Complain(s.Errs, withPath(path, err))
			}
			f.Warnings = terminal.NotNil(f.Warnings)
			all = append(all, f)
		}
		if c.JSON {
			if err := terminal.WriteJSON(s.Out, all); err != nil {
				return err
			}
		}
		if refused > 0 {
			verb := "were"
			if len(c.Files) == 1 {
				verb = "was"
			}
			return fmt.Errorf("%d of %s %s not added", refused, terminal.Plural(int64(len(c.Files)), "file"), verb)
		}
		return nil
	})
}

// withPath returns err after the path of the file, without a file name that err begins with.
func withPath(path string, err error) error {
	if rest, ok := strings.CutPrefix(fault.Message(err), filepath.Base(path)+": "); ok {
		err = fault.Wrap(fault.KindOf(err), err, "%s", rest)
	}
	return fmt.Errorf("%s: %w", path, err)
}

func (c *Upload) add(s *cli.Session, a *app.App, path string) (f uploadedFile, err error) {
	name, _ := packaging.ProjectOf(filepath.Base(path)) // Publish reports an invalid file name
	in, err := a.Index.Begin(s.Ctx, a.Operator, c.Repository, name)
	if catalog.IsPublicName(err) && c.EvenIfPublic {
		in, err = c.take(s, a, name)
	}
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, in.Discard()) }()
	if err := read(in, path); err != nil {
		return f, err
	}
	got, err := a.Index.Publish(s.Ctx, in, ingest.Upload{Filename: filepath.Base(path), Startup: c.StartupFiles})
	if err != nil {
		return f, err
	}
	f = uploadedFile{Path: path, Filename: got.File.Filename, Result: "added"}
	if !got.Created {
		f.Result = "already there"
	}
	for _, warning := range got.Warnings {
		f.Warnings = append(f.Warnings, fmt.Sprint(warning))
	}
	if c.JSON {
		return f, nil
	}
	fmt.Fprintf(s.Out, "%s: %s\n", f.Filename, f.Result)
	for _, warning := range f.Warnings {
		fmt.Fprintf(s.Errs, "%s: %s\n", f.Filename, warning)
	}
	return f, nil
}

// take makes a name own that belongs to an upstream, and begins the upload.
func (c *Upload) take(s *cli.Session, a *app.App, name packaging.ProjectName) (*ingest.Incoming, error) {
	err := a.Index.SetOrigin(s.Ctx, a.Operator, catalog.NewRuling{
		Repository: c.Repository, Name: name, Origin: catalog.Own, Reason: c.Reason,
	})
	if err != nil {
		return nil, err
	}
	return a.Index.Begin(s.Ctx, a.Operator, c.Repository, name)
}

func read(to io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(to, f)
	return err
}
