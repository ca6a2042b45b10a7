package simpleapi_test

import (
	"encoding/json"
	"testing"
)

func TestProvenance(t *testing.T) {
	d := newDemo(t)
	target := "/integrity/de-mo/1.0/" + d.wheel.Filename + "/provenance"
	for accept, want := range map[string]int{
		"": 404, "*/*": 404, "application/vnd.pypi.integrity.v1+json": 404, "application/json": 404, "text/html": 406, "image/png": 406,
	} {
		w := call(d.open, "GET "+target, "Accept", accept)
		var doc struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || w.Code != want || doc.Message == "" {
			t.Errorf("GET %s, Accept %q = %d %s, want %d with a message", target, accept, w.Code, w.Body, want)
		}
	}
}
