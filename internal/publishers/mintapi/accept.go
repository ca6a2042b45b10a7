package mintapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// The types of answers.
const (
	typeJSON      = "application/json"
	typeProblem   = "application/problem+json"          // RFC 9457
	typeDiscovery = "application/vnd.pypi.pytp.v1+json" // PEP 807
)

const maxAccept = 4 << 10

// acceptRanges maps the media ranges of Accept to their quality (RFC 9110, 12.5.1), and is nil where there is none. What
// cannot be read is left out.
func acceptRanges(r *http.Request) map[string]float64 {
	accept := strings.Join(r.Header.Values("Accept"), ",")
	if accept == "" {
		return nil
	}
	ranges := map[string]float64{}
	if len(accept) > maxAccept {
		return ranges
	}
	for item := range strings.SplitSeq(accept, ",") {
		kind, params, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		q, err := strconv.ParseFloat(params["q"], 64)
		if err != nil {
			q = 1
		}
		ranges[kind] = max(ranges[kind], min(q, 1))
	}
	return ranges
}

// acceptsDiscovery reports whether an answer of discovery fits; without Accept it does.
func acceptsDiscovery(r *http.Request) bool {
	ranges := acceptRanges(r)
	if ranges == nil {
		return true
	}
	for _, kind := range []string{typeDiscovery, "application/*", "*/*"} {
		if q, ok := ranges[kind]; ok {
			return q > 0
		}
	}
	return false
}

// wantsProblem reports whether a failure shall be a problem: where Accept names that type, or the one of PEP 807, whose
// errors are problems. Clients of today name neither and get what they always got.
func wantsProblem(r *http.Request) bool {
	ranges := acceptRanges(r)
	q := max(ranges[typeProblem], ranges[typeDiscovery])
	return q > 0 && q >= ranges[typeJSON]
}
