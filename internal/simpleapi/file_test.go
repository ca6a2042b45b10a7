package simpleapi_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
)

func mustParse(t testing.TB, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestFileHeaders(t *testing.T) {
	d := newDemo(t)
	for target, want := range map[string]map[string]string{
		path(d.wheel): {
			"Content-Type": "application/octet-stream", "Etag": `"` + d.wheel.SHA256 + `"`, "Accept-Ranges": "bytes",
			"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
			"Content-Disposition": "attachment",
			"Content-Length":      "45", "Content-Encoding": "", "Last-Modified": "",
		},
		path(d.wheel) + ".metadata": {
			"Content-Type": "text/plain; charset=utf-8", "Etag": `"` + d.wheel.MetadataSHA256 + `"`,
			"Cache-Control": "private, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
		},
	} {
		w := call(d.open, "GET "+target, "Accept-Encoding", "gzip")
		for name, value := range want {
			if got := w.Header().Get(name); got != value {
				t.Errorf("GET %s: %s = %q, want %q", target, name, got, value)
			}
		}
	}
	if got := call(d.open, "GET "+path(d.wheel)).Body.String(); got != wheelBytes {
		t.Errorf("the wheel is %q, want %q", got, wheelBytes)
	}
	if got := call(d.open, "GET "+path(d.wheel)+".metadata").Body.String(); got != metadataBytes {
		t.Errorf("the metadata is %q, want %q", got, metadataBytes)
	}
}

func TestPlusInNames(t *testing.T) {
	d := newDemo(t)
	for _, name := range []string{
		"de_mo-2.0+cu121-py3-none-any.whl", "de_mo-2.0%2Bcu121-py3-none-any.whl", "de_mo-2.0%2bcu121-py3-none-any.whl",
		"de%5Fmo-2.0+cu121-py3-none-any.whl",
	} {
		if w := call(d.open, "GET /packages/"+d.cu.SHA256+"/"+name); w.Code != 200 || w.Body.String() != "local" {
			t.Errorf("GET …/%s = %d %s, want the file", name, w.Code, w.Body)
		}
	}
	for _, name := range []string{"de_mo-2.0%20cu121-py3-none-any.whl", "de_mo-2.0%252Bcu121-py3-none-any.whl"} {
		if w := call(d.open, "GET /packages/"+d.cu.SHA256+"/"+name); w.Code == 200 {
			t.Errorf("GET …/%s = 200, want it refused", name)
		}
	}
}

func TestRanges(t *testing.T) {
	d := newDemo(t)
	whole := strings.Repeat("0123456789", 2000)
	tag := `"` + d.sdist.SHA256 + `"`
	for _, tt := range []struct {
		name        string
		short       bool // of the wheel, 45 bytes, in place of the sdist, 20000
		headers     []string
		code        int
		body, about string // Content-Range
	}{
		{"first", false, []string{"Range", "bytes=0-99"}, 206, whole[:100], "bytes 0-99/20000"},
		{"suffix", false, []string{"Range", "bytes=-10000"}, 206, whole[10000:], "bytes 10000-19999/20000"},
		{"suffix longer than the file", true, []string{"Range", "bytes=-10000"}, 206, wheelBytes, "bytes 0-44/45"},
		{"open end", false, []string{"Range", "bytes=19990-"}, 206, whole[19990:], "bytes 19990-19999/20000"},
		{"end beyond", false, []string{"Range", "bytes=19990-99999"}, 206, whole[19990:], "bytes 19990-19999/20000"},
		{"one byte", false, []string{"Range", "bytes=5-5"}, 206, "5", "bytes 5-5/20000"},
		{"start beyond", false, []string{"Range", "bytes=20000-"}, 416, "", "bytes */20000"},
		{"far beyond", false, []string{"Range", "bytes=99999-999999"}, 416, "", "bytes */20000"},
		{"backwards", false, []string{"Range", "bytes=9-5"}, 416, "", ""},
		{"last none", false, []string{"Range", "bytes=-0"}, 200, whole, ""},
		{"other unit", false, []string{"Range", "lines=1-2"}, 200, whole, ""},
		{"overflow", false, []string{"Range", "bytes=99999999999999999999-"}, 416, "", ""},
		{"many", false, []string{"Range", "bytes=0-0" + strings.Repeat(",1-1", 99)}, 200, whole, ""},
		{"a thousand", false, []string{"Range", "bytes=0-" + strings.Repeat(",0-", 999)}, 200, whole, ""},
		{"overlapping, more than the whole", false, []string{"Range", "bytes=0-,0-,0-"}, 200, whole, ""},
		{"If-Range holds", false, []string{"Range", "bytes=0-9", "If-Range", tag}, 206, whole[:10], "bytes 0-9/20000"},
		{"If-Range stale", false, []string{"Range", "bytes=0-9", "If-Range", `"old"`}, 200, whole, ""},
		{"If-Range weak", false, []string{"Range", "bytes=0-9", "If-Range", "W/" + tag}, 200, whole, ""},
		{"If-Range date", false, []string{"Range", "bytes=0-9", "If-Range", "Mon, 02 Jan 2006 15:04:05 GMT"}, 200, whole, ""},
		{"held", false, []string{"If-None-Match", tag}, 304, "", ""},
		{"held, weak", false, []string{"If-None-Match", "W/" + tag}, 304, "", ""},
		{"held among others", false, []string{"If-None-Match", `"x", ` + tag}, 304, "", ""},
		{"held, with range", false, []string{"If-None-Match", tag, "Range", "bytes=0-9"}, 304, "", ""},
		{"other held", false, []string{"If-None-Match", `"x"`}, 200, whole, ""},
		{"If-Match fails", false, []string{"If-Match", `"x"`}, 412, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := d.sdist
			if tt.short {
				f = d.wheel
			}
			w := call(d.open, "GET "+path(f), tt.headers...)
			if w.Code != tt.code || (tt.body != "" || tt.code == 304) && w.Body.String() != tt.body {
				t.Errorf("%q = %d with %d bytes, want %d with %d", tt.headers, w.Code, w.Body.Len(), tt.code, len(tt.body))
			}
			if got := w.Header().Get("Content-Range"); tt.about != "" && got != tt.about {
				t.Errorf("%q: Content-Range = %q, want %q", tt.headers, got, tt.about)
			}
		})
	}
}

