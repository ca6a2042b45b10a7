package legacyupload

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/formdata"
)

const (
	edge     = "XX"
	edgeType = "multipart/form-data; boundary=" + edge
)

var small = bounds{parts: 50, field: 4 << 10, form: 64 << 10}

// raw creates a body from parts, each given as its header lines, a blank line and its content.
func raw(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("--" + edge + "\r\n" + p + "\r\n")
	}
	return b.String() + "--" + edge + "--\r\n"
}

func text(name, value string) string {
	return fmt.Sprintf("Content-Disposition: form-data; name=%q\r\n\r\n%s", name, value)
}

func file(field, filename, bytes string) string {
	return fmt.Sprintf("Content-Disposition: form-data; name=%q; filename=\"%s\"\r\n\r\n%s", field, filename, bytes)
}

func into(w io.Writer) opener {
	return func(form, partHeader) (io.Writer, error) { return w, nil }
}

func TestReceive(t *testing.T) {
	const before, after = "before", "after"
	body := raw(text(":action", "file_upload"), text("classifiers", before), text("attestations", "[]"),
		file("gpg_signature", "a.asc", "signed"), file("content", "../a.whl", "bytes\r\n--X\r\nmore"),
		text("classifiers", after), text("summary", "with\r\nlines"), text("empty", ""))
	for name, r := range map[string]io.Reader{
		"at once": strings.NewReader(body), "by the byte": iotest.OneByteReader(strings.NewReader(body)),
		"with the end": iotest.DataErrReader(strings.NewReader(body)),
	} {
		t.Run(name, func(t *testing.T) {
			var stored bytes.Buffer
			got, err := receive(r, edgeType, small, into(&stored))
			if err != nil {
				t.Fatal(err)
			}
			want := form{":action": {"file_upload"}, "classifiers": {before, after}, "summary": {"with\r\nlines"}, "empty": {""}}
			if diff := cmp.Diff(want, got.form); diff != "" {
				t.Errorf("receive: form differs (-want +got):\n%s", diff)
			}
			if len(got.attestations) != 1 || got.attestations[0] != "[]" || got.content == nil ||
				got.content.filename != "../a.whl" || got.content.contentType != "" {
				t.Errorf("receive: attestations %q, content %+v", got.attestations, got.content)
			}
			if stored.String() != "bytes\r\n--X\r\nmore" {
				t.Errorf("receive stored %q", stored.String())
			}
		})
	}
}

func TestReceiveManyParts(t *testing.T) {
	var parts []string
	for i := range 1500 {
		parts = append(parts, text("requires_dist", fmt.Sprintf("package-%d>=1; extra == 'e%d'", i, i)))
	}
	got, err := receive(strings.NewReader(raw(parts...)), edgeType, Options{}.bounds(), into(io.Discard))
	if err != nil || len(got.form["requires_dist"]) != 1500 {
		t.Errorf("receive(1,500 parts) kept %d, %v", len(got.form["requires_dist"]), err)
	}
}

