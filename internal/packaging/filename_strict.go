package packaging

import (
	"regexp"
	"strings"

	"pyindex/internal/fault"
)

// CheckStrict applies PyPI's requirements beyond ParseFilename: CheckSpelling, then CheckPlatforms.
func (f Filename) CheckStrict() error {
	if err := f.CheckSpelling(); err != nil {
		return err
	}
	return f.CheckPlatforms()
}

// CheckSpelling returns fault.Invalid unless a source distribution is spelled exactly as in PEP 625, including .tar.gz,
// and the name part of a wheel is the normalized name with underscores.
func (f Filename) CheckSpelling() error {
	wrong := f.namePart != f.project.Underscored()
	if f.kind == SDist {
		wrong = f.text != f.Normal()
	}
	if wrong {
		return fault.New(fault.Invalid, "file name %s is not in normal form: it should read %s", quote(f.text),
			quote(f.Normal()))
	}
	return nil
}

// CheckPlatforms returns fault.Invalid for a wheel with a platform tag that PyPI does not accept, such as linux_x86_64.
func (f Filename) CheckPlatforms() error {
	for _, p := range f.platforms {
		if !publicPlatform.MatchString(p) {
			return fault.New(fault.Invalid, "file name %s has the platform tag %s, which the upload policy does not allow",
				quote(f.text), quote(p))
		}
	}
	return nil
}

// publicPlatform matches the platform tags that PyPI accepts. Plain linux is not among them, because it does not
// specify the C library.
var publicPlatform = regexp.MustCompile(`^(?:` + strings.Join([]string{
	`any`, `win32`, `win_arm64`, `win_amd64`, `win_ia64`, `linux_armv6l`, `linux_armv7l`,
	`manylinux(?:1|2010)_(?:x86_64|i686)`,
	`manylinux2014_(?:x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)`,
	`manylinux_[0-9]+_[0-9]+_(?:x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x|riscv64)`,
	`musllinux_[0-9]+_[0-9]+_(?:x86_64|i686|aarch64|armv7l|ppc64le|s390x|riscv64)`,
	`macosx_(?:10_[0-9]+|(?:11|12|13|14|15|26)_0)_(?:ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat64|universal|universal2)`,
	`ios_[0-9]+_[0-9]+_(?:arm64|x86_64)_(?:iphoneos|iphonesimulator)`,
	`android_[0-9]+_(?:armeabi_v7a|arm64_v8a|x86|x86_64)`,
	`pyemscripten_[0-9]+_[0-9]+_wasm32.*`,
}, `|`) + `)$`)
