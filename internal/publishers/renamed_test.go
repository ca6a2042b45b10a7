package publishers_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

// pinnedKind is a job of GitHub's whose publisher is pinned to its ids.
var pinnedKind = kind{
	workload.GitHub,
	map[string]string{
		"owner": "acme-corp", "repository": "widgets", "workflow": "pin.yml", "owner_id": "4242", "repository_id": "777",
	},
	map[string]any{
		"repository": "acme-corp/widgets", "repository_owner": "acme-corp", "repository_owner_id": "4242",
		"repository_id": "777", "ref": "refs/tags/v1", "sha": strings.Repeat("a", 40), "event_name": "push",
		"job_workflow_ref": "acme-corp/widgets/.github/workflows/pin.yml@refs/tags/v1",
	},
}

// at returns the claims of the same job in a repository of another name.
func at(repository string, more ...map[string]any) map[string]any {
	owner, _, _ := strings.Cut(repository, "/")
	out := map[string]any{
		"repository": repository, "repository_owner": owner,
		"job_workflow_ref": repository + "/.github/workflows/pin.yml@refs/tags/v1",
	}
	for _, m := range more {
		maps.Copy(out, m)
	}
	return out
}

const pipelineID = "01890000-0000-4000-8000-00000000aaaa"

var buildkiteKind = kind{
	workload.Buildkite,
	map[string]string{"organization": "acme", "pipeline": "widgets", "pipeline_id": pipelineID},
	map[string]any{
		"sub": "organization:acme:pipeline:widgets:ref:refs/tags/v1", "organization_slug": "acme", "pipeline_slug": "widgets",
		"pipeline_id": pipelineID,
	},
}

// buildkiteRules are rules on the claims of Buildkite, as the index wrote them before it had a kind for it.
var buildkiteRules = kind{
	workload.Generic,
	map[string]string{
		"claim:organization_slug": "acme", "claim:pipeline_slug": "widgets", "claim:pipeline_id": pipelineID,
	},
	buildkiteKind.claims,
}

var azureKind = kind{
	workload.AzureDevOps,
	map[string]string{
		"organization": "acme", "project": "widgets", "pipeline": "release", "repository_id": "acme/widgets",
	},
	map[string]any{
		"sub": "p://acme/widgets/release", "rpo_id": "acme/widgets", "prj_id": azureProject, "def_id": "12",
	},
}

const semaphoreProject = "01890000-0000-4000-8000-00000000dddd"

var semaphoreKind = kind{
	workload.Semaphore,
	map[string]string{"project_id": semaphoreProject, "repository": "acme/widgets"},
	map[string]any{
		"sub": "org:acme:project:p:repo:widgets", "prj_id": semaphoreProject, "repo_slug": "acme/widgets",
		"job_type": "pipeline_job",
	},
}

// semaphoreRules are rules on the claims of Semaphore, as the index wrote them before it had a kind for it.
var semaphoreRules = kind{
	workload.Generic,
	map[string]string{"claim:prj_id": semaphoreProject, "claim:repo_slug": "acme/widgets"},
	semaphoreKind.claims,
}

