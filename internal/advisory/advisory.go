// Package advisory keeps advisories about vulnerable and malicious releases, which feeds in the OSV format state, and
// finds those that concern a version.
package advisory

import "time"

// Advisory is what a feed states about the releases of one project.
type Advisory struct {
	ID   string // such as "MAL-2026-0001", "PYSEC-2026-1" or "GHSA-…"
	Feed string
	// Malware is set if the release is malicious, rather than vulnerable, and files of such releases are denied. It is
	// not set for a feed that flags them only.
	Malware  bool
	Aliases  []string
	Summary  string // one line
	Details  string
	Severity string // CVSS vector or a word, "" if not stated
	Link     string // https URL of a page for people, or ""
	Fixed    []string
	// Published and Modified are zero if not stated.
	Published, Modified time.Time
}
