package backup

import "time"

// Format is the version of the format that this program writes, and the newest one that it reads.
const Format = 1

// Manifest describes one snapshot of a backup. It is written last: a snapshot without a manifest is not one.
type Manifest struct {
	Format     int       `json:"format"`
	ID         string    `json:"id"` // the time of the snapshot with a random part, such as 20261129T214500Z-4f1c
	Version    string    `json:"version"`
	Schema     int64     `json:"schema"`   // of the rows
	Instance   string    `json:"instance"` // id of the index
	BaseURL    string    `json:"base_url"`
	StartedAt  time.Time `json:"started_at"`
	At         time.Time `json:"at"` // of the snapshot of the rows
	FinishedAt time.Time `json:"finished_at"`
	Serial     int64     `json:"serial"`
	Epoch      string    `json:"epoch"`
	AuditHead  Head      `json:"audit_head"`
	Tables     []Table   `json:"tables"`
	Files      []Part    `json:"files"`     // of the snapshot, without the manifest
	Objects    int64     `json:"objects"`   // content that the rows need
	Bytes      int64     `json:"bytes"`     // its size
	RowsOnly   bool      `json:"rows_only"` // the content is not in the backup, but stays in the store
	WithCache  bool      `json:"with_cache"`
	Absent     []Absence `json:"absent"`
	// Lacking is the number of objects that were missing or damaged in the store, and Missing lists some of them.
	Lacking int64     `json:"lacking"`
	Missing []Missing `json:"missing,omitempty"`
}

// Missing is content that the rows need and that the store did not have.
type Missing struct {
	SHA256 string   `json:"sha256"`
	Keys   []string `json:"keys"`
	Why    string   `json:"why"`
}

// Head is the newest entry of the audit log.
type Head struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// Table is a table of the rows. Sum does not depend on the order of the rows.
type Table struct {
	Name string `json:"name"`
	Rows int64  `json:"rows"`
	Sum  string `json:"sum"`
}

// Part is a file of the snapshot, with its path below the folder of the snapshot.
type Part struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Absence is something that is not in the backup, with what its absence means for the person who restores it.
type Absence struct {
	What  string `json:"what"`
	Means string `json:"means"`
}