// TestRenamed checks that a pinned id finds its publisher after the workload got another name: the job is refused, and
// the refusal and the project's history name the change.
func TestRenamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   kind
		fields map[string]string // changed
		before map[string]any    // claims of a token that pins the rule first
		claims map[string]any
		want   string
	}{
		{"a repository", pinnedKind, nil, nil, at("acme-corp/gadgets"), "repository 777 was acme-corp/widgets"},
		{
			"a repository, in a moved workflow file", pinnedKind, nil, nil,
			at("acme-corp/gadgets", one("job_workflow_ref", "acme-corp/gadgets/.github/workflows/new.yml@refs/tags/v1")),
			"repository 777 was acme-corp/widgets",
		},
		{
			"a repository of an owner who is not pinned", pinnedKind,
			map[string]string{"owner_id": ""},
			nil,
			at("acme-corp/gadgets"), "repository 777 was acme-corp/widgets",
		},
		{
			"a repository that was transferred", pinnedKind, nil, nil,
			at("other/widgets", one("repository_owner_id", "5")), "repository 777 was acme-corp/widgets",
		},
		{
			"an account", pinnedKind,
			map[string]string{"repository_id": ""},
			nil, at("acme/widgets"),
			"account 4242 was acme-corp",
		},
		{
			"a repository pinned by its first token", pinnedKind,
			map[string]string{"repository_id": "first", "owner_id": ""},
			map[string]any{},
			at("acme-corp/gadgets"), "repository 777 was acme-corp/widgets",
		},
		{
			"an account pinned by its first token", pinnedKind,
			map[string]string{"repository_id": "", "owner_id": ""},
			map[string]any{},
			at("acme/widgets"), "account 4242 was acme-corp",
		},
		{
			"a project on GitLab", gitlabKind,
			map[string]string{"project_id": "20"},
			nil,
			one("project_path", "acme/libs/gadgets"), "project 20 was acme/libs/widgets",
		},
		{
			"a namespace on GitLab", gitlabKind, nil, nil, one("project_path", "acme/tools/widgets"),
			"namespace 72 was acme/libs",
		},
		{
			"an address", googleKind, nil, nil, one("email", "releases@acme.iam.gserviceaccount.com"),
			"account 111222333 was publisher@acme.iam.gserviceaccount.com",
		},
		{
			"a repository on Forgejo", forgejoKind, nil, nil, one("repository", "acme/gadgets"),
			"repository 77 was acme/widgets",
		},
		{
			"an account on Forgejo", forgejoKind,
			map[string]string{"repository_id": "", "owner_id": "4"},
			nil,
			map[string]any{"repository": "acme-corp/widgets", "repository_owner_id": "4"},
			"account 4 was acme",
		},
		{
			"a pipeline on Buildkite", buildkiteKind, nil, nil, one("pipeline_slug", "gadgets"),
			"pipeline " + pipelineID + " was acme/widgets",
		},
		{
			"a pipeline on Buildkite, in another organization", buildkiteKind, nil, nil,
			map[string]any{"organization_slug": "acme-corp", "pipeline_slug": "gears"},
			"pipeline " + pipelineID + " was acme/widgets",
		},
		{
			"a pipeline pinned by its first token", buildkiteKind, rule("pipeline_id", ""),
			map[string]any{},
			one("pipeline_slug", "gadgets"), "pipeline " + pipelineID + " was acme/widgets",
		},
		{
			"a pipeline on Buildkite, by rules on claims", buildkiteRules, nil, nil, one("pipeline_slug", "gadgets"),
			"pipeline " + pipelineID + " was acme/widgets",
		},
		{
			"a project on Azure DevOps", azureKind, rule("project_id", azureProject), nil,
			one("sub", "p://acme/gadgets/release"), "project " + azureProject + " was acme/widgets",
		},
		{
			"a project on Azure DevOps, pinned by its first token", azureKind, nil,
			map[string]any{},
			one("sub", "p://acme/gadgets/release"), "project " + azureProject + " was acme/widgets",
		},
		{
			"an organization on Azure DevOps", azureKind, nil,
			map[string]any{},
			one("sub", "p://acme-corp/widgets/release"), "project " + azureProject + " was acme/widgets",
		},
		{
			"a pipeline on Azure DevOps", azureKind, rule("pipeline_id", "12"), nil, one("sub", "p://acme/widgets/publish"),
			"pipeline 12 was release",
		},
		{
			"a rule on claims for Azure DevOps", kind{
				workload.Generic,
				map[string]string{"claim:sub": "p://acme/widgets/release", "claim:rpo_id": "acme/widgets"},
				azureKind.claims,
			}, nil, nil, one("sub", "p://acme/gadgets/release"), "repository acme/widgets was acme/widgets",
		},
		{
			"a repository on Semaphore", semaphoreKind, nil, nil, one("repo_slug", "acme/gadgets"),
			"project " + semaphoreProject + " was acme/widgets",
		},
		{
			"a repository on Semaphore, by rules on claims", semaphoreRules, nil, nil, one("repo_slug", "acme/gadgets"),
			"project " + semaphoreProject + " was acme/widgets",
		},
		{
			"a repository on Forgejo, by rules on claims", forgejoRules, nil, nil, one("repository", "acme/gadgets"),
			"repository 77 was acme/widgets",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.kind)
			s.project("widgets", "")
			p := s.trust("widgets", c.fields)
			if c.before != nil {
				if _, err := s.exchange(s.token(c.before)); err != nil {
					t.Fatalf("the token that pins = %v", err)
				}
				s.clock.Pass(time.Second)
			}
			m, err := s.exchange(s.token(c.claims))
			refuse(t, err, exchange.CodePublisher, c.want+" when its publisher was added; a project's owner can add")
			if m.Token != "" {
				t.Error("a renamed workload got a token")
			}
			x := s.exchanges(s.operator, "widgets")[0]
			if x.Granted || len(x.Nearest) != 1 || x.Nearest[0].ID != p.ID || len(x.Nearest[0].Differences) == 0 ||
				x.Nearest[0].Renamed != c.want+" when its publisher was added" {
				t.Errorf("the history of the project: %+v", x)
			}
		})
	}
}

