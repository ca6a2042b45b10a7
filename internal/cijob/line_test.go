package cijob

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/cli/clitest"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/publishers/insight"
)

// words takes a line apart as a shell would.
func words(t *testing.T, line string) []string {
	t.Helper()
	var out []string
	var word strings.Builder
	quoted := false
	for i := 0; i < len(line); i++ {
		switch b := line[i]; {
		case b == '\'':
			quoted = !quoted
		case quoted:
			word.WriteByte(b)
		case b == '\\' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
		case b == ' ':
			out = append(out, word.String())
			word.Reset()
		case strings.IndexByte("$`\"&|;<>()*?!#~\n", b) >= 0:
			t.Errorf("a shell would act on %q in %q", b, line)
		default:
			word.WriteByte(b)
		}
	}
	return append(out, word.String())
}

// TestExplainLine: the line that explain prints lets in whom it is about, and only refusals for want of a publisher get
// one.
func TestExplainLine(t *testing.T) {
	c := newClinic(t)
	c.run(0, "upload", clitest.Wheel(t, demo))
	c.run(0, "publisher", "add", "github", "--issuer", c.issuer.URL, "--project", demo, "--owner", "acme", "--repository",
		"widgets", "--workflow", "other.yml", "--environment", "quiet-harbour", "--owner-id", "1")
	send := func(token string) {
		c.app.Minter.Exchange(t.Context(), access.Guest(false), access.Secret(token),
			exchange.Want{Scope: access.ScopeUpload})
	}
	send("rubbish")
	send(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), map[string]any{"repository": "elsewhere/thing"})))
	send(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), nil)))
	out, errs := c.run(0, "publisher", "explain", "--project", demo)
	if want := "Requests that came near no publisher are listed without --project.\n"; !strings.HasSuffix(errs, want) {
		t.Errorf("explain --project ends with %q, want %q", errs, want)
	}
	for _, want := range []string{
		"invalid-publisher", "CLAIM", `repository_owner_id  "1"`, `"quiet-harbour"`, `"release"`, "job_workflow_ref",
		"Caution: the id differs, so somebody else may have this name now.\n  To allow this workload to publish:",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("explain does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out, "elsewhere") {
		t.Errorf("explain of a project shows what came near none:\n%s", out)
	}
	if all, errs := c.run(0, "publisher", "explain"); !strings.Contains(all, "(no project)") ||
		strings.Count(all, "publisher add") != 1 || errs != "" {
		t.Errorf("explain says:\n%s", all)
	}
	var list []struct {
		insight.Exchange
		PublisherAdd string `json:"publisher_add"`
	}
	text, _ := c.run(0, "publisher", "explain", "--json", "--last", "1")
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list) != 1 ||
		list[0].Claims["repository"] != "acme/widgets" || len(list[0].Nearest[0].Differences) != 3 {
		t.Fatalf("explain --json (%v): %s", err, text)
	}
	c.run(0, words(t, list[0].PublisherAdd)[1:]...)
	c.issuer.SetJob(nil)
	send(c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), nil)))
	if out, _ := c.run(0, "publisher", "explain", "--last", "1"); !strings.Contains(out, "granted  to upload "+demo) {
		t.Errorf("explain after the line was run: %s", out)
	}
	for _, bad := range [][]string{{"--last", "0"}, {"--last", "1001"}, {"--project", "no-such"}, {"--project", "-"}} {
		c.run(1, append([]string{"publisher", "explain"}, bad...)...)
	}
}

