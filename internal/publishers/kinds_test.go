package publishers_test

import (
	"crypto/rand"
	"maps"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/workload"
)

// kind is a kind of issuer with claims that the fields of a rule fit. HOST stands for the issuer's host in claims.
type kind struct {
	provider *workload.Kind
	fields   map[string]string
	claims   map[string]any
}

var gitlabKind = kind{
	workload.GitLab,
	map[string]string{
		"namespace":         "Acme/Libs",
		"project":           "widgets",
		"workflow_filepath": "ci/release.yml",
		"environment":       "Release",
		"namespace_id":      "72",
	},
	map[string]any{
		"sub": "project_path:acme/libs/widgets:ref_type:tag:ref:v1.0", "project_path": "acme/libs/widgets",
		"namespace_path": "acme/libs",
		"namespace_id":   "72", "project_id": "20", "ref": "v1.0", "ref_type": "tag", "ref_path": "refs/tags/v1.0",
		"ref_protected": "true",
		"sha":           "0123456789abcdef0123456789abcdef01234567", "pipeline_source": "push", "environment": "Release",
		"runner_environment": "gitlab-hosted",
		"ci_config_ref_uri":  "HOST/acme/libs/widgets//ci/release.yml@refs/tags/v1.0", "runner_id": 1,
		"user_email": "a@acme.example",
	},
}

var googleKind = kind{
	workload.Google,
	map[string]string{"email": "publisher@acme.iam.gserviceaccount.com", "sub": "111222333"},
	map[string]any{
		"sub": "111222333", "azp": "111222333", "email": "publisher@acme.iam.gserviceaccount.com", "email_verified": true,
	},
}

var activeStateKind = kind{
	workload.ActiveState,
	map[string]string{"organization": "acme", "project": "widgets", "actor_id": "00000000-0000-1000-8000-000000000002"},
	map[string]any{
		"sub": "org:acme:project:widgets", "organization": "acme", "project": "widgets", "actor": "alice",
		"actor_id": "00000000-0000-1000-8000-000000000002", "builder": "pypi-publisher", "organization_visibility": "public",
	},
}

var forgejoKind = kind{
	workload.Forgejo,
	map[string]string{
		"owner":         "acme",
		"repository":    "widgets",
		"workflow":      "release.yml",
		"ref":           "refs/tags/v*",
		"events":        "push,release",
		"repository_id": "77",
	},
	map[string]any{
		"sub": "repo:acme-4/widgets-77:ref:refs/tags/v1.0", "repository": "acme/widgets", "repository_owner": "acme",
		"repository_id": "77",
		"ref":           "refs/tags/v1.0", "ref_type": "tag", "event_name": "push", "run_number": "3", "sha": "abc",
		"ref_protected": "false",
		"workflow":      "release.yml", "workflow_ref": "acme/widgets/.forgejo/workflows/release.yml@refs/tags/v1.0",
	},
}

// forgejoRules are rules on the claims of Forgejo, as the index wrote them before it had a kind for it.
var forgejoRules = kind{
	workload.Generic,
	map[string]string{
		"claim:repository":    "acme/widgets",
		"claim:repository_id": "77",
		"prefix:ref":          "refs/tags/v*",
		"prefix:workflow_ref": "acme/widgets/.forgejo/workflows/release.yml@*",
		"oneof:event_name":    "push\nrelease",
	},
	forgejoKind.claims,
}

var kubernetesKind = kind{
	workload.Kubernetes,
	map[string]string{"namespace": "ci", "service_account": "publisher"},
	map[string]any{
		"sub": "system:serviceaccount:ci:publisher", "aud": []string{audience},
		"kubernetes.io": map[string]any{
			"namespace": "ci", "serviceaccount": map[string]any{"name": "publisher", "uid": kubernetesID},
		},
	},
}

const (
	kubernetesID = "01890000-0000-4000-8000-000000000011"
	bitbucketID  = "01890000-0000-4000-8000-000000000012"
	azureProject = "01890000-0000-4000-8000-000000000013"
)

