package ui

import (
	"encoding/json"
	"net/http"
)

// Answer is what a script gets: where to go next, or what is wrong.
type Answer struct {
	Next  string `json:"next,omitempty"`
	Error string `json:"error,omitempty"`
}

// fromOurScript reports whether a script of ours sent a request, which reads JSON and no page.
func fromOurScript(r *http.Request) bool { return r.Header.Get("Content-Type") == "application/json" }

// JSON answers a script with a value, or with bytes that are JSON already.
func (k *Kit) JSON(w http.ResponseWriter, status int, v any) error {
	b, ok := v.([]byte)
	if !ok {
		var err error
		if b, err = json.Marshal(v); err != nil {
			return err
		}
	}
	k.PageHeaders(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err := w.Write(b)
	return err
}
