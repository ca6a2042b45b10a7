package namelog

import (
	"context"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
)

// Kinds of a Change.
const (
	KindName      = "name"
	KindDeleted   = "deleted"
	KindTombstone = "tombstone"
)

// Change is a row that is not in the copy yet. Repository is empty for a name, the name of the repository for a deleted
// project, and its id for the name of a deleted file.
type Change struct {
	Kind, Repository, Name string
	Mark                   int64
}

// Tombstone is the name of a deleted file.
type Tombstone struct {
	RepositoryID string    `json:"repository_id"`
	Repository   string    `json:"repository"` // the repository's name
	Key          string    `json:"key"`
	Filename     string    `json:"filename"`
	At           time.Time `json:"at"`
}

// State is what the database knows about itself and the copy.
type State struct {
	Instance string   // id of this index
	Before   []string // ids that it had before restores, oldest first
	Serial   int64
	// SavedAt is when the last segment of this instance was written; zero if none was.
	SavedAt    time.Time
	LastBackup time.Time // the snapshot of the newest backup; zero if there is none
	// Recovered is when a backup was restored, Snapshot its id and SnapshotAt its time, in the state recovered.
	Recovered  time.Time
	Snapshot   string
	SnapshotAt time.Time
}

// Tx is a transaction with the rows of this package.
type Tx interface {
	catalog.Tx

	NameLogState(ctx context.Context) (State, error)
	// Unsaved returns at most limit changes that are not in the copy.
	Unsaved(ctx context.Context, limit int) ([]Change, error)
	// ForgetUnsaved removes changes that are in the copy now, unless they changed again.
	ForgetUnsaved(ctx context.Context, all []Change) error
	// NoteSaved records that a segment of this instance was written.
	NoteSaved(ctx context.Context, at time.Time) error
	// LeaseNameLog lets one holder write until a time, and reports whether it is the caller.
	LeaseNameLog(ctx context.Context, holder string, now, until time.Time) (bool, error)
	// TombstoneOf returns the name of a deleted file, or fault.NotFound.
	TombstoneOf(ctx context.Context, repositoryID, key string) (Tombstone, error)
	// BuriedAfter returns at most limit names of deleted files after one, by repository id and key.
	BuriedAfter(ctx context.Context, after Tombstone, limit int) ([]Tombstone, error)
	// NoteInstance records an id that this index had before a restore.
	NoteInstance(ctx context.Context, id string, ended time.Time) error
	// BeginRecovered begins the state recovered.
	BeginRecovered(ctx context.Context, at time.Time, snapshot string, snapshotAt time.Time) error
	// EndRecovered ends it, and reports whether the index was in it.
	EndRecovered(ctx context.Context) (bool, error)
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Content is the store that has the copy. See custody.Blobs for the promises of its methods.
type Content interface {
	Stage(ctx context.Context) (custody.Stage, error)
	Keep(ctx context.Context, key string, s custody.Stage) error
	Open(ctx context.Context, key string) (custody.Blob, int64, error)
	Delete(ctx context.Context, key string) error
	// EachUnder calls f for the objects whose keys begin with a prefix that ends in a slash.
	EachUnder(ctx context.Context, prefix string, f func(custody.Object) error) error
}
