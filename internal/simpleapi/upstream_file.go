package simpleapi

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/internal/simpleapi/ready"
	"pyindex/internal/upstream/files"
)

// upstreamFile serves a file of an upstream or its core metadata. The upstream sends it while the client reads, unless
// this index has it already.
func (a *API) upstreamFile(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	path, isMetadata := strings.CutSuffix(r.PathValue(route.Rest), metadataSuffix)
	ctx := r.Context()
	f, err := a.reader.Foreign(ctx, who, r.PathValue("repository"), r.PathValue("source"), path, a.asked(r))
	if err != nil {
		return err
	}
	if isMetadata {
		return a.upstreamMetadata(w, r, f)
	}
	known, err := a.reader.Stat(ctx, f)
	if err != nil {
		return err
	}
	upstreamFileHeaders(w, isMetadata, known.SHA256)
	if known.SHA256 != "" && ready.Matches(r.Header["If-None-Match"], `"`+known.SHA256+`"`) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead && known.Size >= 0 && (known.Stored || a.reader.Fetches(f)) {
		if !known.Ranges {
			w.Header().Set("Accept-Ranges", "none")
		}
		w.Header().Set("Content-Length", strconv.FormatInt(known.Size, 10))
		w.WriteHeader(http.StatusOK)
		return nil
	}
	o, err := a.reader.Open(ctx, f)
	if err != nil {
		clear(w.Header())
		return err
	}
	defer o.Close()
	if begins(r) {
		a.reader.Downloaded(who, r.PathValue("repository"), f)
	}
	if o.SHA256 != "" {
		w.Header().Set("Etag", `"`+o.SHA256+`"`)
	}
	if o.Stream != nil && o.Ranges && r.Header.Get("Range") != "" && bounded(r) == r {
		whole, ok, err := o.Stream.Whole(ctx)
		if err != nil {
			clear(w.Header())
			return resolve.Explained(err)
		}
		if ok {
			defer whole.Close()
			o.Blob = whole
		}
	}
	if o.Blob != nil {
		http.ServeContent(w, bounded(r), "", time.Time{}, o.Blob)
		return nil
	}
	stream(w, r, o)
	return nil
}

// upstreamMetadata serves the core metadata of a file of an upstream.
func (a *API) upstreamMetadata(w http.ResponseWriter, r *http.Request, f resolve.ForeignFile) error {
	document, sum, err := a.reader.Metadata(r.Context(), f)
	if err != nil {
		return err
	}
	upstreamFileHeaders(w, true, sum)
	if ready.Matches(r.Header["If-None-Match"], `"`+sum+`"`) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	http.ServeContent(w, bounded(r), "", time.Time{}, bytes.NewReader(document))
	return nil
}

// upstreamFileHeaders sets the headers of a file of an upstream. Unlike files of this index, it may be denied later, so
// clients ask again after a day.
func upstreamFileHeaders(w http.ResponseWriter, isMetadata bool, sha256 string) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	if isMetadata {
		h.Set("Content-Type", "text/plain; charset=utf-8")
	}
	if sha256 != "" {
		h.Set("Etag", `"`+sha256+`"`)
	}
	h.Set("Cache-Control", "private, max-age=86400")
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Disposition", "attachment")
	h.Set("X-Content-Type-Options", "nosniff")
}

// stream writes a file while it arrives. If it turns out wrong, the connection is aborted, so that no client takes it
// for whole.
func stream(w http.ResponseWriter, r *http.Request, o files.Opened) {
	h := w.Header()
	h.Set("Accept-Ranges", "none")
	if o.Size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(o.Size, 10))
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	route.Stream(w, o.Stream)
}
