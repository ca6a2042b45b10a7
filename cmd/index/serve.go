//go:build !windows

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
	"syscall"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/cli"
	"pyindex/internal/cli/upkeep"
	"pyindex/internal/config"
	"pyindex/internal/jsonapi"
	"pyindex/internal/leakapi"
	"pyindex/internal/legacyupload"
	"pyindex/internal/metrics"
	"pyindex/internal/osvapi"
	"pyindex/internal/programs"
	"pyindex/internal/publishers/mintapi"
	"pyindex/internal/route"
	"pyindex/internal/rssapi"
	"pyindex/internal/server"
	"pyindex/internal/simpleapi"
	"pyindex/internal/tlsserve"
	"pyindex/internal/version"
	"pyindex/web"
	"pyindex/web/ui"
)

type serveCmd struct{}

// serve serves until the session ends, and then drains. The settings are those shown to administrators.
func serve(s *cli.Session, settings []config.Setting) error {
	lines := s.Config.Log.Journal(s.Errs)
	defer lines.Flush() // also if this goroutine panics
	log := slog.New(lines)
	slog.SetDefault(log)
	if err := s.UnknownVariables(func(text string) { log.Warn(text) }); err != nil {
		return err
	}
	l, err := listen(s.Config.Listen)
	if err != nil {
		return err
	}
	base := s.Config.Base(l.Addr())
	a, err := app.Open(s.Ctx, s.Config, log, base)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	e := &endpoints{App: a, base: base, log: log, settings: settings}
	err = e.serve(s, l)
	return errors.Join(err, a.Close())
}

// listen opens the configured address. Errors name the setting, the address and the remedy.
func listen(address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	cause := err
	if op, ok := errors.AsType[*net.OpError](err); ok {
		cause = op.Err // the address follows the name of the setting
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		cause = number
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("listen: %s: %w; is another server using this address?", address, cause)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("listen: %s: %w; may this user open ports below 1024?", address, cause)
	case err != nil:
		return nil, fmt.Errorf("listen: %s: %w", address, cause)
	}
	return l, nil
}

