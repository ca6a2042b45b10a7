package simpleapi

import (
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/simpleapi/ready"
)

const mediaProvenance = "application/vnd.pypi.integrity.v1+json"

// provenance answers where a file's provenance would be (PEP 740). None is kept, so who may see the project is told
// that; the answers are JSON, as clients of that URL read them.
func (a *API) provenance(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	w.Header()["Vary"] = vary
	if !acceptsProvenance(r.Header["Accept"]) {
		writeJSON(w, r, http.StatusNotAcceptable, "ask for "+mediaProvenance+" or application/json")
		return nil
	}
	name, err := projectName(r)
	if err == nil {
		_, err = a.index.Project(r.Context(), who, r.PathValue("repository"), name)
	}
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	writeJSON(w, r, http.StatusNotFound, "no provenance is kept for that file")
	return nil
}

// acceptsProvenance reports whether an Accept header leaves room for either type that provenance has.
func acceptsProvenance(lines []string) bool {
	valid := false
	for w := (ready.Weights{Lines: lines}); w.Next(); {
		if !strings.Contains(w.Value, "/") {
			continue
		}
		valid = true
		if w.Weight > 0 && isProvenance(strings.ToLower(w.Value)) {
			return true
		}
	}
	return !valid
}

func isProvenance(media string) bool {
	switch media {
	case "*/*", "application/*", "application/json", mediaProvenance:
		return true
	}
	return false
}
