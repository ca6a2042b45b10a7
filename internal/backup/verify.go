package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"pyindex/internal/fault"
	"pyindex/internal/regular"
)

// VerifyOptions configure Verify.
type VerifyOptions struct {
	Snapshot string // only this one; all if ""
	RowsOnly bool   // do not read the content
	Progress Progress
}

// Fault is something that is broken in a backup.
type Fault struct {
	Snapshot string `json:"snapshot,omitempty"` // "" for content that no snapshot of those verified needs
	Path     string `json:"path"`
	Why      string `json:"why"`
}

// Verified is the result of Verify.
type Verified struct {
	Snapshots []string `json:"snapshots"`
	Objects   int64    `json:"objects"` // content that was read
	Bytes     int64    `json:"bytes"`
	Faults    []Fault  `json:"faults"`
	More      int64    `json:"more_faults"` // further ones that are not listed
}

// Broken returns the number of faults.
func (v Verified) Broken() int64 { return int64(len(v.Faults)) + v.More }

// maxFaults is the number of faults that are listed.
const maxFaults = 10_000

// verifying is a verification in progress.
type verifying struct {
	*vault
	o   VerifyOptions
	mu  sync.Mutex
	out Verified
	bad map[string]string // digests of content that is broken, with the reason
	had map[string]bool   // those of them that a snapshot needs
}

// Verify reads a backup and compares everything with its digests: the manifests, the parts of each snapshot, the rows
// of all tables with their sums, and the content. It returns fault.NotFound if dir is no backup or has no such
// snapshot.
func Verify(ctx context.Context, dir string, o VerifyOptions) (Verified, error) {
	f, err := openVault(dir)
	if err != nil {
		return Verified{}, err
	}
	defer f.close()
	if o.Progress == nil {
		o.Progress = silent{}
	}
	v := &verifying{
		vault: f,
		o:     o,
		bad:   map[string]string{},
		had:   map[string]bool{},
		out:   Verified{Snapshots: []string{}, Faults: []Fault{}},
	}
	ids, _, err := f.ids()
	if err != nil {
		return v.out, err
	}
	if o.Snapshot != "" {
		if !slices.Contains(ids, o.Snapshot) {
			return v.out, fault.New(fault.NotFound, "the backup has no snapshot %s: index backup list shows those it has",
				o.Snapshot)
		}
		ids = []string{o.Snapshot}
	}
	if len(ids) == 0 {
		return v.out, fault.New(fault.NotFound, "the backup has no finished snapshot")
	}
	v.out.Snapshots = ids
	if !o.RowsOnly {
		if err := v.content(ctx, ids); err != nil {
			return v.out, err
		}
	}
	for _, id := range ids {
		if err := v.snapshot(ctx, id); err != nil {
			return v.out, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(v.bad)) {
		if !v.had[name] {
			v.broken(Fault{
				Path: contentDir + "/" + name[:min(2, len(name))] + "/" + name, Why: v.bad[name] + "; no backup needs it",
			})
		}
	}
	return v.out, nil
}

func (v *verifying) broken(f Fault) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.out.Faults) >= maxFaults {
		v.out.More++
		return
	}
	v.out.Faults = append(v.out.Faults, f)
}