// TestStrangersAreNotRenamed checks that an id explains nothing to a token of another workload.
func TestStrangersAreNotRenamed(t *testing.T) {
	unpinned := map[string]string{"repository_id": "", "owner_id": ""}
	for _, c := range []struct {
		name   string
		kind   kind
		fields map[string]string
		claims map[string]any
	}{
		{
			"another repository of the pinned account", pinnedKind,
			map[string]string{"repository_id": ""},
			at("acme-corp/gadgets"),
		},
		{
			"another repository of the renamed account", pinnedKind, map[string]string{"repository_id": ""}, at("acme/gadgets"),
		},
		{"another id", pinnedKind, nil, at("acme-corp/gadgets", one("repository_id", "778"))},
		{"an id that begins like ours", pinnedKind, nil, at("acme-corp/gadgets", one("repository_id", "7777"))},
		{"an id that ends like ours", pinnedKind, nil, at("acme-corp/gadgets", one("repository_id", "77"))},
		{"an id with a wildcard", pinnedKind, nil, at("acme-corp/gadgets", one("repository_id", "7%"))},
		{"no id", pinnedKind, nil, at("acme-corp/gadgets", one("repository_id", absent))},
		{"a number as id", pinnedKind, nil, at("acme-corp/gadgets", one("repository_id", 777))},
		{
			"the word first", pinnedKind,
			map[string]string{"repository_id": "first", "owner_id": ""},
			at("acme-corp/gadgets", one("repository_id", "first")),
		},
		{"a rule without ids", pinnedKind, unpinned, at("acme-corp/gadgets")},
		{"a rule of the account that awaits its first token", pinnedKind, unpinned, at("acme/widgets")},
		{"another project of the namespace", gitlabKind, nil, one("project_path", "acme/tools/gadgets")},
		{
			"another pipeline of a renamed project", azureKind, rule("project_id", azureProject),
			one("sub", "p://acme/gadgets/test"),
		},
		{
			"a service connection in a renamed project", azureKind, rule("project_id", azureProject),
			one("sub", "sc://acme/gadgets/release2"),
		},
		{
			"another repository of the account on Forgejo", forgejoKind,
			map[string]string{"repository_id": "", "owner_id": "4"},
			map[string]any{"repository": "acme-corp/gadgets", "repository_owner_id": "4"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.kind)
			s.project("widgets", "")
			s.trust("widgets", c.fields)
			_, err := s.exchange(s.token(c.claims))
			refuse(t, err, exchange.CodePublisher, "no project here trusts")
			for _, word := range []string{"claim ", " was ", "nearest"} {
				if strings.Contains(err.Error(), word) {
					t.Errorf("the refusal %q tells a stranger of %q", err, word)
				}
			}
			if e := s.store.of("publisher.exchange"); len(e) != 1 || e[0].Project != "" {
				t.Errorf("entries: %+v; want one that belongs to no project", e)
			}
		})
	}
}

// TestOneOfSeveralIsNotNamed checks that a rule with several values does not reveal the others to one of them.
func TestOneOfSeveralIsNotNamed(t *testing.T) {
	s := newSite(t, forgejoRules)
	s.project("widgets", "")
	s.addRequest(s.operator, publishers.AddRequest{
		Provider: "generic", Issuer: s.issuer.URL, Project: "widgets",
		Fields: map[string]string{"oneof:repository": "acme/secret\nacme/widgets", "oneof:repository_id": "77\n78"},
	})
	_, err := s.exchange(s.token(one("repository", "acme/gadgets")))
	refuse(t, err, exchange.CodePublisher,
		`claim repository is "acme/gadgets", which the nearest publisher does not accept`)
	if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), " was ") {
		t.Errorf("the refusal tells of the other repository: %v", err)
	}
}

