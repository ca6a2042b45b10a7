package publishers_test

import (
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

func (b *bench) constrain(who access.Caller, project, id string, fields map[string]string) (publishers.Added, error) {
	return b.registry.Constrain(b.Context(), who, publishers.ConstrainRequest{ID: id, Project: project, Fields: fields})
}

// TestConstrain (contract 116, 120): the narrower rule takes the place of the old one for this project alone, the
// environment's letters are small, and both are in the record.
func TestConstrain(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice := b.owner("alice", "widgets")
		b.project("gadgets", "")
		old := b.add("widgets", "environment", "")
		b.add("gadgets", "environment", "")
		a, err := b.constrain(alice, "Widgets", old.ID, map[string]string{"environment": "Release"})
		if err != nil || a.ID == old.ID || a.OwnerID != "4242" {
			t.Fatalf("Constrain = %+v, %v", a, err)
		}
		for project, want := range map[string]string{"widgets": a.ID, "gadgets": old.ID} {
			list, err := b.registry.List(t.Context(), b.operator, project)
			if err != nil || len(list) != 1 || list[0].ID != want {
				t.Errorf("List(%s) = %+v, %v; want %s alone", project, list, err, want)
			}
		}
		for _, environment := range []string{"release", "Release"} {
			m, err := b.exchange(b.token(map[string]any{"environment": environment}))
			if err != nil || len(m.Projects) != 2 {
				t.Errorf("a job in environment %s: %+v, %v; want both projects", environment, m.Projects, err)
			}
		}
		if m := b.mint(map[string]any{"environment": "other"}); len(m.Projects) != 1 {
			t.Errorf("a job in another environment gets %v", m.Projects)
		}
		added, removed := b.store.of("publisher.add"), b.store.of("publisher.remove")
		if n := len(added); n != 3 || added[2].Detail["constrains"] != old.ID || added[2].Actor.ID != alice.ID() ||
			added[2].Project != "widgets" {
			t.Errorf("added: %+v", added)
		}
		if n := len(removed); n != 1 || removed[0].Subject != old.ID || removed[0].Detail["constrained_by"] != a.ID ||
			removed[0].Project != "widgets" {
			t.Errorf("removed: %+v", removed)
		}
	})
}

// TestConstrainEndsTokens: what the old rule minted for the project is worth nothing from then on.
func TestConstrainEndsTokens(t *testing.T) {
	b := newBench(t)
	alice := b.owner("alice", "widgets")
	old := b.add("widgets", "environment", "")
	m := b.mint(nil)
	object := access.Object{RepositoryID: "main", ProjectID: "project-widgets"}
	if !b.identify(m.Token).May(access.Uploader, object) {
		t.Fatal("the minted token does not upload")
	}
	if _, err := b.constrain(alice, "widgets", old.ID, map[string]string{"environment": "pypi"}); err != nil {
		t.Fatal(err)
	}
	if b.identify(m.Token).May(access.Uploader, object) {
		t.Error("a token of the publisher that was replaced still uploads")
	}
}

// TestConstrainUsesWhatIsThere: a row that says the same, at another project or this one, is linked and not made again.
func TestConstrainUsesWhatIsThere(t *testing.T) {
	for _, c := range []struct{ name, at string }{{"at another project", "gadgets"}, {"at this one", "widgets"}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			alice := b.owner("alice", "widgets")
			b.project("gadgets", "")
			old, strict := b.add("widgets", "environment", ""), b.add(c.at, "environment", "pypi")
			a, err := b.constrain(alice, "widgets", old.ID, map[string]string{"environment": "PyPI"})
			if err != nil || a.ID != strict.ID {
				t.Fatalf("Constrain = %+v, %v; want %s", a, err, strict.ID)
			}
			list, err := b.registry.List(t.Context(), alice, "widgets")
			if err != nil || len(list) != 1 || list[0].ID != strict.ID {
				t.Errorf("List = %+v, %v", list, err)
			}
		})
	}
}

