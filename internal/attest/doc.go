// Package attest verifies attestations (PEP 740): statements about a file that a job signed through Sigstore.
//
// What it calls verified was signed by a key that a configured authority certified, is in a transparency log that is
// trusted for it, names exactly the file and digest that were uploaded, and comes from the workflow whose minted token
// uploaded them. Verification needs no network: all that is trusted is in one file.
//
// It does not say that a verified statement is true, does not follow changes of the file of trusted keys while it runs,
// and refuses nothing for being unverified unless it is told to: clients attach attestations unasked.
package attest
