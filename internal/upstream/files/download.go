package files

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
	"sync"
	"time"

	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/page"
)

// run downloads, verifies and keeps the file. It returns errElsewhere if it is in the store already.
func (fl *flight) run(ctx context.Context) error {
	row, err := fl.files.prepare(ctx, fl)
	if err != nil {
		return err
	}
	d := &download{flight: fl, files: fl.files, row: row, hash: sha256.New(), unstated: fl.file.SHA256 == "" || row.Found}
	defer d.close()
	if err := d.open(ctx); err != nil {
		return err
	}
	if err := d.receive(ctx); err != nil {
		return err
	}
	if err := d.verify(ctx); err != nil {
		return err
	}
	if err := d.examine(ctx); err != nil {
		return err
	}
	d.done()
	d.keep(ctx)
	return nil
}

// prepare returns the row of the file with the digest that it must have, which is not written yet if it is new. It
// returns errElsewhere if the content is in the store, and a Failure if it must not be fetched.
func (f *Files) prepare(ctx context.Context, fl *flight) (Row, error) {
	row, shared, err := f.lookUp(ctx, fl)
	if err != nil {
		return row, err
	}
	if row.Stored {
		switch found, err := f.finds(ctx, row.stored()); {
		case err != nil:
			return row, err
		case found:
			f.remember(row)
			return row, errElsewhere
		}
		f.log.Info("the stored content of an upstream's file is missing or damaged: fetching it again",
			"upstream", row.Upstream, "file", row.Filename, "sha256", row.SHA256)
	}
	if wait := row.BlockedUntil.Sub(f.o.Now()); wait > 0 {
		return row, &upstream.Failure{
			Upstream: row.Upstream, Kind: upstream.Wrong, RetryAfter: wait,
			Err: fmt.Errorf("it sent other content than it states for %s, and is asked again in %s", row.Filename,
				wait.Round(time.Second)),
		}
	}
	if other := otherDigest(fl.file, row); other != "" {
		f.changed(ctx, row, other)
		return row, &upstream.Failure{
			Upstream: row.Upstream, Kind: upstream.Wrong,
			Err: fmt.Errorf("it states another digest for %s than before: an administrator of this index must accept it",
				row.Filename),
		}
	}
	if shared.SHA256 != "" && (row.Size < 0 || row.Size == shared.Size) {
		if err := f.share(ctx, row, shared); err == nil {
			return row, errElsewhere
		} else if !fault.Is(err, fault.NotFound) {
			return row, err
		}
	}
	return row, nil
}

// lookUp returns the row of the flight's file, or a new one, and a stored file with the same content.
func (f *Files) lookUp(ctx context.Context, fl *flight) (row, shared Row, err error) {
	err = f.store.View(ctx, func(tx Tx) (err error) {
		row, shared = Row{}, Row{}
		row, err = tx.UpstreamFile(ctx, fl.key)
		if fault.Is(err, fault.NotFound) {
			row, err = f.newRow(fl.key, fl.file), nil
		}
		if row.SHA256 == "" {
			row.SHA256 = fl.file.SHA256
		}
		if err != nil || row.SHA256 == "" || row.Stored {
			return err
		}
		shared, err = tx.StoredUpstreamFile(ctx, row.SHA256)
		if fault.Is(err, fault.NotFound) {
			err = nil
		}
		return err
	})
	if row.Size < 0 && (fl.file.SHA256 == "" || fl.file.SHA256 == row.SHA256) {
		row.Size = fl.file.Size
	}
	return row, shared, err
}

func (f *Files) newRow(k Key, file page.File) Row {
	now := f.changes.Clock()
	return Row{
		Key:      k,
		Project:  projectOf(file),
		Filename: file.Filename,
		Size:     file.Size,
		FirstAt:  now,
		UsedAt:   now,
	}
}

// finds reports whether the store has content, in its size.
func (f *Files) finds(ctx context.Context, s custody.Stored) (bool, error) {
	b, _, err := f.keeper.Find(ctx, s)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, b.Close()
}

