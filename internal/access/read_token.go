package access

import "context"

// Reads lists the ids that the reader rules of a minted token allow: whole repositories, and single projects.
type Reads struct {
	Repositories, Projects []string
}

// ReadRows stores the rules that minted read tokens are bound to.
type ReadRows interface {
	// InsertTokenReader binds a minted token to a reader rule. Binding twice is not an error.
	InsertTokenReader(ctx context.Context, tokenID, readerID string) error
	// TokenReads returns what a token's reader rules allow now. A removed rule allows nothing.
	TokenReads(ctx context.Context, tokenID string) (Reads, error)
}

// reader completes the caller of a token minted for reading. It may read the repositories and projects of its rules,
// and nothing else. The scope is fixed here, so that no row can widen it.
func reader(c Caller, t Token, r Reads) Caller {
	c.kind, c.name, c.claims = KindReader, t.Publisher, t.Claims
	c.limited, c.admin, c.scope = true, false, ScopeRead
	c.repositories, c.projects = set(r.Repositories), set(r.Projects)
	c.grants = make(map[string]Role, len(r.Repositories)+len(r.Projects))
	for _, ids := range [][]string{r.Repositories, r.Projects} {
		for _, id := range ids {
			c.grants[id] = Reader
		}
	}
	return c
}
