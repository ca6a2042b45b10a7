package backup

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"pyindex/internal/fault"
	"pyindex/internal/regular"
)

// Pruned is the result of Prune.
type Pruned struct {
	Removed []Manifest `json:"-"`
	IDs     []string   `json:"removed"`
	Kept    []string   `json:"kept"`
	Objects int64      `json:"objects"` // content that was removed
	Bytes   int64      `json:"bytes"`
}

// Prune removes the oldest snapshots of a backup until keep are left, and then the content that no snapshot needs. It
// can be interrupted at any time: what is left is removed by the next call. It returns fault.Conflict while a backup is
// being made there.
func Prune(ctx context.Context, dir string, keep int, progress Progress) (p Pruned, err error) {
	if keep < 1 {
		return p, fault.New(fault.Invalid, "at least one backup must be kept; to remove all, delete the folder")
	}
	if progress == nil {
		progress = silent{}
	}
	f, err := openVault(dir)
	if err != nil {
		return p, err
	}
	defer f.close()
	if err := f.change(); err != nil {
		return p, err
	}
	whole, dead, err := f.ids()
	if err != nil {
		return p, err
	}
	p.IDs, p.Kept = []string{}, whole[max(0, len(whole)-keep):]
	for _, id := range whole[:max(0, len(whole)-keep)] {
		m, err := f.manifest(id)
		if err != nil && !fault.Is(err, fault.Invalid) {
			return p, err
		}
		m.ID = id
		// Without its manifest the snapshot no longer exists, so it never exists without its content.
		if err := os.Remove(f.path(snapshotsDir, id, manifestFile)); err != nil {
			return p, explain("a snapshot cannot be removed", err)
		}
		p.Removed, p.IDs = append(p.Removed, m), append(p.IDs, id)
		dead = append(dead, id)
	}
	if len(p.Removed) > 0 {
		if err := syncFolder(f.path(snapshotsDir)); err != nil {
			return p, explain("a snapshot cannot be removed", err)
		}
	}
	for _, id := range dead {
		if err := os.RemoveAll(f.path(snapshotsDir, id)); err != nil {
			return p, explain("a snapshot cannot be removed", err)
		}
	}
	if err := os.RemoveAll(f.path(tempFolder)); err != nil {
		return p, explain("an interrupted backup cannot be removed", err)
	}
	return p, f.sweep(ctx, &p, progress)
}

// sweep removes the content that no snapshot names. If the list of any snapshot cannot be read, it removes nothing.
func (f *vault) sweep(ctx context.Context, p *Pruned, progress Progress) error {
	progress.Step("looking for content that no backup needs", "object", 0)
	for _, id := range p.Kept { // every list must be readable to its end before anything is removed
		if err := f.eachContent(id, func(Content) error { return ctx.Err() }); err != nil {
			return err
		}
	}
	needed, err := f.openLists(p.Kept)
	if err != nil {
		return err
	}
	defer needed.close()
	folders, err := os.ReadDir(f.path(contentDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return explain("the content cannot be listed", err)
	}
	for _, d := range folders { // in the order of the digests, as the lists are
		all, err := os.ReadDir(f.path(contentDir, d.Name()))
		if err != nil {
			return explain("the content cannot be listed", err)
		}
		for _, e := range all {
			need, err := needed.has(e.Name())
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return err
			}
			progress.Add(1, 0)
			if need || !isDigest(e.Name()) {
				continue
			}
			info, err := e.Info()
			if err == nil {
				err = os.Remove(f.path(contentDir, d.Name(), e.Name()))
			}
			if err != nil {
				return explain("content cannot be removed", err)
			}
			p.Objects++
			p.Bytes += info.Size()
		}
	}
	return nil
}

// lists are the merged lists of content of several snapshots.
type lists struct {
	all  []*listReader
	stop []func()
}

// listReader reads one list with one entry in memory.
type listReader struct {
	list *ContentReader
	head string // "" after the last one
}

func (r *listReader) next() error {
	c, err := r.list.Next()
	if r.head = c.SHA256; err == io.EOF {
		r.head, err = "", nil
	}
	return err
}

func (f *vault) openLists(ids []string) (*lists, error) {
	l := &lists{}
	for _, id := range ids {
		from, err := regular.OpenIn(f.root, path.Join(snapshotsDir, id, contentFile))
		if err != nil {
			l.close()
			return nil, explain("the list of content cannot be read", err)
		}
		l.stop = append(l.stop, func() { from.Close() })
		z, err := newDecoder(from)
		if err != nil {
			l.close()
			return nil, err
		}
		l.stop = append(l.stop, z.Close)
		r := &listReader{list: NewContentReader(z)}
		if err := r.next(); err != nil {
			l.close()
			return nil, err
		}
		l.all = append(l.all, r)
	}
	return l, nil
}

// has reports whether any list has a digest. Digests must be asked for in order.
func (l *lists) has(digest string) (found bool, err error) {
	for _, r := range l.all {
		for r.head != "" && r.head < digest {
			if err := r.next(); err != nil {
				return false, err
			}
		}
		found = found || r.head == digest
	}
	return found, nil
}

func (l *lists) close() {
	slices.Reverse(l.stop)
	for _, f := range l.stop {
		f()
	}
}
