package publishers_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
)

func TestAdd(t *testing.T) {
	b := newBench(t)
	alice := b.user("alice")
	b.project("widgets", alice.ID())
	alice = b.again("alice")
	a := b.addRequest(alice, b.request("Widgets"))
	if a.Pending || a.Project != "widgets" || a.OwnerID != "4242" || a.Warning != "" ||
		!strings.Contains(a.String(), "pinned to owner id 4242") {
		t.Errorf("Add = %+v, %s", a, a)
	}
	list, err := b.registry.List(t.Context(), alice, "widgets")
	if err != nil || len(list) != 1 || list[0].ID != a.ID || list[0].Issuer != b.issuer.URL {
		t.Errorf("List = %+v, %v", list, err)
	}
	e := b.store.of("publisher.add")
	if len(e) != 1 || e[0].Actor.ID != alice.ID() || e[0].Project != "widgets" || e[0].Subject != a.ID {
		t.Errorf("entries %+v", e)
	}
}

// TestAddRefuses: nothing is added and nothing is told to who may not know.
func TestAddRefuses(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.project("widgets", alice.ID())
	alice = b.again("alice")
	b.addRequest(alice, b.request("widgets"))
	b.addPending(bob, "planned")
	minted := b.identify(b.mint(nil).Token) // widgets and planned
	change := func(f func(*publishers.AddRequest)) publishers.AddRequest {
		r := b.request("widgets", "environment", "other")
		f(&r)
		return r
	}
	same := func(*publishers.AddRequest) {}
	for _, c := range []struct {
		name string
		who  access.Caller
		req  publishers.AddRequest
		kind fault.Kind
		word string
	}{
		{"nobody", b.guest, change(same), fault.Unauthenticated, "token is needed"},
		{"the zero caller", access.Caller{}, change(same), fault.Unauthenticated, "token is needed"},
		{"another user", bob, change(same), fault.NotFound, "no project widgets"},
		{
			"another user, a project that is not there", bob, change(func(r *publishers.AddRequest) { r.Project = "nothing" }),
			fault.NotFound, "no project nothing",
		},
		{"a minted token", minted, change(same), fault.NotFound, "no project widgets"},
		{
			"a minted token, pending", minted, change(func(r *publishers.AddRequest) { r.Pending, r.Project = true, "new" }),
			fault.NotFound, "create projects",
		},
		{"the same again", alice, b.request("widgets"), fault.Conflict, "already registered"},
		{"the same, not pinned", alice, b.request("widgets", "owner_id", ""), fault.Conflict, "already registered"},
		{
			"another repository", alice, change(func(r *publishers.AddRequest) { r.Repository = "other" }), fault.NotFound,
			"no project",
		},
		{
			"no such kind", alice, change(func(r *publishers.AddRequest) { r.Provider = "gitlob" }), fault.Invalid,
			"choose github",
		},
		{"a name that cannot be", alice, change(func(r *publishers.AddRequest) { r.Project = "../x" }), fault.Invalid, ""},
		{"a field that cannot be", alice, b.request("widgets", "workflow", "x/y.yml"), fault.Invalid, "workflow"},
		{
			"pending for what exists", alice, change(func(r *publishers.AddRequest) { r.Pending = true }), fault.Conflict,
			"exists already",
		},
		{
			"pending for somebody else", alice,
			change(func(r *publishers.AddRequest) { r.Pending, r.Project, r.User = true, "new", "bob" }), fault.Denied,
			"administrator",
		},
		{
			"pending for nobody known", b.operator,
			change(func(r *publishers.AddRequest) { r.Pending, r.Project, r.User = true, "new", "carol" }), fault.Invalid,
			"no active user",
		},
		{
			"pending in a repository that is not there", alice,
			change(func(r *publishers.AddRequest) { r.Pending, r.Project, r.Repository = true, "new", "x" }), fault.NotFound,
			"no repository",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := len(b.store.of("publisher.add")) + len(b.store.of("publisher.add-pending"))
			a, err := b.registry.Add(t.Context(), c.who, c.req)
			if !fault.Is(err, c.kind) || !strings.Contains(err.Error(), c.word) {
				t.Errorf("%s: Add = %+v, %v (%v); want %v with %q", c.name, a, err, fault.KindOf(err), c.kind, c.word)
			}
			if after := len(b.store.of("publisher.add")) + len(b.store.of("publisher.add-pending")); after != before {
				t.Errorf("%s: %d entries of something added", c.name, after-before)
			}
		})
	}
}