// content reads all content, or that of the one snapshot that is verified.
func (v *verifying) content(ctx context.Context, ids []string) error {
	v.o.Progress.Step("reading content", "object", 0)
	queue := make(chan string, copiers)
	var workers sync.WaitGroup
	for range copiers {
		workers.Go(func() {
			buffer := make([]byte, copyBuffer)
			for path := range queue {
				v.read(path, buffer)
			}
		})
	}
	send := func(path string) error {
		select {
		case queue <- path:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	var err error
	if v.o.Snapshot == "" {
		err = v.eachStored(send)
	} else if e := v.eachContent(ids[0], func(c Content) error { return send(c.Path()) }); !fault.Is(e, fault.Invalid) {
		err = e // snapshot reports a list that cannot be read
	}
	close(queue)
	workers.Wait()
	return err
}

// eachStored calls f for the path of each file of content.
func (v *verifying) eachStored(f func(path string) error) error {
	folders, err := os.ReadDir(v.path(contentDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, d := range folders {
		if err != nil {
			break
		}
		var all []os.DirEntry
		if all, err = os.ReadDir(v.path(contentDir, d.Name())); err != nil {
			break
		}
		for _, e := range all {
			if err := f(contentDir + "/" + d.Name() + "/" + e.Name()); err != nil {
				return err
			}
		}
	}
	return explain("the content cannot be listed", err)
}

// read compares a file of content with its name.
func (v *verifying) read(path string, buffer []byte) {
	name := filepath.Base(path)
	f, err := regular.OpenIn(v.root, filepath.FromSlash(path))
	if errors.Is(err, fs.ErrNotExist) {
		return // the snapshot that needs it reports it
	}
	var size int64
	why := ""
	if err == nil {
		defer f.Close()
		h := sha256.New()
		size, err = io.CopyBuffer(struct{ io.Writer }{h}, struct{ io.Reader }{f}, buffer)
		if sum := hex.EncodeToString(h.Sum(nil)); err == nil && sum != name {
			why = fmt.Sprintf("its SHA-256 is %s", sum)
		}
	}
	if err != nil {
		why = err.Error()
	}
	v.o.Progress.Add(1, size)
	v.mu.Lock()
	v.out.Objects++
	v.out.Bytes += size
	if why != "" {
		v.bad[name] = why
	}
	v.mu.Unlock()
}

// snapshot verifies the parts of a snapshot, and that its content is there.
func (v *verifying) snapshot(ctx context.Context, id string) error {
	v.o.Progress.Step("reading the rows of "+id, "row", 0)
	m, err := v.manifest(id)
	if fault.Is(err, fault.Conflict) {
		return err
	}
	if err != nil {
		v.broken(Fault{id, snapshotsDir + "/" + id + "/" + manifestFile, reason(err)})
		return nil
	}
	for _, p := range m.Files {
		if why := v.part(id, p); why != "" {
			v.broken(Fault{id, snapshotsDir + "/" + id + "/" + p.Path, why})
		}
	}
	for _, name := range []string{rowsFile, contentFile} {
		if !slices.ContainsFunc(m.Files, func(p Part) bool { return p.Path == name }) {
			v.broken(Fault{id, snapshotsDir + "/" + id + "/" + name, "the manifest does not name it"})
		}
	}
	if why := v.rows(ctx, id, m); why != "" {
		v.broken(Fault{id, snapshotsDir + "/" + id + "/" + rowsFile, why})
	}
	return v.list(ctx, id, m)
}

// part compares a part of a snapshot with the manifest and returns what is wrong with it.
func (v *verifying) part(id string, p Part) string {
	if p.Path != filepath.Base(p.Path) {
		return "its name is not allowed"
	}
	f, err := regular.OpenIn(v.root, filepath.Join(snapshotsDir, id, p.Path))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	h := sha256.New()
	size, err := io.Copy(h, f)
	switch sum := hex.EncodeToString(h.Sum(nil)); {
	case err != nil:
		return err.Error()
	case size != p.Size:
		return fmt.Sprintf("%d bytes instead of %d", size, p.Size)
	case sum != p.SHA256:
		return "its SHA-256 is " + sum
	}
	return ""
}

// rows compares the rows with the sums in the manifest and returns what is wrong with them.
func (v *verifying) rows(ctx context.Context, id string, m Manifest) string {
	f, err := regular.OpenIn(v.root, filepath.Join(snapshotsDir, id, rowsFile))
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	z, err := newDecoder(f)
	if err != nil {
		return err.Error()
	}
	defer z.Close()
	r, err := NewRowsReader(z)
	if err != nil {
		return fault.Message(err)
	}
	var got []Table
	for {
		_, _, err := r.Next()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = r.Skip()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return reason(err)
		}
		got = append(got, r.Table())
		v.o.Progress.Add(r.Table().Rows, 0)
	}
	if !slices.Equal(got, m.Tables) {
		return "its tables are not those of the manifest"
	}
	return ""
}

func reason(err error) string {
	if fault.KindOf(err) == fault.Internal {
		return err.Error()
	}
	return fault.Message(err)
}

// list verifies that the content of a snapshot is there, as the list names it.
func (v *verifying) list(ctx context.Context, id string, m Manifest) error {
	lacked := map[string]string{}
	for _, l := range m.Missing {
		lacked[l.SHA256] = l.Why
	}
	var objects int64
	err := v.eachContent(id, func(c Content) error {
		objects++
		if m.RowsOnly || v.o.RowsOnly {
			return ctx.Err()
		}
		why := v.bad[c.SHA256]
		if why != "" {
			v.had[c.SHA256] = true
		}
		info, err := os.Stat(v.path(filepath.FromSlash(c.Path())))
		switch {
		case why != "":
		case errors.Is(err, fs.ErrNotExist) && lacked[c.SHA256] != "":
			why = "the store did not have it when the backup was made: " + lacked[c.SHA256]
		case errors.Is(err, fs.ErrNotExist):
			why = "missing"
		case err != nil:
			why = err.Error()
		case c.Size >= 0 && info.Size() != c.Size:
			why = fmt.Sprintf("%d bytes instead of %d", info.Size(), c.Size)
		}
		if why != "" {
			v.broken(Fault{id, c.Path(), why})
		}
		return ctx.Err()
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		v.broken(Fault{id, snapshotsDir + "/" + id + "/" + contentFile, reason(err)})
		return nil
	}
	if objects != m.Objects {
		v.broken(Fault{
			id, snapshotsDir + "/" + id + "/" + contentFile,
			fmt.Sprintf("it lists %d objects, the manifest %d", objects,
				m.Objects),
		})
	}
	return nil
}
