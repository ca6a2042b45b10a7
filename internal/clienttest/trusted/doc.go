// Package trusted publishes with real clients and without a secret, against a local issuer that signs for real.
package trusted
