package e2e

import (
	"encoding/json"
	"testing"
)

// revoke revokes the token that has this description.
func (s *site) revoke(t *testing.T, description string) {
	t.Helper()
	r := s.Index("token", "list", "--json").OK(t)
	var tokens []struct{ ID, Description string }
	if err := json.Unmarshal([]byte(r.Stdout), &tokens); err != nil {
		t.Fatalf("index token list --json: %v\n%s", err, r.Stdout)
	}
	for _, k := range tokens {
		if k.Description == description {
			s.Index("token", "revoke", k.ID).OK(t)
			return
		}
	}
	t.Fatalf("no token is described as %q: %s", description, r.Stdout)
}
