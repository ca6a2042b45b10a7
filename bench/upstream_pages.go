package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// warmPages compares a project's page through a base with the same page of an own project, and with the caches of
// others in front of the same upstream.
func (b *through) warmPages(ctx context.Context) error {
	up, err := b.upstream(ctx, append(delayed, "-projects", "1", "-files", "20")...)
	if err != nil {
		return err
	}
	s, p, err := b.fresh(ctx, up)
	if err != nil {
		return err
	}
	for n := range 20 {
		if err := s.put(ctx, p, 1000, wheel{demo, fmt.Sprintf("1.%d", n)}); err != nil {
			return err
		}
	}
	columns := []column{
		{name: ours, process: p, at: func(string, ...string) target {
			return s.reads(p, "/simple/generated-0/", asJSON)
		}},
		{name: "own page", process: p, at: func(string, ...string) target { return s.reads(p, "/simple/"+demo+"/", asJSON) }},
	}
	others, err := b.caches(ctx, up)
	if err != nil {
		return err
	}
	r := &row{
		Name: "warm page of 20 files through a base, 32 connections", Unit: "/s",
		Budgets: []budget{atLeast(0.95, "own page")},
	}
	for range b.rounds {
		for _, c := range append(columns, others...) {
			t := c.at("")
			if _, _, _, err := t.once(ctx); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			got, err := job{Target: t, Conns: 32, For: b.each}.read(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			r.add(c.name, got.rate())
		}
	}
	b.report.Rows = append(b.report.Rows, r)
	return nil
}

// catalog fills the database with the pages of many projects, and then measures own uploads and pages while they are
// revalidated at the rate of all of them in ten minutes.
func (b *through) catalog(ctx context.Context) error {
	// Reading everything at a real distance would take an hour, and the size does not depend on it.
	up, err := b.upstream(ctx, "-projects", strconv.Itoa(b.projects), "-size", "16")
	if err != nil {
		return err
	}
	s, p, err := b.fresh(ctx, up)
	if err != nil {
		return err
	}
	begun := time.Now()
	if err := readAll(ctx, s, p, b.projects); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d projects read in %.0f s\n", b.projects, time.Since(begun).Seconds())
	p.stop() // writes what is still in memory, and the log of the database
	size := &row{
		Name: fmt.Sprintf("database with %d projects of an upstream", b.projects), Unit: "MB",
		Budgets: []budget{atMost(1000, "")},
	}
	bytes, err := databaseSize(s)
	if err != nil {
		return err
	}
	size.add(ours, float64(bytes)/1e6)
	b.report.Rows = append(b.report.Rows, size)
	if p, err = b.serve(ctx, s, up); err != nil {
		return err
	}
	return b.besides(ctx, s, p)
}

// readAll reads the page of each generated project once, a few at a time.
func readAll(ctx context.Context, s *site, p *process, projects int) error {
	var next atomic.Int64
	var failed atomic.Value
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for n := next.Add(1) - 1; n < int64(projects) && failed.Load() == nil; n = next.Add(1) - 1 {
				if _, _, _, err := s.reads(p, fmt.Sprintf("/simple/generated-%d/", n), asJSON, withGzip).once(ctx); err != nil {
					failed.Store(err)
				}
			}
		})
	}
	all.Wait()
	err, _ := failed.Load().(error)
	return err
}

