package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

type peer struct {
	name  string
	takes target // its upload URL; empty if it accepts no uploads
}

// program returns a peer's program in -peers or on PATH, or "" if it is not installed.
func (b *bench) program(name string) string {
	if path := programIn(b.peers, name); path != "" {
		return path
	}
	path, _ := exec.LookPath(name)
	return path
}

// programIn returns a program of one of the environments, which are separated by commas, or "".
func programIn(venvs, name string) string {
	for venv := range strings.SplitSeq(venvs, ",") {
		for _, path := range []string{filepath.Join(venv, "bin", name), filepath.Join(venv, name)} {
			if venv != "" && isFile(path) {
				return path
			}
		}
	}
	return ""
}

// proxpiIn returns the gunicorn of the environment that has proxpi, or "". proxpi is a module that gunicorn runs, so
// only its environment shows whether it is installed.
func proxpiIn(venvs string) string {
	for venv := range strings.SplitSeq(venvs, ",") {
		found, _ := filepath.Glob(filepath.Join(venv, "lib", "python*", "site-packages", "proxpi"))
		if path := filepath.Join(venv, "bin", "gunicorn"); venv != "" && len(found) > 0 && isFile(path) {
			return path
		}
	}
	return ""
}

// startPeers starts the installed peers, each with the project of 20 files, and leaves out the others.
func (b *bench) startPeers(ctx context.Context) error {
	for _, p := range []func(context.Context) error{b.startPypiserver, b.startDevpi, b.startProxpi} {
		if err := p(ctx); err != nil {
			return err
		}
	}
	return nil
}

// peersThatTake returns the started peers that accept uploads.
func (b *bench) peersThatTake() (out []peer) {
	for _, p := range b.started {
		if p.takes.URL != "" {
			out = append(out, p)
		}
	}
	return out
}

// join adds a column for a peer with its own path of pages, and uploads the project to it.
func (b *bench) join(ctx context.Context, p *process, name, simple string, takes target) error {
	b.all = append(b.all, p)
	if takes.URL != "" {
		for n := range 20 {
			if err := upload(ctx, bare, takes, wheel{demo, fmt.Sprintf("1.%d", n)}, 20_000); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	b.started = append(b.started, peer{name, takes})
	b.columns = append(b.columns, column{
		name: name, process: p,
		at:  func(_ string, h ...string) target { return target{URL: p.base + simple + demo + "/", Header: h} },
		has: func(path string) bool { return path == "/simple/"+demo+"/" },
	})
	return nil
}

func (b *bench) startPypiserver(ctx context.Context) error {
	binary := b.program("pypi-server")
	if binary == "" {
		return nil
	}
	dir := filepath.Join(b.dir, "pypiserver")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	p, err := start(ctx, "pypiserver", b.dir, port, "/", nil, binary, "run", "-i", "127.0.0.1", "-p", fmt.Sprint(port),
		"-a", ".", "-P", ".", dir)
	if err != nil {
		return err
	}
	return b.join(ctx, p, "pypiserver", "/simple/", target{URL: p.base + "/", User: "bench", Secret: "bench"})
}

// startProxpi puts the proxy in front of our own anonymous index.
func (b *bench) startProxpi(ctx context.Context) error {
	binary := proxpiIn(b.peers)
	if binary == "" {
		return nil
	}
	port, err := freePort()
	if err != nil {
		return err
	}
	env := []string{"PROXPI_INDEX_URL=" + b.open.base + "/simple/"}
	p, err := start(ctx, "proxpi", b.dir, port, "/index/"+demo+"/", env, binary, "-b", "127.0.0.1:"+fmt.Sprint(port),
		"--threads", "16", "proxpi.server:app")
	if err != nil {
		return err
	}
	return b.join(ctx, p, "proxpi", "/index/", target{})
}
