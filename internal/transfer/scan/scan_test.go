package scan_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"pyindex/internal/transfer/scan"
)

// read returns all texts of a document that stand in {"list": [{"name": …}]}.
func read(d scan.Document) (names []string, err error) {
	err = d.Read(func(r *scan.Reader) error {
		_, err := r.Object(func(name string) error {
			if name != "list" {
				return r.Skip()
			}
			_, err := r.List(func() error {
				_, err := r.Object(func(name string) error {
					s, err := r.Scalar()
					if name == "name" {
						names = append(names, s)
					}
					return err
				})
				return err
			})
			return err
		})
		return err
	})
	return names, err
}

func TestRead(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "",
		`{"other": {"deep": [1, [2]]}, "list": [{"name": "a", "x": [{}]}, {"name": 7}, {"name": null}, 3, {"name": true}]}`: "a,7,,true",
		"\n{\"list\" : [ {\"name\":\"\\u00e9\\ud800\"} ]}\n":                                                                "é\ufffd",
		`[1]`: "",
	} {
		names, err := read(scan.Bytes("x.json", []byte(text)))
		if got := strings.Join(names, ","); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestErrorsNameTheDocumentAndTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                                      "x.json, line 1: the JSON ends early",
		"{\n\"list\": [\n{\"name\": \"a\"},\n":  "x.json, line 3: the JSON ends early",
		"{\n\"list\": [\n{\"name\" \"a\"}\n]}":  "x.json, line 3: this is not valid JSON",
		"{\"list\":\n[{\"name\": \"a\nb\"}]}":   "x.json, line 2: this is not valid JSON",
		"{\"list\": [}":                         "x.json, line 1: this is not valid JSON",
		"{}\n\n{}":                              "x.json, line 3: something follows the JSON",
		"{}\n x":                                "x.json, line 1: something follows the JSON",
		"{\n\"x\": " + strings.Repeat("[", 100): "x.json, line 2: the JSON is nested deeper than 64",
		"{\"x\": \"" + strings.Repeat("a", 40<<20):     "x.json, line 1: a value is longer than 32 MiB",
		"{\"x\": 1," + strings.Repeat("\n", 40<<20):    "x.json, line 1: a value is longer than 32 MiB",
		"{\"x\": [" + strings.Repeat("1, ", 99) + "1]": "x.json, line 1: the JSON ends early",
	} {
		_, err := read(scan.Bytes("x.json", []byte(text)))
		if err == nil || err.Error() != want {
			t.Errorf("%.60q: %v, want %s", text, err, want)
		}
	}
}

// TestLongDocument: the memory that a document takes does not depend on its length.
func TestLongDocument(t *testing.T) {
	const entries = 200_000
	d := scan.Document{Name: "x.json", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(strings.NewReader(`{"other": [0`), &repeated{text: `, {"name": "` +
			strings.Repeat("a", 1000) + `"}`, left: entries}, strings.NewReader(`], "list": [{"name": "b"}]}`))), nil
	}}
	allocated := testing.AllocsPerRun(1, func() {
		if names, err := read(d); err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
	})
	if allocated > entries/2 {
		t.Errorf("%v allocations for %d entries", allocated, entries)
	}
}

// repeated is a reader of a text that is repeated.
type repeated struct {
	text string
	left int
	rest string
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.rest == "" {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.text
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"list": [{"name": "a"}, {"name": 7}, []], "x": {"y": [null, 1e9, "\ud800"]}}`))
	f.Add([]byte("{\"list\":\n[{}, {\"name\": "))
	f.Fuzz(func(t *testing.T, b []byte) {
		start := time.Now()
		names, err := read(scan.Bytes("x.json", b))
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("%d bytes take %v", len(b), d)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "x.json, line ") {
			t.Fatalf("error %v does not name the line", err)
		}
		if size := len(strings.Join(names, "")); size > 3*len(b) {
			t.Fatalf("%d bytes become %d", len(b), size)
		}
	})
}
