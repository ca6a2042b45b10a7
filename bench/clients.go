package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// clientSettings are the options of "bench clients".
type clientSettings struct {
	json     bool
	rounds   int
	packages int
	binary   string
	clients  string         // folder with the environments of pip and uv
	peers    string         // environments of other indexes, separated by commas
	rows     *regexp.Regexp // indexes
	tools    *regexp.Regexp // clients
}

func parseClients(args []string) (s clientSettings, err error) {
	cache, _ := os.UserCacheDir() // without it, the flags must name the folders
	tests := filepath.Join(cache, "index-test", "clients")
	if dir := os.Getenv("INDEX_TEST_CLIENTS"); dir != "" {
		tests = dir
	}
	f := flag.NewFlagSet("bench clients", flag.ContinueOnError)
	f.BoolVar(&s.json, "json", false, "print every sample as JSON instead of the table")
	f.IntVar(&s.rounds, "rounds", 3, "samples of each measurement")
	f.IntVar(&s.packages, "packages", 60, "packages to install")
	f.StringVar(&s.binary, "binary", "", "path of the index program (default: this source, built)")
	f.StringVar(&s.clients, "clients", tests, "folder with the environments of pip and uv that the tests use")
	f.StringVar(&s.peers, "peers", strings.Join([]string{
		filepath.Join(tests, "devpi"), filepath.Join(tests, "pypiserver"), filepath.Join(cache, "index-bench", "proxpi"),
	}, ","), "virtual environments of devpi-server, pypiserver and proxpi, separated by commas")
	rows := f.String("rows", "", "regular expression of the indexes to install from (default: all)")
	tools := f.String("tools", "", "regular expression of the clients: pip install, uv sync (default: both)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if s.rows, err = regexp.Compile(*rows); err == nil {
		s.tools, err = regexp.Compile(*tools)
	}
	return s, err
}

// clients measures installs of packages that depend on each other, by real clients without caches.
func clients(ctx context.Context, args []string) error {
	s, err := parseClients(args)
	if err != nil {
		return err
	}
	b, err := s.measure(ctx)
	if b != nil && s.json {
		return errors.Join(err, json.NewEncoder(os.Stdout).Encode(b.report))
	}
	if b != nil {
		b.print(os.Stdout) // the samples so far, also after an error
	}
	return err
}

// clientBench is one run.
type clientBench struct {
	clientSettings
	dir           string
	graph         *graph
	cert, key, ca string
	all           []*process
	static        *process // nginx with static pages, also the upstream of the others
	report        report
	count         int
}

func (s clientSettings) measure(ctx context.Context) (*clientBench, error) {
	dir, err := os.MkdirTemp("", "index-bench-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	b := &clientBench{clientSettings: s, dir: dir, report: report{
		Machine: machine(),
		Settings: fmt.Sprintf("%d packages, %d rounds; seconds: median (least–most), and as a multiple of the index in the "+
			"same rounds", s.packages, s.rounds),
	}}
	defer func() { stopAll(b.all) }()
	return b, b.run(ctx)
}

func stopAll(all []*process) {
	for _, p := range slices.Backward(all) {
		p.stop()
	}
}

func (b *clientBench) run(ctx context.Context) (err error) {
	if err := os.Chmod(b.dir, 0o755); err != nil { // nginx may run as another user
		return err
	}
	if b.cert, b.key, b.ca, err = certificate(b.dir); err != nil {
		return err
	}
	if b.graph, err = makeGraph(filepath.Join(b.dir, "static", "files"), b.packages); err != nil {
		return err
	}
	if err := b.graph.pages(filepath.Join(b.dir, "static")); err != nil {
		return err
	}
	if b.binary == "" {
		if b.binary, err = build(ctx, b.dir); err != nil {
			return err
		}
	}
	found := b.found()
	if len(found) == 0 {
		return fmt.Errorf("neither pip nor uv in %s: see -clients", b.clients)
	}
	sources, err := b.sources(ctx)
	if err != nil {
		return err
	}
	for _, c := range found {
		for _, scheme := range schemes {
			b.report.Rows = append(b.report.Rows, &row{Name: c.name + ", " + scheme, Unit: "s"})
		}
	}
	for n := range b.rounds {
		fmt.Fprintf(os.Stderr, "round %d\n", n+1)
		for i, c := range found {
			for k := range schemes {
				for _, s := range sources {
					if err := b.install(ctx, c, s, k == 1, b.report.Rows[len(schemes)*i+k]); err != nil {
						return fmt.Errorf("%s, %s, %s: %w", s.name, c.name, schemes[k], err)
					}
				}
			}
		}
	}
	return nil
}

