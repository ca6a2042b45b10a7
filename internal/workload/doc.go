// Package workload interprets the identity-token claims of each CI platform.
//
// A Kind compiles the fields that a person typed into a rule, and compares a rule with the claims of an identity token.
// Claims are compared literally, and an unexpected value is refused. A Mismatch names the claim that differed.
//
// The package does not verify tokens or store rules. Callers must verify a token before they pass its claims.
package workload
