package web_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/resourcetest"
	"pyindex/internal/route"
)

// sendFiles uploads in the browser, as the page's script does where json is set.
func (x *shop) sendFiles(user, path string, json bool, files ...packagingtest.File) *httptest.ResponseRecorder {
	x.Helper()
	kind, body := multi(files...)
	return x.send(user, http.MethodPost, path, kind, map[bool]string{true: "application/json"}[json], body)
}

// answers are what the script is told, as "file: text" with a mark for what is here.
func answers(t *testing.T, got *httptest.ResponseRecorder) (all []string) {
	t.Helper()
	var v struct {
		Results []struct {
			File, Text, Link string
			OK               bool
		}
	}
	if err := json.Unmarshal(got.Body.Bytes(), &v); err != nil || got.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("the answer is no JSON (%v): %d %s", err, got.Code, got.Body)
	}
	for _, r := range v.Results {
		all = append(all, fmt.Sprintf("%v %s: %s", r.OK, r.File, r.Text))
	}
	return all
}

func TestUploadInTheBrowser(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	good, same, theirs := packagingtest.Wheel("demo", "3.0", "x"), packagingtest.Wheel("demo", "1.0", "main"),
		packagingtest.Wheel("other", "2.0", "x")
	bad := packagingtest.File{Name: "demo-4.0-py3-none-any.whl", Bytes: []byte("no zip")}
	odd := packagingtest.File{Name: `<img src=x>.whl`, Bytes: []byte("x")}
	var got *httptest.ResponseRecorder
	grew := x.grew(func() { got = x.sendFiles("uploader", "/manage/upload/", false, good, same, theirs, bad, odd) })
	page := got.Body.String()
	if got.Code != http.StatusUnprocessableEntity || grew != "file.add, file.add refused, file.add refused" {
		t.Errorf("uploading = %d, recorded %q", got.Code, grew)
	}
	for _, want := range []string{
		"2 files uploaded, 3 files refused", "The identical file already exists", "you may not upload to project other",
		`href="/project/demo/3.0/"`, "&lt;img src=x&gt;.whl",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Contains(page, "<img") {
		t.Error("a file's name is not escaped")
	}
	o, err := x.index.Overview(t.Context(), x.operator, "", x.name("demo"), "3.0")
	if err != nil || o.Files[0].Uploader.Kind != string(access.KindUser) || o.Files[0].Uploader.Name != "uploader" ||
		o.Files[0].Uploader.TokenID != "" {
		t.Errorf("the record's uploader is %+v, %v", o.Files, err)
	}
	next := packagingtest.Wheel("demo", "5.0", "x")
	got = x.sendFiles("uploader", "/r/inner/manage/upload/?project=demo", true, next)
	if all := answers(t, got); got.Code != http.StatusOK || len(all) != 1 ||
		all[0] != "true demo-5.0-py3-none-any.whl: Uploaded." {
		t.Errorf("the script is told %d %q", got.Code, all)
	}
	if _, err := x.index.Overview(t.Context(), x.operator, "inner", x.name("demo"), "5.0"); err != nil {
		t.Errorf("the file is not in the repository of the path: %v", err)
	}
}

// What is refused says why beside the file, and leaves nothing behind.
func TestUploadRefusals(t *testing.T) {
	big := packagingtest.Wheel("demo", "9.0", strings.Repeat("big", 10))
	x := newShop(t, catalog.Limits{FileSize: int64(len(big.Bytes)) + 10_000}, nil)
	huge := packagingtest.File{Name: "demo-9.1-py3-none-any.whl", Bytes: make([]byte, len(big.Bytes)+20_000)}
	wheel := packagingtest.Wheel("demo", "9.0", "x")
	other := packagingtest.Wheel("demo", "2.0", "another content")
	check := func(what, user, path, want string, f packagingtest.File) {
		t.Helper()
		got := x.sendFiles(user, path, true, f)
		all := answers(t, got)
		if got.Code != http.StatusUnprocessableEntity || len(all) != 1 || !strings.HasPrefix(all[0], "false ") ||
			!strings.Contains(all[0], want) {
			t.Errorf("%s = %d %q, want %q", what, got.Code, all, want)
		}
	}
	check("a file that is too large", "uploader", "/manage/upload/", "too large", huge)
	check("other content under a name", "uploader", "/manage/upload/", "already exists", other)
	check("a reader", "reader", "/manage/upload/", "you may not upload to project demo", wheel)
	check("a stranger", "stranger", "/manage/upload/", "you may not upload to project demo", wheel)
	check("a file of another project", "owner", "/manage/upload/?project=other",
		"This file belongs to demo, but the page is for other", wheel)
	check("no distribution", "owner", "/manage/upload/", "File name",
		packagingtest.File{Name: "notes.txt", Bytes: []byte("x")})
	check("a path", "owner", "/manage/upload/", "File name",
		packagingtest.File{Name: "../../etc/passwd", Bytes: []byte("x")})
	x.post("owner", "/manage/project/demo/settings/trusted-only/", "on", "on")
	check("a project of trusted publishers", "owner", "/manage/upload/",
		"takes uploads from its trusted publishers alone", wheel)
	if page := x.get("owner", "/manage/upload/?project=demo").Body.String(); !strings.Contains(page,
		"only from its trusted publishers") || strings.Contains(page, "multipart/form-data") {
		t.Errorf("the page of a project of trusted publishers:\n%s", page)
	}
	x.post("owner", "/manage/project/demo/settings/trusted-only/")
	x.post("owner", "/manage/project/demo/settings/status/", "status", "archived")
	check("an archived project", "owner", "/manage/upload/", "archived", wheel)
	if got := x.get("stranger", "/r/inner/manage/upload/"); got.Code != http.StatusNotFound {
		t.Errorf("the page of a hidden repository = %d", got.Code)
	}
	for name, want := range map[string]int{
		"nothing chosen": http.StatusUnprocessableEntity, "no form": http.StatusBadRequest,
	} {
		t.Run(name, func(t *testing.T) {
			kind, body := multi()
			if name == "no form" {
				kind, body = "application/x-www-form-urlencoded", bytes.NewBufferString("a=b")
			}
			if got := x.send("owner", http.MethodPost, "/manage/upload/", kind, "", body); got.Code != want {
				t.Errorf("%s = %d, want %d", name, got.Code, want)
			}
		})
	}
	if got := x.sendFiles("nobody", "/manage/upload/", true, wheel); got.Code != http.StatusSeeOther {
		t.Errorf("an upload by nobody = %d", got.Code)
	}
	if _, err := x.index.Overview(t.Context(), x.operator, "", x.name("demo"), "9.0"); err == nil {
		t.Error("a refused upload made a release")
	}
}

// A new project is its first uploader's, as by any other client.
func TestUploadMakesAProject(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	if got := x.sendFiles("stranger", "/manage/upload/", false, packagingtest.Wheel("fresh", "1.0", "x"),
		packagingtest.SDist("fresh", "1.0", "x")); got.Code != http.StatusOK {
		t.Fatalf("uploading = %d:\n%s", got.Code, got.Body)
	}
	if page := x.get("stranger", "/manage/projects/").Body.String(); !strings.Contains(page,
		"/manage/project/fresh/releases/") {
		t.Errorf("the project is not among the uploader's:\n%s", page)
	}
}

// A form that breaks off keeps what was whole and says so of the rest.
func TestUploadBreaksOff(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	kind, body := multi(packagingtest.Wheel("demo", "3.0", "x"), packagingtest.Wheel("demo", "4.0", "x"))
	cut := bytes.NewReader(body.Bytes()[:body.Len()-300])
	all := answers(t, x.send("owner", http.MethodPost, "/manage/upload/", kind, "application/json", cut))
	if len(all) != 2 || !strings.HasPrefix(all[0], "true demo-3.0") ||
		!strings.Contains(all[1], "The connection was lost") {
		t.Errorf("the script is told %q", all)
	}
	if _, err := x.index.Overview(t.Context(), x.operator, "", x.name("demo"), "4.0"); err == nil {
		t.Error("half a file is here")
	}
}

// TestUploadEndsBetweenFiles: a form that ends after a file, without its last boundary, is not whole. The page says so
// beside the file that was uploaded.
func TestUploadEndsBetweenFiles(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	kind, body := multi(packagingtest.Wheel("demo", "3.0", "x"))
	cut := strings.TrimSuffix(body.String(), "--\r\n")
	all := answers(t,
		x.send("uploader", http.MethodPost, "/manage/upload/", kind, "application/json", strings.NewReader(cut)))
	if len(all) != 2 || !strings.HasPrefix(all[0], "true demo-3.0") || !strings.HasPrefix(all[1], "false : ") {
		t.Errorf("the script is told %q", all)
	}
}

// One form brings a bounded number of files, and one address a bounded number of forms.
func TestUploadBounds(t *testing.T) {
	x := newShop(t, catalog.Limits{}, map[route.Limit]int{route.LimitUpload: 1})
	var files []packagingtest.File
	for n := range 52 {
		files = append(files, packagingtest.File{Name: fmt.Sprintf("notes%d.txt", n), Bytes: []byte("x")})
	}
	all := answers(t, x.sendFiles("owner", "/manage/upload/", true, files...))
	if len(all) != 51 || !strings.Contains(all[50], "notes50.txt: Only 50 files") || strings.Contains(all[49], "Only 50") {
		t.Errorf("of 52 files the last are told %q", all[max(0, len(all)-3):])
	}
	for range 100 {
		if got := x.sendFiles("owner", "/manage/upload/", true, files[0]); got.Code == http.StatusTooManyRequests {
			return
		}
	}
	t.Error("a hundred forms in a moment were not slowed down")
}

// zeros is so many bytes of nothing.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n == 0 {
		return 0, io.EOF
	}
	n := int(min(int64(len(p)), z.n))
	clear(p[:n])
	z.n -= int64(n)
	return n, nil
}

