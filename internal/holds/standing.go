// Package holds keeps what people decide about files that are held or denied: exemptions and the requests for them,
// denials, pinned digests, and lifted denials. Package policy applies it.
package holds

import (
	"time"

	"pyindex/internal/packaging"
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

	project string
	spelled map[string]string // names of files that denials and pins have, by key
}

// Spelled returns the name by which denials and pins know a file. That is another spelling of it if an administrator
// wrote it otherwise than the page that lists it, as in Demo-1.0.0.tar.gz for demo-1.0.tar.gz.
func (s *Standing) Spelled(filename string) string {
	if len(s.spelled) == 0 {
		return filename
	}
	if known := s.spelled[fileKey(s.project, filename)]; known != "" {
		return known
	}
	return filename
}

// spell notes the name of a file in a ruling, and returns the spelling that came first.
func (s *Standing) spell(filename string) string {
	if known := s.Spelled(filename); known != filename {
		return known
	}
	if s.spelled == nil {
		s.spelled = map[string]string{}
	}
	s.spelled[fileKey(s.project, filename)] = filename
	return filename
}

// fileKey returns a text that is the same for all spellings of one file of a project.
func fileKey(project, filename string) string {
	name, err := packaging.ParseProjectName(project)
	if err != nil {
		return filename
	}
	f, err := packaging.ParseFilename(filename, name)
	if err != nil {
		return filename
	}
	return f.Key()
}

// sameFile reports whether two names are spellings of one file of a project, or both are "".
func sameFile(project, a, b string) bool {
	return a == b || a != "" && b != "" && fileKey(project, a) == fileKey(project, b)
}
