package main

import (
	"crypto/x509"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
)

type doctorLocalCmd struct {
	listing
	bytesDoctor `embed:""`
}

// Run looks at the installation that the settings name.
func (c *doctorLocalCmd) Run(s *session) error {
	if c.wanted() {
		return c.bytesDoctor.run(s, c.JSON)
	}
	d := &localDoctor{session: s, now: time.Now}
	if d.folder() {
		d.database()
		d.storage()
	}
	d.address()
	d.certificate()
	d.issuers()
	if !c.JSON {
		d.found.write(s.out)
		return d.found.failed()
	}
	err := writeJSON(s.out, map[string]any{"ok": d.found.failed() == nil, "checks": d.found})
	if err != nil {
		return err
	}
	return d.found.failed()
}

// localDoctor is an examination of this installation under way.
type localDoctor struct {
	*session
	now   func() time.Time
	found findings
}

// folder looks at the data folder and at who may read what is secret in it.
func (d *localDoctor) folder() bool {
	const check = "data folder"
	dir := d.config.DataDir
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		d.found.fail(check, "Start index serve there first, or name the right one with --data-dir.", "there is no folder %s", absolute(dir))
		return false
	}
	open := d.readable(dir)
	for _, name := range []string{"index.db", "index.db-wal", "tls/key.pem", "tls/ca-key.pem"} {
		open = append(open, d.readable(filepath.Join(dir, filepath.FromSlash(name)))...)
	}
	for _, path := range []string{d.config.Database.URLFile, d.config.TLSKey} {
		if path != "" {
			open = append(open, d.readable(path)...)
		}
	}
	if len(open) > 0 {
		d.found.fail(check, "chmod go= "+strings.Join(open, " "), "others on this machine may read %s", strings.Join(open, ", "))
		return true
	}
	d.found.ok(check, "%s is there, and only its owner may read what is secret in it", absolute(dir))
	return true
}

// readable returns the quoted path where others than its owner may read or change it. Windows has other means.
func (d *localDoctor) readable(path string) []string {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" || info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return []string{quote(absolute(path))}
}

// database opens the database as every command does.
func (d *localDoctor) database() {
	const check = "database"
	at, err := d.config.databaseURL()
	if err == nil {
		err = d.config.exists()
	}
	if err != nil {
		d.found.fail(check, "", "%v", err)
		return
	}
	rows, err := db.Open(d.ctx, at, db.Options{})
	if err != nil {
		d.found.fail(check, "", "%s", said(err))
		return
	}
	defer rows.Close()
	version, err := rows.SchemaVersion(d.ctx)
	if err == nil {
		err = rows.Ping(d.ctx)
	}
	if err != nil {
		d.found.fail(check, "", "%s", said(err))
		return
	}
	d.found.ok(check, "it answers; its schema is number %d, the newest that this program knows", version)
	d.clients(rows)
	d.lastChecks(rows)
}

// clients looks at where requests came from: from one private address alone, they came through a proxy, perhaps.
func (d *localDoctor) clients(rows *db.DB) {
	const check, enough, newest = "clients", 20, 200
	entries, err := rows.Audit(d.ctx, newest)
	if err != nil {
		d.found.fail(check, "", "%s", said(err))
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
			d.found.ok(check, "requests in the record come from several addresses")
			return
		}
	}
	addr, err := netip.ParseAddr(from)
	switch {
	case n < enough || err != nil:
		d.found.skip(check, "the record has too few requests to tell where they come from")
	case d.config.trusts(addr):
		d.found.ok(check, "requests in the record come from %s, which trusted_proxies names", from)
	case !addr.IsPrivate() && !addr.IsLoopback() || addr.IsLoopback() && loopback(d.config.base(listenAddr(d.config.Listen)).Hostname()):
		d.found.ok(check, "requests in the record come from %s", from)
	default:
		d.found.warn(check, "If a proxy is at that address, name it in trusted_proxies: all clients share its limits otherwise.",
			"the last %d requests in the record all come from %s, a private address that trusted_proxies does not name", n, from)
	}
}

// trusts reports whether trusted_proxies names an address.
func (c *Config) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(c.TrustedProxies, func(p prefix) bool { return p.addresses.Contains(addr.Unmap()) })
}