func TestReceiveRefuses(t *testing.T) {
	whole := raw(text("name", "a"), file("content", "a.whl", "bytes"))
	long := strings.Repeat("x", 5<<10)
	tests := map[string]struct{ kind, body, want string }{
		"no type":         {"", whole, "multipart/form-data"},
		"url encoded":     {"application/x-www-form-urlencoded", "name=a", "multipart/form-data"},
		"multipart/mixed": {"multipart/mixed; boundary=XX", whole, "multipart/form-data"},
		"no boundary":     {"multipart/form-data", whole, "boundary"},
		"empty boundary":  {`multipart/form-data; boundary=""`, whole, "boundary"},
		"long boundary":   {"multipart/form-data; boundary=" + strings.Repeat("X", 201), whole, "boundary"},
		"boundary twice":  {"multipart/form-data; boundary=XX; boundary=YY", whole, "multipart/form-data"},
		"empty body":      {edgeType, "", "ended before"},
		"other boundary":  {edgeType, strings.ReplaceAll(whole, "XX", "YY"), "ended before"},
		"not multipart":   {edgeType, "name=a", "ended before"},
		"cut in header":   {edgeType, whole[:20], "cannot be read"},
		"cut in field":    {edgeType, whole[:len("--XX\r\n")+len(text("name", "a"))], "ended before"},
		"cut in content":  {edgeType, strings.TrimSuffix(whole, "\r\n--XX--\r\n"), "ended before"},
		"cut before end":  {edgeType, strings.TrimSuffix(whole, "--XX--\r\n"), "ended before"},
		"junk between": {
			edgeType, "--XX\r\n" + text("name", "a") + "\r\n--XX\r\njunk\r\n\r\nx\r\n--XX--\r\n", "cannot be read",
		},
		"no header":           {edgeType, raw("\r\nvalue"), "Content-Disposition"},
		"NUL in header":       {edgeType, raw(file("content", "a\x00.whl", "bytes")), "cannot be read"},
		"line end in header":  {edgeType, raw(file("content", "a\r\nX-Evil: 1", "bytes")), "cannot be read"},
		"two contents":        {edgeType, raw(file("content", "a", "1"), file("content", "a", "1")), "one file"},
		"content as text":     {edgeType, raw(text("content", "bytes")), "no file name"},
		"field as file":       {edgeType, raw(file("name", "a", "x")), "name: Should not be a tuple."},
		"unknown as file":     {edgeType, raw(file("other", "a", "x")), "other: Should not be a tuple."},
		"attestation as file": {edgeType, raw(file("attestations", "a", "[]")), "attestations: Should not be a tuple."},
		"long field":          {edgeType, raw(text("summary", long)), "too long"},
		"longer field":        {edgeType, raw(text("summary", strings.Repeat(long, 10))), "too l"},
		"long attestations":   {edgeType, raw(text("attestations", strings.Repeat(long, 4))), "a field exceeds"},
		"long signature":      {edgeType, raw(file("gpg_signature", "a", strings.Repeat(long, 4))), "a field exceeds"},
		"long header": {
			edgeType, raw("X-Long: " + strings.Repeat(long, 9) + "\r\n" + text("name", "a")), "a part's header exceeds",
		},
		"long preamble": {edgeType, strings.Repeat("junk\r\n", 9<<10) + whole, "a part's header exceeds"},
		"many fields": {
			edgeType, raw(strings.Split(strings.Repeat(text("a", "")+"\x01", 51), "\x01")[:51]...), "more than 50 parts",
		},
		"much in all": {
			edgeType, raw(strings.Split(strings.Repeat(text("a", long[:4<<10])+"\x01", 40), "\x01")[:40]...), "together",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := receive(strings.NewReader(tt.body), tt.kind, small, into(io.Discard))
			if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("receive = %+v, %v, want a refusal with %q", got, err, tt.want)
			}
		})
	}
}

// An endless stream of small fields is refused at the limit, not read to its end.
func TestReceiveStopsEarly(t *testing.T) {
	var read int
	one := "--XX\r\n" + text("a", "") + "\r\n"
	endless := readerFunc(func(p []byte) (int, error) {
		n := copy(p, strings.Repeat(one, 1+len(p)/len(one))[read%len(one):])
		read += n
		return n, nil
	})
	_, err := receive(endless, edgeType, Options{}.bounds(), into(io.Discard))
	if !fault.Is(err, fault.Invalid) || read > 10_002*len(one)+readBuffer+formdata.Lookahead {
		t.Errorf("receive(endless fields) = %v after %d bytes", err, read)
	}
}

func TestReceiveHandsErrorsOn(t *testing.T) {
	body := raw(file("content", "a.whl", strings.Repeat("bytes", 100_000)))
	full := fault.New(fault.TooLarge, "File too large")
	gone := errors.New("connection reset")
	tests := map[string]struct {
		body io.Reader
		open opener
		want error
		kind fault.Kind
	}{
		"opener refuses": {
			strings.NewReader(body), func(form, partHeader) (io.Writer, error) { return nil, full }, full, fault.TooLarge,
		},
		"stage is full": {
			strings.NewReader(body), into(writerFunc(func([]byte) (int, error) { return 0, full })), full, fault.TooLarge,
		},
		"stage breaks": {
			strings.NewReader(body), into(writerFunc(func([]byte) (int, error) { return 0, gone })), gone, fault.Internal,
		},
		"client leaves": {
			io.MultiReader(strings.NewReader(body[:1000]), iotest.ErrReader(gone)), into(io.Discard), gone, fault.Invalid,
		},
		"leaves at once": {iotest.ErrReader(gone), into(io.Discard), gone, fault.Invalid},
		"stands still": {
			io.MultiReader(strings.NewReader(body[:1000]), iotest.ErrReader(full)), into(io.Discard), full, fault.TooLarge,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := receive(tt.body, edgeType, small, tt.open)
			if !errors.Is(err, tt.want) || fault.KindOf(err) != tt.kind {
				t.Errorf("receive = %v (%v), want %v (%v)", err, fault.KindOf(err), tt.want, tt.kind)
			}
		})
	}
}

