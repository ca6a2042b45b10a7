// Package publishers is trusted publishing: which workloads a project trusts, and the exchange of an identity token
// for a short-lived upload token.
//
// A rule is data, compiled when it is written and asked when a token comes. Claims are compared literally with what a
// configured issuer signed for this index; a token id counts once; a minted token is good for the projects whose rules
// it fitted, while they stand, and for nothing else. Every refusal names the claim that differed.
package publishers
