package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"io"
	"path"
	"strconv"
	"strings"
	"unicode/utf8"
)

// recordCheck compares RECORD with the wheel. Installers rely on the zip, so differences cause only warnings.
type recordCheck struct {
	g       *gate
	dir     string
	files   map[string]*zipMember
	listed  map[*zipMember]bool
	outside oddity
	absent  oddity
	twice   oddity
	sizes   oddity
	hashes  oddity
	missing oddity
}

// oddity counts one kind of difference and keeps the first example.
type oddity struct {
	n     int
	first string
}

func (o *oddity) note(name string) {
	if o.n++; o.n == 1 {
		o.first = name
	}
}

// record requires a RECORD that is UTF-8 CSV, and adds warnings if it differs from the wheel's members.
func (g *gate) record(z *zipFile, dir string) error {
	raw, err := z.read(dir+"/RECORD", g.lim.Record)
	if err != nil {
		return err
	}
	if !utf8.Valid(raw) || bytes.IndexByte(raw, 0) >= 0 {
		return refuse("RECORD is not UTF-8 text")
	}
	c := &recordCheck{g: g, dir: dir, files: z.byPath, listed: map[*zipMember]bool{}}
	if err := c.rows(raw); err != nil {
		return err
	}
	c.unlisted()
	c.report()
	return nil
}

// rows parses quotes as leniently as Python's csv module.
func (c *recordCheck) rows(raw []byte) error {
	r := csv.NewReader(bytes.NewReader(raw))
	r.FieldsPerRecord, r.LazyQuotes, r.ReuseRecord = -1, true, true
	for {
		row, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return refuse("RECORD is not valid CSV")
		}
		if err := c.row(row); err != nil {
			return err
		}
	}
}

func (c *recordCheck) row(row []string) error {
	name := row[0]
	if len(name) > longest {
		return refuse("RECORD lists a name of %d bytes", len(name))
	}
	if checkName(name) != nil {
		c.outside.note(strings.Clone(name))
		return nil
	}
	m, ok := c.files[clean(name)]
	switch {
	case !ok:
		c.absent.note(strings.Clone(name))
	case c.listed[m]:
		c.twice.note(m.name)
	default:
		c.listed[m] = true
		c.compare(m, row)
	}
	return nil
}

// compare checks a row against its member: always the size, and the hash only for METADATA, which is read anyway.
func (c *recordCheck) compare(m *zipMember, row []string) {
	if len(row) > 2 && row[2] != "" && row[2] != strconv.FormatInt(m.size, 10) {
		c.sizes.note(m.name)
		return
	}
	if len(row) < 2 || !strings.HasPrefix(row[1], "sha256=") || m.name != c.dir+"/METADATA" {
		return
	}
	body, err := c.g.readMember(m, c.g.lim.Metadata)
	if sum := sha256.Sum256(body); err == nil && row[1] != "sha256="+base64.RawURLEncoding.EncodeToString(sum[:]) {
		c.hashes.note(m.name)
	}
}

func (c *recordCheck) unlisted() {
	for _, m := range c.files {
		if !m.isFolder() && !c.listed[m] && !signature(m.name, c.dir) {
			c.missing.note(m.name)
		}
	}
}

// signature reports whether a file signs RECORD, which therefore cannot list it.
func signature(name, dir string) bool {
	base := path.Base(name)
	return path.Dir(name) == dir && (base == "RECORD.jws" || base == "RECORD.p7s")
}

func (c *recordCheck) report() {
	for _, o := range []struct {
		oddity
		noun, text string
	}{
		{c.outside, "name", "RECORD lists %s outside the wheel, such as %s"},
		{c.absent, "file", "RECORD lists %s that the wheel does not contain, such as %s"},
		{c.missing, "file", "RECORD omits %s of the wheel, such as %s"},
		{c.twice, "file", "RECORD lists %s more than once, such as %s"},
		{c.sizes, "file", "RECORD has a wrong size for %s, such as %s"},
		{c.hashes, "file", "RECORD has a wrong hash for %s, such as %s"},
	} {
		if o.n > 0 {
			c.g.warn(o.text, plural(o.n, o.noun), quote(o.first))
		}
	}
}