var schemes = []string{"HTTP", "TLS"}

// install measures one install from a source, or the first one and the next if the source fetches files from another
// index.
func (b *clientBench) install(ctx context.Context, c installer, s source, secure bool, r *row) error {
	url, stop, err := s.start(ctx, secure)
	if err != nil {
		return err
	}
	defer stop()
	names := []string{s.name}
	if s.through {
		names = []string{s.name + ", first", s.name + ", again"}
	}
	for _, name := range names {
		seconds, err := b.client(ctx, c, url)
		if err != nil {
			return err
		}
		r.add(name, seconds)
	}
	return nil
}

// installer is a client. argv returns its command line for a new folder, and where it installs.
type installer struct {
	name string
	argv func(dir, url, ca string) (argv []string, target string)
}

// found returns the newest pip and uv of -clients, as far as -tools selects them.
func (b *clientBench) found() (all []installer) {
	pips, _ := filepath.Glob(filepath.Join(b.clients, "pip-2[5-9]*", "bin", "python"))
	if len(pips) > 0 {
		python := slices.Max(pips)
		all = append(all, installer{"pip install", func(dir, url, ca string) ([]string, string) {
			to := filepath.Join(dir, "to")
			argv := []string{
				python, "-m", "pip", "install", "-q", "--isolated", "--no-cache-dir", "--disable-pip-version-check", "--no-input",
				"--cert", ca, "--target", to, "--index-url", url,
			}
			return append(argv, b.graph.root), to
		}})
	}
	if uv := filepath.Join(b.clients, "uv", "bin", "uv"); isFile(uv) {
		python := filepath.Join(b.clients, "uv", "bin", "python")
		all = append(all, installer{"uv sync", func(dir, url, _ string) ([]string, string) {
			return []string{
				uv, "sync", "-q", "--no-config", "--no-cache", "--python", python, "--directory", dir, "--default-index", url,
			}, filepath.Join(dir, ".venv", "lib", "python*", "site-packages")
		}})
	}
	return slices.DeleteFunc(all, func(i installer) bool { return !b.tools.MatchString(i.name) })
}

// client runs a client in a new folder with an environment of its own, checks what it installed, and returns the
// duration in seconds.
func (b *clientBench) client(ctx context.Context, c installer, url string) (seconds float64, err error) {
	dir, err := os.MkdirTemp(b.dir, "client-")
	if err != nil {
		return 0, err
	}
	text := "[project]\nname = \"consumer\"\nversion = \"1\"\nrequires-python = \">=3.11\"\n" +
		fmt.Sprintf("dependencies = [%q]\n", b.graph.root)
	if err := os.WriteFile(filepath.Join(dir, "pyproject.toml"), []byte(text), 0o644); err != nil {
		return 0, err
	}
	argv, to := c.argv(dir, url, b.ca)
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.Env = []string{
		"HOME=" + dir, "TMPDIR=" + dir, "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "NO_PROXY=127.0.0.1",
		"PIP_CONFIG_FILE=/dev/null", "UV_PYTHON_DOWNLOADS=never", "UV_NO_PROGRESS=1", "SSL_CERT_FILE=" + b.ca,
	}
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", filepath.Base(argv[0]), err, out)
	}
	seconds = time.Since(begun).Seconds()
	found, _ := filepath.Glob(to)
	if len(found) != 1 {
		return 0, fmt.Errorf("%s does not exist", to)
	}
	return seconds, errors.Join(b.graph.installed(found[0]), os.RemoveAll(dir))
}

// print writes a line for each index.
func (b *clientBench) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n\n%s\n\n| installed from |", b.report.Machine, b.report.Settings)
	for _, r := range b.report.Rows {
		fmt.Fprintf(w, " %s |", r.Name)
	}
	fmt.Fprintf(w, "\n|---|%s\n", strings.Repeat("---|", len(b.report.Rows)))
	for _, c := range b.report.columns() {
		fmt.Fprintf(w, "| %s |", c)
		for _, r := range b.report.Rows {
			cell := r.cell(c)
			if c != ownIndex && len(r.Samples[ownIndex]) > 0 && cell != "" {
				cell += fmt.Sprintf(", %.2f ×", r.between(c, ownIndex))
			}
			fmt.Fprintf(w, " %s |", cell)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "\nAt the end: %s\n", machine())
}
