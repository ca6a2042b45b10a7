// Package exchange gives a workload a short-lived upload or read token for its identity token.
//
// Claims are compared literally with what a configured issuer signed for this index. A token id counts once, whichever
// scope it was used for. A minted token is good for the projects and repositories whose rules it fitted, while those
// rules exist, and for nothing else: a publisher never gives reading beyond its projects, and a reader never gives
// uploading. Every refusal names the claim that differed, and every outcome of a verified token is recorded.
//
// It does not verify signatures (package idtoken does), and it does not decide which workloads are trusted (package
// publishers does).
package exchange
