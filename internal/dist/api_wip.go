package dist

import "pyindex/internal/fault"

var errWIP = fault.New(fault.Invalid, "not written yet")

func ParseMetadata(b []byte) (Metadata, error)                { return Metadata{}, errWIP }
func FormMetadata(form map[string][]string) (Metadata, error) { return Metadata{}, errWIP }
func (m Metadata) Check(r Rules) error                        { return nil }
func (m Metadata) StaticDependencies() bool                   { return false }
func Disagreement(form, archive Metadata) error               { return nil }

type Rules struct {
	KnownMetadataVersions, FieldVersions, License, Classifiers, DirectURLs, LocalVersions, ProjectURLs, Summary512, ContentType bool
}

func PyPIRules() Rules { return Rules{} }
