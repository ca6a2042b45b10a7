package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// site is an index under test: the program, its data and its settings.
type site struct {
	binary, dir string
	env         []string
	token       string
}

// build compiles the program like a release. It works only inside this module, as "go run ./bench" does.
func build(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "index")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "pyindex/cmd/index")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	return path, compile(cmd)
}

// buildUpstream compiles the local upstream with the flags of "go test", so that tests share its packages.
func buildUpstream(ctx context.Context, dir string) (string, error) {
	path := filepath.Join(dir, "upstream")
	return path, compile(exec.CommandContext(ctx, "go", "build", "-o", path, "pyindex/internal/upstream/upstreamtest/serve"))
}

// compile runs a go build. Its error has what the build printed.
func compile(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// newSite creates an administrator with a token. The database may already contain data.
func newSite(ctx context.Context, binary, dir, databaseURL, storageURL string) (*site, error) {
	s := &site{
		binary: binary, dir: dir, env: []string{
			"INDEX_DATA_DIR=" + filepath.Join(dir, "data"), "INDEX_LOG_LEVEL=warn",
			"INDEX_LIMITS_CONNECTIONS_PER_ADDRESS=0", // all clients have one address
		},
	}
	if databaseURL != "" {
		s.env = append(s.env, "INDEX_DATABASE_URL="+databaseURL)
	}
	if storageURL != "" {
		s.env = append(s.env, "INDEX_STORAGE_URL="+storageURL)
	}
	_, err := s.admin(ctx, "user", "add", "bench", "--admin")
	if err != nil && !strings.Contains(err.Error(), "exists") { // the database was measured before
		return nil, err
	}
	s.token, err = s.admin(ctx, "token", "create", "--user", "bench", "--scope", "upload", "--expires", "24h")
	return s, err
}

// admin runs a command of the program and returns its output.
func (s *site) admin(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = append(os.Environ(), s.env...)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("index %s: %w: %s", strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// serve starts a server on the site, with more arguments of "index serve". Several may run at once.
func (s *site) serve(ctx context.Context, name string, anonymous bool, args ...string) (*process, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	env := append(s.env[:len(s.env):len(s.env)], fmt.Sprintf("INDEX_LISTEN=127.0.0.1:%d", port),
		fmt.Sprintf("INDEX_ACCESS_ANONYMOUS_READ=%t", anonymous))
	return start(ctx, name, s.dir, port, "/healthz", env,
		append([]string{s.binary, "serve"}, args...)...)
}

// uploads returns the upload URL of a server, with the token.
func (s *site) uploads(p *process) target {
	return target{URL: p.base + "/legacy/", User: "__token__", Secret: s.token}
}

// reads returns a URL of a server, with the token.
func (s *site) reads(p *process, path string, header ...string) target {
	return target{URL: p.base + path, User: "__token__", Secret: s.token, Header: header}
}

// put uploads wheels of size bytes, one after another.
func (s *site) put(ctx context.Context, p *process, size int, all ...wheel) error {
	for _, w := range all {
		if err := upload(ctx, http.DefaultClient, s.uploads(p), w, size); err != nil {
			return err
		}
	}
	return nil
}
