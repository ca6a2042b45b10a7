package ciconfig_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/workload"
	"pyindex/internal/workload/ciconfig"
)

const uuid = "01890000-0000-4000-8000-000000000001"

// steps checks that the steps of a guide have some words.
func steps(t testing.TB, g ciconfig.Guide, words ...string) {
	t.Helper()
	all := strings.Join(g.Steps, "\n")
	for _, w := range words {
		if !strings.Contains(all, w) {
			t.Errorf("the steps do not say %q:\n%s", w, all)
		}
	}
}

// file returns a variant of a guide's file.
func file(t testing.TB, g ciconfig.Guide, key string) ciconfig.File {
	t.Helper()
	i := slices.IndexFunc(g.Files, func(f ciconfig.File) bool { return f.Key == key })
	if i < 0 {
		t.Fatalf("there is no variant %s among %d", key, len(g.Files))
	}
	return g.Files[i]
}

// has checks that a file is YAML and has some words.
func has(t testing.TB, f ciconfig.File, words ...string) {
	t.Helper()
	parse(t, f)
	for _, w := range words {
		if !strings.Contains(f.Text, w) {
			t.Errorf("%s (%s) has no %q:\n%s", f.Path, f.Key, w, f.Text)
		}
	}
}

const ownExchange = "uv publish --trusted-publishing always --publish-url " + uploadURL

// platform is a kind with the fields of a rule, and the rule on claims that stood for the same workload before the
// platform had a kind.
type platform struct {
	kind, issuer  string
	fields, rules map[string]string
}

var platforms = []platform{
	{
		"buildkite", "https://agent.buildkite.com",
		map[string]string{"organization": "acme", "pipeline": "widgets", "tag": "v*", "step": "out", "pipeline_id": uuid},
		map[string]string{
			"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets", "prefix:build_tag": "v*",
			"claim:step_key": "out", "claim:pipeline_id": uuid,
		},
	},
	{
		"circleci", workload.CircleCIIssuer,
		map[string]string{"org_id": uuid, "project_id": uuid, "pipeline_definition_id": uuid, "vcs_ref": "refs/tags/v*"},
		map[string]string{
			"claim:oidc.circleci.com/project-id": uuid, "claim:oidc.circleci.com/pipeline-definition-id": uuid,
			"prefix:oidc.circleci.com/vcs-ref": "refs/tags/v*",
		},
	},
	{
		"circleci", workload.CircleCIIssuer + "/org/" + uuid,
		map[string]string{
			"org_id": uuid, "project_id": uuid, "pipeline_definition_id": uuid, "vcs_ref": "refs/heads/main",
			"context_id": uuid,
		},
		map[string]string{
			"claim:oidc.circleci.com/project-id": uuid, "claim:oidc.circleci.com/vcs-ref": "refs/heads/main",
			"has:oidc.circleci.com/context-ids": uuid,
		},
	},
	{
		"semaphore", "https://acme.semaphoreci.com",
		map[string]string{"project_id": uuid, "ref": "refs/tags/v*", "ref_type": "tag", "repository": "acme/widgets"},
		map[string]string{
			"claim:prj_id": uuid, "prefix:ref": "refs/tags/v*", "claim:ref_type": "tag", "claim:repo_slug": "acme/widgets",
		},
	},
	{
		"forgejo", "https://forge.acme.example/api/actions",
		map[string]string{
			"owner": "acme", "repository": "widgets", "workflow": "out.yml", "ref": "refs/tags/v*", "events": "push,release",
		},
		map[string]string{
			"claim:repository": "acme/widgets", "prefix:workflow_ref": "acme/widgets/.forgejo/workflows/out.yml@*",
			"prefix:ref": "refs/tags/v*", "oneof:event_name": "push\nrelease",
		},
	},
	{
		"azure-devops", "https://vstoken.dev.azure.com/" + uuid,
		map[string]string{"organization": "acme", "project": "widgets", "pipeline": "release", "ref": "refs/tags/v*"},
		map[string]string{"claim:sub": "p://acme/widgets/release", "prefix:rpo_ref": "refs/tags/v*"},
	},
	{
		"azure-devops", "https://vstoken.dev.azure.com/" + uuid,
		map[string]string{"organization": "acme", "project": "widgets", "connection": "pypi"},
		map[string]string{"claim:sub": "sc://acme/widgets/pypi"},
	},
	{
		"jenkins", "https://jenkins.acme.example/oidc",
		map[string]string{"job": "https://jenkins.acme.example/job/widgets/"},
		map[string]string{"claim:sub": "https://jenkins.acme.example/job/widgets/"},
	},
	{
		"kubernetes", "https://kubernetes.acme.example",
		map[string]string{"namespace": "ci", "service_account": "publisher"},
		map[string]string{"claim:sub": "system:serviceaccount:ci:publisher"},
	},
	{
		"bitbucket", "https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc",
		map[string]string{"repository_id": uuid, "branch": "main", "environment_id": uuid, "workspace_id": uuid},
		nil, // there were no rules on its claims: none of them identified the repository
	},
}

