package legacyupload

import (
	"regexp"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
)

// readFileFields reads the fields about the file into u. It returns fault.Invalid if one is missing, sent twice or
// malformed.
func readFileFields(f form, u *ingest.Upload) (err error) {
	if u.Kind, err = fileKind(f); err != nil {
		return err
	}
	if u.PythonVersion, err = pythonVersion(f, u.Kind); err != nil {
		return err
	}
	if u.Digests, err = readDigests(f); err != nil {
		return err
	}
	u.Comment, err = f.one("comment")
	return err
}

func fileKind(f form) (packaging.Kind, error) {
	text, err := f.one("filetype")
	if err != nil {
		return "", err
	}
	switch kind := packaging.Kind(text); kind {
	case packaging.SDist, packaging.Wheel:
		return kind, nil
	case "":
		return "", fault.New(fault.Invalid, "the form has no filetype: send sdist or bdist_wheel")
	}
	return "", fault.New(fault.Invalid,
		"filetype %.60q is not accepted here: send an sdist or a wheel (sdist, bdist_wheel)",
		text)
}

// pythonVersion reads pyversion: free text for a wheel, and only "source" for a source distribution. flit omits the
// latter.
func pythonVersion(f form, kind packaging.Kind) (string, error) {
	text, err := f.one("pyversion")
	switch {
	case err != nil:
		return "", err
	case kind == packaging.Wheel && text == "":
		return "", fault.New(fault.Invalid, "the form has no pyversion: for a wheel, send its Python tag, such as py3")
	case kind == packaging.SDist && text != "" && text != "source":
		return "", fault.New(fault.Invalid,
			`pyversion %.60q does not fit a source distribution: send "source" or leave it out`, text)
	case len(text) > maxPython:
		return "", fault.New(fault.Invalid, "pyversion is too long: %d characters at most", maxPython)
	case kind == packaging.SDist:
		return "source", nil
	}
	return text, nil
}

const maxPython = 200

var digestFields = []struct {
	field   string
	pattern *regexp.Regexp
	set     func(*ingest.Digests, string)
}{
	{"sha256_digest", hex64, func(d *ingest.Digests, s string) { d.SHA256 = s }},
	{"blake2_256_digest", hex64, func(d *ingest.Digests, s string) { d.Blake2b256 = s }},
	{"md5_digest", hex32, func(d *ingest.Digests, s string) { d.MD5 = s }},
}

var (
	hex64 = regexp.MustCompile(`\A[0-9A-Fa-f]{64}\z`)
	hex32 = regexp.MustCompile(`\A[0-9A-Fa-f]{32}\z`)
)

// readDigests reads the digests. At least one is required. Package ingest compares them with the file.
func readDigests(f form) (d ingest.Digests, err error) {
	for _, c := range digestFields {
		text, err := f.one(c.field)
		if err != nil {
			return d, err
		}
		if text != "" && !c.pattern.MatchString(text) {
			return d, fault.New(fault.Invalid, "%s is not a digest in hex: %.80q", c.field, text)
		}
		c.set(&d, strings.ToLower(text))
	}
	if d == (ingest.Digests{}) {
		return d, fault.New(fault.Invalid,
			"the form has no digest of the file: send sha256_digest, blake2_256_digest or md5_digest")
	}
	return d, nil
}
