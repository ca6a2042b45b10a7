package main

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// backend is where a measured index keeps what it has; the zero value is a folder of its own.
type backend struct {
	DatabaseURL string `name:"database-url" help:"Database of the index, for this run alone (default: SQLite)."`
	StorageURL  string `name:"storage-url" help:"Store of the index, for this run alone (default: a folder)."`
}

// index is a server of this tree.
type index struct {
	program, dir, url, token string
	env                      []string
	cmd                      *exec.Cmd
	client                   *http.Client
}

// build makes the program as a release is made.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "index")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "pyindex/cmd/index")
	cmd.Stderr = os.Stderr
	return path, cmd.Run()
}

func newIndex(program, dir string, b backend, anonymous bool) *index {
	x := &index{program: program, dir: dir, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}}
	x.env = append(os.Environ(), "INDEX_DATA_DIR="+dir, "INDEX_LOG_LEVEL=info", fmt.Sprintf("INDEX_ACCESS_ANONYMOUS_READ=%v", anonymous))
	if b.DatabaseURL != "" {
		x.env = append(x.env, "INDEX_DATABASE_URL="+b.DatabaseURL)
	}
	if b.StorageURL != "" {
		x.env = append(x.env, "INDEX_STORAGE_URL="+b.StorageURL)
	}
	return x
}

// start starts the server and returns how long it was until the first answer.
func (x *index) start() (time.Duration, error) {
	address, err := freeAddress()
	if err != nil {
		return 0, err
	}
	x.url = "http://" + address
	if err := os.MkdirAll(x.dir, 0o700); err != nil {
		return 0, err
	}
	log, err := os.Create(filepath.Join(x.dir, "log")) // a server writes its log, and is measured with it
	if err != nil {
		return 0, err
	}
	defer log.Close()
	x.cmd = exec.Command(x.program, "serve", "--listen", address)
	x.cmd.Env, x.cmd.Stdout, x.cmd.Stderr = x.env, log, log
	begin := time.Now()
	if err := x.cmd.Start(); err != nil {
		return 0, err
	}
	if err := answers(x.url + "/healthz"); err != nil {
		return 0, fmt.Errorf("%w; see %s", err, log.Name())
	}
	return time.Since(begin), nil
}

// answers waits until an address is answered with 200.
func answers(url string) (err error) {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		var r *http.Response
		if r, err = http.Get(url); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s = %s", url, r.Status)
		}
	}
	return err
}

func (x *index) stop() {
	if x.cmd != nil && x.cmd.Process != nil {
		x.cmd.Process.Signal(syscall.SIGTERM)
		x.cmd.Wait()
		x.cmd = nil
	}
}

// people makes the user and the token that everything is done with; a database that has the user keeps it.
func (x *index) people() error {
	x.admin("user", "add", "bench", "--admin")
	out, err := x.admin("token", "create", "--user", "bench", "--scope", "admin")
	x.token = strings.TrimSpace(out)
	return err
}

func (x *index) admin(args ...string) (string, error) {
	cmd := exec.Command(x.program, args...)
	cmd.Env = x.env
	out, err := cmd.Output()
	return string(out), err
}

