package publishers_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/workload"
)

// strictKind is a GitHub job with all that the optional rules look at.
var strictKind = kind{
	workload.GitHub,
	map[string]string{"owner": "acme", "repository": "widgets", "workflow": "release.yml", "owner_id": "4242"},
	map[string]any{
		"repository": "acme/widgets", "repository_owner": "acme", "repository_owner_id": "4242", "repository_id": "777",
		"event_name":       "push",
		"job_workflow_ref": path("release.yml@refs/tags/v1.0"), "workflow_ref": path("main.yml@refs/tags/v1.0"),
		"ref": "refs/tags/v1.0", "ref_protected": "true", "sha": "0123456789abcdef0123456789abcdef01234567",
		"runner_environment": "github-hosted",
	},
}

const shared = "acme/shared/.github/workflows/release.yml@"

var elsewhere = map[string]string{"workflow_repository": "Acme/Shared", "workflow_at": "refs/tags/v1"}

var strictCases = []kindCase{
	{"all at once", map[string]string{
		"ref": "refs/tags/v*", "ref_protected": "true", "events": "release, push", "runner_environment": "github-hosted",
		"calling_workflow": "main.yml", "repository_id": "777",
	}, nil, ""},
	{"one ref", rule("ref", "refs/tags/v1.0"), nil, ""},
	{"any tag", rule("ref", "refs/tags/*"), nil, ""},
	{
		"a branch", rule("ref", "refs/tags/v*"),
		map[string]any{"ref": "refs/heads/v1.0", "job_workflow_ref": path("release.yml@refs/heads/v1.0")},
		"claim ref ",
	},
	{
		"another tag", rule("ref", "refs/tags/v*"),
		map[string]any{"ref": "refs/tags/x/v1", "job_workflow_ref": path("release.yml@refs/tags/x/v1")},
		"claim ref ",
	},
	{"a longer ref", rule("ref", "refs/tags/v1"), nil, "claim ref "},
	{
		"no ref", rule("ref", "refs/tags/v*"),
		map[string]any{"ref": "", "job_workflow_ref": path("release.yml@0123456789abcdef0123456789abcdef01234567")},
		"claim ref ",
	},
	{"not protected", rule("ref_protected", "true"), one("ref_protected", "false"), "ref_protected"},
	{"protected as a truth value", rule("ref_protected", "true"), one("ref_protected", true), "ref_protected"},
	{"protection not said", rule("ref_protected", "true"), one("ref_protected", absent), "ref_protected"},
	{"another event", rule("events", "push"), one("event_name", "workflow_dispatch"), "event_name"},
	{"a list of events", rule("events", "push,release"), one("event_name", "push,release"), "event_name"},
	{"a stranger's pull request", nil, one("event_name", "pull_request_target"), "event_name"},
	{
		"another runner", rule("runner_environment", "github-hosted"), one("runner_environment", "self-hosted"),
		"runner_environment",
	},
	{
		"runner not said", rule("runner_environment", "self-hosted"), one("runner_environment", absent), "runner_environment",
	},
	{"another repository of that name", rule("repository_id", "777"), one("repository_id", "778"), "repository_id"},
	{"repository id not said", rule("repository_id", "777"), one("repository_id", absent), "repository_id"},
	{"repository id a number", rule("repository_id", "777"), one("repository_id", 777), "repository_id"},
	{
		"another caller", rule("calling_workflow", "main.yml"), one("workflow_ref", path("evil.yml@refs/tags/v1.0")),
		"claim workflow_ref",
	},
	{
		"the caller of another repository", rule("calling_workflow", "main.yml"),
		one("workflow_ref", "evil/widgets/.github/workflows/main.yml@refs/tags/v1.0"), "claim workflow_ref",
	},
	{
		"the caller at another ref", rule("calling_workflow", "main.yml"),
		one("workflow_ref", path("main.yml@refs/heads/evil")), "claim workflow_ref",
	},
	{"caller not said", rule("calling_workflow", "main.yml"), one("workflow_ref", absent), "claim workflow_ref"},
	{"a workflow of another repository", elsewhere, one("job_workflow_ref", shared+"refs/tags/v1"), ""},
	{
		"of any of its tags",
		map[string]string{"workflow_repository": "acme/shared", "workflow_at": "refs/tags/v*"},
		one("job_workflow_ref", shared+"refs/tags/v2"), "",
	},
	{"of another repository, not named", nil, one("job_workflow_ref", shared+"refs/tags/v1.0"), "job_workflow_ref"},
	{
		"of another repository, at another ref", elsewhere, one("job_workflow_ref", shared+"refs/tags/v1.0"),
		"job_workflow_ref",
	},
	{
		"of another repository, at the job's ref", elsewhere, one("job_workflow_ref", shared+"refs/heads/evil"),
		"job_workflow_ref",
	},
	{
		"of a third repository", elsewhere,
		one("job_workflow_ref", "acme/shared2/.github/workflows/release.yml@refs/tags/v1"), "job_workflow_ref",
	},
	{"of its own repository, where the other is named", elsewhere, nil, "job_workflow_ref"},
	{
		"another file of the other repository", elsewhere,
		one("job_workflow_ref", "acme/shared/.github/workflows/evil.yml@refs/tags/v1"), "job_workflow_ref",
	},
	{
		"a file that looks like the ref",
		map[string]string{"workflow_repository": "acme/shared", "workflow_at": "refs/tags/v*"},
		one("job_workflow_ref", shared+"x.yml@refs/tags/v1"), "job_workflow_ref",
	},
	{
		"called for a job of another repository", elsewhere,
		map[string]any{"job_workflow_ref": shared + "refs/tags/v1", "repository": "acme/gadgets"},
		"no project here trusts",
	},
}

