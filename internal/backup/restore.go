package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
)

// restorers is the number of objects that are copied at the same time.
const restorers = 8

// maxMissing bounds the list of content that is missing.
const maxMissing = 1000

// Progress receives how far a long operation is.
type Progress interface {
	Step(what, noun string, total int64)
	Add(objects, bytes int64)
}

// RestoreOptions configure Restore.
type RestoreOptions struct {
	Manifest Manifest // of the snapshot
	Target   Target
	Content  custody.Blobs // the store; content that it has already is used
	// Verify reads the content that a backup without content needs, instead of only comparing its size.
	Verify bool
	// AcceptMissing goes on although content is missing or damaged. Its files cannot be served.
	AcceptMissing bool
	Load          LoadOptions // Manifest, Rows and Progress are filled in
	Progress      Progress    // nil for none
}

// Restored is the result of Restore.
type Restored struct {
	Loaded
	Resumed bool  // an earlier run was continued
	Objects int64 // of the store, which were written or verified
	Copied  int64 // of them, those that were written
	Bytes   int64 // of those that were written
	// Missing are digests of content that is neither in the backup nor in the store, or damaged, with the reason; at most
	// 1000 of MissingCount.
	Missing      []string
	MissingCount int64
}

// Restore fills an empty database and a store from a snapshot. Content comes first, then all rows in one transaction.
// It can be interrupted and called again. It returns fault.Invalid if the backup is damaged, and fault.Conflict if the
// database contains an index or the backup is newer than this program.
func Restore(ctx context.Context, from *Folder, o RestoreOptions) (out Restored, err error) {
	if o.Progress == nil {
		o.Progress = silent{}
	}
	o.Progress.Step("checking the snapshot", "file", int64(len(o.Manifest.Files)))
	if err := from.CheckParts(o.Manifest); err != nil {
		return out, err
	}
	if out.Resumed, err = o.Target.BeginRestore(ctx, o.Manifest.ID); err != nil {
		return out, err
	}
	r := &restoring{from: from, o: o, out: &out}
	what := "copying content"
	if o.Manifest.RowsOnly {
		what = "checking content"
	}
	o.Progress.Step(what, "object", o.Manifest.Objects)
	if err := r.content(ctx); err != nil {
		return out, err
	}
	slices.Sort(out.Missing)
	if out.MissingCount > 0 && !o.AcceptMissing {
		return out, r.missing()
	}
	o.Progress.Step("loading rows", "row", o.Manifest.rows())
	o.Load.Manifest = o.Manifest
	o.Load.Rows = func() (io.ReadCloser, error) { return from.OpenRows(o.Manifest) }
	last := int64(0)
	o.Load.Progress = func(n int64) {
		if n < last { // the transaction runs again
			last = 0
		}
		o.Progress.Add(n-last, 0)
		last = n
	}
	out.Loaded, err = o.Target.Load(ctx, o.Load)
	return out, err
}

// rows returns the number of rows.
func (m Manifest) rows() (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

type silent struct{}

func (silent) Step(string, string, int64) {}
func (silent) Add(int64, int64)           {}

// restoring is a restore in progress.
type restoring struct {
	from *Folder
	o    RestoreOptions
	mu   sync.Mutex
	out  *Restored
}

// content copies or checks all content, several objects at a time.
func (r *restoring) content(ctx context.Context) error {
	list, err := r.from.OpenList(r.o.Manifest)
	if err != nil {
		return err
	}
	defer list.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan Content)
	var all sync.WaitGroup
	for range restorers {
		all.Go(func() {
			for c := range queue {
				if err := r.one(ctx, c); err != nil {
					cancel(err)
				}
			}
		})
	}
	err = EachContent(list, func(c Content) error {
		select {
		case queue <- c:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(queue)
	all.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// one copies or checks the objects of one content.
func (r *restoring) one(ctx context.Context, c Content) error {
	for _, key := range c.Keys {
		if r.o.Manifest.RowsOnly {
			if err := r.check(ctx, c, key); err != nil {
				return err
			}
			continue
		}
		if err := r.copy(ctx, c, key); err != nil {
			return err
		}
	}
	return nil
}

// note counts an object.
func (r *restoring) note(copied, bytes int64) {
	r.mu.Lock()
	r.out.Objects++
	r.out.Copied += copied
	r.out.Bytes += bytes
	r.mu.Unlock()
	r.o.Progress.Add(1, bytes)
}

// lack notes an object that cannot be restored.
func (r *restoring) lack(c Content, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.out.MissingCount++; len(r.out.Missing) < maxMissing {
		r.out.Missing = append(r.out.Missing, c.SHA256+": "+why)
	}
}

// check looks for content that a backup without content needs.
func (r *restoring) check(ctx context.Context, c Content, key string) error {
	size, err := r.o.Content.Size(ctx, key)
	switch {
	case fault.Is(err, fault.NotFound):
		r.lack(c, "the store lacks "+key)
		return nil
	case err != nil:
		return err
	case c.Size >= 0 && size != c.Size:
		r.lack(c, fmt.Sprintf("%s has %d bytes in the store, but %d were backed up", key, size, c.Size))
		return nil
	}
	if r.o.Verify {
		same, err := r.stored(ctx, key, c.SHA256)
		if err != nil {
			return err
		}
		if !same {
			r.lack(c, key+" is damaged in the store")
			return nil
		}
	}
	r.note(0, 0)
	return nil
}

// stored reports whether the store has intact content under a key.
func (r *restoring) stored(ctx context.Context, key, sum string) (bool, error) {
	b, _, err := r.o.Content.Open(ctx, key)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer b.Close()
	h := sha256.New()
	if _, err := io.Copy(h, b); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == sum, nil
}

// copy writes content under a key, unless the store has it. Damaged content is replaced.
func (r *restoring) copy(ctx context.Context, c Content, key string) error {
	if has, err := r.stored(ctx, key, c.SHA256); err != nil {
		return err
	} else if has {
		r.note(0, 0)
		return nil
	}
	from, err := r.from.OpenContent(c)
	if errors.Is(err, fs.ErrNotExist) {
		r.lack(c, "the backup lacks "+c.Path())
		return nil
	} else if err != nil {
		return err
	}
	defer from.Close()
	s, err := r.o.Content.Stage(ctx)
	if err != nil {
		return err
	}
	defer s.Discard()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(s, h), from)
	if err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != c.SHA256 || c.Size >= 0 && n != c.Size {
		r.lack(c, c.Path()+" is damaged in the backup")
		return nil
	}
	if err := r.o.Content.Keep(ctx, key, s); err != nil {
		return err
	}
	r.note(1, n)
	return nil
}

// missing is the error about content that cannot be restored. It is one line, and names the first objects only.
func (r *restoring) missing() error {
	const most = 3
	list := strings.Join(r.out.Missing[:min(len(r.out.Missing), most)], "; ")
	if r.out.MissingCount > most {
		list += fmt.Sprintf("; and %d more", r.out.MissingCount-most)
	}
	next := "restore another snapshot (--snapshot), or go on without this content: --accept-missing"
	if r.o.Manifest.RowsOnly {
		next = "this snapshot has no content of its own: restore one that has (--snapshot; index backup list shows them), " +
			"put the missing content back into the store, or go on without it: --accept-missing"
	}
	return fault.New(fault.Invalid, "objects that cannot be restored: %d (%s); %s", r.out.MissingCount, list, next)
}
