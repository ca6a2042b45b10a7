package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/pictures"
	"pyindex/internal/storage/blobs"
)

// BelievedFor returns how long a server without its database may accept a token or session that another process has
// revoked. It is 0 for SQLite, which is on the same machine.
func (c *Config) BelievedFor() time.Duration {
	if c.sqlitePath() != "" {
		return 0
	}
	return time.Duration(c.Database.Bridge)
}

// Meant returns fault.NotFound if the folder of the SQLite database does not exist, so that a typo in --data-dir does
// not create an empty index.
func (c *Config) Meant() error { return c.finds(filepath.Dir(c.sqlitePath())) }

// Exists returns fault.NotFound if the SQLite database does not exist.
func (c *Config) Exists() error { return c.finds(c.sqlitePath()) }

func (c *Config) finds(path string) error {
	if c.sqlitePath() == "" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound,
			"there is no index at %s: start index serve or create the first user there, or specify its folder with --data-dir",
			c.sqlitePath())
	}
	return nil
}

// Directory returns the options about tokens and sessions.
func (c *Config) Directory() access.DirectoryOptions {
	return access.DirectoryOptions{
		TokenMaxLife: time.Duration(c.Access.TokenMaxLife), TokenDefaultLife: time.Duration(c.Access.TokenDefault),
		SignOnLife: time.Duration(c.SSO.SessionLife),
	}
}

// Name returns the name of the index for pages and e-mail.
func (c *Config) Name() string {
	if c.Access.Realm == "index" {
		return "Index"
	}
	return c.Access.Realm
}

// Blobs returns the options of the blob store.
func (c *Config) Blobs() blobs.Options {
	return blobs.Options{
		StageDir: filepath.Join(c.DataDir, "stage"), Delivery: blobs.Delivery(c.Storage.Delivery),
		LinkURL: c.Storage.LinkURL, LinkLifetime: time.Duration(c.Storage.LinkLifetime),
	}
}

// Differs returns fault.Invalid if both configurations have the same database. They may have the same blob store; a
// migration then moves only the rows.
func (c *Config) Differs(other *Config) error {
	here, err := c.DatabaseURL()
	if err != nil {
		return err
	}
	there, err := other.DatabaseURL()
	if err != nil {
		return err
	}
	same := here == there
	if a, b := c.sqlitePath(), other.sqlitePath(); a != "" && b != "" {
		first, _ := os.Stat(a)
		second, err := os.Stat(b)
		same = same || err == nil && os.SameFile(first, second)
	}
	if same {
		return fault.New(fault.Invalid, "the new configuration has the same database as this index: there is nothing to move")
	}
	return nil
}

// Pictures returns how pictures of other sites are shown: loaded by browsers, fetched by this server with a fetcher, or
// neither.
func (c pagesConfig) Pictures() (direct bool, proxy *pictures.Fetcher) {
	if c.Images == "proxy" {
		proxy = pictures.New(pictures.Options{Hosts: c.ImageHosts})
	}
	return c.Images == "allow", proxy
}

// Retention returns how long entries of the audit log are kept.
func (c auditConfig) Retention() audit.Keep {
	return audit.Keep{All: time.Duration(c.Keep), Refused: time.Duration(c.KeepRefusals)}
}

// Catalog returns the catalog's bounds.
func (c limitsConfig) Catalog() catalog.Limits {
	return catalog.Limits{
		FileSize: int64(c.FileSize), ProjectSize: int64(c.ProjectSize), RepositorySize: int64(c.RepositorySize),
	}
}
