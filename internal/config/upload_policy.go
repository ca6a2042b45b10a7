package config

import (
	"reflect"
	"strings"

	"pyindex/internal/ingest"
)

// uploadConfig is how strict uploads are checked. policy sets all rules, each refuse_… one of them; what is unsafe or
// ambiguous is refused whatever they say. The rule tag names the field of ingest.Policy.
type uploadConfig struct {
	Policy string `enum:"private,pypi" default:"private" help:"private takes whatever the public index serves and pip installs; pypi refuses what PyPI refuses."`

	RefuseUnknownMetadataVersions *bool `rule:"Rules.KnownMetadataVersions" help:"Refuse a Metadata-Version that PyPI does not know."`
	RefuseFieldsOfOtherVersions   *bool `rule:"Rules.FieldVersions" help:"Refuse a field newer than the declared Metadata-Version."`
	RefuseLocalVersions           *bool `rule:"Rules.LocalVersions" help:"Refuse versions such as 1.0+cu121."`
	RefuseDirectURLs              *bool `name:"refuse-direct-urls" rule:"Rules.DirectURLs" help:"Refuse requirements with a URL."`
	RefuseBadRequiresPython       *bool `rule:"Rules.RequiresPython" help:"Refuse a Requires-Python that cannot be read."`
	RefuseBadExtras               *bool `rule:"Rules.Extras" help:"Refuse a Provides-Extra that is no name."`
	RefuseBadOldDists             *bool `rule:"Rules.OldDists" help:"Refuse Provides-Dist and Obsoletes-Dist that are no requirements."`
	RefuseBadLicense              *bool `rule:"Rules.License" help:"Refuse License beside License-Expression, and expressions that are none."`
	RefuseBadLicenseFiles         *bool `rule:"Rules.LicenseFiles" help:"Refuse License-File that is no plain relative path."`
	RefuseBadClassifiers          *bool `rule:"Rules.Classifiers" help:"Refuse classifiers of another form, and Private ones."`
	RefuseBadContentType          *bool `rule:"Rules.ContentType" help:"Refuse a Description-Content-Type that PyPI does not render."`
	RefuseLongSummary             *bool `rule:"Rules.Summary512" help:"Refuse summaries of several lines or over 512 characters."`
	RefuseBadLinks                *bool `rule:"Rules.Links" help:"Refuse Home-page and Download-URL that are no http or https URL."`
	RefuseBadProjectURLs          *bool `name:"refuse-bad-project-urls" rule:"Rules.ProjectURLs" help:"Refuse Project-URL of another form than \"Label, URL\"."`
	RefuseBadEmails               *bool `rule:"Rules.Emails" help:"Refuse e-mail addresses that are none."`
	RefuseBadDynamic              *bool `rule:"Rules.Dynamic" help:"Refuse Dynamic that names no field, or one that must be static."`
	RefuseBadImports              *bool `rule:"Rules.Imports" help:"Refuse Import-Name and Import-Namespace that are no identifiers."`

	RefuseDataDescriptors     *bool `rule:"Archive.DataDescriptors" help:"Refuse wheels whose members state their size after their bytes."`
	RefuseEntryComments       *bool `rule:"Archive.EntryComments" help:"Refuse wheels whose members have comments."`
	RefuseDistInfoSpelling    *bool `rule:"Archive.DistInfo" help:"Refuse a .dist-info folder spelled otherwise than the file name."`
	RefuseBadEntryPoints      *bool `rule:"Archive.EntryPoints" help:"Refuse an entry_points.txt that cannot be read."`
	RefuseMissingLicenseFiles *bool `rule:"Archive.LicenseFiles" help:"Refuse archives without the License-File they name."`

	RefuseOldFilenames   *bool `rule:"Spelling" help:"Refuse file names of before PEP 625."`
	RefusePlatforms      *bool `rule:"Platforms" help:"Refuse platform tags that PyPI does not take, such as linux_x86_64."`
	RefuseSecondSDist    *bool `name:"refuse-second-sdist" rule:"OneSDist" help:"Refuse a second source distribution in a release."`
	RefuseSimilarNames   *bool `rule:"NamePolicy.SimilarNames" help:"Refuse new projects whose names look like an existing one's, or one that is kept for the last owners of a deleted project."`
	RefuseStandardNames  *bool `rule:"NamePolicy.ReservedNames" help:"Refuse new projects named like a module of the standard library."`
	RefuseSharedContents *bool `rule:"SharedContent" refuse:"false" help:"Refuse bytes that the repository has under another file name, in a project that the caller may see."`
}

// Rules returns the rules that uploads must keep to.
func (c uploadConfig) Rules() ingest.Policy {
	p := ingest.PrivatePolicy()
	if c.Policy == "pypi" {
		p = ingest.PyPIPolicy()
	}
	from, to := reflect.ValueOf(c), reflect.ValueOf(&p).Elem()
	for i := range from.NumField() {
		tag := from.Type().Field(i).Tag
		refuse, ok := from.Field(i).Interface().(*bool)
		if !ok || refuse == nil {
			continue
		}
		rule(to, tag.Get("rule")).SetBool(*refuse == (tag.Get("refuse") != "false"))
	}
	return p
}

// rule finds a field by its dotted name.
func rule(v reflect.Value, name string) reflect.Value {
	for part := range strings.SplitSeq(name, ".") {
		v = v.FieldByName(part)
	}
	return v
}
