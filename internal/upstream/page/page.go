package page

import (
	"time"

	"pyindex/internal/packaging"
)

// Page is the page of one project at an upstream.
type Page struct {
	Files        []File // in the upstream's order, each name once
	Status       string // PEP 792: "active", "archived", "deprecated", "quarantined", or "" if none is stated
	StatusReason string
	Serial       string // decimal digits, or "" if the upstream states none
	Dropped      int    // entries that Parse left out: malformed, of another project, or a repeated name

	// Gone are the files that an earlier page listed and the present one does not. Merge keeps them, so that a name
	// that returns cannot stand for other content. Their LastSeen is set.
	Gone []File

	// Away is since when the upstream has had no such project, or no file of it; zero if it lists files.
	Away time.Time
	// Returned is when the project, which was away, came back with none of its old files: somebody else may have taken
	// its name. It is zero if that never happened, or if one of the files from before is listed again.
	Returned time.Time
}

// File is a file on a Page.
type File struct {
	Filename string
	URL      string // absolute, http or https, without user and fragment
	Kind     packaging.Kind
	Version  string // in the normalized form of PEP 440
	SHA256   string // in lower-case hex, or "" if the upstream states none
	Size     int64  // in bytes, -1 if unknown

	Uploaded  time.Time // as the upstream states, to the microsecond; zero if unknown
	FirstSeen time.Time // when a page of the upstream first listed the file; zero if unknown
	LastSeen  time.Time // of a file in Page.Gone: when its absence was noticed; else zero

	RequiresPython string
	Yanked         bool
	YankedReason   string

	Metadata       bool   // the upstream offers the core metadata as a file of its own (PEP 658)
	MetadataSHA256 string // "" although Metadata is true, if it is stated without this digest
	Provenance     string // absolute URL (PEP 740), or ""
	Signed         *bool  // whether there is a PGP signature; nil if not stated

	// Changed is a digest that the upstream stated for this name after SHA256. The fields of the file are those of
	// SHA256.
	Changed string
}

// Bounds are the limits of a page beside its size in bytes, which the reader of the response limits. A limit of zero is
// that of DefaultBounds.
type Bounds struct {
	Files int // entries of a project's page
	Names int // entries of a list of projects
	Depth int // nested JSON objects and lists
}

// DefaultBounds returns the usual limits.
func DefaultBounds() Bounds { return Bounds{Files: 100_000, Names: 3_000_000, Depth: 32} }

func (b Bounds) orDefault() Bounds {
	d := DefaultBounds()
	if b.Files > 0 {
		d.Files = b.Files
	}
	if b.Names > 0 {
		d.Names = b.Names
	}
	if b.Depth > 0 {
		d.Depth = b.Depth
	}
	return d
}

// The longest texts of a file, in bytes.
const (
	maxURL    = 4096
	maxText   = 1000     // of a reason, which is cut, and of Requires-Python, which costs the file
	maxSerial = 20       // digits
	maxLinks  = 64 << 20 // of all URLs of a page together, since short links may become long by the base
)
