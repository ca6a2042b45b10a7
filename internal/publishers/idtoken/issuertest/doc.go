// Package issuertest is an identity-token issuer for tests. It signs real tokens and serves over TLS, or plain http on
// loopback.
//
// It serves a discovery document, its keys, and the endpoint from which a GitHub job requests its token. Tests can
// rotate keys, make responses fail in many ways, count requests, and choose any headers and claims.
package issuertest
