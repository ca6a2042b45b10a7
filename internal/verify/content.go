package verify

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"golang.org/x/crypto/blake2b"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

// atOnce is the number of files that are read concurrently, and digestsAtOnce that of digests between two positions.
const (
	atOnce        = 4
	digestsAtOnce = 64
)

// maxAgain bounds the digests that are checked again after an interruption. With more, a run begins at the beginning.
const maxAgain = 5_000

const nextContent = "restore it with index verify --mend FROM, FROM being a copy of the storage or a backup, or upload the same file again"

// contents reads the content of every file, in the order of digests.
func (r *run) contents(ctx context.Context) error {
	var total int64
	err := r.store.View(ctx, func(tx Tx) (err error) {
		total, err = tx.CountFiles(ctx)
		return err
	})
	if err != nil {
		return err
	}
	r.step("reading the content of files", "file", total)
	at := r.From
	again := at.Again
	at.Again, r.was.Objects = nil, at.Objects
	for _, digest := range again {
		// What comes after the digest before this one begins with this one, if it is still there.
		if err := r.batch(ctx, predecessor(digest), 1, digest, &at); err != nil {
			return err
		}
	}
	for {
		before := at.After
		if err := r.batch(ctx, before, digestsAtOnce, "", &at); err != nil {
			return err
		}
		if at.After == before {
			break
		}
		at.Objects = r.was.Objects
		if r.Saved == nil {
			continue
		}
		save := at
		if len(at.Again) >= maxAgain {
			save = Position{}
		}
		if err := r.Saved(save); err != nil {
			return err
		}
	}
	r.was.Kind, r.was.At = custody.CheckBytes, r.now().UTC()
	return r.update(ctx, func(tx Tx) error { return tx.PutCheck(ctx, r.was) })
}

// predecessor returns a text that sorts directly before a digest among digests.
func predecessor(digest string) string {
	if digest == "" {
		return ""
	}
	return digest[:len(digest)-1] + string(digest[len(digest)-1]-1)
}

// batch checks the files of the next digests after one, several at a time. Without only, it moves the position. With
// only, it checks nothing but that digest.
func (r *run) batch(ctx context.Context, after string, limit int, only string, at *Position) error {
	var files []FileRow
	err := r.store.View(ctx, func(tx Tx) (err error) {
		files, err = tx.FilesByContent(ctx, after, limit)
		return err
	})
	if err != nil {
		return err
	}
	var groups [][]FileRow
	for i := 0; i < len(files); {
		j := i + 1
		for j < len(files) && files[j].SHA256 == files[i].SHA256 && files[j].Generation == files[i].Generation {
			j++
		}
		if only == "" || files[i].SHA256 == only {
			groups = append(groups, files[i:j])
		}
		i = j
	}
	bad, err := r.group(ctx, groups)
	for _, digest := range bad {
		if len(at.Again) < maxAgain && !slices.Contains(at.Again, digest) {
			at.Again = append(at.Again, digest)
		}
	}
	if err == nil && only == "" && len(files) > 0 {
		at.After = files[len(files)-1].SHA256
	}
	return err
}

// group checks groups of files that share content, and returns the digests with findings.
func (r *run) group(ctx context.Context, groups [][]FileRow) (bad []string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan []FileRow)
	var workers sync.WaitGroup
	var mu sync.Mutex
	for range min(atOnce, len(groups)) {
		workers.Go(func() {
			for files := range queue {
				fine, err := r.files(ctx, files)
				if err != nil {
					cancel(err)
				}
				if !fine {
					mu.Lock()
					bad = append(bad, files[0].SHA256)
					mu.Unlock()
				}
			}
		})
	}
	for _, files := range groups {
		select {
		case queue <- files:
		case <-ctx.Done():
		}
	}
	close(queue)
	workers.Wait()
	return bad, context.Cause(ctx)
}

// measured is content that was read.
type measured struct {
	size              int64
	sha, md5, blake2b string
}

// measure reads stored content, with its other digests if all is set. problem is "" if it has the digest of s and, if
// that is known, its size. Missing content is a problem, not an error.
func (r *run) measure(ctx context.Context, s custody.Stored, all bool) (m measured, problem string, err error) {
	b, _, err := r.custody.Peek(ctx, s)
	if fault.Is(err, fault.NotFound) {
		return m, "is missing", nil
	} else if err != nil {
		return m, "", err
	}
	defer b.Close()
	m, err = digests(b, all)
	if err != nil {
		return m, "", fault.Wrap(fault.Unavailable, err, "the content of %s cannot be read", s.Key())
	}
	return m, m.differs(s), nil
}

