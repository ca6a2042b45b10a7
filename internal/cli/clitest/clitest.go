// Package clitest runs an administrator's commands in tests.
package clitest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"pyindex/internal/cli"
	"pyindex/internal/cli/projects"
	"pyindex/internal/cli/publishing"
	"pyindex/internal/config"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/terminal"
)

type program struct {
	config.Config
	Serve     struct{}             `cmd:""`
	Upload    projects.Upload      `cmd:""`
	Publisher publishing.Publisher `cmd:""`
}

func parse(t testing.TB, args []string) (*program, *kong.Context) {
	t.Helper()
	p := new(program)
	publishing.SetKinds(&p.Publisher, new(publishing.Reader))
	k, err := kong.New(p, config.KongOptions())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := k.Parse(args)
	if err != nil {
		t.Fatalf("index %q: %v", args, err)
	}
	return p, parsed
}

// Parse fails the test unless the arguments are a valid command line of index publisher or index upload.
func Parse(t testing.TB, args ...string) {
	t.Helper()
	parse(t, args)
}

// Config returns the settings of index serve with the given flags.
func Config(t testing.TB, flags ...string) *config.Config {
	t.Helper()
	p, _ := parse(t, append([]string{"serve"}, flags...))
	return &p.Config
}

// Run runs index upload or index publisher and returns its output. It fails the test unless the exit status is status.
func Run(t testing.TB, status int, args ...string) (out, errs string) {
	t.Helper()
	p, parsed := parse(t, args)
	var o, e bytes.Buffer
	s := cli.Session{
		Session: terminal.Session{Ctx: t.Context(), In: strings.NewReader(""), Out: &o, Errs: &e}, Config: &p.Config,
	}
	got := 0
	if err := parsed.Run(&s, &s.Session); err != nil {
		terminal.Complain(&e, err)
		got = 1
	}
	if got != status {
		t.Fatalf("index %q ended with %d, want %d: %s%s", args, got, status, &o, &e)
	}
	return o.String(), e.String()
}

// Wheel writes a wheel of a project to a temporary folder and returns its path.
func Wheel(t testing.TB, project string) string {
	t.Helper()
	w := packagingtest.Wheel(project, "1.0", "")
	path := filepath.Join(t.TempDir(), w.Name)
	if err := os.WriteFile(path, w.Bytes, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