func databaseSize(s *site) (total int64, err error) {
	found, err := filepath.Glob(filepath.Join(s.dir, "data", "index.db*"))
	for _, path := range found {
		info, err := os.Stat(path)
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	if total == 0 && err == nil {
		err = fmt.Errorf("no database in %s", s.dir)
	}
	return total, err
}

// besides measures uploads and own pages with and without revalidation beside them.
func (b *through) besides(ctx context.Context, s *site, p *process) error {
	bareSite, alone, err := b.fresh(ctx, nil)
	if err != nil {
		return err
	}
	pages := &row{
		Name: "own page while an upstream's are revalidated, 32 connections", Unit: "/s",
		Budgets: []budget{atLeast(0.95, without)},
	}
	uploads := &row{
		Name: "own uploads of 20 kB meanwhile, 8 at once", Unit: "/s", Budgets: []budget{atLeast(0.95, without)},
	}
	for _, x := range []struct {
		s *site
		p *process
	}{{s, p}, {bareSite, alone}} {
		for n := range 20 {
			if err := x.s.put(ctx, x.p, 1000, wheel{demo, fmt.Sprintf("1.%d", n)}); err != nil {
				return err
			}
		}
	}
	for round := range b.rounds {
		for _, x := range []struct {
			name string
			s    *site
			p    *process
		}{{ours, s, p}, {without, bareSite, alone}} {
			halt := func() error { return nil }
			if x.name == ours {
				halt = b.revalidate(ctx, s, p, round)
			}
			got, err := job{Target: x.s.reads(x.p, "/simple/"+demo+"/", asJSON), Conns: 32, For: b.each}.read(ctx)
			if err != nil {
				return err
			}
			pages.add(x.name, got.rate())
			if got, err = b.many(ctx, x.s.uploads(x.p), round); err != nil {
				return err
			}
			uploads.add(x.name, got.rate())
			if err := halt(); err != nil {
				return err
			}
		}
	}
	b.report.Rows = append(b.report.Rows, pages, uploads)
	return nil
}

// revalidate asks for a page with "no-cache", as uv --refresh does, at the rate at which all projects are read once in
// ten minutes. Each of these requests asks the upstream. The result ends it.
func (b *through) revalidate(ctx context.Context, s *site, p *process, round int) (halt func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var failed error
	var all sync.WaitGroup
	all.Go(func() {
		tick := time.NewTicker(10 * time.Minute / time.Duration(b.projects))
		defer tick.Stop()
		for n := round * 500; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			at := s.reads(p, fmt.Sprintf("/simple/generated-%d/", n%b.projects), asJSON, withGzip, "Cache-Control: no-cache")
			if _, _, _, err := at.once(ctx); err != nil && ctx.Err() == nil {
				failed = err
			}
		}
	})
	return func() error {
		cancel()
		all.Wait()
		return failed
	}
}

func (b *through) many(ctx context.Context, to target, round int) (tally, error) {
	j := job{Target: to, Conns: 8, For: 4 * b.each}
	for n := range 400 {
		j.Wheels = append(j.Wheels,
			wheelJob{Project: fmt.Sprintf("bench-up-%d", n/20), Version: fmt.Sprintf("%d.%d", round, n), Size: 20_000})
	}
	if b.quick {
		j.Wheels = j.Wheels[:16]
	}
	return j.run(ctx)
}

// largePage measures the first read of a page with many files: the server's processor time until the last byte, and its
// peak of memory relative to the page.
func (b *through) largePage(ctx context.Context) error {
	up, err := b.upstream(ctx, "-projects", strconv.Itoa(b.rounds+1), "-files", strconv.Itoa(b.largest), "-size", "16")
	if err != nil {
		return err
	}
	cpu := &row{
		Name: fmt.Sprintf("first read of a page of %d files: processor time", b.largest), Unit: "ms",
		Budgets: []budget{atMost(250, "")},
	}
	peak := &row{Name: "the same: peak of memory over idle", Unit: "MB", Budgets: []budget{atMost(4, "the page")}}
	for n := range b.rounds {
		s, p, err := b.fresh(ctx, up)
		if err != nil {
			return err
		}
		_, size, _, err := target{URL: fmt.Sprintf("%s/simple/generated-%d/", up.base, n), Header: []string{asJSON}}.once(ctx)
		if err != nil {
			return err
		}
		time.Sleep(min(time.Second, b.each))
		idle := p.memory("VmRSS")
		p.forgetPeak()
		before := p.processor()
		if _, _, _, err := s.reads(p, fmt.Sprintf("/simple/generated-%d/", n), asJSON, withGzip).once(ctx); err != nil {
			return err
		}
		cpu.add(ours, max(1, (p.processor()-before).Seconds()*1e3))
		time.Sleep(min(time.Second, b.each)) // storing comes after the last byte
		peak.add(ours, p.memory("VmHWM")-idle)
		peak.add("the page", float64(size)/(1<<20))
		p.stop()
	}
	b.report.Rows = append(b.report.Rows, cpu, peak)
	return nil
}

// processor returns the processor time of a process so far, in ticks of 10 ms. It is 0 on systems without /proc.
func (p *process) processor() (sum time.Duration) {
	for _, pid := range family(p.cmd.Process.Pid) {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		for _, i := range []int{11, 12} { // utime and stime
			if i < len(fields) {
				ticks, _ := strconv.ParseInt(fields[i], 10, 64)
				sum += time.Duration(ticks) * 10 * time.Millisecond
			}
		}
	}
	return sum
}
