package packaging

import (
	"slices"
	"strings"

	"pyindex/internal/fault"
)

// maxTags is the maximum number of tags that a compressed tag set may expand to; real files have a few dozen at most.
const maxTags = 1000

// Tag is a compatibility tag of a wheel (PEP 425), in lower case.
type Tag struct{ Python, ABI, Platform string }

// String returns the tag as in a file name, such as "py3-none-any".
func (t Tag) String() string { return t.Python + "-" + t.ABI + "-" + t.Platform }

func (f Filename) readWheel(stem string) (Filename, error) {
	parts := strings.Split(stem, "-")
	variant := isVariant(parts)
	if len(parts) != 5 && len(parts) != 6 && !variant {
		return Filename{},
			f.malformed("it should have five parts, or six with a build number: name-version-python-abi-platform.whl")
	}
	f.namePart, f.versionPart = parts[0], parts[1]
	if normalize(f.namePart) != f.project.String() {
		return Filename{}, f.foreign()
	}
	if strings.Contains(f.namePart, "__") {
		return Filename{}, f.malformed("its name part contains two underscores in a row")
	}
	v, err := ParseVersion(f.versionPart)
	if err != nil {
		return Filename{}, f.malformed("its second part, " + quote(f.versionPart) + ", is not a valid version")
	}
	if variant {
		return Filename{}, fault.New(fault.Invalid, "file name %s is that of %s", quote(f.text), variantWheels)
	}
	f.version = v
	if len(parts) == 6 {
		if f.build = parts[2]; digitsAt(f.build) == 0 {
			return Filename{}, f.malformed("its build number does not begin with a digit")
		}
	}
	return f.readTags(parts[len(parts)-3:])
}

func (f Filename) readTags(parts []string) (Filename, error) {
	f.pythons, f.abis, f.platforms = strings.Split(parts[0], "."), strings.Split(parts[1], "."),
		strings.Split(parts[2], ".")
	if !areTags(f.pythons) || !areTags(f.abis) || !areTags(f.platforms) {
		return Filename{}, f.malformed("its tags are not letters, digits and underscores joined by dots, as in py3-none-any")
	}
	if slices.ContainsFunc(f.pythons, func(p string) bool { return isDigit(p[0]) }) {
		return Filename{}, f.malformed("its Python tag begins with a digit")
	}
	if len(f.pythons)*len(f.abis)*len(f.platforms) > maxTags {
		return Filename{}, f.malformed("its tags expand to too many combinations")
	}
	return f, nil
}

func areTags(tags []string) bool {
	return !slices.ContainsFunc(tags, func(t string) bool { return t == "" || spanOf(t, isWord) < len(t) })
}

func (f Filename) malformed(why string) error {
	return fault.New(fault.Invalid, "file name %s is not a valid wheel name: %s", quote(f.text), why)
}

// Build returns a wheel's build tag, or "".
func (f Filename) Build() string { return f.build }

// PythonTag returns the pyversion of the upload form: a wheel's Python tag as written, such as "cp311" or "py2.py3",
// and "source" for a source distribution.
func (f Filename) PythonTag() string {
	if f.kind == SDist {
		return "source"
	}
	return strings.Join(f.pythons, ".")
}

// Tags returns every combination in a wheel's compressed tag set, at most 1,000, and nil for an sdist.
func (f Filename) Tags() []Tag {
	var tags []Tag
	for _, python := range tagSet(f.pythons) {
		for _, abi := range tagSet(f.abis) {
			for _, platform := range tagSet(f.platforms) {
				tags = append(tags, Tag{python, abi, platform})
			}
		}
	}
	return tags
}

// tagSet returns tags in lower case, sorted and without duplicates.
func tagSet(tags []string) []string {
	set := make([]string, len(tags))
	for i, t := range tags {
		set[i] = strings.ToLower(t)
	}
	return sortedSet(set)
}

func (f Filename) keyTags() string {
	return strings.Join(tagSet(f.pythons), ".") + "-" + strings.Join(tagSet(f.abis), ".") + "-" +
		strings.Join(tagSet(f.platforms), ".")
}

func (f Filename) writtenTags() string {
	return strings.Join(f.pythons, ".") + "-" + strings.Join(f.abis, ".") + "-" + strings.Join(f.platforms, ".")
}

// keyBuild normalizes the leading digits as a number, since installers sort by it.
func (f Filename) keyBuild() string {
	if f.build == "" {
		return ""
	}
	n := digitsAt(f.build)
	return "-" + string(newNumber(f.build[:n])) + strings.ToLower(f.build[n:])
}