func (m measured) differs(s custody.Stored) string {
	switch {
	case s.Size > 0 && m.size != s.Size:
		return fmt.Sprintf("has %d bytes instead of %d", m.size, s.Size)
	case m.sha != s.SHA256:
		return "has the SHA-256 " + m.sha
	}
	return ""
}

func digests(from io.Reader, all bool) (m measured, err error) {
	sha, sum := sha256.New(), md5.New()
	blake, err := blake2b.New256(nil)
	if err != nil {
		return m, err
	}
	to := io.Writer(sha)
	if all {
		to = io.MultiWriter(sha, sum, blake)
	}
	m.size, err = io.CopyBuffer(struct{ io.Writer }{to}, struct{ io.Reader }{from}, make([]byte, 256<<10))
	m.sha = hex.EncodeToString(sha.Sum(nil))
	if all {
		m.md5, m.blake2b = hex.EncodeToString(sum.Sum(nil)), hex.EncodeToString(blake.Sum(nil))
	}
	return m, err
}

// opened is content that can be read at any place.
type opened struct {
	io.ReaderAt
	close func()
	measured
}

// open reads stored content to its end and leaves it open. Content of a store that only streams is staged meanwhile.
func (r *run) open(ctx context.Context, s custody.Stored) (o opened, problem string, err error) {
	b, _, err := r.custody.Peek(ctx, s)
	if fault.Is(err, fault.NotFound) {
		return o, "is missing", nil
	} else if err != nil {
		return o, "", err
	}
	from := io.Reader(b)
	if at, ok := b.(io.ReaderAt); ok {
		o.ReaderAt, o.close = at, func() { b.Close() }
	} else {
		stage, err := r.custody.LooseStage(ctx)
		if err != nil {
			return o, "", errors.Join(err, b.Close())
		}
		from = io.TeeReader(b, stage)
		o.ReaderAt, o.close = stage, func() { b.Close(); stage.Discard() }
	}
	if o.measured, err = digests(from, true); err != nil {
		o.close()
		return o, "", fault.Wrap(fault.Unavailable, err, "the content of %s cannot be read", s.Key())
	}
	if problem = o.differs(s); problem != "" {
		o.close()
	}
	return o, problem, nil
}

// files checks the content that files share, and each of them. It reports whether nothing was found.
func (r *run) files(ctx context.Context, files []FileRow) (fine bool, err error) {
	s := files[0].Stored()
	s.Size = 0 // the digest decides; a row with another size is wrong
	o, problem, err := r.open(ctx, s)
	if err != nil {
		return false, err
	}
	r.progress(int64(len(files)), o.size)
	r.count(func() { r.sum.Files, r.sum.Bytes = r.sum.Files+int64(len(files)), r.sum.Bytes+o.size })
	fine = problem == ""
	if problem != "" {
		if o, err = r.broken(ctx, s, problem); err != nil || o.ReaderAt == nil {
			return false, err
		}
	}
	defer o.close()
	for _, f := range files {
		ok, err := r.file(ctx, f, o)
		if err != nil {
			return false, err
		}
		fine = fine && ok
	}
	return fine, nil
}

