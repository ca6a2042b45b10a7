package account

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/signin"
)

// LinkedIdentity is a provider's identity that signs a user in.
type LinkedIdentity struct {
	Issuer, Subject string
	LinkedAt        time.Time
}

// Tx is the set of rows that this package needs in a transaction. Reads of a single row return fault.NotFound if it
// does not exist.
type Tx interface {
	PutProfile(ctx context.Context, userID string, p access.Profile) error

	InsertIdentity(ctx context.Context, issuer, subject, userID string, at time.Time) error
	IdentityUser(ctx context.Context, issuer, subject string) (userID string, err error)
	// IdentitiesOf returns the identities of a user, oldest first.
	IdentitiesOf(ctx context.Context, userID string) ([]LinkedIdentity, error)
	// DeleteIdentity deletes an identity of a user and reports whether it existed.
	DeleteIdentity(ctx context.Context, userID, issuer, subject string) (bool, error)

	signin.Tx
	access.GroupRows
	access.TokenRows
	access.GrantRows
	access.InvitationRows
}

// Store runs transactions over the rows; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of Accounts. The zero value is usable.
type Options struct {
	// OwnersInvite lets invitations by project owners work without an administrator's approval.
	OwnersInvite bool
}

// Accounts manages the accounts of an index. It is safe for concurrent use, and by several processes on one store.
type Accounts struct {
	store        Store
	methods      *signin.Methods
	o            signin.Options // of methods, for the same clock and name
	ownersInvite bool
}
