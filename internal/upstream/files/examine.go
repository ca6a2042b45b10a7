package files

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// settled is how much earlier another version must have been uploaded so that its start-up files count as known. Those
// who publish a bad version often publish two.
const settled = 14 * 24 * time.Hour

// examineLimits are those of archives, with less to unpack: only an archive whose members have their sizes behind them
// must be unpacked at all.
func examineLimits() archive.Limits {
	l := archive.DefaultLimits()
	l.Expanded = 2 << 30
	return l
}

// look examines the content of a wheel.
func (f *Files) look(ctx context.Context, r io.ReaderAt, size int64) (found, error) {
	ctx, stop := context.WithTimeout(ctx, f.times.examine)
	defer stop()
	files, err := archive.Startup(stopping{ctx, r}, size, examineLimits())
	if errors.Is(err, errPart) {
		files, err = archive.StartupPlaces(stopping{ctx, r}, size, examineLimits())
	}
	switch {
	case err == nil:
		return found{Files: files, Unreadable: len(files) > maxFound}.bounded(), nil
	case fault.Is(err, fault.Invalid), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errPart):
		return found{Unreadable: true}, nil
	}
	return found{}, err
}

// bounded returns x without the list of too many files.
func (x found) bounded() found {
	if x.Unreadable {
		x.Files = nil
	}
	return x
}

// stopping reads until its context ends.
type stopping struct {
	ctx  context.Context
	from io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (s stopping) ReadAt(p []byte, off int64) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.from.ReadAt(p, off)
}

// errPart is the error for a part of a download that is no longer in memory.
var errPart = errors.New("this part of the download is not kept")

// arrived reads the whole file of a flight, or what is left of it in memory.
type arrived struct{ *flight }

// ReadAt implements io.ReaderAt.
func (a arrived) ReadAt(p []byte, off int64) (int, error) {
	a.mu.Lock()
	there := off < a.spool.onDisk || off >= a.spool.start
	whole := a.spool.all()
	a.mu.Unlock()
	if !there || !whole && off < a.spool.start {
		return 0, errPart
	}
	return a.flight.ReadAt(p, off)
}

func isWheel(filename string) bool { return packaging.KindOf(filename) == packaging.Wheel }

// examine looks for start-up files in a whole and verified wheel, and records them before anybody gets its end.
func (d *download) examine(ctx context.Context) error {
	if !isWheel(d.row.Filename) {
		return nil
	}
	x, ok := d.row.found()
	if !ok {
		var err error
		if x, err = d.files.look(ctx, arrived{d.flight}, d.spool.end); err != nil {
			return err
		}
	}
	x, err := d.files.record(ctx, d.u, d.file, &d.row, x, true)
	if err != nil {
		return err
	}
	d.flight.mu.Lock()
	defer d.flight.mu.Unlock()
	d.startup = x.startup()
	return nil
}

// admit examines a stored wheel unless that was done, and asks whether a file may be served if it has start-up files or
// another digest than the caller knows.
func (f *Files) admit(ctx context.Context, u upstream.Upstream, file page.File, row *Row, fetch bool) error {
	stated := file.SHA256
	file.SHA256 = row.SHA256
	if !isWheel(row.Filename) {
		return f.mayServe(ctx, u, file, stated, Startup{})
	}
	x, ok := row.found()
	if !ok || x.any() && (!x.Judged || x.Unsure) {
		var err error
		if x, err = f.examineStored(ctx, u, file, row, fetch); err != nil {
			return err
		}
	}
	return f.mayServe(ctx, u, file, stated, x.startup())
}

// examineStored examines a stored wheel, once for all callers.
func (f *Files) examineStored(ctx context.Context, u upstream.Upstream, file page.File, row *Row, fetch bool,
) (found, error) {
	c := call{key: row.Key, startup: true}
	_, text, err := f.once(ctx, c, func(ctx context.Context) ([]byte, string, error) {
		now, err := f.read(ctx, row.Key)
		if err != nil {
			return nil, "", err
		}
		x, ok := now.found()
		if !ok {
			if x, err = f.lookStored(ctx, now); err != nil {
				return nil, "", err
			}
		}
		x, err = f.record(ctx, u, file, &now, x, fetch)
		return nil, x.text(), err
	})
	if err != nil {
		return found{}, err
	}
	row.Startup = text
	x, _ := row.found()
	return x, nil
}