// Memory does not depend on how large a file is.
func TestUploadIsStreamed(t *testing.T) {
	const size = 64 << 20
	x := newShop(t, catalog.Limits{}, nil)
	r, w := io.Pipe()
	form := multipart.NewWriter(w)
	go func() {
		part, err := form.CreateFormFile("content", "demo-7.0-py3-none-any.whl")
		if err == nil {
			_, err = io.Copy(part, &zeros{size})
		}
		form.Close()
		w.CloseWithError(err)
	}()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	all := answers(t, x.send("owner", http.MethodPost, "/manage/upload/", form.FormDataContentType(), "application/json",
		r))
	runtime.ReadMemStats(&after)
	if len(all) != 1 || !strings.HasPrefix(all[0], "false demo-7.0") {
		t.Errorf("64 MiB of zeros are told %q", all)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > size/4 {
		t.Errorf("an upload of %d bytes allocated %d", size, got)
	}
}

// Nothing is read for somebody who may upload nothing at all.
func TestUploadRefusedBeforeReading(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	for name, c := range map[string]struct {
		user, path, want string
		status           int
	}{
		"a stranger to the repository": {
			"stranger", "/r/inner/manage/upload/", "There is no repository", http.StatusNotFound,
		},
		"a repository that is not there": {
			"owner", "/r/nowhere/manage/upload/", "There is no repository", http.StatusNotFound,
		},
		"a reader of a closed one": {
			"reader", "/r/inner/manage/upload/", "you may not upload anything here", http.StatusForbidden,
		},
	} {
		t.Run(name, func(t *testing.T) {
			const kind = "text/plain" // reading it would be refused in other words
			got := x.send(c.user, http.MethodPost, c.path, kind, "application/json", strings.NewReader("no form"))
			if all := answers(t, got); got.Code != c.status || len(all) != 1 || !strings.Contains(all[0], c.want) {
				t.Errorf("%s = %d %q, want %d and %q", name, got.Code, all, c.status, c.want)
			}
			if got := x.send(c.user, http.MethodPost, c.path, kind, "", strings.NewReader("no form")); got.Code != c.status {
				t.Errorf("%s without the script = %d, want %d", name, got.Code, c.status)
			}
		})
	}
}

// rawForm is a form of parts as they are on the wire.
func rawForm(parts ...string) (kind string, body io.Reader) {
	return "multipart/form-data; boundary=B",
		strings.NewReader("--B\r\n" + strings.Join(parts, "\r\n--B\r\n") + "\r\n--B--\r\n")
}

// A form is bounded in everything that is no file, and what was whole before the bound stays.
func TestUploadFormIsBounded(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	file := func(name, content string) string {
		return "Content-Disposition: form-data; name=content; filename=\"" + name + "\"\r\n\r\n" + content
	}
	field := func(content string) string { return "Content-Disposition: form-data; name=x\r\n\r\n" + content }
	wheel := packagingtest.Wheel("demo", "3.0", "x")
	good := file(wheel.Name, string(wheel.Bytes))
	long := strings.Repeat("a", 1<<20)
	for name, c := range map[string]struct {
		parts []string
		want  string
		all   int
	}{
		"a long name": {[]string{good, file(long+".whl", "x")}, "too large: the name of a file exceeds", 2},
		"a long header": {
			[]string{good, "X: " + long + "\r\n" + good}, "too large: the name of a file exceeds", 2,
		},
		"many headers": {
			[]string{good, strings.Repeat("X: y\r\n", 10_000) + good}, "too large: the name of a file exceeds", 2,
		},
		"a long field": {[]string{good, field(long)}, "too large: a field exceeds", 2},
		"many fields": {
			append([]string{good}, slices.Repeat([]string{field("y")}, 200)...), "more than 100 fields", 2,
		},
		"fields without file name": {
			append([]string{good}, slices.Repeat([]string{field(long[:60_000])}, 50)...), "headers and fields together", 2,
		},
		"a name that is too long": {
			[]string{good, file(strings.Repeat("é", 400)+".whl", "x"), good}, "longer than 300 bytes", 3,
		},
		"many files":            {slices.Repeat([]string{file("a.txt", "x")}, 500), "Only 50 files", 51},
		"refused files between": {[]string{file("a.txt", long), file("b.txt", long+long), good}, "File name", 3},
	} {
		t.Run(name, func(t *testing.T) {
			kind, body := rawForm(c.parts...)
			got := x.send("owner", http.MethodPost, "/manage/upload/", kind, "application/json", body)
			all := answers(t, got)
			if got.Code != http.StatusUnprocessableEntity || len(all) != c.all ||
				!strings.Contains(strings.Join(all, "\n"), c.want) {
				t.Errorf("%s = %d, %d results %.500q, want %d and %q", name, got.Code, len(all), all, c.all, c.want)
			}
			if c.all < 10 && !strings.Contains(strings.Join(all, "\n"), "true "+wheel.Name) {
				t.Errorf("%s: the whole file is lost: %.500q", name, all)
			}
			if got.Body.Len() > 51*1000 {
				t.Errorf("%s: the answer has %d bytes", name, got.Body.Len())
			}
		})
	}
	kind, body := rawForm("X: " + long + "\r\n" + good)
	if got := x.send("owner", http.MethodPost, "/manage/upload/", kind, "", body); got.Code != http.StatusBadRequest ||
		got.Body.Len() > 20_000 {
		t.Errorf("a form that begins too large = %d, %d bytes", got.Code, got.Body.Len())
	}
}

// Memory of a form does not depend on how long the names in it are.
func TestUploadNamesTakeNoMemory(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	part := "Content-Disposition: form-data; name=content; filename=\"" + strings.Repeat("a", 1<<20) + ".whl\"\r\n\r\nx"
	kind, body := rawForm(slices.Repeat([]string{part}, 20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	x.send("owner", http.MethodPost, "/manage/upload/", kind, "", body)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("twenty names of 1 MiB allocated %d bytes", got)
	}
}

// The form of the browser costs no more than a multiple of its length, whatever it is made of.
func TestUploadResources(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	form := func(part string) func(int) string {
		return func(n int) string { return part + strings.Repeat("\r\n--B\r\n"+part, n/len(part)) }
	}
	const name = "Content-Disposition: form-data; name=content; filename="
	resourcetest.Linear(t, 128<<10, map[string]func(int) string{
		"files":          form(name + "a.txt\r\n\r\nx"),
		"fields":         form("Content-Disposition: form-data; name=a\r\n\r\nx"),
		"parts":          form("\r\n"),
		"a long name":    func(n int) string { return name + "\"" + strings.Repeat("a", n) + ".whl\"\r\n\r\nx" },
		"a long header":  func(n int) string { return "X: " + strings.Repeat("a", n) + "\r\n" + name + "a.whl\r\n\r\nx" },
		"many headers":   func(n int) string { return strings.Repeat("X: a\r\n", n/6) + name + "a.whl\r\n\r\nx" },
		"a refused file": func(n int) string { return name + "a.txt\r\n\r\n" + strings.Repeat("\r\n--C", n/5) },
		"a file that is no": func(n int) string {
			return name + "demo-7.0-py3-none-any.whl\r\n\r\n" + strings.Repeat("PK\x05\x06", n/4)
		},
	}, func(parts string) {
		kind, body := rawForm(parts)
		x.send("owner", http.MethodPost, "/manage/upload/", kind, "", body)
	})
}

// A search costs no more than a multiple of what was typed.
func TestSearchResources(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	resourcetest.Linear(t, 16<<10, map[string]func(int) string{
		"words": resourcetest.Repeated("", "a+", ""), "one word": resourcetest.Repeated("", "a", ""),
		"operators": resourcetest.Repeated("", "%22a*+NEAR(", ""),
		"spaces":    resourcetest.Repeated("", "+", "a"), "dashes": resourcetest.Repeated("a", "-", "b"),
		"a classifier": resourcetest.Repeated("a&c=", "a", ""), "questions": resourcetest.Repeated("a", "&q=b", ""),
	}, func(query string) {
		if got := x.get("owner", "/search/?q="+query); got.Code != http.StatusOK {
			t.Errorf("a search of %d bytes = %d", len(query), got.Code)
		}
	})
}

// A description that would take too long is shown as it was written, and the page says so.
func TestCostlyDescriptionIsPlain(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	table := strings.Repeat("|a", 4_000) + "\n" + strings.Repeat("|-", 4_000) + "\n" + strings.Repeat("|\n", 4_000)
	x.sendFiles("owner", "/manage/upload/", false,
		packagingtest.Wheel("demo", "6.0", "x", "Description-Content-Type: text/markdown", "", table))
	page := x.get("owner", "/project/demo/6.0/")
	if body := page.Body.String(); page.Code != http.StatusOK || !strings.Contains(body, "<pre>|a|a") ||
		!strings.Contains(body, "shown as plain text") || len(body) > 100_000 {
		t.Errorf("the page = %d with %d bytes", page.Code, len(body))
	}
}
