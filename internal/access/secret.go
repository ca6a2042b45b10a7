package access

import "log/slog"

// Secret is a token, password or key in the clear. It prints as [secret] with every verb, in JSON and in logs.
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

// Reveal returns the secret itself: for hashing it, and for the one time it is shown to its owner.
func (s Secret) Reveal() string { return string(s) }
