package legacyupload

import (
	"mime"
	"strconv"
	"strings"
)

// The forms of a refusal, preferred in this order among equals. uv compares the type of JSON literally, so it has no
// parameters.
const (
	typePlain = "text/plain; charset=utf-8"
	typeJSON  = "application/json"
	typeHTML  = "text/html; charset=utf-8"
)

const maxAccept = 4 << 10

// chooseType returns the form that an Accept header likes best. Whatever it excludes, somebody must learn of the
// refusal, so text is what is left.
func chooseType(accept string) string {
	best, quality := typePlain, 0.0
	ranges := acceptRanges(accept)
	for _, t := range []string{typePlain, typeJSON, typeHTML} {
		kind, _, _ := strings.Cut(t, ";")
		if q := qualityOf(kind, ranges); q > quality {
			best, quality = t, q
		}
	}
	return best
}

// acceptRanges maps media ranges to their quality (RFC 9110, 12.5.1). What cannot be read is left out.
func acceptRanges(accept string) map[string]float64 {
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

// qualityOf returns the quality of the narrowest range that covers kind.
func qualityOf(kind string, ranges map[string]float64) float64 {
	family, _, _ := strings.Cut(kind, "/")
	for _, r := range []string{kind, family + "/*", "*/*"} {
		if q, ok := ranges[r]; ok {
			return q
		}
	}
	return 0
}
