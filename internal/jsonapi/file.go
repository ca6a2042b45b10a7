package jsonapi

import (
	"net/url"
	"strings"

	"pyindex/internal/catalog"
)

// file is a distribution in this API. The hyphen in core-metadata is PyPI's.
type file struct {
	CommentText    string  `json:"comment_text"`
	CoreMetadata   any     `json:"core-metadata"` // an object of digests, or false
	Digests        digests `json:"digests"`
	Downloads      int     `json:"downloads"`
	Filename       string  `json:"filename"`
	HasSig         bool    `json:"has_sig"`
	MD5            string  `json:"md5_digest"`
	PackageType    string  `json:"packagetype"`
	PythonVersion  string  `json:"python_version"`
	RequiresPython *string `json:"requires_python"`
	Size           int64   `json:"size"`
	UploadTime     string  `json:"upload_time"`
	UploadTimeISO  string  `json:"upload_time_iso_8601"`
	URL            string  `json:"url"`
	Yanked         bool    `json:"yanked"`
	YankedReason   *string `json:"yanked_reason"`
}

type digests struct {
	Blake2b256 string `json:"blake2b_256"`
	MD5        string `json:"md5"`
	SHA256     string `json:"sha256"`
}

// These are the time formats: one without a time zone, for old clients, and one with UTC.
const (
	uploadTime    = "2006-01-02T15:04:05"
	uploadTimeISO = "2006-01-02T15:04:05.000000Z"
)

// notCounted is PyPI's value for download counts since it stopped providing them here.
const notCounted = -1

func describeAll(base string, files []catalog.File) []file {
	out := make([]file, 0, len(files))
	for i := range files {
		out = append(out, describe(base, &files[i]))
	}
	return out
}

func describe(base string, f *catalog.File) file {
	at := f.UploadedAt.UTC()
	described := file{
		CommentText: f.Comment, CoreMetadata: coreMetadata(f),
		Digests:   digests{Blake2b256: f.Blake2b256, MD5: f.MD5, SHA256: f.SHA256},
		Downloads: notCounted, Filename: f.Filename, MD5: f.MD5,
		PackageType: string(f.Kind), PythonVersion: f.PythonVersion, RequiresPython: orNull(f.RequiresPython),
		Size: max(f.Size, 0), UploadTime: at.Format(uploadTime), UploadTimeISO: at.Format(uploadTimeISO),
		URL:    base + path(f),
		Yanked: f.Yanked, YankedReason: orNull(f.YankedReason),
	}
	if f.UploadedAt.IsZero() { // an upstream need not state it
		described.UploadTime, described.UploadTimeISO = "", ""
	}
	return described
}

// path returns the path of a file below packages/.
func path(f *catalog.File) string {
	if f.Upstream != nil {
		return f.Upstream.Name + "/" + strings.ReplaceAll(f.Upstream.Path, "+", "%2B")
	}
	return f.SHA256 + "/" + escape(f.Filename)
}

// escape also escapes "+", which some decoders read as a blank, so that all our links to a file are spelled the same.
func escape(filename string) string { return strings.ReplaceAll(url.PathEscape(filename), "+", "%2B") }

func coreMetadata(f *catalog.File) any {
	if f.MetadataSHA256 == "" {
		return f.Upstream != nil && f.Upstream.Metadata
	}
	return map[string]string{"sha256": f.MetadataSHA256}
}

// orNull returns nil for an empty text: PyPI sends null for missing values.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