// TestAddPendingTwice: once for each project; the same workflow may be pending for several.
func TestAddPendingTwice(t *testing.T) {
	b := newBench(t)
	alice := b.user("alice")
	b.addPending(alice, "one")
	b.addPending(alice, "two")
	req := b.request("ONE")
	req.Pending = true
	if _, err := b.registry.Add(t.Context(), alice, req); !fault.Is(err, fault.Conflict) {
		t.Errorf("Add(the same pending again) = %v, want %v", err, fault.Conflict)
	}
}

// TestAddPinsALooseOne: a pinned rule replaces the same one that was not pinned yet.
func TestAddPinsALooseOne(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	b.add("widgets", "owner_id", "")
	b.add("widgets", "owner_id", "9")
	list, err := b.registry.List(t.Context(), b.operator, "widgets")
	if err != nil || len(list) != 1 || list[0].OwnerID != "9" {
		t.Errorf("List = %+v, %v; want the pinned one alone", list, err)
	}
	_, err = b.exchange(b.token(nil))
	refuse(t, err, exchange.CodePublisher, `repository_owner_id is "4242"`)
}

// TestOwnerID: what the issuer's API says about the account when a publisher is added.
func TestOwnerID(t *testing.T) {
	for _, c := range []struct {
		name    string
		id      string
		err     error
		kind    fault.Kind
		warning string
	}{
		{"known", "4242", nil, fault.Internal, ""},
		{"no such account", "", fault.New(fault.NotFound, "GitHub has no account"), fault.Invalid, ""},
		{"unreachable", "", fault.New(fault.Unavailable, "cannot be reached"), fault.Internal, "cannot be reached"},
		{"says nothing", "", nil, fault.Internal, "could not be looked up"},
		{"broken", "", errors.New("boom"), fault.Internal, "first accepted token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			b := newBench(t, func(o *settings) {
				o.rules.OwnerID = func(_ context.Context, provider, _, owner string) (string, error) { asked++; return c.id, c.err }
			})
			b.project("widgets", "")
			a, err := b.registry.Add(t.Context(), b.operator, b.request("widgets", "owner_id", ""))
			if c.kind != fault.Internal {
				if !fault.Is(err, c.kind) {
					t.Errorf("%s: Add = %v, want %v", c.name, err, c.kind)
				}
				return
			}
			if err != nil || a.OwnerID != c.id || !strings.Contains(a.Warning, c.warning) || (a.Warning == "") != (c.id != "") {
				t.Errorf("%s: Add = %+v, %v", c.name, a, err)
			}
			if _, err := b.registry.Add(t.Context(), b.user("bob"), b.request("widgets", "owner_id", "")); err == nil ||
				asked != 1 {
				t.Errorf("%s: the API was asked %d times, also for who may not add", c.name, asked)
			}
		})
	}
}

// TestListShowsOnesOwn: a person sees what they own and registered, an administrator all.
func TestListShowsOnesOwn(t *testing.T) {
	b := newBench(t)
	alice, bob := b.user("alice"), b.user("bob")
	b.project("widgets", alice.ID())
	alice = b.again("alice")
	b.add("widgets")
	b.addPending(bob, "planned")
	for _, c := range []struct {
		name, project string
		who           access.Caller
		want          int
		kind          fault.Kind
	}{
		{"owner, all", "", alice, 1, 0},
		{"registrant, all", "", bob, 1, 0},
		{"operator, all", "", b.operator, 2, 0},
		{"owner, the project", "Widgets", alice, 1, 0},
		{"another, the project", "widgets", bob, 0, fault.NotFound},
		{"another, what is not there", "nothing", bob, 0, fault.NotFound},
		{"registrant, the plan", "planned", bob, 1, 0},
		{"another, the plan", "planned", alice, 0, fault.NotFound},
		{"nobody", "", b.guest, 0, fault.Unauthenticated},
		{"a name that cannot be", "-", alice, 0, fault.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, err := b.registry.List(t.Context(), c.who, c.project)
			if len(list) != c.want || c.kind != 0 && !fault.Is(err, c.kind) || c.kind == 0 && err != nil {
				t.Errorf("%s: List(%q) = %+v, %v; want %d, %v", c.name, c.project, list, err, c.want, c.kind)
			}
		})
	}
}

