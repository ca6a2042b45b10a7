package ingest

import (
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

// Policy contains rules for uploads beyond safety and unambiguity. The zero Policy is the private one: it accepts
// everything that PyPI serves today and pip installs.
type Policy struct {
	catalog.NamePolicy

	Rules         packaging.Rules // for the metadata
	Archive       archive.Rules   // for the structure of the archive
	Spelling      bool            // require file names exactly as in PEP 625 and the wheel specification
	Platforms     bool            // allow only the platform tags that PyPI accepts
	OneSDist      bool            // allow one source distribution for each release
	SharedContent bool            // accept content that the repository has under another file name
	StartupFiles  StartupPolicy   // for files that run code whenever Python starts; KnownStartup if ""
}

// StartupPolicy specifies which uploads may have start-up files: members of a wheel that run code whenever Python
// starts, whether or not the package is imported.
type StartupPolicy string

// These are the policies for start-up files.
const (
	AllowStartup  StartupPolicy = "allow"  // all uploads
	KnownStartup  StartupPolicy = "known"  // those of projects that have such a file or an owner's permission
	RefuseStartup StartupPolicy = "refuse" // none
)

// PrivatePolicy returns the default policy.
func PrivatePolicy() Policy { return Policy{} }

// PyPIPolicy returns PyPI's own rules, as far as they can be checked without PyPI's lists.
func PyPIPolicy() Policy {
	return Policy{
		Rules: packaging.PyPIRules(), Archive: archive.PyPIRules(), Spelling: true, Platforms: true, OneSDist: true,
		NamePolicy: catalog.NamePolicy{SimilarNames: true, ReservedNames: true},
	}
}
