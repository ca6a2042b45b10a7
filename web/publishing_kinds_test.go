package web_test

import (
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// ownIssuer is an issuer of each kind, configured as that kind.
func ownIssuer(o *publishers.Options) {
	o.Issuers = nil
	for _, k := range workload.All {
		o.Issuers = append(o.Issuers, publishers.Issuer{Provider: k.Name(), URL: k.Manual().Issuer})
	}
}

// An issuer of a platform's own kind offers only that kind, with the manual's page; its form refuses a wrong value of
// each field beside the field, and adds a publisher of the sample.
func TestFormOfEachKind(t *testing.T) {
	x := newTrust(t, ownIssuer)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for _, k := range workload.All {
		form, _ := workload.FormFor(k.Name(), "")
		page := x.ask("alice", widgetsPublishing+"?provider="+k.Name(), nil).Body.String()
		wants(t, page, "/help/trusted-publishing/"+k.Name()+"/", "Manual: "+form.Title,
			`name="issuer" value="`+k.Manual().Issuer+`"`)
		if offers := strings.Contains(page, "Kind of the jobs at"); offers != (k == workload.Generic) {
			t.Errorf("%s: the form offers other kinds: %v", k.Name(), offers)
		}
		typed := url.Values{"do": {"add"}, "provider": {k.Name()}, "issuer": {k.Manual().Issuer}}
		for name, v := range form.Typed(k.Sample()) {
			typed.Set(name, v)
		}
		n := len(x.list("widgets"))
		for _, f := range form.Fields {
			if f.Check {
				continue
			}
			wrong := url.Values{}
			for name, v := range typed {
				wrong[name] = v
			}
			wrong.Set(f.Name, "not\x00valid")
			w := x.ask("alice", widgetsPublishing, wrong)
			if w.Code != http.StatusUnprocessableEntity || len(x.list("widgets")) != n ||
				!strings.Contains(w.Body.String(), `aria-invalid="true"`) {
				t.Errorf("%s: a wrong %s = %d", k.Name(), f.Name, w.Code)
			}
		}
		_, page = x.follow("alice", widgetsPublishing, typed)
		wants(t, page, "may now publish widgets")
		all := x.list("widgets")
		if len(all) != n+1 || !slices.ContainsFunc(all, func(p publishers.Listed) bool { return p.Provider == k.Name() }) {
			t.Errorf("%s: the publishers are %v", k.Name(), all)
		}
		i := slices.IndexFunc(all, func(p publishers.Listed) bool { return p.Provider == k.Name() })
		loose := i >= 0 &&
			slices.ContainsFunc(k.Warnings(all[i].Issuer, all[i].Fields, all[i].OwnerID), func(w workload.Warning) bool {
				return w.Degree != workload.CouldBeStricter
			})
		if loose && !strings.Contains(page, ">Manual: "+form.Title+"</a>") {
			t.Errorf("%s: the card with a warning does not lead to the manual", k.Name())
		}
	}
}

// An issuer of kind generic offers every platform whose issuer can be any URL, the probable one first, and rules on
// claims.
func TestKindsOfAGenericIssuer(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	q := url.Values{"provider": {"generic"}, "issuer": {"https://forge.acme.example/api/actions"}}
	page := x.ask("alice", widgetsPublishing+"?"+q.Encode(), nil).Body.String()
	wants(t, page, "Kind of the jobs at", `name="provider" value="forgejo"`)
	choices := between(page, `aria-labelledby="kinds"`, "</nav>")
	for _, k := range workload.All {
		offered := strings.Contains(choices, ">"+k.Forms()[0].Title+"</a>")
		if offered != workload.Generic.Takes(k) {
			t.Errorf("%s is offered: %v", k.Name(), offered)
		}
	}
	if first := between(between(choices, "<a ", "</a>")+"</a>", ">", "</a>"); first != "Forgejo Actions" {
		t.Errorf("the first choice is not Forgejo: %.300s", choices)
	}
}

// Links that other tools make fill in the form of each kind: with the field names of other indexes, and with the
// presets of kind generic.
func TestPrefillOfEachKind(t *testing.T) {
	x := newTrust(t, ownIssuer)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for _, k := range workload.All {
		form, _ := workload.FormFor(k.Name(), "")
		q := url.Values{"provider": {k.Name()}}
		for _, f := range form.Fields {
			if !f.Check {
				name := f.Name
				if f.Alias != "" {
					name = f.Alias
				}
				q.Set(name, f.Example)
			}
		}
		page := x.ask("alice", widgetsPublishing+"?"+q.Encode(), nil).Body.String()
		wants(t, page, "Double-check these values.")
		for _, f := range form.Fields {
			switch {
			case f.Lines:
				wants(t, page, strings.Split(f.Example, "\n")[0])
			case !f.Check:
				wants(t, page, `name="`+f.Name+`" value="`+f.Example+`"`)
			}
		}
	}
	x = newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for _, name := range workload.Presets() {
		k := workload.Of(name)
		q := url.Values{"provider": {"generic"}, "preset": {name}, "issuer": {"https://ci.acme.example"}}
		for f, v := range k.Sample() {
			q.Set(f, v)
		}
		page := x.ask("alice", widgetsPublishing+"?"+q.Encode(), nil).Body.String()
		wants(t, page, `name="provider" value="`+name+`"`, `name="issuer" value="https://ci.acme.example"`,
			"may publish <strong>widgets</strong>")
	}
}

// A pasted address fills in both fields that it names.
func TestPastedAddresses(t *testing.T) {
	x := newTrust(t, ownIssuer)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for query, want := range map[string][2]string{
		"provider=buildkite&organization=https://buildkite.com/acme/widgets/builds/7?x=1": {"acme", "widgets"},
		"provider=buildkite&pipeline=acme/widgets":                                        {"acme", "widgets"},
		"provider=azure-devops&issuer=" + workload.AzureDevOps.Manual().Issuer +
			"&organization=https://dev.azure.com/acme/My%2520Project/_build?definitionId=12": {
			"acme", "My Project",
		},
		"provider=forgejo&issuer=" + workload.Forgejo.Manual().Issuer +
			"&owner=https://forge.acme.example/acme/widgets.git": {"acme", "widgets"},
		"provider=github&repository=git@github.com:acme/widgets.git":          {"acme", "widgets"},
		"provider=gitlab&project=https://gitlab.com/acme/libs/widgets/-/jobs": {"acme/libs", "widgets"},
	} {
		page := x.ask("alice", widgetsPublishing+"?"+query, nil).Body.String()
		for _, v := range want {
			wants(t, page, `value="`+v+`"`)
		}
	}
}

// record stores an exchange of claims for widgets, with the publisher that granted it if any.
func (x *trust) record(id, provider, issuer, publisher string, detail map[string]any) {
	x.Helper()
	err := x.db.Publishers().Update(x.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(x.Context(), "main")
		if err != nil {
			return err
		}
		outcome := audit.Granted
		if publisher == "" {
			outcome = audit.Refused
		}
		d := map[string]any{"provider": provider, "issuer": issuer, "publisher_id": publisher}
		for name, v := range detail {
			d[name] = v
		}
		return tx.InsertAudit(x.Context(), audit.Entry{
			Subject: id, ID: id, At: x.clock.Now().Add(time.Second), Action: "publisher.exchange", Outcome: outcome,
			Repository: repo.ID, Project: "widgets", Detail: d,
		})
	})
	if err != nil {
		x.Fatal(err)
	}
}

