package publishers_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/workload"
)

// readRequest asks for a reader that fits the issuer's ordinary claims.
func (b *bench) readRequest(projects []string, over ...string) publishers.ReaderRequest {
	return publishers.ReaderRequest{Provider: "github", Issuer: b.issuer.URL, Projects: projects, Fields: fields(over...)}
}

func (b *bench) addReader(projects []string, over ...string) publishers.ListedReader {
	b.Helper()
	l, err := b.registry.AddReader(b.Context(), b.operator, b.readRequest(projects, over...))
	if err != nil {
		b.Fatalf("AddReader(%v, %v) = %v", projects, over, err)
	}
	return l
}

func (b *bench) exchangeRead(raw access.Secret) (exchange.Minted, error) {
	return b.registry.Exchange(b.Context(), b.guest, raw, read)
}

func (b *bench) mintRead(over map[string]any) exchange.Minted {
	b.Helper()
	m, err := b.exchangeRead(b.token(over))
	if err != nil {
		b.Fatalf("Exchange(read, claims with %v) = %v", over, err)
	}
	return m
}

// sees wants exactly what a caller may read of main; it may do nothing else.
func (b *bench) sees(who access.Caller, whole bool, projects ...string) {
	b.Helper()
	for _, id := range []string{"", "project-widgets", "project-gadgets", "project-others"} {
		want := whole
		for _, p := range projects {
			want = want || id == "project-"+p
		}
		if got := who.May(access.Reader, b.object(id)); got != want {
			b.Errorf("May(reader, %q) = %v, want %v", id, got, want)
		}
		for role := access.Uploader; role <= access.Owner; role++ {
			if who.May(role, b.object(id)) {
				b.Errorf("a read token may act on %q as %v", id, role)
			}
		}
	}
	if who.Uploads() || who.Admin() || who.MayCreate(b.object("")) {
		b.Error("a read token uploads, administers or makes projects")
	}
}

// reading is a bench with three projects.
func reading(t *testing.T) *bench {
	b := newBench(t)
	for _, p := range []string{"widgets", "gadgets", "others"} {
		b.project(p, "")
	}
	return b
}

func TestExchangeRead(t *testing.T) {
	for _, c := range []struct {
		name     string
		projects []string
		whole    bool
	}{
		{"the whole repository", nil, true},
		{"a project", []string{"widgets"}, false},
		{"projects", []string{"Gadgets", "widgets", "widgets"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := reading(t)
			b.addReader(c.projects)
			m := b.mintRead(nil)
			if want := b.clock.Now().Add(15 * time.Minute); !m.Expires.Equal(want) {
				t.Errorf("Exchange(read): expires %v, want %v", m.Expires, want)
			}
			who := b.identify(m.Token)
			b.sees(who, c.whole, m.Projects...)
			if len(m.Repositories) == 1 != c.whole || len(m.Projects) == 0 != c.whole {
				t.Errorf("Exchange(read): repositories %v, projects %v", m.Repositories, m.Projects)
			}
			if who.Kind() != access.KindReader || !strings.Contains(who.Name(), "acme/widgets") ||
				who.Claims()["repository_id"] != "777" {
				t.Errorf("caller: %v %q %v", who.Kind(), who.Name(), who.Claims())
			}
			b.clock.Pass(15 * time.Minute)
			if _, err := b.keyring().Identify(t.Context(), "__token__", m.Token); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("Identify after 15 minutes = %v", err)
			}
		})
	}
}

// TestEveryReaderAdds: each reader that fits adds what it names; others, and publishers of the same workload, nothing.
func TestEveryReaderAdds(t *testing.T) {
	b := reading(t)
	b.add("others")
	b.addReader([]string{"widgets"}, "environment", "")
	b.addReader([]string{"gadgets"})
	b.addReader([]string{"others"}, "environment", "staging")
	b.addReader([]string{"others"}, "owner_id", "9")
	b.addReader(nil, "workflow", "test.yml")
	m := b.mintRead(nil)
	if diff := cmp.Diff([]string{"gadgets", "widgets"}, m.Projects); diff != "" || len(m.Repositories) != 0 {
		t.Errorf("Exchange(read): repositories %v, projects %s", m.Repositories, diff)
	}
	b.sees(b.identify(m.Token), false, "widgets", "gadgets")
}

