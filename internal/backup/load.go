package backup

import (
	"context"
	"io"

	"pyindex/internal/audit"
)

// LoadOptions configure Target.Load.
type LoadOptions struct {
	Manifest Manifest
	Place    string // where the backup is, for the row of the backup
	// Rows opens the rows of the snapshot. It may be called more than once.
	Rows func() (io.ReadCloser, error)
	// Secrets opens the tables with secrets; nil if they are not available.
	Secrets    func() (io.ReadCloser, error)
	KeepTokens bool // keep the API tokens
	Actor      audit.Actor
	Scratch    string // folder for a temporary database, needed if the rows have an older schema
	// Progress is called now and then with the number of rows that were loaded.
	Progress func(rows int64)
}

// Loaded describes a database that was filled from a backup.
type Loaded struct {
	Tables   []Table
	Rows     int64
	Serial   int64  // the first one of the new epoch
	Instance string // the new id of the index
	// The numbers of what was ended, because it may have been revoked or used after the backup.
	Sessions, Links, Minted, Tokens int64
	TokensKept                      int64
	// LostFactors are the users whose authenticator does not work, because its key is not in the backup.
	LostFactors []string
}

// Target is an empty database that receives the rows of a backup.
type Target interface {
	// BeginRestore marks the database, so that no server uses it before Load has succeeded. It reports whether it was
	// marked before. It returns fault.Conflict if the database contains an index.
	BeginRestore(ctx context.Context, snapshot string) (resumed bool, err error)
	// Load writes all rows in one transaction, after which the index is in the state recovered and the mark is removed. It
	// returns fault.Invalid if the rows are not those of the manifest, and fault.Conflict if the schema is newer than that
	// of this program or the database contains an index.
	Load(ctx context.Context, o LoadOptions) (Loaded, error)
}
