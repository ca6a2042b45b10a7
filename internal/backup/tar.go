package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"

	"pyindex/internal/fault"
)

// tarPath matches the paths of a backup as a stream. Nothing else is written.
var tarPath = regexp.MustCompile(`\A(?:index-backup|content/[0-9a-f]{2}/([0-9a-f]{64})|` +
	`snapshots/([0-9]{8}T[0-9]{6}Z-[0-9a-z]{4,32})/(?:manifest\.json|rows\.jsonl\.zst|content\.zst|secrets\.age))\z`)

// Receive writes a backup that comes as a stream (tar) into an empty folder. The manifest is the last file of the
// stream, so a stream that was cut off has no snapshot. Content with another digest than its name is left out. Receive
// returns fault.Invalid for anything that is not such a stream.
func Receive(from io.Reader, dir string, progress Progress) error {
	if progress == nil {
		progress = silent{}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	r := &receiving{root: root, tar: tar.NewReader(from), progress: progress, made: map[string]bool{}}
	progress.Step("receiving the backup", "file", 0)
	for {
		h, err := r.tar.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return cutOff(err)
		}
		if err := r.entry(h); err != nil {
			return err
		}
	}
	if !r.done {
		return fault.New(fault.Invalid, "the stream ended before the manifest: it is not a whole backup")
	}
	return nil
}

func cutOff(err error) error {
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fault.Wrap(fault.Invalid, err, "the stream is not a whole backup (tar): it is damaged or was cut off")
	}
	return err
}

// receiving is a stream that is being received.
type receiving struct {
	root     *os.Root
	tar      *tar.Reader
	progress Progress
	made     map[string]bool // folders; their number is bounded by the paths
	snapshot string
	done     bool // the manifest was received
}

func (r *receiving) entry(h *tar.Header) error {
	name := h.Name
	if h.Typeflag == tar.TypeDir && (name == contentDir+"/" || strings.HasPrefix(name, contentDir+"/") ||
		strings.HasPrefix(name, snapshotsDir+"/")) && path.Clean(name)+"/" == name && !strings.Contains(name, "..") {
		return nil // made when a file needs it
	}
	m := tarPath.FindStringSubmatch(name)
	if m == nil || h.Typeflag != tar.TypeReg || h.Size < 0 {
		return fault.New(fault.Invalid, "the stream contains %.120q, which does not belong to a backup", name)
	}
	if r.done {
		return fault.New(fault.Invalid, "the stream goes on after the manifest")
	}
	if m[1] != "" && name[len("content/"):len("content/")+2] != m[1][:2] {
		return fault.New(fault.Invalid, "the stream contains %.120q, which does not belong to a backup", name)
	}
	if m[2] != "" {
		if r.snapshot != "" && r.snapshot != m[2] {
			return fault.New(fault.Invalid, "the stream has two snapshots, %s and %s", r.snapshot, m[2])
		}
		r.snapshot = m[2]
	}
	if limit := int64(maxManifest); path.Base(name) == manifestFile && h.Size > limit ||
		name == markFile && h.Size > 1<<10 {
		return fault.New(fault.Invalid, "%s has %d bytes, which is too many", name, h.Size)
	}
	if err := r.write(name, h.Size, m[1]); err != nil {
		return err
	}
	r.done = path.Base(name) == manifestFile
	r.progress.Add(1, h.Size)
	return nil
}

// write writes a file that must not exist. digest is that of its content, "" if it may be any.
func (r *receiving) write(name string, size int64, digest string) error {
	if dir := path.Dir(name); dir != "." && !r.made[dir] {
		if err := r.root.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		r.made[dir] = true
	}
	f, err := r.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fault.Wrap(fault.Invalid, err, "the stream has %s twice", name)
	} else if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), r.tar)
	if err = errors.Join(err, f.Close()); err != nil {
		return cutOff(err)
	}
	if n != size {
		return fault.New(fault.Invalid, "the stream was cut off within %s", name)
	}
	if digest != "" && hex.EncodeToString(sum.Sum(nil)) != digest {
		return r.root.Remove(name) // it was damaged when it was backed up; the restore says that it is missing
	}
	return nil
}
