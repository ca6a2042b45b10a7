package publishers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/dist"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
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
		if got := who.May(c.role, b.object(c.id)); got != c.want {
			t.Errorf("%s: May = %v, want %v", c.name, got, c.want)
		}
	}
	if who.MayCreate(b.object("")) || who.Admin() {
		t.Error("a minted token may make projects")
	}
	if !strings.Contains(who.Name(), "workflow release.yml in acme/widgets, environment release") || who.Claims()["repository_id"] != "777" {
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
		{"owner, repository and environment typed in other letters", []string{"owner", "Acme", "repository", "WIDGETS", "environment", "Release"}, nil},
		{"claims in other letters", nil, map[string]any{
			"repository": "Acme/Widgets", "repository_owner": "Acme", "environment": "RELEASE",
			"job_workflow_ref": "Acme/Widgets/.github/workflows/release.yml@refs/tags/v1.0",
		}},
		{"a workflow at the commit", nil, map[string]any{"job_workflow_ref": path("release.yml@0123456789abcdef0123456789abcdef01234567")}},
		{"a workflow at the commit, no ref", nil, map[string]any{"ref": "", "job_workflow_ref": path("release.yml@0123456789abcdef0123456789abcdef01234567")}},
		{"a tag that looks like a workflow", nil, map[string]any{"ref": "refs/tags/x@evil.yml", "job_workflow_ref": path("release.yml@refs/tags/x@evil.yml")}},
		{"a workflow that looks like a tag", []string{"workflow", "release.yml@evil.yml"}, map[string]any{"job_workflow_ref": path("release.yml@evil.yml@refs/tags/v1.0")}},
		{"no environment wanted, one there", []string{"environment", ""}, nil},
		{"no environment wanted, none there", []string{"environment", ""}, map[string]any{"environment": issuertest.Absent}},
		{"not pinned yet", []string{"owner_id", ""}, nil},
		{"a customised sub", nil, map[string]any{"sub": "anything:at:all"}},
		{"no sub", nil, map[string]any{"sub": issuertest.Absent}},
		{"claims nobody knows", nil, map[string]any{"repo_property_x": []any{1, map[string]any{"y": nil}}, "enterprise": "acme"}},
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

// TestReplay asks with one token at every second from before its expiry until long after: it works once.
func TestReplay(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	raw := b.token(nil)
	exp := b.clock.Now().Add(5 * time.Minute)
	b.clock.Set(exp.Add(-time.Second))
	won := 0
	for !b.clock.Now().After(exp.Add(publishers.Leeway + 60*time.Second)) {
		_, err := b.exchange(raw)
		late := !b.clock.Now().Before(exp.Add(publishers.Leeway))
		switch {
		case err == nil:
			won++
		case late:
			refuse(t, err, publishers.CodeToken, "expired")
		default:
			refuse(t, err, publishers.CodeReuse, "used before")
		}
		if err := b.registry.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.clock.Pass(time.Second)
	}
	if won != 1 {
		t.Errorf("one token was exchanged %d times", won)
	}
}

// TestMintRace sends one token 64 times at once, to two registries on one store as two replicas would.
func TestMintRace(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	replica := publishers.New(b.db.Publishers(), b.verifier, []publishers.Provider{publishers.GitHub{}}, publishers.Options{Now: b.clock.Now})
	won := race(64, func(i int) error {
		r := b.registry
		if i%2 == 1 {
			r = replica
		}
		_, err := r.Exchange(t.Context(), b.guest, b.tokenOnce())
		return err
	}, func(err error) { refuse(t, err, publishers.CodeReuse, "used before") })
	if won != 1 {
		t.Errorf("one token was exchanged %d times", won)
	}
}

// tokenOnce is the same token for every caller.
func (b *bench) tokenOnce() access.Secret {
	return access.Secret(b.issuer.Sign(b.issuer.Claims(audience, b.clock.Now(), map[string]any{"jti": "the one"})))
}

// race runs f n times at once and returns how many gave nil; lose judges the other errors.
func race(n int, f func(i int) error, lose func(error)) int {
	errs := make([]error, n)
	var start, done sync.WaitGroup
	start.Add(1)
	for i := range n {
		done.Go(func() { start.Wait(); errs[i] = f(i) })
	}
	start.Done()
	done.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
		} else {
			lose(err)
		}
	}
	return won
}

