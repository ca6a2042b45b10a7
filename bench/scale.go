package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/storage/db/synthetic"
)

func scale(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("scale", flag.ContinueOnError)
	database := f.String("database-url", "",
		"sqlite:PATH or postgres://… of a disposable database, which grows with each step (default: in a temporary folder)")
	steps := f.String("steps", "0,10000,100000,600000", "projects to measure at")
	description := f.Int("description", 1500, "average bytes of a description")
	asJSON := f.Bool("json", false, "print JSON instead of the table")
	if err := f.Parse(args); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "index-scale-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := &curve{
		dir:         dir,
		url:         cmp.Or(*database, "sqlite:"+filepath.Join(dir, "index.db")),
		description: *description,
		pause:       time.Second,
		nonce:       fmt.Sprintf("%x", time.Now().Unix()),
	}
	if s.binary, err = build(ctx, dir); err != nil {
		return err
	}
	for text := range strings.SplitSeq(*steps, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("-steps: %w", err)
		}
		if err := s.step(ctx, n); err != nil {
			return fmt.Errorf("%d projects: %w", n, err)
		}
		s.print(os.Stderr) // keeps earlier results if a later step takes too long
	}
	if *asJSON {
		return json.NewEncoder(os.Stdout).Encode(s.steps)
	}
	s.print(os.Stdout)
	return nil
}

type curve struct {
	dir, url, binary string
	description      int
	pause            time.Duration // before measuring idle memory; also the length of a sample
	nonce            string        // part of the uploaded names, so that a database can be measured again
	steps            []*stepped
}

type stepped struct {
	Size    synthetic.Size
	Names   []string
	Figures map[string][]float64
	Units   map[string]string
}

func (s *stepped) note(name, unit string, v float64) {
	if _, ok := s.Figures[name]; !ok {
		s.Names = append(s.Names, name)
	}
	s.Figures[name], s.Units[name] = append(s.Figures[name], v), unit
}

// step grows the catalog to projects and measures it.
func (s *curve) step(ctx context.Context, projects int) error {
	have, err := synthetic.Made(ctx, s.url)
	if err != nil {
		return err
	}
	if have > projects {
		return fmt.Errorf("the database already has %d", have)
	}
	o := synthetic.Options{
		Projects: projects, Files: filesOf(projects) - filesOf(have), Description: s.description, Seed: 1,
	}
	if err := grow(ctx, s.url, o); err != nil {
		return err
	}
	m := &stepped{Figures: map[string][]float64{}, Units: map[string]string{}}
	if m.Size, err = synthetic.Measure(ctx, s.url); err != nil {
		return err
	}
	s.steps = append(s.steps, m)
	// Each step stores blobs in its own folder, so that only the database grows.
	dir := filepath.Join(s.dir, strconv.Itoa(projects))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	x, err := newSite(ctx, s.binary, dir, s.url, "")
	if err != nil {
		return err
	}
	p, err := s.starts(ctx, x, m)
	if err != nil {
		return err
	}
	defer p.stop()
	for _, measure := range []func(context.Context, *site, *process, *stepped) error{
		s.uploads, s.reads, s.searches, s.singles,
	} {
		if err := measure(ctx, x, p, m); err != nil {
			return err
		}
	}
	m.note("memory at the end", "MB", p.memory("VmRSS"))
	return nil
}

// starts starts the server several times and leaves the last one running.
func (s *curve) starts(ctx context.Context, x *site, m *stepped) (p *process, err error) {
	for range 3 {
		p.stop()
		if p, err = x.serve(ctx, "scale", true); err != nil {
			return nil, err
		}
		m.note("start to first answer", "ms", p.first.Seconds()*1e3)
		time.Sleep(s.pause)
		m.note("memory, idle", "MB", p.memory("VmRSS"))
	}
	return p, nil
}

// fresh is the number of projects with 20 files uploaded at each step.
const fresh = 20

func (s *curve) project(m *stepped, n int) string {
	return fmt.Sprintf("scale-%s-%d-%d", s.nonce, m.Size.Projects, n)
}

func (s *curve) uploads(ctx context.Context, x *site, p *process, m *stepped) error {
	j := job{Target: x.uploads(p), Conns: 8}
	for n := range fresh * 20 {
		j.Wheels = append(j.Wheels,
			wheelJob{Project: s.project(m, n%fresh), Version: fmt.Sprintf("1.%d", n/fresh), Size: 20_000})
	}
	t, err := j.run(ctx)
	if err == nil {
		m.note("uploads of 20 kB, 8 at once", "/s", t.rate())
	}
	return err
}