var bitbucketKind = kind{
	workload.Bitbucket,
	map[string]string{"repository_id": "{" + bitbucketID + "}", "branch": "main"},
	map[string]any{
		"sub": "{" + bitbucketID + "}:{01890000-0000-4000-8000-000000000014}", "repositoryUuid": "{" + bitbucketID + "}",
		"workspaceUuid": "{01890000-0000-4000-8000-000000000015}", "branchName": "main",
	},
}

var bitbucketCases = []kindCase{
	{"the ordinary step", nil, nil, ""},
	{"the next step", nil, one("sub", "{"+bitbucketID+"}:{01890000-0000-4000-8000-000000000016}"), ""},
	{"no braces", nil, one("repositoryUuid", bitbucketID), ""},
	{"another repository", nil, one("repositoryUuid", "{"+azureProject+"}"), "no project here trusts"},
	{"no repository", nil, one("repositoryUuid", absent), "claim repositoryUuid "},
	{"another branch", nil, one("branchName", "evil"), "branchName"},
	{"no deployment", rule("environment_id", azureProject), nil, "deploymentEnvironmentUuid"},
}

var jenkinsKind = kind{
	workload.Jenkins,
	map[string]string{"job": "https://jenkins.acme.example/job/widgets"},
	map[string]any{"sub": "https://jenkins.acme.example/job/widgets/", "build_number": 7},
}

var jenkinsCases = []kindCase{
	{"the ordinary build", nil, nil, ""},
	{"another job", nil, one("sub", "https://jenkins.acme.example/job/gadgets/"), "no project here trusts"},
	{"outside a build", nil, one("sub", "https://jenkins.acme.example/"), "claim sub "},
}

var azureCases = []kindCase{
	{"the ordinary run", nil, nil, ""},
	{"names in other letters", nil, one("sub", "p://Acme/Widgets/release"), ""},
	{
		"a service connection",
		map[string]string{"connection": "pypi", "pipeline": "", "repository_id": ""},
		map[string]any{"sub": "sc://acme/widgets/pypi", "rpo_id": absent, "prj_id": absent, "def_id": absent},
		"",
	},
	{"another pipeline", nil, one("sub", "p://acme/widgets/test"), "claim sub "},
	{"another project", nil, one("sub", "p://acme/gadgets/release"), "no project here trusts"},
	{"another repository that the pipeline builds", nil, one("rpo_id", azureProject), "claim rpo_id "},
	{"another pipeline of that name", rule("pipeline_id", "12"), one("def_id", "13"), "claim def_id "},
	{"another project of that name", rule("project_id", azureProject), one("prj_id", bitbucketID), "claim prj_id "},
}

// everyKind has one of each kind of issuer, and rules on claims.
var everyKind = []kind{
	strictKind,
	gitlabKind,
	circleCIKind,
	buildkiteKind,
	semaphoreKind,
	forgejoKind,
	azureKind,
	bitbucketKind,
	jenkinsKind,
	kubernetesKind,
	googleKind,
	activeStateKind,
	forgejoRules,
}

// site is a bench whose only issuer is of some kind.
type site struct {
	*bench
	kind
}

