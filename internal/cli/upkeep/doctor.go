// Package upkeep has the commands that keep an installation healthy: checks, cleaning, mail, moves and restores.
package upkeep

import (
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/terminal"
	"pyindex/internal/tlsserve"
)

// Doctor examines this installation, or the stored bytes.
type Doctor struct {
	terminal.Listing
	bytesDoctor `embed:""`
}

// Run looks at the installation that the settings name.
func (c *Doctor) Run(s *cli.Session) error {
	if c.wanted() {
		return c.bytesDoctor.run(s, c.JSON)
	}
	d := &localDoctor{Session: s, now: time.Now}
	if d.folder() {
		d.database()
		d.storage()
	}
	d.address()
	d.certificate()
	d.issuers()
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

// localDoctor is an examination of this installation under way.
type localDoctor struct {
	*cli.Session
	now   func() time.Time
	found terminal.Findings
}

// folder looks at the data folder and at who may read what is secret in it.
func (d *localDoctor) folder() bool {
	const check = "data folder"
	dir := d.Config.DataDir
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		d.found.Fail(check, "Start index serve there first, or name the right one with --data-dir.", "there is no folder %s",
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
		d.found.Fail(check, "chmod go= "+strings.Join(open, " "), "others on this machine may read %s",
			strings.Join(open, ", "))
		return true
	}
	d.found.OK(check, "%s is there, and only its owner may read what is secret in it", terminal.Absolute(dir))
	return true
}

// readable returns the quoted path where others than its owner may read or change it. Windows has other means.
func (d *localDoctor) readable(path string) []string {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []string{terminal.Quote(terminal.Absolute(path))}
}

// database opens the database as every command does.
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
	version, err := rows.SchemaVersion(d.Ctx)
	if err == nil {
		err = rows.Ping(d.Ctx)
	}
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	d.found.OK(check, "it answers; its schema is number %d, the newest that this program knows", version)
	d.clients(rows)
	d.lastChecks(rows)
}

// clients looks at where requests came from: from one private address alone, they came through a proxy, perhaps.
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
			d.found.OK(check, "requests in the record come from several addresses")
			return
		}
	}
	addr, err := netip.ParseAddr(from)
	switch {
	case n < enough || err != nil:
		d.found.Skip(check, "the record has too few requests to tell where they come from")
	case d.Config.Trusts(addr):
		d.found.OK(check, "requests in the record come from %s, which trusted_proxies names", from)
	case !addr.IsPrivate() && !addr.IsLoopback() ||
		addr.IsLoopback() && config.Loopback(d.Config.Base(listenAddr(d.Config.Listen)).Hostname()):
		d.found.OK(check, "requests in the record come from %s", from)
	default:
		d.found.Warn(check,
			"If a proxy is at that address, name it in trusted_proxies: all clients share its limits otherwise.",
			"the last %d requests in the record all come from %s, a private address that trusted_proxies does not name", n, from)
	}
}

// lastChecks tells what the last checks of stored bytes found. It does not look at the bytes itself.
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
		d.found.Skip(check, "not checked yet: a server looks at them once a day, and index doctor --bytes reads them")
		return
	}
	for _, c := range all {
		if c.Missing+c.Damaged > 0 {
			d.found.Fail(check,
				"index doctor --bytes lists such objects, and index doctor --mend FOLDER restores them from a copy.\nIf they were uploaded again since, index doctor --bytes checks again.",
				"the check of %s on %s found %d missing and %d damaged", c.Kind, c.At.Format(time.DateTime), c.Missing, c.Damaged)
			return
		}
	}
	d.found.OK(check, "the check of %s on %s found nothing missing or damaged among %d objects", all[0].Kind,
		all[0].At.Format(time.DateTime), all[0].Objects)
}

// said is what an error says to people; a URL with a password is not among it.
func said(err error) string {
	if text := fault.Message(err); text != "" {
		if cause := fault.Cause(err); cause != "" {
			text += ": " + cause
		}
		return text
	}
	return fault.Scrub(err.Error())
}

// storage asks where the bytes are for an answer. It makes no folder where none is.
func (d *localDoctor) storage() {
	const check = "storage"
	at, err := d.Config.StorageURL()
	if err != nil {
		d.found.Fail(check, "", "%v", err)
		return
	}
	if u, err := url.Parse(at); err == nil && u.Scheme == "file" {
		if _, err := os.Stat(filepath.FromSlash(u.Path)); err != nil {
			d.found.Fail(check, "Start index serve to make it, or mend storage.url.", "there is no folder %s", u.Path)
			return
		}
	}
	bytes, err := blobs.Open(d.Ctx, at, blobs.Options{})
	if err == nil {
		defer bytes.Close()
		err = bytes.Ping(d.Ctx)
	}
	if err != nil {
		d.found.Fail(check, "", "%s", said(err))
		return
	}
	d.found.OK(check, "it answers")
}

