package backup

import (
	"context"
	"io"
	"time"
)

// DumpOptions configure Rows.Dump. The zero value dumps all rows but those of caches and secrets.
type DumpOptions struct {
	// WithCache adds the pages of upstreams and the content that is kept from them.
	WithCache bool
	// Secrets receives the tables with secrets, as rows of their own; the secrets are left out if it is nil.
	Secrets io.Writer
	// Content is called for each content that the rows need, in the order of the digests.
	Content func(Content) error
	// Progress is called now and then with the rows so far and the size of SQLite's write-ahead log.
	Progress func(rows, log int64)
	// LogLimit is the size in bytes at which the dump stops, because SQLite cannot shorten its write-ahead log while the
	// rows are read. 0 means no limit.
	LogLimit int64
}

// Dumped describes the rows that were dumped.
type Dumped struct {
	Header
	At      time.Time // of the snapshot
	Head    Head      // of the audit log
	Tables  []Table
	Secrets []Table // those written to DumpOptions.Secrets
}

// Rows are the rows of an index.
type Rows interface {
	// Dump writes the rows of all tables, as of one moment, to w. It returns fault.Unavailable if the write-ahead log
	// reaches its limit.
	Dump(ctx context.Context, w io.Writer, o DumpOptions) (Dumped, error)
}

// Made is a finished backup as the index remembers it.
type Made struct {
	ID          string    `json:"id"`
	Place       string    `json:"place"` // the folder as the command named it, or "-"
	At          time.Time `json:"at"`    // before the snapshot
	FinishedAt  time.Time `json:"finished_at"`
	Serial      int64     `json:"serial"`
	Objects     int64     `json:"objects"`
	Bytes       int64     `json:"bytes"`
	RowsOnly    bool      `json:"rows_only"`
	ForgottenAt time.Time `json:"forgotten_at,omitzero"` // when the backup was removed by prune
}