// TestPlatforms checks that each kind has a file of its platform with valid YAML, and that a stored rule on claims has
// the same one.
func TestPlatforms(t *testing.T) {
	for _, p := range platforms {
		t.Run(p.kind, func(t *testing.T) {
			g := ciconfig.For(target, p.kind, p.issuer, kindFields(t, p.kind, maps.Clone(p.fields)))
			if len(g.Files) == 0 || g.Files[0].Path == "" || len(g.Steps) == 0 || len(g.CA) == 0 {
				t.Fatalf("guide %+v", g)
			}
			for _, f := range g.Files {
				if f.Path != "Jenkinsfile" {
					has(t, f, uploadURL)
				}
			}
			if p.rules == nil {
				return
			}
			stored := ciconfig.For(target, "generic", p.issuer, p.rules)
			if !slices.Equal(stored.Files, g.Files) || !slices.Equal(stored.Steps, g.Steps) {
				t.Errorf("a rule on claims has another guide:\n%+v\nwant\n%+v", stored, g)
			}
		})
	}
}

// with returns the fields of the first platform of a kind with one more.
func with(kind, field, value string) (issuer string, fields map[string]string) {
	i := slices.IndexFunc(platforms, func(p platform) bool { return p.kind == kind })
	fields = maps.Clone(platforms[i].fields)
	if field != "" {
		fields[field] = value
	}
	return platforms[i].issuer, fields
}

func guideWith(kind, field, value string) ciconfig.Guide {
	issuer, fields := with(kind, field, value)
	return ciconfig.For(target, kind, issuer, fields)
}

// TestBuildkiteIDs checks that both variants request the ids, which are in no other token, and the cluster's if the
// rule names it.
func TestBuildkiteIDs(t *testing.T) {
	g := guideWith("buildkite", "", "")
	has(t, file(t, g, "uv"), "BUILDKITE_OIDC_TOKEN_CLAIMS: organization_id,pipeline_id ", ownExchange)
	has(t, file(t, g, "script"),
		"oidc request-token --audience pypi.acme.example:8443 --claim organization_id,pipeline_id)", "key: out")
	g = guideWith("buildkite", "cluster_id", uuid)
	has(t, file(t, g, "uv"), "CLAIMS: organization_id,pipeline_id,cluster_id ")
	has(t, file(t, g, "script"), "--claim organization_id,pipeline_id,cluster_id)")
}

// TestCircleCI checks that a job requests the token of the issuer that its publisher has, that uv's own exchange is
// offered only for the root issuer, and that there is a context only if the publisher requires one.
func TestCircleCI(t *testing.T) {
	root := guideWith("circleci", "", "")
	has(t, file(t, root, "uv"), ownExchange)
	has(t, file(t, root, "twine"), "circleci run oidc get --root-issuer --claims")
	for _, f := range root.Files {
		if strings.Contains(f.Text, "context") {
			t.Errorf("%s uses a context, which no token needs:\n%s", f.Key, f.Text)
		}
	}
	steps(t, root, "A job needs no context")
	organization := ciconfig.For(target, "circleci", platforms[2].issuer, platforms[2].fields)
	if len(organization.Files) != 1 || strings.Contains(organization.Files[0].Text, "--root-issuer") {
		t.Errorf("files for the organization's issuer: %+v", organization.Files)
	}
	has(t, file(t, organization, "twine"), "circleci run oidc get --claims", "context: [release]")
	steps(t, organization, "replace release with the name of the context "+uuid,
		"add a publisher with the issuer https://oidc.circleci.com.")
}

