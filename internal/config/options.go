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
	"pyindex/internal/storage/blobs"
)

// BelievedFor is how long a server that is cut off believes what another process ended meanwhile. A file of SQLite is
// on the same machine.
func (c *Config) BelievedFor() time.Duration {
	if c.sqlitePath() != "" {
		return 0
	}
	return time.Duration(c.Database.Bridge)
}

// Meant returns fault.NotFound where a command would otherwise make a new, empty index in a folder that is not there:
// a slip in --data-dir. A folder that somebody made is meant.
func (c *Config) Meant() error { return c.finds(filepath.Dir(c.sqlitePath())) }

// Exists returns fault.NotFound where there is no database.
func (c *Config) Exists() error { return c.finds(c.sqlitePath()) }

func (c *Config) finds(path string) error {
	if c.sqlitePath() == "" {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.NotFound,
			"there is no index at %s: start index serve or make the first user there, or name its folder with --data-dir",
			c.sqlitePath())
	}
	return nil
}

// Directory are the choices about tokens and sessions.
func (c *Config) Directory() access.DirectoryOptions {
	return access.DirectoryOptions{
		TokenMaxLife: time.Duration(c.Access.TokenMaxLife), TokenDefaultLife: time.Duration(c.Access.TokenDefault),
		SignOnLife: time.Duration(c.SSO.SessionLife),
	}
}

// Name is what people read of the index's name.
func (c *Config) Name() string {
	if c.Access.Realm == "index" {
		return "Index"
	}
	return c.Access.Realm
}

// Blobs are the choices for the store of bytes.
func (c *Config) Blobs() blobs.Options {
	return blobs.Options{
		StageDir: filepath.Join(c.DataDir, "stage"), Delivery: blobs.Delivery(c.Storage.Delivery),
		LinkURL: c.Storage.LinkURL, LinkLifetime: time.Duration(c.Storage.LinkLifetime),
	}
}

// Differs returns fault.Invalid where two configurations have one database. The store may be the same: then only rows
// move.
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
		return fault.New(fault.Invalid, "the new place has the database of this index: nothing would move")
	}
	return nil
}

// Retention returns how long entries of the audit log are kept.
func (c auditConfig) Retention() audit.Keep {
	return audit.Keep{All: time.Duration(c.Keep), Refused: time.Duration(c.KeepRefusals)}
}

// Catalog returns the catalog's bounds.
func (c limitsConfig) Catalog() catalog.Limits {
	return catalog.Limits{FileSize: int64(c.FileSize), ProjectSize: int64(c.ProjectSize)}
}
