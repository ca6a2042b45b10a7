package publishers_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/workload"
)

func TestExchange(t *testing.T) {
	b := newBench(t)
	widgets, gadgets := b.project("widgets", ""), b.project("gadgets", "")
	b.project("others", "")
	b.add("widgets")
	b.add("gadgets")
	m := b.mint(nil)
	if want := b.clock.Now().Add(900 * time.Second); !m.Expires.Equal(want) {
		t.Errorf("Exchange: expires %v, want %v", m.Expires, want)
	}
	if diff := cmp.Diff([]string{"gadgets", "widgets"}, m.Projects); diff != "" {
		t.Errorf("Exchange: projects differ: %s", diff)
	}
	who := b.identify(m.Token)
	for _, c := range []struct {
		name string
		role access.Role
		id   string
		want bool
	}{
		{"upload to one", access.Uploader, widgets, true},
		{"upload to the other", access.Uploader, gadgets, true},
		{"see one, for --check-url", access.Reader, widgets, true},
		{"upload to a third", access.Uploader, "project-others", false},
		{"see a third", access.Reader, "project-others", false},
		{"yank", access.Maintainer, widgets, false},
		{"delete or grant", access.Owner, widgets, false},
		{"upload to all", access.Uploader, "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := who.May(c.role, b.object(c.id)); got != c.want {
				t.Errorf("%s: May = %v, want %v", c.name, got, c.want)
			}
		})
	}
	if who.MayCreate(b.object("")) || who.Admin() {
		t.Error("a minted token may make projects")
	}
	if !strings.Contains(who.Name(), "workflow release.yml in acme/widgets, environment release") ||
		who.Claims()["repository_id"] != "777" {
		t.Errorf("minted caller: name %q, claims %v", who.Name(), who.Claims())
	}
}

// object is a project of main as permissions see it.
func (b *bench) object(projectID string) access.Object {
	b.Helper()
	var o access.Object
	err := b.store.View(b.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
		o = repo.Object()
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	o.ProjectID = projectID
	return o
}

func TestExchangeAccepts(t *testing.T) {
	for _, c := range []struct {
		name   string
		fields []string
		claims map[string]any
	}{
		{"the ordinary job", nil, nil},
		{
			"owner, repository and environment typed in other letters",
			[]string{"owner", "Acme", "repository", "WIDGETS", "environment", "Release"},
			nil,
		},
		{"claims in other letters", nil, map[string]any{
			"repository": "Acme/Widgets", "repository_owner": "Acme", "environment": "RELEASE",
			"job_workflow_ref": "Acme/Widgets/.github/workflows/release.yml@refs/tags/v1.0",
		}},
		{
			"a workflow at the commit", nil,
			map[string]any{"job_workflow_ref": path("release.yml@0123456789abcdef0123456789abcdef01234567")},
		},
		{
			"a workflow at the commit, no ref", nil,
			map[string]any{"ref": "", "job_workflow_ref": path("release.yml@0123456789abcdef0123456789abcdef01234567")},
		},
		{
			"a tag that looks like a workflow", nil,
			map[string]any{"ref": "refs/tags/x@evil.yml", "job_workflow_ref": path("release.yml@refs/tags/x@evil.yml")},
		},
		{
			"a workflow that looks like a tag",
			[]string{"workflow", "release.yml@evil.yml"},
			map[string]any{"job_workflow_ref": path("release.yml@evil.yml@refs/tags/v1.0")},
		},
		{"no environment wanted, one there", []string{"environment", ""}, nil},
		{"no environment wanted, none there", []string{"environment", ""}, map[string]any{"environment": issuertest.Absent}},
		{"not pinned yet", []string{"owner_id", ""}, nil},
		{"a customised sub", nil, map[string]any{"sub": "anything:at:all"}},
		{"no sub", nil, map[string]any{"sub": issuertest.Absent}},
		{
			"claims nobody knows", nil,
			map[string]any{"repo_property_x": []any{1, map[string]any{"y": nil}}, "enterprise": "acme"},
		},
		{"a pull request of the repository itself", nil, map[string]any{"event_name": "pull_request"}},
		{"no nbf", nil, map[string]any{"nbf": issuertest.Absent}},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			b.project("widgets", "")
			b.add("widgets", c.fields...)
			if m := b.mint(c.claims); len(m.Projects) != 1 {
				t.Errorf("Exchange: projects %v, want widgets", m.Projects)
			}
		})
	}
}

