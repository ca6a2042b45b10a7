package main

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
	"pyindex/internal/catalog"
	"pyindex/internal/lockout"
	"pyindex/internal/passkeys"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/accountid"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
)

// app is an opened index: its services over one database and one blob store.
type app struct {
	config    *Config
	db        *db.DB
	blobs     *blobs.Blobs
	index     *catalog.Index
	directory *access.Directory
	verifier  *idtoken.Verifier
	registry  *publishers.Registry
	desk      *lockout.Desk
	accounts  *account.Accounts
	operator  access.Caller
}

// open opens the index. base is where clients reach it, nil for commands.
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
	if a.accounts, err = accounts(c, a.db, base); err != nil {
		return nil, errors.Join(err, a.close())
	}
	verifier, err := newVerifier(c, base, log)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("oidc.issuers: %w", err), a.close())
	}
	a.verifier = verifier
	created, err := a.tellCreated(base, log)
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	a.registry = publishers.New(a.db.Publishers(), verifier, publishers.Providers(), publishers.Options{
		Lifetime: time.Duration(c.OIDC.TokenLifetime), KeepExchanges: time.Duration(c.OIDC.KeepExchanges), OwnerID: accountid.New(http.DefaultClient, c.accountAPIs()...).Of,
		Issuers: c.issuers(base), Policy: c.Upload.policy(), Created: created, Log: log,
	})
	a.desk = lockout.New(a.db.Lockouts(), lockout.Options{Sentence: a.registry.Sentence})
	a.index = catalog.New(a.db.Catalog(), a.blobs, catalog.Options{
		Log: log, Policy: c.Upload.policy(), Limits: c.Limits.catalog(), Attester: attester, Redact: a.registry.Redact,
	})
	return a, nil
}

// accounts opens the accounts of the index. base is nil for commands, which have no passkeys.
func accounts(c *Config, rows *db.DB, base *url.URL) (*account.Accounts, error) {
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

// osUser names the operator in the record.
func osUser() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "operator"
}

// openStores opens the database and the blob store alone.
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

// close closes the index.
func (a *app) close() error {
	return errors.Join(a.blobs.Close(), a.db.Close())
}

// newVerifier returns what checks identity tokens for this index. Without base it accepts none.
func newVerifier(c *Config, base *url.URL, log *slog.Logger) (*idtoken.Verifier, error) {
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
