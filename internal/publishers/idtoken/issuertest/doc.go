// Package issuertest is an issuer of identity tokens for tests: it signs for real, over TLS or plain http on loopback.
//
// It serves a discovery document, its keys, and the request by which a GitHub job asks for its token. Keys can be
// rotated, every answer can be made to fail in the ways that issuers and their enemies know, requests are counted, and
// headers and claims can be whatever a test needs. Nothing of it belongs in a server.
package issuertest