// address compares where clients are told to go with where the server listens.
func (d *localDoctor) address() {
	const check = "address"
	c := d.Config
	host, port, _ := net.SplitHostPort(c.Listen)
	base := c.Base(listenAddr(c.Listen))
	switch {
	case c.OverTLS() && c.BaseURL.URL != nil && base.Scheme == "http":
		d.found.Fail(check, "Begin base_url with https://.", "this server speaks TLS on port %s and clients are told %s",
			port, base)
	case c.BaseURL.URL == nil && c.TLSACME == "" && !config.Loopback(host):
		d.found.Warn(check, "Set base_url to where clients reach the index.",
			"it listens on %s, but without base_url everybody is told %s, and identity tokens have to be for that name",
			c.Listen, base)
	case base.Scheme == "http" && !config.Loopback(base.Hostname()):
		d.found.Warn(check, "Serve https (--tls-self-signed, --tls-acme, --tls-cert or a proxy) and set base_url to it.",
			"clients reach it by plain http at %s: tokens cross the network in the open, and trusted publishing asks for https",
			base)
	case base.Scheme == "https" && !c.OverTLS() && len(c.TrustedProxies) == 0:
		d.found.Warn(check,
			"If a proxy in front speaks https, name its address in trusted_proxies, so that clients' own addresses count.",
			"clients are told %s, and this server itself speaks plain http on %s", base, c.Listen)
	default:
		d.found.OK(check, "it listens on %s, and clients are told %s", c.Listen, base)
	}
}

// listenAddr is an address as it was written.
type listenAddr string

// Network implements net.Addr.
func (listenAddr) Network() string { return "tcp" }

// String implements net.Addr.
func (a listenAddr) String() string { return string(a) }

// certificate looks at the certificate that the server would use, and how long it is good for.
func (d *localDoctor) certificate() {
	const check = "certificate"
	path := d.Config.TLSCert
	switch {
	case d.Config.TLSSelfSigned:
		path = filepath.Join(d.Config.DataDir, "tls", "cert.pem")
	case d.Config.TLSACME != "":
		d.found.Skip(check, "Let's Encrypt's for %s are renewed by the server", d.Config.TLSACME)
		return
	case path == "":
		d.found.Skip(check, "this server speaks no TLS itself")
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
			advice = "index serve makes it when it starts."
		}
		d.found.Fail(check, advice, "%v", err)
		return
	}
	d.judge(check, path, cert)
}

// judge tells how long a certificate is good for, and whether for the name that clients use.
func (d *localDoctor) judge(check, path string, cert *x509.Certificate) {
	end := cert.NotAfter.UTC().Format(time.DateOnly)
	left := cert.NotAfter.Sub(d.now())
	host := d.Config.Base(listenAddr(d.Config.Listen)).Hostname()
	switch {
	case left <= 0:
		d.found.Fail(check, "Renew it; the server reads the file again by itself.", "%s ended on %s", path, end)
	case d.now().Before(cert.NotBefore):
		d.found.Fail(check, "Is this machine's clock right?", "%s is not good before %s", path,
			cert.NotBefore.UTC().Format(time.DateOnly))
	case cert.VerifyHostname(host) != nil:
		d.found.Fail(check, "Make one that names it, or mend base_url.",
			"%s is not for %s, by which clients reach the index", path, host)
	case left < 14*24*time.Hour:
		d.found.Warn(check, "Renew it; the server reads the file again by itself.", "%s ends on %s", path, end)
	default:
		d.found.OK(check, "%s is for %s and good until %s", path, host, end)
	}
}

// issuers asks each issuer for its keys.
func (d *localDoctor) issuers() {
	const check = "issuer"
	if len(d.Config.OIDC.Issuers) == 0 {
		d.found.Skip(check, "none is configured: trusted publishing is off")
		return
	}
	for _, i := range d.Config.OIDC.Issuers {
		n, err := idtoken.Probe(d.Ctx,
			idtoken.Issuer{
				Kind: i.Kind, URL: i.Issuer, Audience: config.Audience(d.Config.Base(listenAddr(d.Config.Listen))),
				CAFile: i.CAFile,
			})
		if err != nil {
			d.found.Fail(check, "May this machine connect to it? A private authority is named by ca_file.",
				"the keys of %s cannot be fetched: %.300v", i.Issuer, err)
			continue
		}
		d.found.OK(check, "%s answers with %d usable keys", i.Issuer, n)
	}
}
