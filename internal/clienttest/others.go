package clienttest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Devpi returns the real devpi-server with its client, for imports.
func Devpi(t testing.TB) *Client { t.Helper(); return client(t, "devpi") }

// PyPIServer returns the real pypiserver, for imports.
func PyPIServer(t testing.TB) *Client { t.Helper(); return client(t, "pypiserver") }

// Bandersnatch returns the real bandersnatch. See Mirror.
func Bandersnatch(t testing.TB) *Client { t.Helper(); return client(t, "bandersnatch") }

// Program runs another program of the client's environment in dir.
func (c *Client) Program(t testing.TB, dir, program string, args ...string) Result {
	t.Helper()
	return run(t, dir, c.env, filepath.Join(c.dir, "bin", program), args...)
}

// Background runs a server of the client's environment until t ends, and returns its URL without a final slash as soon
// as path answers. "PORT" in an argument stands for a free port of 127.0.0.1.
func (c *Client) Background(t testing.TB, dir, path, program string, args ...string) string {
	t.Helper()
	address := freeAddress(t)
	_, port, _ := net.SplitHostPort(address)
	filled := make([]string, len(args))
	for i, a := range args {
		filled[i] = strings.ReplaceAll(a, "PORT", port)
	}
	cmd := exec.Command(filepath.Join(c.dir, "bin", program), filled...)
	out := &output{}
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, c.env, out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-ended
		if t.Failed() {
			t.Logf("%s:\n%s", program, out)
		}
	})
	at := "http://" + address
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("%s ended at once", program)
		default:
		}
		if r, err := http.Get(at + path); err == nil {
			_ = r.Body.Close()
			if r.StatusCode < http.StatusInternalServerError {
				return at
			}
		}
	}
	t.Fatalf("%s does not answer", program)
	return ""
}

// output collects what a program writes.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to the output.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns the output so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// mirrorConfig is the configuration of a mirror by bandersnatch of an index that anybody may read.
const mirrorConfig = `[mirror]
directory = %s
master = %s
allow-non-https = true
api-method = simple
json = true
simple-format = ALL
hash-index = false
timeout = 20
workers = 2
stop-on-error = true
compare-method = hash
`

// Mirror mirrors an index that anybody may read into dir with the real bandersnatch, as far as the mirror in dir is
// behind. It returns the path of its configuration. master is the URL of the index without "/simple/". Run Mirror again
// to see what a mirror makes of a change.
func Mirror(t testing.TB, master, dir string) (config string) {
	t.Helper()
	config = filepath.Join(t.TempDir(), "bandersnatch.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, mirrorConfig, dir, master), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	Bandersnatch(t).Run(t, dir, "-c", config, "mirror").OK(t)
	return config
}
