package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"pyindex/internal/storage/db/synthetic"
)

// warm measures the warm pages on the way that each goal names.
func (b *targetRun) warm(ctx context.Context) error {
	dir, err := b.folder()
	if err != nil {
		return err
	}
	w := &warmth{
		warmSettings: warmSettings{
			programs: map[string]string{ours: b.binary}, names: []string{ours}, rounds: b.rounds, each: b.each,
		},
		dir:   dir,
		wants: func(r warmRow) bool { goal := r.goal(); return goal != "" && b.wants(goal) },
	}
	defer w.stop()
	if err := w.prepare(ctx); err != nil {
		return err
	}
	for _, r := range w.selected() {
		if err := w.measureRow(ctx, r); err != nil {
			return err
		}
		b.add(r.goal(), r.row)
	}
	return nil
}

// goal returns the goal of a row, or "" if no goal is about it.
func (r warmRow) goal() string {
	switch {
	case r.fresh && r.tls:
		return goalFresh
	case r.fresh:
		return ""
	case r.http2:
		return goalHTTP2
	case r.tls:
		return goalTLS
	case r.held:
		return goalHeld
	}
	return goalWarm
}

// folder creates a new folder.
func (b *targetRun) folder() (string, error) {
	b.count++
	dir := filepath.Join(b.dir, fmt.Sprint(b.count))
	return dir, os.Mkdir(dir, 0o755)
}

// fresh creates a site for a program, with a database in its own folder unless a URL is given.
func (b *targetRun) fresh(ctx context.Context, binary, databaseURL string) (*site, error) {
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	return newSite(ctx, binary, dir, databaseURL, "")
}

func (b *targetRun) serve(ctx context.Context, s *site) (*process, error) {
	p, err := s.serve(ctx, "server", false)
	if err == nil {
		b.all = append(b.all, p)
	}
	return p, err
}

// memory measures the memory of a server after reads with many tokens, while the connections are still open.
func (b *targetRun) memory(ctx context.Context) error {
	s, err := b.fresh(ctx, b.binary, "")
	if err != nil {
		return err
	}
	s.env = append(s.env, "INDEX_LOG_LEVEL=info")
	secrets, err := s.tokens(ctx, b.tokens)
	if err != nil {
		return err
	}
	p, err := b.serve(ctx, s)
	if err != nil {
		return err
	}
	var pages []wanted
	for n := range min(10, b.tokens) {
		name := fmt.Sprintf("bench-page-%d", n)
		j := job{Target: s.uploads(p), Conns: 8}
		for v := range 20 {
			j.Wheels = append(j.Wheels, wheelJob{Project: name, Version: fmt.Sprintf("1.%d", v), Size: 1000})
		}
		if _, err := j.run(ctx); err != nil {
			return err
		}
		pages = append(pages, wanted{"/simple/" + name + "/", []string{asHTML, withGzip}},
			wanted{"/simple/" + name + "/", []string{asJSON, withGzip}})
	}
	p.stop()
	few := job{Conns: 32, For: 2 * b.each, Reading: &reading{Pages: pages, Secrets: secrets, Hold: true}}
	many := job{
		Conns: b.tokens, Reading: &reading{Pages: pages, Secrets: secrets, Own: true, Times: len(pages), Hold: true},
	}
	for _, m := range []struct {
		goal string
		job
	}{{goalMemory, few}, {goalMemoryMany, many}} {
		r := &row{Name: m.goal, Unit: "MB"}
		for range b.rounds {
			if err := b.memoryOf(ctx, s, m.job, r); err != nil {
				return err
			}
		}
		b.add(m.goal, r)
	}
	return nil
}

// memoryOf starts a server, runs a job, and measures the memory right after the last response.
func (b *targetRun) memoryOf(ctx context.Context, s *site, j job, r *row) error {
	p, err := b.serve(ctx, s)
	if err != nil {
		return err
	}
	defer p.stop()
	time.Sleep(b.each)
	j.Target = target{URL: p.base + "/"}
	_, release, err := j.own(ctx)
	if err != nil {
		return err
	}
	r.add(ours, p.memory("VmRSS"))
	r.add(anonymity, p.memory("RssAnon"))
	return release()
}

// largePage measures the first read of a page after each upload to its project.
func (b *targetRun) largePage(ctx context.Context) error {
	dir, err := b.folder()
	if err != nil {
		return err
	}
	o := synthetic.Options{Projects: 100, Files: 100 + 3*b.largest, Largest: b.largest, Description: 300, Seed: 1}
	if err := grow(ctx, "sqlite:"+filepath.Join(dir, "data", "index.db"), o); err != nil {
		return err
	}
	s, err := newSite(ctx, b.binary, dir, "", "")
	if err != nil {
		return err
	}
	p, err := b.serve(ctx, s)
	if err != nil {
		return err
	}
	path := "/simple/" + synthetic.Name(0) + "/"
	for _, form := range []string{asHTML, asJSON} {
		r := &row{Name: "page of 10,000 files, first read after one upload", Unit: "ms", By: formName(form)}
		if _, _, _, err := s.reads(p, path, form, withGzip).once(ctx); err != nil {
			return err
		}
		for range 3 * b.rounds {
			b.count++
			if err := s.put(ctx, p, 1000, wheel{synthetic.Name(0), fmt.Sprintf("9000.%d", b.count)}); err != nil {
				return err
			}
			_, _, took, err := s.reads(p, path, form, withGzip).once(ctx)
			if err != nil {
				return err
			}
			r.add(ours, took.Seconds()*1e3)
		}
		b.add(goalPage, r)
	}
	return nil
}

func formName(accept string) string {
	if accept == asJSON {
		return "JSON"
	}
	return "HTML"
}