// TestScopesApart: a publisher, pending or not, gives no read token and a reader no upload token, by every door, and a
// door that does not exist gives nothing. A refused attempt leaves the identity token good for the right door.
func TestScopesApart(t *testing.T) {
	rules := map[string]struct {
		add   func(b *bench)
		gives []exchange.Want
		role  access.Role // on the project widgets, at most
	}{
		"publisher": {
			func(b *bench) { b.project("widgets", ""); b.add("widgets") }, []exchange.Want{upload, once}, access.Uploader,
		},
		"pending": {
			func(b *bench) { b.addPending(b.user("alice"), "widgets") }, []exchange.Want{upload, once}, access.Uploader,
		},
		"reader": {func(b *bench) { b.project("widgets", ""); b.addReader(nil) }, []exchange.Want{read}, access.Reader},
		"reader of a project": {
			func(b *bench) { b.project("widgets", ""); b.addReader([]string{"widgets"}) }, []exchange.Want{read}, access.Reader,
		},
	}
	doors := []exchange.Want{
		upload, once, read,
		{},
		{Single: true},
		{Scope: access.ScopeAdmin},
		{Scope: access.ScopeAdmin, Single: true},
		{Scope: 99},
		{Scope: access.ScopeRead, Single: true},
	}
	for name, rule := range rules {
		for _, good := range rule.gives {
			t.Run(fmt.Sprint(name, good), func(t *testing.T) {
				b := newBench(t)
				rule.add(b)
				raw := b.token(nil)
				for _, want := range doors {
					if slices.Contains(rule.gives, want) {
						continue
					}
					m, err := b.registry.Exchange(t.Context(), b.guest, raw, want)
					if !fault.Is(err, fault.Invalid) || m.Token != "" {
						t.Errorf("Exchange(%+v) = %v, %v, want a refusal", want, m, err)
					}
				}
				m, err := b.registry.Exchange(t.Context(), b.guest, raw, good)
				if err != nil {
					t.Fatalf("Exchange(%+v) = %v", good, err)
				}
				who, o := b.identify(m.Token), b.object(b.find("widgets").ID)
				if !who.May(access.Reader, o) || who.May(access.Uploader, o) != (rule.role == access.Uploader) ||
					who.May(access.Owner, o) || who.SingleUse() != good.Single {
					t.Errorf("the token of a %s: %+v", name, who)
				}
				if who.Uploads() != (good.Scope == access.ScopeUpload) || who.Admin() || who.MayCreate(b.object("")) {
					t.Errorf("the token of a %s uploads, administers or creates projects: %+v", name, who)
				}
			})
		}
	}
}

// TestBothRulesOfOneWorkload: a workload that has a publisher and a reader gets by each door what that rule gives
// alone.
func TestBothRulesOfOneWorkload(t *testing.T) {
	b := reading(t)
	b.add("widgets")
	b.addReader([]string{"gadgets"})
	up, down := b.mint(nil), b.mintRead(nil)
	if !slices.Equal(up.Projects, []string{"widgets"}) || len(up.Repositories) > 0 ||
		!slices.Equal(down.Projects, []string{"gadgets"}) || len(down.Repositories) > 0 {
		t.Errorf("upload %+v, read %+v", up, down)
	}
	b.sees(b.identify(down.Token), false, "gadgets")
	if who := b.identify(up.Token); who.May(access.Reader, b.object("project-gadgets")) ||
		!who.May(access.Uploader, b.object("project-widgets")) {
		t.Errorf("the upload token: %+v", who)
	}
}

// TestReadTokenOnce: a token id counts once, whichever of the two exchanges comes first.
func TestReadTokenOnce(t *testing.T) {
	b := reading(t)
	b.add("widgets")
	b.addReader(nil)
	first, second := b.token(nil), b.token(nil)
	if _, err := b.exchangeRead(first); err != nil {
		t.Fatal(err)
	}
	if _, err := b.exchange(second); err != nil {
		t.Fatal(err)
	}
	for _, raw := range []access.Secret{first, second} {
		_, err := b.exchangeRead(raw)
		refuse(t, err, exchange.CodeReuse, "used before")
		_, err = b.exchange(raw)
		refuse(t, err, exchange.CodeReuse, "used before")
	}
}

// TestReadRace sends one token 32 times at once to two registries that share nothing but the database, half of them for
// uploading: one wins.
func TestReadRace(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		b.add("widgets")
		b.addReader(nil)
		replicas := b.replicas()
		won := race(32, func(i int) error {
			if i%4 < 2 {
				_, err := replicas[i%2].Exchange(t.Context(), b.guest, b.tokenOnce(), upload)
				return err
			}
			_, err := replicas[i%2].Exchange(t.Context(), b.guest, b.tokenOnce(), read)
			return err
		}, func(err error) { refuse(t, err, exchange.CodeReuse, "used before") })
		if won != 1 {
			t.Errorf("one token was exchanged %d times", won)
		}
	})
}