// browsersKeepTLS reports whether to send Strict-Transport-Security for the host of base. On localhost the header would
// affect every other port too, and browsers ignore it for IP addresses.
func browsersKeepTLS(base *url.URL) bool {
	host := base.Hostname()
	_, err := netip.ParseAddr(host)
	return base.Scheme == "https" && err != nil && host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

// endpoints connects the packages that answer requests to an open index.
type endpoints struct {
	*app.App
	base      *url.URL
	log       *slog.Logger
	settings  []config.Setting // for the page of administrators
	authority string           // path of our own authority's certificate, "" if there is none
	metrics   *metrics.Metrics // nil if none are reported
	expires   func() time.Time // of the certificate; nil if there is none
}

// serve answers requests on l until the session ends.
func (e *endpoints) serve(s *cli.Session, l net.Listener) error {
	lock, taken, err := lockDataDir(e.Config.DataDir)
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	defer lock.Close()
	if taken {
		e.log.Warn("another server is using this data folder; both work, but one is enough", "data_dir", e.Config.DataDir)
	}
	listen, _, _ := net.SplitHostPort(e.Config.Listen)
	secure, err := tlsserve.New(tlsserve.Options{
		CertFile:   e.Config.TLSCert,
		KeyFile:    e.Config.TLSKey,
		SelfSigned: e.Config.TLSSelfSigned,
		ACMEHost:   e.Config.TLSACME,
		Dir:        filepath.Join(e.Config.DataDir, "tls"),
		Hosts:      []string{listen, e.base.Hostname()},
		Log:        e.log,
	})
	if err != nil {
		return err
	}
	e.authority, e.expires = secure.Authority, secure.Expiry
	keyring := access.NewKeyring(e.DB.Access(), access.KeyringOptions{
		AnonymousRead: e.Config.Access.AnonymousRead,
		SecondFactor:  access.FactorPolicy(e.Config.Access.RequireSecond),
	})
	h, err := e.handler(keyring)
	if err != nil {
		return err
	}
	if err := e.Declare(s.Ctx, e.log); err != nil {
		return err
	}
	if err := e.Registry.RecordServing(s.Ctx, e.base.String(), e.Config.Access.AnonymousRead); err != nil {
		e.log.Warn("cannot record the issuers and the base URL for commands, which rely on their own settings instead",
			"error", err)
	}
	if err := welcome(s, e.App, e.base, secure.Authority); err != nil {
		return err
	}
	reporting, err := e.report()
	if err != nil {
		return err
	}
	app.PaceCollector()
	stop := e.Background(s.Ctx, keyring, e.log, secure.Watch, reporting)
	defer stop()
	return h.Serve(s.Ctx, l, server.Run{
		TLS: secure.Config, Drain: time.Duration(e.Config.DrainTimeout), Delay: time.Duration(e.Config.DrainDelay),
	})
}

// handler returns the server with all route tables.
func (e *endpoints) handler(keyring *access.Keyring) (*server.Server, error) {
	health := server.NewHealth(server.Check{Name: "the database", Run: e.DB.Ping},
		server.Check{Name: "the storage", Run: e.Blobs.Ping, Shared: e.Blobs.Remote()})
	health.Uploads(func() error { _, err := e.Index.Trouble(); return err })
	health.Recovered(e.Index.RecoveredNow)
	c := e.Config
	o := server.Options{
		Keyring: keyring, Log: e.log, Name: c.Access.Realm, BasePath: e.base.Path,
		Origin: e.base.Scheme + "://" + e.base.Host,
		Cookie: route.Cookie(e.base, route.SessionCookie).Name,
		Away:   e.DB.Away,
		Rates: map[route.Limit]int{
			route.LimitUpload: int(c.Limits.UploadRate), route.LimitSignIn: int(c.Limits.SignInRate),
			route.LimitMint: int(c.Limits.MintRate), route.LimitBurn: int(c.Limits.MintRate),
			route.LimitLeak: int(c.Limits.MintRate), route.LimitQuery: osvapi.Rate,
		},
		MinRate: int64(c.Limits.UploadMinRate), Connections: int(c.Limits.Connections),
		ConnectionsPerAddress: int(c.Limits.ConnectionsPerAddress),
	}
	if browsersKeepTLS(e.base) {
		o.HSTS = time.Duration(c.HSTS)
	}
	for _, p := range c.TrustedProxies {
		o.TrustedProxies = append(o.TrustedProxies, p.Addresses)
	}
	keys, err := c.Leaks.PublicKeys()
	if err != nil {
		return nil, err
	}
	offered, err := programs.New(programs.Options{Folder: c.ClientPrograms})
	if err != nil {
		return nil, fmt.Errorf("client_programs: %w", err)
	}
	leaks := leakapi.New(e.Directory, leakapi.Options{Keys: keys})
	site, err := e.site(offered)
	if err != nil {
		return nil, err
	}
	o.Missing, o.Known = site.Missing, site.Known
	tables := append(e.tables(), leaks.Table(), offered.Table(), health.Table(), site.Table())
	if c.Metrics.On() {
		if o.MetricsToken, err = c.Metrics.Token(); err != nil {
			return nil, err
		}
		e.metrics = newMetrics(e.log)
		o.Observer, tables = e.metrics, append(tables, e.metrics.Table())
	}
	h, err := server.New(o, tables...)
	if err != nil {
		return nil, err
	}
	health.Watch(h)
	if e.metrics != nil {
		e.watch(h)
	}
	return h, nil
}

// site returns the web pages.
func (e *endpoints) site(offered *programs.Set) (*web.Site, error) {
	var authority []byte
	if e.authority != "" {
		var err error
		if authority, err = os.ReadFile(e.authority); err != nil {
			return nil, err
		}
	}
	logo, err := e.Config.ReadLogo()
	if err != nil {
		return nil, err
	}
	o := web.Options{
		Logo: logo, Security: ui.Security{Contacts: e.Config.SecurityContact, Policy: e.Config.SecurityPolicy},
		Authority: authority, Version: version.Read().Version, Programs: offered.Names(),
		Index: e.Index, Directory: e.Directory, Registry: e.Registry, Exchange: e.Minter, Accounts: e.Accounts,
		SignIn: e.SignIn, Outbox: e.Outbox, Desk: e.Desk, Holds: e.Holds, Advisories: e.Advisories, Downloads: e.Downloads,
		Followers: e.Followers, Upstreams: e.Upstreams,
		Reader: e.Reader, Instance: e.Instance, Health: e.Measured(),
		Doctor: upkeep.Examiner(e.App),
		Name:   e.Config.Name(), BaseURL: e.base,
		Log:    e.log,
		Closed: !e.Config.Access.AnonymousRead, Believed: e.Config.BelievedFor(),
	}
	o.Pictures.Direct, o.Pictures.Proxy = e.Config.Pages.Pictures()
	for _, s := range e.settings {
		o.Settings = append(o.Settings, ui.Setting(s))
	}
	provider, err := e.Config.SignOn(e.base, e.log)
	if err != nil {
		return nil, err
	}
	if provider != nil {
		o.SignOn, o.SignOnName, o.SignOnCreates = provider, e.Config.SSO.Name, e.Config.SSO.CreateUsers
	}
	sender, err := e.Config.Mail.Sender()
	if err != nil {
		return nil, err
	}
	if sender != nil {
		o.Mail = sender
	}
	return web.New(o)
}

// tables returns the route tables of the APIs.
func (e *endpoints) tables() []route.Table {
	simple := simpleapi.New(e.Reader, simpleapi.Options{
		BasePath: e.base.Path, BaseURL: e.base.String(), CacheBytes: int64(e.Config.Limits.PageCache),
		MaxAge: time.Duration(e.Config.Access.PageMaxAge), Instance: e.Instance,
		Aliases: e.Config.AliasList(), Used: e.Aliases.Note,
	})
	return []route.Table{
		simple.Table(), simple.AliasTable(),
		jsonapi.New(e.Reader, jsonapi.Options{BaseURL: e.base.String(), Instance: e.Instance}).Table(),
		osvapi.New(e.Reader, e.Advisories).Table(),
		rssapi.New(e.Reader, rssapi.Options{BaseURL: e.base.String(), Name: e.Config.Name()}).Table(),
		legacyupload.New(e.Index.Intake, legacyupload.Options{}).Table(),
		mintapi.New(e.Minter, e.Config.Audience(e.base), mintapi.Options{BaseURL: e.base}).Table(),
	}
}
