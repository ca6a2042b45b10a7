package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// graphs measures uv and pip with a graph of well-known projects: straight at the upstream, through an index that knows
// nothing, through it again, and at a server without delay.
func (b *through) graphs(ctx context.Context) error {
	clients := b.clientRuns()
	if len(clients) == 0 {
		fmt.Fprintln(os.Stderr, "no uv, pip or distributions: see -clients and -graph")
		return nil
	}
	far, err := b.upstream(ctx, append(delayed, "-folder", b.graph)...)
	if err != nil {
		return err
	}
	near, err := b.upstream(ctx, "-folder", b.graph)
	if err != nil {
		return err
	}
	for _, c := range clients {
		cold := &row{Name: c.name + " of a graph, cold", Unit: "s", Budgets: []budget{atMost(1.15, straight)}}
		warm := &row{Name: c.name + " of a graph, warm", Unit: "s"}
		over := &row{Name: "the same, over the floor", Unit: "s", Budgets: []budget{atMost(0.1, straight)}}
		for range b.rounds {
			if err := b.graph1(ctx, c, far, near, cold, warm, over); err != nil {
				return err
			}
		}
		b.report.Rows = append(b.report.Rows, cold, warm, over)
	}
	return nil
}

// graph1 is one round of graphs, all within a minute.
func (b *through) graph1(ctx context.Context, c clientRun, far, near *process, cold, warm, over *row) error {
	s, p, err := b.fresh(ctx, far)
	if err != nil {
		return err
	}
	defer p.stop()
	through := strings.Replace(p.base, "://", "://__token__:"+s.token+"@", 1) + "/simple/"
	var took [4]float64
	for i, url := range []string{far.base + "/simple/", through, through, near.base + "/simple/"} {
		if took[i], err = c.run(ctx, b, url); err != nil {
			return err
		}
	}
	cold.add(ours, took[1])
	cold.add(straight, took[0])
	warm.add(ours, took[2])
	warm.add(straight, took[0])
	warm.add(floor, took[3])
	over.add(ours, max(0.001, took[2]-took[3]))
	over.add(straight, took[0]-took[3])
	return nil
}

// clientRun resolves the graph with an empty cache and returns the duration in seconds.
type clientRun struct {
	name string
	run  func(ctx context.Context, b *through, url string) (float64, error)
}

// clientRuns returns the clients of -clients: uv, and the newest pip.
func (b *through) clientRuns() (runs []clientRun) {
	if names := b.graphProjects(); b.clients == "" || len(names) == 0 {
		return nil
	}
	if uv := filepath.Join(b.clients, "uv", "bin", "uv"); isFile(uv) {
		python := filepath.Join(b.clients, "uv", "bin", "python")
		runs = append(runs, clientRun{"uv lock", func(ctx context.Context, b *through, url string) (float64, error) {
			return b.client(ctx, func(dir string) []string {
				return []string{
					uv, "lock", "--no-config", "--no-cache", "--python", python, "--directory", dir, "--default-index", url,
				}
			})
		}})
	}
	pips, _ := filepath.Glob(filepath.Join(b.clients, "pip-2[5-9]*", "bin", "python"))
	if len(pips) > 0 {
		pip := slices.Max(pips)
		runs = append(runs, clientRun{"pip download", func(ctx context.Context, b *through, url string) (float64, error) {
			return b.client(ctx, func(dir string) []string {
				argv := []string{
					pip, "-m", "pip", "download", "-q", "--no-cache-dir", "--isolated", "--disable-pip-version-check", "-d",
					filepath.Join(dir, "out"), "--index-url", url,
				}
				return append(argv, b.graphProjects()...)
			})
		}})
	}
	return runs
}

// graphProjects returns the projects of -graph.
func (b *through) graphProjects() (names []string) {
	found, _ := filepath.Glob(filepath.Join(b.graph, "*.whl"))
	for _, path := range found {
		name, _, _ := strings.Cut(filepath.Base(path), "-")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// client runs a client in a new project that needs the whole graph.
func (b *through) client(ctx context.Context, argv func(dir string) []string) (seconds float64, err error) {
	dir, err := os.MkdirTemp(b.dir, "client-")
	if err != nil {
		return 0, err
	}
	var needs []string
	for _, name := range b.graphProjects() {
		needs = append(needs, fmt.Sprintf("%q", name))
	}
	text := "[project]\nname = \"consumer\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [" +
		strings.Join(needs, ", ") + "]\n"
	if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), []byte(text), 0o644); err != nil {
		return 0, err
	}
	words := argv(dir)
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{
		"HOME=" + dir, "PATH=/usr/bin:/bin", "NO_PROXY=127.0.0.1", "UV_PYTHON_DOWNLOADS=never", "PIP_CONFIG_FILE=/dev/null",
		"PYTHONUTF8=1",
	}
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s %s: %w\n%s", filepath.Base(words[0]), words[1], err, out)
	}
	return time.Since(begun).Seconds(), os.RemoveAll(dir)
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// largeFile measures a large file that is not stored yet, from an upstream with 100 MB/s.
func (b *through) largeFile(ctx context.Context) error {
	flags := []string{"-bandwidth", "100000000"}
	for n := range b.rounds {
		flags = append(flags, "-big", fmt.Sprintf("large-%d=%d", n, int64(b.megabytes)*1_000_000))
	}
	up, err := b.upstream(ctx, flags...)
	if err != nil {
		return err
	}
	first := &row{
		Name: fmt.Sprintf("file of %d MB, uncached: first byte after the upstream's", b.megabytes), Unit: "ms",
		Budgets: []budget{atMost(20, "")},
	}
	total := &row{Name: "the same: total", Unit: "s", Budgets: []budget{atMost(1.05, straight)}}
	peak := &row{Name: "the same: peak of memory over idle", Unit: "MB", Budgets: []budget{atMost(32, "")}}
	for n := range b.rounds {
		s, p, err := b.fresh(ctx, up)
		if err != nil {
			return err
		}
		page := fmt.Sprintf("/simple/large-%d/", n)
		theirs, err := b.download(ctx, target{URL: up.base + page}, up.base)
		if err != nil {
			return err
		}
		if _, err := links(ctx, s.reads(p, page), p.base); err != nil {
			return err
		}
		time.Sleep(min(time.Second, b.each))
		idle := p.memory("VmRSS")
		p.forgetPeak()
		our, err := b.download(ctx, s.reads(p, page), p.base)
		if err != nil {
			return err
		}
		first.add(ours, max(0.001, (our.first-theirs.first).Seconds()*1e3))
		total.add(ours, our.total.Seconds())
		total.add(straight, theirs.total.Seconds())
		peak.add(ours, p.memory("VmHWM")-idle)
		p.stop()
	}
	b.report.Rows = append(b.report.Rows, first, total, peak)
	return nil
}

