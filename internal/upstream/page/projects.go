package page

import "pyindex/internal/packaging"

// maxProjects is the largest number of projects that a file name may belong to.
const maxProjects = 4

// Projects returns the projects that a file of this name may belong to, the likeliest first and at most four: the first
// part of a wheel's name, and for a source distribution each part that is followed by a dash and a version. It returns
// none for a name that is neither.
func Projects(filename string) []packaging.ProjectName {
	var found []packaging.ProjectName
	for i := len(filename) - 1; i > 0 && len(found) < maxProjects; i-- {
		if filename[i] != '-' {
			continue
		}
		name, err := packaging.ParseProjectName(filename[:i])
		if err != nil {
			continue
		}
		if f, err := packaging.ParseFilename(filename, name); err == nil && f.NamePart() == filename[:i] {
			found = append(found, name)
		}
	}
	return found
}