func newSite(t *testing.T, k kind) *site {
	t.Helper()
	s := &site{newBench(t), k}
	v, err := idtoken.New([]idtoken.Issuer{{Kind: k.provider.Name(), URL: s.issuer.URL, Audiences: []string{audience}}},
		idtoken.Options{Now: s.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s.verifier = v
	s.registry = newTrust(s.store, v, workload.All, settings{rules: publishers.Options{Now: s.clock.Now}})
	return s
}

// over is a copy of m with changes; issuertest.Absent and "" leave out.
func over[V any](m map[string]V, changes map[string]V) map[string]V {
	m = maps.Clone(m)
	maps.Copy(m, changes)
	return m
}

func (s *site) trust(project string, changes map[string]string) publishers.Added {
	s.Helper()
	f := over(s.fields, changes)
	maps.DeleteFunc(f, func(_, v string) bool { return v == "" })
	return s.addRequest(s.operator,
		publishers.AddRequest{Provider: s.provider.Name(), Issuer: s.issuer.URL, Project: project, Fields: f})
}

// token is one of the site's issuer, with nothing of GitHub's in it.
func (s *site) token(changes map[string]any) access.Secret { return s.tokenOf(s.issuer, changes) }

func (s *site) tokenOf(i *issuertest.Issuer, changes map[string]any) access.Secret {
	at := s.clock.Now()
	c := map[string]any{"iss": i.URL, "aud": audience, "iat": at.Unix(), "exp": at.Add(5 * time.Minute).Unix()}
	maps.Copy(c, s.claims)
	if s.provider.NeedsTokenID() {
		c["jti"] = rand.Text()
	}
	maps.Copy(c, changes)
	for name, v := range c {
		if text, ok := v.(string); ok {
			c[name] = strings.ReplaceAll(text, "HOST", strings.TrimPrefix(i.URL, "http://"))
		}
	}
	return access.Secret(i.Sign(c))
}

var absent = issuertest.Absent

// kindCase is a change of rule and claims, and the claim that then differs; "" where it still fits.
type kindCase struct {
	name   string
	fields map[string]string
	claims map[string]any
	wrong  string
}

func one(name string, v any) map[string]any { return map[string]any{name: v} }

func rule(name, v string) map[string]string { return map[string]string{name: v} }

var gitlabCases = []kindCase{
	{"the ordinary job", nil, nil, ""},
	{
		"claims in other letters", nil,
		map[string]any{
			"project_path": "Acme/Libs/Widgets", "sub": "project_path:Acme/Libs/Widgets:x",
			"ci_config_ref_uri": "HOST/Acme/Libs/Widgets//ci/release.yml@refs/tags/v1.0",
		},
		"",
	},
	{
		"pipeline at the commit", nil,
		one("ci_config_ref_uri", "HOST/acme/libs/widgets//ci/release.yml@0123456789abcdef0123456789abcdef01234567"), "",
	},
	{"any environment", rule("environment", ""), one("environment", absent), ""},
	{
		"strict and right",
		map[string]string{
			"ref":                "refs/tags/v*",
			"ref_protected":      "true",
			"events":             "web,push",
			"runner_environment": "gitlab-hosted",
			"project_id":         "20",
		},
		nil, "",
	},
	{"a subject that was configured", nil, one("sub", "project_path:acme/libs/widgets:user_login:alice"), ""},
	{"another project", nil, one("project_path", "acme/libs/widgets2"), "no project here trusts"},
	{
		"a group that ends like ours", nil,
		map[string]any{"project_path": "evil/acme/libs/widgets", "namespace_id": "73"},
		"no project here trusts",
	},
	{"no project", nil, one("project_path", absent), "project_path"},
	{"project with dots", nil, one("project_path", "acme/../libs"), "project_path"},
	{"project escaped", nil, one("project_path", "acme%2Flibs/widgets"), "project_path"},
	{"project a list", nil, one("project_path", []string{"acme/libs/widgets"}), "project_path"},
	{"another namespace of that name", nil, one("namespace_id", "73"), "namespace_id"},
	{"namespace id a number", nil, one("namespace_id", 72), "namespace_id"},
	{"no namespace id", rule("namespace_id", ""), one("namespace_id", absent), "namespace_id"},
	{"another project of that name", rule("project_id", "20"), one("project_id", "21"), "project_id"},
	{"sub of another project", nil, one("sub", "project_path:acme/libs/widgets2:ref_type:tag:ref:v1.0"), "sub"},
	{"sub of another sort", nil, one("sub", "acme/libs/widgets"), "sub"},
	{"no sub", nil, one("sub", absent), "sub"},
	{
		"another file", nil, one("ci_config_ref_uri", "HOST/acme/libs/widgets//ci/test.yml@refs/tags/v1.0"),
		"ci_config_ref_uri",
	},
	{
		"file in other letters", nil, one("ci_config_ref_uri", "HOST/acme/libs/widgets//ci/Release.yml@refs/tags/v1.0"),
		"ci_config_ref_uri",
	},
	{
		"file of another project", nil, one("ci_config_ref_uri", "HOST/evil/templates//ci/release.yml@refs/tags/v1.0"),
		"ci_config_ref_uri",
	},
	{
		"file of another host", nil, one("ci_config_ref_uri", "gitlab.com/acme/libs/widgets//ci/release.yml@refs/tags/v1.0"),
		"ci_config_ref_uri",
	},
	{"file of a URL", nil, one("ci_config_ref_uri", "https://evil.example/ci/release.yml"), "ci_config_ref_uri"},
	{
		"file at another ref", nil, one("ci_config_ref_uri", "HOST/acme/libs/widgets//ci/release.yml@refs/heads/evil"),
		"ci_config_ref_uri",
	},
	{
		"file that looks like a ref", nil,
		one("ci_config_ref_uri", "HOST/acme/libs/widgets//ci/release.yml@x.yml@refs/tags/v1.0"), "ci_config_ref_uri",
	},
	{
		"a file that ends like ours", nil,
		one("ci_config_ref_uri", "HOST/acme/libs/widgets//evil/ci/release.yml@refs/tags/v1.0"), "ci_config_ref_uri",
	},
	{"no file", nil, one("ci_config_ref_uri", absent), "ci_config_ref_uri"},
	{
		"empty ref", nil,
		map[string]any{"ref_path": "", "ci_config_ref_uri": "HOST/acme/libs/widgets//ci/release.yml@"},
		"ref_path",
	},
	{"short ref", nil, map[string]any{
		"ref_path": "v1.0", "ci_config_ref_uri": "HOST/acme/libs/widgets//ci/release.yml@v1.0",
	}, "ref_path"},
	{"empty commit", nil, one("sha", ""), "sha"},
	{"environment in other letters", nil, one("environment", "release"), "environment"},
	{"environment with a blank", nil, one("environment", "Release "), "environment"},
	{"no environment", nil, one("environment", absent), "environment"},
	{"environment a list", rule("environment", ""), one("environment", []string{"Release"}), "environment"},
	{"no token id", nil, one("jti", absent), "(jti)"},
	{"another tag", rule("ref", "refs/tags/r*"), nil, "ref_path"},
	{"not protected", rule("ref_protected", "true"), one("ref_protected", "false"), "ref_protected"},
	{"protected as true", rule("ref_protected", "true"), one("ref_protected", true), "ref_protected"},
	{"another source", rule("events", "push"), one("pipeline_source", "merge_request_event"), "pipeline_source"},
	{
		"another runner", rule("runner_environment", "gitlab-hosted"), one("runner_environment", "self-hosted"),
		"runner_environment",
	},
}

var googleCases = []kindCase{
	{"the ordinary account", nil, nil, ""},
	{"not pinned yet", rule("sub", ""), nil, ""},
	{"numbered", nil, one("jti", "1"), ""},
	{
		"another address", nil,
		map[string]any{"email": "other@acme.iam.gserviceaccount.com", "sub": "444"},
		"no project here trusts",
	},
	{
		"address in other letters", nil,
		map[string]any{"email": "Publisher@acme.iam.gserviceaccount.com", "sub": "444"},
		"no project here trusts",
	},
	{"address with a blank", nil, one("email", "publisher@acme.iam.gserviceaccount.com "), "email"},
	{"no address", nil, one("email", absent), "email"},
	{"not verified", nil, one("email_verified", false), "email_verified"},
	{"verified as text", nil, one("email_verified", "true"), "email_verified"},
	{"verified as a number", nil, one("email_verified", 1), "email_verified"},
	{"verified not said", nil, one("email_verified", absent), "email_verified"},
	{"another account of that address", nil, one("sub", "999"), "sub"},
	{"no account", rule("sub", ""), one("sub", absent), "sub"},
	{"account a number", rule("sub", ""), one("sub", 111222333), "sub"},
	{"token id that is none", nil, one("jti", ""), "(jti)"},
	{"token id null", nil, one("jti", nil), "(jti)"},
}

var activeStateCases = []kindCase{
	{"the ordinary build", nil, nil, ""},
	{
		"another organisation", nil,
		map[string]any{"organization": "evil", "sub": "org:evil:project:widgets"},
		"no project here trusts",
	},
	{"another project", nil, one("project", "gadgets"), "no project here trusts"},
	{"organisation in other letters", nil, one("organization", "Acme"), "no project here trusts"},
	{"no organisation", nil, one("organization", absent), "organization"},
	{"sub of another", nil, one("sub", "org:acme:project:gadgets"), "sub"},
	{"no sub", nil, one("sub", absent), "sub"},
	{"another actor", nil, one("actor_id", "00000000-0000-1000-8000-000000000003"), "actor_id"},
	{"no actor", nil, one("actor_id", absent), "actor_id"},
	{"another builder", nil, one("builder", "camel"), "builder"},
	{"no builder", nil, one("builder", absent), "builder"},
}

var forgejoCases = []kindCase{
	{"the ordinary job", nil, nil, ""},
	{"the other event", nil, one("event_name", "release"), ""},
	{"a subject without ids", nil, one("sub", "repo:acme/widgets:ref:refs/tags/v1.0"), ""},
	{"no owner id", nil, one("repository_owner_id", absent), ""},
	{"pinned to an owner", rule("owner_id", "4"), one("repository_owner_id", "4"), ""},
	{
		"names in other letters", nil,
		map[string]any{
			"repository":   "Acme/Widgets",
			"workflow_ref": "Acme/Widgets/.forgejo/workflows/release.yml@refs/tags/v1.0",
		},
		"",
	},
	{
		"another repository", nil,
		map[string]any{"repository": "acme/gadgets", "repository_id": "78"},
		"no project here trusts",
	},
	{"repository a list", nil, one("repository", []string{"acme/widgets"}), "claim repository "},
	{"no repository", nil, one("repository", absent), "claim repository "},
	{"another repository of that name", nil, one("repository_id", "78"), "repository_id"},
	{"repository id a number", nil, one("repository_id", 77), "repository_id"},
	{"no repository id", nil, one("repository_id", absent), "upgrade Forgejo"},
	{"another owner of that name", rule("owner_id", "4"), one("repository_owner_id", "5"), "repository_owner_id"},
	{"pinned to an owner, no owner id", rule("owner_id", "4"), one("repository_owner_id", absent), "upgrade Forgejo"},
	{
		"another workflow", nil, one("workflow_ref", "acme/widgets/.forgejo/workflows/test.yml@refs/tags/v1.0"),
		"workflow_ref",
	},
	{
		"a workflow elsewhere", nil, one("workflow_ref", "acme/widgets/.github/workflows/release.yml@refs/tags/v1.0"),
		"workflow_ref",
	},
	{
		"workflow of a neighbour", nil, one("workflow_ref", "acme/widgets2/.forgejo/workflows/release.yml@refs/tags/v1.0"),
		"workflow_ref",
	},
	{
		"workflow longer than ours", nil,
		one("workflow_ref", "acme/widgets/.forgejo/workflows/release.yml.yml@refs/tags/v1.0"), "workflow_ref",
	},
	{
		"a branch", nil,
		map[string]any{
			"ref": "refs/heads/v1.0", "workflow_ref": "acme/widgets/.forgejo/workflows/release.yml@refs/heads/v1.0",
		},
		"claim ref ",
	},
	{"a ref inside another", nil, one("ref", "x/refs/tags/v1.0"), "claim ref "},
	{"no ref", rule("workflow", ""), one("ref", absent), "claim ref "},
	{"another event", nil, one("event_name", "pull_request"), "event_name"},
	{"both events", nil, one("event_name", "push\nrelease"), "event_name"},
	{"event an object", nil, one("event_name", map[string]any{"push": true}), "event_name"},
	{"event null", nil, one("event_name", nil), "event_name"},
	{"pull_request_target", rule("events", ""), one("event_name", "pull_request_target"), "strangers can start it"},
}

var forgejoRulesCases = []kindCase{
	{"the ordinary job", nil, nil, ""},
	{"the other event", nil, one("event_name", "release"), ""},
	{
		"another repository", nil,
		map[string]any{"repository": "acme/gadgets", "repository_id": "78"},
		"no project here trusts",
	},
	{
		"repository in other letters", nil,
		map[string]any{"repository": "Acme/widgets", "repository_id": "78"},
		"no project here trusts",
	},
	{"repository a list", nil, one("repository", []string{"acme/widgets"}), "claim repository "},
	{"no repository", nil, one("repository", absent), "claim repository "},
	{"another repository of that name", nil, one("repository_id", "78"), "repository_id"},
	{"repository id a number", nil, one("repository_id", 77), "repository_id"},
	{
		"another workflow", nil, one("workflow_ref", "acme/widgets/.forgejo/workflows/test.yml@refs/tags/v1.0"),
		"workflow_ref",
	},
	{
		"a workflow elsewhere", nil, one("workflow_ref", "acme/widgets/.github/workflows/release.yml@refs/tags/v1.0"),
		"workflow_ref",
	},
	{
		"workflow of a neighbour", nil, one("workflow_ref", "acme/widgets2/.forgejo/workflows/release.yml@refs/tags/v1.0"),
		"workflow_ref",
	},
	{
		"workflow longer than ours", nil,
		one("workflow_ref", "acme/widgets/.forgejo/workflows/release.yml.yml@refs/tags/v1.0"), "workflow_ref",
	},
	{"a branch", nil, one("ref", "refs/heads/v1.0"), "claim ref "},
	{"a ref inside another", nil, one("ref", "x/refs/tags/v1.0"), "claim ref "},
	{"no ref", nil, one("ref", absent), "claim ref "},
	{"another event", nil, one("event_name", "pull_request"), "event_name"},
	{"both events", nil, one("event_name", "push\nrelease"), "event_name"},
	{"event an object", nil, one("event_name", map[string]any{"push": true}), "event_name"},
	{"event null", nil, one("event_name", nil), "event_name"},
	{
		"pull_request_target", rule("oneof:event_name", ""), one("event_name", "pull_request_target"),
		"strangers can start it",
	},
}

var kubernetesCases = []kindCase{
	{"the ordinary account", nil, nil, ""},
	{"numbered, audience a text", nil, map[string]any{"jti": "1", "aud": audience}, ""},
	{"another account", nil, one("sub", "system:serviceaccount:ci:default"), "no project here trusts"},
	{"another namespace", nil, one("sub", "system:serviceaccount:ci2:publisher"), "no project here trusts"},
	{"a person", nil, one("sub", "publisher"), "claim sub "},
	{"no sub", nil, one("sub", absent), "claim sub "},
	{"sub a list", nil, one("sub", []string{"system:serviceaccount:ci:publisher"}), "did not verify"},
	{"the account's id", rule("service_account_id", kubernetesID), nil, ""},
	{
		"a recreated account", rule("service_account_id", kubernetesID),
		one("kubernetes.io", map[string]any{"serviceaccount": map[string]any{"uid": azureProject}}),
		"kubernetes.io/serviceaccount/uid",
	},
	{
		"no id of the account", rule("service_account_id", kubernetesID), one("kubernetes.io", absent),
		"kubernetes.io/serviceaccount/uid",
	},
	{"two audiences", nil, one("aud", []string{audience, "https://kubernetes.default.svc"}), "audience (aud)"},
	{"the cluster's audience", nil, one("aud", []string{"https://kubernetes.default.svc"}), "audience (aud)"},
}

// TestKinds signs every case for real and exchanges it.
func TestKinds(t *testing.T) {
	for _, k := range []struct {
		name string
		kind
		cases []kindCase
	}{
		{"gitlab", gitlabKind, gitlabCases},
		{"google", googleKind, googleCases},
		{"activestate", activeStateKind, activeStateCases},
		{"forgejo", forgejoKind, forgejoCases},
		{"azure-devops", azureKind, azureCases},
		{"bitbucket", bitbucketKind, bitbucketCases},
		{"jenkins", jenkinsKind, jenkinsCases},
		{"forgejo, by rules on claims", forgejoRules, forgejoRulesCases},
		{"kubernetes", kubernetesKind, kubernetesCases},
		{"github, stricter", strictKind, strictCases},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, k.kind)
			s.project("widgets", "")
			for _, c := range k.cases {
				s.judge(c)
			}
		})
	}
}

