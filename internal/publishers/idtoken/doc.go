// Package idtoken verifies identity tokens: that a configured issuer signed the token for this index, and that it is
// valid now.
//
// Before the signature is verified, only "iss" is used, which selects a configured issuer by exact string. The package
// never fetches an address from a token. Keys come from the issuer's discovery document (OpenID Connect Discovery 1.0),
// on demand and with limits on time and size. RS256 is the only algorithm, and "kid" is required. The audience is one
// string (for some kinds also a list of one), and times are whole seconds with 30 seconds of leeway. A token may be
// valid for a day, or for kind gitlab for a month. Ambiguous tokens are rejected, for example with duplicate members or
// a non-canonical encoding. go-oidc then verifies the same token independently, and both results have to agree.
//
// A token waits for keys only if none are usable, and for less than a second; the fetch continues in the background. An
// issuer's last keys remain usable for a day. A key that an issuer withdraws is refused within a quarter of an hour,
// not immediately. Package exchange ensures that a token can be used once.
package idtoken