// TestPinnedTogether: a rule that leaves both ids to the first token takes them from one token, and from then on both
// count.
func TestPinnedTogether(t *testing.T) {
	for _, k := range []struct {
		kind
		field, ownerField, ownerClaim, repositoryClaim, pinned string
	}{
		{strictKind, "repository_id", "owner_id", "repository_owner_id", "repository_id", "4242/777"},
		{gitlabKind, "project_id", "namespace_id", "namespace_id", "project_id", "72/20"},
	} {
		s := newSite(t, k.kind)
		s.project("widgets", "")
		if a := s.trust("widgets", map[string]string{k.field: "first", k.ownerField: ""}); a.OwnerID != "" ||
			!strings.Contains(a.Warning, "first accepted token") {
			t.Errorf("%s: Add = %+v", k.provider.Name(), a)
		}
		for _, c := range []struct {
			claims map[string]any
			wrong  string
		}{
			{one(k.repositoryClaim, absent), k.repositoryClaim},
			{nil, ""},
			{nil, ""},
			{one(k.repositoryClaim, "9"), k.repositoryClaim},
			{one(k.ownerClaim, "9"), k.ownerClaim},
		} {
			_, err := s.exchange(s.token(c.claims))
			if c.wrong != "" {
				refuse(t, err, exchange.CodePublisher, c.wrong)
			} else if err != nil {
				t.Errorf("%s: Exchange = %v", k.provider.Name(), err)
			}
		}
		list, err := s.registry.List(t.Context(), s.operator, "widgets")
		if err != nil || len(list) != 1 || list[0].OwnerID != k.pinned || !list[0].Pinned {
			t.Errorf("%s: List = %+v, %v; want pinned to %s", k.provider.Name(), list, err, k.pinned)
		}
	}
}

// TestGooglePin: an address that was given to another account is not the same account.
func TestGooglePin(t *testing.T) {
	s := newSite(t, googleKind)
	s.project("widgets", "")
	s.trust("widgets", rule("sub", ""))
	if _, err := s.exchange(s.token(nil)); err != nil {
		t.Fatal(err)
	}
	_, err := s.exchange(s.token(one("sub", "999")))
	refuse(t, err, exchange.CodePublisher, "sub")
}

// TestUnnumberedTokenCountsOnce: without an id, what was signed is the id; another token of the same account is
// another.
func TestUnnumberedTokenCountsOnce(t *testing.T) {
	for _, k := range []kind{googleKind, kubernetesKind, activeStateKind} {
		s := newSite(t, k)
		s.project("widgets", "")
		s.trust("widgets", nil)
		raw := s.token(nil)
		if _, err := s.exchange(raw); err != nil {
			t.Fatalf("%s: Exchange = %v", k.provider.Name(), err)
		}
		_, err := s.exchange(raw)
		refuse(t, err, exchange.CodeReuse, "used before")
		if _, err := s.exchange(s.token(one("extra", "1"))); err != nil {
			t.Errorf("%s: Exchange(another token) = %v", k.provider.Name(), err)
		}
	}
}

// TestIssuersOfOneKind: two issuers of each kind with the same claims are two, and neither's tokens fit the other's
// rule.
func TestIssuersOfOneKind(t *testing.T) {
	for _, k := range everyKind {
		s := newSite(t, k)
		second := issuertest.New(t, issuertest.Options{Plain: true})
		name := k.provider.Name()
		v, err := idtoken.New([]idtoken.Issuer{
			{Kind: name, URL: s.issuer.URL, Audiences: []string{audience}},
			{Kind: name, URL: second.URL, Audiences: []string{audience}},
		}, idtoken.Options{Now: s.clock.Now})
		if err != nil {
			t.Fatal(err)
		}
		s.registry = newTrust(s.store, v, workload.All, settings{rules: publishers.Options{Now: s.clock.Now}})
		s.project("widgets", "")
		s.trust("widgets", nil)
		_, err = s.exchange(s.tokenOf(second, nil))
		refuse(t, err, exchange.CodePublisher, "no project here trusts")
		_, err = s.exchange(s.tokenOf(second, one("iss", s.issuer.URL)))
		refuse(t, err, exchange.CodeToken, "signature")
		if _, err := s.exchange(s.token(nil)); err != nil {
			t.Errorf("%s: Exchange(token of its own issuer) = %v", name, err)
		}
	}
}