// TestFailedMatchKeepsToken: a refusal for want of a publisher does not use the token up.
func TestFailedMatchKeepsToken(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	raw := b.token(nil)
	_, err := b.exchange(raw)
	refuse(t, err, publishers.CodePublisher, `no project here trusts "acme/widgets"`)
	b.add("widgets", "environment", "staging")
	_, err = b.exchange(raw)
	refuse(t, err, publishers.CodePublisher, "environment")
	b.add("widgets")
	if _, err := b.exchange(raw); err != nil {
		t.Errorf("Exchange after the publisher was added = %v", err)
	}
	_, err = b.exchange(raw)
	refuse(t, err, publishers.CodeReuse, "used before")
}

// TestRefusalIsDiscreet: who sent the token reads which claim failed and what it said, the owner also what was expected.
func TestRefusalIsDiscreet(t *testing.T) {
	b := newBench(t)
	widgets := b.project("widgets", "")
	b.project("gadgets", "")
	b.add("widgets", "environment", "quiet-harbour")
	b.add("gadgets", "workflow", "secret-name.yml")
	_, err := b.exchange(b.token(nil))
	refuse(t, err, publishers.CodePublisher, `claim environment is "release"`)
	for _, secret := range []string{"quiet-harbour", "secret-name", "widgets,", "gadgets"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the refusal tells a stranger %q: %v", secret, err)
		}
	}
	entries := b.store.of("publisher.exchange")
	if len(entries) != 1 {
		t.Fatalf("%d entries, want one", len(entries))
	}
	e := entries[0]
	if e.Project != "widgets" || e.Repository == "" || widgets == "" {
		t.Errorf("the entry is in the history of %q, want that of the nearest publisher's project", e.Project)
	}
	if e.Detail["claim"] != "environment" || e.Detail["expected"] != `"quiet-harbour"` || e.Detail["got"] != `"release"` {
		t.Errorf("the entry says %v", e.Detail)
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
	if e := b.store.of("publisher.exchange"); len(e) != 3 || e[0].Subject == "" || e[0].Detail["claims"].(map[string]any)["sha"] == nil {
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
		{Kind: "github", URL: b.issuer.URL, Audience: audience}, {Kind: "github", URL: ghes.URL, Audience: audience},
	}, idtoken.Options{Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	r := publishers.New(b.store, v, []publishers.Provider{publishers.GitHub{}}, publishers.Options{Now: b.clock.Now})
	_, err = r.Exchange(t.Context(), b.guest, access.Secret(ghes.Sign(ghes.Claims(audience, b.clock.Now(), nil))))
	refuse(t, err, publishers.CodePublisher, "no project here trusts")
	_, err = r.Exchange(t.Context(), b.guest, access.Secret(ghes.Sign(ghes.Claims(audience, b.clock.Now(), map[string]any{"iss": b.issuer.URL}))))
	refuse(t, err, publishers.CodeToken, "signature")
	// One jti at two issuers is two.
	for _, i := range []*issuertest.Issuer{b.issuer, ghes} {
		req := b.request("widgets")
		req.Issuer = i.URL
		if _, err := r.Add(t.Context(), b.operator, req); err != nil && !fault.Is(err, fault.Conflict) {
			t.Fatal(err)
		}
		if _, err := r.Exchange(t.Context(), b.guest, access.Secret(i.Sign(i.Claims(audience, b.clock.Now(), map[string]any{"jti": "1"})))); err != nil {
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
	for _, v := range []publishers.Verifier{none, nil} {
		r := publishers.New(b.store, v, nil, publishers.Options{Now: b.clock.Now})
		_, err := r.Exchange(t.Context(), b.guest, b.token(nil))
		refuse(t, err, publishers.CodeNotEnabled, "not enabled")
	}
	unknownKind := publishers.New(b.store, b.verifier, nil, publishers.Options{Now: b.clock.Now})
	_, err = unknownKind.Exchange(t.Context(), b.guest, b.token(nil))
	refuse(t, err, publishers.CodeNotEnabled, `"github"`)
}

func TestDeadIssuerIsRecorded(t *testing.T) {
	b := newBench(t)
	b.issuer.Fail(issuertest.Keys, issuertest.Down)
	_, err := b.exchange(b.token(nil))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("Exchange = %v, want %v", err, fault.Unavailable)
	}
	if e := b.store.of("publisher.exchange"); len(e) != 1 || e[0].Detail["code"] != "unavailable" {
		t.Errorf("entries %+v", e)
	}
}

func TestLifetime(t *testing.T) {
	for _, c := range []struct{ set, want time.Duration }{
		{0, 900 * time.Second}, {-1, 900 * time.Second}, {time.Hour, time.Hour}, {48 * time.Hour, 6 * time.Hour},
	} {
		b := newBench(t, func(o *publishers.Options) { o.Lifetime = c.set })
		b.project("widgets", "")
		b.add("widgets")
		m := b.mint(nil)
		if got := m.Expires.Sub(b.clock.Now()); got != c.want {
			t.Errorf("Lifetime %v: expires after %v, want %v", c.set, got, c.want)
		}
		b.clock.Set(m.Expires.Add(-time.Second))
		b.identify(m.Token)
		b.clock.Set(m.Expires)
		if _, err := b.keyring().Identify(t.Context(), "__token__", m.Token); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("Lifetime %v: at its end the token gives %v", c.set, err)
		}
	}
}

// TestPin: the first accepted token decides whose account it is.
func TestPin(t *testing.T) {
	b := newBench(t)
	widgets := b.project("widgets", "")
	b.add("widgets", "owner_id", "")
	b.mint(nil)
	list, err := b.registry.List(t.Context(), b.operator, "widgets")
	if err != nil || len(list) != 1 || list[0].OwnerID != "4242" || !list[0].Pinned {
		t.Fatalf("List after the first token = %+v, %v", list, err)
	}
	_, err = b.exchange(b.token(map[string]any{"repository_owner_id": "666"}))
	refuse(t, err, publishers.CodePublisher, `repository_owner_id is "666"`)
	if !b.identify(b.mint(nil).Token).May(access.Uploader, b.object(widgets)) {
		t.Error("the pinned account may not upload")
	}
}

// TestPinRace: accounts race to be the first; one wins, for good.
func TestPinRace(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets", "owner_id", "")
	ids := []string{"1", "2", "3", "4", "5", "6", "7", "8"}
	won := race(len(ids), func(i int) error {
		_, err := b.exchange(b.token(map[string]any{"repository_owner_id": ids[i]}))
		return err
	}, func(err error) { refuse(t, err, publishers.CodePublisher, "valid token") })
	if won != 1 {
		t.Errorf("%d accounts were accepted, want one", won)
	}
}

// TestPinJoinsTwin: pinning a loose publisher that then says what a pinned one says leaves one, with both projects.
func TestPinJoinsTwin(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.project("gadgets", "")
	b.add("widgets")
	b.add("gadgets", "owner_id", "")
	for range 2 {
		if diff := cmp.Diff([]string{"gadgets", "widgets"}, b.mint(nil).Projects); diff != "" {
			t.Errorf("projects differ: %s", diff)
		}
	}
	list, err := b.registry.List(t.Context(), b.operator, "")
	if err != nil || len(list) != 2 || list[0].ID != list[1].ID || list[0].OwnerID != "4242" {
		t.Errorf("List = %+v, %v; want one pinned publisher of two projects", list, err)
	}
}

func TestPending(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.addPending(alice, "New.Thing", "owner_id", "")
	b.addPending(alice, "new-other")
	raw := b.token(nil)
	m, err := b.exchange(raw)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"new-other", "new-thing"}, m.Projects); diff != "" {
		t.Errorf("projects differ: %s", diff)
	}
	p := b.find("new_thing")
	if p.Display != "New.Thing" || !b.identify(m.Token).May(access.Uploader, p.Object()) {
		t.Errorf("project %+v, or its token may not upload", p)
	}
	alice = b.again("alice")
	if !alice.May(access.Owner, p.Object()) || bob.May(access.Uploader, p.Object()) {
		t.Error("the registrant does not own the project, or another does")
	}
	_, err = b.exchange(raw)
	refuse(t, err, publishers.CodeReuse, "used before")
	b.addPending(alice, "third")
	_, err = b.exchange(raw)
	refuse(t, err, publishers.CodeReuse, "used before")
	list, err := b.registry.List(t.Context(), alice, "new-thing")
	if err != nil || len(list) != 1 || list[0].Pending || list[0].OwnerID != "4242" {
		t.Errorf("List = %+v, %v; want one ordinary, pinned publisher", list, err)
	}
	if n := len(b.store.of("project.create")); n != 2 {
		t.Errorf("%d projects made, want 2", n)
	}
}

