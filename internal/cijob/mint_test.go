package cijob

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/cli/clitest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// TestAnonymousAnswer: who sends a token reads which claim did not fit and what it said itself. What projects expect,
// or that there are any, is in no answer.
func TestAnonymousAnswer(t *testing.T) {
	c := newClinic(t)
	for i, project := range []string{"widgets", "gadgets"} {
		c.run(0, "upload", clitest.Wheel(t, project))
		c.run(0, "publisher", "add", "github", "--issuer", c.issuer.URL, "--project", project, "--owner", "acme",
			"--repository", "source", "--workflow", "secret-flow.yml", "--environment", fmt.Sprintf("quiet-harbour-%d", i),
			"--owner-id", "31337")
	}
	c.run(0, "publisher", "add", "github", "--issuer", c.issuer.URL, "--pending", "--project", "new-thing", "--owner",
		"acme", "--repository", "source", "--workflow", "other-flow.yml", "--owner-id", "31337")
	good := map[string]any{
		"repository": "acme/source", "repository_owner_id": "31337",
		"job_workflow_ref": "acme/source/.github/workflows/secret-flow.yml@refs/tags/v1.0", "environment": "mine",
	}
	for _, x := range []struct {
		name, claim, value string
		over               map[string]any
	}{
		{"owner id", "repository_owner_id", "666", map[string]any{"repository_owner_id": "666"}},
		{
			"workflow", "job_workflow_ref", "my.yml",
			map[string]any{"job_workflow_ref": "acme/source/.github/workflows/my.yml@refs/tags/v1.0"},
		},
		{"environment", "environment", "mine", nil},
		{"no environment", "environment", "missing", map[string]any{"environment": issuertest.Absent}},
		{"event", "event_name", "pull_request_target", map[string]any{"event_name": "pull_request_target"}},
		{
			"a repository that nobody trusts", "no project here trusts", "acme/elsewhere",
			map[string]any{"repository": "acme/elsewhere"},
		},
	} {
		t.Run(x.name, func(t *testing.T) {
			over := map[string]any{}
			for _, m := range []map[string]any{good, x.over} {
				for k, v := range m {
					over[k] = v
				}
			}
			raw := c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), over))
			status, text := c.mint(raw)
			if status != http.StatusUnprocessableEntity || !strings.Contains(text, x.claim) || !strings.Contains(text, x.value) {
				t.Errorf("%s: status %d, %s; want 422 with %s and %s", x.name, status, text, x.claim, x.value)
			}
			for _, secret := range []string{"31337", "quiet-harbour", "other-flow", "widgets", "gadgets", "new-thing", raw} {
				if strings.Contains(text, secret) {
					t.Errorf("%s: the answer tells a stranger %q: %s", x.name, secret, text)
				}
			}
			if x.name != "environment" && x.name != "no environment" && x.name != "event" &&
				strings.Contains(text, "secret-flow") {
				t.Errorf("%s: the answer tells a stranger the workflow: %s", x.name, text)
			}
		})
	}
}

// mint sends an identity token as clients do.
func (c *clinic) mint(raw string) (int, string) {
	c.Helper()
	body, _ := json.Marshal(map[string]string{"token": raw})
	resp, err := c.server.Client().Post(c.server.URL+"/_/oidc/mint-token", "application/json",
		strings.NewReader(string(body)))
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Errors []struct{ Code, Description string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || len(answer.Errors) == 0 {
		c.Fatalf("status %d without errors (%v)", resp.StatusCode, err)
	}
	return resp.StatusCode, fmt.Sprint(answer.Errors)
}
