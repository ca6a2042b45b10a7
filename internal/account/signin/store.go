package signin

import (
	"context"
	"sync/atomic"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/challenge"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/audit"
)

// TOTP is the key of a second factor.
type TOTP struct {
	UserID      string
	Secret      string // base 32
	CreatedAt   time.Time
	ConfirmedAt time.Time // zero until a first code was right
	LastStep    int64     // of the newest code that was used
	SessionID   string    // of the session that began to set it up: no other sees the key or confirms it
}

// Passkey is a credential of a person's device (WebAuthn). It proves possession and the person at once, since the
// device asks for a finger, a face or a PIN.
type Passkey struct {
	ID, UserID   string
	CredentialID string // as the device names it, base 64
	Name         string // as the person names it
	Credential   string // public key, counter and flags, as Authenticators wrote it
	CreatedAt    time.Time
	UsedAt       time.Time // zero for never
}

// Tx is what this package needs of a transaction. Reads of one thing return fault.NotFound for none.
type Tx interface {
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

	InsertPasskey(ctx context.Context, p Passkey) error // fault.Conflict for a credential that is there
	PasskeysOf(ctx context.Context, userID string) ([]Passkey, error)
	PasskeyByCredential(ctx context.Context, credentialID string) (Passkey, error)
	// UsePasskey notes a use, with the credential as it is then.
	UsePasskey(ctx context.Context, id, credential string, at time.Time) error
	DeletePasskey(ctx context.Context, userID, id string) (bool, error)

	InsertDevice(ctx context.Context, hash, userID string, at time.Time) error
	// DeviceOf returns whose a device is.
	DeviceOf(ctx context.Context, hash string) (userID string, err error)
	DeleteDevicesBefore(ctx context.Context, t time.Time) error

	// Attempts returns how often a bucket failed lately, and when last; zeros for none.
	Attempts(ctx context.Context, bucket string) (failures int, last time.Time, err error)
	PutAttempts(ctx context.Context, bucket string, failures int, last time.Time) error
	DeleteAttemptsBefore(ctx context.Context, t time.Time) error

	onetime.Tx
	challenge.Tx
	outbox.Tx
	access.UserRows
	access.SessionRows
	access.StandingRows
	access.Serials
	audit.Rows
}

// Store runs transactions over the rows; see access.Store for what the methods promise.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of Methods; the zero value works.
type Options struct {
	Now   func() time.Time // time.Now
	NewID func() string    // UUIDv7
	Name  string           // of the index, as authenticators show it; "Index" if empty
	// Authenticators speaks with devices that hold passkeys; nil if there are none.
	Authenticators Authenticators
	// SecondFactor says who needs a second factor; the keyring is told the same.
	SecondFactor access.FactorPolicy
	// Hashers bounds by its capacity how many passwords are hashed at once, each in 19 MiB; 2 if nil.
	Hashers chan struct{}
}

// Methods are the ways by which people sign in. It is safe for concurrent use, and by several processes on one store.
type Methods struct {
	store      Store
	box        *outbox.Outbox
	o          Options
	challenges *challenge.Sealer[Tx]
	waiting    atomic.Int64 // people in the queue for a hasher, and those whose turn it is
}

// Signed is who proved to be whom.
type Signed struct {
	UserID string
	Method string // for the session: "password", "password+totp", "password+recovery"
	// a second factor is needed first, and this is the secret of the step in between; "" where none is
	Factor access.Secret
	// Credentials is what the person was judged by. The session begins with them, or not at all.
	Credentials access.Credentials
}
