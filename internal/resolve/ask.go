package resolve

import (
	"strings"

	"pyindex/internal/upstream"
	"pyindex/internal/upstream/pages"
)

// AskOf returns how a request wants names of upstreams to be answered, by the values of its Cache-Control and Via
// headers. instance is the id of this index.
func AskOf(cacheControl, via []string, instance string) (ask Ask) {
	for _, line := range cacheControl {
		for part := range strings.SplitSeq(line, ",") {
			switch strings.ToLower(strings.TrimSpace(part)) {
			case "no-cache":
				ask.Freshness = pages.NoCache
			case "max-age=0":
				if ask.Freshness == pages.Normal {
					ask.Freshness = pages.MaxAgeZero
				}
			}
		}
	}
	if len(via) > 0 {
		ask.Visited = upstream.ParseVia(via)
		ask.OwnOnly = !ask.Visited.MayAsk(instance)
	}
	return ask
}