// TestConstrainKeepsNoLooseCopy: a rule that is not pinned does not stand beside one that says the same and is.
func TestConstrainKeepsNoLooseCopy(t *testing.T) {
	b := newBench(t)
	alice := b.owner("alice", "widgets")
	loose, pinned := b.add("widgets", "environment", "", "owner_id", ""), b.add("widgets", "environment", "pypi")
	a, err := b.constrain(alice, "widgets", loose.ID, map[string]string{"environment": "pypi"})
	if err != nil || a.ID != pinned.ID || a.OwnerID != "4242" {
		t.Errorf("Constrain = %+v, %v; want the pinned one", a, err)
	}
	again := b.add("widgets", "environment", "other", "owner_id", "")
	strict := b.add("widgets", "environment", "")
	if _, err := b.constrain(alice, "widgets", strict.ID, map[string]string{"environment": "other"}); err != nil {
		t.Fatal(err)
	}
	list, _ := b.registry.List(t.Context(), alice, "widgets")
	for _, l := range list {
		if l.ID == again.ID || l.OwnerID == "" {
			t.Errorf("a loose copy stands beside the pinned one: %+v", list)
		}
	}
}

// TestConstrainRefuses: strangers learn nothing, other projects' publishers are nobody's here, and nothing gets wider.
func TestConstrainRefuses(t *testing.T) {
	b := newBench(t)
	alice, bob := b.owner("alice", "widgets"), b.owner("bob", "gadgets")
	hers, his := b.add("widgets", "environment", ""), b.add("gadgets", "environment", "", "repository", "gadgets")
	strict := b.add("widgets", "environment", "pypi")
	env := map[string]string{"environment": "x"}
	for _, c := range []struct {
		name        string
		who         access.Caller
		project, id string
		fields      map[string]string
		kind        fault.Kind
		field       string
	}{
		{"nobody", b.guest, "widgets", hers.ID, env, fault.Unauthenticated, ""},
		{"a stranger", bob, "widgets", hers.ID, env, fault.NotFound, ""},
		{"a stranger, nothing there", bob, "nothing", hers.ID, env, fault.NotFound, ""},
		{"a publisher of another project", alice, "widgets", his.ID, env, fault.NotFound, ""},
		{"a stranger's project with one's own publisher", alice, "gadgets", hers.ID, env, fault.NotFound, ""},
		{"no publisher at all", alice, "widgets", "", env, fault.NotFound, ""},
		{
			"a value that cannot be", alice, "widgets", hers.ID,
			map[string]string{"environment": "a'b"},
			fault.Invalid,
			"environment",
		},
		{"another environment", alice, "widgets", strict.ID, env, fault.Invalid, "environment"},
		{"another owner's number", alice, "widgets", hers.ID, map[string]string{"owner_id": "7"}, fault.Invalid, "owner_id"},
		{
			"another repository", alice, "widgets", hers.ID,
			map[string]string{"repository": "other"},
			fault.Invalid,
			"repository",
		},
		{
			"another workflow", alice, "widgets", hers.ID,
			map[string]string{"workflow_repository": "evil/ci", "workflow_at": "refs/heads/main"},
			fault.Invalid, "workflow_at",
		},
		{"nothing said", alice, "widgets", hers.ID, map[string]string{"environment": ""}, fault.Invalid, ""},
		{"a field that is unknown", alice, "widgets", hers.ID, map[string]string{"colour": "red"}, fault.Invalid, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := b.constrain(c.who, c.project, c.id, c.fields)
			if !fault.Is(err, c.kind) || fault.FieldOf(err) != c.field {
				t.Errorf("%s: Constrain = %+v, %v (%v in %q)", c.name, a, err, fault.KindOf(err), fault.FieldOf(err))
			}
		})
	}
	if n := len(b.store.of("publisher.remove")); n != 0 {
		t.Errorf("%d publishers were removed", n)
	}
}

