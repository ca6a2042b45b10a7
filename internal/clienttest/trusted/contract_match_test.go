package trusted_test

import (
	"net/http"
	"strings"

	"pyindex/internal/publishers/idtoken/issuertest"
)

// over replaces claims of a job's token.
type over = map[string]any

// notMatched checks that tokens that differ in one claim match no publisher, and that the unchanged token matches.
func (w *workflow) notMatched(claim string, tokens map[string]over) {
	w.t.Helper()
	for name, o := range tokens {
		w.refused(name, w.token(o), "invalid-publisher", "claim "+claim)
	}
	w.granted("the workflow itself", w.token(nil))
}

var workflowDemands = []demand{
	{"088-an owner of the right name and another id", func(w *workflow) {
		w.pending("a")
		w.notMatched("repository_owner_id", map[string]over{
			"other": {"repository_owner_id": "666"}, "longer": {"repository_owner_id": "42421"},
			"zeros": {"repository_owner_id": "04242"},
			"none":  {"repository_owner_id": issuertest.Absent}, "number": {"repository_owner_id": 4242},
			"name": {"repository_owner_id": "acme"},
		})
	}},
	{"089-another workflow of the repository", func(w *workflow) {
		w.pending("a")
		w.notMatched("job_workflow_ref", map[string]over{
			"other":     {"job_workflow_ref": w.ref("test.yml", "refs/tags/v1.0")},
			"capitals":  {"job_workflow_ref": w.ref("Release.yml", "refs/tags/v1.0")},
			"yaml":      {"job_workflow_ref": w.ref("release.yaml", "refs/tags/v1.0")},
			"longer":    {"job_workflow_ref": w.ref("my-release.yml", "refs/tags/v1.0")},
			"folder":    {"job_workflow_ref": w.ref("sub/release.yml", "refs/tags/v1.0")},
			"elsewhere": {"job_workflow_ref": w.repository() + "/release.yml@refs/tags/v1.0"},
		})
	}},
	{"090-a file name that pretends", func(w *workflow) {
		w.pending("a")
		w.notMatched("job_workflow_ref", map[string]over{
			"file": {"job_workflow_ref": w.ref("release.yml@evil.yml", "refs/x"), "ref": "refs/x"},
			"tag":  {"job_workflow_ref": w.ref("release.yml@evil.yml", "refs/tags/v1.0")},
			"branch": {
				"job_workflow_ref": w.ref("evil.yml", "refs/heads/x/.github/workflows/release.yml@refs/heads/x"),
				"ref":              "refs/heads/x",
			},
		})
		w.refused("ref", w.token(over{
			"job_workflow_ref": w.ref("release.yml@evil.yml", "refs/x"), "ref": "evil.yml@refs/x",
		}), "invalid-publisher", "claim ref")
	}},
	{"091-a workflow at neither ref nor sha", func(w *workflow) {
		w.pending("a")
		w.notMatched("job_workflow_ref", map[string]over{
			"other ref": {"job_workflow_ref": w.ref("release.yml", "refs/heads/evil")},
			"other sha": {"job_workflow_ref": w.ref("release.yml", strings.Repeat("f", 40))},
			"nothing":   {"job_workflow_ref": w.repository() + "/.github/workflows/release.yml"},
			"empty":     {"job_workflow_ref": w.ref("release.yml", "")},
			"longer":    {"job_workflow_ref": w.ref("release.yml", "refs/tags/v1.0.1")},
			"none":      {"job_workflow_ref": issuertest.Absent},
		})
	}},
	{"092-no ref, and a workflow at the sha", func(w *workflow) {
		w.pending("a")
		sha, _ := w.said(nil)["sha"].(string)
		w.granted("at the sha", w.token(over{"ref": "", "job_workflow_ref": w.ref("release.yml", sha)}))
		w.refused("at nothing", w.token(over{"ref": "", "sha": "", "job_workflow_ref": w.ref("release.yml", "")}),
			"invalid-publisher", "claim ref")
	}},
	{"093-pull_request_target", func(w *workflow) {
		w.pending("a")
		w.notMatched("event_name", map[string]over{
			"it": {"event_name": "pull_request_target"}, "capitals": {"event_name": "Pull_Request_Target"},
			"none": {"event_name": issuertest.Absent}, "empty": {"event_name": ""},
		})
	}},
	{"097-a sub of any shape", func(w *workflow) {
		w.pending("a")
		for name, sub := range map[string]any{
			"custom": "repository_owner:acme:run:1", "other": "repo:evil/evil:ref:refs/heads/main", "empty": "",
			"none": issuertest.Absent,
		} {
			w.granted(name, w.token(over{"sub": sub}))
		}
	}},
	{"098-claims that are new", func(w *workflow) {
		w.pending("a")
		w.granted("new claims", w.token(over{"repo_property_team": "x", "novel": map[string]any{"a": []int{1}}}))
	}},
	{"099-owner and repository in other capitals", func(w *workflow) {
		w.pending("a", "--owner", "ACME", "--repository", "W"+w.number)
		w.granted("as typed", w.token(nil))
		capitals := strings.ToUpper(w.repository())
		w.granted("as said", w.token(over{
			"repository": capitals, "repository_owner": "ACME",
			"job_workflow_ref": strings.Replace(w.ref("release.yml", "refs/tags/v1.0"), w.repository(), capitals, 1),
		}))
	}},
	{"100-a reusable workflow of another repository", func(w *workflow) {
		w.pending("a")
		w.notMatched("job_workflow_ref", map[string]over{
			"another's":      {"job_workflow_ref": "evil/shared/.github/workflows/release.yml@refs/tags/v1.0"},
			"the same owner": {"job_workflow_ref": "acme/shared/.github/workflows/release.yml@refs/tags/v1.0"},
			"nearly":         {"job_workflow_ref": w.repository() + "x/.github/workflows/release.yml@refs/tags/v1.0"},
		})
	}},
}

