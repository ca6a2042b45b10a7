package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"

	"pyindex/internal/fault"
)

// maxLine is the longest line of the rows, in bytes. The longest rows are the cached pages of upstreams.
const maxLine = 256 << 20

// Header is the first line of the rows of a snapshot.
type Header struct {
	Format int    `json:"format"`
	Schema int64  `json:"schema"`
	Serial int64  `json:"serial"`
	Epoch  string `json:"epoch"`
}

// control is a line of the rows that is no row: the beginning or the end of a table, or the end of all.
type control struct {
	Table   string   `json:"table,omitempty"`
	Columns []string `json:"columns,omitempty"`
	End     string   `json:"end,omitempty"`
	Rows    int64    `json:"rows,omitempty"`
	Sum     string   `json:"sum,omitempty"`
	Done    bool     `json:"done,omitempty"`
}

// Tally summarizes the rows of a table: their number and the sum of their digests, which does not depend on their
// order. Tallies can be compared with ==.
type Tally struct {
	Rows int64
	sum  [4]uint64
}

// Add adds a row, with values of the types of AppendRow.
func (t *Tally) Add(values []any) error {
	var space [1024]byte
	line, err := AppendRow(space[:0], values)
	if err == nil {
		t.addLine(line)
	}
	return err
}

// addLine adds an encoded row.
func (t *Tally) addLine(line []byte) {
	sum := sha256.Sum256(line)
	for i := range t.sum {
		t.sum[i] += binary.BigEndian.Uint64(sum[i*8:])
	}
	t.Rows++
}

// Sum returns the sum of the digests in hex.
func (t *Tally) Sum() string {
	var b [32]byte
	for i, n := range t.sum {
		binary.BigEndian.PutUint64(b[i*8:], n)
	}
	return hex.EncodeToString(b[:])
}

// AppendRow appends the encoding of a row: a JSON array of its values, which are nil, int64, bool, string or []byte.
// Equal rows have equal encodings. Bytes, and text that is not UTF-8, become an object with base64.
func AppendRow(line []byte, values []any) ([]byte, error) {
	line = append(line, '[')
	for i, v := range values {
		if i > 0 {
			line = append(line, ',')
		}
		switch v := v.(type) {
		case nil:
			line = append(line, "null"...)
		case int64:
			line = strconv.AppendInt(line, v, 10)
		case bool:
			line = strconv.AppendBool(line, v)
		case string:
			line = appendText(line, v)
		case []byte:
			line = appendBytes(line, v)
		default:
			return nil, fault.New(fault.Internal, "a column contains a %T", v)
		}
	}
	return append(line, ']'), nil
}

// appendText appends a JSON string with only the necessary escapes.
func appendText(line []byte, s string) []byte {
	if !utf8.ValidString(s) {
		return appendBytes(line, []byte(s))
	}
	line = append(line, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		line = append(line, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			line = append(line, '\\', c)
		case '\n':
			line = append(line, '\\', 'n')
		default:
			line = fmt.Appendf(line, `\u%04x`, c)
		}
	}
	return append(append(line, s[from:]...), '"')
}

func appendBytes(line, b []byte) []byte {
	line = append(line, `{"b":"`...)
	line = base64.StdEncoding.AppendEncode(line, b)
	return append(line, `"}`...)
}

// RowsWriter writes the rows of tables, one table after the other.
type RowsWriter struct {
	w     io.Writer
	line  []byte
	table string
	tally Tally
}

// NewRowsWriter returns a writer of rows that has written the header.
func NewRowsWriter(w io.Writer, h Header) (*RowsWriter, error) {
	h.Format = Format
	rw := &RowsWriter{w: w}
	return rw, rw.write(h)
}

func (w *RowsWriter) write(v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = w.w.Write(append(line, '\n'))
	}
	return err
}

// Begin begins a table.
func (w *RowsWriter) Begin(table string, columns []string) error {
	w.table, w.tally = table, Tally{}
	return w.write(control{Table: table, Columns: columns})
}

// Row writes a row of the table, with values of the types of AppendRow.
func (w *RowsWriter) Row(values []any) (err error) {
	if w.line, err = AppendRow(w.line[:0], values); err != nil {
		return err
	}
	if len(w.line) > maxLine {
		return fault.New(fault.Internal, "a row has %d bytes", len(w.line))
	}
	w.tally.addLine(w.line)
	w.line = append(w.line, '\n')
	_, err = w.w.Write(w.line)
	return err
}

// End ends the table and returns its rows and sum.
func (w *RowsWriter) End() (Table, error) {
	t := Table{Name: w.table, Rows: w.tally.Rows, Sum: w.tally.Sum()}
	return t, w.write(control{End: t.Name, Rows: t.Rows, Sum: t.Sum})
}

// Close ends the rows. It does not close the underlying writer.
func (w *RowsWriter) Close() error { return w.write(control{Done: true}) }

// RowsReader reads what a RowsWriter wrote, in memory of a constant size. It returns fault.Invalid for anything else.
type RowsReader struct {
	r      *bufio.Reader
	line   []byte
	header Header
	table  Table
	width  int
	within bool
	tally  Tally
}

// NewRowsReader reads the header. It returns fault.Conflict if a newer program wrote the rows.
func NewRowsReader(r io.Reader) (*RowsReader, error) {
	rr := &RowsReader{r: bufio.NewReaderSize(r, 1<<16)}
	line, err := rr.next()
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(line, &rr.header) != nil || rr.header.Format < 1 {
		return nil, fault.New(fault.Invalid, "these are not the rows of a backup")
	}
	if rr.header.Format > Format {
		return nil, fault.New(fault.Conflict,
			"the backup has format %d, but this version reads %d at most: use the newer version",
			rr.header.Format, Format)
	}
	return rr, nil
}

