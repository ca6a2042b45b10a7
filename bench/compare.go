package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"pyindex/internal/storage/db/synthetic"
)

type settings struct {
	quick, json          bool
	backend, databaseURL string
	storageURL, peers    string
	rounds               int
	each                 time.Duration // length of one sample
	binary               string        // path of the index program; built if empty
	rows                 *regexp.Regexp
	sizes
}

// sizes are the sizes of the expensive cases.
type sizes struct {
	projects, largest int // projects in the list, and files of the largest page
	blocks            int // size of the large file in MB
	uploads           int // small uploads per round
	conns             int
}

var (
	fullSizes  = sizes{projects: 100_000, largest: 10_000, blocks: 500, uploads: 400, conns: 32}
	quickSizes = sizes{projects: 300, largest: 200, blocks: 8, uploads: 24, conns: 8}
)

func parseSettings(args []string) (s settings, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&s.quick, "quick", false,
		"small sizes and one round, to check that the benchmark works; the figures are not meaningful")
	f.BoolVar(&s.json, "json", false, "print JSON instead of the table")
	f.StringVar(&s.backend, "backend", "sqlite", "sqlite or postgres")
	f.StringVar(&s.databaseURL, "database-url", "",
		"disposable database of the postgres backend, which will be filled")
	f.StringVar(&s.storageURL, "storage", "", "storage URL of the index (default: a folder)")
	f.StringVar(&s.binary, "binary", "", "path of the index program (default: this source, built)")
	f.StringVar(&s.peers, "peers", "",
		"virtual environments of pypiserver, devpi-server and proxpi, separated by commas (default: programs on PATH)")
	rows := f.String("rows", "", "regular expression of the rows to measure (default: all)")
	f.IntVar(&s.rounds, "rounds", 5, "samples of each measurement")
	f.DurationVar(&s.each, "each", 2*time.Second, "length of a sample")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.rows, err = regexp.Compile(*rows); err != nil {
		return s, fmt.Errorf("-rows: %w", err)
	}
	if _, err := exec.LookPath("wrk"); err != nil && !s.quick {
		return s, fmt.Errorf("wrk is required for reads: %w", err)
	}
	if s.backend == "postgres" && s.databaseURL == "" {
		return s, fmt.Errorf("-backend postgres requires -database-url")
	}
	s.sizes = fullSizes
	if s.quick {
		s.sizes, s.rounds, s.each = quickSizes, 1, 200*time.Millisecond
	}
	if !s.wants("list of") && !s.wants("page of 10000") && !s.wants("first read") {
		s.projects, s.largest = quickSizes.projects, quickSizes.largest // nothing reads them
	}
	if !s.wants("download") && !s.wants("upload, ") {
		s.blocks = quickSizes.blocks
	}
	return s, nil
}

// wants reports whether -rows selects a row.
func (s settings) wants(name string) bool { return s.rows.MatchString(name) }

// compare runs the comparison, the default command.
func compare(ctx context.Context, args []string) error {
	s, err := parseSettings(args)
	if err != nil {
		return err
	}
	r, err := s.measure(ctx)
	if err != nil {
		return err
	}
	return r.print(s.json)
}

func (s settings) measure(ctx context.Context) (*report, error) {
	dir, err := os.MkdirTemp("", "index-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{settings: s, dir: dir, report: report{Machine: machine(), Settings: s.text()}}
	err = b.run(ctx)
	for _, p := range b.all {
		p.stop()
	}
	return &b.report, err
}

type bench struct {
	settings
	dir         string
	site        *site
	token, open *process // two servers on the same data: token requires a token, open does not
	copies      *copies
	columns     []column
	all         []*process
	started     []peer
	report      report
	count       int // number of uploaded wheels, for unique names
}

type column struct {
	name    string
	process *process
	at      func(path string, header ...string) target
	has     func(path string) bool // nil if it serves all paths
}

func (b *bench) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		b.prepare, b.fill, b.copyPages, b.neighbours, b.readings, b.firstReads, b.bigUpload, b.smallUploads, b.sizesOf,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

// prepare builds the program and fills the catalog with rows for the long list and the large page.
func (b *bench) prepare(ctx context.Context) error {
	if b.binary == "" {
		b.say("building")
		var err error
		if b.binary, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	url := b.databaseURL
	if b.backend == "sqlite" {
		url = "sqlite:" + filepath.Join(b.dir, "data", "index.db")
		b.databaseURL = ""
	}
	if have, err := synthetic.Made(ctx, url); err != nil || have > 0 {
		return cmp.Or(err, errors.New("the database already contains a catalog: use an empty one"))
	}
	b.say("%d projects, one of them with %d files", b.projects, b.largest)
	o := synthetic.Options{
		Projects:    b.projects,
		Files:       b.projects + 3*b.largest,
		Largest:     b.largest,
		Description: 300,
		Seed:        1,
	}
	if err := grow(ctx, url, o); err != nil {
		return err
	}
	var err error
	b.site, err = newSite(ctx, b.binary, b.dir, b.databaseURL, b.storageURL)
	return err
}

// Uploaded projects.
const (
	demo  = "bench-demo"  // 20 files
	large = "bench-large" // the large file, and one of 1 MB
)

// fill starts the servers and uploads the files for the downloads.
func (b *bench) fill(ctx context.Context) (err error) {
	if b.token, err = b.site.serve(ctx, "token", false); err != nil {
		return err
	}
	b.all = append(b.all, b.token)
	if b.open, err = b.site.serve(ctx, "anonymous", true); err != nil {
		return err
	}
	b.all = append(b.all, b.open)
	for n := range 20 {
		if err := b.site.put(ctx, b.token, 20_000, wheel{demo, fmt.Sprintf("1.%d", n)}); err != nil {
			return err
		}
	}
	if err := b.site.put(ctx, b.token, 1_000_000, wheel{large, "0.1"}); err != nil {
		return err
	}
	w, path := wheel{large, "1.0"}, filepath.Join(b.dir, "large.whl")
	sum, err := b.write(w, path)
	if err == nil {
		err = uploadFile(ctx, bare, b.site.uploads(b.token), w, path, sum)
	}
	return err
}

func (b *bench) write(w wheel, path string) (sum string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	sum, err = w.stream(f, b.blocks)
	return sum, errors.Join(err, f.Close())
}

// neighbours starts the servers that serve the same content, and the peers.
func (b *bench) neighbours(ctx context.Context) error {
	b.columns = []column{
		{
			name: ours, process: b.token, at: func(path string, h ...string) target { return b.site.reads(b.token, path, h...) },
		},
		plain(anonymous, b.open),
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	list, err := b.copies.save()
	if err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	p, err := start(ctx, "bare", b.dir, port, "/", []string{asCommand}, self, "bare", fmt.Sprint(port), list)
	if err != nil {
		return err
	}
	b.all, b.columns = append(b.all, p), append(b.columns, plain("net/http", p))
	p, err = serveNginx(ctx, b.dir, b.copies)
	if err != nil {
		return err
	}
	if p != nil {
		b.all, b.columns = append(b.all, p), append(b.columns, plain("nginx", p))
	}
	return b.startPeers(ctx)
}

// plain returns a column that requests the same paths without a token.
func plain(name string, p *process) column {
	return column{
		name: name, process: p, at: func(path string, h ...string) target { return target{URL: p.base + path, Header: h} },
	}
}
