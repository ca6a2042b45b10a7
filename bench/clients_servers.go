package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// source is an index that clients install from.
type source struct {
	name    string
	through bool // it fetches pages and files from the static index; each start begins without any
	// start returns the URL of the simple pages, with a token if one is necessary.
	start func(ctx context.Context, secure bool) (url string, stop func(), err error)
}

const ownIndex = "index"

// sources starts the installed indexes that hold the packages themselves, and returns all sources.
func (b *clientBench) sources(ctx context.Context) (all []source, err error) {
	if err := b.startStatic(ctx); err != nil {
		return nil, err
	}
	for _, c := range []struct {
		name string
		make func(context.Context) (*source, error)
	}{
		{ownIndex, b.ownSource},
		{"index through an upstream", b.throughSource},
		{"nginx, static pages", b.staticSource},
		{"devpi-server", b.devpiSource},
		{"pypiserver", b.pypiserverSource},
		{"proxpi", b.proxpiSource},
	} {
		if !b.rows.MatchString(c.name) {
			continue
		}
		s, err := c.make(ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		if s == nil {
			fmt.Fprintf(os.Stderr, "%s is not installed: see -peers\n", c.name)
			continue
		}
		s.name = c.name
		all = append(all, *s)
	}
	return all, nil
}

// running is a source whose servers run already, at one URL without and one with TLS.
func running(plain, secure string) *source {
	return &source{start: func(_ context.Context, tls bool) (string, func(), error) {
		if tls {
			return secure, func() {}, nil
		}
		return plain, func() {}, nil
	}}
}

func (b *clientBench) folder() (string, error) {
	b.count++
	dir := filepath.Join(b.dir, fmt.Sprint(b.count))
	return dir, os.Mkdir(dir, 0o755)
}

// serveIndex starts this index on a site.
func (b *clientBench) serveIndex(ctx context.Context, s *site, secure bool, args ...string) (*process, string, error) {
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	name, scheme := "http", "http"
	env := append(s.env[:len(s.env):len(s.env)], fmt.Sprintf("INDEX_LISTEN=127.0.0.1:%d", port),
		"INDEX_ACCESS_ANONYMOUS_READ=false", "INDEX_LOG_LEVEL=info")
	if secure {
		name, scheme = "https", "https"
		env = append(env, "INDEX_TLS_CERT="+b.cert, "INDEX_TLS_KEY="+b.key)
	}
	base := fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)
	p, err := startAt(ctx, name, s.dir, base, "/healthz", env, append([]string{s.binary, "serve"}, args...)...)
	return p, fmt.Sprintf("%s://__token__:%s@127.0.0.1:%d/simple/", scheme, s.token, port), err
}

func (b *clientBench) newSite(ctx context.Context) (*site, error) {
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	return newSite(ctx, b.binary, dir, "", "")
}

// ownSource is this index with the packages uploaded to it, two servers on one site.
func (b *clientBench) ownSource(ctx context.Context) (*source, error) {
	s, err := b.newSite(ctx)
	if err != nil {
		return nil, err
	}
	var urls [2]string
	for i := range schemes {
		p, url, err := b.serveIndex(ctx, s, i == 1)
		if err != nil {
			return nil, err
		}
		urls[i], b.all = url, append(b.all, p)
		if i == 0 {
			if err := b.fill(ctx, s.uploads(p)); err != nil {
				return nil, err
			}
		}
	}
	return running(urls[0], urls[1]), nil
}

// fill uploads the packages.
func (b *clientBench) fill(ctx context.Context, to target) error {
	j := job{Target: to, Conns: 1} // devpi-server refuses some of several at once on a busy machine
	for _, f := range b.graph.files {
		j.Wheels = append(j.Wheels,
			wheelJob{Project: f.project, Version: f.version, Path: b.graph.path(f.wheel), Sum: f.sum})
	}
	_, err := j.run(ctx)
	return err
}

// throughSource is this index without packages of its own, and the static index as its upstream.
func (b *clientBench) throughSource(context.Context) (*source, error) {
	return &source{through: true, start: func(ctx context.Context, secure bool) (string, func(), error) {
		s, err := b.newSite(ctx)
		if err != nil {
			return "", nil, err
		}
		p, url, err := b.serveIndex(ctx, s, secure, "--upstream", b.static.base+"/simple/", "--upstream-allow-private")
		return url, p.stop, err
	}}, nil
}

// startStatic starts nginx with the static pages.
func (b *clientBench) startStatic(ctx context.Context) (err error) {
	b.static, err = b.serveStatic(ctx, false)
	if err == nil {
		b.all = append(b.all, b.static)
	}
	return err
}

func (b *clientBench) serveStatic(ctx context.Context, secure bool) (*process, error) {
	text := "root " + b.dir + "/static; index index.html; types { text/html html; } default_type application/octet-stream;"
	return b.nginx(ctx, secure, text, "/simple/"+b.graph.root+"/")
}