// Header returns the first line.
func (r *RowsReader) Header() Header { return r.header }

// Next goes to the next table, past the remaining rows of the current one. It returns io.EOF after the last one.
func (r *RowsReader) Next() (table string, columns []string, err error) {
	for r.within {
		if _, err := r.rowLine(); err != nil && err != io.EOF {
			return "", nil, err
		}
	}
	line, err := r.next()
	if err != nil {
		return "", nil, err
	}
	var c control
	if json.Unmarshal(line, &c) != nil || c.End != "" || c.Done == (c.Table != "") {
		return "", nil, r.garbled()
	}
	if c.Done {
		if _, err := r.r.ReadByte(); err != io.EOF {
			return "", nil, r.garbled()
		}
		return "", nil, io.EOF
	}
	r.table, r.width, r.within, r.tally = Table{Name: c.Table}, len(c.Columns), true, Tally{}
	return c.Table, c.Columns, nil
}

// Row returns the next row of the current table, which is valid until the next call. After the last row it returns
// io.EOF, if the number of rows and their sum are those that were written.
func (r *RowsReader) Row() ([]any, error) {
	line, err := r.rowLine()
	if err != nil {
		return nil, err
	}
	values, err := parseRow(line, r.width)
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, err, "a row of table %s cannot be read: %v", r.table.Name, err)
	}
	return values, nil
}

// Skip reads the remaining rows of the current table and checks their number and sum.
func (r *RowsReader) Skip() error {
	for r.within {
		if _, err := r.rowLine(); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}

// Table returns the rows and the sum of the table whose end was read last.
func (r *RowsReader) Table() Table { return r.table }

func (r *RowsReader) rowLine() ([]byte, error) {
	if !r.within {
		return nil, io.EOF
	}
	line, err := r.next()
	if err != nil {
		return nil, err
	}
	if line[0] == '[' {
		r.tally.addLine(line)
		return line, nil
	}
	var c control
	if json.Unmarshal(line, &c) != nil || c.End != r.table.Name {
		return nil, r.garbled()
	}
	r.within, r.table.Rows, r.table.Sum = false, r.tally.Rows, r.tally.Sum()
	if c.Rows != r.table.Rows || c.Sum != r.table.Sum {
		return nil, fault.New(fault.Invalid, "table %s has other rows than those that were written", r.table.Name)
	}
	return nil, io.EOF
}

func (r *RowsReader) garbled() error {
	return fault.New(fault.Invalid, "the rows of the backup cannot be read after table %q", r.table.Name)
}

// next returns the next line, without its end and at least one byte long.
func (r *RowsReader) next() ([]byte, error) {
	r.line = r.line[:0]
	for {
		part, err := r.r.ReadSlice('\n')
		r.line = append(r.line, part...)
		switch {
		case err == nil && len(r.line) > 1:
			return r.line[:len(r.line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull) && len(r.line) <= maxLine:
			continue
		case err == nil, errors.Is(err, bufio.ErrBufferFull):
			return nil, r.garbled()
		case err == io.EOF:
			return nil, fault.New(fault.Invalid, "the rows of the backup end too early")
		}
		return nil, err
	}
}

var errRow = errors.New("malformed row")

// parseRow reverses AppendRow for a row with a number of values.
func parseRow(line []byte, width int) ([]any, error) {
	values := make([]any, 0, width)
	rest, ok := bytes.CutPrefix(line, []byte{'['})
	if !ok || width == 0 {
		return nil, errRow
	}
	for len(values) < width {
		v, after, err := parseValue(rest)
		if err != nil {
			return nil, err
		}
		values = append(values, v)
		end := byte(',')
		if len(values) == width {
			end = ']'
		}
		if len(after) == 0 || after[0] != end {
			return nil, errRow
		}
		rest = after[1:]
	}
	if len(rest) > 0 {
		return nil, errRow
	}
	return values, nil
}

// parseValue parses the first value of a row and returns what follows it.
func parseValue(b []byte) (v any, rest []byte, err error) {
	if len(b) == 0 {
		return nil, nil, errRow
	}
	switch b[0] {
	case '"':
		return parseText(b)
	case '{':
		text, ok := bytes.CutPrefix(b, []byte(`{"b":"`))
		coded, rest, found := bytes.Cut(text, []byte(`"}`))
		out, err := base64.StdEncoding.AppendDecode([]byte{}, coded)
		if !ok || !found || err != nil {
			return nil, nil, errRow
		}
		return out, rest, nil
	}
	end := bytes.IndexAny(b, ",]")
	if end < 0 {
		return nil, nil, errRow
	}
	switch word := string(b[:end]); word {
	case "null":
		return nil, b[end:], nil
	case "true", "false":
		return word == "true", b[end:], nil
	default:
		n, err := strconv.ParseInt(word, 10, 64)
		return n, b[end:], err
	}
}

// parseText parses a JSON string at the beginning of b.
func parseText(b []byte) (any, []byte, error) {
	escaped := false
	for i := 1; i < len(b); i++ {
		switch {
		case b[i] == '\\':
			escaped = true
			i++
		case b[i] != '"':
		case escaped:
			var s string
			err := json.Unmarshal(b[:i+1], &s)
			return s, b[i+1:], err
		case !utf8.Valid(b[1:i]):
			return nil, nil, errRow
		default:
			return string(b[1:i]), b[i+1:], nil
		}
	}
	return nil, nil, errRow
}
