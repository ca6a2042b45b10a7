package upstreams

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/fault"
	"pyindex/internal/resolve"
	"pyindex/internal/terminal"
	"pyindex/internal/upstream/pack"
	"pyindex/internal/upstream/pages"
)

type packCmd struct {
	File         string   `arg:"" help:"Pack to write."`
	Requirements []string `short:"r" name:"requirements" required:"" placeholder:"FILE" help:"Lock or requirements file, as for index upstream fetch."`
	Repository   string   `default:"main" help:"Repository that draws on the upstreams."`
	Partial      bool     `help:"Write the pack although items are missing."`
	terminal.Listing
}

// packing is a pack that is being written.
type packing struct {
	app       *app.App
	offline   bool
	files     []resolve.ForeignFile
	manifest  pack.Manifest
	places    map[[3]int]resolve.ForeignFile // by upstream, project and file
	rows      map[[2]int]pages.Row           // by upstream and project
	documents map[pack.Place][]byte
}

// packed is the result in JSON.
type packed struct {
	File      string       `json:"file"`
	Upstreams []string     `json:"upstreams"`
	Projects  int          `json:"projects"`
	Files     int          `json:"files"`
	Bytes     int64        `json:"bytes"`          // of these files
	Other     int          `json:"from_elsewhere"` // packages of this index
	Failed    []failedPull `json:"failed"`
}

// Run fetches what lock files name, unless it is held, and writes it into a pack.
func (c *packCmd) Run(s *cli.Session) error {
	pins, err := pinsOf(c.Requirements)
	if err != nil {
		return err
	}
	return s.With(func(a *app.App) error {
		p := &packing{
			app: a, offline: s.Config.Offline, places: map[[3]int]resolve.ForeignFile{}, rows: map[[2]int]pages.Row{},
			documents: map[pack.Place][]byte{},
		}
		f := &fetching{
			session: s, app: a, listing: c.Listing, repository: c.Repository, said: time.Now(), Failed: []failedPull{},
			got: func(file resolve.ForeignFile) { p.files = append(p.files, file) },
		}
		if err := f.run(pins); err != nil {
			return err
		}
		if len(f.Failed) > 0 && !c.Partial {
			if err := f.report(); err != nil {
				return fmt.Errorf("%w, so no pack was written: --partial writes one without them", err)
			}
		}
		if len(p.files) == 0 {
			return fault.New(fault.Invalid, "the lock files name no file that comes from an upstream of %s", c.Repository)
		}
		if err := p.collect(s.Ctx); err != nil {
			return err
		}
		if err := p.write(s.Ctx, c.File); err != nil {
			return err
		}
		return c.report(s, p, f)
	})
}

// collect makes the manifest.
func (p *packing) collect(ctx context.Context) error {
	slices.SortFunc(p.files, func(a, b resolve.ForeignFile) int {
		return cmp.Or(cmp.Compare(a.Upstream.Name, b.Upstream.Name), cmp.Compare(a.Project.String(), b.Project.String()),
			cmp.Compare(a.File.Filename, b.File.Filename))
	})
	p.manifest.Made = time.Now().UTC().Truncate(time.Second)
	for _, file := range p.files {
		ups := &p.manifest.Upstreams
		if n := len(*ups); n == 0 || (*ups)[n-1].Name != file.Upstream.Name {
			u := file.Upstream
			*ups = append(*ups, pack.Upstream{Name: u.Name, URL: u.URL, Kind: string(u.Kind), ArtifactBase: u.ArtifactBase})
		}
		u := len(*ups) - 1
		projects := &(*ups)[u].Projects
		if n := len(*projects); n == 0 || (*projects)[n-1].Name != file.Project.String() {
			row, err := p.app.Pages.Export(ctx, file.Upstream, file.Project)
			if err != nil {
				return err
			}
			p.rows[[2]int{u, n}] = row
			*projects = append(*projects, pack.Project{
				Name: file.Project.String(), Record: pack.BlobOf(row.Record), URL: row.URL, ETag: row.Validators.ETag,
				LastModified: row.Validators.LastModified, Serial: row.Serial,
				FetchedAt: row.FetchedAt, CheckedAt: row.CheckedAt,
			})
		}
		n := len(*projects) - 1
		one, err := p.file(ctx, file, pack.Place{Upstream: u, Project: n, File: len((*projects)[n].Files)})
		if err != nil {
			return err
		}
		(*projects)[n].Files = append((*projects)[n].Files, one)
	}
	return nil
}