// stored adds rules on claims to widgets, as an older version of the index did.
func (x *trust) stored(issuer string, fields map[string]string) publishers.Listed {
	x.Helper()
	old := x.list("widgets")
	_, err := x.registry.Add(x.Context(), x.operator, publishers.AddRequest{
		Provider: "generic", Issuer: issuer, Project: "widgets", Fields: fields,
	})
	if err != nil {
		x.Fatal(err)
	}
	for _, p := range x.list("widgets") {
		if !slices.ContainsFunc(old, func(o publishers.Listed) bool { return o.ID == p.ID }) {
			return p
		}
	}
	x.Fatal("nothing was added")
	return publishers.Listed{}
}

// Rules on claims of a platform that has a kind of its own are shown as loose, and one form replaces them. It asks for
// what the rules do not say.
func TestReplaceRulesOnClaims(t *testing.T) {
	const uuid = "01890000-0000-4000-8000-00000000000"
	x := newTrust(t)
	x.user("alice")
	x.user("bob")
	x.project("main", "widgets", "alice")
	x.project("main", "gadgets", "bob")
	old := x.stored("https://ci.acme.example", map[string]string{
		"claim:oidc.circleci.com/project-id": uuid + "2", "prefix:oidc.circleci.com/vcs-ref": "refs/tags/v*",
	})
	page := x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, "also checks the organization and the pipeline definition", `name="kind" value="circleci"`,
		"Replace with a CircleCI publisher", `name="org_id"`, `name="pipeline_definition_id"`, "Manual: CircleCI")
	if n := strings.Count(page, "also checks the organization"); n != 1 {
		t.Errorf("the warning is shown %d times", n)
	}
	form := url.Values{
		"do": {"constrain"}, "publisher_id": {old.ID}, "kind": {"circleci"}, "org_id": {uuid + "6"},
		"pipeline_definition_id": {uuid + "7"},
	}
	change := func(name, v string) url.Values {
		out := url.Values{}
		for n, all := range form {
			out[n] = all
		}
		out.Set(name, v)
		return out
	}
	for _, bad := range []url.Values{
		change("org_id", ""), change("org_id", "acme"), change("pipeline_definition_id", ""), change("kind", "buildkite"),
		change("kind", "nothing"), change("project_id", uuid+"9"), change("kind", "github"),
	} {
		w := x.ask("alice", widgetsPublishing, bad)
		if all := x.list("widgets"); w.Code < 400 || len(all) != 1 || all[0].ID != old.ID {
			t.Errorf("%v = %d: %v", bad, w.Code, all)
		}
	}
	w := x.ask("alice", widgetsPublishing, change("org_id", "acme"))
	wants(t, w.Body.String(), `value="acme"`, `aria-invalid="true"`, `value="`+uuid+`7"`)
	for path, want := range map[string]int{
		widgetsPublishing: http.StatusNotFound, "/manage/project/gadgets/settings/publishing/": http.StatusNotFound,
	} {
		if w := x.ask("bob", path, form); w.Code != want || x.list("widgets")[0].ID != old.ID {
			t.Errorf("bob replaced it at %s: %d", path, w.Code)
		}
	}
	_, page = x.follow("alice", widgetsPublishing, form)
	wants(t, page, "Tightened: CircleCI pipeline")
	all := x.list("widgets")
	if len(all) != 1 || all[0].Provider != "circleci" || all[0].Fields["vcs_ref"] != "refs/tags/v*" ||
		all[0].Fields["project_id"] != uuid+"2" {
		t.Errorf("the publishers are %+v", all)
	}
	if strings.Contains(page, `name="kind"`) {
		t.Error("the new publisher can be replaced again")
	}
}