// TestPlainHTTP checks that an index without https does not offer uv's own exchange without a word.
func TestPlainHTTP(t *testing.T) {
	const line = "uv exchanges tokens over https only: use --with "
	for kind, with := range map[string]string{"buildkite": "script", "gitlab": "twine"} {
		issuer, fields := "", compile(t, workload.Of(kind), workload.Of(kind).Sample())
		plain := target
		plain.BaseURL = "http://10.0.0.7:8080"
		steps(t, ciconfig.For(plain, kind, issuer, fields), line+with+", or set base_url.")
		if all := strings.Join(ciconfig.For(target, kind, issuer, fields).Steps, "\n"); strings.Contains(all, line) {
			t.Errorf("%s warns of plain http on https:\n%s", kind, all)
		}
	}
}

// TestScriptNeeds checks that a script ends with the platform's words if the job lacks its token, and that a refusal
// prints its descriptions.
func TestScriptNeeds(t *testing.T) {
	for kind, line := range map[string]string{
		"azure-devops": `: "${SYSTEM_ACCESSTOKEN:?the step has to pass System.AccessToken on in its env}"`,
		"semaphore":    `: "${SEMAPHORE_OIDC_TOKEN:?this Semaphore job has no identity token}"`,
		"gitlab":       `: "${PYPI_ACME_EXAMPLE_8443_ID_TOKEN:?the job has to request it under id_tokens}"`,
	} {
		issuer, fields := "https://ci.acme.example", compile(t, workload.Of(kind), workload.Of(kind).Sample())
		has(t, file(t, ciconfig.For(target, kind, issuer, fields), "twine"), line, `e["code"] + ": " + e["description"]`)
	}
}

// TestFixedAudience checks that the administrator reads which setting a platform needs that fixes its audience, unless
// clients are told that audience.
func TestFixedAudience(t *testing.T) {
	for _, c := range []struct{ kind, audience string }{
		{"azure-devops", "api://AzureADTokenExchange"}, {"semaphore", "https://acme.semaphoreci.com"},
	} {
		issuer, fields := with(c.kind, "", "")
		line := `If it is not set already, the administrator of this index has to set audience = "` + c.audience + `" for the issuer ` + issuer + " in oidc.issuers"
		steps(t, ciconfig.For(target, c.kind, issuer, fields), line)
		told, accepts := target, target
		told.Audience, accepts.Accepts = c.audience, c.audience
		for _, target := range []ciconfig.Target{told, accepts} {
			all := strings.Join(ciconfig.For(target, c.kind, issuer, fields).Steps, "\n")
			if strings.Contains(all, "oidc.issuers") {
				t.Errorf("%s: the steps have a setting that is made already:\n%s", c.kind, all)
			}
		}
	}
}

func TestForgejo(t *testing.T) {
	g := guideWith("forgejo", "", "")
	for _, key := range []string{"uv", "twine"} {
		f := file(t, g, key)
		has(t, f, "enable-openid-connect: true", "  release:\n")
		if f.Path != ".forgejo/workflows/out.yml" {
			t.Errorf("the file is %s", f.Path)
		}
	}
	has(t, file(t, g, "uv"), ownExchange)
	has(t, file(t, g, "twine"), "$ACTIONS_ID_TOKEN_REQUEST_URL&audience=pypi.acme.example%3A8443")
	if f := guideWith("forgejo", "workflow", ".github/workflows/x.yml").Files[0]; f.Path != ".github/workflows/x.yml" {
		t.Errorf("the file with a path is %s", f.Path)
	}
	if f := guideWith("forgejo", "workflow", "").Files[0]; f.Path != ".forgejo/workflows/release.yml" {
		t.Errorf("the file without a workflow is %s", f.Path)
	}
}