// TestAddLines: whatever kind of issuer signed and whatever strangers chose, the line that is printed lets the job in.
func TestAddLines(t *testing.T) {
	absent := issuertest.Absent
	for _, x := range []struct {
		name, kind string
		over       map[string]any
	}{
		{"github", "github", nil},
		{"github without environment", "github", map[string]any{"environment": absent}},
		{"github with an odd environment", "github", map[string]any{"environment": "a b&c|d$(e)<f>é"}},
		{
			"github with a reusable workflow", "github",
			map[string]any{"job_workflow_ref": "other/shared/.github/workflows/publish.yml@refs/heads/main"},
		},
		{"gitlab", "gitlab", map[string]any{
			"sub": "project_path:acme/sub/widgets:ref_type:tag:ref:v1", "project_path": "acme/sub/widgets", "namespace_id": "7",
			"project_id":        "8",
			"ci_config_ref_uri": "HOST/acme/sub/widgets//ci/it's.yml@refs/tags/v1", "ref_path": "refs/tags/v1",
			"environment":    "Prod 1/${x}",
			"namespace_path": "acme/sub", "ref_type": "tag", "ref": "v1", "pipeline_source": "push",
		}},
		{
			"google", "google",
			map[string]any{"email": "job@acme.iam.gserviceaccount.com", "email_verified": true, "sub": "1234567890"},
		},
		{"activestate", "activestate", map[string]any{
			"sub": "org:acme:project:widgets", "organization": "acme", "project": "widgets",
			"actor_id": "00000000-0000-4000-8000-000000000001", "builder": "pypi-publisher",
		}},
		{"kubernetes", "generic", map[string]any{"sub": "system:serviceaccount:ci:publisher", "repository": absent}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newClinicOf(t, x.kind)
			if uri, ok := x.over["ci_config_ref_uri"].(string); ok {
				x.over["ci_config_ref_uri"] = strings.Replace(uri, "HOST", strings.TrimPrefix(c.issuer.URL, "http://"), 1)
			}
			c.issuer.SetJob(x.over)
			d := c.examine(func(d *publishDoctor) { d.Project, d.Kind = "new-thing", x.kind })
			if err := d.found.Failed(); err != nil || d.line == "" {
				t.Fatalf("%v: %+v", err, d.found)
			}
			c.want(c.examine(func(d *publishDoctor) { d.Exchange = true }), "exchange", "failed", "refused with status 422")
			c.run(0, append(words(t, d.line)[1:], "--pending")...)
			c.want(c.examine(func(d *publishDoctor) { d.Exchange = true }), "exchange", "ok", "granted")
		})
	}
}

// TestGitLabServerOfAJob checks that a job of a GitLab whose issuer is another URL is told what the index needs.
func TestGitLabServerOfAJob(t *testing.T) {
	c := newClinicOf(t, "gitlab")
	c.issuer.SetJob(map[string]any{
		"sub": "project_path:acme/widgets:ref_type:tag:ref:v1", "project_path": "acme/widgets", "namespace_id": "7",
		"project_id": "8", "ci_config_ref_uri": "gitlab.internal.example/git/acme/widgets//.gitlab-ci.yml@refs/tags/v1",
		"ref_path": "refs/tags/v1", "pipeline_source": "push",
	})
	c.want(c.examine(func(d *publishDoctor) { d.Kind = "gitlab" }), "publisher", "failed", "ci_config_ref_uri")
	c.env["GITLAB_CI"], c.env["CI_SERVER_URL"] = "true", "https://gitlab.internal.example/git"
	d := c.examine(func(d *publishDoctor) { d.Kind = "gitlab" })
	c.want(d, "issuer", "warning", "the address of this GitLab is https://gitlab.internal.example/git")
	c.want(d, "publisher", "skipped", "only the index knows its publishers")
	if !strings.Contains(d.line, "publisher add gitlab") {
		t.Errorf("the line is %q", d.line)
	}
}

// TestGitLabFileOfAnotherProject checks that a job of GitLab whose token names no pipeline file is told so.
func TestGitLabFileOfAnotherProject(t *testing.T) {
	c := newClinicOf(t, "gitlab")
	job := map[string]any{
		"sub": "project_path:acme/widgets:ref_type:tag:ref:v1", "project_path": "acme/widgets", "namespace_id": "7",
		"project_id": "8", "ci_config_ref_uri": nil, "ref_path": "refs/tags/v1", "pipeline_source": "push",
		"repository": issuertest.Absent,
	}
	file := filepath.Join(t.TempDir(), "token")
	token := c.issuer.Sign(c.issuer.Claims(c.audience, time.Now(), job))
	if err := os.WriteFile(file, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	c.env = map[string]string{"GITLAB_CI": "true"}
	d := c.examine(func(d *publishDoctor) { d.Kind, d.TokenFile = "", file })
	c.want(d, "publisher", "failed",
		"no publisher of kind gitlab can accept it: claim ci_config_ref_uri is null, but must name the pipeline's file")
	var out strings.Builder
	if d.write(&out); !strings.Contains(out.String(), "  ci_config_ref_uri: null\n") {
		t.Errorf("the doctor says:\n%s", &out)
	}
}

// TestImmutableSubject checks that the spelling of GitHub's subject is told.
func TestImmutableSubject(t *testing.T) {
	c := newClinic(t)
	c.issuer.SetJob(map[string]any{"sub": "repo:acme@4242/widgets@777:environment:release"})
	c.want(c.examine(nil), "subject", "ok", "--claim repository_id=777 --claim repository_owner_id=4242")
	c.issuer.SetJob(map[string]any{"sub": "repo:acme-4242/widgets-777:environment:release"})
	if status, _ := worst(c.examine(nil).found, "subject"); status != "" {
		t.Errorf("another spelling is told: %s", status)
	}
}
