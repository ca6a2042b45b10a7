// Package upkeep has the commands that maintain an installation: checks, cleanup, e-mail, migration and restores.
package upkeep

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/terminal"
	"pyindex/internal/tlsserve"
)

// Doctor checks this installation, or the stored objects.
type Doctor struct {
	terminal.Listing
	Strict bool `help:"Treat an issuer whose keys cannot be fetched as a failure instead of a warning."`

	bytesDoctor `embed:""`
}

// Run checks the installation that the settings describe.
func (c *Doctor) Run(s *cli.Session) error {
	if c.wanted() {
		return c.bytesDoctor.run(s, c.JSON)
	}
	d := &localDoctor{Session: s, now: time.Now, every: c.JSON}
	if err := d.variables(); err != nil {
		return err
	}
	if d.folder() {
		d.database()
		d.storage()
	}
	d.disks()
	d.address()
	d.certificate()
	d.issuers(c.Strict)
	d.attestations()
	d.metrics()
	if !c.JSON {
		d.found.Write(s.Out)
		return d.found.Failed()
	}
	err := terminal.WriteJSON(s.Out, map[string]any{"ok": d.found.Failed() == nil, "checks": d.found})
	if err != nil {
		return err
	}
	return d.found.Failed()
}

// localDoctor is a running check of this installation.
type localDoctor struct {
	*cli.Session
	now   func() time.Time
	every bool // list all findings, not only the first ones of a kind
	found terminal.Findings
	last  *url.URL // where the running server is reached, nil if the settings decide
}

// base returns the URL at which clients reach the index.
func (d *localDoctor) base() *url.URL {
	if d.last != nil {
		return d.last
	}
	return d.Config.OwnBase()
}

// variables warns of environment variables that look like settings but are none.
func (d *localDoctor) variables() error {
	return d.UnknownVariables(func(text string) {
		d.found.Warn("environment", "Remove the variable, or correct its name: index serve --help lists them.", "%s", text)
	})
}

// folder checks the data folder and the permissions of the secrets in it. It reports whether the folder exists.
func (d *localDoctor) folder() bool {
	const check = "data folder"
	dir := d.Config.DataDir
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		d.found.Fail(check, "Start index serve there first, or specify the right folder with --data-dir.",
			"there is no folder %s",
			terminal.Absolute(dir))
		return false
	}
	open := d.readable(dir)
	for _, name := range []string{"index.db", "index.db-wal", "tls/key.pem", "tls/ca-key.pem"} {
		open = append(open, d.readable(filepath.Join(dir, filepath.FromSlash(name)))...)
	}
	for _, path := range []string{d.Config.Database.URLFile, d.Config.TLSKey} {
		if path != "" {
			open = append(open, d.readable(path)...)
		}
	}
	if len(open) > 0 {
		d.found.Fail(check, "chmod go= "+strings.Join(open, " "), "other users of this machine may read %s",
			strings.Join(open, ", "))
		return true
	}
	d.found.OK(check, "%s exists, and only its owner can read the secrets in it", terminal.Absolute(dir))
	return true
}

// readable returns the quoted path if users other than its owner have access to it. It returns nil on Windows.
func (d *localDoctor) readable(path string) []string {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []string{terminal.Quote(terminal.Absolute(path))}
}

// database checks that the database opens and answers.
func (d *localDoctor) database() {
	const check = "database"
	at, err := d.Config.DatabaseURL()
	if err == nil {
		err = d.Config.Exists()
	}
	if err != nil {
		d.found.Fail(check, "", "%v", err)
		return
	}
	rows, err := db.Open(d.Ctx, at, db.Options{})
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	defer rows.Close()
	if !d.answers(rows) {
		return
	}
	if s, ok, err := publishers.LastServing(d.Ctx, rows.Publishers()); err == nil && ok {
		d.last = app.Served(d.Config, s)
	}
	d.recovered(rows)
	d.aliases(rows)
	d.settings(rows)
	d.clock(rows)
	d.backups(rows)
	d.clients(rows)
	d.lastChecks(rows)
	d.limits(rows)
	d.publishers(rows)
	d.feeds(rows)
}

// answers checks that an open database answers, and reports whether it does.
func (d *localDoctor) answers(rows *db.DB) bool {
	const check = "database"
	version, err := rows.SchemaVersion(d.Ctx)
	if err == nil {
		err = rows.Ping(d.Ctx)
	}
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return false
	}
	d.found.OK(check, "it answers; its schema has version %d, the newest that this program knows", version)
	return true
}