// list measures the list of all projects after a change, again, and the memory of both.
func (b *targetRun) list(ctx context.Context) error {
	url := "sqlite:" + b.scaleDatabase
	if b.scaleDatabase == "" {
		dir, err := b.folder()
		if err != nil {
			return err
		}
		url = "sqlite:" + filepath.Join(dir, "index.db")
		o := synthetic.Options{Projects: b.projects, Files: b.projects, Largest: 10, Description: 50, Seed: 1}
		if err := grow(ctx, url, o); err != nil {
			return err
		}
	}
	s, err := b.fresh(ctx, b.binary, url)
	if err != nil {
		return err
	}
	for _, f := range listForms {
		l := &listRows{
			first: &row{Name: "list of 600,000 projects, first read of the process", Unit: "ms", By: f.name},
			after: &row{Name: goalList, Unit: "ms", By: f.name},
			again: &row{Name: goalListAgain, Unit: "ms", By: f.name},
			peak:  &row{Name: goalListMemory, Unit: "MB", By: f.name},
		}
		for range b.rounds {
			if err := b.listOf(ctx, s, f, l); err != nil {
				return err
			}
		}
		b.report.Rows = append(b.report.Rows, l.first)
		b.add(goalList, l.after)
		b.add(goalListAgain, l.again)
		b.add(goalListMemory, l.peak)
	}
	return nil
}

// listForm is a way to ask for the list.
type listForm struct {
	name   string
	header []string
}

var listForms = []listForm{
	{"HTML, gzip", []string{asHTML, withGzip}},
	{"JSON, gzip", []string{asJSON, withGzip}},
	{"JSON, uncompressed", []string{asJSON}},
}

// listRows are the rows of one form.
type listRows struct{ first, after, again, peak *row }

// listOf is one round of a form, on a new server. The answer of the memory's row is uncompressed.
func (b *targetRun) listOf(ctx context.Context, s *site, f listForm, l *listRows) error {
	p, err := b.serve(ctx, s)
	if err != nil {
		return err
	}
	defer p.stop()
	time.Sleep(2 * b.each) // soon after its start, the program returns the memory that only starting needed
	idle := p.memory("VmRSS")
	p.forgetPeak()
	read := func(to *row) error {
		_, _, took, err := s.reads(p, "/simple/", f.header...).once(ctx)
		to.add(ours, took.Seconds()*1e3)
		return err
	}
	if err := read(l.first); err != nil {
		return err
	}
	for range 2 {
		b.count++
		name := fmt.Sprintf("bench-new-%x-%d", time.Now().Unix(), b.count)
		if err := s.put(ctx, p, 1000, wheel{name, "1.0"}); err != nil {
			return err
		}
		if err := cmp.Or(read(l.after), read(l.again)); err != nil {
			return err
		}
	}
	l.peak.add(ours, p.memory("VmHWM")-idle)
	_, size, _, err := s.reads(p, "/simple/", f.header[0]).once(ctx)
	l.peak.add(theAnswer, float64(size)/(1<<20))
	return err
}

// uploadsNow measures uploads of this program and of the older one in turns, each on its own empty index.
func (b *targetRun) uploadsNow(ctx context.Context) error {
	r := &row{Name: goalUploads, Unit: "/s"}
	b.add(goalUploads, r)
	var sites []*site
	var servers []*process
	for _, binary := range []string{b.binary, b.before} {
		s, err := b.fresh(ctx, binary, "")
		if err != nil {
			return err
		}
		p, err := b.serve(ctx, s)
		if err != nil {
			return err
		}
		sites, servers = append(sites, s), append(servers, p)
	}
	for range b.rounds {
		for i, column := range []string{ours, before} {
			t, err := b.upload(ctx, sites[i], servers[i])
			if err != nil {
				return fmt.Errorf("%s: %w", column, err)
			}
			r.add(column, t.rate())
		}
	}
	return nil
}

// upload sends the uploads of one round, eight at once.
func (b *targetRun) upload(ctx context.Context, s *site, p *process) (tally, error) {
	j := job{Target: s.uploads(p), Conns: 8}
	nonce := time.Now().Unix()
	for range b.uploads {
		b.count++
		j.Wheels = append(j.Wheels, wheelJob{
			Project: fmt.Sprintf("bench-up-%x-%d", nonce, b.count/20), Version: fmt.Sprintf("1.%d", b.count), Size: 20_000,
		})
	}
	return j.run(ctx)
}

// build measures a build of each source with an empty cache, once.
func (b *targetRun) build(ctx context.Context) error {
	wall := &row{Name: goalBuild, Unit: "s", By: "wall clock"}
	processor := &row{Name: goalBuild, Unit: "s", By: "processor time"}
	b.add(goalBuild, wall)
	b.add(goalBuild, processor)
	for _, c := range []struct{ column, dir string }{{before, b.beforeSource}, {ours, b.source}} {
		dir, err := b.folder()
		if err != nil {
			return err
		}
		cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o",
			filepath.Join(dir, "index"), "./cmd/index")
		cmd.Dir = c.dir
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOCACHE="+filepath.Join(dir, "cache"))
		begun := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build in %s: %w\n%s", c.dir, err, out)
		}
		wall.add(c.column, time.Since(begun).Seconds())
		processor.add(c.column, (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds())
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

func (b *targetRun) program(context.Context) error {
	r := &row{Name: goalProgram, Unit: "MB"}
	b.add(goalProgram, r)
	for _, c := range [][2]string{{ours, b.binary}, {before, b.before}} {
		if c[1] == "" {
			continue
		}
		info, err := os.Stat(c[1])
		if err != nil {
			return err
		}
		r.add(c[0], float64(info.Size())/1e6)
	}
	return nil
}
