package account_test

import (
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/fault"
)

// Changes of an account and of invitations read the caller again: one whose session ended, whose account was disabled,
// or who administers or owns no longer, changes nothing.
func TestEveryChangeReadsRightsAgain(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("boss")
	b.must(b.dir.SetAdmin(ctx, b.boss, "boss", true))
	b.user("friend")
	changes := map[string]func(who access.Caller) error{
		"SetProfile":  func(who access.Caller) error { return b.SetProfile(ctx, who, access.Profile{FullName: "x"}) },
		"SetPassword": func(who access.Caller) error { return b.SetPassword(ctx, who, good, good+" and more") },
		"BeginTOTP": func(who access.Caller) error {
			_, err := b.BeginTOTP(ctx, who)
			return err
		},
		"NewRecovery": func(who access.Caller) error {
			_, err := b.NewRecovery(ctx, who)
			return err
		},
		"RemoveTOTP": func(who access.Caller) error { return b.RemoveTOTP(ctx, who) },
		"SignInByIdentity": func(who access.Caller) error {
			_, err := b.SignInByIdentity(ctx, who,
				account.Identity{Issuer: "https://sso", Subject: who.Name(), Name: who.Name()}, false)
			return err
		},
	}
	administrators := map[string]func(who access.Caller) error{
		"ResetLink": func(who access.Caller) error {
			_, err := b.ResetLink(ctx, who, "friend")
			return err
		},
		"Invite": func(who access.Caller) error {
			_, _, err := b.Invite(ctx, who, account.NewInvitation{Name: "guest"})
			return err
		},
		"Invite to a project": func(who access.Caller) error {
			_, _, err := b.Invite(ctx, who,
				account.NewInvitation{Grants: []onetime.Grant{{RepositoryID: "r", ProjectID: "p", Role: "reader"}}})
			return err
		},
	}
	n := 0
	next := func() access.Caller {
		n++
		name := "user" + string(rune('a'+n))
		b.user(name)
		b.must(b.dir.SetAdmin(ctx, b.boss, name, true))
		return b.session(name)
	}
	check := func(what string, change func(access.Caller) error, administrative bool) {
		who := next()
		b.must(b.dir.EndSessionsOf(ctx, b.boss, who.Name()))
		b.want(what+" by a session that ended", change(who), fault.Unauthenticated)
		who = next()
		b.must(b.dir.DisableUser(ctx, b.boss, who.Name()))
		b.want(what+" by a disabled account", change(who), fault.Unauthenticated)
		if administrative {
			who = next()
			b.must(b.dir.SetAdmin(ctx, b.boss, who.Name(), false))
			b.want(what+" by somebody who administers no longer", change(who), fault.Denied)
			if err := change(next()); err != nil {
				t.Errorf("%s by an administrator = %v", what, err)
			}
		}
	}
	for what, change := range changes {
		t.Run(what, func(t *testing.T) {
			check(what, change, false)
		})
	}
	for what, change := range administrators {
		t.Run(what, func(t *testing.T) {
			check(what, change, true)
		})
	}
	who := next()
	l, _, err := b.Invite(ctx, who, account.NewInvitation{Name: "later"})
	b.must(err)
	b.must(b.dir.EndSessionsOf(ctx, b.boss, who.Name()))
	_, err = b.RevokeInvitation(ctx, who, l.ID)
	b.want("RevokeInvitation by a session that ended", err, fault.Unauthenticated)
}
