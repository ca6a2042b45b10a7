package verify

import (
	"context"

	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/packaging"
)

// Rule is a rule about the rows of an index that a database checks by itself.
type Rule string

// The rules, in the order in which they are checked: repairs of later ones rely on those of earlier ones.
const (
	RuleReferences   Rule = "references"    // rows refer to rows that exist
	RuleOrphans      Rule = "orphans"       // so do references that the database does not enforce
	RulePlace        Rule = "place"         // a file belongs to the project and repository of its release
	RuleVersion      Rule = "version"       // a file has the version of its release
	RuleTombstone    Rule = "tombstone"     // no listed file has the name of a deleted one
	RuleEmptyRelease Rule = "empty-release" // every release has a file
	RuleName         Rule = "name"          // the name of every project, and of every deleted one, is remembered
	RuleOrigin       Rule = "origin"        // the name of a project does not belong to an upstream without a decision
	RuleSource       Rule = "name-source"   // a name that an upstream is remembered to have is known
	RuleProjectSize  Rule = "project-size"  // the size of a project is that of its files
	RuleRepoSize     Rule = "repository-size"
	RuleSerial       Rule = "serial"      // no project is newer than the index
	RuleAttested     Rule = "attested"    // a file is marked if it has a verified attestation, and only then
	RuleHeld         Rule = "blob-row"    // every stored key that a file needs has its row
	RuleDropped      Rule = "blob-marked" // no key that a file needs is marked for deletion
	// a project with a release that readers see has a card, for a release that exists
	RuleCard         Rule = "card"
	RuleRequirements Rule = "requirements"
)

// rules are all rules in order.
var rules = []Rule{
	RuleReferences, RuleOrphans, RulePlace, RuleVersion, RuleTombstone, RuleEmptyRelease, RuleName, RuleOrigin, RuleSource,
	RuleProjectSize, RuleRepoSize, RuleSerial, RuleAttested, RuleHeld, RuleDropped, RuleCard, RuleRequirements,
}

// Wrong is a row that breaks a rule.
type Wrong struct {
	ID      string // identifies the row for the rule, and orders the rows that break it
	Subject string // the row in words
	Problem string
	Project string // id of the project of which the change must be visible, "" if none
}

// FileRow is a file with the names of its place.
type FileRow struct {
	catalog.File
	Repository, Project string // names
}

// Attested is an attestation with the file that it belongs to.
type Attested struct {
	FileID, Predicate            string
	Repository, Filename, SHA256 string
	Document                     string
}

// Kept is what is kept of a file of an upstream: its content, its metadata or its provenance.
type Kept struct {
	Upstream, Path string
	Part           string // "content", "metadata" or "provenance"
	Stored         custody.Stored
}

// Tx is a transaction with the rows of this package.
type Tx interface {
	catalog.Tx

	// Wrong returns at most limit rows that break a rule, after an id and ordered by it.
	Wrong(ctx context.Context, r Rule, after string, limit int) ([]Wrong, error)
	// Correct changes the row with an id so that it no longer breaks a rule, and reports whether it did. It changes
	// nothing if the row follows the rule by now, or if what is right cannot be derived.
	Correct(ctx context.Context, r Rule, id string) (bool, error)
	// CountFiles returns the number of files.
	CountFiles(ctx context.Context) (int64, error)
	// FilesByContent returns the files with the first digests after one, by digest and generation. The result covers at
	// most limit digests, and is empty only if none is left.
	FilesByContent(ctx context.Context, after string, limit int) ([]FileRow, error)
	// PutParsed replaces what the row of a file has of its core metadata. It returns fault.NotFound if the file is gone.
	PutParsed(ctx context.Context, fileID string, m packaging.Metadata) error
	// PutSize sets the size of a file, and reports whether the file exists.
	PutSize(ctx context.Context, fileID string, size int64) (bool, error)
	// AttestationsAfter returns at most limit attestations after a file's and a predicate, by file and predicate.
	AttestationsAfter(ctx context.Context, fileID, predicate string, limit int) ([]Attested, error)
	// KeptAfter returns what is kept of at most limit files of upstreams after one, by upstream and path.
	KeptAfter(ctx context.Context, upstream, path string, limit int) ([]Kept, error)
	// StillKept reports whether a row still says that k is kept.
	StillKept(ctx context.Context, k Kept) (bool, error)
	// ForgetKept makes the row of k say that it is not kept, so that it is fetched again when it is asked for.
	ForgetKept(ctx context.Context, k Kept) error
}

// Store runs transactions; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}
