package backup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"pyindex/internal/fault"
)

// Content is stored content that a snapshot needs, with all its keys in the store. Size is -1 if the rows do not have
// it, as for metadata.
type Content struct {
	SHA256 string
	Size   int64
	Keys   []string
}

// Path returns the path of the content below the folder of a backup.
func (c Content) Path() string { return "content/" + c.SHA256[:2] + "/" + c.SHA256 }

// AppendTo appends the line of the content.
func (c Content) AppendTo(line []byte) []byte {
	line = append(append(line, c.SHA256...), ' ')
	if c.Size < 0 {
		line = append(line, '-')
	} else {
		line = strconv.AppendInt(line, c.Size, 10)
	}
	for _, key := range c.Keys {
		line = append(append(line, ' '), key...)
	}
	return append(line, '\n')
}

// ParseContent parses a line without its end. It returns fault.Invalid for anything that AppendTo does not write.
func ParseContent(line string) (c Content, err error) {
	fields := strings.Split(line, " ")
	c.SHA256, c.Size = fields[0], -1
	if len(fields) < 3 || !isDigest(c.SHA256) {
		return c, fault.New(fault.Invalid, "the list of content contains %q", shorten(line))
	}
	if fields[1] != "-" {
		if c.Size, err = strconv.ParseInt(fields[1], 10, 64); err != nil || c.Size < 0 {
			return c, fault.New(fault.Invalid, "the list of content contains %q", shorten(line))
		}
	}
	c.Keys = fields[2:]
	for _, key := range c.Keys {
		if !strings.Contains(key, "/"+c.SHA256) {
			return c, fault.New(fault.Invalid, "the list of content contains %q", shorten(line))
		}
	}
	return c, nil
}

// ContentReader reads a list of content.
type ContentReader struct {
	r    *bufio.Reader
	last string
}

// NewContentReader returns a reader of a list of content.
func NewContentReader(r io.Reader) *ContentReader {
	return &ContentReader{r: bufio.NewReaderSize(r, 1<<16)}
}

// Next returns the next content in the order of the digests, and io.EOF after the last one. It returns fault.Invalid if
// the list is cut off, not sorted or otherwise not one.
func (r *ContentReader) Next() (Content, error) {
	line, err := r.r.ReadSlice('\n')
	switch {
	case err == io.EOF && len(line) == 0:
		return Content{}, io.EOF
	case err == io.EOF, errors.Is(err, bufio.ErrBufferFull):
		return Content{}, fault.New(fault.Invalid, "the list of content is cut off after %q", r.last)
	case err != nil:
		return Content{}, fault.Wrap(fault.Invalid, err, "the list of content cannot be read: %v", err)
	}
	c, err := ParseContent(string(line[:len(line)-1]))
	if err == nil && c.SHA256 <= r.last {
		err = fault.New(fault.Invalid, "the list of content is not sorted at %s", c.SHA256)
	}
	r.last = c.SHA256
	return c, err
}

// EachContent calls f for each content of a list, in the order of the digests, and returns the first error of f.
func EachContent(r io.Reader, f func(Content) error) error {
	for list := NewContentReader(r); ; {
		c, err := list.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = f(c)
		}
		if err != nil {
			return err
		}
	}
}

func isDigest(s string) bool {
	if len(s) != 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func shorten(s string) string {
	if len(s) > 100 {
		return fmt.Sprintf("%s…", s[:100])
	}
	return s
}
