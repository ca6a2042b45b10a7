package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"pyindex/internal/fault"
)

// copiers is the number of objects that are copied at once, copyBuffer the size of the buffer of each in bytes.
const (
	copiers    = 4
	copyBuffer = 1 << 20
)

// Copied files are synced in batches, and get their names afterwards: content with its name is complete on disk.
const (
	batchFiles = 1000
	batchBytes = 512 << 20
)

// copying copies the content of a snapshot into the folder.
type copying struct {
	*run
	busy    *pace
	mu      sync.Mutex
	n       int64
	batch   []copied
	waiting int64      // bytes of the batch
	commit  sync.Mutex // one batch at a time
}

// copied is a file on its way to its name.
type copied struct{ from, to string }

// content copies the content that the folder does not have yet.
func (r *run) content(ctx context.Context) error {
	r.Progress.Step("copying content", "object", r.m.Objects)
	if err := os.MkdirAll(r.folder.path(tempFolder), 0o700); err != nil {
		return explain("the backup cannot be written", err)
	}
	for i := range 256 {
		if err := os.MkdirAll(r.folder.path(contentDir, fmt.Sprintf("%02x", i)), 0o700); err != nil {
			return explain("the backup cannot be written", err)
		}
	}
	c := &copying{run: r, busy: newPace(r.Busy)}
	if err := c.all(ctx); err != nil {
		return err
	}
	if err := c.keep(c.take()); err != nil {
		return err
	}
	// The names of the last batch, and of the folders.
	return explain("the backup cannot be written", c.syncNames())
}

// all copies with some workers.
func (c *copying) all(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	queue := make(chan Content, copiers)
	var workers sync.WaitGroup
	for i := range copiers {
		workers.Go(func() {
			buffer, h := make([]byte, copyBuffer), sha256.New()
			for each := range queue {
				c.busy.wait(ctx, i, func() {
					if err := c.one(ctx, each, buffer, h); err != nil {
						cancel(err)
					}
				})
			}
		})
	}
	err := c.folder.eachContent(c.m.ID, func(each Content) error {
		select {
		case queue <- each:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	})
	close(queue)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// one copies content unless the folder has it.
func (c *copying) one(ctx context.Context, each Content, buffer []byte, h hash.Hash) error {
	if ctx.Err() != nil {
		return nil // the cause is known already
	}
	to := c.folder.path(filepath.FromSlash(each.Path()))
	if info, err := os.Lstat(to); err == nil && info.Mode().IsRegular() && (each.Size < 0 || info.Size() == each.Size) {
		c.counted(each, info.Size())
		return nil
	}
	from, _, err := c.open(ctx, each)
	if fault.Is(err, fault.NotFound) {
		c.lacks(each, "missing")
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close()
	size, sum, temp, err := c.write(from, buffer, h)
	if err != nil {
		return err
	}
	if sum != each.SHA256 || each.Size >= 0 && size != each.Size {
		os.Remove(temp)
		c.lacks(each, fmt.Sprintf("damaged: %d bytes with the SHA-256 %s", size, sum))
		return nil
	}
	c.counted(each, size)
	return c.add(copied{temp, to}, size)
}

// counted counts content that is in the backup. The rows do not have the size of metadata.
func (c *copying) counted(each Content, size int64) {
	c.mu.Lock()
	if each.Size < 0 {
		c.m.Bytes += size
	}
	c.mu.Unlock()
	c.Progress.Add(1, size)
}

func (c *copying) lacks(each Content, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lack(each, why)
}

// write writes content to a temporary file and returns its size and digest.
func (c *copying) write(from io.Reader, buffer []byte, h hash.Hash) (size int64, sum, temp string, err error) {
	c.mu.Lock()
	c.n++
	temp = c.folder.path(tempFolder, fmt.Sprint(c.n))
	c.mu.Unlock()
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, "", "", explain("content cannot be written", err)
	}
	h.Reset()
	for {
		n, readErr := from.Read(buffer)
		if n > 0 {
			h.Write(buffer[:n])
			size += int64(n)
			if _, err = c.writeFile(f, buffer[:n]); err != nil {
				err = explain("content cannot be written", err)
				break
			}
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			err = fault.Wrap(fault.Unavailable, readErr, "stored content cannot be read")
			break
		}
	}
	if err == nil && !syncsAll {
		err = explain("content cannot be written", f.Sync())
	}
	if err = errors.Join(err, explain("content cannot be written", f.Close())); err != nil {
		os.Remove(temp)
	}
	return size, hex.EncodeToString(h.Sum(nil)), temp, err
}

// add adds a copied file to the batch, and keeps the batch if it is full.
func (c *copying) add(f copied, size int64) error {
	c.mu.Lock()
	c.batch, c.waiting = append(c.batch, f), c.waiting+size
	full := len(c.batch) >= batchFiles || c.waiting >= batchBytes
	c.mu.Unlock()
	if !full {
		return nil
	}
	return c.keep(c.take())
}

func (c *copying) take() (batch []copied) {
	c.mu.Lock()
	defer c.mu.Unlock()
	batch, c.batch, c.waiting = c.batch, nil, 0
	return batch
}

// keep syncs the files of a batch and gives them their names.
func (c *copying) keep(batch []copied) error {
	c.commit.Lock()
	defer c.commit.Unlock()
	if len(batch) == 0 {
		return nil
	}
	if err := syncAll(c.folder.dir); err != nil {
		return explain("content cannot be written", err)
	}
	for _, f := range batch {
		if err := os.Rename(f.from, f.to); err != nil {
			return explain("content cannot be written", err)
		}
	}
	return nil
}

// syncNames makes the names of all content durable.
func (c *copying) syncNames() error {
	os.Remove(c.folder.path(tempFolder))
	if syncsAll {
		return syncAll(c.folder.dir)
	}
	for i := range 256 {
		if err := syncFolder(c.folder.path(contentDir, fmt.Sprintf("%02x", i))); err != nil {
			return err
		}
	}
	return syncFolder(c.folder.path(contentDir))
}

// pace lets a backup copy slowly while the index is being changed: with one worker, which rests after each object for
// restFactor times as long as it took.
type pace struct {
	busy   func() bool
	mu     sync.Mutex
	asked  time.Time
	was    bool
	single sync.Mutex
}

const (
	paceEvery   = 500 * time.Millisecond
	restFactor  = 3
	longestRest = 2 * time.Second
)

func newPace(busy func() bool) *pace { return &pace{busy: busy} }

// isBusy asks busy, but not more often than every paceEvery.
func (p *pace) isBusy() bool {
	if p.busy == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Since(p.asked) >= paceEvery {
		p.was = p.busy()
		p.asked = time.Now()
	}
	return p.was
}

// wait runs work now, or in turn and with a rest after it while the index is busy.
func (p *pace) wait(ctx context.Context, _ int, work func()) {
	if !p.isBusy() {
		work()
		return
	}
	p.single.Lock()
	defer p.single.Unlock()
	began := time.Now()
	work()
	rest := min(restFactor*time.Since(began), longestRest)
	for rest > 0 && p.isBusy() && ctx.Err() == nil {
		pause := min(rest, 50*time.Millisecond)
		time.Sleep(pause)
		rest -= pause
	}
}
