package main

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
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
	tool  string // wrk or h2load
	fresh bool   // a new connection for each request
}

var transports = []transport{
	{name: "HTTP", tool: "wrk"},
	{name: "TLS, HTTP/1.1", tls: true, tool: "wrk"},
	{name: "TLS, HTTP/2", tls: true, tool: "h2load"},
	{name: "a connection for each request", tool: "wrk", fresh: true},
	{name: "TLS, a connection for each request", tls: true, tool: "wrk", fresh: true},
}

// server is one column: a program at two addresses.
type server struct {
	name   string
	token  string
	at     [2]*process // without and with TLS
	header []string
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
	w := &warmth{warmSettings: s, dir: dir}
	err = w.run(ctx)
	for _, p := range w.all {
		p.stop()
	}
	return err
}

type warmth struct {
	warmSettings
	dir       string
	cert, key string
	servers   []server
	all       []*process
	copies    *copies
}

func (w *warmth) run(ctx context.Context) (err error) {
	if w.cert, w.key, err = certificate(w.dir); err != nil {
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
	if err := w.others(ctx); err != nil {
		return err
	}
	return w.measure(ctx)
}

// index starts one program with its own data.
func (w *warmth) index(ctx context.Context, name string, first bool) error {
	dir := filepath.Join(w.dir, name)
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
	token := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("__token__:"+site.token))
	w.servers = append(w.servers, server{name: name, at: [2]*process{plain, secure}, header: []string{token}})
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
	bare, front := server{name: "net/http"}, server{name: "nginx"}
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

// measure prints a line for each row and server: requests a second, and microseconds of processor time a request.
func (w *warmth) measure(ctx context.Context) error {
	fmt.Printf("%s\n\n| what | unit |", machine())
	for _, s := range w.servers {
		fmt.Printf(" %s |", s.name)
	}
	fmt.Printf(" %s to net/http |\n|---|---|%s---|\n", w.names[0], strings.Repeat("---|", len(w.servers)))
	for _, t := range transports {
		for i, k := range w.copies.All {
			for _, held := range []bool{false, true} {
				name := strings.ToUpper(k.Form)
				if held {
					name += ", 304"
				}
				if name += ", " + t.name; !w.only.MatchString(name) {
					continue
				}
				if err := w.row(ctx, name, t, w.copies.All[i], held); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	return nil
}

func (w *warmth) row(ctx context.Context, name string, t transport, k copied, held bool) error {
	rates, costs := &row{Name: name, Unit: "/s"}, &row{Name: name, Unit: "µs"}
	for range w.rounds {
		for _, s := range w.servers {
			p := s.at[0]
			if t.tls {
				p = s.at[1]
			}
			header := append([]string{asHTML, withGzip}, s.header...)
			if k.Form == "json" {
				header[0] = asJSON
			}
			if held {
				header = append(header, "If-None-Match: "+k.ETag)
			}
			if t.fresh {
				header = append(header, "Connection: close")
			}
			j := job{Target: target{URL: p.base + k.Path, Header: header}, Conns: 32, For: w.each}
			read := j.read
			if t.tool == "h2load" {
				read = j.readHTTP2
			}
			before := p.cpu()
			done, err := read(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			rates.add(s.name, done.rate())
			costs.add(s.name, float64((p.cpu()-before).Microseconds())/float64(done.Requests))
		}
	}
	for _, r := range []*row{rates, costs} {
		fmt.Printf("| %s | %s |", r.Name, r.Unit)
		for _, s := range w.servers {
			fmt.Printf(" %s |", r.cell(s.name))
		}
		fmt.Printf(" %.2f |\n", r.between(w.names[0], "net/http"))
	}
	return nil
}

var (
	h2Done   = regexp.MustCompile(`requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed`)
	h2Failed = regexp.MustCompile(`(\d+) 4xx, (\d+) 5xx`)
)

// readHTTP2 runs a job of reads with h2load: eight connections with a share of the requests at once on each.
func (j job) readHTTP2(ctx context.Context) (t tally, err error) {
	conns := min(8, j.Conns)
	args := []string{
		"-t", "2", "-c", strconv.Itoa(conns), "-m", strconv.Itoa(max(1, j.Conns/conns)), "-D",
		strconv.Itoa(int(max(time.Second, j.For).Seconds())),
	}
	for _, h := range j.Target.Header {
		args = append(args, "-H", h)
	}
	out, err := exec.CommandContext(ctx, "h2load", append(args, j.Target.URL)...).CombinedOutput()
	if err != nil {
		return t, fmt.Errorf("h2load: %w: %s", err, out)
	}
	done, failed := h2Done.FindSubmatch(out), h2Failed.FindSubmatch(out)
	if done == nil || failed == nil || string(done[3]) != "0" || string(failed[1]) != "0" || string(failed[2]) != "0" {
		return t, fmt.Errorf("h2load said %q", out)
	}
	t.Requests, err = strconv.Atoi(string(done[2]))
	t.Seconds = max(time.Second, j.For).Truncate(time.Second).Seconds()
	return t, err
}

// certificate writes a certificate for 127.0.0.1 and its key, and returns the paths of both files.
func certificate(dir string) (cert, key string, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(24 * time.Hour), IPAddresses: []net.IP{{127, 0, 0, 1}},
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, k.Public(), k)
	if err != nil {
		return "", "", err
	}
	private, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return cert, key, cmp.Or(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
}