// TestEveryMatchAdds: of several publishers of one workflow, each that fits adds its projects, the others nothing.
func TestEveryMatchAdds(t *testing.T) {
	b := newBench(t)
	for _, p := range []string{"any-env", "with-env", "staging", "test-flow", "pinned-elsewhere"} {
		b.project(p, "")
	}
	b.add("any-env", "environment", "")
	b.add("with-env")
	b.add("staging", "environment", "staging")
	b.add("test-flow", "workflow", "test.yml")
	b.add("pinned-elsewhere", "owner_id", "9")
	if diff := cmp.Diff([]string{"any-env", "with-env"}, b.mint(nil).Projects); diff != "" {
		t.Errorf("environment release: projects differ: %s", diff)
	}
	if diff := cmp.Diff([]string{"any-env"}, b.mint(map[string]any{"environment": "other"}).Projects); diff != "" {
		t.Errorf("environment other: projects differ: %s", diff)
	}
	if e := b.store.of("publisher.exchange"); len(e) != 3 || e[0].Subject == "" ||
		e[0].Detail["claims"].(map[string]any)["sha"] == nil {
		t.Errorf("entries of granted exchanges: %+v", e)
	}
}

// TestIssuerIsIdentity: the same claims from another configured issuer fit nothing.
func TestIssuerIsIdentity(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	ghes := issuertest.New(t, issuertest.Options{Plain: true})
	v, err := idtoken.New([]idtoken.Issuer{
		{Kind: "github", URL: b.issuer.URL, Audiences: []string{audience}},
		{Kind: "github", URL: ghes.URL, Audiences: []string{audience}},
	}, idtoken.Options{Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	r := newTrust(b.store, v, []*workload.Kind{workload.GitHub}, settings{rules: publishers.Options{Now: b.clock.Now}})
	_, err = r.Exchange(t.Context(), b.guest, access.Secret(ghes.Sign(ghes.Claims(audience, b.clock.Now(), nil))), upload)
	refuse(t, err, exchange.CodePublisher, "no project here trusts")
	_, err = r.Exchange(t.Context(), b.guest,
		access.Secret(ghes.Sign(ghes.Claims(audience, b.clock.Now(), map[string]any{"iss": b.issuer.URL}))), upload)
	refuse(t, err, exchange.CodeToken, "signature")
	// One jti at two issuers is two.
	for _, i := range []*issuertest.Issuer{b.issuer, ghes} {
		req := b.request("widgets")
		req.Issuer = i.URL
		if _, err := r.Add(t.Context(), b.operator, req); err != nil && !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		if _, err := r.Exchange(t.Context(), b.guest,
			access.Secret(i.Sign(i.Claims(audience, b.clock.Now(), map[string]any{"jti": "1"}))), upload); err != nil {
			t.Errorf("Exchange(token of %s) = %v", i.URL, err)
		}
	}
}

func TestNotEnabled(t *testing.T) {
	b := newBench(t)
	none, err := idtoken.New(nil, idtoken.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []exchange.Verifier{none, nil} {
		r := newTrust(b.store, v, nil, settings{rules: publishers.Options{Now: b.clock.Now}})
		_, err := r.Exchange(t.Context(), b.guest, b.token(nil), upload)
		refuse(t, err, exchange.CodeNotEnabled, "not enabled")
	}
	unknownKind := newTrust(b.store, b.verifier, nil, settings{rules: publishers.Options{Now: b.clock.Now}})
	_, err = unknownKind.Exchange(t.Context(), b.guest, b.token(nil), upload)
	refuse(t, err, exchange.CodeNotEnabled, `"github"`)
}
