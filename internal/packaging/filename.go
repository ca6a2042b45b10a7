package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// maxFilename is the limit of common file systems, in bytes.
const maxFilename = 255

// Kind is the type of a file, as in the upload form's filetype.
type Kind string

// These are all kinds of files.
const (
	SDist Kind = "sdist"
	Wheel Kind = "bdist_wheel"
)

// Filename is the parsed name of a source distribution or wheel of a known project. The zero value is no name.
type Filename struct {
	text    string
	kind    Kind
	project ProjectName
	version Version

	namePart, versionPart, build, ext string
	pythons, abis, platforms          []string // of a wheel, as written
}

// ParseFilename parses the name of a file of the given project. The project is needed to tell a dash inside its name
// from the one before the version. Spellings older than PEP 625 are accepted if they are unambiguous: sdists end in
// .tar.gz, .tgz, .tar.bz2 or .zip. It returns fault.Invalid for every other name, such as a name of another project,
// with an invalid version or invalid characters, or of more than 255 bytes. If possible, the message shows the correct
// form. It also names other files that people upload: eggs, binary archives, variant wheels.
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
	return Filename{}, unknownExtension(s)
}

// KindOf returns the kind of a file by the extension of its name alone. Every other file than a wheel is taken for a
// source distribution; ParseFilename decides whether it is one.
func KindOf(filename string) Kind {
	if strings.HasSuffix(filename, ".whl") {
		return Wheel
	}
	return SDist
}

// checkCharacters rejects characters that are dangerous in a path, a header or a log line. The remaining names are
// ASCII and need no escaping in a path.
func checkCharacters(s string) error {
	if s == "" {
		return fault.New(fault.Invalid, "the file has no name")
	}
	if len(s) > maxFilename {
		return fault.New(fault.Invalid, "file name %s is too long: at most %d bytes", quote(s), maxFilename)
	}
	if strings.ContainsAny(s, `/\`) {
		return fault.New(fault.Invalid, "file name %s contains a path: send only the file's name", quote(s))
	}
	if s[0] == '.' {
		return fault.New(fault.Invalid, "file name %s begins with a dot", quote(s))
	}
	if spanOf(s, isFilenameByte) < len(s) {
		return fault.New(fault.Invalid,
			"file name %s contains a character that is not allowed: use ASCII letters, digits, '.', '_', '-', '+' and '!'",
			quote(s))
	}
	return nil
}

func isFilenameByte(c byte) bool { return isAlnum(c) || isSeparator(c) || c == '+' || c == '!' }

// String returns the name exactly as given.
func (f Filename) String() string { return f.text }

// Kind returns the type of the file.
func (f Filename) Kind() Kind { return f.kind }

// Name returns the project the file belongs to.
func (f Filename) Name() ProjectName { return f.project }

// Version returns the version in the name.
func (f Filename) Version() Version { return f.version }

// Ext returns the extension with its dot, such as ".whl" or ".tar.gz".
func (f Filename) Ext() string { return f.ext }

// NamePart returns the project's name as spelled in the file name. A wheel's metadata folder is
// NamePart-VersionPart.dist-info.
func (f Filename) NamePart() string { return f.namePart }

// VersionPart returns the version as spelled in the file name.
func (f Filename) VersionPart() string { return f.versionPart }

// IsZero reports whether f is the zero value.
func (f Filename) IsZero() bool { return f.text == "" }

// Key returns a text that is equal for all spellings of one file and differs for other files. It ignores case,
// separators, insignificant zeros, and the order of tags.
func (f Filename) Key() string {
	switch f.kind {
	case Wheel:
		return f.project.Underscored() + "-" + f.version.Key() + f.keyBuild() + "-" + f.keyTags() + f.ext
	case SDist:
		return f.project.Underscored() + "-" + f.version.Key() + f.ext
	}
	return ""
}

// Normal returns the spelling that PEP 625 and the wheel specification require.
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