func TestAzure(t *testing.T) {
	g := guideWith("azure-devops", "", "")
	has(t, g.Files[0], `"$SYSTEM_OIDCREQUESTURI?api-version=7.1"`, "SYSTEM_ACCESSTOKEN: $(System.AccessToken)")
	steps(t, g, "create the pipeline release in acme/widgets")
	_, fields := with("azure-devops", "connection", "pypi")
	delete(fields, "pipeline")
	g = ciconfig.For(target, "azure-devops", "https://vstoken.dev.azure.com/x", fields)
	has(t, g.Files[0], `?api-version=7.1&serviceConnectionId=$SERVICE_CONNECTION_ID"`)
	steps(t, g, "SERVICE_CONNECTION_ID", "service connection pypi")
}

func TestBitbucket(t *testing.T) {
	g := guideWith("bitbucket", "", "")
	y := parse(t, g.Files[0])
	step := []any{"pipelines", "branches", "main", 0, "step"}
	want(t, y, "pypi.acme.example:8443", append(step, "oidc", "audiences", 0)...)
	want(t, y, "production", append(step, "deployment")...)
	want(t, y, "uv build", append(step, "script", 0)...)
	has(t, g.Files[0], `identity="$BITBUCKET_STEP_OIDC_TOKEN"`)
	steps(t, g, "Replace production with the name of the deployment environment "+uuid, "Push to the branch main")

	issuer, _ := with("bitbucket", "", "")
	workspace := target
	workspace.Audience = "ari:cloud:bitbucket::workspace/" + uuid
	g = ciconfig.For(workspace, "bitbucket", issuer, map[string]string{"repository_id": uuid})
	y = parse(t, g.Files[0])
	want(t, y, true, "pipelines", "tags", "v*", 0, "step", "oidc")
	want(t, y, nil, "pipelines", "tags", "v*", 0, "step", "deployment")
	for branch, glob := range map[string]string{"main": "main", "v*": "v*", "release/*": "release/**", "*": "**"} {
		y := parse(t, guideWith("bitbucket", "branch", branch).Files[0])
		want(t, y, "Publish", "pipelines", "branches", glob, 0, "step", "name")
	}
}

func TestJenkins(t *testing.T) {
	steps(t, guideWith("jenkins", "", ""), "newer than 96", "audience pypi.acme.example:8443")
}

// FuzzPlatforms checks that stored rules on claims, whose values may be any text without control characters, end up in
// valid YAML that publishes to this index.
func FuzzPlatforms(f *testing.F) {
	f.Add("main", "refs/tags/v*")
	f.Add("'$(touch x)'", "refs/heads/a: [b] #c")
	f.Add("\"\\", "refs/heads/{{x}}*")
	f.Add("é\u0085", "refs/tags/- !!binary |")
	f.Fuzz(func(t *testing.T, name, ref string) {
		if workload.HasControl(name + ref) {
			return
		}
		for _, p := range platforms {
			rules := maps.Clone(p.rules)
			for field, v := range rules {
				if strings.Contains(v, "refs/") || strings.HasSuffix(v, "*") {
					rules[field] = ref
				} else if field != "claim:repository" && field != "claim:sub" && v != uuid {
					rules[field] = name
				}
			}
			if p.rules == nil {
				rules = map[string]string{"claim:repositoryUuid": name, "claim:branchName": ref}
			}
			for _, file := range ciconfig.For(target, "generic", p.issuer, rules).Files {
				if strings.HasSuffix(file.Path, ".yml") || strings.HasSuffix(file.Path, ".yaml") {
					parse(t, file)
				}
				if !strings.Contains(file.Text, uploadURL) {
					t.Fatalf("%s does not publish here:\n%s", file.Path, file.Text)
				}
			}
		}
	})
}
