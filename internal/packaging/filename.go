package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// maxFilename is what common file systems take.
const maxFilename = 255

// Kind says what a file is, in the words of the upload form's filetype.
type Kind string

// The kinds of file there are.
const (
	SDist Kind = "sdist"
	Wheel Kind = "bdist_wheel"
)

// Filename is the name of a source distribution or a wheel, read for a known project. The zero value is none.
type Filename struct {
	text    string
	kind    Kind
	project ProjectName
	version Version

	namePart, versionPart, build, ext string
	pythons, abis, platforms          []string // of a wheel, as written
}

// ParseFilename reads the name of a file that is said to belong to the project; only so can a dash inside the project's
// name be told from the one before the version. Spellings of before PEP 625 are accepted as long as they can be read in
// one way only: sdists end in .tar.gz, .tgz, .tar.bz2 or .zip. The version is Version's, the tags are Tags'.
// It returns fault.Invalid, with the name that would have been right, for every other name: of another project, with a
// version that is none, with characters that are no part of the grammar, or of more than 255 bytes.
func ParseFilename(s string, name ProjectName) (Filename, error) {
	if name.IsZero() {
		return Filename{}, fault.New(fault.Invalid, "file name %s cannot be read without its project's name", quote(s))
	}
	if err := checkCharacters(s); err != nil {
		return Filename{}, err
	}
	f := Filename{text: s, project: name}
	if stem, ok := strings.CutSuffix(s, ".whl"); ok {
		f.kind, f.ext = Wheel, ".whl"
		return f.readWheel(stem)
	}
	for _, ext := range sdistExtensions {
		if stem, ok := strings.CutSuffix(s, ext); ok {
			f.kind, f.ext = SDist, ext
			return f.readSDist(stem)
		}
	}
	return Filename{}, fault.New(fault.Invalid,
		"file name %s has no known ending: upload a wheel (.whl) or a source distribution (.tar.gz)", quote(s))
}

// checkCharacters keeps out what could leave a folder, a header or a log line. What is left is ASCII and needs no
// escaping in a path.
func checkCharacters(s string) error {
	if s == "" {
		return fault.New(fault.Invalid, "the file has no name")
	}
	if len(s) > maxFilename {
		return fault.New(fault.Invalid, "file name %s is too long: at most %d bytes", quote(s), maxFilename)
	}
	if strings.ContainsAny(s, `/\`) {
		return fault.New(fault.Invalid, "file name %s holds a path: send the file's name alone", quote(s))
	}
	if s[0] == '.' {
		return fault.New(fault.Invalid, "file name %s begins with a dot", quote(s))
	}
	if spanOf(s, isFilenameByte) < len(s) {
		return fault.New(fault.Invalid,
			"file name %s holds a character that is not allowed: use ASCII letters, digits, '.', '_', '-', '+' and '!'",
			quote(s))
	}
	return nil
}

func isFilenameByte(c byte) bool { return isAlnum(c) || isSeparator(c) || c == '+' || c == '!' }

// String returns the name exactly as given.
func (f Filename) String() string { return f.text }

// Kind returns what the file is.
func (f Filename) Kind() Kind { return f.kind }

// Name returns the project the file belongs to.
func (f Filename) Name() ProjectName { return f.project }

// Version returns the version in the name.
func (f Filename) Version() Version { return f.version }

// Ext returns the ending with its dot: ".whl", or that of a source distribution, ".tar.gz".
func (f Filename) Ext() string { return f.ext }

// NamePart returns the project's name as the file name writes it; a wheel's folder is NamePart-VersionPart.dist-info.
func (f Filename) NamePart() string { return f.namePart }

// VersionPart returns the version as the file name writes it.
func (f Filename) VersionPart() string { return f.versionPart }

// IsZero reports whether f is no file name at all.
func (f Filename) IsZero() bool { return f.text == "" }

// Key returns a text shared by all spellings of one file and by no other file: case, separators, zeros that do not
// matter, and the order of tags are levelled.
func (f Filename) Key() string {
	switch f.kind {
	case Wheel:
		return f.project.Underscored() + "-" + f.version.Key() + f.keyBuild() + "-" + f.keyTags() + f.ext
	case SDist:
		return f.project.Underscored() + "-" + f.version.Key() + f.ext
	}
	return ""
}

// Normal returns the spelling that PEP 625 and the wheel specification ask for.
func (f Filename) Normal() string {
	stem := f.project.Underscored() + "-" + f.version.String()
	if f.kind == SDist {
		return stem + ".tar.gz"
	}
	if f.build != "" {
		stem += "-" + f.build
	}
	return stem + "-" + f.writtenTags() + f.ext
}