// reads measures pages: cold, warm, under load, and the list.
func (s *curve) reads(ctx context.Context, x *site, p *process, m *stepped) error {
	r := rand.New(rand.NewPCG(1, 1))
	made, err := synthetic.Made(ctx, s.url)
	if err != nil {
		return err
	}
	for n := range fresh {
		page := "/simple/" + s.project(m, n) + "/"
		for _, name := range []string{"page of 20 files, first read", "page of 20 files, warm"} {
			if err := s.time(ctx, m, name, p.base+page); err != nil {
				return err
			}
		}
		web := "/project/" + s.project(m, n) + "/"
		if err := s.time(ctx, m, "web page of a project", p.base+web); err != nil {
			return err
		}
		if made > 0 {
			some := "/simple/" + synthetic.Name(r.IntN(made)) + "/"
			if err := s.time(ctx, m, "page of any project, first read", p.base+some); err != nil {
				return err
			}
		}
	}
	for range 3 {
		t, err := job{
			Target: target{URL: p.base + "/simple/" + s.project(m, 0) + "/", Header: []string{asJSON, withGzip}}, Conns: 32,
			For: s.pause,
		}.read(ctx)
		if err != nil {
			return err
		}
		m.note("page of 20 files, 32 connections", "/s", t.rate())
	}
	for n := range 3 {
		if err := x.put(ctx, p, 1000, wheel{s.project(m, fresh), fmt.Sprintf("1.%d", n)}); err != nil {
			return err
		}
		for _, name := range []string{"list of all projects, first read after a change", "list of all projects, warm"} {
			if err := s.time(ctx, m, name, p.base+"/simple/"); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *curve) time(ctx context.Context, m *stepped, name, url string) error {
	header := []string{asJSON, withGzip}
	if strings.Contains(url, "/project/") || strings.Contains(url, "/search/") {
		header[0] = asHTML
	}
	_, _, took, err := target{URL: url, Header: header}.once(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	m.note(name, "ms", took.Seconds()*1e3)
	return nil
}

// searches measures the three kinds of search, including the first of each.
func (s *curve) searches(ctx context.Context, _ *site, p *process, m *stepped) error {
	common, rare, two := synthetic.Queries()
	for range 5 {
		for _, q := range [][2]string{
			{"search, a common word", common}, {"search, a rare word", rare}, {"search, two words", two},
		} {
			if err := s.time(ctx, m, q[0], p.base+"/search/?q="+url.QueryEscape(q[1])); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *curve) singles(ctx context.Context, x *site, p *process, m *stepped) error {
	j := job{Target: x.uploads(p), Conns: 1}
	for n := range 50 {
		j.Wheels = append(j.Wheels, wheelJob{Project: s.project(m, fresh+1), Version: fmt.Sprintf("1.%d", n), Size: 20_000})
	}
	t, err := j.run(ctx)
	if err == nil {
		m.note("upload of 20 kB, alone", "ms", t.P50)
	}
	return err
}

// print writes the curve as a table with a row for each figure and a column for each size.
func (s *curve) print(w *os.File) {
	fmt.Fprintf(w, "%s\n\n| what | unit |", machine())
	for _, m := range s.steps {
		fmt.Fprintf(w, " %d projects, %d files |", m.Size.Projects, m.Size.Files)
	}
	fmt.Fprintf(w, "\n|---|---|%s\n", strings.Repeat("---|", len(s.steps)))
	names := []string{}
	if len(s.steps) > 0 {
		names = s.steps[len(s.steps)-1].Names
	}
	for _, name := range names {
		fmt.Fprintf(w, "| %s | %s |", name, s.steps[len(s.steps)-1].Units[name])
		for _, m := range s.steps {
			r := &row{Unit: "x", Samples: map[string][]float64{"": m.Figures[name]}}
			fmt.Fprintf(w, " %s |", r.cell(""))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "| database | GB |")
	for _, m := range s.steps {
		fmt.Fprintf(w, " %s |", number(float64(m.Size.Bytes)/1e9))
	}
	fmt.Fprintf(w, "\n| database for each file | bytes |")
	for _, m := range s.steps {
		fmt.Fprintf(w, " %d |", m.Size.Bytes/max(m.Size.Files, 1))
	}
	fmt.Fprintln(w)
}
