package publishers_test

import (
	"maps"
	"testing"

	"pyindex/internal/workload"
)

// TestCaution checks that a suggested publisher for a workload with another id, or of another repository's code, has a
// caution, and that others have none.
func TestCaution(t *testing.T) {
	const (
		id     = "Caution: the id differs, so somebody else may have this name now."
		origin = "Caution: the code is from another repository, perhaps a fork."
		name   = "Caution: only the name is known to be the same. Compare the ids with those of your repository first."
		named  = "repo:acme/widgets:environment:pypi"
	)
	subject := kind{workload.Generic, map[string]string{"claim:sub": named}, map[string]any{
		"sub": named, "repository": "acme/widgets", "repository_id": "75", "repository_owner_id": "999",
		"environment": "pypi",
	}}
	immutable := one("sub", "repo:acme@999/widgets@75:environment:pypi")
	for _, c := range []struct {
		name  string
		kind  kind
		rule  map[string]string
		token map[string]any
		want  string
	}{
		{"another namespace of GitLab", gitlabKind, rule("namespace_id", "72"), one("namespace_id", "73"), id},
		{"another project of GitLab", gitlabKind, rule("project_id", "20"), one("project_id", "21"), id},
		{"another environment of GitLab", gitlabKind, rule("environment", "pypi"), one("environment", "test"), ""},
		{"another owner of rules on claims", pinnedRules, nil, one("repository_owner_id", "5"), id},
		{"another origin", circleCIKind, nil, circle("vcs-origin", "github.com/evil/widgets"), origin},
		{"another ref", circleCIKind, nil, circle("vcs-ref", "refs/heads/main"), ""},
		{"another context", circleCIKind, nil, circle("context-ids", []string{circleOther}), ""},
		{"a subject with ids", subject, nil, immutable, name},
		{"a subject with ids that the rule has", subject, rule("claim:repository_id", "75"), immutable, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, c.kind)
			s.project("widgets", "")
			s.trust("widgets", c.rule)
			claims := maps.Clone(c.token)
			if _, err := s.exchange(s.token(claims)); err == nil {
				t.Fatal("the token is accepted")
			}
			x := s.exchanges(s.operator, "widgets")[0]
			if x.Caution != c.want || x.Caution != "" && x.Suggested == nil {
				t.Errorf("the caution about %v (%s) is %q, want %q", x.Suggested, x.WhyNone, x.Caution, c.want)
			}
		})
	}
}

var pinnedRules = kind{
	workload.Generic,
	map[string]string{
		"claim:repository": "acme/widgets", "claim:repository_owner_id": "4242", "claim:environment": "pypi",
	},
	map[string]any{
		"sub": "repo:acme/widgets:environment:pypi", "repository": "acme/widgets", "repository_id": "31337",
		"repository_owner_id": "4242", "environment": "pypi",
	},
}
