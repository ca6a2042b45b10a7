package main

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/publishers/idtoken/issuertest"
)

// local is the doctor of a new installation with some settings.
func local(t *testing.T, args ...string) *localDoctor {
	t.Helper()
	all := parsed(t, append([]string{"serve", "--data-dir", t.TempDir()}, args...)...)
	return &localDoctor{session: &session{ctx: t.Context(), config: &all.Config}, now: time.Now}
}

func (d *localDoctor) want(t *testing.T, name, check, status, word string) {
	t.Helper()
	if got, text := d.found.status(check); got != status || !strings.Contains(text, word) {
		t.Errorf("%s: %s %q, want %s with %q", name, got, text, status, word)
	}
}

// TestLocalCertificate: each way in which a certificate is no good is told, and a good one is not.
func TestLocalCertificate(t *testing.T) {
	dir := t.TempDir()
	ca, err := openAuthority(filepath.Join(dir, "tls"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, err := ca.server([]string{"index.example"})
	if err != nil {
		t.Fatal(err)
	}
	junk := filepath.Join(dir, "junk.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})
	if err := os.WriteFile(junk, block, 0o600); err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	for _, x := range []struct {
		name, cert, base string
		after            time.Duration
		status, word     string
	}{
		{"good", cert, "https://index.example", 0, checkOK, "is for index.example and good until"},
		{"ends in a week", cert, "https://index.example", (serverDays - 7) * day, checkWarning, "ends on"},
		{"ended", cert, "https://index.example", (serverDays + 1) * day, checkFailed, "ended on"},
		{"begins tomorrow", cert, "https://index.example", -day, checkFailed, "not good before"},
		{"another name", cert, "https://pypi.example", 0, checkFailed, "is not for pypi.example"},
		{"a key", key, "https://index.example", 0, checkFailed, ""},
		{"junk", junk, "https://index.example", 0, checkFailed, ""},
		{"no file", filepath.Join(dir, "none.pem"), "https://index.example", 0, checkFailed, "no such file"},
	} {
		d := local(t, "--tls-cert", x.cert, "--tls-key", key, "--base-url", x.base)
		d.now = func() time.Time { return time.Now().Add(x.after) }
		d.certificate()
		d.want(t, x.name, "certificate", x.status, x.word)
	}
	d := local(t, "--tls-acme", "index.example")
	d.certificate()
	d.want(t, "acme", "certificate", checkSkipped, "renewed by the server")
}

// TestLocalFolder: what others may read is named, and how to close it.
func TestLocalFolder(t *testing.T) {
	d := local(t)
	open := filepath.Join(d.config.DataDir, "index.db")
	for _, x := range []struct {
		mode   os.FileMode
		status string
	}{{0o600, checkOK}, {0o640, checkFailed}, {0o604, checkFailed}, {0o602, checkFailed}} {
		if err := os.WriteFile(open, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{d.config.DataDir, open} {
			if err := os.Chmod(path, x.mode|0o100); err != nil {
				t.Fatal(err)
			}
		}
		d.found = nil
		d.folder()
		d.want(t, x.mode.String(), "data folder", x.status, "")
	}
	d.found = nil
	d.config.DataDir = open
	if d.folder() {
		t.Error("a file is taken for a folder")
	}
	d.want(t, "a file", "data folder", checkFailed, "there is no folder")
}

// TestLocalIssuers: each issuer is asked, by the authority that the settings name.
func TestLocalIssuers(t *testing.T) {
	good, down, strange := issuertest.New(t, issuertest.Options{}), issuertest.New(t, issuertest.Options{Plain: true}), issuertest.New(t, issuertest.Options{})
	down.Fail(issuertest.Discovery, issuertest.Down)
	for _, x := range []struct{ name, setting, status, word string }{
		{"good", "kind=github,issuer=" + good.URL + ",ca_file=" + good.CAFile(t), checkOK, "1 usable keys"},
		{"down", "kind=github,issuer=" + down.URL, checkFailed, "503"},
		{"unknown authority", "kind=github,issuer=" + strange.URL, checkFailed, "ca_file"},
		{"one of two", "kind=github,issuer=" + down.URL + ";kind=github,issuer=" + good.URL + ",ca_file=" + good.CAFile(t), checkFailed, "503"},
	} {
		d := local(t, "--oidc-issuers", x.setting)
		d.issuers()
		d.want(t, x.name, "issuer", x.status, x.word)
	}
}

// TestExplainConnection: an error of the network is told in words that say what to do.
func TestExplainConnection(t *testing.T) {
	u := baseURL{}
	if err := u.UnmarshalText([]byte("https://index.example:8443/team")); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name         string
		err          error
		text, advice string
	}{
		{"unknown authority", x509.UnknownAuthorityError{}, "signed by somebody, which this machine does not trust", "REQUESTS_CA_BUNDLE  for twine"},
		{"no name", &net.DNSError{Name: "index.example", IsNotFound: true}, "index.example cannot be found", "runner inside that network"},
		{"late", &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, "does not answer in time", "firewall"},
		{"a certificate for something else", x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}, "cannot be used", ""},
		{"other", os.ErrPermission, "cannot be reached", "Is the index running"},
	} {
		text, advice := explainConnection(x.err, u.parsed)
		if !strings.Contains(text, x.text) || !strings.Contains(advice, x.advice) {
			t.Errorf("%s: %q and %q, want %q and %q", x.name, text, advice, x.text, x.advice)
		}
	}
}
