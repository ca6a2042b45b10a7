package simpleapi

import (
	"io"
	"net/http"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/simpleapi/ready"
)

// metadataSuffix is what installers append to a file's path (PEP 658).
const metadataSuffix = ".metadata"

// maxRanges bounds the parts of one answer. Installers ask for one.
const maxRanges = 5

// file is the bytes of a file, or of its core metadata. The bytes are sent as they are kept, never compressed: a
// Content-Encoding on a .tar.gz makes clients store other bytes than they hash.
func (a *API) file(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	filename, isMetadata := strings.CutSuffix(r.PathValue("filename"), metadataSuffix)
	repo, sha256 := r.PathValue("repository"), r.PathValue("sha256")
	f, err := a.index.File(r.Context(), who, repo, sha256, filename)
	if err != nil {
		return err
	}
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
		if to, err := a.index.Link(r.Context(), f); err != nil || to != "" {
			return a.direct(w, r, f, to, err)
		}
	}
	blob, _, err := a.index.Open(r.Context(), who, repo, sha256, filename, part)
	if err != nil {
		return err
	}
	defer blob.Close()
	fileHeaders(w, part, etag)
	if part == catalog.Bytes && begins(r) {
		a.index.NoteDownload(f)
	}
	// The writer goes on as it came: on a file of the system's, net/http then lets the kernel copy.
	http.ServeContent(w, bounded(r), "", time.Time{}, blob)
	return nil
}

// direct sends the client to the store, with an address that is good for anybody who has it and so is kept by nobody.
// Ranges and conditions come along by themselves. A HEAD is answered here: what is signed is a GET, and to a HEAD the
// store would say 403.
func (a *API) direct(w http.ResponseWriter, r *http.Request, f catalog.File, to string, err error) error {
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		fileHeaders(w, catalog.Bytes, `"`+f.SHA256+`"`)
		http.ServeContent(w, bounded(r), "", time.Time{}, io.NewSectionReader(nil, 0, f.Size)) // nothing is read for a HEAD
		return nil
	}
	if begins(r) {
		a.index.NoteDownload(f)
	}
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "private, no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusFound)
	return nil
}

// begins reports whether a request gets the beginning of a file, and so is a download and not a part of one or a look.
func begins(r *http.Request) bool {
	asked := r.Header.Get("Range")
	return r.Method == http.MethodGet && (asked == "" || strings.HasPrefix(asked, "bytes=0-"))
}

// fileHeaders sets what never changes, like the bytes. Only the reader's own cache may keep them, because the right to
// read may end, and a project be quarantined.
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

// bounded returns r, without its Range where the whole is the better answer, which it may always be (RFC 9110, section
// 14.2): too many parts, a unit that is not bytes, or "the last 0 bytes", of which net/http makes a broken
// Content-Range.
func bounded(r *http.Request) *http.Request {
	asked := r.Header.Get("Range")
	if asked == "" || strings.HasPrefix(asked, "bytes=") && strings.Count(asked, ",") < maxRanges && !lastNone(asked) {
		return r
	}
	whole := r.Clone(r.Context())
	whole.Header.Del("Range")
	return whole
}

// lastNone reports whether one of the ranges is a suffix of no length.
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