// otherDigest returns the digest that the upstream states now, if it is not the one of the row.
func otherDigest(file page.File, row Row) string {
	switch {
	case row.SHA256 == "":
		return ""
	case file.SHA256 != "" && file.SHA256 != row.SHA256 && file.Changed != row.SHA256:
		return file.SHA256
	case file.Changed != "" && file.Changed != row.SHA256:
		return file.Changed
	}
	return ""
}

// download is the work of a flight.
type download struct {
	*flight
	files *Files
	row   Row
	// unstated is set if the page has no digest of the file, so that another one than before is a change of it.
	unstated bool
	hash     hash.Hash
	body     upstream.Body
	fetched  context.CancelFunc // ends the upstream's request

	mu       sync.Mutex
	takeover custody.Blob // the same content in the store, put there by another process
}

// open asks the upstream and prepares the spool.
func (d *download) open(ctx context.Context) error {
	fetching, stop := context.WithCancel(ctx)
	d.fetched = stop
	d.files.counters.fetches.Add(1)
	body, err := d.files.fetcher.Open(fetching, d.u, d.file.URL, max(0, d.row.Size))
	if err != nil {
		return d.failed(err)
	}
	d.body = body
	switch {
	case d.row.Size >= 0 && body.Size >= 0 && body.Size != d.row.Size:
		return d.wrong("it sent %d bytes for %s, which has %d", body.Size, d.row.Filename, d.row.Size)
	case d.row.SHA256 != "" && strings.HasPrefix(body.ContentType, "text/html"):
		return d.wrong("it sent a page instead of %s", d.row.Filename)
	}
	size := d.row.Size
	if size < 0 {
		size = body.Size
	}
	var stage custody.Stage
	if !d.files.low(ctx, max(0, size)) {
		if stage, err = d.files.keeper.LooseStage(ctx); err != nil {
			d.files.log.Warn("a download cannot be stored, and is passed on from memory", "upstream", d.u.Name,
				"file", d.row.Filename, "error", err)
			stage = nil
		}
	}
	d.flight.mu.Lock()
	d.size, d.exact, d.spool.stage = size, body.Size >= 0, stage
	d.file.SHA256 = d.row.SHA256
	d.flight.mu.Unlock()
	if stage == nil {
		return d.occupy(ctx)
	}
	return nil
}

// failed returns the failure of a request. The upstream lists the file, so that it must have it: a missing file is a
// wrong answer. So is every failure to repair stored content.
func (d *download) failed(err error) error {
	var why *upstream.Failure
	if errors.As(err, &why) && (why.Kind == upstream.Absent || d.row.Stored && why.Kind != upstream.Busy) {
		wrong := *why
		wrong.Kind = upstream.Wrong
		return &wrong
	}
	return err
}

func (d *download) wrong(format string, args ...any) error {
	return &upstream.Failure{Upstream: d.u.Name, Kind: upstream.Wrong, Err: fmt.Errorf(format, args...)}
}