// get reads an address whole and returns how long that took.
func (x *index) get(path string, headers ...string) ([]byte, time.Duration, error) {
	r, err := http.NewRequest("GET", x.url+path, nil)
	if err != nil {
		return nil, 0, err
	}
	r.SetBasicAuth("__token__", x.token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	begin := time.Now()
	w, err := x.client.Do(r)
	if err != nil {
		return nil, 0, err
	}
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	if err == nil && w.StatusCode != 200 {
		err = fmt.Errorf("%s = %s %.200s", path, w.Status, body)
	}
	return body, time.Since(begin), err
}

// wheel is a distribution of about size bytes.
func wheel(project, version string, size int) (name string, content []byte) {
	name = fmt.Sprintf("%s-%s-py3-none-any.whl", strings.ReplaceAll(project, "-", "_"), version)
	info := fmt.Sprintf("%s-%s.dist-info/", strings.ReplaceAll(project, "-", "_"), version)
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	files := [][2]string{
		{"module.py", strings.Repeat("#", size) + name},
		{info + "METADATA", fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: a package\nRequires-Python: >=3.9\n", project, version)},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: bench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	var record string
	for _, f := range files {
		record += f[0] + ",,\n"
	}
	for _, f := range append(files, [2]string{info + "RECORD", record + info + "RECORD,,\n"}) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f[0], Method: zip.Store})
		if err == nil {
			_, err = io.WriteString(w, f[1])
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	z.Close()
	return name, b.Bytes()
}

// upload sends one wheel as twine would.
func (x *index) upload(project, version string, size int) error {
	name, content := wheel(project, version, size)
	return x.send(project, version, name, hexSum(content), int64(len(content)), bytes.NewReader(content))
}

func (x *index) send(project, version, name, sum string, size int64, content io.Reader) error {
	var head bytes.Buffer
	form := multipart.NewWriter(&head)
	for _, f := range [][2]string{
		{":action", "file_upload"}, {"protocol_version", "1"}, {"metadata_version", "2.1"}, {"name", project}, {"version", version},
		{"filetype", "bdist_wheel"}, {"pyversion", "py3"}, {"requires_python", ">=3.9"}, {"summary", "a package"}, {"sha256_digest", sum},
	} {
		form.WriteField(f[0], f[1])
	}
	form.CreateFormFile("content", name)
	tail := "\r\n--" + form.Boundary() + "--\r\n"
	r, err := http.NewRequest("POST", x.url+"/legacy/", io.MultiReader(&head, content, strings.NewReader(tail)))
	if err != nil {
		return err
	}
	r.ContentLength = int64(head.Len()) + size + int64(len(tail))
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.SetBasicAuth("__token__", x.token)
	w, err := x.client.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err == nil && w.StatusCode != 200 {
		err = fmt.Errorf("upload of %s = %s %.300s", name, w.Status, text)
	}
	return err
}

// uploads sends versions of a project, some at once, and returns how many went in a second.
func (x *index) uploads(project string, first, count, atOnce int) (float64, error) {
	var next, failed atomic.Int64
	var why atomic.Value
	var all sync.WaitGroup
	begin := time.Now()
	for range atOnce {
		all.Go(func() {
			for n := next.Add(1) - 1; n < int64(count); n = next.Add(1) - 1 {
				if err := x.upload(project, fmt.Sprintf("1.%d", first+int(n)), 2000); err != nil {
					failed.Add(1)
					why.Store(err)
				}
			}
		})
	}
	all.Wait()
	if failed.Load() > 0 {
		return 0, fmt.Errorf("%d of %d uploads failed: %w", failed.Load(), count, why.Load().(error))
	}
	return float64(count) / time.Since(begin).Seconds(), nil
}

// memory is what the kernel says of the server, in MB: all, and without what is mapped from files.
func (x *index) memory(what string) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", x.cmd.Process.Pid))
	for line := range strings.SplitSeq(string(text), "\n") {
		if rest, ok := strings.CutPrefix(line, what+":"); ok {
			kb, _ := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kb / 1024
		}
	}
	return 0
}

// forgetPeak makes VmHWM begin anew.
func (x *index) forgetPeak() {
	os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", x.cmd.Process.Pid), []byte("5"), 0)
}

// load runs the generator as a process of its own.
func load(url string, conns int, d time.Duration, status int, headers ...string) (l loaded, err error) {
	self, err := os.Executable()
	if err != nil {
		return l, err
	}
	args := []string{"load", url, "--conns", fmt.Sprint(conns), "--for", d.String(), "--status", fmt.Sprint(status)}
	for _, h := range headers {
		args = append(args, "--headers", h)
	}
	cmd := exec.Command(self, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return l, fmt.Errorf("%s: %w", url, err)
	}
	return l, json.Unmarshal(out, &l)
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func hexSum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:])
}

func median(of []float64) float64 {
	s := slices.Sorted(slices.Values(of))
	return s[len(s)/2]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func base64Of(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
