package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"pyindex/internal/clienttest"
)

// TestExportServed: any web server can serve an export to installers, without a step in between.
func TestExportServed(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	files := append(clienttest.Sample(t, "setuptools", "1.0"), clienttest.Sample(t, "setuptools", "1.1")...)
	s.publish(t, append(files, clienttest.Sample(t, "hatch", "2.0")...)...)
	dir := filepath.Join(t.TempDir(), "export")
	s.Index("export", dir).OK(t).Says(t, "repository main: 2 projects, 6 files")
	s.Stop() // nothing is asked of it
	pip := clienttest.NewestPip(t)
	simple := serveFolder(t, pip.Interpreter(), dir) + "/main/simple/"
	for _, pip := range clienttest.Pips(t) {
		t.Run(pip.Name, func(t *testing.T) {
			target := t.TempDir()
			pip.Run(t, target, "install", "--target", target, "--index-url", simple, "acme-counter").OK(t)
			counts(t, pip, target)
			if got := installed(t, target); got != "1.1" {
				t.Errorf("%s installed acme-greeter %s, want the newest, 1.1", pip.Name, got)
			}
		})
	}
	t.Run("uv", func(t *testing.T) {
		uv, target := clienttest.UV(t), t.TempDir()
		uv.Run(t, target, "pip", "install", "--target", target, "--index-url", simple, "--python", pip.Interpreter(),
			"acme-counter").OK(t)
		counts(t, pip, target)
	})
}

// serveFolder serves a folder with Python's web server until the test ends, and returns its URL.
func serveFolder(t *testing.T, python, dir string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, python, "-m", "http.server", "--bind", "127.0.0.1", "--directory", dir, port)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop()
		cmd.Wait()
	})
	base := fmt.Sprintf("http://127.0.0.1:%s", port)
	for range 100 {
		answer, err := http.Get(base + "/main/simple/")
		if err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			return base
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("Python's web server does not answer")
	return ""
}
