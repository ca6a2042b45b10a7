package access

import (
	"cmp"
	"context"
	"slices"

	"pyindex/internal/packaging"
)

// NameRule is a publisher of a repository, as its minted tokens have it: it allows uploads to the projects of the
// repository that the prefix covers, whether or not they exist yet.
type NameRule struct {
	ID           string // of the repository's publisher
	RepositoryID string
	Prefix       packaging.NamePrefix
	Creates      bool   // whether an upload may create the project
	OwnerID      string // user id of the owner of such a project; "" if only administrators manage it
}

// Covers reports whether the rule covers a name in a repository.
func (n NameRule) Covers(repositoryID string, name packaging.ProjectName) bool {
	return repositoryID != "" && n.RepositoryID == repositoryID && n.Prefix.Covers(name)
}

// NameRows stores the publishers of repositories that minted tokens are bound to.
type NameRows interface {
	// InsertTokenNames binds a minted token to a publisher of a repository. Binding twice is not an error.
	InsertTokenNames(ctx context.Context, tokenID, id string) error
	// TokenNames returns what a token's publishers of repositories allow now. A removed one allows nothing.
	TokenNames(ctx context.Context, tokenID string) ([]NameRule, error)
}

// named reports whether a NameRule of c covers o.
func (c Caller) named(o Object) bool {
	return slices.ContainsFunc(c.names, func(n NameRule) bool { return n.Covers(o.RepositoryID, o.Project) })
}

// NamesIn reports whether c may upload to projects of a repository by their names. The zero Caller may not.
func (c Caller) NamesIn(repositoryID string) bool {
	return slices.ContainsFunc(c.names, func(n NameRule) bool {
		return repositoryID != "" && n.RepositoryID == repositoryID
	})
}

// NameRule returns the rule by which c may upload to a name of the repository o, and false if there is none. If several
// rules cover the name, one that allows creation comes first, and then the one with the longest prefix.
func (c Caller) NameRule(o Object, name packaging.ProjectName) (NameRule, bool) {
	var best NameRule
	if c.kind != KindPublisher || c.scope < ScopeUpload {
		return best, false
	}
	found := false
	for _, n := range c.names {
		if n.Covers(o.RepositoryID, name) && (!found || n.before(best)) {
			best, found = n, true
		}
	}
	return best, found
}

func (n NameRule) before(o NameRule) bool {
	if n.Creates != o.Creates {
		return n.Creates
	}
	return cmp.Or(-cmp.Compare(len(n.Prefix.String()), len(o.Prefix.String())), cmp.Compare(n.ID, o.ID)) < 0
}
