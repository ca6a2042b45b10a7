package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// caches starts the installed caches in front of an upstream: nginx, proxpi and devpi. Each column reads the page of
// the generated project.
func (b *through) caches(ctx context.Context, up *process) (columns []column, err error) {
	peers := &bench{settings: settings{peers: b.peers}, dir: b.dir}
	for _, start := range []func(context.Context, *bench, *process) (*process, string, error){
		b.nginxCache, b.proxpiCache, b.devpiMirror,
	} {
		p, path, err := start(ctx, peers, up)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		b.all = append(b.all, p)
		name := strings.TrimSuffix(filepath.Base(p.log), ".log")
		columns = append(columns, column{name: name, process: p, at: func(string, ...string) target {
			return target{URL: p.base + path, Header: []string{asJSON}}
		}})
	}
	return columns, nil
}

// nginxCache is proxy_cache in front of the upstream. It looks at no digest and rewrites no link.
func (b *through) nginxCache(ctx context.Context, _ *bench, up *process) (*process, string, error) {
	binary := nginxProgram()
	if binary == "" {
		return nil, "", nil
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	dir := filepath.Join(b.dir, "nginx-cache")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, "", err
	}
	if os.Getuid() == 0 { // its workers are another user, who writes the cache
		for _, d := range []string{b.dir, dir} {
			if err := os.Chmod(d, 0o777); err != nil {
				return nil, "", err
			}
		}
	}
	text := fmt.Sprintf(`worker_processes auto;
pid %[1]s/nginx.pid;
events { worker_connections 1024; }
http {
	access_log off; keepalive_requests 1000000000;
	client_body_temp_path %[1]s/n1; proxy_temp_path %[1]s/n2; fastcgi_temp_path %[1]s/n3;
	uwsgi_temp_path %[1]s/n4; scgi_temp_path %[1]s/n5;
	proxy_cache_path %[1]s/cache keys_zone=pages:10m;
	server {
		listen 127.0.0.1:%[2]d;
		location / { proxy_pass %[3]s; proxy_cache pages; proxy_cache_valid 200 10m; }
	}
}
`, dir, port, up.base)
	path := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return nil, "", err
	}
	p, err := start(ctx, "nginx proxy_cache", b.dir, port, "/simple/generated-0/", nil, binary, "-c", path, "-e",
		filepath.Join(dir, "error.log"), "-g", "daemon off;")
	return p, "/simple/generated-0/", err
}

func (b *through) proxpiCache(ctx context.Context, _ *bench, up *process) (*process, string, error) {
	binary := proxpiIn(b.peers)
	if binary == "" {
		return nil, "", nil
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	p, err := start(ctx, "proxpi", b.dir, port, "/index/generated-0/",
		[]string{"PROXPI_INDEX_URL=" + up.base + "/simple/"},
		binary, "-b", "127.0.0.1:"+fmt.Sprint(port), "--threads", "16", "proxpi.server:app")
	return p, "/index/generated-0/", err
}

func (b *through) devpiMirror(ctx context.Context, peers *bench, up *process) (*process, string, error) {
	binary, prepare := peers.program("devpi-server"), peers.program("devpi-init")
	if binary == "" || prepare == "" {
		return nil, "", nil
	}
	dir := filepath.Join(b.dir, "devpi")
	if out, err := exec.CommandContext(ctx, prepare, "--serverdir", dir, "--no-root-pypi", "--root-passwd",
		devpiSecret).CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("devpi-init: %w\n%s", err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, "", err
	}
	p, err := start(ctx, "devpi mirror", b.dir, port, "/+api", nil, binary, "--serverdir", dir, "--host", "127.0.0.1",
		"--port",
		fmt.Sprint(port))
	if err != nil {
		return nil, "", err
	}
	err = makeDevpi(ctx, p.base, map[string]any{"type": "mirror", "mirror_url": up.base + "/simple/", "volatile": true})
	if err != nil {
		p.stop()
		return nil, "", err
	}
	return p, devpiIndex + "+simple/generated-0/", nil
}
