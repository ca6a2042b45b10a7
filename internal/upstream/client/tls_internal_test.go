package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/upstream"
)

// caFile writes the certificate of a test server, which is its own authority.
func caFile(t *testing.T, s *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	b := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	write(t, path, string(b))
	return path
}

// write writes a file so that its time differs from before.
func write(t *testing.T, path, text string) {
	t.Helper()
	before := stampOf(path)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if !before.missing {
		at := time.Unix(0, before.modified).Add(time.Second)
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// authority is a certificate authority of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

var serials atomic.Int64

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), "ca.pem")}
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageCertSign, BasicConstraintsValid: true,
	}
	der, key := a.sign(t, a.cert)
	a.key = key
	write(t, a.file, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return a
}

// sign signs a certificate with the authority's key, or with the certificate's own if the authority has none yet.
func (a *authority) sign(t *testing.T, c *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer := a.key
	if signer == nil {
		signer = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// issue returns the PEM texts of a certificate and its key.
func (a *authority) issue(t *testing.T, name string, expires time.Time) (cert, key string) {
	t.Helper()
	der, k := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(serials.Add(1)), Subject: pkix.Name{CommonName: name},
		DNSNames: []string{name, "127.0.0.1"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: expires,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	})
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: b}))
}

// tlsServer starts a server that asks for a client certificate, and keeps the name on the last one.
func tlsServer(t *testing.T, handle http.HandlerFunc) (s *httptest.Server, seen func() string) {
	t.Helper()
	var last atomic.Value
	last.Store("")
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		last.Store("")
		if certs := r.TLS.PeerCertificates; len(certs) > 0 {
			last.Store(certs[0].Subject.CommonName)
		}
		handle(w, r)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, func() string { return last.Load().(string) }
}

func html(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, pageHTML)
}

// TestCAFile: an upstream with a certificate of its own authority is read with ca_file only, also after the file was
// replaced.
func TestCAFile(t *testing.T) {
	s, _ := tlsServer(t, html)
	u := local(s.URL)
	c := New(small())
	_, err := get(t, c, u)
	fails(t, "no ca_file", err, upstream.Wrong, "unknown authority")
	other := newAuthority(t)
	u.CAFile = other.file
	_, err = get(t, c, u)
	fails(t, "another authority", err, upstream.Wrong, "unknown authority")
	right, _ := os.ReadFile(caFile(t, s))
	write(t, other.file, string(right))
	if _, err := get(t, c, u); err != nil {
		t.Errorf("the file was replaced: %v", err)
	}
	write(t, other.file, "no certificate")
	_, err = get(t, c, u)
	fails(t, "no certificate", err, upstream.Silent, "ca_file")
	u.CAFile = "/nonexistent/ca.pem"
	_, err = get(t, c, u)
	fails(t, "no file", err, upstream.Silent, "ca_file")
}

// TestCertificateOfServer: a certificate that expired, or that is for another name, is refused.
func TestCertificateOfServer(t *testing.T) {
	a := newAuthority(t)
	for what, c := range map[string]struct {
		name    string
		expires time.Time
		word    string
	}{
		"expired":      {"upstream.example", time.Now().Add(-time.Hour), "expired"},
		"another name": {"other.example", time.Now().Add(time.Hour), "upstream.example"},
	} {
		cert, key := a.issue(t, c.name, c.expires)
		pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.HandlerFunc(html))
		s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
		s.StartTLS()
		defer s.Close()
		u := local("https://upstream.example:" + portOf(t, s.URL))
		u.CAFile = a.file
		client := New(small())
		client.o.Resolver, _ = resolving(t, [4]byte{127, 0, 0, 1})
		_, err = get(t, client, u)
		fails(t, what, err, upstream.Wrong, c.word)
	}
}

// TestClientCertificate: the certificate goes to the origin of the upstream only, and is read again after it changed.
func TestClientCertificate(t *testing.T) {
	a := newAuthority(t)
	files, seenByFiles := tlsServer(t, html)
	s, seen := tlsServer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, files.URL+"/foo-1.tar.gz", http.StatusFound)
		default:
			html(w, r)
		}
	})
	u := local(s.URL)
	dir := t.TempDir()
	u.CAFile, u.ClientCert, u.ClientKey = caFile(t, s), filepath.Join(dir, "cert"), filepath.Join(dir, "key")
	ca, _ := os.ReadFile(u.CAFile)
	more, _ := os.ReadFile(caFile(t, files))
	write(t, u.CAFile, string(ca)+string(more))
	c := New(small())
	_, err := get(t, c, u)
	fails(t, "no certificate", err, upstream.Wrong, "client_cert")
	cert, key := a.issue(t, "first", time.Now().Add(time.Hour))
	write(t, u.ClientCert, cert)
	write(t, u.ClientKey, key)
	if _, err := get(t, c, u); err != nil || seen() != "first" {
		t.Errorf("with a certificate: %v, the upstream saw %q", err, seen())
	}
	for _, at := range []string{files.URL + "/foo-1.tar.gz", s.URL + "/away"} {
		b, err := c.Open(t.Context(), u, at, 0)
		if err != nil || seenByFiles() != "" {
			t.Errorf("%s: %v, the other server saw %q", at, err, seenByFiles())
			continue
		}
		b.Close()
	}
	cert, key = a.issue(t, "second", time.Now().Add(time.Hour))
	write(t, u.ClientCert, cert)
	write(t, u.ClientKey, key)
	c.mu.Lock()
	for _, l := range c.links {
		for _, line := range l.lines {
			line.CloseIdleConnections()
		}
	}
	c.mu.Unlock()
	if _, err := get(t, c, u); err != nil || seen() != "second" {
		t.Errorf("with a new certificate: %v, the upstream saw %q", err, seen())
	}
}
