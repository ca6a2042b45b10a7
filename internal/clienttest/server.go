package clienttest

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
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

// Options configures a server. The zero value is plain HTTP with a fresh data directory.
type Options struct {
	DataDir string   // default: a temporary folder
	Args    []string // additional arguments of "index serve"
	Env     []string // additional environment, also for the administrator's commands
	TLS     bool     // --tls-self-signed, with Server.CA filled in
	Race    bool     // the program with the race detector
	Host    string   // host name of 127.0.0.1 in the base URL; the address itself if empty

	OwnStores bool // Env and DataDir configure database and store; BackendVariable is ignored
}

// Server is one running "index serve".
type Server struct {
	URL     string // scheme, host and port, no trailing slash
	DataDir string
	CA      string       // with TLS: path of the certificate that clients must trust
	HTTP    *http.Client // trusts CA

	t       testing.TB
	opts    Options
	address string
	cmd     *exec.Cmd
	ended   chan struct{}
	mu      sync.Mutex
	log     bytes.Buffer
}

// Serve starts a server and waits until it responds. When t ends, the server is stopped with SIGTERM and must exit with
// status 0. If t failed, the server's log is added to t's log.
func Serve(t testing.TB, o Options) *Server {
	t.Helper()
	if o.DataDir == "" {
		o.DataDir = filepath.Join(t.TempDir(), "data")
	}
	s := &Server{t: t, opts: o, DataDir: o.DataDir, address: freeAddress(t), HTTP: &http.Client{Timeout: time.Minute}}
	if !o.OwnStores {
		s.opts.Env = append(Backend(t), s.opts.Env...)
	}
	_, port, _ := net.SplitHostPort(s.address)
	s.URL = "http://" + net.JoinHostPort(cmp.Or(o.Host, "127.0.0.1"), port)
	if o.TLS {
		s.URL = "https" + strings.TrimPrefix(s.URL, "http")
	}
	t.Cleanup(s.end)
	s.Start()
	return s
}

// freeAddress returns an unused loopback address. Another process may take the port before the server does. The start
// then fails visibly, but this has not been observed.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// Start starts the server again after Stop or Kill, with the same address and data.
func (s *Server) Start() {
	s.t.Helper()
	args := []string{"serve", "--listen", s.address, "--data-dir", s.DataDir, "--base-url", s.URL}
	if s.opts.TLS {
		args = append(args, "--tls-self-signed")
	}
	s.cmd = exec.Command(Binary(s.t, s.opts.Race), append(args, s.opts.Args...)...)
	s.cmd.Env = append(bareEnv(s.t.TempDir()), s.opts.Env...)
	s.cmd.Stdout, s.cmd.Stderr = s, s
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(s.cmd, s.ended)
	s.await()
}

// await polls /healthz until the server responds, exits, or half a minute has passed.
func (s *Server) await() {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		select {
		case <-s.ended:
			s.t.Fatalf("index serve ended at once: %v\n%s", s.cmd.ProcessState, s.Log())
		default:
		}
		if s.healthy() {
			return
		}
	}
	s.t.Fatalf("index serve does not answer at %s\n%s", s.URL, s.Log())
}

func (s *Server) healthy() bool {
	if s.opts.TLS && s.trust() != nil {
		return false
	}
	r, err := s.HTTP.Get(s.URL + "/healthz")
	if err != nil {
		return false
	}
	_ = r.Body.Close()
	return r.StatusCode == http.StatusOK
}

// trust finds the certificate authority that the server wrote into its data directory, a self-signed certificate.
func (s *Server) trust() error {
	if s.CA != "" {
		return nil
	}
	path, pem, err := findAuthority(s.DataDir)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	s.HTTP.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	s.CA = path
	return nil
}

// Write collects the server's log.
func (s *Server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

// Log returns everything that the server has written to standard output and error so far.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// PID returns the server's process id, for measuring.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop stops the server with SIGTERM and fails the test unless it drains within half a minute and exits with status 0.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.signal(syscall.SIGTERM); err != nil {
		s.t.Errorf("stopping index serve: %v\n%s", err, s.Log())
		return
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		s.t.Errorf("index serve after SIGTERM: exit status %d, want 0\n%s", code, s.Log())
	}
}

// Kill stops the server as a power failure would: it runs no cleanup.
func (s *Server) Kill() {
	s.t.Helper()
	if err := s.signal(syscall.SIGKILL); err != nil {
		s.t.Fatal(err)
	}
}

// signal sends sig and waits for the exit. A process that does not exit is killed, so that nothing outlives the test.
func (s *Server) signal(sig syscall.Signal) error {
	_ = s.cmd.Process.Signal(sig)
	select {
	case <-s.ended:
		return nil
	case <-time.After(30 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.ended
		return fmt.Errorf("still running 30 s after %v", sig)
	}
}

func (s *Server) running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

func (s *Server) end() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	if s.running() {
		s.Stop()
	}
	if s.t.Failed() {
		s.t.Logf("log of index serve:\n%s", s.Log())
	}
}

// findAuthority searches a PEM certificate whose file name contains "ca". The keys beside it are not certificates.
func findAuthority(dir string) (path string, pem []byte, err error) {
	err = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		// a file that is still being written ends in .new
		if err != nil || d.IsDir() || !strings.Contains(d.Name(), "ca") || strings.HasSuffix(d.Name(), ".new") || path != "" {
			return err
		}
		b, err := os.ReadFile(p)
		if err == nil && bytes.Contains(b, []byte("BEGIN CERTIFICATE")) {
			path, pem = p, b
		}
		return err
	})
	if err == nil && path == "" {
		err = fmt.Errorf("no certificate authority below %s", dir)
	}
	return path, pem, err
}
