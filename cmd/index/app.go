package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/lockout"
	"pyindex/internal/passkeys"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/workload"
	"pyindex/internal/workload/accountid"
	"pyindex/web"
)

// app is the pieces of an index, joined over one database and one store of bytes.
type app struct {
	config    *Config
	db        *db.DB
	blobs     *blobs.Blobs
	index     *catalog.Index
	directory *access.Directory
	verifier  *idtoken.Verifier
	registry  *publishers.Registry
	minter    *exchange.Minter
	desk      *lockout.Desk
	accounts  *account.Accounts
	operator  access.Caller
	settings  []web.Setting
	authority string // path of the certificate of an authority of our own, "" where there is none
}

// with opens the index for a command, runs f and closes it.
func (s *session) with(f func(*app) error) error {
	if err := s.config.meant(); err != nil {
		return err
	}
	return s.withNew(f)
}

// withNew is with for a command that may be the first one: it makes the index where there is none.
func (s *session) withNew(f func(*app) error) (err error) {
	a, err := open(s.ctx, s.config, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	return f(a)
}

// meant returns fault.NotFound where a command would otherwise make a new, empty index in a folder that is not there:
// a slip in --data-dir. A folder that somebody made is meant.
func (c *Config) meant() error { return c.finds(filepath.Dir(c.sqlitePath())) }

// exists returns fault.NotFound where there is no database.
func (c *Config) exists() error { return c.finds(c.sqlitePath()) }

func (c *Config) finds(path string) error {
	if c.sqlitePath() == "" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound, "there is no index at %s: start index serve or make the first user there, or name its folder with --data-dir", c.sqlitePath())
	}
	return nil
}

// open joins the pieces. base is nil where nobody asks for the audience: in commands.
func open(ctx context.Context, c *Config, log *slog.Logger, base *url.URL) (*app, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	attester, err := c.attester()
	if err != nil {
		return nil, err
	}
	a := &app{config: c, operator: access.Operator(osUser())}
	if err := a.openStores(ctx, log); err != nil {
		return nil, err
	}
	a.directory = access.NewDirectory(a.db.Access(), c.directory())
	if a.accounts, err = c.accounts(a.db, base); err != nil {
		return nil, errors.Join(err, a.close())
	}
	verifier, err := c.verifier(base, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("oidc.issuers: %w", err), a.close())
	}
	a.verifier = verifier
	created, err := a.tellCreated(base, log)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.registry = publishers.New(a.db.Publishers(), providers(), publishers.Options{
		KeepExchanges: time.Duration(c.OIDC.KeepExchanges), OwnerID: accountid.New(http.DefaultClient, c.accountAPIs()...).Of,
		Issuers: c.issuers(base), Policy: c.Upload.policy(),
	})
	a.minter = exchange.New(a.registry, verifier, exchange.Options{Lifetime: time.Duration(c.OIDC.TokenLifetime), Created: created, Log: log})
	a.desk = lockout.New(a.db.Lockouts(), lockout.Options{Sentence: a.registry.Sentence})
	a.index = catalog.New(a.db.Catalog(), a.blobs, catalog.Options{
		Log: log, Policy: c.Upload.policy(), Limits: c.Limits.catalog(), Attester: attester, Redact: insight.New(a.registry).Redact,
	})
	return a, nil
}

// directory are the choices about tokens and sessions.
func (c *Config) directory() access.DirectoryOptions {
	return access.DirectoryOptions{
		TokenMaxLife: time.Duration(c.Access.TokenMaxLife), TokenDefaultLife: time.Duration(c.Access.TokenDefault), SignOnLife: time.Duration(c.SSO.SessionLife),
	}
}

// accounts are the accounts of the index; commands have no address and so no passkeys.
func (c *Config) accounts(rows *db.DB, base *url.URL) (*account.Accounts, error) {
	o := account.Options{Name: c.name(), OwnersInvite: c.Access.Invitations == "owners", SecondFactor: access.FactorPolicy(c.Access.RequireSecond)}
	if base != nil {
		ceremonies, err := passkeys.New(base, o.Name)
		if err != nil {
			return nil, fmt.Errorf("base_url: passkeys: %w", err)
		}
		if ceremonies != nil {
			o.Authenticators = ceremonies
		}
		if c.Mail.Server != "" {
			o.SecurityURL = strings.TrimSuffix(base.String(), "/") + "/manage/account/security/"
		}
	}
	return account.New(rows.Accounts(), o), nil
}

// name is what people read of the index's name.
func (c *Config) name() string {
	if c.Access.Realm == "index" {
		return "Index"
	}
	return c.Access.Realm
}

// providers are the kinds of publisher that there are rules for.
func providers() []workload.Provider {
	return []workload.Provider{workload.GitHub{}, workload.GitLab{}, workload.Google{}, workload.ActiveState{}, workload.Generic{}}
}

// osUser names the operator in the record.
func osUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "operator"
}

func (a *app) openStores(ctx context.Context, log *slog.Logger) error {
	rows, err := a.config.databaseURL()
	if err != nil {
		return err
	}
	if a.db, err = db.Open(ctx, rows, db.Options{Log: log, Bridge: time.Duration(a.config.Database.Bridge)}); err != nil {
		return fmt.Errorf("database.url: %w", err)
	}
	bytes, err := a.config.storageURL()
	if err == nil {
		a.blobs, err = blobs.Open(ctx, bytes, a.config.blobs())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("storage.url: %w", err), a.db.Close())
	}
	return nil
}

// blobs are the choices for the store of bytes.
func (c *Config) blobs() blobs.Options {
	return blobs.Options{
		StageDir: filepath.Join(c.DataDir, "stage"), Delivery: blobs.Delivery(c.Storage.Delivery),
		LinkURL: c.Storage.LinkURL, LinkLifetime: time.Duration(c.Storage.LinkLifetime),
	}
}

func (a *app) close() error {
	return errors.Join(a.blobs.Close(), a.db.Close())
}

// verifier checks identity tokens for this index.
func (c *Config) verifier(base *url.URL, log *slog.Logger) (*idtoken.Verifier, error) {
	if base == nil {
		return idtoken.New(nil, idtoken.Options{Log: log})
	}
	var issuers []idtoken.Issuer
	for _, i := range c.OIDC.Issuers {
		if i.Audience == "" {
			i.Audience = audience(base)
		}
		issuers = append(issuers, idtoken.Issuer{Kind: i.Kind, URL: i.Issuer, Audience: i.Audience, CAFile: i.CAFile})
	}
	return idtoken.New(issuers, idtoken.Options{Log: log})
}