func TestExchangeReadRefuses(t *testing.T) {
	for _, c := range []struct {
		name       string
		claims     map[string]any
		code, word string
	}{
		{
			"another repository",
			map[string]any{"repository": "acme/gears"},
			exchange.CodePublisher,
			`nothing here lets "acme/gears" read`,
		},
		{"another owner's id", map[string]any{"repository_owner_id": "9"}, exchange.CodePublisher, "repository_owner_id"},
		{
			"another workflow",
			map[string]any{"job_workflow_ref": path("evil.yml@refs/tags/v1.0")},
			exchange.CodePublisher,
			"job_workflow_ref",
		},
		{
			"another environment",
			map[string]any{"environment": "staging"},
			exchange.CodePublisher,
			`claim environment is "staging", which the nearest reader does not accept`,
		},
		{"no environment", map[string]any{"environment": issuertest.Absent}, exchange.CodePublisher, "environment"},
		{
			"a stranger's pull request",
			map[string]any{"event_name": "pull_request_target"},
			exchange.CodePublisher,
			"event_name",
		},
		{"no id", map[string]any{"jti": issuertest.Absent}, exchange.CodeToken, "jti"},
		{"another audience", map[string]any{"aud": "elsewhere"}, exchange.CodeToken, "audience"},
		{"over", map[string]any{"exp": 1}, exchange.CodeToken, "expired"},
		{"another issuer", map[string]any{"iss": "https://evil.example"}, exchange.CodePayload, "issuer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := reading(t)
			b.addReader([]string{"widgets"})
			m, err := b.exchangeRead(b.token(c.claims))
			refuse(t, err, c.code, c.word)
			if m.Token != "" || strings.Contains(err.Error(), "expected") || strings.Contains(err.Error(), `"release"`) {
				t.Errorf("a refusal gives a token, or tells what was expected: %v", err)
			}
			e := b.store.of("publisher.exchange")
			if c.code == exchange.CodePayload || c.word == "audience" || c.word == "expired" { // not verified, so anybody's
				if len(e) != 0 || b.registry.Unverified() != 1 {
					t.Errorf("the record of it: %+v, and %d counted", e, b.registry.Unverified())
				}
				return
			}
			if len(e) != 1 || e[0].Outcome != audit.Refused || e[0].Detail["scope"] != "read" || e[0].Detail["code"] != c.code {
				t.Errorf("the record of it: %+v", e)
			}
		})
	}
}

// TestReadRefusalTellsItsOwners: the nearest reader's place learns what was expected, and another's nothing.
func TestReadRefusalTellsItsOwners(t *testing.T) {
	b := reading(t)
	near := b.addReader([]string{"widgets"})
	b.addReader([]string{"others"}, "owner_id", "9")
	_, err := b.exchangeRead(b.token(map[string]any{"environment": "staging"}))
	refuse(t, err, exchange.CodePublisher, "environment")
	e := b.store.of("publisher.exchange")
	if len(e) != 1 || e[0].Project != "widgets" || e[0].Subject != near.ID || e[0].Detail["expected"] != `"release"` ||
		e[0].Detail["got"] != `"staging"` {
		t.Errorf("the record of a refusal: %+v", e)
	}
}

func TestReadIssuerIsIdentity(t *testing.T) {
	b := reading(t)
	b.addReader(nil)
	ghes := issuertest.New(t, issuertest.Options{Plain: true})
	v, err := idtoken.New([]idtoken.Issuer{
		{Kind: "github", URL: b.issuer.URL, Audiences: []string{audience}},
		{Kind: "github", URL: ghes.URL, Audiences: []string{audience}},
	}, idtoken.Options{Now: b.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	r := newTrust(b.store, v, []*workload.Kind{workload.GitHub}, settings{rules: publishers.Options{Now: b.clock.Now}})
	_, err = r.Exchange(t.Context(), b.guest, access.Secret(ghes.Sign(ghes.Claims(audience, b.clock.Now(), nil))), read)
	refuse(t, err, exchange.CodePublisher, "nothing here lets")
}

// TestReaderEndsItsTokens: in every process, from the next request on, and only what it gave.
func TestReaderEndsItsTokens(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		for _, p := range []string{"widgets", "gadgets", "others"} {
			b.project(p, "")
		}
		one, two := b.addReader([]string{"widgets"}), b.addReader([]string{"gadgets"}, "environment", "")
		m := b.mintRead(nil)
		here := b.keyring()
		there := access.NewKeyring(b.open().Access(), access.KeyringOptions{Now: b.clock.Now})
		for _, step := range []struct {
			remove string
			left   []string
		}{{"", []string{"widgets", "gadgets"}}, {one.ID, []string{"gadgets"}}, {two.ID, nil}} {
			if step.remove != "" {
				if err := b.registry.RemoveReader(t.Context(), b.operator, step.remove); err != nil {
					t.Fatal(err)
				}
			}
			for _, k := range []*access.Keyring{here, there} {
				who, err := k.Identify(t.Context(), "__token__", m.Token)
				if err != nil {
					t.Fatal(err)
				}
				b.sees(who, false, step.left...)
			}
		}
		if err := b.registry.RemoveReader(t.Context(), b.operator, two.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("RemoveReader(twice) = %v", err)
		}
	})
}

