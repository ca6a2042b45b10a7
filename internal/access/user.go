package access

import (
	"context"
	"regexp"
	"time"

	"pyindex/internal/fault"
)

// User is an account: of a person, or a service account.
type User struct {
	ID           string
	Name         string // lower case, unique
	Admin        bool
	PasswordHash string // PHC string of argon2id, or "" if there is none
	CreatedAt    time.Time
	DisabledAt   time.Time // zero while the account is active
	InvitedBy    string    // id of the user whose invitation created the account, or ""
	Service      bool      // a service account; see Service

	CredentialChanges int64 // number of calls of SessionRows.EndSignIns for the account
}

// Credentials identifies a state of a user's credentials. A session begins only if the state has not changed since the
// user was checked. The zero value matches every state.
type Credentials struct {
	known   bool
	changes int64
}

// Credentials returns the current state of the user's credentials.
func (u User) Credentials() Credentials { return Credentials{true, u.CredentialChanges} }

// fits reports whether none of u's credentials changed since c was read.
func (c Credentials) fits(u User) bool { return !c.known || c == u.Credentials() }

// Active reports whether the account is not disabled.
func (u User) Active() bool { return u.DisabledAt.IsZero() }

// Profile is information that users provide about themselves. Both fields may be empty.
type Profile struct{ FullName, Email string }

// ProfileOf returns the profile of a user, or the zero Profile if there is none.
func ProfileOf(ctx context.Context, tx interface {
	ProfileOf(ctx context.Context, userID string) (Profile, error)
}, userID string,
) (Profile, error) {
	p, err := tx.ProfileOf(ctx, userID)
	if fault.Is(err, fault.NotFound) {
		return Profile{}, nil
	}
	return p, err
}

// UserRows stores accounts. Reads of a single account return fault.NotFound if it does not exist; InsertUser returns
// fault.Conflict if the name is taken.
type UserRows interface {
	InsertUser(ctx context.Context, u User) error
	UpdateUser(ctx context.Context, u User) error // by id: changes admin, password hash and disabled only
	UserByName(ctx context.Context, name string) (User, error)
	UserByID(ctx context.Context, id string) (User, error)
	Users(ctx context.Context) ([]User, error) // by name
}

var userName = regexp.MustCompile(`\A[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?\z`)

// ParseUserName validates a user name: at most 64 lower-case letters, digits, dots, dashes and underscores, with a
// letter or digit at both ends. It returns fault.Invalid for any other text.
func ParseUserName(s string) (string, error) {
	if !userName.MatchString(s) {
		return "", fault.New(fault.Invalid,
			"%.80q is not a user name: use lower-case letters, digits, '.', '-' and '_', 64 at most", s)
	}
	return s, nil
}
