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

// TOTP is the authenticator key of a user.
type TOTP struct {
	UserID      string
	Secret      string // base 32
	CreatedAt   time.Time
	ConfirmedAt time.Time // zero until a first code was right
	LastStep    int64     // step of the newest used code
	SessionID   string    // session that began the setup; no other sees or confirms the key
}

// Passkey is a WebAuthn credential on a person's device. It proves possession and the person at once, because the
// device asks for a finger, a face or a PIN.
type Passkey struct {
	ID, UserID   string
	CredentialID string // the device's name for it, base 64
	Name         string // the person's name for it
	Credential   string // public key, counter and flags, as written by Authenticators
	CreatedAt    time.Time
	UsedAt       time.Time // zero if it was never used
}

// Tx is the set of rows that this package needs in a transaction. Reads of a single row return fault.NotFound if it
// does not exist.
type Tx interface {
	PutTOTP(ctx context.Context, t TOTP) error
	TOTPOf(ctx context.Context, userID string) (TOTP, error)
	// UseTOTP raises the last step and reports whether it was lower before. The first use confirms the key.
	UseTOTP(ctx context.Context, userID string, step int64, at time.Time) (bool, error)
	DeleteTOTP(ctx context.Context, userID string) error

	// PutRecovery replaces a user's codes.
	PutRecovery(ctx context.Context, userID string, hashes []string) error
	// UseRecovery uses a code, and reports whether it existed.
	UseRecovery(ctx context.Context, userID, hash string, at time.Time) (bool, error)
	// RecoveryLeft returns how many unused codes remain.
	RecoveryLeft(ctx context.Context, userID string) (int, error)

	InsertPasskey(ctx context.Context, p Passkey) error // fault.Conflict if the credential exists
	PasskeysOf(ctx context.Context, userID string) ([]Passkey, error)
	PasskeyByCredential(ctx context.Context, credentialID string) (Passkey, error)
	// UsePasskey records a use and stores the updated credential.
	UsePasskey(ctx context.Context, id, credential string, at time.Time) error
	DeletePasskey(ctx context.Context, userID, id string) (bool, error)

	InsertDevice(ctx context.Context, hash, userID string, at time.Time) error
	// DeviceOf returns the owner of a device.
	DeviceOf(ctx context.Context, hash string) (userID string, err error)
	DeleteDevicesBefore(ctx context.Context, t time.Time) error

	// Attempts returns the failures in a bucket and the time of the last one, or zeros.
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

// Store runs transactions over the rows; see access.Store for the promises of its methods.
type Store interface {
	View(ctx context.Context, f func(Tx) error) error
	Update(ctx context.Context, f func(Tx) error) error
}

// Options are the settings of Methods. The zero value is usable.
type Options struct {
	Now   func() time.Time // default time.Now
	NewID func() string    // default UUIDv7
	Name  string           // name of the index in authenticators; default "Index"
	// Authenticators exchanges messages with devices that hold passkeys. It may be nil.
	Authenticators Authenticators
	// SecondFactor specifies which users need a second factor. The keyring must have the same policy.
	SecondFactor access.FactorPolicy
	// Hashers limits, by its capacity, how many passwords are hashed at once, each in 19 MiB. The default capacity is
	// 2.
	Hashers chan struct{}
	// PasswordCost is the cost of the hashes of new passwords.
	PasswordCost access.PasswordCost
}

// Methods are the ways in which people sign in. It is safe for concurrent use, and by several processes on one store.
type Methods struct {
	store      Store
	box        *outbox.Outbox
	o          Options
	challenges *challenge.Sealer[Tx]
	waiting    atomic.Int64 // people in the queue for a hasher, or using one
	// unknown returns a hash that no password matches, so that an unknown name takes as much time as a known one.
	unknown func() string
}

// Signed is the result of a successful sign-in step.
type Signed struct {
	UserID string
	Method string // for the session: "password", "password+totp", "password+recovery"
	// Factor is the secret of the intermediate step if a second factor is needed first, and "" otherwise.
	Factor access.Secret
	// Credentials is the state that the person was checked against. A session begins only if it has not changed.
	Credentials access.Credentials
}
