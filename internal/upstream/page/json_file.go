package page

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxSize is the largest size of a file that is believed.
const maxSize = 1 << 50

// jsonFile reads the members of one file.
type jsonFile struct {
	*jsonPage
	entry
	name  string
	seen  uint
	alias [3]jsonMetadata // core-metadata and its two older names
}

// jsonMetadata is a value of core-metadata.
type jsonMetadata struct {
	stated, has bool
	sha256      string
}

// fileMembers are the known members of a file, as bits of jsonFile.seen.
var fileMembers = map[string]uint{
	"filename":                0,
	"url":                     1,
	"hashes":                  2,
	"size":                    3,
	"upload-time":             4,
	"requires-python":         5,
	"yanked":                  6,
	"core-metadata":           7,
	"dist-info-metadata":      8,
	"data-dist-info-metadata": 9,
	"provenance":              10,
	"gpg-sig":                 11,
}

func (p *jsonPage) readFile() error {
	f := jsonFile{jsonPage: p, entry: entry{size: -1}}
	ok, err := p.members(f.member)
	if err != nil {
		return err
	}
	f.malformed = f.malformed || !ok
	f.names = []string{f.name}
	for _, m := range f.alias {
		if m.stated {
			f.metadata, f.metadataSHA256 = m.has, m.sha256
			break
		}
	}
	return p.add(f.entry)
}

// member reads one member. If a known one is repeated, readers may differ about the file.
func (f *jsonFile) member(name string) error {
	bit, known := fileMembers[name]
	if !known {
		return f.skip()
	}
	if f.seen&(1<<bit) != 0 {
		f.malformed = true
	}
	f.seen |= 1 << bit
	switch name {
	case "hashes":
		return f.hashes()
	case "core-metadata":
		return f.metadataOf(&f.alias[0])
	case "dist-info-metadata":
		return f.metadataOf(&f.alias[1])
	case "data-dist-info-metadata":
		return f.metadataOf(&f.alias[2])
	}
	v, kind, err := f.scalar()
	if err != nil {
		return err
	}
	f.set(name, v, kind)
	return nil
}

// set keeps the value of a member that is neither object nor list. An unusable value of size and upload-time, which
// PEP 700 added, counts as absent, as does null for every optional member.
func (f *jsonFile) set(name, v string, kind jsontext.Kind) {
	switch name {
	case "size":
		if n, err := strconv.ParseInt(v, 10, 64); err == nil && kind == '0' && n >= 0 && n <= maxSize {
			f.size = n
		}
		return
	case "upload-time":
		if kind == '"' {
			f.uploaded = uploadTime(v)
		}
		return
	}
	switch {
	case name == "filename" && kind == '"':
		f.name = v
	case name == "url" && kind == '"':
		f.href = v
	case kind == 'n':
	case name == "requires-python" && kind == '"':
		f.requiresPython = v
	case name == "provenance":
		if kind == '"' {
			f.provenance = v
		}
	case name == "yanked" && kind == '"':
		f.yanked, f.yankedReason = true, v
	case name == "yanked" && (kind == 't' || kind == 'f'):
		f.yanked = kind == 't'
	case name == "gpg-sig":
		if kind == 't' || kind == 'f' {
			signed := kind == 't'
			f.signed = &signed
		}
	default:
		f.malformed = true
	}
}

// hashes reads the digests of a file. One without SHA-256 is kept without a digest.
func (f *jsonFile) hashes() error {
	if f.dec.PeekKind() == 'n' {
		return f.skip()
	}
	ok, err := f.digests(&f.sha256)
	f.malformed = f.malformed || !ok
	return err
}

// digests reads an object of digests. It returns false after another value, and if the SHA-256 is repeated or not a
// text.
func (f *jsonFile) digests(sha256 *string) (bool, error) {
	good := true
	ok, err := f.members(func(name string) error {
		if name != "sha256" {
			return f.skip()
		}
		text, isText, err := f.text()
		if !isText || text == "" || *sha256 != "" {
			good = false
		}
		*sha256 = text
		return err
	})
	return ok && good, err
}

// metadataOf reads a value of core-metadata: true, false, or an object of digests. Any other value means that there is
// none.
func (f *jsonFile) metadataOf(m *jsonMetadata) error {
	switch f.dec.PeekKind() {
	case '{':
		ok, err := f.digests(&m.sha256)
		m.stated, m.has = true, ok
		return err
	case 't', 'f':
		v, _, err := f.scalar()
		m.stated, m.has = true, v == "true"
		return err
	}
	return f.skip()
}