// find returns a project of main by name.
func (b *bench) find(name string) (p catalog.Project) {
	b.Helper()
	n, err := dist.ParseProjectName(name)
	if err != nil {
		b.Fatal(err)
	}
	err = b.store.View(b.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		p, err = tx.ProjectByName(b.Context(), repo.ID, n)
		return err
	})
	if err != nil {
		b.Fatalf("project %s: %v", name, err)
	}
	return p
}

// again is a user with what they were granted since.
func (b *bench) again(name string) access.Caller {
	b.Helper()
	d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
	_, secret, err := d.CreateToken(b.Context(), b.operator, access.NewAPIToken{User: name, Scope: access.ScopeAdmin, Description: "again"})
	if err != nil {
		b.Fatal(err)
	}
	return b.identify(secret)
}

// TestPendingNameTaken: the name came to exist, spelt otherwise, under somebody else. Nothing of it may change.
func TestPendingNameTaken(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.addPending(alice, "a.b")
	b.takeQuietly("A--B", bob.ID())
	before := b.find("a-b")
	m, err := b.exchange(b.token(nil))
	refuse(t, err, publishers.CodePendingPublisher, "exists already")
	if m.Token != "" {
		t.Error("a token was minted")
	}
	if diff := cmp.Diff(before, b.find("a-b"), cmp.Comparer(func(a, b dist.ProjectName) bool { return a == b })); diff != "" {
		t.Errorf("the taken project changed: %s", diff)
	}
	if b.again("alice").May(access.Uploader, before.Object()) {
		t.Error("the registrant of the pending publisher has a role")
	}
	_, err = b.exchange(b.token(nil))
	refuse(t, err, publishers.CodePublisher, "no project here trusts")
	if n := len(b.store.of("publisher.pending-taken")); n != 1 {
		t.Errorf("%d entries of the end of the pending publisher, want 1", n)
	}
}

