package account_test

import (
	"testing"

	"pyindex/internal/account"
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
	_, err = b.SignInByIdentity(ctx, from, account.Identity{Issuer: id.Issuer, Subject: "2", Name: "bob@example.com"}, false)
	b.want("a newcomer where none get accounts", err, fault.Denied)
	for _, bad := range []string{"", "Bob Smith", "../bob", "böb"} {
		_, err = b.SignInByIdentity(ctx, from, account.Identity{Issuer: id.Issuer, Subject: bad, Name: bad}, true)
		b.want("a newcomer called "+bad, err, fault.Denied)
	}
	alice := b.session("alice")
	if _, err = b.SignInByIdentity(ctx, alice, id, false); err != nil { // links
		t.Fatal(err)
	}
	if linked, err := b.Linked(ctx, alice, id.Issuer); err != nil || !linked {
		t.Errorf("Linked = %v, %v", linked, err)
	}
	s, err := b.SignInByIdentity(ctx, from, id, false)
	if err != nil || s.UserID != alice.ID() || s.Method != "sso" {
		t.Errorf("SignInByIdentity = %+v, %v", s, err)
	}
	_, err = b.SignInByIdentity(ctx, from, account.Identity{Issuer: "https://other.example", Subject: "1", Name: "alice"}, true)
	b.want("the same subject of another issuer", err, fault.Denied)

	newcomer := account.Identity{Issuer: id.Issuer, Subject: "3", Name: "Carol@example.com", FullName: "Carol C", Email: "carol@example.com", Groups: []string{"team", "unknown"}}
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