// arrival is when the first byte and the last byte of a file came, counted from its request.
type arrival struct{ first, total time.Duration }

// download downloads the first file of a page and checks its digest.
func (b *through) download(ctx context.Context, page target, base string) (a arrival, err error) {
	files, err := links(ctx, page, base)
	if err != nil || len(files) == 0 {
		return a, fmt.Errorf("%s: %d files, %w", page.URL, len(files), err)
	}
	page.URL, page.Header = files[0].URL, nil
	begun := time.Now()
	answer, err := page.get(ctx)
	if err != nil {
		return a, err
	}
	defer func() { _ = answer.Body.Close() }()
	h, one := sha256.New(), make([]byte, 1)
	if _, err := io.ReadFull(answer.Body, one); err != nil {
		return a, err
	}
	a.first = time.Since(begun)
	_, _ = h.Write(one)
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{answer.Body}, make([]byte, 256<<10)); err != nil {
		return a, err
	}
	a.total = time.Since(begun)
	if got := hex.EncodeToString(h.Sum(nil)); got != files[0].Hashes["sha256"] {
		return a, fmt.Errorf("%s has another digest than its page states", files[0].Filename)
	}
	return a, nil
}

// atOnce lets many clients ask for one uncached file at the same moment, at one server and at three replicas.
func (b *through) atOnce(ctx context.Context) error {
	r := &row{
		Name:    fmt.Sprintf("%d clients, one uncached file of 5 MB: requests for its bytes", b.waiting),
		Budgets: []budget{atMost(1, "")},
	}
	pages := &row{Name: "the same: requests for its page", Budgets: []budget{atMost(1, "")}}
	took := &row{Name: "the same: until the last client has it", Unit: "s"}
	for range b.rounds {
		up, err := b.upstream(ctx, "-big", "wanted=5000000", "-latency", "60ms", "-bandwidth", "100000000")
		if err != nil {
			return err
		}
		s, p, err := b.fresh(ctx, up)
		if err != nil {
			return err
		}
		seconds, err := b.crowd(ctx, s, p)
		if err != nil {
			return err
		}
		counts, err := asked(ctx, up)
		if err != nil {
			return err
		}
		r.add(ours, float64(counts["file"]))
		pages.add(ours, float64(counts["page"]))
		took.add(ours, seconds)
		p.stop()
	}
	b.report.Rows = append(b.report.Rows, r, pages, took)
	if b.databaseURL == "" || b.storage == "" {
		return nil
	}
	return b.replicas(ctx)
}

// replicas is the crowd at three servers on one database and store.
func (b *through) replicas(ctx context.Context) error {
	up, err := b.upstream(ctx, "-big", "wanted=5000000", "-latency", "60ms", "-bandwidth", "100000000")
	if err != nil {
		return err
	}
	dir := filepath.Join(b.dir, "replicas")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	s, err := newSite(ctx, b.index, dir, b.databaseURL, b.storage)
	if err != nil {
		return err
	}
	var three []*process
	for range 3 {
		b.count++
		p, err := b.serve(ctx, s, up)
		if err != nil {
			return err
		}
		three = append(three, p)
	}
	if _, err := b.crowd(ctx, s, three...); err != nil {
		return err
	}
	counts, err := asked(ctx, up)
	if err != nil {
		return err
	}
	for _, what := range []string{"file", "page"} {
		r := &row{Name: "the same at three replicas: requests for the " + what, Budgets: []budget{atMost(3, "")}}
		r.add(ours, float64(counts[what]))
		b.report.Rows = append(b.report.Rows, r)
	}
	return nil
}

// crowd downloads one file with many clients at once, in turn from the servers, and checks each digest.
func (b *through) crowd(ctx context.Context, s *site, servers ...*process) (seconds float64, err error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	begin := make(chan struct{})
	for n := range b.waiting {
		p := servers[n%len(servers)]
		all.Go(func() {
			<-begin
			_, failed := b.download(ctx, s.reads(p, "/simple/wanted/"), p.base)
			mu.Lock()
			defer mu.Unlock()
			err = errors.Join(err, failed)
		})
	}
	begun := time.Now()
	close(begin)
	all.Wait()
	return time.Since(begun).Seconds(), err
}
