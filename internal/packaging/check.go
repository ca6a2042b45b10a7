package packaging

import (
	"fmt"

	"pyindex/internal/fault"
)

// check returns the problem with a field's values under the rules, or "".
type check func(m *Metadata, kind Kind, r Rules) string

// checks maps headers to their checks. A field without a check is free text.
var checks = map[string]check{
	"metadata-version": checkMetadataVersion,
	"name":             checkName,
	"version":          checkVersion,
	"author-email":     func(m *Metadata, _ Kind, r Rules) string { return when(r.Emails, checkEmail, m.AuthorEmail) },
	"classifier": func(m *Metadata, _ Kind, r Rules) string {
		return when(r.Classifiers, checkClassifier, m.Classifiers...)
	},
	"description-content-type": func(m *Metadata, _ Kind, r Rules) string {
		return when(r.ContentType, checkContentType, m.DescriptionContentType)
	},
	"download-url": func(m *Metadata, _ Kind, r Rules) string { return when(r.Links, checkLink, m.DownloadURL) },
	"dynamic":      checkDynamics,
	"home-page":    func(m *Metadata, _ Kind, r Rules) string { return when(r.Links, checkLink, m.HomePage) },
	"import-name":  func(m *Metadata, _ Kind, r Rules) string { return when(r.Imports, checkImport, m.ImportNames...) },
	"import-namespace": func(m *Metadata, _ Kind, r Rules) string {
		return when(r.Imports, checkImport, m.ImportNamespaces...)
	},
	"license": checkLicense,
	"license-expression": func(m *Metadata, _ Kind, r Rules) string {
		return when(r.License, checkLicenseExpression, m.LicenseExpression)
	},
	"license-file": func(m *Metadata, _ Kind, r Rules) string {
		return when(r.LicenseFiles, checkLicenseFile, m.LicenseFiles...)
	},
	"maintainer-email": func(m *Metadata, _ Kind, r Rules) string { return when(r.Emails, checkEmail, m.MaintainerEmail) },
	"obsoletes-dist":   func(m *Metadata, _ Kind, r Rules) string { return checkOldDists(m.ObsoletesDist, r) },
	"project-url":      checkProjectURLs,
	"provides-dist":    func(m *Metadata, _ Kind, r Rules) string { return checkOldDists(m.ProvidesDist, r) },
	"provides-extra": func(m *Metadata, _ Kind, r Rules) string {
		return when(r.Extras, checkExtra, m.ProvidesExtra...)
	},
	"requires-dist": checkRequiresDist,
	"requires-python": func(m *Metadata, _ Kind, r Rules) string {
		return when(r.RequiresPython, checkRequiresPython, m.RequiresPython)
	},
	"summary": func(m *Metadata, _ Kind, r Rules) string { return when(r.Summary512, checkSummary, m.Summary) },
}

// when returns the first problem that wrong finds in the nonempty values, or "". If strict is false, it checks nothing.
func when(strict bool, wrong func(string) string, values ...string) string {
	if !strict {
		return ""
	}
	for _, v := range values {
		if v == "" {
			continue
		}
		if why := wrong(v); why != "" {
			return why
		}
	}
	return ""
}

// Check returns fault.Invalid for the first problem in the metadata of a file of this kind: in metadata_version, then
// name, then version, then the other fields by name. Under any rules, these three must be present and valid, and an
// installer must be able to parse each Requires-Dist that decides about dependencies; see Decides. Tolerated returns
// the problems that the rules accept.
func (m Metadata) Check(kind Kind, r Rules) error {
	declared, _ := parseMetadataVersion(m.MetadataVersion)
	for _, f := range fields {
		why := ""
		if wrong := checks[f.header]; wrong != nil {
			why = wrong(&m, kind, r)
		}
		if r.FieldVersions && f.stated(&m) && declared.before(f.since) {
			why = fmt.Sprintf("introduced in metadata version %s, not %s", f.since, declared)
		}
		if why != "" {
			return fault.New(fault.Invalid, "%s: %s", f.form, why)
		}
	}
	return nil
}

func checkMetadataVersion(m *Metadata, _ Kind, r Rules) string {
	if m.MetadataVersion == "" {
		if r.Legacy {
			return ""
		}
		return "missing"
	}
	v, ok := parseMetadataVersion(m.MetadataVersion)
	if !ok || v.major < 1 || v.major > 2 || r.KnownMetadataVersions && !v.known() {
		return quote(m.MetadataVersion) + " is not a known metadata version"
	}
	return ""
}

func checkName(m *Metadata, _ Kind, _ Rules) string {
	if m.Name == "" {
		return "missing"
	}
	_, err := ParseProjectName(m.Name)
	return fault.Message(err)
}

func checkVersion(m *Metadata, _ Kind, r Rules) string {
	if m.Version == "" {
		return "missing"
	}
	v, err := ParseVersion(m.Version)
	if err != nil {
		return fault.Message(err)
	}
	if r.LocalVersions && v.HasLocal() {
		return quote(m.Version) + " has a local part, which the upload policy does not allow"
	}
	return ""
}