// TestConstrainDoesNotLiftRefusals: jobs that a publisher admits only if its fields name them are refused before and
// after.
func TestConstrainDoesNotLiftRefusals(t *testing.T) {
	const issuer = "https://gitlab.acme.example"
	for _, c := range []struct {
		kind    string
		base    map[string]string
		field   string
		refused []string
		allowed string
	}{
		{
			"gitlab",
			map[string]string{"namespace": "acme", "project": "widgets", "workflow_filepath": ".gitlab-ci.yml"},
			"job_source",
			[]string{"pipeline_execution_policy", "push,scan_execution_policy", "push, scan_execution_policy"},
			"push",
		},
		{
			"gitlab",
			map[string]string{"namespace": "acme", "project": "widgets", "workflow_filepath": ".gitlab-ci.yml"},
			"events",
			[]string{"merge_request_event", "push,external_pull_request_event"},
			"push,web",
		},
		{
			"generic",
			map[string]string{"claim:project_id": "20"},
			"claim:pipeline_source",
			[]string{"merge_request_event", "external_pull_request_event"},
			"push",
		},
		{
			"generic",
			map[string]string{"claim:project_id": "20"},
			"oneof:pipeline_source",
			[]string{"merge_request_event\npush"},
			"push\nweb",
		},
		{
			"generic",
			map[string]string{"claim:project_id": "20"},
			"oneof:job_source",
			[]string{"push\nscan_execution_policy"},
			"push\nweb",
		},
	} {
		t.Run(c.kind+" "+c.field, func(t *testing.T) {
			b := newBench(t)
			b.registry = newTrust(b.store, b.verifier, workload.All, settings{rules: publishers.Options{
				Now: b.clock.Now, Issuers: []publishers.Issuer{{Provider: c.kind, URL: issuer}},
			}})
			alice := b.owner("alice", "widgets")
			old, err := b.registry.Add(t.Context(), alice, publishers.AddRequest{
				Project: "widgets", Provider: c.kind, Issuer: issuer, Fields: c.base,
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range c.refused {
				a, err := b.constrain(alice, "widgets", old.ID, map[string]string{c.field: v})
				if !fault.Is(err, fault.Invalid) || fault.FieldOf(err) != c.field {
					t.Errorf("Constrain(%q) = %+v, %v; want an error in the field", v, a, err)
				}
			}
			if _, err := b.constrain(alice, "widgets", old.ID, map[string]string{c.field: c.allowed}); err != nil {
				t.Errorf("Constrain(%q) = %v", c.allowed, err)
			}
		})
	}
}

// TestPreview: the sentence and warnings as they will be; nothing is kept, and strangers learn nothing.
func TestPreview(t *testing.T) {
	b := newBench(t)
	alice, bob := b.owner("alice", "widgets"), b.user("bob")
	f, _ := workload.FormFor("github", "")
	p, err := b.registry.Preview(t.Context(), alice, f, b.request("widgets", "environment", ""))
	if err != nil || len(p.Problems) > 0 || len(p.Words) == 0 || p.Warnings[0].Degree != workload.AsLooseAsToken {
		t.Errorf("Preview = %+v, %v", p, err)
	}
	p, err = b.registry.Preview(t.Context(), alice, f, b.request("widgets", "workflow", "x/y.yml"))
	if err != nil || len(p.Problems) != 1 || p.Words != nil {
		t.Errorf("Preview(a field that cannot be) = %+v, %v", p, err)
	}
	for who, kind := range map[*access.Caller]fault.Kind{&bob: fault.NotFound, &b.guest: fault.Unauthenticated} {
		if p, err := b.registry.Preview(t.Context(), *who, f, b.request("widgets")); !fault.Is(err, kind) {
			t.Errorf("Preview by %q = %+v, %v; want %v", who.Name(), p, err, kind)
		}
	}
	list, err := b.registry.List(t.Context(), alice, "widgets")
	if err != nil || len(list) > 0 {
		t.Errorf("a preview kept something: %+v, %v", list, err)
	}
}

// TestIssuersThatAreConfigured: no other issuer is taken, whatever a form says.
func TestIssuersThatAreConfigured(t *testing.T) {
	b := newBench(t, func(o *settings) {
		o.rules.Issuers = []publishers.Issuer{
			{Provider: "github", URL: "https://github.acme.example/_services/token"},
			{Provider: "gitlab", URL: workload.GitHubIssuer},
		}
	})
	b.project("widgets", "")
	for _, issuer := range []string{
		"", workload.GitHubIssuer, "https://github.acme.example/_services/token/", "https://evil.example",
	} {
		req := b.request("widgets")
		req.Issuer = issuer
		if a, err := b.registry.Add(t.Context(), b.operator, req); fault.FieldOf(err) != publishers.FieldIssuer {
			t.Errorf("Add(issuer %q) = %+v, %v; want a fault in the issuer", issuer, a, err)
		}
	}
	req := b.request("widgets")
	req.Issuer = "https://github.acme.example/_services/token"
	if _, err := b.registry.Add(t.Context(), b.operator, req); err != nil {
		t.Errorf("Add(the configured one) = %v", err)
	}
}
