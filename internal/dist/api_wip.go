package dist

import "pyindex/internal/fault"

var errWIP = fault.New(fault.Invalid, "not written yet")

// Version is a PEP 440 version.
type Version struct{ raw string }

func ParseVersion(s string) (Version, error) { return Version{s}, errWIP }
func (v Version) String() string             { return v.raw }
func (v Version) Raw() string                { return v.raw }
func (v Version) Key() string                { return v.raw }
func (v Version) Compare(o Version) int      { return 0 }
func (v Version) IsPrerelease() bool         { return false }
func (v Version) IsPostrelease() bool        { return false }
func (v Version) HasLocal() bool             { return false }
func (v Version) Public() Version            { return v }
func (v Version) IsZero() bool               { return v.raw == "" }

type Specifiers struct{ clauses []string }

func ParseSpecifiers(s string) (Specifiers, error) { return Specifiers{}, errWIP }
func (s Specifiers) Contains(v Version) bool       { return false }
func (s Specifiers) String() string                { return "" }
func (s Specifiers) IsZero() bool                  { return true }

type Marker struct{ text string }

func (m Marker) String() string { return m.text }
func (m Marker) IsZero() bool   { return m.text == "" }

type Requirement struct {
	Name       ProjectName
	Extras     []string
	Specifiers Specifiers
	URL        string
	Marker     Marker
}

func ParseRequirement(s string) (Requirement, error) { return Requirement{}, errWIP }
func (r Requirement) Canonical() string              { return "" }

type Kind string

const (
	SDist Kind = "sdist"
	Wheel Kind = "bdist_wheel"
)

type Tag struct{ Python, ABI, Platform string }

func (t Tag) String() string { return t.Python + "-" + t.ABI + "-" + t.Platform }

type Filename struct{ raw string }

func ParseFilename(s string, name ProjectName) (Filename, error) { return Filename{s}, errWIP }
func (f Filename) String() string                                { return f.raw }
func (f Filename) Kind() Kind                                    { return "" }
func (f Filename) Name() ProjectName                             { return ProjectName{} }
func (f Filename) Version() Version                              { return Version{} }
func (f Filename) Build() string                                 { return "" }
func (f Filename) Tags() []Tag                                   { return nil }
func (f Filename) PythonTag() string                             { return "" }
func (f Filename) Ext() string                                   { return "" } // ".tar.gz", ".tgz", ".tar.bz2", ".zip", ".whl"
func (f Filename) NamePart() string                              { return "" }
func (f Filename) VersionPart() string                           { return "" }
func (f Filename) Key() string                                   { return "" }
func (f Filename) Normal() string                                { return "" }
func (f Filename) CheckStrict() error                            { return nil }
func (f Filename) CheckSpelling() error                          { return nil }
func (f Filename) CheckPlatforms() error                         { return nil }
func (f Filename) IsZero() bool                                  { return f.raw == "" }

func IsStdlibModule(n ProjectName) bool { return false }

func ParseMetadata(b []byte) (Metadata, error)                { return Metadata{}, errWIP }
func FormMetadata(form map[string][]string) (Metadata, error) { return Metadata{}, errWIP }
func (m Metadata) Check(r Rules) error                        { return nil }
func (m Metadata) StaticDependencies() bool                   { return false }
func Disagreement(form, archive Metadata) error               { return nil }

type Rules struct {
	KnownMetadataVersions, FieldVersions, License, Classifiers, DirectURLs, LocalVersions, ProjectURLs, Summary512, ContentType bool
}

func PyPIRules() Rules { return Rules{} }
