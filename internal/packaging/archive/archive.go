// Package archive checks the structure of uploaded wheels and sdists and returns their metadata.
//
// Every reader sees the same contents in an accepted archive, whether it follows a zip's directory, streams a zip's
// members, or reads a tar like Python's tarfile. No member unpacks outside the target folder. There is exactly one
// metadata file in the expected place; it agrees with the file name and is returned unchanged. Time and memory are
// bounded for any input. Zip bodies are skipped, except those that the checks need and those whose end can be found
// only by decompressing them. Tar streams are aborted at the limits.
//
// It does not judge the members' code. It does not verify the hashes in RECORD, except that of METADATA, and does not
// compare the metadata with the upload form; packaging.Disagreement does.
package archive

import (
	"cmp"
	"fmt"
	"io"
	"path"
	"slices"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Contents describes an accepted archive.
type Contents struct {
	Metadata []byte             // METADATA or PKG-INFO, unmodified
	Parsed   packaging.Metadata // Metadata, parsed
	Warnings []string           // defects that installers tolerate, each a sentence for the project's owner
	Startup  []string           // members of a wheel that run code whenever Python starts, sorted
	Members  []string           // names of all members as written, without the trailing slash of folders, sorted
}

// Inspect checks the archive in r, which has size bytes and was uploaded under name.
//
// It returns fault.Invalid, with a message that begins with the file name, if the archive is unsafe or ambiguous,
// exceeds lim, or is rejected by rules. An error of r is wrapped without a kind. The zero Limits allows nothing; start
// from DefaultLimits.
func Inspect(r io.ReaderAt, size int64, name packaging.Filename, lim Limits, rules Rules) (Contents, error) {
	g := &gate{src: &source{r: r, size: size}, name: name, lim: lim, rules: rules}
	c, err := g.inspect()
	if g.src.failed != nil {
		return Contents{}, fmt.Errorf("reading %s: %w", name, g.src.failed)
	}
	if fault.Is(err, fault.Invalid) {
		return Contents{}, fault.Wrap(fault.Invalid, err, "%s: %s", name, fault.Message(err))
	}
	return c, err
}

type gate struct {
	src      *source
	name     packaging.Filename
	lim      Limits
	rules    Rules
	inflated int64 // bytes decompressed so far
	warnings []string
}

func (g *gate) inspect() (Contents, error) {
	ext := g.name.Ext()
	switch ext {
	case ".whl":
		return g.wheel()
	case ".zip":
		return g.zipSDist()
	case ".tar.gz", ".tgz", ".tar.bz2":
		return g.tarSDist()
	}
	return Contents{}, refuse("archives with the extension %s are not supported", quote(path.Ext(g.name.String())))
}

// contents completes an inspection. It checks that the metadata raw, found at where, agrees with the file name.
func (g *gate) contents(raw []byte, where string, t *tree) (Contents, error) {
	m, defects, err := packaging.ParseMetadata(raw, g.name.Kind())
	if err != nil {
		return Contents{}, fault.Wrap(fault.KindOf(err), err, "%s: %s", where, fault.Message(err))
	}
	if g.rules.Legacy {
		m.Name, m.Version = cmp.Or(m.Name, g.name.NamePart()), cmp.Or(m.Version, g.name.Version().String())
	}
	if err := agree(g.name, m, where); err != nil {
		return Contents{}, err
	}
	if err := g.licenseFiles(m, path.Dir(where), t); err != nil {
		return Contents{}, err
	}
	for _, d := range defects {
		g.warn("%s: %s", where, d)
	}
	slices.Sort(t.names)
	return Contents{Metadata: raw, Parsed: m, Warnings: append(g.warnings, t.warnings()...), Members: t.names}, nil
}

func (g *gate) warn(format string, args ...any) {
	g.warnings = append(g.warnings, fmt.Sprintf(format, args...))
}
