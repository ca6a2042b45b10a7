package issuertest

import (
	"crypto/rsa"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Options configure how an issuer is served.
type Options struct {
	Listen string // "host:port"; "" for a free port on 127.0.0.1
	Plain  bool   // http instead of https
}

// Issuer is a running issuer. It is safe for concurrent use.
type Issuer struct {
	URL string // the exact "iss" of its tokens

	server *httptest.Server

	mu       sync.Mutex
	keys     []key // the newest is last, and signs
	taken    []*rsa.PrivateKey
	counts   Counts
	failures map[Document]http.HandlerFunc
	job      map[string]any // claims of the job that requests a token
}

// Counts is the number of requests that an issuer received.
type Counts struct{ Discovery, Keys, Token int }

// New returns an issuer that is closed at the end of the test.
func New(t testing.TB, o Options) *Issuer {
	t.Helper()
	i, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

// Start serves an issuer until Close.
func Start(o Options) (*Issuer, error) {
	i := &Issuer{failures: map[Document]http.HandlerFunc{}}
	i.Rotate(false)
	i.server = httptest.NewUnstartedServer(i.routes())
	if o.Listen != "" {
		l, err := net.Listen("tcp", o.Listen)
		if err != nil {
			return nil, fmt.Errorf("starting an issuer: %w", err)
		}
		i.server.Listener.Close()
		i.server.Listener = l
	}
	if o.Plain {
		i.server.Start()
	} else {
		i.server.TLS = serverTLS()
		i.server.StartTLS()
	}
	i.URL = i.server.URL
	return i, nil
}

// Close stops the issuer immediately, even in the middle of a response.
func (i *Issuer) Close() {
	i.server.CloseClientConnections()
	i.server.Close()
	i.mu.Lock()
	defer i.mu.Unlock()
	giveBack(i.taken)
	i.taken = nil
}

// WriteCA writes the certificate that clients have to trust into a directory, and returns the file's name.
func (i *Issuer) WriteCA(dir string) (string, error) {
	name := filepath.Join(dir, "issuer-ca.pem")
	ca, _ := authority()
	block := &pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}
	return name, os.WriteFile(name, pem.EncodeToMemory(block), 0o600)
}

// CAFile is like WriteCA with a temporary directory of the test.
func (i *Issuer) CAFile(t testing.TB) string {
	t.Helper()
	name, err := i.WriteCA(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// Counts returns the number of requests so far.
func (i *Issuer) Counts() Counts {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.counts
}
