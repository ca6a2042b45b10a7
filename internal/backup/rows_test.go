package backup

import (
	"bytes"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/fault"
)

var someRows = [][]any{
	{int64(-1 << 63), true, "a \"quoted\" \\ text\nwith\tcontrols\x01 é 漢", nil},
	{int64(0), false, "", []byte{0, 1, 255}},
	{int64(1<<63 - 1), true, `],{"b":"`, []byte{}},
}

func written(t *testing.T, rows [][]any) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewRowsWriter(&b, Header{Schema: 44, Serial: 7, Epoch: "e"})
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"first", "second"} {
		if err := w.Begin(table, []string{"a", "b", "c", "d"}); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			if err := w.Row(r); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := w.End(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// readAll reads all rows of all tables.
func readAll(b []byte) (out [][]any, err error) {
	r, err := NewRowsReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	for {
		if _, _, err := r.Next(); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, err
		}
		for {
			values, err := r.Row()
			if err == io.EOF {
				break
			}
			if err != nil {
				return nil, err
			}
			out = append(out, slices.Clone(values))
		}
	}
}

func TestRowsComeBack(t *testing.T) {
	got, err := readAll(written(t, someRows))
	if want := slices.Concat(someRows, someRows); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("read %v, %v, want %v", got, err, want)
	}
}

// TestTallyIgnoresTheOrder: the same rows in another order have the same sum, other rows have another one.
func TestTallyIgnoresTheOrder(t *testing.T) {
	sum := func(rows ...[]any) Tally {
		var c Tally
		for _, r := range rows {
			if err := c.Add(r); err != nil {
				t.Fatal(err)
			}
		}
		return c
	}
	a, b := sum(someRows[0], someRows[1]), sum(someRows[1], someRows[0])
	if a != b || a.Sum() != b.Sum() {
		t.Errorf("the order changes the sum: %v, %v", a.Sum(), b.Sum())
	}
	if c := sum(someRows[0], someRows[2]); c == a {
		t.Error("other rows have the same sum")
	}
}

// TestRowsReaderRefuses: a file that was cut, or in which any byte was changed, is never read as if it were whole.
func TestRowsReaderRefuses(t *testing.T) {
	whole := written(t, someRows)
	for n := range len(whole) {
		if _, err := readAll(whole[:n]); !fault.Is(err, fault.Invalid) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	for n := bytes.IndexByte(whole, '\n') + 1; n < len(whole); n++ {
		b := bytes.Clone(whole)
		b[n] ^= 1
		got, err := readAll(b)
		if err == nil && reflect.DeepEqual(got, slices.Concat(someRows, someRows)) {
			continue // the name of a column
		}
		if err == nil {
			t.Fatalf("byte %d of %q was changed unnoticed", n, whole[max(0, n-20):n+1])
		}
	}
	if _, err := readAll([]byte(`{"format":2}` + "\n")); !fault.Is(err, fault.Conflict) {
		t.Errorf("a newer format: %v", err)
	}
}

func FuzzRowsReader(f *testing.F) {
	f.Add(
		[]byte(
			"{\"format\":1}\n{\"table\":\"t\",\"columns\":[\"a\"]}\n[1]\n" +
				"{\"end\":\"t\",\"rows\":1,\"sum\":\"\"}\n{\"done\":true}\n",
		),
	)
	f.Add([]byte(`["a\u00e9",null,{"b":"AA=="},-1,true]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = readAll(b)
		if values, err := parseRow(b, 5); err == nil {
			line, err := AppendRow(nil, values)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := parseRow(line, 5); err != nil || !reflect.DeepEqual(again, values) {
				t.Errorf("%q becomes %v and then %v, %v", b, values, again, err)
			}
		}
	})
}

func TestContentList(t *testing.T) {
	sum, other := strings.Repeat("a1", 32), strings.Repeat("b2", 32)
	all := []Content{
		{sum, 12, []string{"files/a1/" + sum, "metadata/a1/" + sum + ".0123"}},
		{other, -1, []string{"metadata/b2/" + other}},
	}
	var b []byte
	for _, c := range all {
		b = c.AppendTo(b)
	}
	var got []Content
	err := EachContent(bytes.NewReader(b), func(c Content) error { got = append(got, c); return nil })
	if err != nil || !reflect.DeepEqual(got, all) {
		t.Errorf("EachContent() = %v, %v", got, err)
	}
	for name, text := range map[string]string{
		"cut":            string(b[:len(b)-1]),
		"not sorted":     string(all[1].AppendTo(all[0].AppendTo(all[1].AppendTo(nil)))),
		"repeated":       string(all[0].AppendTo(all[0].AppendTo(nil))),
		"no key":         sum + " 12\n",
		"path":           "../../etc/passwd 12 files/x\n",
		"capitals":       strings.ToUpper(sum) + " 12 files/" + sum + "\n",
		"negative":       sum + " -12 files/a1/" + sum + "\n",
		"key of another": sum + " 1 files/b2/" + other + "\n",
	} {
		err := EachContent(strings.NewReader(text), func(Content) error { return nil })
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
}