// The fields that a replacement needs are filled in from the last accepted job, and rules that their own kind cannot
// express, or that are on an unknown platform, have no such form.
func TestReplacementIsFilledIn(t *testing.T) {
	const uuid = "01890000-0000-4000-8000-00000000000"
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	p := x.stored("https://ci.acme.example", map[string]string{"claim:oidc.circleci.com/project-id": uuid + "2"})
	x.record("a", "circleci", "https://ci.acme.example", p.ID, map[string]any{"claims": map[string]any{
		"oidc.circleci.com/project-id": uuid + "2", "oidc.circleci.com/org-id": uuid + "6",
		"oidc.circleci.com/pipeline-definition-id": uuid + "7",
	}})
	page := x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, `name="kind" value="circleci"`)
	x.stored("https://ci.acme.example", map[string]string{"claim:repository": "acme/widgets", "claim:ref": "refs/tags/v1"})
	x.stored("https://ci.acme.example",
		map[string]string{"claim:oidc.circleci.com/project-id": uuid + "2", "claim:odd": "x"})
	if n := strings.Count(x.ask("alice", widgetsPublishing, nil).Body.String(), `name="kind"`); n != 1 {
		t.Errorf("%d publishers can be replaced, want 1", n)
	}
}

// Allow leads to the form of the platform's kind at the issuer of the exchange. If nothing can be added, the page says
// why, and never that no publisher could accept it if one could.
func TestAllowOfEachKind(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	refused := func(id, issuer string, claims map[string]any) string {
		x.clock.Pass(time.Minute)
		x.record(id, "buildkite", issuer, "", map[string]any{
			"code": "invalid-publisher", "description": "no", "claims": claims,
			"compared": []any{"organization_slug", "pipeline_slug", "build_branch", "build_tag", "build_source"},
		})
		return between(x.ask("alice", widgetsPublishing, nil).Body.String(), `id="x-`+id+`"`, "</li>")
	}
	claims := map[string]any{
		"organization_slug": "acme", "pipeline_slug": "widgets", "build_branch": "v1.0", "build_tag": "v1.0",
		"build_source": "webhook",
	}
	row := refused("a", "https://ci.acme.example", claims)
	wants(t, row, "Allow this", "provider=buildkite", "issuer=https%3A%2F%2Fci.acme.example", "tag=v%2A")
	link := html.UnescapeString(between(row, `class="button" href="`, `#add"`))
	page := x.ask("alice", widgetsPublishing+link[strings.Index(link, "?"):], nil).Body.String()
	wants(t, page, `name="provider" value="buildkite"`, `name="issuer" value="https://ci.acme.example"`,
		`name="tag" value="v*"`)
	row = refused("b", "https://gone.example", claims)
	wants(t, row, "No publisher is suggested. This index is not configured for the issuer", "of kind buildkite")
	if strings.Contains(row, "Allow this") || strings.Contains(row, "No publisher can") {
		t.Errorf("an issuer that is not configured is offered: %s", row)
	}
	row = refused("c", "https://ci.acme.example", map[string]any{"organization_slug": "acme"})
	wants(t, row, "A publisher of kind buildkite cannot accept a workload with these claims.")
}