// lookStored examines the stored content of a row, or returns fault.NotFound if it is lost.
func (f *Files) lookStored(ctx context.Context, row Row) (found, error) {
	b, size, err := f.keeper.Find(ctx, row.stored())
	if err != nil {
		return found{}, err
	}
	defer b.Close()
	r, done, err := f.readable(ctx, b, size)
	if err != nil {
		return found{}, err
	}
	defer done()
	return f.look(ctx, r, size)
}

// readable returns the content as an io.ReaderAt that is cheap to read: that of an object store is copied first, since
// each read of it is a request.
func (f *Files) readable(ctx context.Context, b custody.Blob, size int64) (io.ReaderAt, func(), error) {
	if r, ok := b.(io.ReaderAt); ok {
		return r, func() {}, nil
	}
	stage, err := f.keeper.LooseStage(ctx)
	if err != nil {
		return nil, nil, err
	}
	done := func() { _ = stage.Discard() }
	if _, err = b.Seek(0, io.SeekStart); err == nil {
		_, err = io.Copy(stage, io.LimitReader(b, size))
	}
	if err == nil {
		_, err = b.Seek(0, io.SeekStart)
	}
	if err != nil {
		done()
		return nil, nil, err
	}
	return stage, done, nil
}

// record compares a wheel that has start-up files with earlier versions, and writes what was found. A wheel without
// any is written together with its content, if that is not stored yet.
func (f *Files) record(ctx context.Context, u upstream.Upstream, file page.File, row *Row, x found, fetch bool,
) (found, error) {
	if x.any() && (!x.Judged || x.Unsure && f.mayTry(row.Key)) {
		judging, stop := context.WithTimeout(ctx, f.times.judge)
		f.judge(judging, u, file, row.Project, &x, fetch)
		stop()
	}
	if row.Startup == x.text() {
		return x, nil
	}
	row.Startup = x.text()
	if !x.any() && !row.Stored {
		return x, nil
	}
	return x, f.write(ctx, row, x)
}

// mayTry reports whether earlier versions of a file may be examined once more after that failed, and notes it.
func (f *Files) mayTry(k Key) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, now := call{key: k, startup: true}, f.o.Now()
	if now.Before(f.refused[c]) || len(f.refused) >= mostRemembered {
		return false
	}
	f.refused[c] = now.Add(retryAfter)
	return true
}

// judgeAgain compares wheels with earlier versions that could not be examined when they were downloaded. Nobody waits
// for it, so it takes its time.
func (f *Files) judgeAgain(ctx context.Context, u upstream.Upstream, project packaging.ProjectName, rows []Row) {
	p, err := f.o.Page(ctx, u, project)
	if err != nil {
		return
	}
	for _, row := range rows {
		file, ok := p.Find(row.Path, u.ArtifactBase)
		x, examined := row.found()
		if !ok || !examined {
			continue
		}
		judging, stop := context.WithTimeout(ctx, f.times.again)
		f.judge(judging, u, file, row.Project, &x, true)
		stop()
		if row.Startup == x.text() {
			continue
		}
		row.Startup = x.text()
		if err := f.write(ctx, &row, x); err != nil {
			f.log.Warn("what was found in a wheel cannot be recorded", "file", row.Filename, "error", err)
		}
	}
}

