package account

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
)

// Profile is what people say of themselves. Both may be empty.
type Profile struct{ FullName, Email string }

// Link is a row about a link that is good once. The secret in it is known to its bearer alone.
type Link struct {
	ID, Hash   string
	Kind       LinkKind
	UserID     string // whose it is; "" where it makes an account
	Invitation Invitation
	CreatedBy  string // user id, "" for the operator
	CreatedAt  time.Time
	ExpiresAt  time.Time
	UsedAt     time.Time // zero while it may be used
	Tries      int       // wrong codes, of a LinkFactor
	Origin     string    // OriginForgotten for a LinkReset that the person asked for; the method of the first step for a LinkFactor
	ApprovedAt time.Time // of an invitation that an administrator approved
	ApprovedBy string    // user id of that administrator, "" for the operator
}

// LinkKind says what a link is for.
type LinkKind string

// The kinds of link.
const (
	LinkFirst  LinkKind = "first"  // makes the first administrator
	LinkReset  LinkKind = "reset"  // sets a new password
	LinkInvite LinkKind = "invite" // makes an account
	LinkFactor LinkKind = "factor" // between a password and a second factor; kept in a cookie
)

// Invitation is what an invited person gets.
type Invitation struct {
	Name   string  `json:"name,omitempty"`  // fixed user name, "" to choose
	Email  string  `json:"email,omitempty"` // whom it was meant for
	Admin  bool    `json:"admin,omitempty"`
	Grants []Grant `json:"grants,omitempty"`
}

// Grant is a role that comes with an invitation, in a project or, without one, in a repository.
type Grant struct {
	RepositoryID string `json:"repository_id"`
	ProjectID    string `json:"project_id,omitempty"`
	Where        string `json:"where"` // for people: the project's or the repository's name
	Role         string `json:"role"`
}

// TOTP is the key of a second factor.
type TOTP struct {
	UserID      string
	Secret      string // base 32
	CreatedAt   time.Time
	ConfirmedAt time.Time // zero until a first code was right
	LastStep    int64     // of the newest code that was used
	SessionID   string    // of the session that began to set it up: no other sees the key or confirms it
}

// Rows keeps what this package knows. Reads return fault.NotFound for none.
type Rows interface {
	PutProfile(ctx context.Context, userID string, p Profile) error
	ProfileOf(ctx context.Context, userID string) (Profile, error)

	InsertLink(ctx context.Context, l Link) error
	LinkByHash(ctx context.Context, hash string) (Link, error)
	// Links returns links of a kind that were not used and expire after t, newest first.
	Links(ctx context.Context, kind LinkKind, t time.Time) ([]Link, error)
	// UseLink sets the time of use where none is set, and reports whether it did.
	UseLink(ctx context.Context, id string, at time.Time) (bool, error)
	// TryLink counts a wrong code and returns how many there were.
	TryLink(ctx context.Context, id string) (int, error)
	// EndLinks ends all links of a kind that were not used: those of a user, or all for "".
	EndLinks(ctx context.Context, kind LinkKind, userID string, at time.Time) error
	// ApproveLink sets who approved an open link, and a new end, if nobody did before, and reports whether it did.
	ApproveLink(ctx context.Context, id, by string, at, expires time.Time) (bool, error)
	DeleteLinksBefore(ctx context.Context, t time.Time) error

	PutTOTP(ctx context.Context, t TOTP) error
	TOTPOf(ctx context.Context, userID string) (TOTP, error)
	// UseTOTP sets the last step where it is lower, and reports whether it did; the first use confirms the key.
	UseTOTP(ctx context.Context, userID string, step int64, at time.Time) (bool, error)
	DeleteTOTP(ctx context.Context, userID string) error

	// PutRecovery replaces a user's codes.
	PutRecovery(ctx context.Context, userID string, hashes []string) error
	// UseRecovery uses a code up, and reports whether there was one.
	UseRecovery(ctx context.Context, userID, hash string, at time.Time) (bool, error)
	// RecoveryLeft returns how many codes are left.
	RecoveryLeft(ctx context.Context, userID string) (int, error)

	InsertDevice(ctx context.Context, hash, userID string, at time.Time) error
	// DeviceOf returns whose a device is.
	DeviceOf(ctx context.Context, hash string) (userID string, err error)
	DeleteDevicesBefore(ctx context.Context, t time.Time) error

	// Attempts returns how often a bucket failed lately, and when last; zeros for none.
	Attempts(ctx context.Context, bucket string) (failures int, last time.Time, err error)
	PutAttempts(ctx context.Context, bucket string, failures int, last time.Time) error
	DeleteAttemptsBefore(ctx context.Context, t time.Time) error
}

// Tx is what the rules of this package need of a transaction.
type Tx interface {
	Rows
	PasskeyRows
	ChallengeRows
	OutboxRows
	IdentityRows
	access.GroupRows
	access.TokenRows
	access.UserRows
	access.GrantRows
	access.SessionRows
	access.InvitationRows
	access.StandingRows
	access.FactorRows
	access.Serials
	audit.Rows
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}
