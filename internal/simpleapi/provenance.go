package simpleapi

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/internal/simpleapi/ready"
)

// These are the media types of provenance. The first one is preferred.
const (
	mediaProvenance = "application/vnd.pypi.integrity.v1+json"
	mediaPlainJSON  = "application/json"
)

// provenance serves the verified attestations of a file (PEP 740). Unattested, missing and hidden files get the same
// 404. All responses are JSON, because clients of this URL expect it.
func (a *API) provenance(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	w.Header()["Vary"] = vary
	media := chooseProvenance(r.Header["Accept"])
	if media == "" {
		writeJSON(w, r, http.StatusNotAcceptable, "ask for "+mediaProvenance+" or "+mediaPlainJSON)
		return nil
	}
	body, err := a.provenanceDocument(r, who)
	if fault.Is(err, fault.NotFound) {
		writeJSON(w, r, http.StatusNotFound, "this file has no provenance")
		return nil
	} else if err != nil {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		if refused(w, r, err, true) {
			return nil
		}
		return err
	}
	a.pageHeaders(w, who)
	sum := sha256.Sum256(append([]byte(media), body...))
	etag := `"` + hex.EncodeToString(sum[:16]) + `"`
	w.Header()["Etag"] = []string{etag}
	if ready.Matches(r.Header["If-None-Match"], etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	write(w, r, http.StatusOK, media, body)
	return nil
}

// provenanceDocument returns the document about a file of this index, built from its attestations, or that of the
// upstream about one of its files.
func (a *API) provenanceDocument(r *http.Request, who access.Caller) ([]byte, error) {
	name, err := projectName(r)
	if err != nil {
		return nil, err
	}
	ctx, repo, version, filename := r.Context(), r.PathValue("repository"), r.PathValue("version"), r.PathValue("filename")
	found, err := a.reader.Attestations(ctx, who, repo, name, version, filename)
	if fault.Is(err, fault.NotFound) {
		return a.reader.Provenance(ctx, who, repo, name, version, filename, a.asked(r))
	}
	if err != nil {
		return nil, err
	}
	return catalog.ProvenanceDocument(found)
}

// chooseProvenance returns the media type that an Accept header prefers, and "" if it accepts neither. A missing
// header, or one without any media range, accepts both.
func chooseProvenance(lines []string) string {
	valid := false
	var own, plain liking
	for w := (route.Weights{Lines: lines}); w.Next(); {
		valid = valid || strings.Contains(w.Value, "/")
		switch strings.ToLower(w.Value) {
		case "*/*":
			own.note(byAll, w.Weight)
			plain.note(byAll, w.Weight)
		case "application/*":
			own.note(byType, w.Weight)
			plain.note(byType, w.Weight)
		case mediaProvenance:
			own.note(byName, w.Weight)
		case mediaPlainJSON:
			plain.note(byName, w.Weight)
		}
	}
	switch {
	case !valid, own.weight > 0 && own.weight >= plain.weight:
		return mediaProvenance
	case plain.weight > 0:
		return mediaPlainJSON
	}
	return ""
}
