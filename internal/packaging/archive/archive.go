// Package archive is the structural gate for wheels and sdists: it reads what was uploaded and says what is inside.
//
// An accepted archive means the same to every reader: one that follows a zip's directory, one that streams its members,
// and one that reads a tar as Python's tarfile does all see the same names, and no name leaves the folder it is
// unpacked into. The metadata is the only one in its place, agrees with the file name, and is returned byte for byte.
// Time and memory are bounded whatever the bytes say: zip bodies are skipped, not read, except the few the gate needs
// and those whose end only their own bytes tell; tar streams stop at the limits.
//
// It does not judge what the members do when they run, does not check the hashes that RECORD states for members it has
// no need to read, and does not compare the metadata with the upload's form (packaging.Disagreement does).
package archive

import (
	"fmt"
	"io"
	"path"
	"slices"

	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

// Contents is what an accepted archive holds.
type Contents struct {
	Metadata []byte             // METADATA or PKG-INFO, unmodified
	Parsed   packaging.Metadata // what Metadata says
	Warnings []string           // oddities that installers live with, each a sentence for the project's owner
	Members  []string           // names of all members as written, folders without their trailing slash, sorted
}

// Inspect reads the archive of size bytes in r, which was uploaded under name.
//
// It returns fault.Invalid, with a sentence that starts with the file name, for everything that is unsafe, ambiguous,
// over lim, or refused by a switch in rules. A failure of r itself is returned as it is, wrapped and without a kind.
// The zero Limits allows nothing; start from DefaultLimits.
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

// gate is one inspection.
type gate struct {
	src      *source
	name     packaging.Filename
	lim      Limits
	rules    Rules
	inflated int64 // bytes that came out of decompression so far
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
	return Contents{}, refuse("archives that end in %s are not read here", quote(path.Ext(g.name.String())))
}

// contents finishes an inspection whose metadata was found: it must agree with the file name.
func (g *gate) contents(raw []byte, where string, t *tree) (Contents, error) {
	m, err := packaging.ParseMetadata(raw)
	if err != nil {
		return Contents{}, fault.Wrap(fault.KindOf(err), err, "%s: %s", where, fault.Message(err))
	}
	if err := agree(g.name, m, where); err != nil {
		return Contents{}, err
	}
	if err := g.licenseFiles(m, path.Dir(where), t); err != nil {
		return Contents{}, err
	}
	slices.Sort(t.names)
	return Contents{Metadata: raw, Parsed: m, Warnings: append(g.warnings, t.warnings()...), Members: t.names}, nil
}

func (g *gate) warn(format string, args ...any) {
	g.warnings = append(g.warnings, fmt.Sprintf(format, args...))
}