// clients checks the addresses in the audit log. If all requests have the same private address, they probably came
// through a proxy.
func (d *localDoctor) clients(rows *db.DB) {
	const check, enough, newest = "clients", 20, 200
	entries, err := rows.Audit(d.Ctx, newest)
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	from, n := "", 0
	for _, e := range entries {
		switch {
		case e.Actor.Address == "": // by a command
		case from == "" || e.Actor.Address == from:
			from = e.Actor.Address
			n++
		default:
			d.found.OK(check, "requests in the audit log come from several addresses")
			return
		}
	}
	addr, err := netip.ParseAddr(from)
	switch {
	case n < enough || err != nil:
		d.found.Skip(check, "the audit log has too few requests to determine their origin")
	case d.Config.Trusts(addr):
		d.found.OK(check, "requests in the audit log come from %s, which trusted_proxies contains", from)
	case !addr.IsPrivate() && !addr.IsLoopback() ||
		addr.IsLoopback() && config.Loopback(d.base().Hostname()):
		d.found.OK(check, "requests in the audit log come from %s", from)
	default:
		d.found.Warn(check,
			"If a proxy has this address, add it to trusted_proxies. Otherwise all clients share the limits of one address.",
			"the last %d requests in the audit log all come from %s, a private address that trusted_proxies does not contain",
			n, from)
	}
}

// lastChecks reports the results of the last checks of the stored objects. It does not read the objects itself.
func (d *localDoctor) lastChecks(rows *db.DB) {
	const check = "stored bytes"
	var all []custody.Check
	err := rows.Catalog().View(d.Ctx, func(tx catalog.Tx) (err error) {
		all, err = tx.Checks(d.Ctx)
		return err
	})
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	if len(all) == 0 {
		d.found.Skip(check,
			"not checked yet: the server checks sizes once a day, and index doctor --bytes compares the contents")
		return
	}
	for _, c := range all {
		if c.Missing+c.Damaged > 0 {
			d.found.Fail(check,
				"index doctor --bytes lists these objects, and index doctor --mend FOLDER restores them from a copy.\nIf they have been uploaded again since then, run index doctor --bytes again.",
				"the check of %s on %s found %d missing and %d damaged", c.Kind, c.At.Format(time.DateTime), c.Missing, c.Damaged)
			return
		}
	}
	d.found.OK(check, "the check of %s on %s found nothing missing or damaged among %s", all[0].Kind,
		all[0].At.Format(time.DateTime), terminal.Plural(int64(all[0].Objects), "object"))
}

// said returns the message and cause of an error, without passwords in URLs.
func said(err error) string {
	if text := fault.Message(err); text != "" {
		if cause := fault.Cause(err); cause != "" {
			text += ": " + cause
		}
		return text
	}
	return fault.Scrub(err.Error())
}

// storage checks that the blob store answers. It does not create a missing folder.
func (d *localDoctor) storage() {
	const check = "storage"
	at, err := d.Config.StorageURL()
	if err != nil {
		d.found.Fail(check, "", "%v", err)
		return
	}
	if u, err := url.Parse(at); err == nil && u.Scheme == "file" {
		if _, err := os.Stat(filepath.FromSlash(u.Path)); err != nil {
			d.found.Fail(check, "Start index serve to create it, or correct storage.url.", "there is no folder %s", u.Path)
			return
		}
	}
	bytes, err := blobs.Open(d.Ctx, at, blobs.Options{})
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	defer bytes.Close()
	if d.reaches(bytes) {
		d.bucket(bytes)
	}
}

// reaches checks that an open blob store answers, and reports whether it does.
func (d *localDoctor) reaches(bytes *blobs.Blobs) bool {
	const check = "storage"
	if err := bytes.Ping(d.Ctx); err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return false
	}
	d.found.OK(check, "it answers")
	return true
}

// address compares the base URL with the listen address.
func (d *localDoctor) address() {
	const check = "address"
	c := d.Config
	host, port, _ := net.SplitHostPort(c.Listen)
	base := d.base()
	plain := base.Scheme == "http" && !config.Loopback(base.Hostname())
	switch {
	case d.last != nil && !plain:
		d.found.OK(check, "the server last started at %s; neither listen nor base_url is set for this command", base)
	case c.OverTLS() && c.BaseURL.URL != nil && base.Scheme == "http":
		d.found.Fail(check, "Begin base_url with https://.", "this server uses TLS on port %s, but base_url is %s",
			port, base)
	case c.BaseURL.URL == nil && c.TLSACME == "" && !config.Loopback(host):
		d.found.Warn(check, "Set base_url to the URL at which clients reach the index.",
			"it listens on %s, but base_url is not set: pages link to %s, and identity tokens must be issued for that host",
			c.Listen, base)
	case plain:
		d.found.Warn(check, "Serve https (--tls-self-signed, --tls-acme, --tls-cert or a proxy) and set base_url to it.",
			"clients reach it over plain http at %s: tokens cross the network unencrypted, and trusted publishing requires https",
			base)
	case base.Scheme == "https" && !c.OverTLS() && len(c.TrustedProxies) == 0:
		d.found.Warn(check,
			"If a proxy provides https, add its address to trusted_proxies, so that the server sees the addresses of clients.",
			"base_url is %s, but this server itself uses plain http on %s", base, c.Listen)
	default:
		d.found.OK(check, "it listens on %s, and clients use %s", c.Listen, base)
	}
}

