package clienttest

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// patience is the timeout of one command. Real clients on a busy machine are slow. The timeout is shorter than that of
// go test, so that a hang is reported with the command that caused it.
const patience = 5 * time.Minute

// Result is the outcome of a command.
type Result struct {
	Command        string
	Stdout, Stderr string
	Code           int
}

// Output returns all output, for searching sentences regardless of the stream. Clients wrap long lines at an assumed
// terminal width, so Output replaces every run of white space by one space.
func (r Result) Output() string {
	return strings.Join(strings.Fields(r.Stdout+"\n"+r.Stderr), " ")
}

// OK fails t unless the command exited with status 0.
func (r Result) OK(t testing.TB) Result {
	t.Helper()
	if r.Code != 0 {
		t.Fatalf("%s: exit status %d\n%s%s", r.Command, r.Code, r.Stdout, r.Stderr)
	}
	return r
}

// Refused fails t unless the command failed and printed each of the words.
func (r Result) Refused(t testing.TB, words ...string) Result {
	t.Helper()
	if r.Code == 0 {
		t.Fatalf("%s: exit status 0, want a refusal\n%s%s", r.Command, r.Stdout, r.Stderr)
	}
	r.Says(t, words...)
	return r
}

// Says marks t as failed for each of the words that the command did not print, ignoring case.
func (r Result) Says(t testing.TB, words ...string) Result {
	t.Helper()
	said := strings.ToLower(r.Output())
	for _, w := range words {
		if !strings.Contains(said, strings.ToLower(w)) {
			t.Errorf("%s: output lacks %q:\n%s%s", r.Command, w, r.Stdout, r.Stderr)
		}
	}
	return r
}

// run runs one command until it exits. The environment is exactly env.
func run(t testing.TB, dir string, env []string, name string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, &stdout, &stderr
	cmd.WaitDelay = 5 * time.Second // a grandchild may hold the pipes open after its parent was killed
	err := cmd.Run()
	r := Result{
		Command: strings.Join(append([]string{name}, args...), " "), Stdout: stdout.String(), Stderr: stderr.String(),
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("%s: still running after %v\n%s%s", r.Command, patience, r.Stdout, r.Stderr)
	case errors.As(err, &exit):
		r.Code = exit.ExitCode()
	case err != nil:
		t.Fatalf("%s: %v", r.Command, err)
	}
	return r
}