// takeQuietly makes a project without ending others' pending publishers for it, as a race would.
func (b *bench) takeQuietly(name, owner string) {
	b.Helper()
	n, err := dist.ParseProjectName(name)
	if err != nil {
		b.Fatal(err)
	}
	err = b.store.Update(b.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(b.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		p := catalog.Project{ID: "taken", Repository: repo, Name: n, Display: name, Status: catalog.Active, CreatedAt: b.clock.Now()}
		if err := tx.InsertProject(b.Context(), p); err != nil {
			return err
		}
		return tx.PutGrant(b.Context(), access.Grant{UserID: owner, RepositoryID: repo.ID, ProjectID: p.ID, Role: access.Owner, CreatedAt: b.clock.Now()})
	})
	if err != nil {
		b.Fatal(err)
	}
}

// TestPendingTakenBesideOthers: a name that was taken does not stand in the way of what else fits.
func TestPendingTakenBesideOthers(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	b.addPending(b.user("alice"), "wanted")
	b.takeQuietly("wanted", b.user("bob").ID())
	if m := b.mint(nil); !slices.Equal(m.Projects, []string{"widgets"}) {
		t.Errorf("projects %v, want widgets alone", m.Projects)
	}
}

func TestPendingRace(t *testing.T) {
	b := newBench(t)
	b.addPending(b.user("alice"), "new-thing")
	won := race(16, func(int) error {
		_, err := b.exchange(b.token(nil))
		return err
	}, func(err error) { t.Errorf("Exchange = %v", err) })
	if n := len(b.store.of("project.create")); won != 16 || n != 1 {
		t.Errorf("%d of 16 tokens were exchanged, and %d projects made; want 16 and one", won, n)
	}
}

