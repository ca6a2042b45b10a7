package held

import (
	"context"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/downloads"
)

// reader is a caller that downloaded files of a release.
type reader struct {
	Kind, Name string
	Last       time.Time
}

// readersShown is the number of readers of one release on a page, and readersRead that of the entries they come from.
const (
	readersShown = 50
	readersRead  = 1000
)

// readers returns the callers that downloaded files of a release, the latest first, and the number of those that are
// left out. It needs an administrator.
func (s *Section) readers(ctx context.Context, who access.Caller,
	project, version string,
) (out []reader, more int, err error) {
	all, err := s.o.Downloads.Readers(ctx, who, downloads.Filter{Project: project, Version: version, Limit: readersRead})
	seen := map[[2]string]bool{}
	for _, r := range all {
		if key := [2]string{r.Kind, r.ID}; !seen[key] {
			seen[key] = true
			out = append(out, reader{r.Kind, r.Name, r.Last})
		}
	}
	slices.SortStableFunc(out, func(a, b reader) int { return b.Last.Compare(a.Last) })
	more = max(0, len(out)-readersShown)
	return out[:len(out)-more], more, err
}
