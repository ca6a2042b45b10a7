package access

import (
	"context"
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// NewAPIToken is the input of CreateToken.
type NewAPIToken struct {
	User        string   // user name, or full name of a service account
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
// can create tokens for themselves and for the service accounts that they manage, administrators for all accounts;
// other callers get fault.Denied. It returns fault.NotFound if the account or a project is unknown, fault.Invalid if
// the settings do not allow the lifetime, and fault.Conflict if a service account has MaxServiceTokens already.
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
	err = d.changeWith(ctx, who, func(who Caller) bool { return mayHold(who, n.User) }, &e, func(tx Tx, who Caller) error {
		if strings.HasPrefix(n.User, ServicePrefix) {
			s, err := serviceFor(ctx, tx, who, n.User)
			if err != nil {
				return err
			}
			s.note(&e)
		}
		u, err := userNamed(ctx, tx, n.User)
		if err != nil {
			return err
		}
		if !u.Active() {
			return fault.New(fault.Conflict, "user %s is disabled: enable the account first", n.User)
		}
		t.UserID = u.ID
		if u.Service {
			t.CreatedBy = who.id
			if err := d.checkServiceToken(ctx, tx, u, t); err != nil {
				return err
			}
		}
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
// Whether they may for a service account is decided in the transaction.
func mayHold(who Caller, user string) bool {
	own := who.name == user || strings.HasPrefix(user, ServicePrefix)
	return who.Admin() || who.kind == KindUser && own && who.scope == ScopeAdmin && !who.limited
}

// checkServiceToken returns an error unless a service account may get the token.
func (d *Directory) checkServiceToken(ctx context.Context, tx Tx, u User, t Token) error {
	if t.Scope > ScopeUpload {
		return fault.InField("scope", "a token of a service account has the scope read or upload")
	}
	live, _, err := d.liveTokens(ctx, tx, u.ID)
	if err == nil && live >= MaxServiceTokens {
		return fault.New(fault.Conflict, "%s has %d tokens already: revoke one first", u.Name, MaxServiceTokens)
	}
	return err
}

// liveTokens returns how many tokens of a user work now, and how many of those were replaced.
func (d *Directory) liveTokens(ctx context.Context, tx Tx, userID string) (live, replaced int, err error) {
	tokens, _, err := tx.Tokens(ctx, userID)
	for _, t := range tokens {
		if !t.RevokedAt.IsZero() || !t.ExpiresAt.IsZero() && !d.now().Before(t.ExpiresAt) {
			continue
		}
		if live++; t.ReplacedBy != "" {
			replaced++
		}
	}
	return live, replaced, err
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
// unknown, or if the caller may not manage it: users manage their own tokens and those of their service accounts,
// administrators all.
func (d *Directory) RevokeToken(ctx context.Context, who Caller, id string) error {
	may := func(who Caller) bool { return who.Admin() || who.kind == KindUser && who.scope == ScopeAdmin }
	e := d.entry(who, "token.revoke", audit.Cut(id), nil)
	return d.changeWith(ctx, who, may, &e, func(tx Tx, who Caller) error {
		_, s, err := managedToken(ctx, tx, who, id)
		if err != nil {
			return err
		}
		s.note(&e)
		_, err = tx.RevokeToken(ctx, id, d.now())
		return err
	})
}

// managedToken returns a token that the caller may manage, with its service account, or the zero Service for the token
// of a person. It returns the same fault.NotFound for an unknown token and for one of others.
func managedToken(ctx context.Context, tx Tx, who Caller, id string) (t Token, s Service, err error) {
	none := fault.New(fault.NotFound, "there is no token %.80q: index token list shows the tokens", id)
	if t, err = tx.TokenByID(ctx, id); fault.Is(err, fault.NotFound) {
		return t, s, none
	} else if err != nil {
		return t, s, err
	}
	s, err = tx.ServiceByID(ctx, t.UserID)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return t, s, err
	}
	if own := t.UserID == who.id && t.UserID != ""; !own && !who.Admin() && (err != nil || !s.ManagedBy(who)) {
		return t, s, none
	}
	return t, s, nil
}

// note names the account in an entry about one of its tokens.
func (s Service) note(e *audit.Entry) {
	if s.ID == "" {
		return
	}
	if e.Detail == nil {
		e.Detail = map[string]any{}
	}
	e.Repository, e.Project, e.Detail["service_account"] = s.RepositoryID, s.Project, s.Name
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