// TestTwoPendingForOneName: the older registration makes the project, the other ends.
func TestTwoPendingForOneName(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.addPending(alice, "new-thing", "environment", "")
	b.clock.Pass(time.Second)
	b.addPending(bob, "New_Thing")
	won := race(2, func(int) error {
		_, err := b.exchange(b.token(nil))
		return err
	}, func(err error) { t.Errorf("Exchange = %v", err) })
	p := b.find("new-thing")
	if won != 2 || !b.again("alice").May(access.Owner, p.Object()) || b.again("bob").May(access.Uploader, p.Object()) {
		t.Errorf("%d exchanged; alice owns: %v, bob may upload: %v", won, b.again("alice").May(access.Owner, p.Object()), b.again("bob").May(access.Uploader, p.Object()))
	}
	if list, err := b.registry.List(t.Context(), b.operator, ""); err != nil || len(list) != 1 {
		t.Errorf("List = %+v, %v; want one publisher, nothing pending", list, err)
	}
}

// TestPendingOfOneRegistrant: two rules of one person for one new name make one project with both.
func TestPendingOfOneRegistrant(t *testing.T) {
	b := newBench(t)
	alice := b.user("alice")
	b.addPending(alice, "new-thing", "environment", "")
	b.addPending(alice, "new-thing")
	b.mint(nil)
	if list, err := b.registry.List(t.Context(), b.again("alice"), "new-thing"); err != nil || len(list) != 2 || list[0].Pending || list[1].Pending {
		t.Errorf("List = %+v, %v; want two ordinary publishers", list, err)
	}
}

func TestPendingEnds(t *testing.T) {
	b := newBench(t)
	d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
	alice := b.user("alice")
	b.addPending(alice, "by-alice")
	if err := d.DisableUser(t.Context(), b.operator, "alice"); err != nil {
		t.Fatal(err)
	}
	_, err := b.exchange(b.token(nil))
	refuse(t, err, publishers.CodePublisher, "no active account")
	if err := d.EnableUser(t.Context(), b.operator, "alice"); err != nil {
		t.Fatal(err)
	}
	b.clock.Pass(publishers.DefaultPendingLifetime)
	_, err = b.exchange(b.token(nil))
	refuse(t, err, publishers.CodePublisher, "expired")
	b.clock.Pass(time.Second)
	if err := b.registry.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = b.exchange(b.token(nil))
	refuse(t, err, publishers.CodePublisher, "no project here trusts")
	if n := len(b.store.of("publisher.pending-expired")); n != 1 {
		t.Errorf("%d entries of expiry, want 1", n)
	}
}