// occupy waits for a slot to download in memory.
func (d *download) occupy(ctx context.Context) error {
	timer := time.NewTimer(d.files.times.follower)
	defer timer.Stop()
	select {
	case d.files.slots <- struct{}{}:
	case <-timer.C:
		return busy(d.u, "there is no room on the disk to download more of its files")
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	d.flight.mu.Lock()
	d.inMemory = true
	d.flight.mu.Unlock()
	return nil
}

// close ends the upstream's request.
func (d *download) close() {
	if d.fetched != nil {
		d.fetched()
	}
	if d.body.ReadCloser != nil {
		d.body.Close()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.takeover != nil {
		d.takeover.Close()
	}
}

// receive reads the body into the spool.
func (d *download) receive(ctx context.Context) error {
	done := make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() { d.lookElsewhere(ctx, done) })
	defer looking.Wait()
	defer close(done)
	var from io.Reader = d.body
	buffer := make([]byte, piece)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			d.files.counters.fromUpstream.Add(int64(n))
			if err := d.put(ctx, buffer[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			next, failed := d.instead()
			if failed != nil || next == nil {
				return errors.Join(err, failed)
			}
			if from == next {
				return err
			}
			from = next
		}
	}
}

// instead returns the same content in the store, from where the download is, or nil.
func (d *download) instead() (io.Reader, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.takeover == nil {
		return nil, nil
	}
	_, err := d.takeover.Seek(d.spool.end, io.SeekStart)
	return d.takeover, err
}

// lookElsewhere looks from time to time whether another process has stored the file, and then ends the upstream's
// request, so that receive continues with the stored content.
func (d *download) lookElsewhere(ctx context.Context, done <-chan struct{}) {
	tick := time.NewTicker(d.files.times.look)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		row, err := d.files.read(ctx, d.key)
		if err != nil || !row.Stored || row.SHA256 != d.row.SHA256 {
			continue
		}
		b, _, err := d.files.keeper.Find(ctx, row.stored())
		if err != nil {
			d.files.forget(d.key)
			continue
		}
		d.mu.Lock()
		d.takeover = b
		d.mu.Unlock()
		d.fetched()
		return
	}
}

// put hashes and spools a part of the body, and lets readers have more.
func (d *download) put(ctx context.Context, p []byte) error {
	d.hash.Write(p)
	if size := d.size; size >= 0 && d.spool.end+int64(len(p)) > size {
		return d.mismatch(ctx, "more than the stated "+fmt.Sprint(size)+" bytes", "")
	}
	n := 0
	if d.spool.stage != nil && !d.inMemory {
		var err error
		if n, err = d.stage(ctx, p); err != nil {
			return err
		}
	}
	if n < len(p) {
		if err := d.room(ctx, len(p)-n); err != nil {
			return err
		}
	}
	d.flight.mu.Lock()
	defer d.flight.mu.Unlock()
	d.spool.onDisk += int64(n)
	d.spool.end += int64(n)
	if n < len(p) {
		d.spool.push(p[n:])
	}
	d.release()
	return nil
}

// lookEvery is the number of bytes of a download after which the free space is looked at again.
const lookEvery = 64 << 20

// stage appends to the stage and returns how much fits. If the disk is full, it frees space once; if that does not
// help, the rest of the file stays in memory.
func (d *download) stage(ctx context.Context, p []byte) (n int, err error) {
	if end := d.spool.end; end/lookEvery != (end+int64(len(p)))/lookEvery && d.files.low(ctx, 0) {
		return 0, d.occupy(ctx)
	}
	n, err = d.spool.stage.Write(p)
	if errors.Is(err, custody.ErrFull) && d.files.evict(ctx, leastFreed, d.files.times.idle) > 0 {
		var m int
		m, err = d.spool.stage.Write(p[n:])
		n += m
	}
	if err == nil {
		return n, nil
	}
	d.files.log.Warn("a download cannot be stored, and is passed on from memory", "upstream", d.u.Name,
		"file", d.row.Filename, "error", err)
	return n, d.occupy(ctx)
}

// verify checks size and digest of the whole file. The digest of a file without one is written before anybody gets the
// end of the file, and decides from then on.
func (d *download) verify(ctx context.Context) error {
	if d.size >= 0 && d.spool.end < d.size {
		return d.wrong("it sent %d of the %d bytes of %s", d.spool.end, d.size, d.row.Filename)
	}
	sum := hex.EncodeToString(d.hash.Sum(nil))
	if d.row.SHA256 == "" {
		pinned, err := d.files.pin(ctx, d.row, sum, d.spool.end)
		if err != nil {
			return err
		}
		d.row = pinned
	}
	if d.row.SHA256 != sum {
		return d.mismatch(ctx, sum, sum)
	}
	d.row.Size = d.spool.end
	return nil
}

// done lets readers have all of the file.
func (d *download) done() {
	d.flight.mu.Lock()
	defer d.flight.mu.Unlock()
	d.whole, d.size = true, d.spool.end
	d.file.SHA256 = d.row.SHA256
	d.release()
}

