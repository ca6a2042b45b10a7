// Package app opens an index from its settings.
//
// An App has the services over one database and one blob store, for the server and for commands on the same machine.
// Its Operator may do everything, so packages that handle requests must not import this package.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/advisory"
	"pyindex/internal/alias"
	"pyindex/internal/assembly"
	"pyindex/internal/config"
	"pyindex/internal/downloads"
	"pyindex/internal/follow"
	"pyindex/internal/holds"
	"pyindex/internal/lockout"
	"pyindex/internal/namelog"
	"pyindex/internal/passkeys"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/resolve"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/client"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/pages"
	"pyindex/internal/workload"
	"pyindex/internal/workload/accountid"
)

// App is an open index: the services over one database and one blob store.
type App struct {
	Config    *config.Config
	Base      *url.URL // where clients reach the index
	Closed    bool     // whether the index allows no reading without a token
	DB        *db.DB
	Blobs     *blobs.Blobs
	Index     *assembly.Index
	Directory *access.Directory
	verifier  *idtoken.Verifier
	Registry  *publishers.Registry
	Desk      *lockout.Desk
	Minter    *exchange.Minter
	Accounts  *account.Accounts
	SignIn    *signin.Methods
	Outbox    *outbox.Outbox
	Followers *follow.Followers
	Aliases   *alias.Ledger
	Upstreams *upstream.Registry
	Client    *client.Client // asks upstreams
	Pages     *pages.Pages
	Files     *files.Files
	Reader    *resolve.Reader
	Downloads *downloads.Record // who downloaded which file
	Holds     *holds.Holds
	// Advisories are the records of feeds about vulnerable and malicious releases.
	Advisories *advisory.Advisories
	Names      *namelog.Keeper // the copy of names beside the content
	Instance   string          // id of this index for other indexes
	Operator   access.Caller
	restoring  bool // the database is opened to restore a backup into it
	tasks      tasks
}

// Open opens the index. base is the URL at which clients reach the index, or nil for commands.
func Open(ctx context.Context, c *config.Config, log *slog.Logger, base *url.URL) (*App, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	attester, err := c.Attester(base == nil)
	if err != nil {
		return nil, err
	}
	for _, left := range attester.LeftOut() {
		log.Warn("attestations.trusted_root: " + left)
	}
	a := &App{Config: c, Operator: Operator()}
	if err := a.OpenStores(ctx, log); err != nil {
		return nil, err
	}
	serving, err := a.serving(ctx, base)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.Directory = access.NewDirectory(a.DB.Access(), c.Directory())
	if err = a.openAccounts(base); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	verifier, err := newVerifier(c, base, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("oidc.issuers: %w", err), a.Close())
	}
	a.verifier = verifier
	created, err := a.tellCreated(base, log)
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	if err := a.openPages(ctx, log); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	a.Registry = openRegistry(a, base, serving)
	a.Minter = exchange.New(a.Registry, verifier, exchange.Options{
		Lifetime: time.Duration(c.OIDC.TokenLifetime), Created: created, Log: log,
	})
	a.Desk = lockout.New(a.DB.Lockouts(), lockout.Options{Sentence: a.Registry.Sentence})
	a.Index = assembly.New(a.DB.Catalog(), a.Blobs, assembly.Options{
		Log: log, Policy: a.policy(), Limits: c.Limits.Catalog(), Attester: attester, Versions: a,
		Redact: insight.New(a.Registry).Redact,
	})
	a.openReader(log)
	a.Aliases = alias.NewLedger(a.DB.Aliases(), alias.Options{Aliases: c.AliasList()})
	a.Names = namelog.New(a.DB.Names(), a.Blobs, namelog.Options{Log: log})
	a.Followers = follow.New(a.Index.Index, a.DB.Follow(), nil)
	return a, nil
}

// serving sets Base and Closed and returns what the server last started with. It returns nil for the server itself,
// which has a base, and if no server has started yet.
func (a *App) serving(ctx context.Context, base *url.URL) (*publishers.Serving, error) {
	a.Base, a.Closed = base, !a.Config.Access.AnonymousRead
	if base != nil {
		return nil, nil
	}
	a.Base = a.Config.OwnBase()
	s, ok, err := publishers.LastServing(ctx, a.DB.Publishers())
	if err != nil || !ok {
		return nil, err
	}
	if s.BaseURL != "" {
		a.Closed = !s.Open
	}
	if at := Served(a.Config, s); at != nil {
		a.Base = at
	}
	return &s, nil
}