// TestRenamedPendingAndReader checks that pending publishers and readers are found by their ids as well.
func TestRenamedPendingAndReader(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.user("alice")
		pinned := []string{"repository_id", "777"}
		b.addPending(alice, "new-thing", pinned...)
		b.project("widgets", "")
		b.addReader([]string{"widgets"}, pinned...)
		job := map[string]any{
			"repository": "acme/gears", "repository_id": "777",
			"job_workflow_ref": "acme/gears/.github/workflows/release.yml@refs/tags/v1.0",
		}
		_, err := b.exchange(b.token(job))
		refuse(t, err, exchange.CodePublisher, "repository 777 was acme/widgets when its publisher was added")
		if x := b.exchanges(b.again("alice"), "new-thing"); len(x) != 1 || !x[0].Pending || x[0].Nearest[0].Renamed == "" {
			t.Errorf("the registrant sees %+v", x)
		}
		_, err = b.exchangeRead(b.token(job))
		refuse(t, err, exchange.CodePublisher, "repository 777 was acme/widgets when its reader was added; the user who")
		b.clock.Pass(publishers.DefaultPendingLifetime + time.Hour)
		_, err = b.exchange(b.token(job))
		refuse(t, err, exchange.CodePublisher, "no project here trusts")
	})
}

// TestNearestDiffersLeast checks that the publisher with the fewest differences is the nearest one, not the one that a
// fixed order of checks reaches last.
func TestNearestDiffersLeast(t *testing.T) {
	s := newSite(t, pinnedKind)
	s.project("widgets", "")
	s.trust("widgets", map[string]string{"workflow": "release.yml", "environment": "pypi", "repository_id": ""})
	p := s.trust("widgets", nil)
	_, err := s.exchange(s.token(one("repository_id", "778")))
	refuse(t, err, exchange.CodePublisher, `claim repository_id is "778", which the nearest publisher does not accept`)
	if near := s.exchanges(s.operator, "widgets")[0].Nearest; len(near) != 1 || near[0].ID != p.ID {
		t.Errorf("nearest is %+v, want %s", near, p.ID)
	}
	// A rename counts as one difference, so a publisher under the new name that differs more is not nearer.
	s.trust("widgets", map[string]string{
		"repository": "gadgets", "workflow": "other.yml", "environment": "pypi", "repository_id": "",
	})
	s.clock.Pass(time.Second)
	_, err = s.exchange(s.token(at("acme-corp/gadgets")))
	refuse(t, err, exchange.CodePublisher, "repository 777 was acme-corp/widgets")
}

// TestGenericReadersAreNotNear checks that a job of a shared issuer is not recorded for readers of other jobs.
func TestGenericReadersAreNotNear(t *testing.T) {
	s := newSite(t, forgejoRules)
	s.project("widgets", "")
	fields := maps.Clone(s.fields)
	if _, err := s.registry.AddReader(t.Context(), s.operator, publishers.ReaderRequest{
		Provider: "generic", Issuer: s.issuer.URL, Fields: fields,
	}); err != nil {
		t.Fatal(err)
	}
	stranger := map[string]any{"repository": "evil/other", "repository_id": "666", "sub": "repo:evil/other"}
	_, err := s.exchangeRead(s.token(stranger))
	refuse(t, err, exchange.CodePublisher, `nothing here lets "evil/other" read`)
	if e := s.store.of("publisher.exchange"); len(e) != 1 || e[0].Repository != "" {
		t.Errorf("entries: %+v; want one that is in no history", e)
	}
	s.clock.Pass(time.Second)
	_, err = s.exchangeRead(s.token(one("ref", "refs/heads/main")))
	refuse(t, err, exchange.CodePublisher, `claim ref is "refs/heads/main", which the nearest reader does not accept`)
	if e := s.store.of("publisher.exchange"); len(e) != 2 || e[1].Repository == "" {
		t.Errorf("entries: %+v; want the last in the reader's history", e)
	}
}

