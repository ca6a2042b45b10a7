// Package browse answers what people look up about an index: searches, comparisons of releases, and the audit log.
//
// Each exported method of Browser takes the caller right after the context and asks what they may do before anything
// else. A caller who may not read something gets the same answer as if it did not exist. It changes nothing.
package browse

import (
	"context"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
)

// Tx is what this package needs of a transaction.
type Tx interface {
	catalog.Tx

	// Search returns results, and their number, at most MaxFound + 1.
	Search(ctx context.Context, q SearchQuery) ([]catalog.Card, int, error)
	// NamesFrom returns names that begin with a prefix, in order; ids as in SearchQuery.
	NamesFrom(ctx context.Context, repositoryID, prefix string, ids []string, limit int) ([]string, error)
	// Dependents returns the projects whose latest release requires one of that name, and their number, at most MaxFound.
	Dependents(ctx context.Context, repositoryID, name string, ids []string,
		limit, offset int) ([]catalog.Card, int, error)
	// Members returns fault.NotFound for a file that was uploaded before they were kept.
	Members(ctx context.Context, fileID string) (catalog.Members, error)
}

// Store runs transactions over the rows; see access.Store for what View promises.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of a Browser; the zero value works.
type Options struct {
	// Redact leaves out of entries of a project's history the claims that the caller may not read. Without it owners see
	// no claims.
	Redact func(ctx context.Context, tx catalog.Tx, who access.Caller, projectID string, entries []audit.Entry) error
}

// Browser looks things up in an index. It is safe for concurrent use.
type Browser struct {
	index  *catalog.Index
	store  Store
	redact func(ctx context.Context, tx catalog.Tx, who access.Caller, projectID string, entries []audit.Entry) error
}

// New returns the browser of an index, over the rows of s.
func New(x *catalog.Index, s Store, o Options) *Browser {
	if o.Redact == nil {
		o.Redact = withoutClaims
	}
	return &Browser{index: x, store: s, redact: o.Redact}
}

// MaxFound is how many results of a search are counted and can be paged to.
const MaxFound = 1_000

// Sort is an order of results.
type Sort string

// The orders. The zero one is by relevance, or by time where nothing is searched for.
const (
	ByRelevance Sort = ""
	ByNewest    Sort = "newest"
	ByName      Sort = "name"
)

// SearchQuery is a search as the database is asked.
type SearchQuery struct {
	RepositoryID  string
	Words         []string // letters and digits; each must begin a word of the project's
	Name          string   // what was typed, as a project name would be
	ProjectIDs    []string // nil for all of the repository
	Classifier    string
	Python        string
	Attested      bool
	Sort          Sort
	Limit, Offset int
}
