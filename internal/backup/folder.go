package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"pyindex/internal/fault"
	"pyindex/internal/regular"
)

// Names in the folder of a backup.
const (
	markFile     = "index-backup" // marks the folder
	markText     = "index backup 1\n"
	contentDir   = "content"
	snapshotsDir = "snapshots"
	manifestFile = "manifest.json"
	rowsFile     = "rows.jsonl.zst"
	contentFile  = "content.zst"
	secretsFile  = "secrets.age"
)

// maxManifest bounds a manifest, in bytes.
const maxManifest = 8 << 20

var snapshotID = regexp.MustCompile(`\A[0-9]{8}T[0-9]{6}Z-[0-9a-z]{4,32}\z`)

// Folder is the folder of a backup, opened for reading. No path leads out of it.
type Folder struct {
	root *os.Root
	dir  string
}

// OpenFolder opens the folder of a backup. It returns fault.NotFound if there is none, and fault.Invalid if the folder
// is something else.
func OpenFolder(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(fault.NotFound, err, "there is no folder %s", dir)
	} else if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "the backup %s cannot be opened: %v", dir, err)
	}
	f := &Folder{root: root, dir: dir}
	text, err := f.readFile(markFile, 1<<10)
	if err != nil || !strings.HasPrefix(string(text), "index backup ") {
		return nil, errors.Join(fault.New(fault.Invalid, "%s is not a backup: it has no file %s", dir, markFile),
			root.Close())
	}
	if string(text) != markText {
		return nil, errors.Join(fault.New(fault.Conflict, "%s was written by a newer version: use that version", dir),
			root.Close())
	}
	return f, nil
}

// Close closes the folder.
func (f *Folder) Close() error { return f.root.Close() }

func (f *Folder) readFile(name string, limit int64) ([]byte, error) {
	file, err := regular.OpenIn(f.root, name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fault.New(fault.Invalid, "%s is larger than %d bytes", name, limit)
	}
	return b, err
}

// Snapshots returns the manifests of all snapshots, oldest first. A folder without a manifest is not a snapshot.
func (f *Folder) Snapshots() ([]Manifest, error) {
	dir, err := f.root.Open(snapshotsDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names) // the names begin with the time
	var out []Manifest
	for _, name := range names {
		if !snapshotID.MatchString(name) {
			continue
		}
		m, err := f.manifest(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

func (f *Folder) manifest(id string) (m Manifest, err error) {
	b, err := f.readFile(path.Join(snapshotsDir, id, manifestFile), maxManifest)
	if err != nil {
		return m, err
	}
	if json.Unmarshal(b, &m) != nil || m.Format < 1 || m.ID != id {
		return m, fault.New(fault.Invalid, "the manifest of snapshot %s cannot be read", id)
	}
	if m.Format > Format {
		return m, fault.New(fault.Conflict,
			"snapshot %s has format %d, but this version reads %d at most: use version %s or newer",
			id, m.Format, Format, m.Version)
	}
	for _, p := range m.Files {
		if p.Path != path.Base(p.Path) || p.Path == manifestFile || p.Path == ".." || p.Path == "." {
			return m, fault.New(fault.Invalid, "the manifest of snapshot %s lists the file %.80q", id, p.Path)
		}
	}
	return m, nil
}

// Snapshot returns the manifest of a snapshot, of the newest one if id is "". It returns fault.NotFound if there is
// none.
func (f *Folder) Snapshot(id string) (Manifest, error) {
	if id == "" {
		all, err := f.Snapshots()
		if err != nil {
			return Manifest{}, err
		}
		if len(all) == 0 {
			return Manifest{}, fault.New(fault.NotFound, "the backup %s has no finished snapshot", f.dir)
		}
		return all[len(all)-1], nil
	}
	if !snapshotID.MatchString(id) {
		return Manifest{}, fault.New(fault.Invalid, "%.80q is not the id of a snapshot: index backup list %s shows them", id,
			f.dir)
	}
	m, err := f.manifest(id)
	if errors.Is(err, fs.ErrNotExist) {
		return m, fault.New(fault.NotFound, "the backup %s has no snapshot %s: index backup list shows those that it has",
			f.dir,
			id)
	}
	return m, err
}

// CheckParts compares the files of a snapshot with its manifest. It returns fault.Invalid about the first that differs.
func (f *Folder) CheckParts(m Manifest) error {
	for _, p := range m.Files {
		file, err := regular.OpenIn(f.root, path.Join(snapshotsDir, m.ID, p.Path))
		if errors.Is(err, fs.ErrNotExist) {
			return fault.Wrap(fault.Invalid, err, "snapshot %s lacks its file %s", m.ID, p.Path)
		} else if err != nil {
			return err
		}
		sum := sha256.New()
		n, err := io.Copy(sum, file)
		if err = errors.Join(err, file.Close()); err != nil {
			return err
		}
		if n != p.Size || hex.EncodeToString(sum.Sum(nil)) != p.SHA256 {
			return fault.New(fault.Invalid, "the file %s of snapshot %s is damaged: its content is not what was written", p.Path,
				m.ID)
		}
	}
	for _, need := range []string{rowsFile, contentFile} {
		if !slices.ContainsFunc(m.Files, func(p Part) bool { return p.Path == need }) {
			return fault.New(fault.Invalid, "snapshot %s lacks its file %s", m.ID, need)
		}
	}
	return nil
}

// Has reports whether the snapshot has a file.
func (m Manifest) Has(part string) bool {
	return slices.ContainsFunc(m.Files, func(p Part) bool { return p.Path == part })
}

// HasSecrets reports whether the snapshot has its secrets, sealed.
func (m Manifest) HasSecrets() bool { return m.Has(secretsFile) }

// OpenSecrets opens the sealed secrets of a snapshot.
func (f *Folder) OpenSecrets(m Manifest) (io.ReadCloser, error) {
	return regular.OpenIn(f.root, path.Join(snapshotsDir, m.ID, secretsFile))
}

// OpenRows opens the rows of a snapshot.
func (f *Folder) OpenRows(m Manifest) (io.ReadCloser, error) { return f.unpacked(m, rowsFile) }

// OpenList opens the list of the content that a snapshot needs.
func (f *Folder) OpenList(m Manifest) (io.ReadCloser, error) { return f.unpacked(m, contentFile) }

// OpenContent opens stored content. It returns an error that is fs.ErrNotExist if the backup lacks it.
func (f *Folder) OpenContent(c Content) (*os.File, error) { return regular.OpenIn(f.root, c.Path()) }

// unpacked is a file of a snapshot, decompressed.
type unpacked struct {
	*zstd.Decoder
	file io.Closer
}

func (u unpacked) Close() error {
	u.Decoder.Close()
	return u.file.Close()
}

func (f *Folder) unpacked(m Manifest, name string) (io.ReadCloser, error) {
	file, err := regular.OpenIn(f.root, path.Join(snapshotsDir, m.ID, name))
	if err != nil {
		return nil, err
	}
	d, err := zstd.NewReader(file, zstd.WithDecoderMaxMemory(1<<30), zstd.WithDecoderMaxWindow(64<<20),
		zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return unpacked{d, file}, nil
}
