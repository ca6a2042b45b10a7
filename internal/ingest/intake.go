package ingest

import (
	"log/slog"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
)

// Options are the settings of an Intake; the zero value works.
type Options struct {
	Now    func() time.Time // time.Now
	NewID  func() string    // UUIDv7
	Log    *slog.Logger     // slog.Default
	Policy Policy           // PrivatePolicy is the zero value
	Limits catalog.Limits   // for projects without limits of their own
	// Attester handles attestations. Without one, they are discarded.
	Attester Attester
	// Versions reads the versions that upstreams have of a name of origin both. Without one, no version can be uploaded to
	// such a name.
	Versions UpstreamVersions
}

// Intake adds uploaded files to an index. It is safe for concurrent use; any number may share a database and store.
type Intake struct {
	index    *catalog.Index
	store    Store
	custody  *custody.Keeper
	changes  access.Changes[Tx]
	log      *slog.Logger
	policy   Policy
	limits   catalog.Limits
	attester Attester
	versions UpstreamVersions
	trouble  trouble
	counts   counts
}

// New returns the intake of an index, over the rows of s, with content stored by k.
func New(x *catalog.Index, s Store, k *custody.Keeper, o Options) *Intake {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Attester == nil {
		o.Attester = ignorant{}
	}
	return &Intake{
		index: x, store: s, custody: k, changes: access.NewChanges(s, o.Now, o.NewID), log: o.Log,
		policy: o.Policy, limits: o.Limits, attester: o.Attester, versions: o.Versions,
	}
}
