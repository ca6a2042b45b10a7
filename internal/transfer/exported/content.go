package exported

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/regular"
)

// copiers is the number of projects whose files are copied at the same time.
const copiers = 4

// contents copies stored content into an export.
type contents struct {
	dir      string
	from     Content
	trusted  bool // digests that an earlier export noted are those of its files
	progress Progress

	mu      sync.Mutex
	missing []string
	done    Done
}

// repository copies the files of all projects of a repository, and writes their pages.
func (c *contents) repository(ctx context.Context, r repositoryRows) error {
	c.progress.Step("copying the files of repository "+r.totals.Name, "file", r.totals.Files)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan string)
	var all sync.WaitGroup
	for range copiers {
		all.Go(func() {
			for name := range queue {
				if err := c.project(ctx, r, name); err != nil {
					cancel(fmt.Errorf("project %s: %w", name, err))
				}
			}
		})
	}
	for _, name := range r.names {
		select {
		case queue <- name:
			continue
		case <-ctx.Done():
		}
		break
	}
	close(queue)
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return writeList(filepath.Join(c.dir, r.totals.Name, simpleName), r.names)
}

// project copies the files of a project and writes its page.
func (c *contents) project(ctx context.Context, r repositoryRows, name string) error {
	p, err := readProject(filepath.Join(c.dir, r.totals.Name, projectsName, name+".json"))
	if err != nil {
		return err
	}
	folder := filepath.Join(c.dir, r.totals.Name, packagesName, name)
	was, err := readSums(filepath.Join(folder, sumsName))
	if err != nil {
		return err
	}
	sums := map[string]string{}
	put := func(name, digest string, size int64, open func() (io.ReadCloser, error)) error {
		err := c.file(ctx, filepath.Join(folder, name), was[name], digest, size, open)
		if err == nil {
			sums[name] = digest
		}
		return err
	}
	var gone []string // without content
	for _, f := range p.Files {
		stored := func(metadata bool, digest string, size int64) func() (io.ReadCloser, error) {
			return func() (io.ReadCloser, error) {
				b, _, err := c.from.Find(ctx, custody.Stored{
					SHA256: digest, Generation: r.generations[contentKey{metadata, digest}], Size: size, Metadata: metadata,
				})
				return b, err
			}
		}
		err := put(f.Filename, f.Hashes.SHA256, f.Size, stored(false, f.Hashes.SHA256, f.Size))
		if err == nil && f.MetadataSHA256 != "" {
			err = put(f.Filename+metadataSuffix, f.MetadataSHA256, -1, stored(true, f.MetadataSHA256, 0))
		}
		if fault.Is(err, fault.NotFound) {
			c.lacks(r.totals.Name + "/" + f.Filename)
			gone = append(gone, f.Filename)
			err = nil
		}
		if err == nil {
			err = putProvenance(f, put)
		}
		if err != nil {
			return err
		}
		c.progress.Add(1, f.Size)
	}
	if err := c.finish(folder, sums); err != nil {
		return err
	}
	p.Files = slices.DeleteFunc(p.Files, func(f File) bool { return slices.Contains(gone, f.Filename) })
	return writePage(filepath.Join(c.dir, r.totals.Name, simpleName, p.Name), p, sums)
}

func putProvenance(f File, put func(string, string, int64, func() (io.ReadCloser, error)) error) error {
	document, err := f.provenance()
	if err != nil || document == nil {
		return err
	}
	sum := sha256.Sum256(document)
	return put(f.Filename+provenanceSuffix, hex.EncodeToString(sum[:]), int64(len(document)),
		func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(document)), nil })
}

func (c *contents) lacks(file string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.missing = append(c.missing, file)
}

// finish removes stale files from a project's folder and writes the digests.
func (c *contents) finish(folder string, sums map[string]string) error {
	n, err := prune(folder, func(name string) bool { return sums[name] != "" || name == sumsName && len(sums) > 0 })
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.done.Removed += n
	c.mu.Unlock()
	if len(sums) == 0 {
		if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	return writeSums(filepath.Join(folder, sumsName), sums)
}

// file writes a file with a digest, unless it is there. was is the digest that the last export noted for it; size is -1
// if it is not known. It returns fault.NotFound if the content is missing or damaged.
func (c *contents) file(ctx context.Context, path, was, digest string, size int64,
	open func() (io.ReadCloser, error),
) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	present, err := c.present(path, was, digest, size)
	if err != nil {
		return err
	}
	if present {
		c.count(func(d *Done) { d.Present++ })
		return nil
	}
	from, err := open()
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := createFile(path)
	if err != nil {
		return err
	}
	defer to.discard()
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(to, h), readerOf(ctx, from))
	if err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != digest {
		return fault.New(fault.NotFound, "the stored content is damaged")
	}
	if err := to.commit(); err != nil {
		return err
	}
	c.count(func(d *Done) { d.Written++; d.WrittenBytes += n })
	return nil
}

// present reports whether a file with the digest is there. It reads the file unless its digest was noted.
func (c *contents) present(path, was, digest string, size int64) (bool, error) {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	if !info.Mode().IsRegular() || size >= 0 && info.Size() != size {
		return false, os.RemoveAll(path)
	}
	if c.trusted && was == digest {
		return true, nil
	}
	f, err := regular.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false, err
	}
	return hex.EncodeToString(h.Sum(nil)) == digest, nil
}

func (c *contents) count(f func(*Done)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(&c.done)
}

// cancelReader ends with the context.
type cancelReader struct {
	io.Reader
	ctx context.Context
}

func readerOf(ctx context.Context, r io.Reader) io.Reader { return cancelReader{r, ctx} }

// Read reads unless the context has ended.
func (r cancelReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// provenance returns the document about the verified attestations of a file, as the index serves it, or nil if there is
// none.
func (f File) provenance() ([]byte, error) {
	var verified []catalog.Attestation
	for _, a := range f.Attestations {
		if a.Verified {
			verified = append(verified, catalog.Attestation(a))
		}
	}
	if verified == nil {
		return nil, nil
	}
	return catalog.ProvenanceDocument(verified)
}

// readSums reads the digests that an export noted, by file name. A missing file has none.
func readSums(path string) (map[string]string, error) {
	out := map[string]string{}
	f, err := regular.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return out, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if digest, name, ok := strings.Cut(lines.Text(), "  "); ok {
			out[name] = digest
		}
	}
	return out, lines.Err()
}

func writeSums(path string, sums map[string]string) error {
	var b bytes.Buffer
	names := make([]string, 0, len(sums))
	for name := range sums {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s  %s\n", sums[name], name)
	}
	return writeFile(path, b.Bytes())
}