// file describes a file for the manifest.
func (p *packing) file(ctx context.Context, file resolve.ForeignFile, at pack.Place) (pack.File, error) {
	out := pack.File{Filename: file.File.Filename}
	o, err := p.app.Files.OpenHeld(ctx, file.Upstream, file.File)
	if err != nil {
		return out, err
	}
	out.Content = pack.Blob{SHA256: o.SHA256, Size: o.Size}
	p.places[[3]int{at.Upstream, at.Project, at.File}] = file
	if err := o.Close(); err != nil {
		return out, err
	}
	fetch := !p.offline
	if file.File.Metadata {
		b, _, err := p.app.Files.Metadata(ctx, file.Upstream, file.File, fetch)
		switch {
		case err == nil:
			at.Part = pack.Metadata
			p.documents[at] = b
			blob := pack.BlobOf(b)
			out.Metadata = &blob
		case fetch:
			return out, fmt.Errorf("the metadata of %s: %w", file.File.Filename, resolve.Explained(err))
		}
	}
	if file.File.Provenance != "" {
		b, err := p.app.Files.Provenance(ctx, file.Upstream, file.File, fetch)
		switch {
		case err == nil:
			at.Part = pack.Provenance
			p.documents[at] = b
			blob := pack.BlobOf(b)
			out.Provenance = &blob
			out.ProvenanceAt = cmp.Or(p.app.Files.ProvenanceAt(ctx, file.Upstream, file.File), p.manifest.Made)
		case fetch && !fault.Is(err, fault.NotFound):
			return out, fmt.Errorf("the provenance of %s: %w", file.File.Filename, resolve.Explained(err))
		}
	}
	return out, nil
}

// write writes the pack beside its name first, so that there is never half of one.
func (p *packing) write(ctx context.Context, name string) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), ".index-pack-*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	defer temporary.Close()
	w := bufio.NewWriterSize(temporary, 1<<20)
	err = pack.Write(w, p.manifest, func(at pack.Place) (io.ReadCloser, error) {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if at.Part == pack.Record {
			return pack.Bytes(p.rows[[2]int{at.Upstream, at.Project}].Record), nil
		}
		if at.Part != pack.Content {
			return pack.Bytes(p.documents[at]), nil
		}
		file := p.places[[3]int{at.Upstream, at.Project, at.File}]
		o, err := p.app.Files.OpenHeld(ctx, file.Upstream, file.File)
		return o.Blob, err
	})
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = temporary.Sync()
	}
	if err == nil {
		err = temporary.Close()
	}
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}

// report prints what the pack has.
func (c *packCmd) report(s *cli.Session, p *packing, f *fetching) error {
	out := packed{File: c.File, Upstreams: []string{}, Files: len(p.files), Other: f.Other, Failed: f.Failed}
	for _, u := range p.manifest.Upstreams {
		out.Upstreams = append(out.Upstreams, u.Name)
		out.Projects += len(u.Projects)
		for _, project := range u.Projects {
			for _, file := range project.Files {
				out.Bytes += file.Content.Size
			}
		}
	}
	return c.Report(s.Out, out, fmt.Sprintf("%s has %s (%s) of %s; %s from elsewhere", c.File,
		terminal.Plural(int64(out.Files), "file"), terminal.SizeText(out.Bytes),
		terminal.Plural(int64(out.Projects), "project"), terminal.Plural(int64(out.Other), "package")))
}
