package account_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
)

// A link by which an administrator lets somebody choose a password is worth as much as that administrator is now, and
// one that ended so does not come back.
func TestResetLinkEndsWithItsMakersRights(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		ctx := t.Context()
		admin := func(name string) access.Caller {
			b.user(name)
			b.must(b.dir.SetAdmin(ctx, b.boss, name, true))
			return b.session(name)
		}
		admin("other")
		no := false
		id := account.Identity{Issuer: "https://sso", Subject: "rogue", Admin: &no}
		for what, c := range map[string]struct{ end, back func(name string) }{
			"disabled": {
				func(name string) { b.must(b.dir.DisableUser(ctx, b.boss, name)) },
				func(name string) { b.must(b.dir.EnableUser(ctx, b.boss, name)) },
			},
			"demoted": {
				func(name string) { b.must(b.dir.SetAdmin(ctx, b.boss, name, false)) },
				func(name string) { b.must(b.dir.SetAdmin(ctx, b.boss, name, true)) },
			},
			"demoted-by-provider": {func(name string) {
				_, err := b.SignInByIdentity(ctx, from, id, false)
				b.must(err)
			}, func(name string) { b.must(b.dir.SetAdmin(ctx, b.boss, name, true)) }},
			"disabled-by-the-row": {func(name string) {
				b.must(b.store.Update(ctx, func(tx account.Tx) error {
					u, err := tx.UserByName(ctx, name)
					u.DisabledAt = b.now
					if err == nil {
						err = tx.UpdateUser(ctx, u)
					}
					return err
				}))
			}, nil},
		} {
			rogue, victim := "rogue-"+what, "victim-"+what
			who := admin(rogue)
			if what == "demoted-by-provider" {
				b.must(b.store.Update(ctx,
					func(tx account.Tx) error { return tx.InsertIdentity(ctx, id.Issuer, id.Subject, who.ID(), b.now) }))
			}
			b.user(victim)
			link, err := b.ResetLink(ctx, who, victim)
			b.must(err)
			if _, err := b.Look(ctx, onetime.Reset, link); err != nil {
				t.Fatalf("the link of an administrator = %v", err)
			}
			refused := func(when string) {
				t.Helper()
				_, err := b.Look(ctx, onetime.Reset, link)
				b.want("Look "+when, err, fault.NotFound)
				_, _, err = b.Reset(ctx, from, link, good+" anew", false)
				b.want("Reset "+when, err, fault.NotFound)
			}
			c.end(rogue)
			refused("after its maker was " + what)
			if c.back != nil {
				c.back(rogue)
				refused("after its maker was " + what + " and came back")
			}
			if _, err := b.SignIn(ctx, from, signin.Login{Name: victim, Password: good}); err != nil {
				t.Errorf("%s signs in no longer: %v", victim, err)
			}
		}
		b.user("plain")
		link, err := b.ResetLink(ctx, b.boss, "plain")
		b.must(err)
		if _, _, err := b.Reset(ctx, from, link, good+" anew", false); err != nil {
			t.Errorf("a link of the operator = %v", err)
		}
	})
}

// Of many invitations by an owner at once, ten wait for an administrator; the next takes the place of one that was
// decided about or revoked.
func TestOwnersInvitationsAreBounded(t *testing.T) {
	onEach(t, func(t *testing.T, b *bureau) {
		ctx := t.Context()
		owen, n := b.owner("owen")
		var made, refused atomic.Int32
		var group sync.WaitGroup
		var mu sync.Mutex
		var open []account.OpenInvitation
		for i := range 30 {
			accounts := []process{b.process, b.beside}[i%2]
			group.Go(func() {
				o, _, err := accounts.Invite(ctx, owen, n)
				switch {
				case err == nil:
					made.Add(1)
					mu.Lock()
					open = append(open, o)
					mu.Unlock()
				case fault.Is(err, fault.TooMany):
					refused.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if made.Load() != 10 || refused.Load() != 20 {
			t.Fatalf("%d invitations were made and %d refused, want 10 and 20", made.Load(), refused.Load())
		}
		again := func(after string) {
			t.Helper()
			if _, _, err := b.Invite(ctx, owen, n); err != nil {
				t.Errorf("Invite after %s = %v", after, err)
			}
			_, _, err := b.Invite(ctx, owen, n)
			b.want("the second Invite after "+after, err, fault.TooMany)
		}
		_, err := b.RevokeInvitation(ctx, owen, open[0].ID)
		b.must(err)
		again("one was revoked")
		_, err = b.RevokeInvitation(ctx, b.boss, open[1].ID)
		b.must(err)
		again("one was refused")
		_, err = b.ApproveInvitation(ctx, b.boss, open[2].ID)
		b.must(err)
		again("one was approved")
		other, _ := b.owner("other")
		if _, _, err := b.Invite(ctx, other, n); err != nil {
			t.Errorf("Invite by another owner = %v", err)
		}
		b.pass(8 * day)
		owen = b.session("owen")
		if _, _, err := b.Invite(ctx, owen, n); err != nil {
			t.Errorf("Invite after the others ended = %v", err)
		}
		for range 120 {
			if _, _, err := b.Invite(ctx, b.boss, account.NewInvitation{}); err != nil {
				t.Fatalf("Invite by the operator = %v", err)
			}
		}
	})
}

// Invitations that need no approval are bounded too.
func TestOwnersInvitationsWithoutApprovalAreBounded(t *testing.T) {
	b := newBureau(t, func(o *settings) { o.OwnersInvite = true })
	owen, n := b.owner("owen")
	for range 100 {
		_, _, err := b.Invite(t.Context(), owen, n)
		b.must(err)
	}
	_, _, err := b.Invite(t.Context(), owen, n)
	b.want("one more", err, fault.TooMany)
}