// write writes what was found in a wheel. If that concerns readers, all replicas notice.
func (f *Files) write(ctx context.Context, row *Row, x found) error {
	tells := x.any() && x.Judged
	e := audit.Entry{
		ID:       f.changes.NewID(),
		At:       f.changes.Clock(),
		Action:   "upstream.startup",
		Outcome:  audit.Refused,
		Actor:    audit.Actor{Name: fmt.Sprintf("upstream %s", row.Upstream)},
		Project:  row.Project,
		Filename: row.Filename,
		Detail:   map[string]any{"upstream": row.Upstream, "files": x.Files},
	}
	before, anew := false, *row
	anew.Startup = ""
	now, err := f.change(ctx, anew, func(_ Tx, now *Row) error {
		if now.SHA256 != "" && now.SHA256 != row.SHA256 {
			return fault.New(fault.Conflict, "another digest of the file was accepted")
		}
		was, _ := now.found()
		before = was.startup().New != "" && was.Judged
		now.SHA256, now.Startup = cmp.Or(now.SHA256, row.SHA256), row.Startup
		return nil
	}, func(tx Tx) error {
		if !tells {
			return nil
		}
		if _, err := tx.NextSerial(ctx); err != nil || x.startup().New == "" || before {
			return err
		}
		return tx.InsertAudit(ctx, e)
	})
	if err != nil {
		return err
	}
	if tells && x.startup().New != "" && !before {
		f.log.Warn("a wheel of an upstream has a start-up file that no earlier version has", "upstream", row.Upstream,
			"file", row.Filename, "startup", x.startup().New)
	}
	*row = now
	f.remember(now)
	f.examined.forget(now)
	return nil
}

// judge sets which start-up files an earlier version of the project has, too: one that was examined, or else the newest
// earlier one, which is fetched and examined for that if it may be. If that fails, they count as new.
func (f *Files) judge(ctx context.Context, u upstream.Upstream, file page.File, project string, x *found, fetch bool) {
	x.Judged, x.Unsure = true, true
	if x.compare(nil, file.Version); x.Unreadable {
		x.Unsure = false
		return
	}
	name, err := packaging.ParseProjectName(project)
	if err != nil || f.o.Page == nil {
		return
	}
	p, err := f.o.Page(ctx, u, name)
	if err != nil {
		return
	}
	var rows []Row
	err = f.store.View(ctx, func(tx Tx) (err error) {
		rows, err = tx.ExaminedUpstreamFiles(ctx, u.Name, project)
		return err
	})
	if err != nil {
		return
	}
	earlier := before(p.Files, file)
	known := map[string]string{} // the version that has a start-up file, by its name without the version
	add := func(version string, what found) {
		for _, name := range what.Files {
			if k := unversioned(name, version); known[k] == "" {
				known[k] = version
			}
		}
	}
	examined := map[string]bool{}
	for _, e := range earlier {
		for _, r := range rows {
			if what, ok := r.found(); ok && r.Path == e.Path(u.ArtifactBase) {
				examined[r.Path] = true
				add(e.Version, what)
			}
		}
	}
	x.Unsure = false
	if x.compare(known, file.Version); x.New == "" {
		return
	}
	e, ok := closest(earlier, file)
	if !ok || examined[e.Path(u.ArtifactBase)] {
		return
	}
	what, err := f.examineEarlier(ctx, u, e, fetch)
	if err != nil {
		x.Unsure = true
		f.log.Warn("an earlier version of an upstream's wheel cannot be examined", "upstream", u.Name,
			"file", e.Filename, "error", err)
		return
	}
	add(e.Version, what)
	x.compare(known, file.Version)
}

// compare sets which start-up files are new, and which are known, of a version.
func (x *found) compare(known map[string]string, version string) {
	x.New, x.Known, x.Since = "", "", ""
	for _, name := range x.Files {
		since := known[unversioned(name, version)]
		switch {
		case since == "":
			x.New = cmp.Or(x.New, name)
		case x.Known == "":
			x.Known, x.Since = name, since
		}
	}
}

// unversioned returns the name of a file without its version, which it may contain.
func unversioned(name, version string) string { return strings.ReplaceAll(name, version, "*") }

// before returns the wheels of earlier versions that were uploaded some time before a file, those of the newest version
// first.
func before(all []page.File, file page.File) []page.File {
	v, err := packaging.ParseVersion(file.Version)
	if err != nil {
		return nil
	}
	type earlier struct {
		page.File
		version packaging.Version
	}
	var out []earlier
	for i := range all {
		e := &all[i]
		if e.Kind != packaging.Wheel || !older(e, &file) {
			continue
		}
		if w, err := packaging.ParseVersion(e.Version); err == nil && w.Compare(v) < 0 {
			out = append(out, earlier{*e, w})
		}
	}
	slices.SortStableFunc(out, func(a, b earlier) int { return b.version.Compare(a.version) })
	files := make([]page.File, len(out))
	for i := range out {
		files[i] = out[i].File
	}
	return files
}

