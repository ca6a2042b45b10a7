package lockfile

import (
	"errors"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"pyindex/internal/fault"
)

// decode decodes a TOML text. The message of an error has the line, and nothing of the text.
func decode(path string, text []byte, into any) error {
	err := toml.Unmarshal(text, into)
	if at, ok := errors.AsType[*toml.DecodeError](err); ok {
		row, _ := at.Position()
		return fault.New(fault.Invalid, "%s:%d: not valid TOML, or not of this format", path, row)
	}
	if err != nil {
		return fault.New(fault.Invalid, "%s: not valid TOML, or not of this format", path)
	}
	return nil
}

// setHash sets the hash of a file from "sha256:…".
func (f *File) setHash(hash string) {
	algorithm, digest, ok := strings.Cut(hash, ":")
	switch {
	case !ok || digest == "":
	case strings.EqualFold(algorithm, "sha256"):
		f.SHA256 = strings.ToLower(digest)
	default:
		f.OtherHash = true
	}
}

// setHashes sets the hash of a file from a table of algorithms.
func (f *File) setHashes(hashes map[string]string) {
	for algorithm, digest := range hashes {
		f.setHash(algorithm + ":" + digest)
	}
	f.OtherHash = f.OtherHash && f.SHA256 == ""
}

// addHash adds a hash that is good for any file of the package.
func (p *Package) addHash(hash string) {
	var f File
	f.setHash(hash)
	if f.SHA256 != "" {
		p.Hashes = append(p.Hashes, f.SHA256)
	}
	p.OtherHash = p.OtherHash || f.OtherHash
}