func TestTwoRanges(t *testing.T) {
	d := newDemo(t)
	w := call(d.open, "GET "+path(d.sdist), "Range", "bytes=0-4,10-14")
	if got := w.Header().Get("Content-Type"); w.Code != http.StatusPartialContent ||
		!strings.HasPrefix(got, "multipart/byteranges") {
		t.Errorf("two ranges = %d %s, want 206 in parts", w.Code, got)
	}
}

func TestHeadWithRange(t *testing.T) {
	d := newDemo(t)
	w := call(d.open, "HEAD "+path(d.sdist), "Range", "bytes=-10")
	if w.Body.Len() != 0 || w.Header().Get("Accept-Ranges") != "bytes" {
		t.Errorf("HEAD with a range has %d bytes and Accept-Ranges %q", w.Body.Len(), w.Header().Get("Accept-Ranges"))
	}
}

// kernel is a response that records the source it is asked to copy from, which net/http inspects to use sendfile.
type kernel struct {
	http.ResponseWriter
	from io.Reader
}

func (k *kernel) ReadFrom(r io.Reader) (int64, error) {
	k.from = r
	return io.Copy(k.ResponseWriter, r)
}

func TestFilesAreCopiedByTheKernel(t *testing.T) {
	d := newDemo(t)
	for _, asked := range []string{"", "bytes=5-9"} {
		r := httptest.NewRequest("GET", path(d.sdist), nil)
		if asked != "" {
			r.Header.Set("Range", asked)
		}
		k := &kernel{ResponseWriter: httptest.NewRecorder()}
		d.open.ServeHTTP(k, r)
		from, _ := k.from.(*io.LimitedReader)
		if from == nil {
			t.Fatalf("range %q is copied from %T, want a limited file", asked, k.from)
		}
		if _, ok := from.R.(*os.File); !ok {
			t.Errorf("range %q is copied from %T, want *os.File", asked, from.R)
		}
	}
}