// older reports whether a file was uploaded long enough before another one. Without stated times, that is when it was
// seen first, and files of the first look count as uploaded in the order of their versions.
func older(e, file *page.File) bool {
	if !e.Uploaded.IsZero() && !file.Uploaded.IsZero() {
		return file.Uploaded.Sub(e.Uploaded) >= settled
	}
	return e.FirstSeen.Equal(file.FirstSeen) || file.FirstSeen.Sub(e.FirstSeen) >= settled
}

// closest returns the wheel of the newest earlier version that is not too large to be fetched: for the same platform
// if there is one, else the smallest.
func closest(earlier []page.File, file page.File) (page.File, bool) {
	var best *page.File
	for i := range earlier {
		e := &earlier[i]
		switch {
		case e.Size < 0 || e.Size > maxWhole || e.SHA256 == "":
			continue
		case best == nil:
		case e.Version != best.Version:
			return *best, true
		case tags(best.Filename) == tags(file.Filename),
			tags(e.Filename) != tags(file.Filename) && e.Size >= best.Size:
			continue
		}
		best = e
	}
	if best == nil {
		return page.File{}, false
	}
	return *best, true
}

// tags returns the end of the name of a wheel: Python, ABI and platform.
func tags(filename string) string {
	parts := strings.Split(filename, "-")
	return strings.Join(parts[max(0, len(parts)-3):], "-")
}

// examineEarlier examines a wheel that nobody asked for: that which is stored, or one that is fetched for it and not
// kept.
func (f *Files) examineEarlier(ctx context.Context, u upstream.Upstream, e page.File, fetch bool) (found, error) {
	k := keyOf(u, e)
	row, err := f.read(ctx, k)
	if fault.Is(err, fault.NotFound) {
		row, err = f.newRow(k, e), nil
		row.SHA256 = e.SHA256
	}
	if err != nil {
		return found{}, err
	}
	if row.SHA256 != e.SHA256 {
		return found{}, errors.New("its digest was changed")
	}
	if row.Stored {
		if x, err := f.lookStored(ctx, row); err == nil {
			row.Startup = x.text()
			return x, f.write(ctx, &row, x)
		} else if !fault.Is(err, fault.NotFound) {
			return found{}, err
		}
	}
	if !fetch || f.o.Offline {
		return found{}, errors.New("no upstream may be asked")
	}
	x, err := f.fetchEarlier(ctx, u, e)
	if err != nil {
		return found{}, err
	}
	row.Startup = x.text()
	return x, f.write(ctx, &row, x)
}

// fetchEarlier fetches a wheel, verifies and examines it.
func (f *Files) fetchEarlier(ctx context.Context, u upstream.Upstream, e page.File) (found, error) {
	if f.low(ctx, e.Size) {
		return found{}, errors.New("there is no room on the disk")
	}
	f.counters.fetches.Add(1)
	body, err := f.fetcher.Open(ctx, u, e.URL, e.Size)
	if err != nil {
		return found{}, err
	}
	defer body.Close()
	stage, err := f.keeper.LooseStage(ctx)
	if err != nil {
		return found{}, err
	}
	defer stage.Discard()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(stage, h), io.LimitReader(stoppingBody{ctx, body}, e.Size+1))
	f.counters.fromUpstream.Add(n)
	switch {
	case err != nil:
		return found{}, err
	case n != e.Size || hex.EncodeToString(h.Sum(nil)) != e.SHA256:
		return found{}, fmt.Errorf("it sent other content than it states for %s", e.Filename)
	}
	return f.look(ctx, stage, n)
}

// stoppingBody reads until its context ends.
type stoppingBody struct {
	ctx  context.Context
	from io.Reader
}

// Read implements io.Reader.
func (s stoppingBody) Read(p []byte) (int, error) {
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	return s.from.Read(p)
}
