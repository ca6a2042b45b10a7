package simpleapi

import (
	"io"
	"net/http"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/internal/simpleapi/ready"
	"pyindex/internal/upstream"
)

// metadataSuffix is the suffix of a file's path under which its core metadata is found (PEP 658).
const metadataSuffix = ".metadata"

// maxRanges is the largest number of ranges honored in one request. Installers ask for one.
const maxRanges = 5

// packages serves a file of this index, which is found below its digest, or of an upstream, which is found below its
// name.
func (a *API) packages(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if upstream.IsName(r.PathValue("source")) {
		return a.upstreamFile(w, r, who)
	}
	return a.file(w, r, who)
}

// file serves a file or its core metadata. The content is never compressed: with a Content-Encoding on a .tar.gz,
// clients would store content that differs from the hash.
func (a *API) file(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	filename, isMetadata := strings.CutSuffix(r.PathValue(route.Rest), metadataSuffix)
	repo, sha256 := r.PathValue("repository"), r.PathValue("source")
	f, err := a.reader.File(r.Context(), who, repo, sha256, filename)
	if err != nil {
		return err
	}
	index := a.reader.Index()
	part, digest := catalog.Bytes, f.SHA256
	if isMetadata {
		part, digest = catalog.MetadataPart, f.MetadataSHA256
	}
	etag := `"` + digest + `"`
	if digest != "" && ready.Matches(r.Header["If-None-Match"], etag) {
		fileHeaders(w, part, etag)
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if part == catalog.Bytes {
		if to, err := index.Link(r.Context(), f.File); err != nil || to != "" {
			return a.direct(w, r, who, f, to, err)
		}
	}
	blob, _, err := index.Open(r.Context(), who, f.From, sha256, filename, part)
	if err != nil {
		return err
	}
	defer blob.Close()
	fileHeaders(w, part, etag)
	if part == catalog.Bytes && begins(r) {
		a.reader.DownloadedOwn(who, repo, f.Project, f.File)
	}
	// The writer is passed on unwrapped, so that net/http can use sendfile for an operating system file.
	http.ServeContent(w, bounded(r), "", time.Time{}, blob)
	return nil
}

// direct redirects the client to the store. Anyone who has the signed URL can use it, so the redirect must not be
// cached. The store handles ranges and conditions. HEAD is answered here, because the signature covers GET only and the
// store would refuse a HEAD with a 403.
func (a *API) direct(w http.ResponseWriter, r *http.Request, who access.Caller, f resolve.OwnFile, to string,
	err error,
) error {
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		fileHeaders(w, catalog.Bytes, `"`+f.SHA256+`"`)
		http.ServeContent(w, bounded(r), "", time.Time{}, io.NewSectionReader(nil, 0, f.Size)) // a HEAD reads nothing
		return nil
	}
	if begins(r) {
		a.reader.DownloadedOwn(who, r.PathValue("repository"), f.Project, f.File)
	}
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "private, no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
	return nil
}

// begins reports whether a GET includes the beginning of a file. Such a request counts as a download; later ranges and
// HEAD do not.
func begins(r *http.Request) bool {
	asked := r.Header.Get("Range")
	return r.Method == http.MethodGet && (asked == "" || strings.HasPrefix(asked, "bytes=0-"))
}

// fileHeaders sets the headers of a file, which never change. Only the client's own cache may store the file, because
// the permission to read it can end and a project can be quarantined.
func fileHeaders(w http.ResponseWriter, part catalog.Part, etag string) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if part == catalog.MetadataPart {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	h.Set("Etag", etag)
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Disposition", "attachment")
	h.Set("X-Content-Type-Options", "nosniff")
}

// bounded returns r, without its Range header if the response should be the whole file, as RFC 9110, section 14.2
// always allows. That is so for too many ranges, units other than bytes, and "the last 0 bytes", for which net/http
// sends an invalid Content-Range.
func bounded(r *http.Request) *http.Request {
	asked := r.Header.Get("Range")
	if asked == "" || strings.HasPrefix(asked, "bytes=") && strings.Count(asked, ",") < maxRanges && !lastNone(asked) {
		return r
	}
	whole := r.Clone(r.Context())
	whole.Header.Del("Range")
	return whole
}

// lastNone reports whether one of the ranges is a suffix of length zero.
func lastNone(asked string) bool {
	_, ranges, _ := strings.Cut(asked, "=")
	for one := range strings.SplitSeq(ranges, ",") {
		suffix, ok := strings.CutPrefix(strings.Trim(one, " \t"), "-")
		if ok && strings.Trim(suffix, "0 \t") == "" {
			return true
		}
	}
	return false
}
