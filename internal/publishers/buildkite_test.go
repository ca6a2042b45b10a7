package publishers_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

// TestBuildkitePins checks that a publisher is pinned by the first token with the pipeline's id, and not before. From
// then on a token without the id is refused with the flag that asks for it.
func TestBuildkitePins(t *testing.T) {
	s := newSite(t, buildkiteKind)
	s.project("widgets", "")
	p := s.trust("widgets", rule("pipeline_id", ""))
	if !strings.Contains(p.Warning, "first accepted token with an id") {
		t.Errorf("the warning is %q", p.Warning)
	}
	exchangeAgain := func(changes map[string]any) error {
		s.clock.Pass(time.Second)
		_, err := s.exchange(s.token(changes))
		return err
	}
	if err := exchangeAgain(one("pipeline_id", absent)); err != nil {
		t.Fatalf("a token without ids, before the pin: %v", err)
	}
	if err := exchangeAgain(one("pipeline_id", strings.Replace(pipelineID, "a", "b", 1))); err != nil {
		t.Fatalf("the token that pins: %v", err)
	}
	refuse(t, exchangeAgain(nil), exchange.CodePublisher, "claim pipeline_id is")
	err := exchangeAgain(one("pipeline_id", absent))
	refuse(t, err, exchange.CodePublisher, "--claim organization_id,pipeline_id")
	if !strings.Contains(err.Error(), "BUILDKITE_OIDC_TOKEN_CLAIMS=organization_id,pipeline_id") {
		t.Errorf("the refusal names no variable: %v", err)
	}
	near := s.exchanges(s.operator, "widgets")[0].Nearest
	if len(near) != 1 || near[0].ID != p.ID || len(near[0].Differences) != 1 {
		t.Errorf("the history of the project: %+v", near)
	}
}

// TestBuildkiteSuggested checks that a suggested publisher is as narrow as the token allows.
func TestBuildkiteSuggested(t *testing.T) {
	claims := func(changes map[string]any) workload.Claims {
		return over(over(buildkiteKind.claims, map[string]any{
			"build_branch": "v1.0", "build_tag": "v1.0", "build_source": "webhook",
		}), changes)
	}
	for _, c := range []struct {
		name   string
		claims workload.Claims
		want   map[string]string
	}{
		{
			"a tag with ids", claims(one("organization_id", circleOrg)),
			map[string]string{
				"pipeline_id": pipelineID, "organization_id": circleOrg, "tag": "v*", "branch": "", "source": "webhook",
			},
		},
		{
			"a tag without ids", claims(one("pipeline_id", nil)),
			map[string]string{"pipeline_id": "", "tag": "v*", "branch": "", "source": "webhook"},
		},
		{
			"another tag", claims(one("build_tag", "nightly")), map[string]string{"tag": "nightly", "branch": ""},
		},
		{
			"a branch", claims(map[string]any{"build_tag": nil, "build_branch": "main", "build_source": "ui"}),
			map[string]string{"tag": "", "branch": "main", "source": "ui"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := workload.Buildkite.Suggest(c.claims)
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.want {
				if got[name] != want {
					t.Errorf("%s is %q, want %q", name, got[name], want)
				}
			}
		})
	}
}

// TestBuildkiteRulesOnClaims checks that rules on the claims of Buildkite admit its jobs at an issuer of either kind,
// and are shown as loose.
func TestBuildkiteRulesOnClaims(t *testing.T) {
	s := newSite(t, buildkiteRules)
	s.project("widgets", "")
	s.trust("widgets", nil)
	if _, err := s.exchange(s.token(nil)); err != nil {
		t.Errorf("Exchange = %v", err)
	}
	_, err := s.exchange(s.token(one("pipeline_slug", "gears")))
	refuse(t, err, exchange.CodePublisher, "")
	var texts []string
	for _, w := range workload.Generic.Warnings("", buildkiteRules.fields, "") {
		texts = append(texts, w.Text)
	}
	if !strings.Contains(strings.Join(texts, "\n"), "A publisher of kind buildkite also checks the pipeline's id") {
		t.Errorf("the warnings are %q", texts)
	}
}
