package access

import "log/slog"

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
