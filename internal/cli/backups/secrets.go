package backups

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"sync"

	"filippo.io/age"

	"pyindex/internal/backup"
	"pyindex/internal/fault"
)

// maxSecrets bounds the secrets of a backup, in bytes.
const maxSecrets = 1 << 30

// secretsRows is the name of the tables with secrets within the sealed secrets.
const secretsRows = "rows.jsonl"

// tlsFile matches the names of TLS files within the sealed secrets. It is large, and few commands need it.
var tlsFile = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\Atls(?:/[A-Za-z0-9_.+@-]{1,100}){1,4}\z`)
})

// secrets are the opened secrets of a backup. nil are those that are not available.
type secrets struct {
	tables []byte
	files  map[string][]byte // by path below the data folder
}

// openSecrets opens the secrets of a snapshot with the identity in a file. Without a file, or if the snapshot has none,
// it returns nil.
func openSecrets(from *backup.Folder, m backup.Manifest, identity string) (*secrets, error) {
	if identity == "" {
		return nil, nil
	}
	if !m.HasSecrets() {
		return nil, fault.New(fault.Invalid, "snapshot %s has no secrets: leave out --identity", m.ID)
	}
	text, err := os.ReadFile(identity)
	if err != nil {
		return nil, err
	}
	keys, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "%s has no age identity", identity)
	}
	sealed, err := from.OpenSecrets(m)
	if err != nil {
		return nil, err
	}
	defer sealed.Close()
	plain, err := age.Decrypt(sealed, keys...)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err,
			"the secrets of the backup cannot be opened with %s: they were sealed to another recipient",
			identity)
	}
	return readSecrets(plain)
}

// readSecrets reads the archive within the seal.
func readSecrets(from io.Reader) (*secrets, error) {
	s := &secrets{files: map[string][]byte{}}
	left := int64(maxSecrets)
	for r := tar.NewReader(from); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		} else if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the secrets of the backup are damaged")
		}
		if left -= h.Size; h.Typeflag != tar.TypeReg || left < 0 {
			return nil, fault.New(fault.Invalid, "the secrets of the backup contain %.80q, which is not expected there", h.Name)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "the secrets of the backup are damaged")
		}
		switch {
		case h.Name == secretsRows:
			s.tables = b
		case tlsFile().MatchString(h.Name) && path.Clean(h.Name) == h.Name:
			s.files[h.Name] = b
		default:
			return nil, fault.New(fault.Invalid, "the secrets of the backup contain %.80q, which is not expected there", h.Name)
		}
	}
	if s.tables == nil {
		return nil, fault.New(fault.Invalid, "the secrets of the backup lack their rows")
	}
	return s, nil
}

// opened reports whether there are secrets.
func (s *secrets) opened() bool { return s != nil }

// rows opens the tables with secrets. It is nil if there are none.
func (s *secrets) rows() func() (io.ReadCloser, error) {
	if s == nil {
		return nil
	}
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(s.tables)), nil }
}

// writeFiles writes the TLS files that the data folder lacks, and returns their paths.
func (s *secrets) writeFiles(dir string) (written []string, err error) {
	if s == nil {
		return nil, nil
	}
	for name, content := range s.files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		did, e := writeNew(path, content)
		if err = errors.Join(err, e); did {
			written = append(written, path)
		}
	}
	slices.Sort(written)
	return written, err
}