func (b *clientBench) staticSource(ctx context.Context) (*source, error) {
	p, err := b.serveStatic(ctx, true)
	if err != nil {
		return nil, err
	}
	b.all = append(b.all, p)
	return running(b.static.base+"/simple/", p.base+"/simple/"), nil
}

// nginx starts nginx with the statements of one server, with or without TLS.
func (b *clientBench) nginx(ctx context.Context, secure bool, server, path string) (*process, error) {
	binary := nginxProgram()
	if binary == "" {
		return nil, errors.New("nginx is not installed")
	}
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	user, listen, base := "", "listen "+address+";", "http://"+address
	if os.Getuid() == 0 {
		user = "user root;"
	}
	if secure {
		base = "https://" + address
		listen = fmt.Sprintf("listen %s ssl http2; ssl_certificate %s; ssl_certificate_key %s;", address, b.cert, b.key)
	}
	text := fmt.Sprintf(`%[1]s worker_processes auto; pid %[2]s/nginx.pid;
events { worker_connections 1024; }
http {
	access_log off; sendfile on; tcp_nopush on;
	client_body_temp_path %[2]s/n1; proxy_temp_path %[2]s/n2; fastcgi_temp_path %[2]s/n3;
	uwsgi_temp_path %[2]s/n4; scgi_temp_path %[2]s/n5;
	server { %[3]s %[4]s }
}
`, user, dir, listen, server)
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return startAt(ctx, "nginx", dir, base, path, nil, binary, "-c", config, "-e", filepath.Join(dir, "error.log"), "-g",
		"daemon off;")
}

// behind starts nginx with TLS in front of a server that has none.
func (b *clientBench) behind(ctx context.Context, p *process) (*process, error) {
	return b.nginx(ctx, true, fmt.Sprintf(`location / {
		proxy_pass %s; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
		proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Outside-URL https://$http_host;
	}`, p.base), "/")
}

// peer is a source of another index, which runs already, with nginx in front of it for TLS.
func (b *clientBench) peer(ctx context.Context, p *process, simple string) (*source, error) {
	b.all = append(b.all, p)
	front, err := b.behind(ctx, p)
	if err != nil {
		return nil, err
	}
	b.all = append(b.all, front)
	return running(p.base+simple, front.base+simple), nil
}

func (b *clientBench) devpiSource(ctx context.Context) (*source, error) {
	server, prepare := programIn(b.peers, "devpi-server"), programIn(b.peers, "devpi-init")
	if server == "" || prepare == "" {
		return nil, nil
	}
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	p, err := runDevpi(ctx, dir, server, prepare)
	if err != nil {
		return nil, err
	}
	s, err := b.peer(ctx, p, devpiIndex+"+simple/")
	if err != nil {
		return nil, err
	}
	return s, b.fill(ctx, target{URL: p.base + devpiIndex, User: devpiUser, Secret: devpiSecret})
}

func (b *clientBench) pypiserverSource(ctx context.Context) (*source, error) {
	binary := programIn(b.peers, "pypi-server")
	if binary == "" {
		return nil, nil
	}
	dir, err := b.folder()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	packages := filepath.Join(dir, "packages")
	if err := os.Mkdir(packages, 0o755); err != nil {
		return nil, err
	}
	p, err := start(ctx, "pypiserver", dir, port, "/", nil, binary, "run", "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-a",
		".", "-P", ".", "--disable-fallback", packages)
	if err != nil {
		return nil, err
	}
	s, err := b.peer(ctx, p, "/simple/")
	if err != nil {
		return nil, err
	}
	return s, b.fill(ctx, target{URL: p.base + "/", User: "bench", Secret: "bench"})
}

// proxpiSource is proxpi in front of the static index, as its documentation starts it.
func (b *clientBench) proxpiSource(ctx context.Context) (*source, error) {
	binary := proxpiIn(b.peers)
	if binary == "" {
		return nil, nil
	}
	return &source{through: true, start: func(ctx context.Context, secure bool) (string, func(), error) {
		dir, err := b.folder()
		if err != nil {
			return "", nil, err
		}
		port, err := freePort()
		if err != nil {
			return "", nil, err
		}
		env := []string{"PROXPI_INDEX_URL=" + b.static.base + "/simple/", "TMPDIR=" + dir, "NO_PROXY=127.0.0.1"}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		p, err := start(ctx, "proxpi", dir, port, "/", env, binary, "-b", address, "--threads", "16", "proxpi.server:app")
		if err != nil || !secure {
			return "http://" + address + "/index/", p.stop, err
		}
		front, err := b.behind(ctx, p)
		if err != nil {
			p.stop()
			return "", nil, err
		}
		return front.base + "/index/", func() { front.stop(); p.stop() }, nil
	}}, nil
}
