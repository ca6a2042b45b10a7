package account_test

import (
	"fmt"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

func TestSignInByIdentity(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	if _, err := b.dir.AddGroup(ctx, b.boss, "team", ""); err != nil {
		t.Fatal(err)
	}
	if _, err := b.dir.AddGroup(ctx, b.boss, "byhand", ""); err != nil {
		t.Fatal(err)
	}
	id := account.Identity{Issuer: "https://idp.example", Subject: "1", Name: "alice"}
	_, err := b.SignInByIdentity(ctx, from, id, true)
	b.want("taking over an account by its name", err, fault.Denied)
	_, err = b.SignInByIdentity(ctx, from, account.Identity{Issuer: id.Issuer, Subject: "2", Name: "bob@example.com"},
		false)
	b.want("a newcomer where none get accounts", err, fault.Denied)
	for _, bad := range []string{"", "Bob Smith", "../bob", "böb"} {
		_, err = b.SignInByIdentity(ctx, from, account.Identity{Issuer: id.Issuer, Subject: bad, Name: bad}, true)
		b.want("a newcomer called "+bad, err, fault.Denied)
	}
	b.must(b.dir.SetAdmin(ctx, b.boss, "alice", true))
	alice := b.session("alice")
	if _, err = b.SignInByIdentity(ctx, alice, id, false); err != nil { // links
		t.Fatal(err)
	}
	if all, err := b.Identities(ctx, alice); err != nil || len(all) != 1 || all[0].Issuer != id.Issuer ||
		all[0].Subject != "1" {
		t.Errorf("Identities = %v, %v", all, err)
	}
	s, err := b.SignInByIdentity(ctx, from, id, false)
	if err != nil || s.UserID != alice.ID() || s.Method != "sso" {
		t.Errorf("SignInByIdentity = %+v, %v", s, err)
	}
	_, err = b.SignInByIdentity(ctx, from, account.Identity{Issuer: "https://other.example", Subject: "1", Name: "alice"},
		true)
	b.want("the same subject of another issuer", err, fault.Denied)

	newcomer := account.Identity{
		Issuer:   id.Issuer,
		Subject:  "3",
		Name:     "Carol@example.com",
		FullName: "Carol C",
		Email:    "carol@example.com",
		Groups:   []string{"team", "unknown"},
	}
	yes, no := true, false
	newcomer.Admin = &yes
	s, err = b.SignInByIdentity(ctx, from, newcomer, true)
	b.must(err)
	carol := b.session("carol")
	if carol.ID() != s.UserID || !carol.Admin() {
		t.Errorf("carol is %+v", carol)
	}
	_, err = b.SignInByIdentity(ctx, carol, id, true)
	b.want("linking another's identity", err, fault.Denied)
	b.must(b.dir.AddMember(ctx, b.boss, "byhand", "carol"))
	if g, err := b.dir.Group(ctx, b.boss, "team"); err != nil || len(g.Members) != 1 {
		t.Errorf("team = %+v, %v", g.Members, err)
	}
	newcomer.Groups, newcomer.Admin = nil, &no
	_, err = b.SignInByIdentity(ctx, from, newcomer, true)
	b.must(err)
	if b.session("carol").Admin() {
		t.Error("who left the group of administrators goes on administering")
	}
	if g, err := b.dir.Group(ctx, b.boss, "team"); err != nil || len(g.Members) != 0 {
		t.Errorf("after leaving the group at the provider team = %+v, %v", g.Members, err)
	}
	if g, err := b.dir.Group(ctx, b.boss, "byhand"); err != nil || len(g.Members) != 1 {
		t.Errorf("a membership that a person gave is gone: %+v, %v", g.Members, err)
	}
	b.must(b.dir.DisableUser(ctx, b.boss, "carol"))
	_, err = b.SignInByIdentity(ctx, from, newcomer, true)
	b.want("a disabled account", err, fault.Denied)
}

// newest is the newest entry of an action.
func (b *bureau) newest(action string) audit.Entry {
	b.t.Helper()
	all := b.record()
	for _, e := range all {
		if e.Action == action {
			return e
		}
	}
	b.t.Errorf("the record has no %s", action)
	return audit.Entry{Detail: map[string]any{}}
}

const idp = "https://idp.example"

// What sign-on changes of a person's rights is recorded with what was before, in the person's name, and only if it
// changes.
func TestSignOnRecordsWhatItChanges(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("root")
	b.must(b.dir.SetAdmin(ctx, b.boss, "root", true))
	for _, name := range []string{"one", "two"} {
		_, err := b.dir.AddGroup(ctx, b.boss, name, "")
		b.must(err)
	}
	yes, no := true, false
	for _, c := range []struct {
		groups         []string
		admin          *bool
		admins, syncs  int // entries until then
		before, after  string
		adminB, adminA bool
	}{
		{nil, nil, 0, 0, "", "", false, false},
		{[]string{"one", "unknown"}, &no, 0, 1, "[]", "[one]", false, false},
		{[]string{"one"}, &yes, 1, 1, "[]", "[one]", false, true},
		{[]string{"two", "one"}, &yes, 1, 2, "[one]", "[one two]", false, true},
		{[]string{"two", "one"}, &yes, 1, 2, "[one]", "[one two]", false, true},
		{[]string{"two"}, &no, 2, 3, "[one two]", "[two]", true, false},
		{nil, nil, 2, 4, "[two]", "[]", true, false},
	} {
		_, err := b.SignInByIdentity(ctx, from,
			account.Identity{Issuer: idp, Subject: "1", Name: "carol", Groups: c.groups, Admin: c.admin}, true)
		b.must(err)
		got := b.actions()
		if got["user.admin granted"]-1 != c.admins || got["group.sync granted"] != c.syncs { // one made root an administrator
			t.Errorf("%v: the record has %v, want %d and %d", c.groups, got, c.admins, c.syncs)
		}
		if c.syncs > 0 {
			if e := b.newest("group.sync"); fmt.Sprint(e.Detail["before"]) != c.before ||
				fmt.Sprint(e.Detail["after"]) != c.after || e.Actor.Name != "carol" || e.Subject != "carol" {
				t.Errorf("%v: group.sync says %+v, want %s and %s", c.groups, e, c.before, c.after)
			}
		}
		if c.admins > 0 {
			if e := b.newest("user.admin"); e.Detail["before"] != c.adminB || e.Detail["admin"] != c.adminA ||
				e.Actor.Name != "carol" {
				t.Errorf("%v: user.admin says %+v", c.groups, e)
			}
		}
	}
}

// The only administrator stays one, whatever the provider says, and the record says why; beside another one they cease.
func TestLastAdministratorStaysBySignOn(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	yes, no := true, false
	id := account.Identity{Issuer: idp, Subject: "1", Name: "carol", Admin: &yes}
	_, err := b.SignInByIdentity(ctx, from, id, true)
	b.must(err)
	id.Admin = &no
	for range 2 {
		if _, err = b.SignInByIdentity(ctx, from, id, true); err != nil || !b.session("carol").Admin() {
			t.Errorf("the only administrator ceased: %v", err)
		}
	}
	b.must(b.RefuseIdentity(ctx, from, id, fault.New(fault.Denied, "no group")))
	if got := b.actions(); got["user.admin refused"] != 3 || !b.session("carol").Admin() {
		t.Errorf("the record has %v", got)
	}
	b.user("other")
	b.must(b.dir.SetAdmin(ctx, b.boss, "other", true))
	b.must(b.dir.DisableUser(ctx, b.boss, "other"))
	if _, err = b.SignInByIdentity(ctx, from, id, true); err != nil || !b.session("carol").Admin() {
		t.Errorf("beside a disabled one the only administrator ceased: %v", err)
	}
	b.must(b.dir.EnableUser(ctx, b.boss, "other"))
	if _, err = b.SignInByIdentity(ctx, from, id, true); err != nil || b.session("carol").Admin() {
		t.Errorf("beside another one an administrator stays: %v", err)
	}
}

// Somebody refused because of a missing group is in the record, and loses what sign-on gave and nothing else.
func TestRefusedIdentityLosesItsGroups(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("root")
	b.must(b.dir.SetAdmin(ctx, b.boss, "root", true))
	for _, name := range []string{"given", "byhand"} {
		_, err := b.dir.AddGroup(ctx, b.boss, name, "")
		b.must(err)
	}
	yes, why := true, fault.New(fault.Denied, "you are in none of the groups")
	id := account.Identity{Issuer: idp, Subject: "1", Name: "carol", Groups: []string{"given"}, Admin: &yes}
	b.must(b.RefuseIdentity(ctx, from, account.Identity{Issuer: idp, Subject: "7", Name: "stranger"}, why))
	_, err := b.SignInByIdentity(ctx, from, id, true)
	b.must(err)
	b.must(b.dir.AddMember(ctx, b.boss, "byhand", "carol"))
	b.pass(time.Minute) // refusals of one minute are one entry
	b.must(b.RefuseIdentity(ctx, from, id, why))
	for group, want := range map[string]int{"given": 0, "byhand": 1} {
		if g, err := b.dir.Group(ctx, b.boss, group); err != nil || len(g.Members) != want {
			t.Errorf("%s has %v, %v, want %d", group, g.Members, err, want)
		}
	}
	if b.session("carol").Admin() {
		t.Error("somebody who may not come in administers the index")
	}
	e := b.newest("session.refuse")
	if got := b.actions(); got["session.refuse refused"] != 2 || e.Detail["reason"] != "you are in none of the groups" ||
		e.Detail["subject"] != "1" || e.Detail["issuer"] != idp {
		t.Errorf("the record has %v, and %+v", got, e)
	}
	if users, err := b.dir.Users(ctx, b.boss); err != nil || len(users) != 2 {
		t.Errorf("a refused stranger has an account: %v, %v", users, err)
	}
}

// Sign-on asks for a second factor of our own where the person has one, or a passkey that the settings demand.
func TestSignOnAsksForOurSecondFactor(t *testing.T) {
	for name, c := range map[string]struct {
		policy        access.FactorPolicy
		totp, passkey bool
		asks          bool
	}{
		"none":                          {},
		"an authenticator":              {totp: true, asks: true},
		"a passkey":                     {passkey: true},
		"a passkey, demanded":           {policy: access.FactorAll, passkey: true, asks: true},
		"a passkey, demanded of others": {policy: access.FactorAdministrators, passkey: true},
		"none, demanded":                {policy: access.FactorAll},
		"both, demanded":                {policy: access.FactorAll, totp: true, passkey: true, asks: true},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBureau(t, func(o *settings) { o.signin.SecondFactor = c.policy })
			ctx := t.Context()
			id := account.Identity{Issuer: idp, Subject: "1", Name: "carol"}
			_, err := b.SignInByIdentity(ctx, from, id, true)
			b.must(err)
			secret := ""
			if c.totp {
				carol := b.session("carol")
				e, err := b.BeginTOTP(ctx, carol)
				b.must(err)
				_, err = b.ConfirmTOTP(ctx, carol, totp(t, e.Secret, b.now))
				b.must(err)
				secret = e.Secret
			}
			if c.passkey {
				b.passkey("carol")
			}
			s, err := b.SignInByIdentity(ctx, from, id, true)
			if err != nil || (s.Factor != "") != c.asks || (s.UserID == "") != c.asks {
				t.Fatalf("SignInByIdentity = %+v, %v, asks %v", s, err, c.asks)
			}
			if secret == "" {
				return
			}
			_, err = b.SecondFactor(ctx, from, signin.Code{Step: s.Factor, Typed: "000000"})
			b.want("a wrong code", err, fault.Invalid)
			b.pass(time.Minute)
			got, err := b.SecondFactor(ctx, from, signin.Code{Step: s.Factor, Typed: totp(t, secret, b.now)})
			if err != nil || got.Method != "sso+totp" || got.UserID == "" {
				t.Errorf("SecondFactor = %+v, %v", got, err)
			}
		})
	}
}

