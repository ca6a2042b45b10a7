package exported

import (
	"encoding/json"
	"time"
)

// Format is the version of the format that this package writes. It reads no later one.
const Format = 1

// Names of files and folders in an export.
const (
	headerName     = "index-export.json"
	unfinishedName = "index-export.unfinished.json" // in place of the header while an export is written
	namesName      = "names.jsonl"
	repositoryName = "repository.json"
	projectsName   = "projects"
	packagesName   = "packages"
	simpleName     = "simple"
	sumsName       = "SHA256SUMS"

	metadataSuffix   = ".metadata"
	provenanceSuffix = ".provenance"
)

// Header describes an export. Only the header differs between two exports of the same content.
type Header struct {
	Format       int       `json:"format"`
	ID           string    `json:"id"`
	Program      string    `json:"program"`            // version of the index program
	Instance     string    `json:"instance,omitempty"` // id of the index
	BaseURL      string    `json:"base_url,omitempty"`
	StartedAt    time.Time `json:"started_at"`
	FinishedAt   time.Time `json:"finished_at,omitzero"`
	Selection    Selection `json:"selection"`
	Repositories []Totals  `json:"repositories"`
	// Missing lists files whose content is missing or damaged in the index, as REPOSITORY/FILENAME. They are described,
	// but their content is not in the export.
	Missing []string `json:"missing,omitempty"`
}

// Selection is what an export contains. An empty Selection is everything.
type Selection struct {
	Repositories []string `json:"repositories,omitempty"` // by name
	Project      string   `json:"project,omitempty"`      // pattern of normal names, as of path.Match
}

// Totals counts the content of a repository. All its rows are from one moment, that of the serial.
type Totals struct {
	Name     string `json:"name"`
	Serial   int64  `json:"serial"`
	Projects int64  `json:"projects"`
	Files    int64  `json:"files"`
	Bytes    int64  `json:"bytes"`
}

// By is the person or program that did something. It is a text: the export contains no accounts.
type By struct {
	Kind string `json:"kind,omitempty"`
	Name string `json:"name,omitempty"`
}

// Name says whose a project name is, for the whole index.
type Name struct {
	Name     string    `json:"name"`
	Origin   string    `json:"origin"`
	Upstream string    `json:"upstream,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	By       By        `json:"by,omitzero"`
	Why      string    `json:"why,omitempty"`
}

// Repository has everything about a repository but its projects.
type Repository struct {
	Name            string    `json:"name"`
	CreatedAt       time.Time `json:"created_at,omitzero"`
	Members         string    `json:"members"` // role of every user: "none", "reader" or "uploader"
	Public          bool      `json:"public"`
	RequireHashes   bool      `json:"require_hashes"`
	UpstreamReaders string    `json:"upstream_readers"`
	AnonymousFetch  bool      `json:"anonymous_fetch"`
	Bases           []string  `json:"bases,omitempty"` // repositories, and upstreams as upstream:NAME

	Rulings      []Ruling      `json:"rulings,omitempty"`
	Reservations []Reservation `json:"reservations,omitempty"`
	Deleted      []Deleted     `json:"deleted,omitempty"`
	// Tombstones are the names of deleted files of projects that are not in the export.
	Tombstones []Tombstone `json:"tombstones,omitempty"`

	Roles      []Role `json:"roles,omitempty"` // in the repository as a whole
	Publishers []Rule `json:"publishers,omitempty"`
	Readers    []Rule `json:"readers,omitempty"`
}

// Ruling is what an administrator decided about a name in the repository.
type Ruling struct {
	Name     string    `json:"name"`
	Origin   string    `json:"origin"`
	Versions string    `json:"versions,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	By       By        `json:"by,omitzero"`
	Why      string    `json:"why,omitempty"`
}

// Reservation reserves names before anything is uploaded.
type Reservation struct {
	Pattern string    `json:"pattern"`
	Prefix  bool      `json:"prefix"`
	Why     string    `json:"why"` // "reserved" or "pending"
	Since   time.Time `json:"since,omitzero"`
	EndsAt  time.Time `json:"ends_at,omitzero"`
	By      By        `json:"by,omitzero"`
	Reason  string    `json:"reason,omitempty"`
}

// Deleted is the last deleted project of a name.
type Deleted struct {
	Name      string    `json:"name"`
	DeletedAt time.Time `json:"deleted_at"`
	FreeAt    time.Time `json:"free_at,omitzero"`
	AgainAt   time.Time `json:"again_at,omitzero"`
	Owners    []string  `json:"owners,omitempty"` // "user NAME" or "group NAME"
}

// Tombstone is the name of a deleted file, which is never used again.
type Tombstone struct {
	Filename  string    `json:"filename"`
	Key       string    `json:"key"` // equal for all spellings of the file name
	DeletedAt time.Time `json:"deleted_at"`
}

