package packaging

import (
	"regexp"
	"strings"

	"pyindex/internal/fault"
)

// This file explains the names of files that are no wheel and no source distribution.

// retired maps the extensions of formats that installers no longer use to their names.
var retired = map[string]string{
	".egg": "an egg",
	".exe": "a Windows installer (bdist_wininst)",
	".msi": "a Windows installer (bdist_msi)",
	".dmg": "a disk image (bdist_dmg)",
	".rpm": "an RPM package (bdist_rpm)",
	".deb": "a Debian package",
}

// unknownExtension refuses a file name by its extension.
func unknownExtension(name string) error {
	const advice = "upload a wheel (.whl) or a source distribution (.tar.gz; also .zip, .tgz or .tar.bz2)"
	lower := strings.ToLower(name)
	if strings.HasSuffix(lower, "-variants.json") {
		return fault.New(fault.Invalid, "file name %s is that of the index file of %s", quote(name), variantWheels)
	}
	if i := strings.LastIndexByte(lower, '.'); i >= 0 && retired[lower[i:]] != "" {
		return fault.New(fault.Invalid, "file name %s is that of %s, which pip and uv do not install: %s", quote(name),
			retired[lower[i:]], advice)
	}
	return fault.New(fault.Invalid, "file name %s has no known extension: %s", quote(name), advice)
}

// binaryPlatform matches the end of the version part in the name of an archive that "setup.py bdist_dumb" built, with
// the platform as distutils names it.
var binaryPlatform = regexp.MustCompile(
	`\.((?:linux|macosx|freebsd|openbsd|netbsd|cygwin|mingw|aix|solaris|sunos|darwin|win)-[A-Za-z0-9._-]+|win32)$`)

// badVersion refuses the name of a source distribution with this text in place of its version. form is the right
// spelling.
func badVersion(name, version, form string) error {
	if m := binaryPlatform.FindStringSubmatch(version); m != nil {
		return fault.New(fault.Invalid,
			"file name %s is that of a binary archive for %s (bdist_dumb), which installers do not use: upload a wheel",
			quote(name), m[1])
	}
	return fault.New(fault.Invalid,
		"file name %s has the version %s, which is not valid: use a PEP 440 version such as 1.2.3, as in %s", quote(name),
		quote(version), quote(form))
}

// variantWheels is what a variant wheel is called in a message.
const variantWheels = "a variant wheel (PEP 825), which this index does not accept yet"

// variantLabel matches the last part of the name of a variant wheel (PEP 825).
var variantLabel = regexp.MustCompile(`^[0-9a-z_.]{1,16}$`)

// isVariant reports whether the parts of a wheel's name are those of a variant wheel: a label follows the platform. A
// build number begins with a digit, and a Python tag does not.
func isVariant(parts []string) bool {
	switch len(parts) {
	case 6:
		return digitsAt(parts[2]) == 0 && areTags(strings.Split(parts[2], ".")) && variantLabel.MatchString(parts[5])
	case 7:
		return digitsAt(parts[2]) > 0 && variantLabel.MatchString(parts[6])
	}
	return false
}