func TestBurnReadToken(t *testing.T) {
	b := reading(t)
	b.addReader(nil)
	m := b.mintRead(nil)
	if err := b.registry.Burn(t.Context(), b.guest, m.Token); err != nil {
		t.Fatal(err)
	}
	if _, err := b.keyring().Identify(t.Context(), "__token__", m.Token); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("Identify(burnt) = %v", err)
	}
}

// TestReaderPins: the first account counts, also of two at once.
func TestReaderPins(t *testing.T) {
	b := reading(t)
	b.addReader(nil, "owner_id", "")
	b.mintRead(nil)
	_, err := b.exchangeRead(b.token(map[string]any{"repository_owner_id": "9"}))
	refuse(t, err, exchange.CodePublisher, "repository_owner_id")
	list, err := b.registry.Readers(t.Context(), b.operator)
	if err != nil || len(list) != 1 || list[0].OwnerID != "4242" || len(b.store.of("reader.pin")) != 1 {
		t.Errorf("Readers after the first token = %+v, %v", list, err)
	}
	b = reading(t)
	b.addReader(nil, "owner_id", "")
	var mu sync.Mutex
	won := map[int]int{}
	race(8, func(i int) error {
		_, err := b.exchangeRead(b.token(map[string]any{"repository_owner_id": []string{"4242", "9"}[i%2]}))
		if err == nil {
			mu.Lock()
			won[i%2]++
			mu.Unlock()
		}
		return err
	}, func(err error) { refuse(t, err, exchange.CodePublisher, "") })
	if len(won) != 1 || won[0]+won[1] != 4 {
		t.Errorf("of two accounts at once %v exchanges were granted, want 4 of one", won)
	}
}

// TestReaderRights: strangers get the answer for what does not exist, and change nothing.
func TestReaderRights(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.project("widgets", alice.ID())
	b.project("gadgets", bob.ID())
	alice, bob = b.renewed(alice), b.renewed(bob)
	for _, c := range []struct {
		name     string
		who      access.Caller
		projects []string
		want     fault.Kind
	}{
		{"nobody", b.guest, []string{"widgets"}, fault.Unauthenticated},
		{"nobody, a project that is not there", b.guest, []string{"nothing"}, fault.Unauthenticated},
		{"a stranger", bob, []string{"widgets"}, fault.NotFound},
		{"one's own and a stranger's", alice, []string{"widgets", "gadgets"}, fault.NotFound},
		{"a project that is not there", alice, []string{"nothing"}, fault.NotFound},
		{"the repository of others", alice, nil, fault.NotFound},
		{"a bad name", alice, []string{"-"}, fault.Invalid},
		{"too many", alice, make([]string, 501), fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := b.registry.AddReader(t.Context(), c.who, b.readRequest(c.projects))
			if !fault.Is(err, c.want) {
				t.Errorf("%s: AddReader = %v, want %v", c.name, err, c.want)
			}
		})
	}
	hers, err := b.registry.AddReader(t.Context(), alice, b.readRequest([]string{"widgets"}))
	if err != nil {
		t.Fatal(err)
	}
	whole := b.addReader(nil)
	for name, who := range map[string]access.Caller{"bob": bob, "a read token": b.identify(b.mintRead(nil).Token)} {
		t.Run(name, func(t *testing.T) {
			for _, id := range []string{hers.ID, whole.ID, "", "nothing"} {
				if err := b.registry.RemoveReader(t.Context(), who, id); !fault.Is(err, fault.NotFound) {
					t.Errorf("%s: RemoveReader(%q) = %v, want not found", name, id, err)
				}
			}
			if list, err := b.registry.Readers(t.Context(), who); err != nil || len(list) != 0 {
				t.Errorf("%s: Readers = %v, %v, want none", name, list, err)
			}
		})
	}
	if err := b.registry.RemoveReader(t.Context(), b.guest, hers.ID); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody: RemoveReader = %v", err)
	}
	if _, err := b.registry.Readers(t.Context(), b.guest); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody: Readers = %v", err)
	}
	if list, _ := b.registry.Readers(t.Context(), b.operator); len(list) != 2 {
		t.Errorf("the operator: Readers = %+v, want both", list)
	}
	if err := b.registry.RemoveReader(t.Context(), alice, whole.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("alice: RemoveReader(of the repository) = %v", err)
	}
	if err := b.registry.RemoveReader(t.Context(), alice, hers.ID); err != nil {
		t.Errorf("alice: RemoveReader(hers) = %v", err)
	}
}

