// Package trusted publishes with real clients and without a secret, using a local issuer that really signs tokens.
package trusted
