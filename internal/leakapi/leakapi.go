package leakapi

import (
	"crypto/ecdsa"
	"io"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// maxBody is the size limit of a report, in bytes. It also limits how many tokens one transaction revokes.
const maxBody = 256 << 10

// Options are the settings of an API.
type Options struct {
	Keys []*ecdsa.PublicKey // keys of the reporters; without any, every report gets 404
}

// API receives reports of leaked tokens.
type API struct {
	directory *access.Directory
	keys      []*ecdsa.PublicKey
}

// New returns the API for the tokens of d.
func New(d *access.Directory, o Options) *API { return &API{directory: d, keys: o.Keys} }

// Table returns the route. Like every route below /_/, it is also at the host's root.
func (a *API) Table() route.Table {
	return route.Table{Name: "leakapi", Fail: fail, Routes: []route.Route{
		{
			Method:   "POST",
			Path:     "/_/secrets/disclose-token",
			Auth:     route.Open,
			Decides:  route.NoFiles,
			Limit:    route.LimitLeak,
			Handle:   a.disclose,
			HostRoot: true,
		},
	}}
}

// disclose responds with 204 to every signed, well-formed report.
func (a *API) disclose(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	signature, signed := signatureOf(r.Header)
	if len(a.keys) == 0 || !signed {
		return fault.New(fault.NotFound, "nothing is here")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return fault.New(fault.Invalid,
			"the report did not arrive whole, or is larger than 256 KiB: send fewer tokens at once")
	}
	if !signedBy(a.keys, body, signature) {
		return fault.New(fault.Invalid, "the signature is of none of the keys that this index believes")
	}
	leaks, err := readReport(body)
	if err != nil {
		return err
	}
	if err := a.directory.Leaked(r.Context(), who, leaks); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// fail responds with one line of text, because reporters read only the status.
func fail(w http.ResponseWriter, _ *http.Request, err error) {
	status, text := route.Status(fault.KindOf(err)), fault.Message(err)
	if status == http.StatusInternalServerError {
		text = "this index failed to answer; its log says why"
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n") // fails only if the reporter disconnected
}
