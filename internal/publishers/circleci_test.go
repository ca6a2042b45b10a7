package publishers_test

import (
	"context"
	"maps"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

const (
	circleOrg      = "01890000-0000-4000-8000-00000000000a"
	circleProject  = "01890000-0000-4000-8000-00000000000b"
	circlePipeline = "01890000-0000-4000-8000-00000000000c"
	circleContext  = "01890000-0000-4000-8000-00000000000d"
	circleOther    = "01890000-0000-4000-8000-00000000000e"
)

var circleCIKind = kind{
	workload.CircleCI,
	map[string]string{
		"org_id": circleOrg, "project_id": strings.ToUpper(circleProject), "pipeline_definition_id": circlePipeline,
		"vcs_ref": "refs/tags/v*", "vcs_origin": "github.com/acme/widgets", "context_id": circleContext,
	},
	map[string]any{
		"sub": "org/" + circleOrg + "/project/" + circleProject +
			"/user/u/vcs-origin/github.com/acme/widgets/vcs-ref/refs/tags/v1.0",
		"oidc.circleci.com/org-id":                 circleOrg,
		"oidc.circleci.com/project-id":             circleProject,
		"oidc.circleci.com/pipeline-definition-id": circlePipeline,
		"oidc.circleci.com/pipeline-id":            circleOther,
		"oidc.circleci.com/vcs-origin":             "github.com/acme/widgets",
		"oidc.circleci.com/vcs-ref":                "refs/tags/v1.0",
		"oidc.circleci.com/context-ids":            []string{circleOther, circleContext},
		"oidc.circleci.com/ssh-rerun":              false,
	},
}

func circle(name string, v any) map[string]any { return one("oidc.circleci.com/"+name, v) }

var circleCICases = []kindCase{
	{"the ordinary job", nil, nil, ""},
	{"no context asked for, none in the token", rule("context_id", ""), circle("context-ids", []string{}), ""},
	{"no origin asked for", rule("vcs_origin", ""), circle("vcs-origin", absent), ""},
	{"no ref asked for", rule("vcs_ref", ""), circle("vcs-ref", absent), ""},
	{"another organisation", nil, circle("org-id", circleOther), "no project here trusts"},
	{"no organisation", nil, circle("org-id", absent), "org-id"},
	{"organisation in other letters", nil, circle("org-id", strings.ToUpper(circleOrg)), "org-id"},
	{"organisation a list", nil, circle("org-id", []string{circleOrg}), "org-id"},
	{"another project", nil, circle("project-id", circleOther), "no project here trusts"},
	{"no project", nil, circle("project-id", absent), "project-id"},
	{"another pipeline", nil, circle("pipeline-definition-id", circleOther), "pipeline-definition-id"},
	{"no pipeline", nil, circle("pipeline-definition-id", absent), "pipeline-definition-id"},
	{
		"the pipeline's run in its place", nil,
		map[string]any{"oidc.circleci.com/pipeline-definition-id": absent, "oidc.circleci.com/pipeline-id": circlePipeline},
		"pipeline-definition-id",
	},
	{"sub of another project", nil, one("sub", "org/"+circleOrg+"/project/"+circleOther+"/user/u"), "claim sub "},
	{"sub that begins alike", nil, one("sub", "org/"+circleOrg+"/project/"+circleProject+"0/user/u"), "claim sub "},
	{"no sub", nil, one("sub", absent), "claim sub "},
	{"a shell", nil, circle("ssh-rerun", true), "ssh-rerun"},
	{
		"a shell, where nothing else is asked for",
		map[string]string{"vcs_ref": "", "vcs_origin": "", "context_id": ""},
		circle("ssh-rerun", true), "ssh-rerun",
	},
	{"a shell not spoken of", nil, circle("ssh-rerun", absent), "ssh-rerun"},
	{"no shell as a text", nil, circle("ssh-rerun", "false"), "ssh-rerun"},
	{"no shell as a number", nil, circle("ssh-rerun", 0), "ssh-rerun"},
	{"no shell as null", nil, circle("ssh-rerun", nil), "ssh-rerun"},
	{"a branch", nil, circle("vcs-ref", "refs/heads/v1.0"), "vcs-ref"},
	{"a ref inside another", nil, circle("vcs-ref", "x/refs/tags/v1.0"), "vcs-ref"},
	{"a custom webhook, without ref", nil, circle("vcs-ref", absent), "vcs-ref"},
	{"a fork", nil, circle("vcs-origin", "github.com/mallory/widgets"), "vcs-origin"},
	{"an origin that begins alike", nil, circle("vcs-origin", "github.com/acme/widgets2"), "vcs-origin"},
	{"no origin", nil, circle("vcs-origin", absent), "vcs-origin"},
	{"another context", nil, circle("context-ids", []string{circleOther}), "context-ids"},
	{"no context", nil, circle("context-ids", []string{}), "context-ids"},
	{"contexts not said", nil, circle("context-ids", absent), "context-ids"},
	{"a context as a text", nil, circle("context-ids", circleContext), "context-ids"},
	{"contexts in one text", nil, circle("context-ids", []string{circleOther + "," + circleContext}), "context-ids"},
}

func TestCircleCI(t *testing.T) {
	s := newSite(t, circleCIKind)
	s.project("widgets", "")
	for _, c := range circleCICases {
		s.judge(c)
	}
}

// TestCircleCITokenOnce: a token without an id can be used once too.
func TestCircleCITokenOnce(t *testing.T) {
	s := newSite(t, circleCIKind)
	s.project("widgets", "")
	s.trust("widgets", nil)
	raw := s.token(nil)
	if _, err := s.exchange(raw); err != nil {
		t.Fatal(err)
	}
	_, err := s.exchange(raw)
	refuse(t, err, exchange.CodeReuse, "")
}

// TestCircleCIRulesOnClaims: a rule on claims admits jobs at an issuer of kind generic, and not one with a shell.
func TestCircleCIRulesOnClaims(t *testing.T) {
	s := newSite(t, kind{
		workload.Generic,
		map[string]string{
			"claim:oidc.circleci.com/project-id": circleProject, "prefix:oidc.circleci.com/vcs-ref": "refs/tags/v*",
		},
		circleCIKind.claims,
	})
	s.project("widgets", "")
	p := s.trust("widgets", nil)
	if p.Provider != "generic" || p.Fields["claim:oidc.circleci.com/project-id"] != circleProject {
		t.Errorf("Add = %s %v", p.Provider, p.Fields)
	}
	if _, err := s.exchange(s.token(nil)); err != nil {
		t.Errorf("Exchange = %v", err)
	}
	if _, err := s.exchange(s.token(circle("project-id", circleOther))); !fault.Is(err, fault.Invalid) {
		t.Errorf("Exchange of another project = %v", err)
	}
	_, err := s.exchange(s.token(circle("ssh-rerun", true)))
	refuse(t, err, exchange.CodePublisher, "run again with SSH")
}

// TestCircleCIKindAtGenericIssuer: an issuer of kind generic takes publishers of kind circleci, and the preset makes
// one.
func TestCircleCIKindAtGenericIssuer(t *testing.T) {
	s := newSite(t, kind{
		workload.Generic,
		map[string]string{
			"preset": "circleci", "org_id": circleOrg, "project_id": circleProject,
			"pipeline_definition_id": circlePipeline, "ref": "refs/tags/v*",
		},
		circleCIKind.claims,
	})
	s.project("widgets", "")
	p := s.trust("widgets", nil)
	if p.Provider != "circleci" || p.Fields["vcs_ref"] != "refs/tags/v*" {
		t.Errorf("Add = %s %v", p.Provider, p.Fields)
	}
	if _, err := s.exchange(s.token(nil)); err != nil {
		t.Errorf("Exchange = %v", err)
	}
	_, err := s.exchange(s.token(circle("pipeline-definition-id", circleOther)))
	refuse(t, err, exchange.CodePublisher, "pipeline-definition-id")
}

// TestOtherIssuer: a token of the platform's other issuer is refused with the name of the publisher's issuer, and the
// suggested publisher names the token's.
func TestOtherIssuer(t *testing.T) {
	own := workload.CircleCIIssuer + "/org/" + circleOrg
	for _, c := range []struct{ what, signs, trusts, word string }{
		{"the root issuer", workload.CircleCIIssuer, own, "names the platform's other issuer, " + own},
		{
			"the organization's issuer", own, workload.CircleCIIssuer,
			"names the platform's other issuer, " + workload.CircleCIIssuer,
		},
		// The signer could have put any ids in.
		{
			"another organization's issuer", workload.CircleCIIssuer + "/org/" + circleOther, workload.CircleCIIssuer,
			"no project here trusts",
		},
		{"an issuer of another host", "https://ci.example.com", workload.CircleCIIssuer, "no project here trusts"},
		{"an issuer below it", own + "/x", workload.CircleCIIssuer, "no project here trusts"},
	} {
		t.Run(c.what, func(t *testing.T) {
			s := newSite(t, circleCIKind)
			s.project("widgets", "")
			issuers := []publishers.Issuer{{Provider: "circleci", URL: c.trusts}, {Provider: "circleci", URL: c.signs}}
			s.registry = newTrust(s.store, publicURL{s.verifier, c.signs}, workload.All, settings{
				rules: publishers.Options{Now: s.clock.Now, Issuers: issuers},
			})
			s.addRequest(s.operator, publishers.AddRequest{
				Provider: "circleci", Issuer: c.trusts, Project: "widgets", Fields: circleCIKind.fields,
			})
			_, err := s.exchange(s.token(nil))
			refuse(t, err, exchange.CodePublisher, c.word)
			got := s.exchanges(s.operator, "widgets")
			if c.word == "no project here trusts" {
				if len(got) != 0 {
					t.Errorf("the project's history has %+v", got)
				}
				return
			}
			if got[0].Suggested["pipeline_definition_id"] != circlePipeline ||
				got[0].Suggested["context_id"] != circleContext || got[0].Issuer != c.signs {
				t.Errorf("suggested for %s: %v (%s)", got[0].Issuer, got[0].Suggested, got[0].WhyNone)
			}
			_, err = s.exchange(s.token(circle("project-id", circleOther)))
			refuse(t, err, exchange.CodePublisher, "no project here trusts")
		})
	}
}

// publicURL verifies the tokens of an issuer at a loopback address as those of the issuer with another URL.
type publicURL struct {
	exchange.Verifier
	issuer string
}

func (v publicURL) Verify(ctx context.Context, raw access.Secret) (string, string, workload.Claims, error) {
	kind, _, c, err := v.Verifier.Verify(ctx, raw)
	if err == nil {
		c = maps.Clone(c)
		c["iss"] = v.issuer
	}
	return kind, v.issuer, c, err
}

func TestCircleCIRefusesToCompile(t *testing.T) {
	for _, c := range []struct{ field, value string }{
		{"org_id", ""},
		{"org_id", "acme"},
		{"org_id", circleOrg + "0"},
		{"project_id", ""},
		{"project_id", "widgets"},
		{"pipeline_definition_id", ""},
		{"pipeline_definition_id", "{" + circlePipeline + "}"},
		{"context_id", "release"},
		{"context_id", circleContext + "," + circleOther},
		{"vcs_ref", "main"},
		{"vcs_ref", "*"},
		{"vcs_origin", "widgets"},
		{"vcs_origin", "https://github.com/acme/widgets"},
		{"vcs_origin", "github.com/acme/*"},
		{"vcs_origin", "github.com/acme"},
		{"vcs_origin", "github.com/acme/../widgets"},
		{"vcs_origin", "github.com/acme/."},
		{"vcs_origin", "github.com//widgets"},
		{"ssh_rerun", "true"},
		{"owner", "acme"},
	} {
		f := over(circleCIKind.fields, rule(c.field, c.value))
		if _, err := workload.CircleCI.Compile(f); !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.field) {
			t.Errorf("Compile(%s = %q) = %v, want %v that names the field", c.field, c.value, err, fault.Invalid)
		}
	}
}

// TestCircleCISuggested: after a refusal, a publisher of the suggested fields accepts the same job.
func TestCircleCISuggested(t *testing.T) {
	fields, err := workload.CircleCI.Suggest(circleCIKind.claims)
	if err != nil || fields["vcs_origin"] != "github.com/acme/widgets" || fields["org_id"] != circleOrg {
		t.Fatalf("Suggest = %v, %v", fields, err)
	}
	shell := over(circleCIKind.claims, circle("ssh-rerun", true))
	if fields, err := workload.CircleCI.Suggest(shell); !fault.Is(err, fault.Invalid) {
		t.Errorf("Suggest for a job with a shell = %v, %v", fields, err)
	}
}
