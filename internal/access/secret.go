package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
)

// Secret is a token, password or key in plain text. It prints as [secret] with every verb, in JSON and in logs.
type Secret string

const hidden = "[secret]"

// String returns a placeholder, never the secret.
func (Secret) String() string { return hidden }

// GoString returns a placeholder, never the secret.
func (Secret) GoString() string { return hidden }

// LogValue returns a placeholder, never the secret.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText returns a placeholder, never the secret.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Reveal returns the secret itself, to hash it or to show it once to its owner.
func (s Secret) Reveal() string { return string(s) }

// Is reports whether s is another secret, which must not be "". It takes the same time for every wrong secret.
func (s Secret) Is(other Secret) bool {
	got, want := sha256.Sum256([]byte(s)), sha256.Sum256([]byte(other))
	return other != "" && subtle.ConstantTimeCompare(got[:], want[:]) == 1
}
