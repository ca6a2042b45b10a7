package simpleapi

import (
	"strconv"

	"pyindex/internal/catalog"
)

// uploadTime is the time format of PEP 700: UTC with "Z" and at most six decimals.
const uploadTime = `"2006-01-02T15:04:05.000000Z"`

func appendHeadJSON(b []byte, t tree, c catalog.Contents) []byte {
	b = appendProjectMetaJSON(b, t, c)
	b = append(b, `,"name":`...)
	b = appendJSON(b, c.Project.Name.String())
	b = append(b, `,"project-status":{"status":`...)
	b = appendJSON(b, string(c.Project.Status))
	if c.Project.StatusReason != "" {
		b = append(b, `,"reason":`...)
		b = appendJSON(b, c.Project.StatusReason)
	}
	b = append(b, `},"versions":[`...)
	for i, r := range c.Releases {
		b = appendJSON(appendComma(b, i), r.Version)
	}
	return append(b, `],"files":[`...)
}

// appendProjectMetaJSON begins an object. A project without a serial comes from an upstream.
func appendProjectMetaJSON(b []byte, t tree, c catalog.Contents) []byte {
	b = append(b, `{"meta":{`...)
	if base := t.artifactBase(c.Files); base != "" {
		b = append(b, `"_artifact-base-url":`...)
		b = append(appendJSON(b, base), ',')
	}
	if c.Project.Serial != 0 {
		b = append(b, `"_last-serial":`...)
		b = append(appendInt(b, c.Project.Serial), ',')
	}
	return append(b, `"api-version":"`+apiVersion+`"}`...)
}

// appendMetaJSON begins an object. The serial is an extension of PyPI; mirrors skip projects without it.
func appendMetaJSON(b []byte, serial int64) []byte {
	b = append(b, `{"meta":{"_last-serial":`...)
	b = appendInt(b, serial)
	return append(b, `,"api-version":"`+apiVersion+`"}`...)
}

func appendComma(b []byte, i int) []byte {
	if i > 0 {
		b = append(b, ',')
	}
	return b
}

func appendFileJSON(b []byte, t tree, p *catalog.Project, f *catalog.File) []byte {
	b = append(b, `{"filename":`...)
	b = appendJSON(b, f.Filename)
	b = append(b, `,"url":"`...)
	b = appendFilePath(b, t.prefix, f)
	b = append(b, `","hashes":{`...)
	if f.SHA256 != "" {
		b = append(b, `"sha256":"`...)
		b = append(append(b, f.SHA256...), '"')
	}
	b = append(b, '}')
	if f.RequiresPython != "" {
		b = append(b, `,"requires-python":`...)
		b = appendJSON(b, f.RequiresPython)
	}
	if f.Size >= 0 {
		b = append(b, `,"size":`...)
		b = appendInt(b, f.Size)
	}
	if !f.UploadedAt.IsZero() {
		b = append(b, `,"upload-time":`...)
		b = f.UploadedAt.UTC().AppendFormat(b, uploadTime)
	}
	if f.Upstream != nil && f.Upstream.Signed != nil {
		b = append(b, `,"gpg-sig":`...)
		b = strconv.AppendBool(b, *f.Upstream.Signed)
	}
	b = appendYankedJSON(b, f)
	b = appendMetadataJSON(b, f)
	if !t.provenanceLinked(f) {
		return append(b, `,"provenance":null}`...)
	}
	b = append(b, `,"provenance":"`...)
	return append(t.appendProvenanceURL(b, p, f), `"}`...)
}

// appendYankedJSON writes the reason if there is one, since any text means yanked (PEP 592).
func appendYankedJSON(b []byte, f *catalog.File) []byte {
	b = append(b, `,"yanked":`...)
	switch {
	case !f.Yanked:
		return append(b, "false"...)
	case f.YankedReason == "":
		return append(b, "true"...)
	}
	return appendJSON(b, f.YankedReason)
}

// appendMetadataJSON writes the digest of the core metadata under its PEP 714 name only. pip 22.3 and 23.0 fail on a
// JSON page that has a digest under the older name.
func appendMetadataJSON(b []byte, f *catalog.File) []byte {
	if f.MetadataSHA256 == "" {
		b = append(b, `,"core-metadata":`...)
		return strconv.AppendBool(b, f.Upstream != nil && f.Upstream.Metadata)
	}
	b = append(b, `,"core-metadata":{"sha256":"`...)
	b = append(b, f.MetadataSHA256...)
	return append(b, `"}`...)
}

func headJSON(b []byte, serial int64) []byte {
	return append(appendMetaJSON(b, serial), `,"projects":[`...)
}

func endJSON(b []byte, _ int64) []byte { return append(b, "]}"...) }

// appendListJSON appends the projects of a section, each after a comma unless it is the first of the list.
func appendListJSON(b []byte, s *catalog.Section, first bool) []byte {
	for l := range s.Lines() {
		if l.Hidden {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, `{"_last-serial":`...)
		b = appendInt(b, l.Serial)
		b = append(b, `,"name":`...)
		if l.Plain {
			b = append(append(append(b, '"'), l.Shown...), `"}`...)
		} else {
			b = append(appendJSON(b, string(l.Shown)), '}')
		}
	}
	return b
}
