// Package workload knows what the claims of each CI platform mean.
//
// A provider compiles the fields that a person typed into a rule, and compares a rule with the claims of an identity
// token. Claims are compared literally; a branch that cannot happen refuses. A Mismatch names the claim that differed.
//
// It does not verify tokens or keep rules: claims reach it after a verifier checked them, and it has no state.
package workload