// judge tries a case with the only publisher that there is.
func (s *site) judge(c kindCase) {
	s.Helper()
	p := s.trust("widgets", c.fields)
	m, err := s.exchange(s.token(c.claims))
	if c.wrong == "" && (err != nil || len(m.Projects) != 1) {
		s.Errorf("%s: Exchange = %v, %v; want widgets", c.name, m.Projects, err)
	}
	if c.wrong != "" && (!fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), c.wrong)) {
		s.Errorf("%s: Exchange = %v, %v; want a refusal with %q", c.name, m.Projects, err, c.wrong)
	}
	if err := s.registry.Remove(s.Context(), s.operator, p.ID); err != nil {
		s.Fatal(err)
	}
	s.clock.Pass(time.Second) // tokens without an id differ by their times
}

// TestGitLabServer checks that a GitLab with another address than its issuer's publishes if the settings have it, also
// for a command that knows only what the server started with.
func TestGitLabServer(t *testing.T) {
	const server = "https://gitlab.internal.example/git"
	s := newSite(t, gitlabKind)
	open := func(issuers []publishers.Issuer) {
		s.registry = newTrust(s.store, s.verifier, workload.All, settings{rules: publishers.Options{
			Now: s.clock.Now, Issuers: issuers,
		}})
	}
	own := []publishers.Issuer{{Provider: "gitlab", URL: s.issuer.URL, Server: server}}
	open(own)
	s.project("widgets", "")
	s.trust("widgets", nil)
	job := map[string]any{
		"ci_config_ref_uri": "gitlab.internal.example/git/acme/libs/widgets//ci/release.yml@refs/tags/v1.0",
	}
	if _, err := s.exchange(s.token(job)); err != nil {
		t.Errorf("a job of the server = %v", err)
	}
	_, err := s.exchange(s.token(nil))
	refuse(t, err, exchange.CodePublisher, "claim ci_config_ref_uri is")
	if run := s.exchanges(s.operator, "widgets")[0].Run(); !strings.HasPrefix(run.URL, server+"/acme/libs/widgets/") &&
		run.URL != "" {
		t.Errorf("the run is at %s", run.URL)
	}
	if err := s.registry.RecordServing(t.Context(), "https://index.example", true); err != nil {
		t.Fatal(err)
	}
	last, _, err := publishers.LastServing(t.Context(), s.store)
	if err != nil || len(last.Issuers) != 1 || last.Issuers[0].Server != server {
		t.Fatalf("LastServing = %+v, %v", last, err)
	}
	open(last.Issuers)
	if _, err := s.exchange(s.token(job)); err != nil {
		t.Errorf("with what the server started with = %v", err)
	}
	open([]publishers.Issuer{{Provider: "gitlab", URL: s.issuer.URL}})
	_, err = s.exchange(s.token(job))
	refuse(t, err, exchange.CodePublisher, "claim ci_config_ref_uri is")
}

