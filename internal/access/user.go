package access

import (
	"context"
	"regexp"
	"time"

	"pyindex/internal/fault"
)

// User is a person who has an account.
type User struct {
	ID           string
	Name         string // lower case, unique
	Admin        bool
	PasswordHash string // PHC string of argon2id, or "" where none is set
	CreatedAt    time.Time
	DisabledAt   time.Time // zero while the account is active
	InvitedBy    string    // id of the user whose invitation made the account; "" for none, or for the operator's

	CredentialChanges int64 // how often SessionRows.EndSignIns was called for the account
}

// Credentials is the state of what signs an account in. One that somebody was judged by is compared when their session
// begins. The zero value is no state at all, and fits every one.
type Credentials struct {
	known   bool
	changes int64
}

// Credentials returns the state of what signs the account in.
func (u User) Credentials() Credentials { return Credentials{true, u.CredentialChanges} }

// fits reports whether nothing that signs u in was changed since c was read.
func (c Credentials) fits(u User) bool { return !c.known || c == u.Credentials() }

// Active reports whether the account may be used.
func (u User) Active() bool { return u.DisabledAt.IsZero() }

// Profile is what people state about themselves. Both fields may be empty.
type Profile struct{ FullName, Email string }

// ProfileOf returns the profile of a user, the zero Profile if there is none.
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

// UserRows keeps accounts. Reads return fault.NotFound for none; InsertUser returns fault.Conflict for a taken name.
type UserRows interface {
	InsertUser(ctx context.Context, u User) error
	UpdateUser(ctx context.Context, u User) error // by id: admin, password hash, disabled; nothing else
	UserByName(ctx context.Context, name string) (User, error)
	UserByID(ctx context.Context, id string) (User, error)
	Users(ctx context.Context) ([]User, error) // by name
}

var userName = regexp.MustCompile(`\A[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?\z`)

// ParseUserName checks a user's name: lower-case letters, digits, dots, dashes and underscores, 64 at most,
// with a letter or digit at both ends. Anything else is fault.Invalid.
func ParseUserName(s string) (string, error) {
	if !userName.MatchString(s) {
		return "", fault.New(fault.Invalid,
			"%.80q is not a user name: use lower-case letters, digits, '.', '-' and '_', 64 at most", s)
	}
	return s, nil
}