// TestRespelledSubject checks that a rule on a subject of GitHub is found as the nearest one for the other spelling of
// that subject, which it never accepts, and that the refusal and the history say so.
func TestRespelledSubject(t *testing.T) {
	const (
		named     = "repo:acme/widgets:environment:pypi%3Aprod"
		immutable = "repo:acme@4242/widgets@31337:environment:pypi%3Aprod"
	)
	for _, c := range []struct {
		name, rule, sub, want string // want is "" if the rule is about another workload
	}{
		{
			"immutable", named, immutable,
			"the same name under GitHub's immutable spelling; a rule on repository_id=31337 and repository_owner_id=4242",
		},
		{"with names", immutable, named, "it is the same repository without GitHub's immutable spelling"},
		{
			"renamed", immutable, strings.Replace(immutable, "widgets", "gadgets", 1),
			"it is the same repository (id 31337) under another name",
		},
		{"another repository", named, strings.Replace(immutable, "widgets", "gadgets", 1), ""},
		{"other ids", immutable, strings.Replace(immutable, "31337", "31338", 1), ""},
		{"ids of Forgejo", named, "repo:acme-4242/widgets-31337:environment:pypi%3Aprod", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t, kind{
				workload.Generic,
				map[string]string{"claim:sub": c.rule},
				map[string]any{
					"sub": c.rule, "repository": "acme/widgets", "repository_id": "31337", "repository_owner_id": "4242",
					"environment": "pypi:prod",
				},
			})
			s.project("widgets", "")
			p := s.trust("widgets", nil)
			_, err := s.exchange(s.token(one("sub", c.sub)))
			if c.want == "" {
				refuse(t, err, exchange.CodePublisher, "no project here trusts")
				return
			}
			refuse(t, err, exchange.CodePublisher, "which the nearest publisher does not accept: "+c.want)
			x := s.exchanges(s.operator, "widgets")[0]
			if len(x.Nearest) != 1 || x.Nearest[0].ID != p.ID || !strings.Contains(x.Nearest[0].Differences[0].Why, c.want) ||
				!maps.Equal(x.Suggested, map[string]string{
					"claim:repository_id": "31337", "claim:repository_owner_id": "4242", "claim:environment": "pypi:prod",
				}) {
				t.Errorf("the history of the project: %+v", x)
			}
		})
	}
}

// TestOtherRepositoryOfTheSubject checks that a subject of another repository of the same name is called that if the
// rule or its subject has other ids, and that nothing is suggested then.
func TestOtherRepositoryOfTheSubject(t *testing.T) {
	const named, theirs = "repo:acme/widgets:environment:pypi", "repo:acme@999/widgets@75:environment:pypi"
	for _, c := range []struct {
		name  string
		rule  map[string]string // further rules
		sub   string            // of the rule
		token map[string]any    // further claims
		want  string            // "" if it is another one
	}{
		{
			"both ids differ",
			map[string]string{"claim:repository_id": "74", "claim:repository_owner_id": "31337"},
			named, nil,
			"",
		},
		{"the repository's id differs", map[string]string{"claim:repository_id": "74"}, named, nil, ""},
		{"one of several ids", map[string]string{"oneof:repository_id": "73\n74"}, named, nil, ""},
		{"the owner's id differs", map[string]string{"claim:repository_owner_id": "31337"}, named, nil, ""},
		{
			"the subject's ids differ", nil, "repo:acme@31337/widgets@74:environment:pypi", map[string]any{"sub": named}, "",
		},
		{
			"the repository's id is the same",
			map[string]string{"claim:repository_id": "75"},
			named, nil,
			"it is the same repository under GitHub's immutable spelling",
		},
		{
			"only the owner's id is the same",
			map[string]string{"claim:repository_owner_id": "999"},
			named, nil,
			"the same name under GitHub's immutable spelling",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			fields := map[string]string{"claim:sub": c.sub}
			maps.Copy(fields, c.rule)
			s := newSite(t, kind{workload.Generic, fields, map[string]any{
				"sub": theirs, "repository": "acme/widgets", "repository_id": "75", "repository_owner_id": "999",
				"environment": "pypi",
			}})
			s.project("widgets", "")
			s.trust("widgets", nil)
			if _, err := s.exchange(s.token(c.token)); err == nil {
				t.Fatal("the token is accepted")
			}
			x := s.exchanges(s.operator, "widgets")[0]
			if len(x.Nearest) != 1 {
				t.Fatalf("nearest: %+v", x.Nearest)
			}
			var note string
			for _, d := range x.Nearest[0].Differences {
				if d.Claim == "sub" {
					note = d.Why
				}
			}
			other := c.want == ""
			if other != (note == "the same name, but another repository") || !strings.HasPrefix(note, c.want) {
				t.Errorf("the note is %q, want %q", note, c.want)
			}
			if other != (x.Suggested == nil) || other != strings.Contains(x.NoneBecause(), "another repository") {
				t.Errorf("suggested: %v, because %q", x.Suggested, x.NoneBecause())
			}
		})
	}
}