// count runs f alone.
func (r *run) count(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// broken reports missing or damaged content, and restores it from a copy if there is one. It returns the restored
// content, or a zero opened if it was not restored or no file needs it any longer.
func (r *run) broken(ctx context.Context, s custody.Stored, problem string) (opened, error) {
	names, err := r.needing(ctx, s)
	if err != nil || len(names) == 0 {
		return opened{}, err
	}
	f := Finding{Kind: "content", Subject: names[0], Problem: "its content " + problem, Next: nextContent}
	if more := len(names) - 1; more > 0 {
		f.Problem += fmt.Sprintf("; it is also that of %d other files", more)
	}
	var o opened
	if r.Mend != nil {
		var still string
		if err := r.custody.Mend(ctx, r.Mend, s); err != nil {
			f.Problem += "; not restored: " + fault.Message(err)
		} else if o, still, err = r.open(ctx, s); err != nil {
			return opened{}, err
		} else if f.Repaired = still == ""; !f.Repaired {
			o = opened{}
		}
	}
	r.count(func() {
		switch {
		case f.Repaired:
			r.was.Mended++
		case problem == "is missing":
			r.was.Missing++
		default:
			r.was.Damaged++
		}
	})
	r.found(f)
	return o, nil
}

// needing returns some files that need stored content now.
func (r *run) needing(ctx context.Context, s custody.Stored) (names []string, err error) {
	err = r.store.View(ctx, func(tx Tx) (err error) {
		names, err = tx.FilesNaming(ctx, s, 10)
		return err
	})
	return names, err
}

// there reports whether the row of a file exists. Only its yank and quarantine can have changed.
func (r *run) there(ctx context.Context, f FileRow) (bool, error) {
	var now string
	err := r.store.View(ctx, func(tx Tx) error {
		row, err := tx.FileByName(ctx, f.RepositoryID, f.Filename)
		now = row.ID
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return now == f.ID, err
}

// file checks the row of a file against its content, which has the right SHA-256.
func (r *run) file(ctx context.Context, f FileRow, o opened) (fine bool, err error) {
	r.count(func() { r.was.Objects++ })
	fine = true
	report := func(kind, problem, next string) error {
		there, err := r.there(ctx, f)
		if err == nil && there {
			fine = false
			r.found(Finding{Kind: kind, Subject: f.Repository + "/" + f.Filename, Problem: problem, Next: next})
		}
		return err
	}
	const backup = "restore the row from a backup, or delete the file and publish a new build of it"
	if f.MD5 != "" && f.MD5 != o.md5 || f.Blake2b256 != "" && f.Blake2b256 != o.blake2b {
		if err := report("digest", "its row has another MD5 or BLAKE2b than its content", backup); err != nil {
			return false, err
		}
	}
	if f.Size != o.size {
		if err := r.size(ctx, f, o.size); err != nil {
			return false, err
		}
		fine = false
	}
	project, err := packaging.ParseProjectName(f.Project)
	if err != nil {
		return fine, report("file-name", "its project has the invalid name "+f.Project, backup)
	}
	name, err := packaging.ParseFilename(f.Filename, project)
	if err != nil { // a file of an import in an old form
		return r.sibling(ctx, f, nil, fine)
	}
	if name.Key() != f.NameKey {
		if err := report("file-name", "its row has the name key "+f.NameKey+" instead of "+name.Key(), backup); err != nil {
			return false, err
		}
	}
	c, err := archive.Inspect(o.ReaderAt, o.size, name, archive.DefaultLimits(), archive.Rules{})
	if err != nil && !fault.Is(err, fault.Invalid) {
		return false, err
	}
	if err != nil { // accepted under other rules: the content is what was uploaded, and nothing can be derived from it
		return r.sibling(ctx, f, nil, fine)
	}
	if fine, err = r.sibling(ctx, f, c.Metadata, fine); err != nil {
		return false, err
	}
	return r.columns(ctx, f, c.Parsed, fine)
}

// size reports a row with another size than its content, and corrects it and the size of the project.
func (r *run) size(ctx context.Context, f FileRow, size int64) error {
	if there, err := r.there(ctx, f); err != nil || !there {
		return err
	}
	finding := Finding{
		Kind: "columns", Subject: f.Repository + "/" + f.Filename, Next: repairIt,
		Problem: fmt.Sprintf("its row has the size %d, and its content has %d bytes", f.Size, size),
	}
	if r.Repair {
		err := r.update(ctx, func(tx Tx) (err error) {
			if finding.Repaired, err = tx.PutSize(ctx, f.ID, size); err != nil || !finding.Repaired {
				return err
			}
			if _, err := tx.Correct(ctx, RuleProjectSize, f.ProjectID); err != nil {
				return err
			}
			return show(ctx, tx, f.ProjectID)
		})
		if err != nil {
			return err
		}
	}
	r.found(finding)
	return nil
}

// sibling checks the stored metadata of a file against its row and, unless it is nil, the metadata in the archive.
func (r *run) sibling(ctx context.Context, f FileRow, inside []byte, fine bool) (bool, error) {
	if f.MetadataSHA256 == "" {
		return fine, nil
	}
	finding := Finding{Kind: "metadata", Subject: f.Repository + "/" + f.Filename, Next: repairIt}
	sum := sha256.Sum256(inside)
	same := inside != nil && hex.EncodeToString(sum[:]) == f.MetadataSHA256
	sound, err := r.custody.Sound(ctx, f.StoredMetadata())
	switch {
	case err != nil:
		return false, err
	case sound && (same || inside == nil):
		r.count(func() { r.was.Objects++ })
		return fine, nil
	case sound:
		finding.Problem = "its stored metadata differs from that in the archive"
		finding.Next = "delete the file and publish a new build of it"
	default:
		finding.Problem = "its stored metadata is missing or damaged"
	}
	if there, err := r.there(ctx, f); err != nil || !there {
		return fine, err
	}
	switch {
	case !sound && same && r.Repair:
		if err := r.custody.PutBack(ctx, f.StoredMetadata(), inside); err != nil {
			finding.Problem += "; not restored: " + fault.Message(err)
		} else {
			finding.Repaired = true
		}
	case !sound && !same && r.Mend != nil:
		finding.Repaired = r.custody.Mend(ctx, r.Mend, f.StoredMetadata()) == nil
	case !sound && !same:
		finding.Next = nextContent
	}
	r.count(func() {
		if finding.Repaired {
			r.was.Mended++
		} else if !sound {
			r.was.Damaged++
		}
	})
	r.found(finding)
	return false, nil
}

// columns checks what the row of a file has of the metadata in its archive.
func (r *run) columns(ctx context.Context, f FileRow, m packaging.Metadata, fine bool) (bool, error) {
	var row packaging.Metadata
	gone := false
	err := r.store.View(ctx, func(tx Tx) (err error) {
		row, err = tx.Metadata(ctx, f.ID)
		if gone = fault.Is(err, fault.NotFound); gone {
			err = nil
		}
		return err
	})
	if err != nil {
		return false, err
	}
	problem := ""
	switch {
	case gone:
		problem = "its row has no metadata"
	case f.RequiresPython != m.RequiresPython:
		problem = fmt.Sprintf("its row has the Requires-Python %q instead of %q", f.RequiresPython, m.RequiresPython)
	case row.Name != m.Name || row.Version != m.Version || row.Summary != m.Summary ||
		row.RequiresPython != m.RequiresPython || !slices.Equal(row.RequiresDist, m.RequiresDist):
		problem = "its row has other metadata than the archive"
	default:
		return fine, nil
	}
	if there, err := r.there(ctx, f); err != nil || !there {
		return fine, err
	}
	finding := Finding{Kind: "columns", Subject: f.Repository + "/" + f.Filename, Problem: problem, Next: repairIt}
	if r.Repair {
		err := r.update(ctx, func(tx Tx) error {
			finding.Repaired = false
			if err := tx.PutParsed(ctx, f.ID, m); fault.Is(err, fault.NotFound) {
				return nil
			} else if err != nil {
				return err
			}
			finding.Repaired = true
			return show(ctx, tx, f.ProjectID)
		})
		if err != nil {
			return false, err
		}
	}
	r.found(finding)
	return false, nil
}

// strays finds stored objects without a row, and removes those older than a day if repairs are asked for.
func (r *run) strays(ctx context.Context) error {
	r.step("looking for objects without a row", "object", 0)
	var pending []custody.Object
	n, err := r.custody.FindStrays(ctx, r.who, r.Repair, func(o custody.Object) {
		pending = append(pending, o)
		if len(pending) >= page {
			r.strayed(pending, r.Repair)
			pending = pending[:0]
		}
	})
	if _, left := errors.AsType[*custody.Leftover](err); left {
		err = nil // the sweeper continues with the rest
	}
	if err != nil {
		return err
	}
	r.strayed(pending, r.Repair)
	r.progress(n.Objects, 0)
	r.sum.Objects, r.sum.Young, r.sum.Foreign = n.Objects, n.Young, n.Foreign
	return nil
}

func (r *run) strayed(some []custody.Object, removed bool) {
	for _, o := range some {
		r.found(Finding{
			Kind: "stray", Subject: o.Key, Problem: fmt.Sprintf("no row needs its %d bytes", o.Size), Repaired: removed,
			Next: repairIt + ", which removes it",
		})
	}
}
