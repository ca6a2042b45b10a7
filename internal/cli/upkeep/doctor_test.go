package upkeep

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/cli/clitest"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/storage/db"
	"pyindex/internal/terminal"
	"pyindex/internal/tlsserve"
)

// local is the doctor of a new installation with some settings.
func local(t *testing.T, args ...string) *localDoctor {
	t.Helper()
	settings := clitest.Config(t, append([]string{"--data-dir", t.TempDir()}, args...)...)
	return &localDoctor{
		Session: &cli.Session{Session: terminal.Session{Ctx: t.Context()}, Config: settings}, now: time.Now,
	}
}

// worst returns the worst outcome of a check, "" for none.
func worst(f terminal.Findings, check string) (status, text string) {
	order := []string{"", "skipped", "ok", "warning", "failed"}
	for _, x := range f {
		if x.Check == check && slices.Index(order, x.Status) > slices.Index(order, status) {
			status, text = x.Status, x.Text+"\n"+x.Advice
		}
	}
	return status, text
}

func (d *localDoctor) want(t *testing.T, name, check, status, word string) {
	t.Helper()
	if got, text := worst(d.found, check); got != status || !strings.Contains(text, word) {
		t.Errorf("%s: %s %q, want %s with %q", name, got, text, status, word)
	}
}

// TestLocalCertificate: each way in which a certificate is no good is told, and a good one is not.
func TestLocalCertificate(t *testing.T) {
	dir := t.TempDir()
	if _, err := tlsserve.New(tlsserve.Options{SelfSigned: true, Dir: dir, Hosts: []string{"index.example"}}); err != nil {
		t.Fatal(err)
	}
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	der, err := tlsserve.ReadPEM(cert)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	life := time.Until(c.NotAfter)
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
		{"good", cert, "https://index.example", 0, "ok", "is for index.example and valid until"},
		{"ends in a week", cert, "https://index.example", life - 7*day, "warning", "expires on"},
		{"ended", cert, "https://index.example", life + day, "failed", "expired on"},
		{"begins tomorrow", cert, "https://index.example", -day, "failed", "not valid before"},
		{"another name", cert, "https://pypi.example", 0, "failed", "is not valid for pypi.example"},
		{"a key", key, "https://index.example", 0, "failed", ""},
		{"junk", junk, "https://index.example", 0, "failed", ""},
		{"no file", filepath.Join(dir, "none.pem"), "https://index.example", 0, "failed", "no such file"},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := local(t, "--tls-cert", x.cert, "--tls-key", key, "--base-url", x.base)
			d.now = func() time.Time { return time.Now().Add(x.after) }
			d.certificate()
			d.want(t, x.name, "certificate", x.status, x.word)
		})
	}
	d := local(t, "--tls-acme", "index.example")
	d.certificate()
	d.want(t, "acme", "certificate", "skipped", "renews the Let's Encrypt certificate")
}

// TestLocalFolder: what others may read is named, and how to close it.
func TestLocalFolder(t *testing.T) {
	d := local(t)
	open := filepath.Join(d.Config.DataDir, "index.db")
	for _, x := range []struct {
		mode   os.FileMode
		status string
	}{{0o600, "ok"}, {0o640, "failed"}, {0o604, "failed"}, {0o602, "failed"}} {
		if err := os.WriteFile(open, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{d.Config.DataDir, open} {
			if err := os.Chmod(path, x.mode|0o100); err != nil {
				t.Fatal(err)
			}
		}
		d.found = nil
		d.folder()
		d.want(t, x.mode.String(), "data folder", x.status, "")
	}
	d.found = nil
	d.Config.DataDir = open
	if d.folder() {
		t.Error("a file is taken for a folder")
	}
	d.want(t, "a file", "data folder", "failed", "there is no folder")
}

// TestLocalIssuers: each issuer is asked, by the authority that the settings name.
func TestLocalIssuers(t *testing.T) {
	good, down, strange := issuertest.New(t, issuertest.Options{}), issuertest.New(t, issuertest.Options{Plain: true}),
		issuertest.New(t, issuertest.Options{})
	down.Fail(issuertest.Discovery, issuertest.Down)
	for _, x := range []struct{ name, setting, status, word string }{
		{"good", "kind=github,issuer=" + good.URL + ",ca_file=" + good.CAFile(t), "ok", "1 usable key\n"},
		{"down", "kind=github,issuer=" + down.URL, "failed", "503"},
		{"unknown authority", "kind=github,issuer=" + strange.URL, "failed", "ca_file"},
		{
			"one of two", "kind=github,issuer=" + down.URL + ";kind=github,issuer=" + good.URL + ",ca_file=" + good.CAFile(t),
			"failed", "503",
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			d := local(t, "--oidc-issuers", x.setting)
			d.issuers(true)
			d.want(t, x.name, "issuer", x.status, x.word)
			if x.status != "failed" {
				return
			}
			d = local(t, "--oidc-issuers", x.setting)
			d.issuers(false)
			d.want(t, x.name, "issuer", "warning", x.word)
			if err := d.found.Failed(); err != nil {
				t.Errorf("without --strict the doctor fails: %v", err)
			}
		})
	}
}