var placeDemands = []demand{
	{"094-another environment, or none", func(w *workflow) {
		w.pending("a", "--environment", "Release")
		w.notMatched("environment", map[string]over{
			"other": {"environment": "staging"}, "none": {"environment": issuertest.Absent}, "empty": {"environment": ""},
			"longer": {"environment": "release2"},
		})
		w.granted("other capitals", w.token(over{"environment": "RELEASE"}))
	}},
	{"095-any environment where none is asked for", func(w *workflow) {
		w.pending("a")
		for name, environment := range map[string]any{"some": "release", "other": "staging", "none": issuertest.Absent} {
			w.granted(name, w.token(over{"environment": environment}))
		}
	}},
	{"096-each publisher that fits adds its own projects, by design", func(w *workflow) {
		narrow, wide := w.project("narrow"), w.project("wide")
		w.make(narrow)
		w.make(wide)
		w.trusted(narrow, "--environment", "release")
		w.trusted(wide)
		both := w.granted("in the environment", w.token(nil))
		w.uploads(both.Token, narrow, "1.0", http.StatusOK, "")
		w.uploads(both.Token, wide, "1.0", http.StatusOK, "")
		one := w.granted("elsewhere", w.token(over{"environment": "staging"}))
		w.uploads(one.Token, wide, "1.1", http.StatusOK, "")
		w.uploads(one.Token, narrow, "1.1", http.StatusForbidden, "may not")
	}},
}

var rowDemands = []demand{
	{"101-a publisher of two projects, and not a third", func(w *workflow) {
		for _, suffix := range []string{"a", "b", "c"} {
			w.make(w.project(suffix))
		}
		w.trusted(w.project("a"))
		w.trusted(w.project("b"))
		m := w.granted("the workflow", w.token(nil))
		w.uploads(m.Token, w.project("a"), "1.0", http.StatusOK, "")
		w.uploads(m.Token, w.project("b"), "1.0", http.StatusOK, "")
		w.uploads(m.Token, w.project("c"), "1.0", http.StatusForbidden, "may not")
	}},
	{"102-a project that was attached after the exchange", func(w *workflow) {
		w.make(w.project("late"))
		w.pending("a")
		m := w.granted("before", w.token(nil))
		w.trusted(w.project("late"))
		w.uploads(m.Token, w.project("late"), "1.0", http.StatusForbidden, "may not")
		w.uploads(m.Token, w.project("a"), "1.0", http.StatusOK, "")
		m = w.granted("after", w.token(nil))
		w.uploads(m.Token, w.project("late"), "1.0", http.StatusOK, "")
	}},
	{"117-an owner id that nobody typed is the first token's, by design", func(w *workflow) {
		project := w.project("a")
		w.trusted(project, "--pending", "--owner-id", "")
		w.granted("first", w.token(nil))
		w.refused("another account", w.token(over{"repository_owner_id": "666"}), "invalid-publisher",
			"claim repository_owner_id")
		w.granted("the same account", w.token(nil))
	}},
}
