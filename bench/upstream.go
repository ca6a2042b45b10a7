package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Columns of reading through an upstream.
const (
	straight = "straight" // the client at the upstream itself
	floor    = "floor"    // the client at a server with the same files and no delay
	without  = "without an upstream"
)

type throughSettings struct {
	quick, json bool
	binary      string // path of the index program; built if empty
	rounds      int
	each        time.Duration
	rows        string // regular expression of rows to measure
	peers       string
	clients     string // folder of virtual environments with uv and pip
	graph       string // folder of distributions that can be installed together
	databaseURL string // with storage: also measure three replicas
	storage     string
	projects    int // projects of the upstream that are revalidated
	largest     int // files of the largest page
	megabytes   int // size of the large file
	waiting     int // clients that ask for one file at once
}

func parseThrough(args []string) (s throughSettings, err error) {
	f := flag.NewFlagSet("upstream", flag.ContinueOnError)
	f.BoolVar(&s.quick, "quick", false, "small sizes and one round, to check that the benchmark works")
	f.BoolVar(&s.json, "json", false, "print JSON instead of the table")
	f.StringVar(&s.binary, "binary", "", "path of the index program (default: this source, built)")
	f.IntVar(&s.rounds, "rounds", 3, "samples of each measurement")
	f.DurationVar(&s.each, "each", 2*time.Second, "length of a sample")
	f.StringVar(&s.rows, "rows", ".", "measure only the groups that match: "+strings.Join(groupNames(), ", "))
	f.StringVar(&s.peers, "peers", "",
		"virtual environments of proxpi and devpi-server, separated by commas (default: programs on PATH)")
	f.StringVar(&s.clients, "clients", os.Getenv("INDEX_TEST_CLIENTS"), "folder with the environments of the clients")
	f.StringVar(&s.graph, "graph", filepath.Join(os.Getenv("INDEX_TEST_PACKAGES"), "wellknown"),
		"folder with distributions that can be installed together")
	f.StringVar(&s.databaseURL, "database-url", "", "disposable PostgreSQL database for three replicas")
	f.StringVar(&s.storage, "storage", "", "storage URL for three replicas")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if _, err := regexp.Compile(s.rows); err != nil {
		return s, fmt.Errorf("-rows: %w", err)
	}
	s.projects, s.largest, s.megabytes, s.waiting = 5000, 10_000, 500, 1000
	if s.quick {
		s.projects, s.largest, s.megabytes, s.waiting, s.rounds, s.each = 20, 300, 4, 20, 1, 200*time.Millisecond
	}
	return s, nil
}

// throughUpstream measures reading through an upstream on 127.0.0.1 that has the delay and bandwidth of a real one.
func throughUpstream(ctx context.Context, args []string) error {
	s, err := parseThrough(args)
	if err != nil {
		return err
	}
	r, err := s.measure(ctx)
	if err != nil {
		return err
	}
	return r.print(s.json)
}

// groups are the measurements by name, in order.
var groups = []struct {
	name string
	run  func(*through, context.Context) error
}{
	{"page", (*through).warmPages},
	{"catalog", (*through).catalog},
	{"large-page", (*through).largePage},
	{"graph", (*through).graphs},
	{"large-file", (*through).largeFile},
	{"at-once", (*through).atOnce},
}

func groupNames() (names []string) {
	for _, g := range groups {
		names = append(names, g.name)
	}
	return names
}

// through is one run.
type through struct {
	throughSettings
	dir           string
	index, server string // the programs: this index, and the local upstream
	all           []*process
	report        report
	count         int // of sites
}

func (s throughSettings) measure(ctx context.Context) (*report, error) {
	dir, err := os.MkdirTemp("", "index-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &through{throughSettings: s, dir: dir, report: report{
		Machine: machine(),
		Settings: fmt.Sprintf("%d rounds of %v; median (least–most). The upstream is another process on the same cores; unless stated "+
			"otherwise it waits 60 ms before each response and sends 50 Mbit/s.", s.rounds, s.each),
	}}
	err = b.run(ctx)
	b.stopAll()
	return &b.report, err
}

func (b *through) run(ctx context.Context) (err error) {
	if b.index = b.binary; b.index == "" {
		if b.index, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	if b.server, err = buildUpstream(ctx, b.dir); err != nil {
		return err
	}
	for _, g := range groups {
		if ok, _ := regexp.MatchString(b.rows, g.name); !ok {
			continue
		}
		fmt.Fprintln(os.Stderr, g.name)
		if err := g.run(b, ctx); err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		b.stopAll()
		b.report.markdown(os.Stderr) // keeps earlier results if a later group takes too long
	}
	return nil
}

func (b *through) stopAll() {
	for _, p := range slices.Backward(b.all) {
		p.stop()
	}
	b.all = nil
}

// delayed are the flags of an upstream at the distance of a real one.
var delayed = []string{"-latency", "60ms", "-bandwidth", "6250000"}

// upstream starts an upstream.
func (b *through) upstream(ctx context.Context, flags ...string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	argv := append([]string{b.server, "-listen", fmt.Sprintf("127.0.0.1:%d", port)}, flags...)
	p, err := start(ctx, fmt.Sprintf("upstream-%d", port), b.dir, port, "/+control/asked", nil, argv...)
	if err == nil {
		b.all = append(b.all, p)
	}
	return p, err
}

// asked returns how often an upstream was asked, by kind of request.
func asked(ctx context.Context, up *process) (counts map[string]int, err error) {
	return counts, fetchJSON(ctx, target{URL: up.base + "/+control/asked"}, &counts)
}

// fresh creates a site without any data, and starts a server on it that draws on an upstream, or on none.
func (b *through) fresh(ctx context.Context, up *process) (*site, *process, error) {
	b.count++
	dir := filepath.Join(b.dir, fmt.Sprintf("site-%d", b.count))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, nil, err
	}
	s, err := newSite(ctx, b.index, dir, "", "")
	if err != nil {
		return nil, nil, err
	}
	p, err := b.serve(ctx, s, up)
	return s, p, err
}

// serve starts a server on a site.
func (b *through) serve(ctx context.Context, s *site, up *process) (*process, error) {
	var args []string
	if up != nil {
		args = []string{"--upstream", up.base + "/simple/", "--upstream-allow-private"}
	}
	p, err := s.serve(ctx, fmt.Sprintf("index-%d", b.count), false, args...)
	if err == nil {
		b.all = append(b.all, p)
	}
	return p, err
}

// link is a file of a project's page.
type link struct {
	Filename, URL string
	Hashes        map[string]string
}

// links reads a project's page and returns its files with complete URLs.
func links(ctx context.Context, t target, base string) ([]link, error) {
	t.Header = []string{asJSON}
	var page struct{ Files []link }
	if err := fetchJSON(ctx, t, &page); err != nil {
		return nil, err
	}
	for i, l := range page.Files {
		if strings.HasPrefix(l.URL, "/") {
			page.Files[i].URL = base + l.URL
		}
	}
	return page.Files, nil
}

func fetchJSON(ctx context.Context, t target, into any) error {
	answer, err := t.get(ctx)
	if err != nil {
		return err
	}
	err = json.NewDecoder(answer.Body).Decode(into)
	return errors.Join(err, answer.Body.Close())
}