// TestMintedTokenEnds: by removal of its publisher, by burning, and not by attaching more.
func TestMintedTokenEnds(t *testing.T) {
	b := newBench(t)
	widgets, gadgets := b.project("widgets", ""), b.project("gadgets", "")
	a := b.add("widgets")
	m := b.mint(nil)
	keyring := b.keyring()
	may := func(id string) bool {
		who, err := keyring.Identify(t.Context(), "__token__", m.Token)
		if err != nil {
			t.Fatal(err)
		}
		return who.May(access.Uploader, b.object(id))
	}
	if !may(widgets) {
		t.Fatal("a fresh token may not upload")
	}
	b.add("gadgets")
	if may(gadgets) {
		t.Error("a project that was attached after minting is covered")
	}
	if err := b.registry.RemoveFrom(t.Context(), b.operator, a.ID, "", "widgets"); err != nil {
		t.Fatal(err)
	}
	if may(widgets) {
		t.Error("the token outlives its publisher")
	}
	b.add("widgets", "environment", "")
	if may(widgets) {
		t.Error("another publisher revives the token")
	}
}

func TestBurn(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	m, other := b.mint(nil), b.mint(nil)
	d := access.NewDirectory(b.db.Access(), access.DirectoryOptions{Now: b.clock.Now})
	b.user("alice")
	_, personal, err := d.CreateToken(t.Context(), b.operator, access.NewAPIToken{User: "alice", Scope: access.ScopeUpload, Description: "laptop"})
	if err != nil {
		t.Fatal(err)
	}
	keyring := b.keyring()
	if _, err := keyring.Identify(t.Context(), "__token__", m.Token); err != nil {
		t.Fatal(err)
	}
	for _, s := range []access.Secret{m.Token, m.Token, "", "garbage", access.NewToken(), personal, b.token(nil)} {
		if err := b.registry.Burn(t.Context(), b.guest, s); err != nil {
			t.Errorf("Burn = %v, want nil whatever came", err)
		}
	}
	if _, err := keyring.Identify(t.Context(), "__token__", m.Token); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a burnt token gives %v", err)
	}
	for _, s := range []access.Secret{other.Token, personal} {
		if _, err := keyring.Identify(t.Context(), "__token__", s); err != nil {
			t.Errorf("a token that nobody burnt gives %v", err)
		}
	}
	if n := len(b.store.of("token.burn")); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
}

// failing is a store whose updates fail from the nth on.
type failing struct {
	publishers.Store
	left int
}

func (f *failing) Update(ctx context.Context, g func(publishers.Tx) error) error {
	if f.left--; f.left < 0 {
		return errors.New("disk full")
	}
	return f.Store.Update(ctx, g)
}

// TestRecordMustBeKept: a refusal that cannot be recorded is an internal error, not a refusal.
func TestRecordMustBeKept(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	for left := range 2 {
		r := publishers.New(&failing{b.store, left}, b.verifier, []publishers.Provider{publishers.GitHub{}}, publishers.Options{Now: b.clock.Now})
		_, err := r.Exchange(t.Context(), b.guest, b.token(map[string]any{"environment": "no"}))
		if err == nil || fault.KindOf(err) != fault.Internal {
			t.Errorf("Exchange with %d updates = %v (%v), want an internal error", left, err, fault.KindOf(err))
		}
	}
	for _, e := range b.store.of("publisher.exchange") {
		if e.Outcome == audit.Refused {
			t.Errorf("entry %+v", e)
		}
	}
}

// TestClaimsAreBounded: what is kept of claims stays small whatever an issuer signs.
func TestClaimsAreBounded(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets")
	over := map[string]any{"long": strings.Repeat("é", 1000), "deep": []any{map[string]any{"a": strings.Repeat("x", 900)}}, "1e400": 1}
	for i := range 80 {
		over["claim"+strings.Repeat("n", i)] = i
	}
	b.mint(over)
	kept := b.store.of("publisher.exchange")[0].Detail["claims"].(map[string]any)
	if n := len(asJSON(kept)); len(kept) > 65 || n > 20_000 {
		t.Errorf("%d claims of %d bytes were kept", len(kept), n)
	}
}