// lastChecks tells what the last checks of stored bytes found. It does not look at the bytes itself.
func (d *localDoctor) lastChecks(rows *db.DB) {
	const check = "stored bytes"
	var all []custody.Check
	err := rows.Catalog().View(d.ctx, func(tx catalog.Tx) (err error) {
		all, err = tx.Checks(d.ctx)
		return err
	})
	if err != nil {
		d.found.fail(check, "", "%s", said(err))
		return
	}
	if len(all) == 0 {
		d.found.skip(check, "not checked yet: a server looks at them once a day, and index doctor --bytes reads them")
		return
	}
	for _, c := range all {
		if c.Missing+c.Damaged > 0 {
			d.found.fail(check, "index doctor --bytes lists such objects, and index doctor --mend FOLDER restores them from a copy.\nIf they were uploaded again since, index doctor --bytes checks again.",
				"the check of %s on %s found %d missing and %d damaged", c.Kind, c.At.Format(time.DateTime), c.Missing, c.Damaged)
			return
		}
	}
	d.found.ok(check, "the check of %s on %s found nothing missing or damaged among %d objects", all[0].Kind, all[0].At.Format(time.DateTime), all[0].Objects)
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
	at, err := d.config.storageURL()
	if err != nil {
		d.found.fail(check, "", "%v", err)
		return
	}
	if u, err := url.Parse(at); err == nil && u.Scheme == "file" {
		if _, err := os.Stat(filepath.FromSlash(u.Path)); err != nil {
			d.found.fail(check, "Start index serve to make it, or mend storage.url.", "there is no folder %s", u.Path)
			return
		}
	}
	bytes, err := blobs.Open(d.ctx, at, blobs.Options{})
	if err == nil {
		defer bytes.Close()
		err = bytes.Ping(d.ctx)
	}
	if err != nil {
		d.found.fail(check, "", "%s", said(err))
		return
	}
	d.found.ok(check, "it answers")
}

// address compares where clients are told to go with where the server listens.
func (d *localDoctor) address() {
	const check = "address"
	c := d.config
	host, port, _ := net.SplitHostPort(c.Listen)
	base := c.base(listenAddr(c.Listen))
	switch {
	case c.overTLS() && c.BaseURL.parsed != nil && base.Scheme == "http":
		d.found.fail(check, "Begin base_url with https://.", "this server speaks TLS on port %s and clients are told %s", port, base)
	case c.BaseURL.parsed == nil && c.TLSACME == "" && !loopback(host):
		d.found.warn(check, "Set base_url to where clients reach the index.",
			"it listens on %s, but without base_url everybody is told %s, and identity tokens have to be for that name", c.Listen, base)
	case base.Scheme == "http" && !loopback(base.Hostname()):
		d.found.warn(check, "Serve https (--tls-self-signed, --tls-acme, --tls-cert or a proxy) and set base_url to it.",
			"clients reach it by plain http at %s: tokens cross the network in the open, and trusted publishing asks for https", base)
	case base.Scheme == "https" && !c.overTLS() && len(c.TrustedProxies) == 0:
		d.found.warn(check, "If a proxy in front speaks https, name its address in trusted_proxies, so that clients' own addresses count.",
			"clients are told %s, and this server itself speaks plain http on %s", base, c.Listen)
	default:
		d.found.ok(check, "it listens on %s, and clients are told %s", c.Listen, base)
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
	path := d.config.TLSCert
	switch {
	case d.config.TLSSelfSigned:
		path = filepath.Join(d.config.DataDir, "tls", "cert.pem")
	case d.config.TLSACME != "":
		d.found.skip(check, "Let's Encrypt's for %s are renewed by the server", d.config.TLSACME)
		return
	case path == "":
		d.found.skip(check, "this server speaks no TLS itself")
		return
	}
	der, err := readPEM(path)
	var cert *x509.Certificate
	if err == nil {
		cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		advice := ""
		if d.config.TLSSelfSigned {
			advice = "index serve makes it when it starts."
		}
		d.found.fail(check, advice, "%v", err)
		return
	}
	d.judge(check, path, cert)
}

// judge tells how long a certificate is good for, and whether for the name that clients use.
func (d *localDoctor) judge(check, path string, cert *x509.Certificate) {
	end := cert.NotAfter.UTC().Format(time.DateOnly)
	left := cert.NotAfter.Sub(d.now())
	host := d.config.base(listenAddr(d.config.Listen)).Hostname()
	switch {
	case left <= 0:
		d.found.fail(check, "Renew it; the server reads the file again by itself.", "%s ended on %s", path, end)
	case d.now().Before(cert.NotBefore):
		d.found.fail(check, "Is this machine's clock right?", "%s is not good before %s", path, cert.NotBefore.UTC().Format(time.DateOnly))
	case cert.VerifyHostname(host) != nil:
		d.found.fail(check, "Make one that names it, or mend base_url.", "%s is not for %s, by which clients reach the index", path, host)
	case left < 14*24*time.Hour:
		d.found.warn(check, "Renew it; the server reads the file again by itself.", "%s ends on %s", path, end)
	default:
		d.found.ok(check, "%s is for %s and good until %s", path, host, end)
	}
}

// issuers asks each issuer for its keys.
func (d *localDoctor) issuers() {
	const check = "issuer"
	if len(d.config.OIDC.Issuers) == 0 {
		d.found.skip(check, "none is configured: trusted publishing is off")
		return
	}
	for _, i := range d.config.OIDC.Issuers {
		n, err := idtoken.Probe(d.ctx, idtoken.Issuer{Kind: i.Kind, URL: i.Issuer, Audience: audience(d.config.base(listenAddr(d.config.Listen))), CAFile: i.CAFile})
		if err != nil {
			d.found.fail(check, "May this machine connect to it? A private authority is named by ca_file.", "the keys of %s cannot be fetched: %.300v", i.Issuer, err)
			continue
		}
		d.found.ok(check, "%s answers with %d usable keys", i.Issuer, n)
	}
}
