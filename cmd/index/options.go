package main

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

// believedFor is how long a server that is cut off believes what another process ended meanwhile. A file of SQLite is on the
// same machine.
func (c *Config) believedFor() time.Duration {
	if c.sqlitePath() != "" {
		return 0
	}
	return time.Duration(c.Database.Bridge)
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

// directory are the choices about tokens and sessions.
func (c *Config) directory() access.DirectoryOptions {
	return access.DirectoryOptions{
		TokenMaxLife: time.Duration(c.Access.TokenMaxLife), TokenDefaultLife: time.Duration(c.Access.TokenDefault), SignOnLife: time.Duration(c.SSO.SessionLife),
	}
}

// name is what people read of the index's name.
func (c *Config) name() string {
	if c.Access.Realm == "index" {
		return "Index"
	}
	return c.Access.Realm
}

// blobs are the choices for the store of bytes.
func (c *Config) blobs() blobs.Options {
	return blobs.Options{
		StageDir: filepath.Join(c.DataDir, "stage"), Delivery: blobs.Delivery(c.Storage.Delivery),
		LinkURL: c.Storage.LinkURL, LinkLifetime: time.Duration(c.Storage.LinkLifetime),
	}
}

// differs returns fault.Invalid where two configurations have one database. The store may be the same: then only rows move.
func (c *Config) differs(other *Config) error {
	here, err := c.databaseURL()
	if err != nil {
		return err
	}
	there, err := other.databaseURL()
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

// keep is how long the record is kept.
func (c auditConfig) keep() audit.Keep {
	return audit.Keep{All: time.Duration(c.Keep), Refused: time.Duration(c.KeepRefusals)}
}

// limits returns the catalog's bounds.
func (c limitsConfig) catalog() catalog.Limits {
	return catalog.Limits{FileSize: int64(c.FileSize), ProjectSize: int64(c.ProjectSize)}
}
