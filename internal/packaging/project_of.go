package packaging

import (
	"strings"

	"pyindex/internal/fault"
)

// ProjectOf guesses a file's project from its name: the first part of a wheel, and for an sdist the part before the
// last dash that is followed by a version. ParseFilename and the metadata inside the file decide whether the guess is
// right. It returns fault.Invalid for a name that is neither.
func ProjectOf(filename string) (ProjectName, error) {
	if err := checkCharacters(filename); err != nil {
		return ProjectName{}, err
	}
	if stem, ok := strings.CutSuffix(filename, ".whl"); ok {
		part, _, _ := strings.Cut(stem, "-")
		return ParseProjectName(part)
	}
	for _, ext := range sdistExtensions {
		if stem, ok := strings.CutSuffix(filename, ext); ok {
			return projectOfSDist(filename, stem)
		}
	}
	return ProjectName{}, unknownExtension(filename)
}

func projectOfSDist(filename, stem string) (ProjectName, error) {
	for i := len(stem) - 1; i > 0; i-- {
		if stem[i] != '-' {
			continue
		}
		if _, err := ParseVersion(stem[i+1:]); err == nil {
			return ParseProjectName(stem[:i])
		}
	}
	if name, version, ok := strings.Cut(stem, "-"); ok && name != "" {
		ext := filename[len(stem):]
		return ProjectName{}, badVersion(filename, version, "<project>-<version>"+ext)
	}
	return ProjectName{},
		fault.New(fault.Invalid, "file name %s has no version: it should read <project>-<version>.tar.gz", quote(filename))
}
