package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// warmSettings are the options of "bench warm".
type warmSettings struct {
	programs map[string]string // name → path of an index program
	names    []string          // in the order of the command line
	only     *regexp.Regexp    // rows to measure
	rounds   int
	each     time.Duration
}

func parseWarm(args []string) (s warmSettings, err error) {
	s.programs = map[string]string{}
	f := flag.NewFlagSet("bench warm", flag.ContinueOnError)
	f.Func("binary", "NAME=PATH of an index program; may be repeated (default: this source)", func(v string) error {
		name, path, ok := strings.Cut(v, "=")
		if !ok {
			return errors.New("want NAME=PATH")
		}
		s.names, s.programs[name] = append(s.names, name), path
		return nil
	})
	f.IntVar(&s.rounds, "rounds", 3, "samples of each measurement")
	f.DurationVar(&s.each, "each", 2*time.Second, "length of a sample, in whole seconds")
	only := f.String("rows", "", "regular expression of the rows to measure")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.only, err = regexp.Compile(*only)
	return s, err
}

// transport is a way to send requests.
type transport struct {
	name  string
	tls   bool
	http2 bool
	fresh bool // a new connection for each request
	tools []string
}

// The clients of reads.
const (
	byWrk    = "wrk"
	byH2load = "h2load"
	byOwn    = "own client"
)

var transports = []transport{
	{name: "HTTP", tools: []string{byWrk, byH2load, byOwn}},
	{name: "TLS, HTTP/1.1", tls: true, tools: []string{byWrk, byH2load, byOwn}},
	{name: "TLS, HTTP/2", tls: true, http2: true, tools: []string{byH2load, byOwn}},
	{name: "a connection for each request", fresh: true, tools: []string{byWrk, byOwn}},
	{name: "TLS, a connection for each request", tls: true, fresh: true, tools: []string{byWrk, byOwn}},
}

// server is one column: a program at two addresses.
type server struct {
	name  string
	at    [2]*process // without and with TLS
	token string      // header line with its token; that of the first index for servers that check none
}

// warm measures warm pages of 20 files with a token, while requests are logged, beside the bare handler and nginx. The
// processor time of a request is that of the server alone, so other work on the machine changes it little.
func warm(ctx context.Context, args []string) error {
	s, err := parseWarm(args)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "index-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	w := &warmth{warmSettings: s, dir: dir, wants: func(r warmRow) bool {
		return s.only.MatchString(r.Name + ", " + r.By)
	}}
	defer w.stop()
	rows, err := w.run(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n\n", machine())
	warmTable(os.Stdout, rows, w.names[0])
	return nil
}

type warmth struct {
	warmSettings
	wants     func(warmRow) bool
	dir       string
	cert, key string
	servers   []server
	all       []*process
	copies    *copies
}

func (w *warmth) stop() {
	for _, p := range w.all {
		p.stop()
	}
}

// run starts the servers and measures the selected rows.
func (w *warmth) run(ctx context.Context) ([]*row, error) {
	if err := w.prepare(ctx); err != nil {
		return nil, err
	}
	return w.measure(ctx)
}