// pin records the digest of a file for which its upstream states none. The first one stays: pin returns the row that
// counts.
func (f *Files) pin(ctx context.Context, row Row, sum string, size int64) (Row, error) {
	row, err := f.change(ctx, row, func(_ Tx, now *Row) error {
		if now.SHA256 == "" {
			now.SHA256, now.Found, now.Size = sum, true, size
		}
		return nil
	}, func(Tx) error { return nil })
	if err == nil {
		f.remember(row)
		f.pins.forget(row)
	}
	return row, err
}

// keep stores the verified file, unless there is no room for it. Readers do not wait for it, and it does not matter to
// them if it fails.
func (d *download) keep(ctx context.Context) {
	d.mu.Lock()
	elsewhere := d.takeover != nil
	d.mu.Unlock()
	if elsewhere || d.inMemory || d.spool.stage == nil || d.files.low(ctx, 0) || !d.files.fits(ctx, d.row.Size) {
		return
	}
	err := d.files.commit(ctx, d.row, func(h custody.Held) error { return d.files.keeper.Keep(ctx, h, d.spool.stage) })
	if err != nil && ctx.Err() == nil {
		d.files.log.Warn("a downloaded file was not kept", "upstream", d.u.Name, "file", d.row.Filename, "error", err)
	}
}

// commit stores content by write and then the row that references it.
func (f *Files) commit(ctx context.Context, row Row, write func(custody.Held) error) error {
	return f.commitPart(ctx, row, row.stored(), write, func(now *Row, generation string) error {
		if now.SHA256 != "" && now.SHA256 != row.SHA256 {
			return fault.New(fault.Conflict, "another digest of the file was accepted")
		}
		now.SHA256, now.Size, now.Generation, now.Stored = row.SHA256, row.Size, generation, true
		now.BlockedUntil = time.Time{}
		if now.Startup == "" {
			now.Startup = row.Startup
		}
		return nil
	})
}

// commitPart stores the content of a file or of a sibling by write, and then the row that references it, as changed by
// set. row is that of a new file.
func (f *Files) commitPart(ctx context.Context, row Row, s custody.Stored, write func(custody.Held) error,
	set func(now *Row, generation string) error,
) error {
	held, err := f.keeper.Hold(ctx, s)
	if err != nil {
		return err
	}
	h := held[0]
	if err = write(h); err == nil {
		row, err = f.change(ctx, row, func(tx Tx, now *Row) error {
			now.UsedAt = f.changes.Clock()
			return set(now, h.Generation)
		}, func(tx Tx) error {
			_, err := tx.ReleaseBlob(ctx, h.Key, true)
			return err
		})
	}
	if err != nil {
		f.keeper.ReleaseHolds(context.WithoutCancel(ctx), []string{h.Key})
		return err
	}
	f.kept.Add(s.Size)
	f.remember(row)
	return nil
}

// change updates the row of a file in a transaction: the row as it is, or row itself if there is none. It calls then
// after the row was put.
func (f *Files) change(ctx context.Context, row Row, set func(Tx, *Row) error, then func(Tx) error) (Row, error) {
	err := f.store.Update(ctx, func(tx Tx) error {
		now, err := tx.UpstreamFile(ctx, row.Key)
		if fault.Is(err, fault.NotFound) {
			now, err = row, nil
		}
		if err == nil {
			err = set(tx, &now)
		}
		if err == nil {
			err = tx.PutUpstreamFile(ctx, now)
		}
		if err != nil {
			return err
		}
		row = now
		return then(tx)
	})
	return row, err
}

// share makes the stored content of another file that of the row too. It returns fault.NotFound if that is lost.
func (f *Files) share(ctx context.Context, row, shared Row) error {
	row.Size = shared.Size
	return f.commit(ctx, row, func(h custody.Held) error {
		shared.Generation = h.Generation
		found, err := f.finds(ctx, shared.stored())
		if err == nil && !found {
			err = fault.New(fault.NotFound, "the content is lost")
		}
		return err
	})
}
