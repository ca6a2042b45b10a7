package ui

import (
	"encoding/json"
	"net/http"
)

// Answer is the JSON response to a script: the next page, or an error message.
type Answer struct {
	Next  string `json:"next,omitempty"`
	Error string `json:"error,omitempty"`
}

// fromOurScript reports whether one of our scripts sent the request. Scripts expect JSON, not a page.
func fromOurScript(r *http.Request) bool { return r.Header.Get("Content-Type") == "application/json" }

// JSON writes v as JSON. A []byte is written as it is.
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
