package tlsserve

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestAuthorityIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	now := time.Now()
	clock := func() time.Time { return now }
	serve := func(hosts ...string) (ca, cert string) {
		t.Helper()
		a, err := openAuthority(dir, clock)
		if err != nil {
			t.Fatal(err)
		}
		path, _, err := a.server(hosts)
		if err != nil {
			t.Fatal(err)
		}
		return string(readFile(t, filepath.Join(dir, "ca.pem"))), string(readFile(t, path))
	}
	ca1, cert1 := serve("localhost", "127.0.0.1")
	ca2, cert2 := serve("localhost", "127.0.0.1")
	if ca1 != ca2 || cert1 != cert2 {
		t.Error("a second start made a new authority or certificate")
	}
	if ca, cert := serve("localhost", "127.0.0.1", "pypi.example"); ca != ca1 || cert == cert1 {
		t.Error("another host needs a new certificate of the same authority")
	}
	_, cert3 := serve("pypi.example")
	now = now.Add((serverDays - 29) * 24 * time.Hour)
	if ca, cert := serve("pypi.example"); ca != ca1 || cert == cert3 {
		t.Error("a certificate near its end needs a new one of the same authority")
	}
	for name, want := range map[string]os.FileMode{"ca-key.pem": 0o600, "key.pem": 0o600} {
		t.Run(name, func(t *testing.T) {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != want {
				t.Errorf("%s has mode %v, %v, want %v", name, info.Mode(), err, want)
			}
		})
	}
	now = now.AddDate(authorityYears, 0, 0)
	if _, err := openAuthority(dir, clock); err == nil {
		t.Error("an authority that ended was opened")
	}
}

func TestAuthorityThatCannotBeRead(t *testing.T) {
	for _, name := range []string{"ca.pem", "ca-key.pem"} {
		dir := t.TempDir()
		if _, err := openAuthority(dir, time.Now); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("rubbish"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openAuthority(dir, time.Now); err == nil {
			t.Errorf("an authority with a broken %s was opened or replaced", name)
		}
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// shakeHands accepts connections until l is closed.
func shakeHands(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			conn.(*tls.Conn).Handshake()
			conn.Close()
		}()
	}
}

// A client that trusts ca.pem, and only such a one, reaches the server by each of its names.
func TestSelfSignedToAClient(t *testing.T) {
	e, err := New(Options{
		Dir: t.TempDir(), SelfSigned: true, Hosts: []string{"127.0.0.2", "pypi.example"}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", e.Config)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go shakeHands(l)
	trusting := x509.NewCertPool()
	trusting.AppendCertsFromPEM(readFile(t, e.Authority))
	dial := func(name string, roots *x509.CertPool) error {
		conn, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: name, RootCAs: roots})
		if err == nil {
			conn.Close()
		}
		return err
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "127.0.0.2", "pypi.example"} {
		if err := dial(name, trusting); err != nil {
			t.Errorf("as %s: %v", name, err)
		}
	}
	if dial("evil.example", trusting) == nil {
		t.Error("the certificate is good for a host that is not ours")
	}
	if dial("localhost", x509.NewCertPool()) == nil {
		t.Error("a client that does not trust the authority was served")
	}
}

func TestCertHosts(t *testing.T) {
	for listen, want := range map[string][]string{
		"0.0.0.0": {"localhost", "127.0.0.1", "::1", "a.example"}, "": {"localhost", "127.0.0.1", "::1", "a.example"},
		"::":       {"localhost", "127.0.0.1", "::1", "a.example"},
		"10.0.0.1": {"localhost", "127.0.0.1", "::1", "10.0.0.1", "a.example"},
	} {
		if got := certHosts([]string{listen, "a.example"}); !slices.Equal(got, want) {
			t.Errorf("certHosts(%s) = %v, want %v", listen, got, want)
		}
	}
}

// A new certificate in the files is served without a restart; a broken one is not.
func TestCertificateIsReadAgain(t *testing.T) {
	a, err := openAuthority(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := a.server([]string{"one.example"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	f, err := openCertFiles(cert, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f.now = func() time.Time { now = now.Add(2 * lookEvery); return now }
	name := func() string {
		got, err := f.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return got.Leaf.DNSNames[0]
	}
	if got := name(); got != "one.example" {
		t.Errorf("served %s, want one.example", got)
	}
	if err := a.sign(cert, key, []string{"two.example"}); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	os.Chtimes(cert, later, later)
	if got := name(); got != "two.example" {
		t.Errorf("served %s after the change, want two.example", got)
	}
	os.WriteFile(cert, []byte("rubbish"), 0o600)
	f.Reload()
	if got := name(); got != "two.example" {
		t.Errorf("served %s after a broken change, want two.example", got)
	}
	if _, err := openCertFiles(cert, key, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("a broken pair was opened at start")
	}
}
