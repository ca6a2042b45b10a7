package legacyupload

import (
	"io"
	"strings"
	"testing"

	"pyindex/internal/ingest"
)

// TestAttestationsField: all values of the field are kept as sent, truncated to one byte more than the limit.
func TestAttestationsField(t *testing.T) {
	long := strings.Repeat("x", ingest.MaxAttestations+1)
	for name, c := range map[string]struct{ sent, want []string }{
		"none":         {nil, nil},
		"blank":        {[]string{"", " \r\n"}, nil},
		"one":          {[]string{` [{"a": 1}] `}, []string{` [{"a": 1}] `}},
		"UNKNOWN":      {[]string{"UNKNOWN"}, []string{"UNKNOWN"}},
		"two":          {[]string{"[]", "{}"}, []string{"[]", "{}"}},
		"not UTF-8":    {[]string{"\xff"}, []string{"\xff"}},
		"at the bound": {[]string{long[1:]}, []string{long[1:]}},
		"beyond":       {[]string{long + "y"}, []string{long}},
	} {
		t.Run(name, func(t *testing.T) {
			var parts []string
			for _, s := range c.sent {
				parts = append(parts, text("attestations", s))
			}
			got, err := receive(strings.NewReader(raw(append(parts, text("after", "it"))...)), edgeType, Options{}.bounds(),
				func(form, partHeader) (io.Writer, error) { return io.Discard, nil })
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got.attestations, "|") != strings.Join(c.want, "|") || len(got.attestations) != len(c.want) {
				t.Errorf("receive: attestations %.80q, want %.80q", got.attestations, c.want)
			}
			if _, kept := got.form["attestations"]; kept || len(got.form["after"]) != 1 {
				t.Errorf("receive: form %.200v", got.form)
			}
		})
	}
}