// TestStoredRulesOnClaims checks that rules on claims of platforms that have kinds of their own keep working, whether
// their issuer is still configured as generic or as the platform's kind.
func TestStoredRulesOnClaims(t *testing.T) {
	for name, c := range map[string]struct {
		kind
		rule     map[string]string
		stranger map[string]any
	}{
		"azure-devops": {azureKind, rule("claim:sub", "p://acme/widgets/release"), one("sub", "p://acme/widgets/test")},
		"bitbucket": {
			bitbucketKind, rule("claim:repositoryUuid", "{"+bitbucketID+"}"),
			one("repositoryUuid", "{"+azureProject+"}"),
		},
		"jenkins": {
			jenkinsKind, rule("claim:sub", "https://jenkins.acme.example/job/widgets/"),
			one("sub", "https://jenkins.acme.example/job/gadgets/"),
		},
		"kubernetes": {
			kubernetesKind, rule("claim:sub", "system:serviceaccount:ci:publisher"),
			one("sub", "system:serviceaccount:ci:default"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			own, generic := newSite(t, c.kind), newSite(t, kind{workload.Generic, nil, c.claims})
			for _, s := range []*site{own, generic} {
				s.project("widgets", "")
				s.addRequest(s.operator, publishers.AddRequest{
					Provider: "generic", Issuer: s.issuer.URL, Project: "widgets", Fields: c.rule,
				})
				if _, err := s.exchange(s.token(nil)); err != nil {
					t.Errorf("issuer of kind %s: Exchange = %v", s.provider.Name(), err)
				}
				if _, err := s.exchange(s.token(c.stranger)); !fault.Is(err, fault.Invalid) {
					t.Errorf("issuer of kind %s: Exchange of another workload = %v", s.provider.Name(), err)
				}
			}
		})
	}
}
