package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"golang.org/x/crypto/blake2b"

	"pyindex/internal/storage/db"
)

// runCmd measures against the budgets of the design.
type runCmd struct {
	backend
	Quick bool     `help:"Small numbers and short rounds: to see that it works, not to measure."`
	Dir   string   `help:"Where to work; 2 GB are needed (default: a temporary folder)." placeholder:"DIR"`
	Peer  []string `help:"Simple pages of other indexes that serve a page of 20 files: NAME=URL." placeholder:"NAME=URL"`
}

// sizes are how much is measured.
type sizes struct {
	files, projects, big int // files of the large page, projects of the list, bytes of the large file
	uploads, rounds      int
	round                time.Duration
}

// run is one measurement.
type run struct {
	sizes
	cmd   *runCmd
	dir   string
	index *index
	token string // header with the credential
	bare  string
	nginx string // "" where there is none
	out   io.Writer
}

// Run measures, and prints tables in Markdown.
func (c *runCmd) Run(ctx context.Context) (err error) {
	r := &run{cmd: c, out: os.Stdout, sizes: sizes{files: 10_000, projects: 100_000, big: 500_000_000, uploads: 2000, rounds: 3, round: 2 * time.Second}}
	if c.Quick {
		r.sizes = sizes{files: 50, projects: 200, big: 2_000_000, uploads: 50, rounds: 1, round: 100 * time.Millisecond}
	}
	if r.dir, err = os.MkdirTemp(c.Dir, "index-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(r.dir)
	defer func() { // what was started ends, whatever failed
		for _, p := range started {
			p.Process.Kill()
			p.Wait()
		}
	}()
	program, err := build(ctx, r.dir)
	if err != nil {
		return err
	}
	r.index = newIndex(program, filepath.Join(r.dir, "data"), c.backend, true)
	defer r.index.stop()
	return r.all(ctx)
}

// started are helpers that end with the run.
var started []*exec.Cmd

func (r *run) all(ctx context.Context) error {
	if err := r.fill(ctx); err != nil {
		return err
	}
	r.machine()
	for _, part := range []func() error{r.process, r.pages, r.changes, r.files1, r.small} {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// machine says what was measured on.
func (r *run) machine() {
	model := "a processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			if name, value, _ := strings.Cut(s.Text(), ":"); strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
			}
		}
	}
	rows, bytes := "SQLite", "a folder"
	if r.cmd.DatabaseURL != "" {
		rows, _, _ = strings.Cut(r.cmd.DatabaseURL, ":")
	}
	if r.cmd.StorageURL != "" {
		bytes, _, _ = strings.Cut(r.cmd.StorageURL, ":")
	}
	fmt.Fprintf(r.out, "%s, %d cores, %s, %s and %s, %s. Client and server share the cores.\n\n", model, runtime.NumCPU(), runtime.Version(), rows, bytes, time.Now().Format(time.DateOnly))
	fmt.Fprintln(r.out, "| what | index | beside it | ratio | budget | |\n|---|---:|---|---:|---|---|")
}

// fill starts the index and puts in what is measured.
func (r *run) fill(ctx context.Context) error {
	url := r.cmd.DatabaseURL
	if url == "" {
		url = "sqlite:" + filepath.Join(r.index.dir, "index.db")
	}
	d, err := db.Open(ctx, url, db.Options{})
	if err != nil {
		return err
	}
	_, err = d.Synthesize(ctx, 1, r.projects, func(int, int) {})
	d.Close()
	if err != nil {
		return err
	}
	if _, err := r.index.start(); err != nil {
		return err
	}
	if err := r.index.people(); err != nil {
		return err
	}
	r.token = "Authorization: Basic " + basic(r.index.token)
	if _, err := r.index.uploads("twenty", 0, 20, 4); err != nil {
		return err
	}
	if _, err := r.index.uploads("many", 0, r.files, 8); err != nil {
		return err
	}
	r.index.stop()
	return r.beside()
}

