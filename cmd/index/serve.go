package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"pyindex/internal/access"
	"pyindex/internal/jsonapi"
	"pyindex/internal/leakapi"
	"pyindex/internal/legacyupload"
	"pyindex/internal/publishers/mintapi"
	"pyindex/internal/route"
	"pyindex/internal/server"
	"pyindex/internal/simpleapi"
	"pyindex/web"
)

type serveCmd struct{}

// Run serves until it is interrupted, then drains.
func (c *serveCmd) Run(s *session, parsed *kong.Context) error {
	log := s.config.Log.logger(s.errs)
	slog.SetDefault(log)
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w; is another server running there?", err)
	}
	base := s.config.base(l.Addr())
	a, err := open(s.ctx, s.config, log, base)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	e := &endpoints{app: a, base: base, log: log, settings: settingsOf(parsed)}
	err = e.serve(s, l)
	return errors.Join(err, a.close())
}

// browsersKeepTLS reports whether browsers should be told to use nothing but https for a host. For localhost this would
// concern everything that a developer runs there, on any port, and for addresses it means nothing.
func browsersKeepTLS(base *url.URL) bool {
	host := base.Hostname()
	_, err := netip.ParseAddr(host)
	return base.Scheme == "https" && err != nil && host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

// endpoints are the packages that answer requests, over an opened index.
type endpoints struct {
	*app
	base      *url.URL
	log       *slog.Logger
	settings  []Setting // for the administrator's page
	authority string    // path of the certificate of our own authority, "" for none
}

// serve answers requests on l until the session ends.
func (e *endpoints) serve(s *session, l net.Listener) error {
	lock, taken, err := lockDataDir(e.config.DataDir)
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	defer lock.Close()
	if taken {
		e.log.Warn("another server serves this data folder; both work, but one is enough", "data_dir", e.config.DataDir)
	}
	listen, _, _ := net.SplitHostPort(e.config.Listen)
	secure, err := newTLS(tlsOptions{
		CertFile:   e.config.TLSCert,
		KeyFile:    e.config.TLSKey,
		SelfSigned: e.config.TLSSelfSigned,
		ACMEHost:   e.config.TLSACME,
		Dir:        filepath.Join(e.config.DataDir, "tls"),
		Hosts:      []string{listen, e.base.Hostname()},
		Log:        e.log,
	})
	if err != nil {
		return err
	}
	e.authority = secure.authority
	keyring := access.NewKeyring(e.db.Access(), access.KeyringOptions{
		AnonymousRead: e.config.Access.AnonymousRead,
		SecondFactor:  access.FactorPolicy(e.config.Access.RequireSecond),
	})
	h, err := e.handler(keyring)
	if err != nil {
		return err
	}
	if err := welcome(s, e.app, e.base, secure.authority); err != nil {
		return err
	}
	stop := e.background(s.ctx, keyring, e.log, secure.watch)
	defer stop()
	return h.Serve(s.ctx, l, server.Run{
		TLS: secure.config, Drain: time.Duration(e.config.DrainTimeout), Delay: time.Duration(e.config.DrainDelay),
	})
}

// handler puts the edges on the server.
func (e *endpoints) handler(keyring *access.Keyring) (*server.Server, error) {
	health := server.NewHealth(server.Check{Name: "the database", Run: e.db.Ping}, server.Check{Name: "the storage", Run: e.blobs.Ping, Shared: e.blobs.Remote()})
	health.Uploads(func() error { _, err := e.index.Trouble(); return err })
	c := e.config
	o := server.Options{
		Keyring: keyring, Log: e.log, Name: c.Access.Realm, BasePath: e.base.Path, Origin: e.base.Scheme + "://" + e.base.Host,
		Cookie: route.Cookie(e.base, route.SessionCookie).Name,
		Away:   e.db.Away,
		Rates: map[route.Limit]int{
			route.LimitUpload: int(c.Limits.UploadRate), route.LimitSignIn: int(c.Limits.SignInRate),
			route.LimitMint: int(c.Limits.MintRate), route.LimitBurn: int(c.Limits.MintRate), route.LimitLeak: int(c.Limits.MintRate),
		},
		MinRate: int64(c.Limits.UploadMinRate), Connections: int(c.Limits.Connections), ConnectionsPerAddress: int(c.Limits.ConnectionsPerAddress),
	}
	if browsersKeepTLS(e.base) {
		o.HSTS = time.Duration(c.HSTS)
	}
	for _, p := range c.TrustedProxies {
		o.TrustedProxies = append(o.TrustedProxies, p.addresses)
	}
	keys, err := c.Leaks.publicKeys()
	if err != nil {
		return nil, err
	}
	leaks := leakapi.New(e.directory, leakapi.Options{Keys: keys})
	site, err := e.site()
	if err != nil {
		return nil, err
	}
	o.Missing, o.Known = site.Missing, site.Known
	h, err := server.New(o, append(e.tables(), leaks.Table(), health.Table(), site.Table())...)
	if err == nil {
		health.Watch(h)
	}
	return h, err
}

// site is the pages for people.
func (e *endpoints) site() (*web.Site, error) {
	var authority []byte
	if e.authority != "" {
		var err error
		if authority, err = os.ReadFile(e.authority); err != nil {
			return nil, err
		}
	}
	o := web.Options{
		Authority: authority, Version: program().Version,
		Index: e.index, Directory: e.directory, Registry: e.registry, Accounts: e.accounts, Desk: e.desk, Name: e.config.name(), BaseURL: e.base, Log: e.log, Closed: !e.config.Access.AnonymousRead, Believed: e.config.believedFor(),
	}
	for _, s := range e.settings {
		o.Settings = append(o.Settings, web.Setting(s))
	}
	provider, err := e.config.signOn(e.base, e.log)
	if err != nil {
		return nil, err
	}
	if provider != nil {
		o.SignOn, o.SignOnName, o.SignOnCreates = provider, e.config.SSO.Name, e.config.SSO.CreateUsers
	}
	sender, err := e.config.Mail.sender()
	if err != nil {
		return nil, err
	}
	if sender != nil {
		o.Mail = sender
	}
	return web.New(o)
}

// tables returns what the edges answer.
func (e *endpoints) tables() []route.Table {
	return []route.Table{
		simpleapi.New(e.index, simpleapi.Options{BasePath: e.base.Path, BaseURL: e.base.String(), CacheBytes: int64(e.config.Limits.PageCache)}).Table(),
		jsonapi.New(e.index, jsonapi.Options{BaseURL: e.base.String()}).Table(),
		legacyupload.New(e.index, legacyupload.Options{}).Table(),
		mintapi.New(e.registry, audience(e.base), mintapi.Options{BaseURL: e.base}).Table(),
	}
}
