package ingest

import (
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/archive"
)

// Policy is what uploads must keep to beyond what is safe and unambiguous. The zero Policy is the private one: whatever
// the public index serves today and pip installs goes through.
type Policy struct {
	catalog.NamePolicy

	Rules         packaging.Rules // of the metadata
	Archive       archive.Rules   // of the file's structure
	Spelling      bool            // file names exactly as PEP 625 and the wheel specification write them
	Platforms     bool            // only the platform tags that PyPI takes
	OneSDist      bool            // one source distribution in a release
	SharedContent bool            // take bytes that the repository has under another file name
}

// PrivatePolicy returns the default.
func PrivatePolicy() Policy { return Policy{} }

// PyPIPolicy returns PyPI's own strictness, as far as it can be checked without PyPI's lists.
func PyPIPolicy() Policy {
	return Policy{
		Rules: packaging.PyPIRules(), Archive: archive.PyPIRules(), Spelling: true, Platforms: true,
		OneSDist:   true,
		NamePolicy: catalog.NamePolicy{SimilarNames: true, ReservedNames: true},
	}
}
