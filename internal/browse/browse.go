// Package browse answers read-only queries about an index: searches, comparisons of releases, and the audit log.
//
// Each exported method of Browser takes the caller right after the context and checks permissions before anything else.
// A caller who may not read something gets the same answer as if it did not exist.
package browse

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/memo"
)

// Tx is a transaction with the rows of this package.
type Tx interface {
	catalog.Tx

	// Search returns a page of results and the number of all results, at most MaxFound + 1.
	Search(ctx context.Context, q SearchQuery) ([]catalog.Card, int, error)
	// FacetRows returns what facets count of the projects that a query finds, whatever its page, at most MaxFound; without
	// words, the newest.
	FacetRows(ctx context.Context, q SearchQuery) ([]FacetRow, error)
	// OwnerCounts returns the owners of most of the projects that a query finds, at most MaxFound, and only owners of the
	// project itself.
	OwnerCounts(ctx context.Context, q SearchQuery, limit int) ([]OwnerCount, error)
	// NamesFrom returns at most limit names that begin with a prefix, in order. ids is as in SearchQuery.ProjectIDs.
	NamesFrom(ctx context.Context, repositoryID, prefix string, ids []string, limit int) ([]string, error)
	// NamesWith returns at most limit names that contain one of some texts, in order. It reads all names of the
	// repository from an index. ids is as in SearchQuery.ProjectIDs.
	NamesWith(ctx context.Context, repositoryID string, texts, ids []string, limit int) ([]string, error)
	// Dependents returns a page of the projects whose latest release requires the named project, and the number of all of
	// them, at most MaxFound.
	Dependents(ctx context.Context, repositoryID, name string, ids []string,
		limit, offset int) ([]catalog.Card, int, error)
	// Members returns the members of a file, or fault.NotFound if it was uploaded before members were stored.
	Members(ctx context.Context, fileID string) (catalog.Members, error)
}

// Store runs transactions; see access.Store for the promises of View.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of a Browser; the zero value works.
type Options struct {
	// Redact removes the claims that the caller may not read from entries of a project's history. Without it, owners see
	// no claims.
	Redact func(ctx context.Context, tx catalog.Tx, who access.Caller, projectID string, entries []audit.Entry) error
}

// Browser answers queries about an index. It is safe for concurrent use.
type Browser struct {
	index       *catalog.Index
	store       Store
	digests     *digests
	comparisons *comparisons
	highest     *memo.BySerial[string, int]   // highestNamed of a repository, by its id
	common      *memo.BySerial[string, Found] // answers to queries that find more than MaxFound, by the query
	redact      func(ctx context.Context, tx catalog.Tx, who access.Caller, projectID string, entries []audit.Entry) error
}

// New returns the browser of an index, over the rows of s.
func New(x *catalog.Index, s Store, o Options) *Browser {
	if o.Redact == nil {
		o.Redact = withoutClaims
	}
	return &Browser{
		index: x, store: s, digests: newDigests(), comparisons: newComparisons(),
		highest: memo.NewBySerial[string, int](1000), common: memo.NewBySerial[string, Found](maxCommon), redact: o.Redact,
	}
}

// maxCommon is the number of answers that are kept. One has up to a hundred cards of less than a kilobyte.
const maxCommon = 64

// MaxFound is the number of search results that are counted and can be paged to.
const MaxFound = 1_000

// Sort is an order of search results.
type Sort string

// The zero value sorts by relevance, or newest first if the query has no words.
const (
	ByRelevance Sort = ""
	ByNewest    Sort = "newest"
	ByName      Sort = "name"
)

// SearchQuery is a search in the form for the database.
type SearchQuery struct {
	RepositoryID  string
	Words         []string // of catalog.Words; each must be a prefix of a word of the project
	Name          string   // the query text, normalized like a project name
	ProjectIDs    []string // nil for all projects of the repository
	Classifier    string
	Python        string
	License       string // as catalog.LicenseKey returns it
	Owner         string
	OwnerGroup    bool // Owner names a group
	Attested      bool
	Common        bool // the words are known to match more than MaxFound projects
	Sort          Sort
	Limit, Offset int
}