// TestKindsAreApart: what one kind of issuer signs never fits a rule of another kind at the same address.
func TestKindsAreApart(t *testing.T) {
	s := newSite(t, forgejoKind)
	s.project("widgets", "")
	s.addRequest(s.operator, s.request("widgets"))
	_, err := s.exchange(s.token(map[string]any{
		"repository_owner": "acme", "repository_owner_id": "4242", "job_workflow_ref": path("release.yml@refs/tags/v1.0"),
		"environment": "release",
	}))
	refuse(t, err, exchange.CodePublisher, "no project here trusts")
}

// TestStrangersLeaveNothing: on an issuer that many share, a stranger's token is in no project's history.
func TestStrangersLeaveNothing(t *testing.T) {
	s := newSite(t, forgejoKind)
	s.project("widgets", "")
	s.trust("widgets", nil)
	_, err := s.exchange(s.token(map[string]any{"repository": "evil/widgets", "repository_id": "666"}))
	refuse(t, err, exchange.CodePublisher, `no project here trusts "evil/widgets"`)
	e := s.store.of("publisher.exchange")
	if len(e) != 1 || e[0].Project != "" {
		t.Errorf("entries: %+v; want one that is nobody's", e)
	}
}

// TestIssuerIsNeeded: a kind without a usual issuer is not added for none.
func TestIssuerIsNeeded(t *testing.T) {
	s := newSite(t, forgejoKind)
	s.project("widgets", "")
	_, err := s.registry.Add(t.Context(), s.operator,
		publishers.AddRequest{Provider: "generic", Project: "widgets", Fields: rule("claim:sub", "x")})
	if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), "needs an issuer") {
		t.Errorf("Add without an issuer = %v", err)
	}
}

// TestSentences: people read the stricter parts too.
func TestSentences(t *testing.T) {
	for _, c := range []struct {
		provider *workload.Kind
		fields   map[string]string
		want     string
	}{
		{
			workload.GitHub, over(strictKind.fields,
				map[string]string{"ref": "refs/tags/v*", "ref_protected": "true", "events": "push,release"}),
			"workflow release.yml in acme/widgets, on issuer.example, tags v* only, protected refs only, started by push or release",
		},
		{
			workload.GitHub, over(strictKind.fields, elsewhere),
			"workflow release.yml of acme/shared at refs/tags/v1, run in acme/widgets, on issuer.example",
		},
		{
			workload.GitLab, gitlabKind.fields,
			"pipeline ci/release.yml in acme/libs/widgets, environment Release, on issuer.example",
		},
		{workload.Google, googleKind.fields, "Google service account publisher@acme.iam.gserviceaccount.com"},
		{
			workload.Forgejo, forgejoKind.fields,
			"workflow release.yml in repository acme/widgets on issuer.example, tags v* only, started by push or release, " +
				"repository number 77",
		},
		{
			workload.Generic, forgejoRules.fields,
			"jobs of issuer.example whose repository is acme/widgets, repository_id is 77, event_name is push or release, ref is like refs/tags/v*, workflow_ref is like acme/widgets/.forgejo/workflows/release.yml@*",
		},
		{
			workload.Kubernetes, kubernetesKind.fields,
			"Kubernetes service account publisher in namespace ci of issuer.example",
		},
		{
			workload.Kubernetes, over(kubernetesKind.fields, rule("service_account_id", kubernetesID)),
			"Kubernetes service account publisher in namespace ci of issuer.example, with the id " + kubernetesID,
		},
		{
			workload.AzureDevOps, azureKind.fields,
			"Azure DevOps pipeline release of acme/widgets, from repository acme/widgets",
		},
		{
			workload.AzureDevOps,
			map[string]string{"organization": "acme", "project": "W x", "connection": "pypi"},
			"Azure DevOps service connection pypi of acme/w x",
		},
		{workload.Bitbucket, bitbucketKind.fields, "Bitbucket repository " + bitbucketID + ", branch main only"},
		{workload.Jenkins, jenkinsKind.fields, "Jenkins job https://jenkins.acme.example/job/widgets/"},
	} {
		r, err := c.provider.Compile(c.fields)
		if diff := cmp.Diff(c.want, c.provider.Describe("https://issuer.example", r.Fields).String()); err != nil ||
			diff != "" {
			t.Errorf("Compile(%v) = %v; sentence differs: %s", c.fields, err, diff)
		}
	}
}
