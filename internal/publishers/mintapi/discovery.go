package mintapi

import (
	"net/http"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
)

// discovered is the discovery document of PEP 807. Both endpoints are on the host of the base URL, because clients
// reject endpoints on a different host than the upload URL's.
type discovered struct {
	Audience string   `json:"audience-endpoint"`
	Mint     string   `json:"token-mint-endpoint"`
	Features []string `json:"features"`
	Default  []string `json:"default-features"`
}

// discover returns the endpoints for an upload URL, whose path is in the query (PEP 807).
func (a *API) discover(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	w.Header().Add("Vary", "Accept")
	if !acceptsDiscovery(r) {
		return &undiscovered{
			http.StatusNotAcceptable, "not-acceptable",
			"this address answers " + typeDiscovery + " alone: send that as Accept, or leave Accept out",
		}
	}
	if !a.enabled() {
		return &undiscovered{
			http.StatusNotFound, exchange.CodeNotEnabled,
			"trusted publishing is not enabled on this index: no issuer is configured",
		}
	}
	keys := r.URL.Query()["discover"]
	if len(keys) != 1 || !a.uploadPath(keys[0]) {
		return &undiscovered{
			http.StatusNotFound, "unknown-upload-path",
			"no uploads are taken there: discover has to be the path of an upload URL of this index, as /legacy/",
		}
	}
	base := a.base.String()
	write(w, typeDiscovery, http.StatusOK, discovered{
		Audience: base + audiencePath, Mint: base + mintPath,
		Features: []string{multiUse, singleUse}, Default: []string{multiUse},
	})
	return nil
}

// uploadPath reports whether a path has the form of an upload path. It does not check that the repository exists: the
// endpoints are the same for every repository, and existence is hidden from anonymous clients.
func (a *API) uploadPath(path string) bool {
	if a.base == nil {
		return false
	}
	path, ours := strings.CutPrefix(path, a.base.Path)
	if rest, tree := strings.CutPrefix(path, "/r/"); tree {
		name, _, _ := strings.Cut(rest, "/")
		if !catalog.IsRepositoryName(name) {
			return false
		}
		path = strings.TrimPrefix(rest, name)
	}
	return ours && (path == "/legacy/" || path == "/legacy")
}

// undiscovered is a failure of discovery. It is always sent as a problem, because only clients of PEP 807 use
// discovery.
type undiscovered struct {
	status            int
	code, description string
}

// Error returns the description.
func (u *undiscovered) Error() string { return u.description }

// Unwrap returns the failure as a fault, so that it is logged as a refusal and not as an internal error.
func (u *undiscovered) Unwrap() error { return fault.New(fault.NotFound, "%s", u.description) }
