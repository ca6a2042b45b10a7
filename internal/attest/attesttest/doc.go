// Package attesttest is a Sigstore for tests: an authority that certifies whatever it is told, a transparency log, a
// log of certificates, and attestations (PEP 740) that are signed for real or wrong in one way.
//
// It checks nothing that it signs and keeps no log beyond its newest entry.
package attesttest
