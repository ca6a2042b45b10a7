package signin

import (
	"context"
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
