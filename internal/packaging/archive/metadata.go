package archive

import (
	"strconv"
	"strings"

	"pyindex/internal/packaging"
)

// agree requires that the metadata, found at where, has the project and version of the file name.
func agree(name packaging.Filename, m packaging.Metadata, where string) error {
	if !sameProject(m.Name, name) {
		return refuse("%s says the project is %s, the file name says %s", where, quote(m.Name), name.Name())
	}
	if !sameVersion(m.Version, name) {
		return refuse("%s says the version is %s, the file name says %s", where, quote(m.Version), name.Version())
	}
	return nil
}

// licenseFiles looks for the files named by metadata 2.4 and later (PEP 639): in dir for an sdist, and in licenses/
// below it for a wheel. Older metadata did not specify their place.
func (g *gate) licenseFiles(m packaging.Metadata, dir string, t *tree) error {
	if !sinceLicenseFiles(m.MetadataVersion) {
		return nil
	}
	if g.name.Kind() == packaging.Wheel {
		dir += "/licenses"
	}
	var absent oddity
	for _, f := range m.LicenseFiles {
		if t.isFile(clean(dir + "/" + f)) {
			continue
		}
		if g.rules.LicenseFiles {
			return refuse("License-File %s is not in the archive as %s", quote(f), quote(dir+"/"+f))
		}
		absent.note(f)
	}
	if absent.n > 0 {
		verb := "are"
		if absent.n == 1 {
			verb = "is"
		}
		g.warn("%s named by License-File %s not in %s, such as %s", plural(absent.n, "file"), verb, quote(dir),
			quote(absent.first))
	}
	return nil
}

func sinceLicenseFiles(version string) bool {
	major, minor, _ := strings.Cut(version, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err1 == nil && err2 == nil && (a > 2 || a == 2 && b >= 4)
}