// TestLocalClients: an index all of whose requests come from one private address is behind a proxy that nobody named,
// perhaps.
func TestLocalClients(t *testing.T) {
	const behind = "https://index.example"
	for name, c := range map[string]struct {
		base, proxies string
		from          []string // where the requests of the record came from, in turn
		n             int
		status, word  string
	}{
		"nothing yet":                   {behind, "", nil, 0, "skipped", "too few"},
		"commands alone":                {behind, "", []string{""}, 40, "skipped", "too few"},
		"few requests":                  {behind, "", []string{"10.0.0.5", ""}, 38, "skipped", "too few"},
		"one private address":           {behind, "", []string{"10.0.0.5", ""}, 60, "warning", "10.0.0.5"},
		"one private address by IPv6":   {behind, "", []string{"fd00::5"}, 30, "warning", "fd00::5"},
		"this machine":                  {behind, "", []string{"127.0.0.1"}, 30, "warning", "127.0.0.1"},
		"another proxy is named":        {behind, "10.0.1.0/24", []string{"10.0.0.5"}, 30, "warning", "10.0.0.5"},
		"the proxy is named":            {behind, "10.0.0.0/24", []string{"10.0.0.5"}, 30, "ok", "trusted_proxies contains"},
		"several addresses":             {behind, "", []string{"10.0.0.5", "10.0.0.6"}, 30, "ok", "several"},
		"one public address":            {behind, "", []string{"203.0.113.1"}, 30, "ok", "203.0.113.1"},
		"somebody tries it on a laptop": {"http://localhost:8080", "", []string{"127.0.0.1"}, 30, "ok", "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--base-url", c.base}
			if c.proxies != "" {
				args = append(args, "--trusted-proxies", c.proxies)
			}
			d := local(t, args...)
			rows, err := db.Open(t.Context(), "sqlite:"+filepath.Join(d.Config.DataDir, "index.db"), db.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			err = rows.Record().Update(t.Context(), func(r audit.Rows) error {
				for i := range c.n {
					e := audit.Entry{
						ID:      fmt.Sprint(i),
						At:      time.Now(),
						Action:  "x",
						Outcome: audit.Granted,
						Actor:   audit.Actor{Address: c.from[i%len(c.from)]},
					}
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

// TestLocalPublishersInJSON: the text lists some of the loose publishers and counts the others; JSON lists all.
func TestLocalPublishersInJSON(t *testing.T) {
	const many = shownLoose + 3
	d := local(t)
	rows, err := db.Open(t.Context(), "sqlite:"+filepath.Join(d.Config.DataDir, "index.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	err = rows.Publishers().Update(t.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(t.Context(), catalog.MainRepository)
		for i := 0; i < many && err == nil; i++ {
			l := publishers.RepositoryPublisher{ID: fmt.Sprint("row-", i), RepositoryID: repo.ID, AddedAt: time.Now()}
			if l.Prefix, err = packaging.ParseNamePrefix(fmt.Sprint("team", i)); err != nil {
				return err
			}
			fields := map[string]string{"owner": "acme", "repository": fmt.Sprint("r", i), "workflow": "release.yml"}
			l.Publisher, err = tx.PutPublisher(t.Context(), publishers.Publisher{
				ID: fmt.Sprint("p-", i), Provider: "github", Issuer: "https://token.actions.githubusercontent.com",
				Lookup: fmt.Sprint("acme/r", i), Fields: fields, OwnerID: "42", CreatedAt: time.Now(),
			})
			if err == nil {
				err = tx.InsertRepositoryPublisher(t.Context(), l)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for every, want := range map[bool]int{false: shownLoose + 1, true: many} {
		d.every, d.found = every, nil
		if d.publishers(rows); len(d.found) != want {
			t.Errorf("every %v: %d findings, want %d: %+v", every, len(d.found), want, d.found)
		}
	}
}
