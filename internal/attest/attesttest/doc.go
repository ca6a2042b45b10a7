// Package attesttest is a Sigstore instance for tests: an authority that certifies any identity, a transparency log, a
// log of certificates, and attestations (PEP 740) with real signatures, which may be wrong in one respect.
//
// It does not check its input, and keeps only the newest entry of its log.
package attesttest
