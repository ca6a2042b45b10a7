package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/audit"
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
func (c *serveCmd) Run(s *session) error {
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
	err = a.serve(s, l, base, log)
	return errors.Join(err, a.close())
}

// logger writes what the configuration wants to see.
func (c logConfig) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.Level)) // the enum holds nothing else
	o := &slog.HandlerOptions{Level: level}
	if c.Format == "json" {
		return slog.New(causes{slog.NewJSONHandler(w, o)})
	}
	return slog.New(causes{slog.NewTextHandler(w, o)})
}

// base returns the configured base URL, or one made of the address that is listened on.
func (c *Config) base(addr net.Addr) *url.URL {
	if c.BaseURL.parsed != nil {
		return c.BaseURL.parsed
	}
	if c.TLSACME != "" {
		return &url.URL{Scheme: "https", Host: c.TLSACME}
	}
	u := &url.URL{Scheme: "http"}
	if c.overTLS() {
		u.Scheme = "https"
	}
	host, _, _ := net.SplitHostPort(c.Listen)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(addr.String())
	u.Host = net.JoinHostPort(host, port)
	return u
}

// browsersKeepTLS reports whether browsers should be told to use nothing but https for a host. For localhost this would
// concern everything that a developer runs there, on any port, and for addresses it means nothing.
func browsersKeepTLS(base *url.URL) bool {
	host := base.Hostname()
	_, err := netip.ParseAddr(host)
	return base.Scheme == "https" && err != nil && host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

// serve answers on l until the session ends.
func (a *app) serve(s *session, l net.Listener, base *url.URL, log *slog.Logger) error {
	lock, taken, err := lockDataDir(a.config.DataDir)
	if err != nil {
		return fmt.Errorf("data_dir: %w", err)
	}
	defer lock.Close()
	if taken {
		log.Warn("another server serves this data folder; both work, but one is enough", "data_dir", a.config.DataDir)
	}
	secure, err := a.config.encrypt(base, log)
	if err != nil {
		return err
	}
	a.authority, a.settings = secure.authority, s.settings
	keyring := access.NewKeyring(a.db.Access(), access.KeyringOptions{AnonymousRead: a.config.Access.AnonymousRead, SecondFactor: access.FactorPolicy(a.config.Access.RequireSecond)})
	h, err := a.handler(keyring, base, log)
	if err != nil {
		return err
	}
	if err := a.welcome(s, base, secure.authority); err != nil {
		return err
	}
	stop := a.background(s.ctx, keyring, secure, log)
	defer stop()
	return h.Serve(s.ctx, l, server.Run{
		TLS: secure.config, Drain: time.Duration(a.config.DrainTimeout), Delay: time.Duration(a.config.DrainDelay),
	})
}

// handler puts the edges on the server.
func (a *app) handler(keyring *access.Keyring, base *url.URL, log *slog.Logger) (*server.Server, error) {
	health := server.NewHealth(server.Check{Name: "the database", Run: a.db.Ping}, server.Check{Name: "the storage", Run: a.blobs.Ping, Shared: a.blobs.Remote()})
	health.Uploads(func() error { _, err := a.index.Trouble(); return err })
	c := a.config
	o := server.Options{
		Keyring: keyring, Log: log, Name: c.Access.Realm, BasePath: base.Path, Origin: base.Scheme + "://" + base.Host,
		Cookie: route.Cookie(base, route.SessionCookie).Name,
		Away:   a.db.Away,
		Rates: map[route.Limit]int{
			route.LimitUpload: int(c.Limits.UploadRate), route.LimitSignIn: int(c.Limits.SignInRate),
			route.LimitMint: int(c.Limits.MintRate), route.LimitBurn: int(c.Limits.MintRate), route.LimitLeak: int(c.Limits.MintRate),
		},
		MinRate: int64(c.Limits.UploadMinRate), Connections: int(c.Limits.Connections), ConnectionsPerAddress: int(c.Limits.ConnectionsPerAddress),
	}
	if browsersKeepTLS(base) {
		o.HSTS = time.Duration(c.HSTS)
	}
	for _, p := range c.TrustedProxies {
		o.TrustedProxies = append(o.TrustedProxies, p.addresses)
	}
	keys, err := c.Leaks.publicKeys()
	if err != nil {
		return nil, err
	}
	leaks := leakapi.New(a.directory, leakapi.Options{Keys: keys})
	site, err := a.site(base, log)
	if err != nil {
		return nil, err
	}
	o.Missing, o.Known = site.Missing, site.Known
	h, err := server.New(o, append(a.tables(base), leaks.Table(), health.Table(), site.Table())...)
	if err == nil {
		health.Watch(h)
	}
	return h, err
}

// site is the pages for people.
func (a *app) site(base *url.URL, log *slog.Logger) (*web.Site, error) {
	var authority []byte
	if a.authority != "" {
		var err error
		if authority, err = os.ReadFile(a.authority); err != nil {
			return nil, err
		}
	}
	o := web.Options{
		Authority: authority, Settings: a.settings, Version: program().Version,
		Index: a.index, Directory: a.directory, Registry: a.registry, Exchange: a.minter, Accounts: a.accounts, Desk: a.desk, Name: a.config.name(), BaseURL: base, Log: log, Closed: !a.config.Access.AnonymousRead, Believed: a.config.believedFor(),
	}
	provider, err := a.config.signOn(base, log)
	if err != nil {
		return nil, err
	}
	if provider != nil {
		o.SignOn, o.SignOnName, o.SignOnCreates = provider, a.config.SSO.Name, a.config.SSO.CreateUsers
	}
	sender, err := a.config.Mail.sender()
	if err != nil {
		return nil, err
	}
	if sender != nil {
		o.Mail = sender
	}
	return web.New(o)
}

// tables returns what the edges answer.
func (a *app) tables(base *url.URL) []route.Table {
	return []route.Table{
		simpleapi.New(a.index, simpleapi.Options{BasePath: base.Path, BaseURL: base.String(), CacheBytes: int64(a.config.Limits.PageCache)}).Table(),
		jsonapi.New(a.index, jsonapi.Options{BaseURL: base.String()}).Table(),
		legacyupload.New(a.index, legacyupload.Options{}).Table(),
		mintapi.New(a.minter, audience(base), mintapi.Options{BaseURL: base}).Table(),
	}
}

// flushEvery is how often last uses are written, sweepEvery how often what nothing names is removed, and
// renewEvery how often a self-signed certificate is looked at, and refreshEvery how often the age of issuers' keys.
const (
	flushEvery   = time.Second
	sweepEvery   = 5 * time.Minute
	renewEvery   = 12 * time.Hour
	checkEvery   = time.Hour // when a check of the stored bytes may be due, which is once a day for all replicas
	refreshEvery = time.Minute
	remindEvery  = time.Hour              // how often it is looked for tokens that end soon
	tidyAfter    = 500 * time.Millisecond // when what starting needed, and serving does not, goes back to the system
)

// background runs what goes on beside requests, and returns what ends it and writes the last last uses.
func (a *app) background(ctx context.Context, keyring *access.Keyring, secure encryption, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var loops group
	loops.every(ctx, flushEvery, func() error { return errors.Join(keyring.Flush(ctx), a.index.FlushDownloads(ctx)) }, log, "writing last uses")
	tidy := time.AfterFunc(tidyAfter, func() {
		debug.FreeOSMemory()
		if err := unmapProgram(); err != nil {
			log.Debug("giving back the program's pages", "error", err)
		}
	})
	loops.Go(func() {
		a.db.Attend(ctx, func(ctx context.Context) {
			if err := errors.Join(a.index.Refresh(ctx), keyring.Refresh(ctx)); err != nil && ctx.Err() == nil {
				log.Debug("reading again what was in use", "error", err)
			}
		})
	})
	a.verifier.Warm()
	loops.every(ctx, refreshEvery, func() error { a.verifier.Refresh(); return nil }, log, "refreshing keys")
	loops.every(ctx, sweepEvery, func() error { return a.sweep(ctx) }, log, "sweeping")
	loops.every(ctx, checkEvery, func() error { return a.index.CheckDaily(ctx, a.operator) }, log, "checking the stored bytes")
	loops.Go(func() { // what the last process was about to remove when it was killed
		if err := a.sweep(ctx); err != nil && ctx.Err() == nil {
			log.Error("sweeping", "error", err)
		}
	})
	loops.Go(func() { // projects of before there was a search
		if err := a.index.Backfill(ctx); err != nil && ctx.Err() == nil {
			log.Error("filling the search", "error", err)
		}
	})
	if sender, err := a.config.Mail.sender(); err == nil && sender != nil {
		loops.every(ctx, remindEvery, func() error { return a.remind(ctx, sender) }, log, "reminding of tokens that end")
	}
	loops.Go(func() { a.post(ctx, log) })
	if secure.renew != nil {
		loops.every(ctx, renewEvery, secure.renew, log, "renewing the certificate")
	}
	loops.Go(func() { secure.onHangup(ctx) })
	return func() {
		tidy.Stop()
		cancel()
		loops.Wait()
		last := context.WithoutCancel(ctx)
		if err := errors.Join(keyring.Flush(last), a.index.FlushDownloads(last)); err != nil {
			log.Error("writing last uses", "error", err)
		}
	}
}

// remind writes to people whose API tokens end soon.
func (a *app) remind(ctx context.Context, sender web.Mailer) error {
	return a.accounts.RemindOfTokens(ctx, func(ctx context.Context, r account.Reminder) error {
		return sender.Send(ctx, r.Email, account.ReminderLetter(a.config.name(), r, a.config.linkTo("/manage/account/token/")))
	})
}

// sweep removes what nothing names any more.
func (a *app) sweep(ctx context.Context) error {
	_, err := a.index.Sweep(ctx, a.operator)
	forgotten, e := audit.Sweep(ctx, a.db.Record(), a.config.Audit.keep(), time.Now())
	if forgotten > 0 {
		slog.InfoContext(ctx, "entries of the record were kept long enough", "removed", forgotten)
	}
	a.minter.LogUnverified()
	return errors.Join(err, e, a.registry.Sweep(ctx), a.directory.SweepSessions(ctx), a.accounts.Sweep(ctx), a.index.SweepDownloads(ctx))
}