// Identities are seen and unlinked by their person and by administrators; the last way in stays, and groups that came
// by sign-on go with the last identity.
func TestUnlink(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	_, err := b.dir.AddGroup(ctx, b.boss, "team", "")
	b.must(err)
	_, err = b.SignInByIdentity(ctx, from,
		account.Identity{Issuer: idp, Subject: "1", Name: "carol", Groups: []string{"team"}}, true)
	b.must(err)
	_, err = b.SignInByIdentity(ctx, from, account.Identity{Issuer: idp, Subject: "2", Name: "dan"}, true)
	b.must(err)
	carol := b.session("carol")
	b.want("Unlink of the last way in", b.Unlink(ctx, carol, idp, "1"), fault.Conflict)
	b.want("Unlink of somebody else's", b.Unlink(ctx, carol, idp, "2"), fault.NotFound)
	b.want("Unlink of another issuer's", b.Unlink(ctx, carol, "https://other.example", "1"), fault.NotFound)
	b.want("Unlink by nobody", b.Unlink(ctx, from, idp, "1"), fault.Unauthenticated)
	b.want("UnlinkOf by a user", b.UnlinkOf(ctx, carol, "dan", idp, "2"), fault.Denied)
	b.want("UnlinkOf of another's", b.UnlinkOf(ctx, b.boss, "dan", idp, "1"), fault.NotFound)
	b.want("UnlinkOf of nobody", b.UnlinkOf(ctx, b.boss, "nobody", idp, "1"), fault.NotFound)
	_, err = b.IdentitiesOf(ctx, carol, "dan")
	b.want("IdentitiesOf by a user", err, fault.Denied)
	b.must(b.SetPassword(ctx, carol, "", good))
	b.must(b.Unlink(ctx, carol, idp, "1"))
	b.must(b.UnlinkOf(ctx, b.boss, "dan", idp, "2"))
	for _, name := range []string{"carol", "dan"} {
		if all, err := b.IdentitiesOf(ctx, b.boss, name); err != nil || len(all) != 0 {
			t.Errorf("IdentitiesOf(%s) = %v, %v", name, all, err)
		}
	}
	if g, err := b.dir.Group(ctx, b.boss, "team"); err != nil || len(g.Members) != 0 {
		t.Errorf("the group has %v, %v", g.Members, err)
	}
	_, err = b.SignInByIdentity(ctx, from, account.Identity{Issuer: idp, Subject: "1", Name: "carol"}, true)
	b.want("signing in by an identity that was unlinked", err, fault.Denied)
	if got := b.actions(); got["account.unlink-identity granted"] != 1 || got["user.unlink-identity granted"] != 1 ||
		got["user.unlink-identity refused"] != 1 || got["group.sync granted"] != 2 {
		t.Errorf("the record has %v", got)
	}
}
