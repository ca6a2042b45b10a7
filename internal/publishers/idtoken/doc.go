// Package idtoken checks identity tokens: that one of the configured issuers signed it, for this index, for now.
//
// Of a token nothing is believed before its signature is checked, but for "iss", which selects one of the configured
// issuers by exact string. No address that a token names is ever fetched: keys come from the issuer's own discovery
// document (OpenID Connect Discovery 1.0), lazily, in bounded time and size. RS256 is the only algorithm, "kid" is
// needed, the audience is one string (for kind generic also a list of one), times are whole seconds with 30 seconds of
// leeway, and nothing in the token may be ambiguous: no member twice, no encoding with a second spelling. go-oidc then
// checks the same token once more, and its answer has to be the same.
//
// A token waits less than a second for keys, and only where none that serve are at hand; the fetch goes on without it,
// and an issuer's last keys serve for a day. Not promised: that a key which an issuer withdraws is refused at once (it
// is within the quarter of an hour), and that a token counts once, which is the exchange's business.
package idtoken
