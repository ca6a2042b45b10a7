package route

import (
	"mime"
	"strconv"
	"strings"
)

// MediaRanges are the ranges of an Accept header and the quality of each (RFC 9110, 12.5.1). A nil one is a request
// without the header, to whom anything goes.
type MediaRanges map[string]float64

// maxAccept bounds, in bytes, an Accept header that is read at all.
const maxAccept = 4 << 10

// ParseAccept reads the lines of an Accept header. What cannot be read is left out, and of a header that is too long
// everything.
func ParseAccept(lines []string) MediaRanges {
	accept := strings.Join(lines, ",")
	if accept == "" {
		return nil
	}
	ranges := MediaRanges{}
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

// Quality returns the quality of the narrowest range that covers a media type, and 0 where none does.
func (m MediaRanges) Quality(kind string) float64 {
	family, _, _ := strings.Cut(kind, "/")
	for _, r := range []string{kind, family + "/*", "*/*"} {
		if q, ok := m[r]; ok {
			return q
		}
	}
	return 0
}
