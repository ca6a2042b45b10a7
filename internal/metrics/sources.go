package metrics

import (
	"context"
	"time"

	"pyindex/internal/advisory"
	"pyindex/internal/custody"
	"pyindex/internal/ingest"
	"pyindex/internal/policy"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
)

// Sources are where the metrics of an index are read. A nil function reports nothing. All functions but State and
// Totals are quick and ask no other machine.
type Sources struct {
	Aliases   func() map[string]int64 // requests by the path of the alias
	Uploads   func() ingest.Counts
	Failing   func() time.Time // since when uploads have been failing because of the server, or zero
	Mints     func() map[exchange.Counted]int64
	Issuers   func() []exchange.IssuerHealth
	Decisions func() map[policy.Counted]int64
	Files     func() files.Counters
	Tasks     func() map[Task]Runs
	Requests  func() (running int64, draining bool)
	// Certificate returns when the certificate of the server expires, or zero if it has none.
	Certificate func() time.Time
	// Space returns the free and all bytes of the disk with the stored content; false for an object store.
	Space func() (free, total int64, ok bool)
	// DataSpace returns the same of the disk with the data folder.
	DataSpace func() (free, total int64, ok bool)

	// State asks the database. It is called at most every few seconds, however often the metrics are read.
	State func(ctx context.Context) (State, error)
	// Totals counts rows. It is called if the serial of State differs from that of the last totals, at most once a minute,
	// and less often if it takes long.
	Totals func(ctx context.Context) (Totals, error)
}

// Task is background work of a server.
type Task string

// Runs counts the runs of a task.
type Runs struct {
	Succeeded, Failed int64
	Seconds           float64   // of all runs
	LastSuccess       time.Time // zero for never
	Removed           int64     // objects that the task removed
}

// State is the state of the index that is read often.
type State struct {
	Serial      int64
	Outages     int64 // of the database since the start
	Away        time.Duration
	Connections map[string]Connections // to the database, by "read" and "write"
	Backups     int64
	LastBackup  time.Time        // zero if there is none
	Leases      map[string]int64 // by kind
	Imports     int64            // that run, or were interrupted
	Recovered   bool             // restored from a backup, and the restore is not finished
	Checks      []custody.Check  // of the stored objects, the last of each kind
	Upstreams   []Upstream
	Feeds       []advisory.FeedStatus // of advisories
}

// Connections are those of a pool.
type Connections struct {
	InUse, Idle, Max int
	Waits            int64
	Waited           time.Duration
}

// Upstream is the state of an upstream, as this process sees it.
type Upstream struct {
	Name   string
	Health upstream.Health
	Errors map[upstream.FailureKind]int64
}

// Totals are sums over the rows of an index.
type Totals struct {
	Repositories, Projects, Files int64
	Bytes                         int64 // of own files
	Database                      int64 // bytes
	Waiting                       int64 // stored objects that no file refers to
	Kept                          []files.Usage
	KeptLimit                     int64 // bytes of files of upstreams, 0 if nothing is kept
	Full                          Full
}

// Full counts what comes near its limit of size, or has reached it.
type Full struct {
	Projects, Repositories int64 // that use at least 80 % of their limit
}
