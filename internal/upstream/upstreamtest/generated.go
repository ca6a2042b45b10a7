package upstreamtest

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Catalog describes generated projects, named "generated-0" and so on. Nothing of them is kept in memory: a page and
// its digests are computed for each request, always the same.
type Catalog struct {
	Projects int
	Files    int   // files of each project; 0 for the spread of popular projects: a median of 325, a mean of 1,300
	Largest  int   // files of generated-0, if positive
	Size     int64 // bytes of each file, 1,000 by default
}

const defaultSize = 1000

// Project returns the name of the nth project.
func (Catalog) Project(n int) string { return fmt.Sprintf("generated-%d", n) }

// number returns which generated project a name is.
func (c Catalog) number(name string) (int, bool) {
	digits, ok := strings.CutPrefix(name, "generated-")
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n >= 0 && n < c.Projects && strconv.Itoa(n) == digits
}

// FilesOf returns the number of files of the nth project. The spread is log-normal, by quantiles, up to the largest
// projects of public indexes.
func (c Catalog) FilesOf(n int) int {
	if n == 0 && c.Largest > 0 {
		return c.Largest
	}
	if c.Files > 0 {
		return c.Files
	}
	const median, mean, most = 325, 1300, 20_000
	sigma := math.Sqrt(2 * math.Log(float64(mean)/median))
	quantile := (float64(n*7919%c.Projects) + 0.5) / float64(c.Projects) // neighbors differ
	return min(most, max(1, int(median*math.Exp(sigma*math.Sqrt2*math.Erfinv(2*quantile-1)))))
}

// project generates a project.
func (c Catalog) project(n int) *Project {
	name, size := c.Project(n), c.size()
	p := &Project{Name: name, Serial: int64(20_000_000 + n), Files: make([]*File, 0, c.FilesOf(n))}
	for i := range c.FilesOf(n) {
		p.Files = append(p.Files, c.nth(name, i, size))
	}
	return p
}

func version(i int) string { return fmt.Sprintf("%d.%d.%d", i/40, i/4%10, i%4) }

// nth generates the file of a project with an index.
func (c Catalog) nth(project string, i int, size int64) *File {
	f := generated(project, version(i), size)
	f.Uploaded = firstUpload.Add(time.Duration(i) * 7 * time.Hour)
	f.Metadata = fmt.Appendf(nil, "Metadata-Version: 2.1\nName: %s\nVersion: %s\nRequires-Python: >=3.8\n", project,
		f.Version)
	f.RequiresPython = ">=3.8"
	f.Yanked = i%97 == 96
	return f
}

// file finds a generated file by its name.
func (c Catalog) file(filename string) *File {
	project, rest, _ := strings.Cut(filename, "-")
	n, ok := c.number(normal(project))
	if !ok {
		return nil
	}
	stated, _, _ := strings.Cut(rest, "-")
	for i := range c.FilesOf(n) {
		if version(i) == stated {
			return c.nth(c.Project(n), i, c.size())
		}
	}
	return nil
}

func (c Catalog) size() int64 {
	if c.Size == 0 {
		return defaultSize
	}
	return c.Size
}

// generated returns a wheel's name with content that depends on the name alone.
func generated(project, version string, size int64) *File {
	name := fmt.Sprintf("%s-%s-py3-none-any.whl", strings.ReplaceAll(project, "-", "_"), version)
	f := &File{
		Name: name, Version: version, Size: size, project: project,
		open: func() (io.ReadSeekCloser, error) {
			return nopCloser{io.NewSectionReader(archived(name, size), 0, size)}, nil
		},
	}
	f.SHA256 = digestOf(name, size)
	return f
}

// digests remembers the digests of large generated files.
var digests sync.Map

func digestOf(name string, size int64) string {
	key := fmt.Sprint(name, size)
	if sum, ok := digests.Load(key); ok {
		return sum.(string)
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(archived(name, size), 0, size)); err != nil {
		panic(err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	if size > 64<<10 {
		digests.Store(key, sum)
	}
	return sum
}

// noise is what generated content consists of: a block that does not compress.
var noise = func() []byte {
	block := make([]byte, 64<<10)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(block)
	return block
}()

// content is endless: blocks of noise, each of which begins with the file's key and the number of the block.
type content string

// ReadAt fills p from an offset.
func (c content) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errors.New("negative offset")
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(c))
	var head [16]byte
	binary.BigEndian.PutUint64(head[:], h.Sum64())
	for n := 0; n < len(p); {
		block, at := (off+int64(n))/int64(len(noise)), (off+int64(n))%int64(len(noise))
		binary.BigEndian.PutUint64(head[8:], uint64(block))
		if at < int64(len(head)) {
			n += copy(p[n:], head[at:])
		} else {
			n += copy(p[n:], noise[at:])
		}
	}
	return len(p), nil
}