// Memory use does not grow with the file, whatever its position in the form.
func TestReceiveMemory(t *testing.T) {
	const size = 300 << 20
	body := io.MultiReader(
		strings.NewReader("--XX\r\n"+file("content", "a.whl", "")), io.LimitReader(zeros{}, size),
		strings.NewReader("\r\n"+raw(text("name", "a"))))
	defer debug.SetGCPercent(debug.SetGCPercent(100)) // as in production, whatever GOGC is
	var before, peak runtime.MemStats
	runtime.ReadMemStats(&before)
	var stored int64
	got, err := receive(body, edgeType, small, into(writerFunc(func(p []byte) (int, error) {
		if stored%(32<<20) == 0 {
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			peak.HeapSys = max(peak.HeapSys, now.HeapSys)
		}
		stored += int64(len(p))
		return len(p), nil
	})))
	if err != nil || stored != size || got.form["name"] == nil {
		t.Fatalf("receive stored %d bytes, %v, form %v", stored, err, got.form)
	}
	if grown := int64(peak.HeapSys) - int64(before.HeapSys); grown > 16<<20 {
		t.Errorf("receive(300 MB) grew the heap by %d bytes", grown)
	}
}

func FuzzForm(f *testing.F) {
	f.Add([]byte(raw(text(":action", "file_upload"), text("name", "a"), file("content", "a-1.tar.gz", "bytes"))))
	f.Add([]byte(raw(file("content", "a", "--XX"), text("classifiers", "\xff\x00"))))
	f.Add([]byte("preamble\n--XX\nContent-Disposition: form-data; name=a\n\n1\n--XX--"))
	f.Add([]byte("--XX\r\nContent-Disposition: form-data;\r\n name=\"a\"\r\n\r\n\r\n--XX--"))
	f.Fuzz(func(t *testing.T, body []byte) {
		var stored bytes.Buffer
		opened := 0
		got, err := receive(bytes.NewReader(body), edgeType, small, func(form, partHeader) (io.Writer, error) {
			opened++
			return &stored, nil
		})
		if opened > 1 || stored.Len() > len(body) {
			t.Fatalf("opened %d stages, stored %d of %d bytes", opened, stored.Len(), len(body))
		}
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%v is %v", err, fault.KindOf(err))
			}
			return
		}
		checkForm(t, body, got, opened)
	})
}

// checkForm checks the received form against the limits and the sent bytes.
func checkForm(t *testing.T, body []byte, got receipt, opened int) {
	if (got.content != nil) != (opened == 1) {
		t.Fatalf("content %v with %d stages", got.content, opened)
	}
	count, size := 0, 0
	for field, values := range got.form {
		for _, v := range values {
			count, size = count+1, size+len(v)
			if len(v) > int(small.field) || !bytes.Contains(body, []byte(v)) {
				t.Fatalf("%q has a value that was not sent or is too long: %.100q", field, v)
			}
		}
		if text, err := form(got.form).one(field); err == nil && strings.Contains(text, "\x00") {
			t.Fatalf("one(%q) = %q", field, text)
		}
	}
	if count > small.parts || size > int(small.form)+formdata.Lookahead {
		t.Fatalf("kept %d values of %d bytes", count, size)
	}
}

// Forms written by the standard library are read back unchanged, whatever the values are.
func FuzzRoundTrip(f *testing.F) {
	f.Add("summary", "value", "a-1.whl")
	f.Add("a;b", "\r\n--x", `C:\..\a"b`)
	f.Fuzz(func(t *testing.T, field, value, filename string) {
		if field == "" || field == "content" || field == "attestations" || len(value) > 1000 ||
			len(field)+len(filename) > 1000 || !printable(field+filename) {
			return
		}
		var b, stored bytes.Buffer
		w := multipart.NewWriter(&b)
		_ = w.WriteField(field, value)
		p, _ := w.CreateFormFile("content", filename)
		_, _ = io.WriteString(p, value)
		w.Close()
		got, err := receive(&b, w.FormDataContentType(), small, into(&stored))
		if err != nil {
			t.Fatal(err)
		}
		if got.content.filename != filename || stored.String() != value || got.form[field] == nil ||
			got.form[field][0] != value {
			t.Errorf("receive = %q, %q, %v, want %q in %q and %q", got.content.filename, stored.String(), got.form, value,
				field, filename)
		}
	})
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