// TestRemoveIsOnesOwn: an id of somebody else's is the same as no id, and stays.
func TestRemoveIsOnesOwn(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		alice, bob := b.user("alice"), b.user("bob")
		b.project("widgets", alice.ID())
		b.project("gadgets", bob.ID())
		alice, bob = b.again("alice"), b.again("bob")
		shared := b.add("widgets")
		b.add("gadgets")
		plan := b.addPending(bob, "planned", "workflow", "plan.yml")
		m := b.mint(nil)
		for _, id := range []string{plan.ID, "", "nothing", "' OR 1=1 --"} {
			if err := b.registry.Remove(t.Context(), alice, id); !fault.Is(err, fault.NotFound) {
				t.Errorf("Remove(%q) by alice = %v, want %v", id, err, fault.NotFound)
			}
		}
		for _, who := range []access.Caller{b.guest, {}} {
			if err := b.registry.Remove(t.Context(), who, shared.ID); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("Remove by nobody = %v", err)
			}
		}
		if err := b.registry.Remove(t.Context(), b.identify(m.Token), shared.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("Remove by a minted token = %v, want %v", err, fault.NotFound)
		}
		if err := b.registry.Remove(t.Context(), alice, shared.ID); err != nil {
			t.Errorf("Remove of one's own = %v", err)
		}
		if who := b.identify(m.Token); who.May(access.Uploader, b.object("project-widgets")) ||
			!who.May(access.Uploader, b.object("project-gadgets")) {
			t.Error("after alice removed the publisher the token has to be good for gadgets alone")
		}
		if err := b.registry.Remove(t.Context(), bob, plan.ID); err != nil {
			t.Errorf("Remove of one's own pending = %v", err)
		}
		if n, p := len(b.store.of("publisher.remove")), len(b.store.of("publisher.remove-pending")); n != 1 || p != 1 {
			t.Errorf("%d and %d entries of removals, want one each", n, p)
		}
	})
}

// TestReattachRevivesNothing: a token whose publisher was removed stays dead when the same one is added again.
func TestReattachRevivesNothing(t *testing.T) {
	b := newBench(t)
	b.project("widgets", "")
	a := b.add("widgets")
	m := b.mint(nil)
	if err := b.registry.Remove(t.Context(), b.operator, a.ID); err != nil {
		t.Fatal(err)
	}
	b.add("widgets")
	if b.identify(m.Token).May(access.Uploader, b.object("project-widgets")) {
		t.Error("adding the publisher again revives a token")
	}
}

// TestOtherProcessNotices: a keyring that knows a token learns of a removal made by another process at the next
// request.
func TestOtherProcessNotices(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		a := b.add("widgets")
		m := b.mint(nil)
		keyring, replicas := b.keyring(), b.replicas()
		may := func() bool {
			who, err := keyring.Identify(t.Context(), "__token__", m.Token)
			return err == nil && who.May(access.Uploader, b.object("project-widgets"))
		}
		if !may() {
			t.Fatal("a fresh token may not upload")
		}
		if err := replicas[1].Remove(t.Context(), b.operator, a.ID); err != nil {
			t.Fatal(err)
		}
		if may() {
			t.Error("the token outlives its publisher in another process")
		}
	})
}

// TestCounterMoves: each change that somebody else could notice moves the counter, and nothing else does.
func TestCounterMoves(t *testing.T) {
	onEach(t, func(t *testing.T, b *bench) {
		b.project("widgets", "")
		var a publishers.Added
		var m exchange.Minted
		for _, step := range []struct {
			name  string
			f     func()
			moves bool
		}{
			{"attach", func() { a = b.add("widgets", "owner_id", "") }, true},
			{"refused exchange", func() { b.exchange(b.token(map[string]any{"environment": "x"})) }, false},
			{"exchange that pins", func() { m = b.mint(nil) }, true},
			{"exchange", func() { b.mint(nil) }, false},
			{"burn", func() { b.registry.Burn(t.Context(), b.guest, m.Token) }, true},
			{"burn again", func() { b.registry.Burn(t.Context(), b.guest, m.Token) }, false},
			{"refused removal", func() { b.registry.Remove(t.Context(), b.operator, "nothing") }, false},
			{"removal", func() { b.registry.Remove(t.Context(), b.operator, a.ID) }, true},
			{"pending", func() { b.addPending(b.operator, "planned") }, true}, // the name becomes own
			{"exchange that makes a project", func() { b.mint(nil) }, true},
		} {
			before := b.serial()
			step.f()
			if after := b.serial(); (after > before) != step.moves {
				t.Errorf("%s: the counter went from %d to %d, moves should be %v", step.name, before, after, step.moves)
			}
		}
	})
}

func (b *bench) serial() int64 {
	b.Helper()
	n, err := b.store.Serial(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return n
}