// beside starts the bare handler, and nginx where it is installed, over the very bytes that the index answers with.
func (r *run) beside() error {
	if _, err := r.index.start(); err != nil {
		return err
	}
	defer r.index.stop()
	www := filepath.Join(r.dir, "www")
	if err := os.MkdirAll(www, 0o755); err != nil {
		return err
	}
	for name, ask := range map[string][]string{
		"twenty": {"/simple/twenty/"}, "many": {"/simple/many/", "Accept-Encoding", "gzip"}, "list": {"/simple/", "Accept-Encoding", "gzip"},
	} {
		body, _, err := r.index.get(ask[0], ask[1:]...)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(www, name), body, 0o644); err != nil {
			return err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	bare := exec.Command(self, "bare", address, www)
	if err := bare.Start(); err != nil {
		return err
	}
	started, r.bare = append(started, bare), "http://"+address
	if err := answers(r.bare + "/twenty"); err != nil {
		return err
	}
	return r.startNginx(www)
}

func (r *run) startNginx(www string) error {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	as := ""
	if os.Getuid() == 0 {
		as = "user root; " // who else may not enter our folder
	}
	text := fmt.Sprintf(as+`daemon off; pid %[1]s/nginx.pid; error_log %[1]s/nginx.err; worker_processes auto;
events { worker_connections 1024; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type text/html;
	client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
	server { listen %[2]s; root %[3]s; } }
`, r.dir, address, www)
	path := filepath.Join(r.dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return err
	}
	cmd := exec.Command(program, "-c", path)
	if err := cmd.Start(); err != nil {
		return err
	}
	started, r.nginx = append(started, cmd), "http://"+address
	return answers(r.nginx + "/twenty")
}

// row prints a line of the table. met is whether the ratio keeps the budget; "" for no budget.
func (r *run) row(what, index, beside, ratio, budget string, met bool) {
	verdict := ""
	if budget != "" {
		verdict = "**missed**"
		if met {
			verdict = "met"
		}
	}
	fmt.Fprintf(r.out, "| %s | %s | %s | %s | %s | %s |\n", what, index, beside, ratio, budget, verdict)
}

// against is the medians of the index and of what it is compared with, asked in turn.
func (r *run) against(path string, ask []string, status int, other, otherPath string, otherAsk []string, conns int) (us, them loaded, err error) {
	var u, t, um, tm []float64
	for range r.rounds {
		if us, err = load(r.index.url+path, conns, r.round, status, ask...); err != nil {
			return us, them, err
		}
		if them, err = load(other+otherPath, conns, r.round, status, otherAsk...); err != nil {
			return us, them, err
		}
		u, t, um, tm = append(u, us.PerSecond), append(t, them.PerSecond), append(um, us.MBps), append(tm, them.MBps)
	}
	us.PerSecond, them.PerSecond, us.MBps, them.MBps = median(u), median(t), median(um), median(tm)
	return us, them, nil
}

// process is start, memory and size.
func (r *run) process() error {
	var starts []float64
	for range r.rounds + 2 {
		took, err := r.index.start()
		if err != nil {
			return err
		}
		starts = append(starts, ms(took))
		r.index.stop()
	}
	if _, err := r.index.start(); err != nil {
		return err
	}
	time.Sleep(3 * time.Second)
	info, err := os.Stat(r.index.program)
	if err != nil {
		return err
	}
	start, idle := median(starts), r.index.memory("RssAnon")
	r.row("start to first answer", fmt.Sprintf("%.0f ms", start), "", "", "≤ 200 ms", start <= 200)
	r.row("memory at rest", fmt.Sprintf("%.0f MB", idle), fmt.Sprintf("%.0f MB with what is mapped of the program", r.index.memory("VmRSS")), "", "≤ 40 MB", idle <= 40)
	r.row("binary", fmt.Sprintf("%.0f MB", float64(info.Size())/1e6), "all drivers", "", "", true)
	return nil
}

// pages are the warm pages.
func (r *run) pages() error {
	page, etag := "/simple/twenty/", ""
	if err := r.header(page, "Etag", &etag); err != nil {
		return err
	}
	if _, _, err := r.index.get("/simple/many/", "Accept-Encoding", "gzip"); err != nil {
		return err
	}
	for _, t := range []struct {
		what, path, other string
		ask               []string
		status            int
		bare, nginx       float64 // budgets as ratios; 0 for none
	}{
		{"page of 20 files, with a token", page, "/twenty", []string{r.token}, 200, 0.8, 0.7},
		{"page of 20 files, anonymous", page, "/twenty", nil, 200, 0, 0},
		{"the same, If-None-Match, with a token", page, "/twenty", []string{r.token, "If-None-Match: " + etag}, 304, 0.8, 0},
		{fmt.Sprintf("page of %d files, gzip", r.files), "/simple/many/", "/many", []string{r.token, "Accept-Encoding: gzip"}, 200, 0.8, 0},
		{fmt.Sprintf("list of %d projects, gzip", r.projects), "/simple/", "/list", []string{r.token, "Accept-Encoding: gzip"}, 200, 0.8, 0},
	} {
		conns := 32
		otherAsk := []string{"Accept: */*"}
		if t.status == 304 {
			otherAsk = []string{"If-None-Match: \"0123456789abcdef\""}
		}
		us, them, err := r.against(t.path, t.ask, t.status, r.bare, t.other, otherAsk, conns)
		if err != nil {
			return err
		}
		r.compare(t.what, us, them, "bare handler", t.bare)
		if r.nginx == "" || t.status == 304 {
			continue
		}
		if us, them, err = r.against(t.path, t.ask, t.status, r.nginx, t.other, otherAsk, conns); err != nil {
			return err
		}
		r.compare(t.what, us, them, "nginx, as a file", t.nginx)
	}
	r.row("memory after that", fmt.Sprintf("%.0f MB", r.index.memory("RssAnon")), "32 connections", "", "", true)
	for _, peer := range r.cmd.Peer {
		name, url, _ := strings.Cut(peer, "=")
		us, them, err := r.against(page, []string{r.token}, 200, url, "", nil, 32)
		if err != nil {
			return err
		}
		r.compare("page of 20 files, with a token", us, them, name, 0)
	}
	return nil
}

func (r *run) compare(what string, us, them loaded, beside string, budget float64) {
	ratio, text := us.PerSecond/them.PerSecond, ""
	if budget > 0 {
		text = fmt.Sprintf("≥ %.1f ×", budget)
	}
	r.row(what, fmt.Sprintf("%.0f/s", us.PerSecond), fmt.Sprintf("%s: %.0f/s", beside, them.PerSecond), fmt.Sprintf("%.2f", ratio), text, ratio >= budget)
}

func (r *run) header(path, name string, into *string) error {
	w, err := r.index.client.Get(r.index.url + path)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	io.Copy(io.Discard, w.Body)
	if *into = w.Header.Get(name); *into == "" {
		return fmt.Errorf("%s has no %s", path, name)
	}
	return nil
}

// changes are first reads after a change.
func (r *run) changes() error {
	for _, t := range []struct {
		what, project, path string
	}{
		{fmt.Sprintf("page of %d files, first read after an upload", r.files), "many", "/simple/many/"},
		{fmt.Sprintf("list of %d projects, first read after a new one", r.projects), "", "/simple/"},
	} {
		var took []float64
		for n := range r.rounds*2 + 1 {
			project := t.project
			if project == "" {
				project = fmt.Sprintf("new-%d", n)
			}
			if err := r.index.upload(project, fmt.Sprintf("9.%d", n), 2000); err != nil {
				return err
			}
			_, d, err := r.index.get(t.path, "Accept-Encoding", "gzip")
			if err != nil {
				return err
			}
			took = append(took, ms(d))
		}
		m := median(took)
		r.row(t.what, fmt.Sprintf("%.0f ms", m), "", "", "≤ 100 ms", m <= 100)
	}
	return nil
}

// files1 is a large file, both ways.
func (r *run) files1() error {
	content, sum, name, err := r.large()
	if err != nil {
		return err
	}
	hashing, err := r.hashAndWrite(content)
	if err != nil {
		return err
	}
	idle := r.index.memory("RssAnon")
	r.index.forgetPeak()
	resident := r.index.memory("VmRSS")
	f, err := os.Open(content)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	begin := time.Now()
	if err := r.index.send("large", "1.0", name, sum, info.Size(), f); err != nil {
		return err
	}
	took := time.Since(begin)
	ratio := took.Seconds() / hashing.Seconds()
	r.row(fmt.Sprintf("upload of %d MB", r.big/1e6), fmt.Sprintf("%.2f s", took.Seconds()), fmt.Sprintf("hashing and writing: %.2f s", hashing.Seconds()), fmt.Sprintf("%.2f", ratio), "≤ 1.5 ×", ratio <= 1.5)
	grew := r.index.memory("VmHWM") - resident
	r.row("memory of that upload", fmt.Sprintf("%.0f MB more", grew), fmt.Sprintf("%.0f MB before", idle), "", "< 64 MB", grew < 64)
	if err := os.Link(content, filepath.Join(r.dir, "www", "large")); err != nil {
		return err
	}
	path := "/packages/" + sum + "/" + name
	r.index.forgetPeak()
	resident = r.index.memory("VmRSS")
	if r.nginx != "" {
		us, them, err := r.against(path, []string{r.token}, 200, r.nginx, "/large", nil, 2)
		if err != nil {
			return err
		}
		ratio := us.MBps / them.MBps
		r.row(fmt.Sprintf("download of %d MB", r.big/1e6), fmt.Sprintf("%.0f MB/s", us.MBps), fmt.Sprintf("nginx: %.0f MB/s", them.MBps), fmt.Sprintf("%.2f", ratio), "≥ 0.9 ×", ratio >= 0.9)
		r.row("memory of that download", fmt.Sprintf("%.0f MB more", r.index.memory("VmHWM")-resident), "", "", "", true)
	}
	return nil
}

// large writes a wheel of the given size that does not compress.
func (r *run) large() (path, sum, name string, err error) {
	name, content := wheel("large", "1.0", r.big)
	path = filepath.Join(r.dir, "large.whl")
	return path, hexSum(content), name, os.WriteFile(path, content, 0o644)
}

// hashAndWrite does what no server that keeps its promises can leave out: three digests, and the bytes on the disk.
func (r *run) hashAndWrite(path string) (time.Duration, error) {
	from, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	to, err := os.Create(filepath.Join(r.dir, "written"))
	if err != nil {
		return 0, err
	}
	defer os.Remove(to.Name())
	defer to.Close()
	blake, err := blake2b.New256(nil)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	all := []io.Writer{to}
	for _, h := range []hash.Hash{sha256.New(), blake, md5.New()} {
		all = append(all, h)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(all...)}, struct{ io.Reader }{from}, make([]byte, 1<<20)); err != nil {
		return 0, err
	}
	return time.Since(begin), to.Sync()
}

// small is many small uploads.
func (r *run) small() error {
	rate, err := r.index.uploads("small", 0, r.uploads, 8)
	if err != nil {
		return err
	}
	r.row("small uploads, 8 at once", fmt.Sprintf("%.0f/s", rate), "", "", "", true)
	return nil
}

func basic(token string) string { return base64Of("__token__:" + token) }