// Served returns the base URL that the server last started with, for a command without settings of its own about the
// address. It returns nil if the settings decide.
func Served(c *config.Config, s publishers.Serving) *url.URL {
	at, err := url.Parse(s.BaseURL)
	if c.Addressed() || s.BaseURL == "" || err != nil {
		return nil
	}
	return at
}

// LinkTo returns the URL of a page of the index.
func (a *App) LinkTo(path string) string { return strings.TrimSuffix(a.Base.String(), "/") + path }

// openRegistry opens the publishers. A command, whose base is nil, relies on the issuers and the audience that the
// server last started with, unless serving is nil.
func openRegistry(a *App, base *url.URL, serving *publishers.Serving) *publishers.Registry {
	c := a.Config
	o := publishers.Options{
		KeepExchanges: time.Duration(c.OIDC.KeepExchanges),
		OwnerID:       accountid.New(http.DefaultClient, c.AccountAPIs()...).Of,
		Issuers:       c.Issuers(),
		Audience:      c.Audience(base),
		Policy:        a.policy().NamePolicy,
	}
	if serving != nil {
		o.Issuers, o.Audience, o.Unserved = serving.Issuers, serving.Audience, o.Issuers
	}
	return publishers.New(a.DB.Publishers(), workload.All, o)
}

// openAccounts creates the services for accounts, sign-in and e-mail. base is nil for commands, which have no passkeys.
func (a *App) openAccounts(base *url.URL) error {
	c := a.Config
	box := outbox.Options{Sends: c.Mail.Server != ""}
	o := signin.Options{Name: c.Name(), SecondFactor: access.FactorPolicy(c.Access.RequireSecond)}
	if base != nil {
		ceremonies, err := passkeys.New(base, o.Name)
		if err != nil {
			return fmt.Errorf("base_url: passkeys: %w", err)
		}
		if ceremonies != nil {
			o.Authenticators = ceremonies
		}
		box.SecurityURL = strings.TrimSuffix(base.String(), "/") + "/manage/account/security/"
	}
	a.Outbox = outbox.New(a.DB.Outbox(), box)
	a.SignIn = signin.New(a.DB.SignIn(), a.Outbox, o)
	a.Accounts = account.New(a.DB.Accounts(), a.SignIn, account.Options{OwnersInvite: c.Access.Invitations == "owners"})
	return nil
}

// Operator returns the caller of the commands of this machine's user.
func Operator() access.Caller { return access.Operator(osUser()) }

// osUser returns the name of the operator for the audit log.
func osUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "operator"
}

// OpenStores opens only the database and the blob store.
func (a *App) OpenStores(ctx context.Context, log *slog.Logger) error {
	rows, err := a.Config.DatabaseURL()
	if err != nil {
		return err
	}
	if a.DB, err = db.Open(ctx, rows, db.Options{
		Log: log, Bridge: time.Duration(a.Config.Database.Bridge), Restoring: a.restoring,
	}); err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	bytes, err := a.Config.StorageURL()
	if err == nil {
		a.Blobs, err = blobs.Open(ctx, bytes, a.Config.Blobs())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("storage.url: %w", err), a.DB.Close())
	}
	return nil
}

// OpenToRestore opens the database and the blob store, which it creates if they are missing, to restore a backup into
// them. The result has no services.
func OpenToRestore(ctx context.Context, c *config.Config, log *slog.Logger) (*App, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	a := &App{Config: c, Operator: Operator(), restoring: true}
	return a, a.OpenStores(ctx, log)
}

// Close closes the database and the blob store.
func (a *App) Close() error {
	if a.Reader != nil {
		a.Reader.Close()
	}
	if a.Pages != nil {
		a.Pages.Close()
	}
	if a.Files != nil {
		a.Files.Close()
	}
	return errors.Join(a.Blobs.Close(), a.DB.Close())
}

// newVerifier returns the verifier of identity tokens for this index. If base is nil, it accepts no tokens.
func newVerifier(c *config.Config, base *url.URL, log *slog.Logger) (*idtoken.Verifier, error) {
	if base == nil {
		return idtoken.New(nil, idtoken.Options{Log: log})
	}
	var issuers []idtoken.Issuer
	for _, i := range c.OIDC.Issuers {
		issuers = append(issuers, idtoken.Issuer{
			Kind: i.Kind, URL: i.Issuer, Audiences: c.Audiences(i, base), CAFile: i.CAFile,
		})
	}
	return idtoken.New(issuers, idtoken.Options{Log: log})
}
