package account

import (
	"context"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/signin"
)

// LinkedIdentity is an identity by which somebody signs in.
type LinkedIdentity struct {
	Issuer, Subject string
	LinkedAt        time.Time
}

// Tx is what the rules of this package need of a transaction. Reads of one thing return fault.NotFound for none.
type Tx interface {
	PutProfile(ctx context.Context, userID string, p access.Profile) error

	// Identities.
	InsertIdentity(ctx context.Context, issuer, subject, userID string, at time.Time) error
	IdentityUser(ctx context.Context, issuer, subject string) (userID string, err error)
	// IdentitiesOf returns the identities of a user, oldest first.
	IdentitiesOf(ctx context.Context, userID string) ([]LinkedIdentity, error)
	// DeleteIdentity takes an identity of a user away and reports whether there was one.
	DeleteIdentity(ctx context.Context, userID, issuer, subject string) (bool, error)

	signin.Tx
	access.GroupRows
	access.TokenRows
	access.GrantRows
	access.InvitationRows
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of Accounts; the zero value works.
type Options struct {
	// OwnersInvite lets invitations by owners of projects work without an administrator's approval.
	OwnersInvite bool
}

// Accounts is the accounts of an index. It is safe for concurrent use, and by several processes on one store.
type Accounts struct {
	store        Store
	methods      *signin.Methods
	o            signin.Options // of methods: one clock, one name
	ownersInvite bool
}