// Role is a role of a user or group, with the command that gives it.
type Role struct {
	User    string `json:"user,omitempty"`
	Group   string `json:"group,omitempty"`
	Role    string `json:"role"`
	Command string `json:"command"`
}

// Rule is a trusted publisher or reader, with the command that adds it.
type Rule struct {
	Provider string            `json:"provider"`
	Issuer   string            `json:"issuer"`
	Fields   map[string]string `json:"fields"`
	OwnerID  string            `json:"owner_id,omitempty"`
	Names    string            `json:"names,omitempty"`   // prefix of the projects that it may publish
	Creates  bool              `json:"creates,omitempty"` // whether it may create them
	Projects []string          `json:"projects,omitempty"`
	Command  string            `json:"command"`
}

// Project has everything about a project.
type Project struct {
	Name         string    `json:"name"` // normal form
	Display      string    `json:"display"`
	Status       string    `json:"status"`
	StatusReason string    `json:"status_reason,omitempty"`
	CreatedAt    time.Time `json:"created_at,omitzero"`
	TrustedOnly  bool      `json:"trusted_only,omitempty"`
	StartupFiles bool      `json:"startup_files,omitempty"`
	FileLimit    int64     `json:"file_limit,omitempty"` // bytes
	SizeLimit    int64     `json:"size_limit,omitempty"` // bytes

	Releases     []Release     `json:"releases"`
	Tombstones   []Tombstone   `json:"tombstones,omitempty"`
	DownloadBase *DownloadBase `json:"download_base,omitempty"`
	Downloads    []Downloads   `json:"downloads,omitempty"`
	Roles        []Role        `json:"roles,omitempty"`
	Publishers   []Rule        `json:"publishers,omitempty"`
	Files        []File        `json:"files"` // last, because it may be long
}

// Release is a version of a project.
type Release struct {
	Version   string    `json:"version"`
	CreatedAt time.Time `json:"created_at,omitzero"`
}

// DownloadBase is the number of downloads that a project had in the index that it came from.
type DownloadBase struct {
	Source    string    `json:"source"`
	CountedAt time.Time `json:"counted_at,omitzero"`
	Downloads int64     `json:"downloads"`
}

// Downloads counts the downloads of a release on one day.
type Downloads struct {
	Day       string `json:"day"` // 2006-01-02, UTC
	Version   string `json:"version"`
	Downloads int64  `json:"downloads"`
}

// Hashes are digests in lower-case hex.
type Hashes struct {
	SHA256     string `json:"sha256"`
	MD5        string `json:"md5,omitempty"`
	Blake2b256 string `json:"blake2b_256,omitempty"`
}

// File is a distribution.
type File struct {
	Filename         string          `json:"filename"`
	Kind             string          `json:"packagetype"`
	Version          string          `json:"version"`
	PythonVersion    string          `json:"python_version,omitempty"`
	Size             int64           `json:"size"`
	Hashes           Hashes          `json:"hashes"`
	MetadataSHA256   string          `json:"metadata_sha256,omitempty"`
	RequiresPython   string          `json:"requires_python,omitempty"`
	Comment          string          `json:"comment,omitempty"`
	UploadedAt       time.Time       `json:"uploaded_at"`
	TimeTrust        string          `json:"time_trust"` // "stated", "latest" or "guessed"
	Uploader         Uploader        `json:"uploader"`
	Yanked           bool            `json:"yanked"`
	YankedReason     string          `json:"yanked_reason,omitempty"`
	QuarantinedAt    time.Time       `json:"quarantined_at,omitzero"`
	QuarantineReason string          `json:"quarantine_reason,omitempty"`
	Imported         *Imported       `json:"imported,omitempty"`
	Attestations     []Attestation   `json:"attestations,omitempty"`
	Metadata         json.RawMessage `json:"metadata"` // as parsed, with the names of the legacy JSON API
}

// Uploader is the uploader of a file at that time. It is a text: the export contains no accounts.
type Uploader struct {
	Kind   string         `json:"kind,omitempty"`
	Name   string         `json:"name,omitempty"`
	Claims map[string]any `json:"claims,omitempty"` // verified, of a trusted publisher
}

// Imported says that a file came from another index.
type Imported struct {
	Source       string `json:"source"`
	Uploader     string `json:"uploader,omitempty"` // that the other index named
	Legacy       bool   `json:"legacy,omitempty"`
	DigestStated bool   `json:"digest_stated"`
}

// Attestation is a signed statement about a file (PEP 740).
type Attestation struct {
	Predicate string         `json:"predicate"`
	Document  string         `json:"document"` // JSON, as it was uploaded
	Verified  bool           `json:"verified"`
	Publisher map[string]any `json:"publisher,omitempty"`
}
