package main

import (
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/storage/db"
)

// local is the doctor of a new installation with some settings.
func local(t *testing.T, args ...string) *localDoctor {
	t.Helper()
	all := parsed(t, append([]string{"serve", "--data-dir", t.TempDir()}, args...)...)
	return &localDoctor{session: &session{terminal: terminal{ctx: t.Context()}, config: &all.Config}, now: time.Now}
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

// TestLocalClients: an index all of whose requests come from one private address is behind a proxy that nobody named, perhaps.
func TestLocalClients(t *testing.T) {
	const behind = "https://index.example"
	for name, c := range map[string]struct {
		base, proxies string
		from          []string // where the requests of the record came from, in turn
		n             int
		status, word  string
	}{
		"nothing yet":                   {behind, "", nil, 0, checkSkipped, "too few"},
		"commands alone":                {behind, "", []string{""}, 40, checkSkipped, "too few"},
		"few requests":                  {behind, "", []string{"10.0.0.5", ""}, 38, checkSkipped, "too few"},
		"one private address":           {behind, "", []string{"10.0.0.5", ""}, 60, checkWarning, "10.0.0.5"},
		"one private address by IPv6":   {behind, "", []string{"fd00::5"}, 30, checkWarning, "fd00::5"},
		"this machine":                  {behind, "", []string{"127.0.0.1"}, 30, checkWarning, "127.0.0.1"},
		"another proxy is named":        {behind, "10.0.1.0/24", []string{"10.0.0.5"}, 30, checkWarning, "10.0.0.5"},
		"the proxy is named":            {behind, "10.0.0.0/24", []string{"10.0.0.5"}, 30, checkOK, "names"},
		"several addresses":             {behind, "", []string{"10.0.0.5", "10.0.0.6"}, 30, checkOK, "several"},
		"one public address":            {behind, "", []string{"203.0.113.1"}, 30, checkOK, "203.0.113.1"},
		"somebody tries it on a laptop": {"http://localhost:8080", "", []string{"127.0.0.1"}, 30, checkOK, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--base-url", c.base}
			if c.proxies != "" {
				args = append(args, "--trusted-proxies", c.proxies)
			}
			d := local(t, args...)
			rows, err := db.Open(t.Context(), "sqlite:"+filepath.Join(d.config.DataDir, "index.db"), db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			err = rows.Record().Update(t.Context(), func(r audit.Rows) error {
				for i := range c.n {
					e := audit.Entry{ID: fmt.Sprint(i), At: time.Now(), Action: "x", Outcome: audit.Granted, Actor: audit.Actor{Address: c.from[i%len(c.from)]}}
					if err := r.InsertAudit(t.Context(), e); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			d.clients(rows)
			d.want(t, name, "clients", c.status, c.word)
		})
	}
}
