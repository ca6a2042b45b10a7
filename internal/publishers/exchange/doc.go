// Package exchange mints short-lived upload and read tokens in exchange for identity tokens.
//
// A configured issuer must have signed the token for this index. Its claims are compared literally with the rules. A
// token can be used once, whatever its scope. A minted token gives access to the projects and repositories of the
// matching rules, as long as the rules exist: a publisher allows uploading to and reading its projects, and a reader
// only reading. Every refusal names the claim that differed, and every exchange of a verified token is recorded in the
// audit log.
//
// Package idtoken verifies signatures, and package publishers decides which workloads are trusted.
package exchange