// renewed is a user with the grants that were made since.
func (b *bench) renewed(who access.Caller) access.Caller {
	b.Helper()
	err := b.store.View(b.Context(), func(tx publishers.Tx) error {
		grants, err := tx.GrantsOf(b.Context(), who.ID())
		who = who.Renewed(grants)
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return who
}

func TestAddReaderRefuses(t *testing.T) {
	b := reading(t)
	b.addReader(nil)
	for _, c := range []struct {
		name string
		req  publishers.ReaderRequest
		want fault.Kind
	}{
		{"there already", b.readRequest(nil), fault.Conflict},
		{"there already, pinned", b.readRequest(nil, "owner_id", ""), fault.Conflict},
		{"a field that is none", b.readRequest(nil, "colour", "red"), fault.Invalid},
		{"a field that is wrong", b.readRequest(nil, "workflow", "a/b.yml"), fault.Invalid},
		{"a kind that is none", publishers.ReaderRequest{Provider: "teletype", Fields: fields()}, fault.Invalid},
		{
			"a repository that is none",
			publishers.ReaderRequest{Provider: "github", Repository: "nowhere", Fields: fields()},
			fault.NotFound,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := b.registry.AddReader(t.Context(), b.operator, c.req); !fault.Is(err, c.want) {
				t.Errorf("%s: AddReader = %v, want %v", c.name, err, c.want)
			}
		})
	}
	won := race(8, func(int) error {
		_, err := b.registry.AddReader(t.Context(), b.operator, b.readRequest([]string{"widgets"}))
		return err
	}, func(err error) {
		if !fault.Is(err, fault.Conflict) {
			t.Errorf("AddReader at once = %v, want conflict", err)
		}
	})
	if won != 1 {
		t.Errorf("%d of 8 who added one reader at once were the first", won)
	}
}

// TestReaderOfDeletedProject: a reader that loses its last project is gone, and its tokens see nothing, also of a
// project that takes the name.
func TestReaderOfDeletedProject(t *testing.T) {
	b := reading(t)
	b.addReader([]string{"widgets"})
	token := b.mintRead(nil).Token
	err := b.store.Update(t.Context(), func(tx publishers.Tx) error {
		if err := tx.DeleteProject(t.Context(), "project-widgets"); err != nil {
			return err
		}
		_, err := tx.NextSerial(t.Context())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	b.project("widgets", "")
	b.sees(b.identify(token), false)
	_, err = b.exchangeRead(b.token(nil))
	refuse(t, err, exchange.CodePublisher, "nothing here lets")
}

// TestReadOfOtherRepository: a reader of one repository sees nothing of another.
func TestReadOfOtherRepository(t *testing.T) {
	b := reading(t)
	tools := catalog.Repository{ID: "tools-id", Name: "tools", CreatedAt: b.clock.Now()}
	if err := b.store.Update(t.Context(),
		func(tx publishers.Tx) error { return tx.InsertRepository(t.Context(), tools) }); err != nil {
		t.Fatal(err)
	}
	req := b.readRequest(nil)
	req.Repository = "tools"
	if _, err := b.registry.AddReader(t.Context(), b.operator, req); err != nil {
		t.Fatal(err)
	}
	m := b.mintRead(nil)
	who := b.identify(m.Token)
	b.sees(who, false)
	if !who.May(access.Reader, tools.Object()) || m.Repositories[0] != "tools" {
		t.Errorf("a reader of tools does not see it, or is told of %v", m.Repositories)
	}
}