// certificate checks the certificate that the server would use.
func (d *localDoctor) certificate() {
	const check = "certificate"
	path := d.Config.TLSCert
	switch {
	case d.Config.TLSSelfSigned:
		path = filepath.Join(d.Config.DataDir, "tls", "cert.pem")
	case d.Config.TLSACME != "":
		d.found.Skip(check, "the server renews the Let's Encrypt certificate for %s", d.Config.TLSACME)
		return
	case path == "":
		d.found.Skip(check, "this server does not use TLS itself")
		return
	}
	der, err := tlsserve.ReadPEM(path)
	var cert *x509.Certificate
	if err == nil {
		cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		advice := ""
		if d.Config.TLSSelfSigned {
			advice = "index serve creates it at start."
		}
		d.found.Fail(check, advice, "%v", err)
		return
	}
	d.judge(check, path, cert)
}

// judge checks the validity period of a certificate, and its names against the base URL.
func (d *localDoctor) judge(check, path string, cert *x509.Certificate) {
	end := cert.NotAfter.UTC().Format(time.DateOnly)
	left := cert.NotAfter.Sub(d.now())
	host := d.base().Hostname()
	switch {
	case left <= 0:
		d.found.Fail(check, "Renew it; the server reloads the file by itself.", "%s expired on %s", path, end)
	case d.now().Before(cert.NotBefore):
		d.found.Fail(check, "Check this machine's clock.", "%s is not valid before %s", path,
			cert.NotBefore.UTC().Format(time.DateOnly))
	case cert.VerifyHostname(host) != nil:
		d.found.Fail(check, "Create a certificate for this name, or correct base_url.",
			"%s is not valid for %s, the host name that clients use", path, host)
	case left < 14*24*time.Hour:
		d.found.Warn(check, "Renew it; the server reloads the file by itself.", "%s expires on %s", path, end)
	default:
		d.found.OK(check, "%s is for %s and valid until %s", path, host, end)
	}
}

// issuers fetches the keys of each issuer. Without strict, keys that cannot be fetched are only a warning, because the
// machine may be offline now and the server may have the keys already.
func (d *localDoctor) issuers(strict bool) {
	const check = "issuer"
	if len(d.Config.OIDC.Issuers) == 0 {
		d.found.Skip(check, "none is configured: trusted publishing is off")
		return
	}
	for _, i := range d.Config.OIDC.Issuers {
		n, err := idtoken.Probe(d.Ctx,
			idtoken.Issuer{
				Kind: i.Kind, URL: i.Issuer, CAFile: i.CAFile,
				Audiences: d.Config.Audiences(i, d.base()),
			})
		if err != nil {
			note := d.found.Fail
			why, advice, ok := idtoken.Failure(err)
			if ok {
				why = strings.ToLower(why[:1]) + why[1:]
			} else {
				why, advice = fmt.Sprintf("%.300v", err), "Check that the URL is that of an OpenID Connect issuer."
			}
			if !strict {
				note, advice = d.found.Warn, advice+"\nindex doctor --strict reports this as a failure."
			}
			note(check, advice, "the keys of %s cannot be fetched: %s", i.Issuer, why)
			continue
		}
		d.found.OK(check, "%s answers with %s", i.Issuer, terminal.Plural(int64(n), "usable key"))
	}
}

// attestations checks that the trusted root can be read, and reports the parts of it that this program does not
// support.
func (d *localDoctor) attestations() {
	const check = "attestations"
	if d.Config.Attestations.TrustedRoot == "" {
		d.found.Skip(check, "no trusted root is configured: attestations are not verified")
		return
	}
	v, err := d.Config.Attester(false)
	if err != nil {
		d.found.Fail(check, "Download the trusted root again, or correct the setting.", "%.300v", err)
		return
	}
	for _, left := range v.LeftOut() {
		d.found.Warn(check, "Attestations that depend on it cannot be verified until you upgrade index.", "%.300s", left)
	}
	if len(v.LeftOut()) == 0 {
		d.found.OK(check, "the trusted root can be read")
	}
}
