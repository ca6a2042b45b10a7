package legacyupload_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/legacyupload"
)

// An upload whose token expires within thirty days succeeds with a warning; others have no warning.
func TestUploadWarnsOfATokenThatEnds(t *testing.T) {
	for name, c := range map[string]struct {
		life, age time.Duration
		warns     bool
	}{
		"a token for a year, new":                {365 * 24 * time.Hour, 0, false},
		"a token for a year, with 31 days to go": {365 * 24 * time.Hour, 334 * 24 * time.Hour, false},
		"a token for a year, with 29 days to go": {365 * 24 * time.Hour, 336 * 24 * time.Hour, true},
		"a token for ever":                       {0, 4000 * 24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, setting{upload: legacyupload.Options{Now: func() time.Time { return time.Now().Add(c.age) }}})
			s.token = s.newToken(access.NewAPIToken{User: "alice", Scope: access.ScopeUpload, Expires: c.life})
			if a := s.upload(demo); a.status != 200 ||
				strings.Contains(a.body, "your API token expires on ") != c.warns {
				t.Errorf("the answer is %d %q", a.status, a.body)
			}
		})
	}
}
