package access

import "context"

// Reads is what the reader rules behind a minted token let it see, by id: whole repositories, and single projects.
type Reads struct {
	Repositories, Projects []string
}

// ReadRows keeps what minted read tokens are bound to.
type ReadRows interface {
	// InsertTokenReader binds a minted token to the reader rule that it was minted for. Binding twice is fine.
	InsertTokenReader(ctx context.Context, tokenID, readerID string) error
	// TokenReads returns what a token's reader rules let it see now; a rule that was removed lets it see nothing.
	TokenReads(ctx context.Context, tokenID string) (Reads, error)
}

// reader completes the caller of a token that was minted for reading: it sees what its rules name, and does nothing.
// The scope is set here and not read, so that no row can make it more.
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
