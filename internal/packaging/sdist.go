package packaging

import (
	"pyindex/internal/fault"
)

// sdistExtensions are the extensions that pip still installs and PyPI still serves.
var sdistExtensions = []string{".tar.gz", ".tgz", ".tar.bz2", ".zip"}

// readSDist splits the stem at the leftmost dash that is preceded by the project's name, like pip.
func (f Filename) readSDist(stem string) (Filename, error) {
	for i := range len(stem) {
		if stem[i] != '-' || normalize(stem[:i]) != f.project.String() {
			continue
		}
		v, err := ParseVersion(stem[i+1:])
		if err != nil {
			return Filename{}, badVersion(f.text, stem[i+1:], f.project.Underscored()+"-<version>"+f.ext)
		}
		f.namePart, f.versionPart, f.version = stem[:i], stem[i+1:], v
		return f, nil
	}
	return Filename{}, f.foreign()
}

func (f Filename) foreign() error {
	form := "-<version>" + f.ext
	if f.kind == Wheel {
		form = "-<version>-<python>-<abi>-<platform>.whl"
	}
	return fault.New(fault.Invalid, "file name %s does not begin with the name of project %s: it should read %s",
		quote(f.text), quote(f.project.String()), quote(f.project.Underscored()+form))
}
