package transfer

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"pyindex/internal/cli"
	"pyindex/internal/terminal"
	"pyindex/internal/transfer"
)

// verifyCmd has one command for each kind of source, with the argument and flags of its import.
type verifyCmd struct {
	Folder       verifyFolder       `cmd:"" help:"Compare a folder."`
	Simple       verifySimple       `cmd:"" help:"Compare an index by its simple pages."`
	Devpi        verifyDevpi        `cmd:"" help:"Compare an index of an export of devpi-server."`
	Bandersnatch verifyBandersnatch `cmd:"" help:"Compare a mirror with what is kept of its upstream."`
	DumbPyPI     verifyDumbPyPI     `cmd:"" name:"dumb-pypi" help:"Compare a list of dumb-pypi."`
	Export       verifyExport       `cmd:"" help:"Compare an export of another index of this kind."`
	Nexus        verifyNexus        `cmd:"" help:"Compare a hosted repository of Nexus Repository 3 (experimental)."`
	Artifactory  verifyArtifactory  `cmd:"" help:"Compare a local repository of Artifactory (experimental)."`
}

// comparison are the flags of all kinds.
type comparison struct {
	selection
	Origin string `placeholder:"upstream:NAME" help:"Compare with what is kept of an upstream, as for an import with this flag."`
	Report string `placeholder:"FILE" type:"path" help:"Write the report, as JSON, to a file to keep."`
	terminal.Listing
}

// run compares a source with what was imported. Differences are an error.
func (c *comparison) run(s *cli.Session, from opener) error {
	var o transfer.Options
	err := c.selection.fill(&o)
	if err == nil {
		o.Upstream, err = upstreamOf(c.Origin)
	}
	if err != nil {
		return terminal.Misused(err)
	}
	return c.with(s, from, o, c.JSON, func(m *transfer.Importer, source transfer.Source, p *terminal.Progress) error {
		if err := m.Mirrors(source, o); err != nil {
			return err
		}
		v, err := m.Verify(s.Ctx, source, o)
		p.Done()
		if err != nil {
			return err
		}
		return errors.Join(c.write(s, v), differences(v))
	})
}

func (c *comparison) write(s *cli.Session, v *transfer.Verification) error {
	if c.Report != "" {
		f, err := os.Create(c.Report)
		if err != nil {
			return err
		}
		if err := errors.Join(terminal.WriteJSON(f, v), f.Close()); err != nil {
			return err
		}
	}
	if c.JSON {
		return terminal.WriteJSON(s.Out, v)
	}
	writeVerification(s.Out, v)
	return nil
}

// differences returns an error if there are any.
func differences(v *transfer.Verification) error {
	if v.Count == 0 {
		return nil
	}
	return fmt.Errorf("%s between the source and this index", terminal.Plural(int64(v.Count), "difference"))
}

func writeVerification(w io.Writer, v *transfer.Verification) {
	fmt.Fprintf(w, "%s %s and %s, compared on %s\n", v.Kind, terminal.Printable(v.Source), v.Repository,
		v.At.Format(time.RFC3339))
	fmt.Fprintf(w, "  %s, %s: %d the same\n", terminal.Plural(int64(v.Projects), "project"), files(v.Files), v.Same)
	line := func(n int, format string, args ...any) {
		if n > 0 {
			fmt.Fprintf(w, "  "+format+"\n", args...)
		}
	}
	line(v.Read, "%s compared by reading it from the source, which states no digest", files(v.Read))
	line(v.NotImported, "%s not imported, because the index refuses them", files(v.NotImported))
	line(v.OnlyHere, "%s of these projects only here", files(v.OnlyHere))
	for _, kind := range slices.Sorted(maps.Keys(v.By)) {
		fmt.Fprintf(w, "\nDifferent %s: %d\n", kind, v.By[kind])
		shown := 0
		for _, d := range v.Differences {
			if d.Kind != kind {
				continue
			}
			if shown++; shown > maxLines {
				fmt.Fprintf(w, "  ... and %d more\n", v.By[kind]-maxLines)
				break
			}
			place := d.Place
			if place == "" {
				place = d.Project
			}
			fmt.Fprintf(w, "  %s: the source has %s, this index %s\n", terminal.Printable(place),
				terminal.Printable(terminal.Dash(d.Source)), terminal.Printable(terminal.Dash(d.Here)))
		}
	}
}
