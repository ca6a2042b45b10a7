package config

import (
	"reflect"
	"strings"

	"pyindex/internal/ingest"
)

// uploadConfig specifies how strictly uploads are checked. policy sets all rules, and each refuse_… sets one of them.
// Unsafe and ambiguous files are refused regardless. The rule tag names the field of ingest.Policy.
type uploadConfig struct {
	Policy string `enum:"private,pypi" default:"private" help:"Strictness of uploads: private accepts every file that PyPI serves and pip installs; pypi refuses every file that PyPI refuses."`

	StartupFiles string `name:"startup-files" enum:"allow,known,refuse" default:"known" help:"Wheels with files that run code whenever Python starts (.pth files with import lines, .start files): allow accepts them; known accepts them if an earlier version of the project has such a file, or if an owner of the project allowed it; refuse accepts none."`

	RefuseUnknownMetadataVersions *bool `rule:"Rules.KnownMetadataVersions" help:"Refuse a Metadata-Version that PyPI does not know."`
	RefuseFieldsOfOtherVersions   *bool `rule:"Rules.FieldVersions" help:"Refuse a field newer than the declared Metadata-Version."`
	RefuseLocalVersions           *bool `rule:"Rules.LocalVersions" help:"Refuse versions such as 1.0+cu121."`
	RefuseDirectURLs              *bool `name:"refuse-direct-urls" rule:"Rules.DirectURLs" help:"Refuse requirements with a URL."`
	RefuseBadRequirements         *bool `rule:"Rules.Requirements" help:"Refuse a Requires-Dist that pip cannot read, even if uv can."`
	RefuseBadRequiresPython       *bool `rule:"Rules.RequiresPython" help:"Refuse a Requires-Python that cannot be read."`
	RefuseBadExtras               *bool `rule:"Rules.Extras" help:"Refuse a Provides-Extra that is not a valid name."`
	RefuseBadOldDists             *bool `rule:"Rules.OldDists" help:"Refuse invalid requirements in Provides-Dist and Obsoletes-Dist."`
	RefuseBadLicense              *bool `rule:"Rules.License" help:"Refuse invalid license expressions, and License together with License-Expression."`
	RefuseBadLicenseFiles         *bool `rule:"Rules.LicenseFiles" help:"Refuse a License-File that is not a plain relative path."`
	RefuseBadClassifiers          *bool `rule:"Rules.Classifiers" help:"Refuse malformed classifiers, and classifiers that begin with Private."`
	RefuseBadContentType          *bool `rule:"Rules.ContentType" help:"Refuse a Description-Content-Type that PyPI does not render."`
	RefuseLongSummary             *bool `rule:"Rules.Summary512" help:"Refuse summaries with several lines or more than 512 characters."`
	RefuseBadLinks                *bool `rule:"Rules.Links" help:"Refuse a Home-page or Download-URL that is not an http or https URL."`
	RefuseBadProjectURLs          *bool `name:"refuse-bad-project-urls" rule:"Rules.ProjectURLs" help:"Refuse a Project-URL that is not of the form \"Label, URL\"."`
	RefuseBadEmails               *bool `rule:"Rules.Emails" help:"Refuse malformed e-mail addresses."`
	RefuseBadDynamic              *bool `rule:"Rules.Dynamic" help:"Refuse a Dynamic that names an unknown field, a field that must be static or, since Metadata-Version 2.6, a field of a source distribution with a value that is not a list."`
	RefuseBadImports              *bool `rule:"Rules.Imports" help:"Refuse an Import-Name or Import-Namespace that is not a valid identifier."`

	RefuseDataDescriptors     *bool `rule:"Archive.DataDescriptors" help:"Refuse wheels with ZIP data descriptors (entries whose size follows their data)."`
	RefuseEntryComments       *bool `rule:"Archive.EntryComments" help:"Refuse wheels with comments on ZIP entries."`
	RefuseDuplicateMembers    *bool `rule:"Archive.Duplicates" help:"Refuse wheels with two ZIP entries of one name, even if they have the same content."`
	RefuseDistInfoSpelling    *bool `rule:"Archive.DistInfo" help:"Refuse a .dist-info folder whose name is spelled differently from the file name."`
	RefuseBadEntryPoints      *bool `rule:"Archive.EntryPoints" help:"Refuse an entry_points.txt that cannot be read."`
	RefuseMissingLicenseFiles *bool `rule:"Archive.LicenseFiles" help:"Refuse archives that lack a License-File named in their metadata."`

	RefuseOldFilenames   *bool `rule:"Spelling" help:"Refuse file names in the form used before PEP 625."`
	RefusePlatforms      *bool `rule:"Platforms" help:"Refuse platform tags that PyPI does not accept, such as linux_x86_64."`
	RefuseSecondSDist    *bool `name:"refuse-second-sdist" rule:"OneSDist" help:"Refuse a second source distribution in a release."`
	RefuseSimilarNames   *bool `rule:"NamePolicy.SimilarNames" help:"Refuse new projects whose name looks like that of an existing project, or like a name that is reserved for the last owners of a deleted project."`
	RefuseStandardNames  *bool `rule:"NamePolicy.ReservedNames" help:"Refuse new projects with the name of a standard library module."`
	RefuseSharedContents *bool `rule:"SharedContent" refuse:"false" help:"Refuse content that the repository already has under another file name, in a project that the caller may see."`
}

// Rules returns the policy for uploads.
func (c uploadConfig) Rules() ingest.Policy {
	p := ingest.PrivatePolicy()
	if c.Policy == "pypi" {
		p = ingest.PyPIPolicy()
	}
	p.StartupFiles = ingest.StartupPolicy(c.StartupFiles)
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

// rule returns the field of v with a dotted name.
func rule(v reflect.Value, name string) reflect.Value {
	for part := range strings.SplitSeq(name, ".") {
		v = v.FieldByName(part)
	}
	return v
}
