package access

import (
	"context"
	"time"

	"pyindex/internal/fault"
)

// NewAPIToken is the input of CreateToken.
type NewAPIToken struct {
	User        string
	Repository  string   // repository of the projects
	Projects    []string // normal names; empty for everything that the user may do
	Scope       Scope
	Expires     time.Duration // lifetime; 0 for the default
	Endless     bool          // never expires, if the settings allow that; Expires must be 0
	Description string        // at most 100 characters
}

// TokenInfo is a token as listings show it.
type TokenInfo struct {
	Token
	User     string   // user name
	Projects []string // normal names, for limited tokens
}

const maxDescription = 100

// CreateToken creates an API token and returns the token itself, which cannot be read again. Users with the scope admin
// can create tokens for themselves, administrators for any user; other callers get fault.Denied. It returns
// fault.NotFound if the user or a project is unknown, and fault.Invalid if the settings do not allow the lifetime.
func (d *Directory) CreateToken(ctx context.Context, who Caller, n NewAPIToken) (Token, Secret, error) {
	secret := NewToken()
	t := Token{
		ID: d.newID(), Kind: TokenAPI, Hash: HashToken(secret), Scope: n.Scope, Description: n.Description,
		Limited: len(n.Projects) > 0, CreatedAt: d.now(),
	}
	if err := checkToken(n); err != nil {
		return Token{}, "", err
	}
	var err error
	if t.ExpiresAt, err = d.tokenEnd(n, t.CreatedAt); err != nil {
		return Token{}, "", err
	}
	e := d.entry(who, "token.create", t.ID,
		map[string]any{"user": n.User, "scope": n.Scope.String(), "projects": n.Projects, "expires": expiresText(t)})
	err = d.change(ctx, who, func(who Caller) bool { return mayHold(who, n.User) }, e, func(tx Tx) error {
		u, err := userNamed(ctx, tx, n.User)
		if err != nil {
			return err
		}
		if !u.Active() {
			return fault.New(fault.Conflict, "user %s is disabled: enable the account first", n.User)
		}
		t.UserID = u.ID
		if who.sessionID != "" {
			if err := d.undescribed(ctx, tx, u.ID, n.Description); err != nil {
				return err
			}
		}
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		return bind(ctx, tx, t.ID, n)
	})
	if err != nil {
		return Token{}, "", err
	}
	return t, secret, nil
}

func expiresText(t Token) string {
	if t.ExpiresAt.IsZero() {
		return "never"
	}
	return t.ExpiresAt.UTC().Format(time.RFC3339)
}

// mayHold reports whether the caller may create tokens for a user: administrators for all, users for themselves.
func mayHold(who Caller, user string) bool {
	return who.Admin() || who.kind == KindUser && who.name == user && who.scope == ScopeAdmin && !who.limited
}

func checkToken(n NewAPIToken) error {
	switch {
	case n.Scope == NoScope || n.Scope > ScopeAdmin:
		return fault.New(fault.Invalid, "a token needs a scope: read, upload or admin")
	case n.Scope == ScopeAdmin && len(n.Projects) > 0:
		return fault.New(fault.Invalid,
			"a token of scope admin is not bound to projects: leave out the projects, or choose scope upload")
	case n.Expires < 0 || n.Endless && n.Expires != 0:
		return fault.New(fault.Invalid, "a token cannot expire before it is created")
	case len([]rune(n.Description)) > maxDescription:
		return fault.New(fault.Invalid, "a token's description has at most %d characters", maxDescription)
	}
	return nil
}

func bind(ctx context.Context, tx Tx, tokenID string, n NewAPIToken) error {
	for _, name := range n.Projects {
		id, err := tx.ProjectID(ctx, n.Repository, name)
		if fault.Is(err, fault.NotFound) {
			return fault.Wrap(fault.NotFound, err,
				"there is no project %.80q yet: upload it once with a token for all projects, or register a pending publisher",
				name)
		} else if err != nil {
			return err
		}
		if err := tx.InsertTokenProject(ctx, TokenProject{TokenID: tokenID, ProjectID: id}); err != nil {
			return err
		}
	}
	return nil
}

// Tokens returns API tokens, oldest first: all tokens for an administrator, and their own for other users.
func (d *Directory) Tokens(ctx context.Context, who Caller) ([]TokenInfo, error) {
	if !who.Known() || who.kind == KindPublisher || who.scope < ScopeAdmin {
		return nil, denied("tokens")
	}
	owner := who.id
	if who.Admin() {
		owner = ""
	}
	var infos []TokenInfo
	err := d.store.View(ctx, func(tx Tx) error {
		tokens, projects, err := tx.Tokens(ctx, owner)
		if err != nil {
			return err
		}
		infos, err = withNames(ctx, tx, tokens, projects)
		return err
	})
	return infos, err
}

func withNames(ctx context.Context, tx Tx, tokens []Token, projects map[string][]string) ([]TokenInfo, error) {
	users, err := tx.Users(ctx)
	if err != nil {
		return nil, err
	}
	names := make(map[string]string, len(users))
	for _, u := range users {
		names[u.ID] = u.Name
	}
	infos := make([]TokenInfo, 0, len(tokens))
	for _, t := range tokens {
		infos = append(infos, TokenInfo{Token: t, User: names[t.UserID], Projects: projects[t.ID]})
	}
	return infos, nil
}

// RevokeToken revokes a token. The change takes effect with the next request. It returns fault.NotFound if the token is
// unknown, or belongs to another user and the caller is not an administrator.
func (d *Directory) RevokeToken(ctx context.Context, who Caller, id string) error {
	may := func(who Caller) bool { return who.Admin() || who.kind == KindUser && who.scope == ScopeAdmin }
	return d.changeAs(ctx, who, may, d.entry(who, "token.revoke", id, nil), func(tx Tx, who Caller) error {
		t, err := tx.TokenByID(ctx, id)
		if fault.Is(err, fault.NotFound) || err == nil && !who.Admin() && t.UserID != who.id {
			return fault.New(fault.NotFound, "there is no token %.80q: index token list shows the tokens", id)
		} else if err != nil {
			return err
		}
		_, err = tx.RevokeToken(ctx, id, d.now())
		return err
	})
}

// undescribed returns fault.Invalid if the user has a live token with the same description. The user could not tell the
// two apart when revoking one.
func (d *Directory) undescribed(ctx context.Context, tx Tx, userID, description string) error {
	tokens, _, err := tx.Tokens(ctx, userID)
	for _, t := range tokens {
		live := t.RevokedAt.IsZero() && (t.ExpiresAt.IsZero() || d.now().Before(t.ExpiresAt))
		if live && t.Description == description && description != "" {
			return fault.InField("description", "you have a token with that description already: choose another description")
		}
	}
	return err
}
