// Package holds keeps what people decide about files that are held or denied: exemptions and the requests for them,
// denials, pinned digests, and lifted denials. Package policy applies it.
package holds

import (
	"time"

	"pyindex/internal/policy"
)

// Standing is what was decided about the files of one project, as of a stamp. Callers share it and must not change it.
type Standing struct {
	// Revision changes whenever anything else here does. It is "" if nothing was decided.
	Revision string
	Denials  []policy.Denial           // of the project
	Contents map[string]*policy.Denial // of content of any project, by SHA-256 in hex
	Pins     map[string]string         // SHA-256 by file name
	Lifts    map[string]string         // ids by SHA-256
	// Exempt are the exemptions that have not ended, by the id of their repository and SHA-256.
	Exempt map[string]map[string]policy.Exemption
	// Accepted is when an administrator accepted the project's return at an upstream, by the upstream's name.
	Accepted map[string]time.Time
}
