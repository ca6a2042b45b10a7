// Package attest verifies attestations (PEP 740): statements about a file that a job signed through Sigstore.
//
// A verified attestation was signed with a key that a configured authority certified, is in a transparency log that is
// trusted for it, names exactly the uploaded file and digest, and comes from the workflow whose minted token uploaded
// the file. Verification needs no network: everything it trusts is in one file.
//
// It does not check whether a verified statement is true, and does not reload the trusted root while it runs. It
// refuses an upload for missing verification only if it is configured to, because clients attach attestations without
// being asked.
package attest