func (w *warmth) prepare(ctx context.Context) (err error) {
	if w.cert, w.key, _, err = certificate(w.dir); err != nil {
		return err
	}
	if len(w.names) == 0 {
		path, err := build(ctx, w.dir)
		if err != nil {
			return err
		}
		w.names, w.programs["index"] = []string{"index"}, path
	}
	for i, name := range w.names {
		if err := w.index(ctx, name, i == 0); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return w.others(ctx)
}

// index starts one program with its own data.
func (w *warmth) index(ctx context.Context, name string, first bool) error {
	dir := filepath.Join(w.dir, fmt.Sprintf("index-%d", len(w.servers)))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	site, err := newSite(ctx, w.programs[name], dir, "", "")
	if err != nil {
		return err
	}
	site.env = append(site.env, "INDEX_LOG_LEVEL=info")
	plain, err := site.serve(ctx, "http", false)
	if err != nil {
		return err
	}
	w.all = append(w.all, plain)
	for n := range 20 {
		if err := site.put(ctx, plain, 20_000, wheel{demo, fmt.Sprintf("1.%d", n)}); err != nil {
			return err
		}
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	base := fmt.Sprintf("https://127.0.0.1:%d", port)
	env := append(site.env[:len(site.env):len(site.env)], fmt.Sprintf("INDEX_LISTEN=127.0.0.1:%d", port),
		"INDEX_TLS_CERT="+w.cert, "INDEX_TLS_KEY="+w.key, "INDEX_ACCESS_ANONYMOUS_READ=false")
	secure, err := startAt(ctx, "https", dir, base, "/healthz", env, site.binary, "serve")
	if err != nil {
		return err
	}
	w.all = append(w.all, secure)
	w.servers = append(w.servers, server{
		name: name, at: [2]*process{plain, secure}, token: basic("__token__", site.token),
	})
	if !first {
		return nil
	}
	w.copies = &copies{Dir: filepath.Join(w.dir, "copies")}
	if err := os.Mkdir(w.copies.Dir, 0o755); err != nil {
		return err
	}
	path := "/simple/" + demo + "/"
	return errors.Join(
		w.copies.add(ctx, site.reads(plain, path, asHTML, withGzip), path, "html"),
		w.copies.add(ctx, site.reads(plain, path, asJSON, withGzip), path, "json"))
}

// others starts the bare handler and nginx.
func (w *warmth) others(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	list, err := w.copies.save()
	if err != nil {
		return err
	}
	token := w.servers[0].token
	bare, front := server{name: "net/http", token: token}, server{name: "nginx", token: token}
	for i, scheme := range []string{"http", "https"} {
		port, err := freePort()
		if err != nil {
			return err
		}
		argv := []string{self, "bare", strconv.Itoa(port), list}
		if i == 1 {
			argv = append(argv, w.cert, w.key)
		}
		base := fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)
		if bare.at[i], err = startAt(ctx, "bare-"+scheme, w.dir, base, "/", []string{asCommand}, argv...); err != nil {
			return err
		}
		w.all = append(w.all, bare.at[i])
	}
	for i := range front.at {
		cert, key := w.cert, w.key
		if i == 0 {
			cert, key = "", ""
		}
		p, err := serveNginxTLS(ctx, w.dir, w.copies, cert, key)
		if err != nil {
			return err
		}
		if front.at[i] = p; p != nil {
			w.all = append(w.all, p)
		}
	}
	w.servers = append(w.servers, bare)
	if front.at[0] != nil {
		w.servers = append(w.servers, front)
	}
	return nil
}

// warmRow is a page as one client reads it in one way.
type warmRow struct {
	*row
	transport
	page copied
	held bool // with the ETag, for a 304
}

// selected returns the rows to measure.
func (w *warmth) selected() (all []warmRow) {
	for _, t := range transports {
		for _, k := range w.copies.All {
			for _, held := range []bool{false, true} {
				for _, tool := range t.tools {
					r := warmRow{&row{Name: warmName(k.Form, held, t), Unit: "/s", By: tool}, t, k, held}
					if w.wants(r) {
						all = append(all, r)
					}
				}
			}
		}
	}
	return all
}

func warmName(form string, held bool, t transport) string {
	name := strings.ToUpper(form)
	if held {
		name += ", 304"
	}
	return name + ", " + t.name
}

// measure measures requests a second and microseconds of processor time a request.
func (w *warmth) measure(ctx context.Context) (rows []*row, err error) {
	for _, r := range w.selected() {
		if err := w.measureRow(ctx, r); err != nil {
			return nil, err
		}
		rows = append(rows, r.row)
	}
	return rows, nil
}

func (w *warmth) measureRow(ctx context.Context, r warmRow) error {
	fmt.Fprintf(os.Stderr, "%s, %s\n", r.Name, r.By)
	r.Cost = &row{Name: r.Name, Unit: "µs", By: r.By}
	for range w.rounds {
		for _, s := range w.servers {
			if err := w.sample(ctx, r, s); err != nil {
				return fmt.Errorf("%s, %s: %s: %w", r.Name, r.By, s.name, err)
			}
		}
	}
	for _, p := range w.all {
		_ = os.Truncate(p.log, 0) // requests are logged
	}
	return nil
}

func (w *warmth) sample(ctx context.Context, r warmRow, s server) error {
	p := s.at[0]
	if r.tls {
		p = s.at[1]
	}
	header := []string{asHTML, withGzip, s.token}
	if r.page.Form == "json" {
		header[0] = asJSON
	}
	if r.held {
		header = append(header, "If-None-Match: "+r.page.ETag)
	}
	if r.fresh && r.By == byWrk {
		header = append(header, "Connection: close")
	}
	j := job{Target: target{URL: p.base + r.page.Path, Header: header}, Conns: 32, For: w.each}
	read := j.read
	switch r.By {
	case byOwn:
		j.Reading = &reading{HTTP2: r.http2, Fresh: r.fresh}
		read = j.readOwn
	case byH2load:
		read = func(ctx context.Context) (tally, error) { return j.readH2load(ctx, r.http2) }
	}
	before := p.cpu()
	done, err := read(ctx)
	if err != nil {
		return err
	}
	r.add(s.name, done.rate())
	r.Cost.add(s.name, float64((p.cpu()-before).Microseconds())/float64(done.Requests))
	return nil
}

// warmTable prints a line for each row: requests a second of each server, processor time of a request, and both as
// ratios of one server to the bare handler.
func warmTable(to io.Writer, rows []*row, name string) {
	if len(rows) == 0 {
		return
	}
	columns := rows[0].Columns
	fmt.Fprint(to, "| page | client |")
	for _, c := range columns {
		fmt.Fprintf(to, " %s, /s |", c)
	}
	for _, c := range columns {
		fmt.Fprintf(to, " %s, µs |", c)
	}
	fmt.Fprintf(to, " %[1]s to net/http | net/http to %[1]s, µs |\n|---|---|%s---|---|\n", name,
		strings.Repeat("---|", 2*len(columns)))
	for _, r := range rows {
		fmt.Fprintf(to, "| %s | %s |", r.Name, r.By)
		for _, c := range columns {
			fmt.Fprintf(to, " %s |", r.cell(c))
		}
		for _, c := range columns {
			fmt.Fprintf(to, " %s |", number(median(r.Cost.Samples[c])))
		}
		fmt.Fprintf(to, " %.2f | %.2f |\n", r.between(name, "net/http"), r.Cost.between("net/http", name))
	}
}
