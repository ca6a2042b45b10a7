package access_test

import (
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// Changes of accounts, groups and tokens read the caller again: an administrator who is none any longer, whose account
// was disabled, or whose token or session ended, changes nothing.
func TestEveryChangeReadsRightsAgain(t *testing.T) {
	changes := map[string]func(o *office, who access.Caller) error{
		"AddUser": func(o *office, who access.Caller) error {
			_, err := o.AddUser(o.t.Context(), who, access.NewUser{Name: "new-" + who.Name()})
			return err
		},
		"DisableUser": func(o *office, who access.Caller) error { return o.DisableUser(o.t.Context(), who, "friend") },
		"EnableUser":  func(o *office, who access.Caller) error { return o.EnableUser(o.t.Context(), who, "friend") },
		"SetAdmin":    func(o *office, who access.Caller) error { return o.SetAdmin(o.t.Context(), who, "friend", true) },
		"EndSessionsOf": func(o *office, who access.Caller) error {
			return o.EndSessionsOf(o.t.Context(), who, "friend")
		},
		"AddGroup": func(o *office, who access.Caller) error {
			_, err := o.AddGroup(o.t.Context(), who, "group-"+who.Name(), "")
			return err
		},
		"AddMember": func(o *office, who access.Caller) error { return o.AddMember(o.t.Context(), who, "team", "friend") },
		"RemoveMember": func(o *office, who access.Caller) error {
			return o.RemoveMember(o.t.Context(), who, "team", "member")
		},
		"CreateToken": func(o *office, who access.Caller) error {
			_, _, err := o.CreateToken(o.t.Context(), who, access.NewAPIToken{User: "friend", Scope: access.ScopeRead})
			return err
		},
		"RevokeToken": func(o *office, who access.Caller) error {
			t, _ := o.token("friend", access.NewAPIToken{Scope: access.ScopeRead})
			return o.RevokeToken(o.t.Context(), who, t.ID)
		},
		"DeleteGroup": func(o *office, who access.Caller) error { return o.DeleteGroup(o.t.Context(), who, "spare") },
	}
	o := newOffice(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"friend", "member", "boss"} {
		o.token(name, access.NewAPIToken{Scope: access.ScopeRead})
	}
	must(o.SetAdmin(ctx, o.boss, "boss", true)) // so that the others are not the last
	n := 0
	admin := func() (access.Token, access.Session, access.Caller, access.Caller) {
		n++
		name := "admin" + string(rune('a'+n%26)) + string(rune('a'+n/26))
		tok, secret := o.token(name, access.NewAPIToken{Scope: access.ScopeAdmin})
		must(o.SetAdmin(ctx, o.boss, name, true))
		byToken, _ := o.identify(secret)
		s, cookie := o.signIn(name)
		return tok, s, byToken, o.session(cookie)
	}
	for what, change := range changes {
		t.Run(what, func(t *testing.T) {
			must(o.EnableUser(ctx, o.boss, "friend")) // changes come in any order
			_, _ = o.AddGroup(ctx, o.boss, "team", "")
			_, _ = o.AddGroup(ctx, o.boss, "spare", "")
			must(o.AddMember(ctx, o.boss, "team", "member"))
			tok, _, byToken, bySession := admin()
			must(o.RevokeToken(ctx, o.boss, tok.ID))
			must(o.EndSessionsOf(ctx, o.boss, bySession.Name()))
			if err := change(o, byToken); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s by a revoked token = %v, want unauthenticated", what, err)
			}
			if err := change(o, bySession); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s by a session that ended = %v, want unauthenticated", what, err)
			}
			_, _, byToken, bySession = admin()
			must(o.SetAdmin(ctx, o.boss, byToken.Name(), false))
			for _, who := range []access.Caller{byToken, bySession} {
				err := change(o, who)
				want := fault.Denied
				if what == "RevokeToken" {
					want = fault.NotFound // as any token of somebody else
				}
				if !fault.Is(err, want) {
					t.Errorf("%s by somebody who administers no longer = %v, want %v", what, err, want)
				}
			}
			must(o.DisableUser(ctx, o.boss, byToken.Name()))
			if err := change(o, byToken); !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s by a disabled account = %v, want unauthenticated", what, err)
			}
			_, _, byToken, _ = admin()
			if err := change(o, byToken); err != nil {
				t.Errorf("%s by an administrator = %v", what, err)
			}
		})
	}
}
