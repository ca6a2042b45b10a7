package account_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

const day = 24 * time.Hour

// main is the id of the repository main.
func (b *bureau) main() string {
	b.t.Helper()
	var r catalog.Repository
	b.must(b.rows.Catalog().View(b.t.Context(), func(tx catalog.Tx) (err error) {
		r, err = tx.RepositoryByName(b.t.Context(), catalog.MainRepository)
		return err
	}))
	return r.ID
}

// owner makes a user who owns a repository and returns them signed in, with what they may give away.
func (b *bureau) owner(name string) (access.Caller, account.NewInvitation) {
	b.t.Helper()
	b.user(name)
	who := b.session(name)
	b.must(b.store.Update(b.t.Context(), func(tx account.Tx) error {
		err := tx.PutGrant(b.t.Context(),
			access.Grant{UserID: who.ID(), RepositoryID: b.main(), Role: access.Owner, CreatedAt: b.now})
		if err == nil {
			_, err = tx.NextSerial(b.t.Context())
		}
		return err
	}))
	return b.session(name),
		account.NewInvitation{Grants: []onetime.Grant{{RepositoryID: b.main(), Where: "main", Role: "uploader"}}}
}

// accept follows an invitation as a new user.
func (b *bureau) accept(name string, secret access.Secret) error {
	_, err := b.Accept(b.t.Context(), from, onetime.Invite, secret, account.Accepted{Name: name, Password: good})
	return err
}

// waits fails unless an invitation waits for an administrator.
func (b *bureau) waits(what string, err error) {
	b.t.Helper()
	if !errors.Is(err, account.ErrWaiting) {
		b.t.Errorf("%s = %v, want %v", what, err, account.ErrWaiting)
	}
}

// record is all that was recorded.
func (b *bureau) record() []audit.Entry {
	b.t.Helper()
	all, err := b.rows.Audit(b.t.Context(), 1000)
	b.must(err)
	return all
}

// actions counts the entries of the record by action and outcome.
func (b *bureau) actions() map[string]int {
	b.t.Helper()
	out := map[string]int{}
	for _, e := range b.record() {
		out[e.Action+" "+string(e.Outcome)]++
	}
	return out
}

// An owner's invitation makes no account until an administrator approves it, and then for a week.
func TestOwnersInvitationWaitsForAnAdministrator(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	mallory, n := b.owner("mallory")
	o, secret, err := b.Invite(ctx, mallory, n)
	b.must(err)
	if !o.Waiting || o.By != "mallory" {
		t.Errorf("Invite = %+v, want one that waits", o)
	}
	for range 2 {
		_, err = b.Look(ctx, onetime.Invite, secret)
		b.waits("Look", err)
		b.waits("Accept", b.accept("puppet", secret))
	}
	_, _, err = b.BeginAccept(ctx, onetime.Invite, secret, "puppet")
	b.want("BeginAccept without passkeys", err, fault.Invalid)
	open, err := b.Invitations(ctx, b.boss)
	if err != nil || len(open) != 1 || !open[0].Waiting || open[0].By != "mallory" {
		t.Errorf("Invitations = %+v, %v", open, err)
	}
	for who, caller := range map[string]access.Caller{"its maker": mallory, "nobody": from, "the zero caller": {}} {
		_, err = b.ApproveInvitation(ctx, caller, o.ID)
		b.want("ApproveInvitation by "+who, err, fault.Denied)
	}
	_, err = b.ApproveInvitation(ctx, b.boss, "nothing")
	b.want("ApproveInvitation of nothing", err, fault.NotFound)
	b.pass(6 * day)
	_, err = b.ApproveInvitation(ctx, b.boss, o.ID)
	b.must(err)
	_, err = b.ApproveInvitation(ctx, b.boss, o.ID)
	b.want("ApproveInvitation again", err, fault.Conflict)
	b.pass(6 * day)
	b.must(b.accept("puppet", secret))
	users, err := b.dir.Users(ctx, b.boss)
	if err != nil || len(users) != 2 || users[1].Name != "puppet" || users[1].InvitedBy != mallory.ID() {
		t.Errorf("Users = %+v, %v, want puppet invited by mallory", users, err)
	}
	if got := b.actions(); got["user.approve-invitation granted"] != 1 || got["user.approve-invitation refused"] != 3 {
		t.Errorf("the record has %v", got)
	}
}

// A refused invitation leads nowhere, and the record says that it was refused.
func TestRefusedInvitation(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	mallory, n := b.owner("mallory")
	o, secret, err := b.Invite(ctx, mallory, n)
	b.must(err)
	_, err = b.RevokeInvitation(ctx, b.boss, o.ID)
	b.must(err)
	b.want("Accept", b.accept("puppet", secret), fault.NotFound)
	_, err = b.ApproveInvitation(ctx, b.boss, o.ID)
	b.want("ApproveInvitation of a refused one", err, fault.NotFound)
	if got := b.actions(); got["user.refuse-invitation granted"] != 1 || got["user.revoke-invitation granted"] != 0 {
		t.Errorf("the record has %v", got)
	}
}

// Whether an invitation waits depends on what its maker is when the link is followed.
func TestWhoseInvitationsWait(t *testing.T) {
	for name, c := range map[string]struct {
		owners bool
		change func(*bureau)
		waits  bool
	}{
		"an owner's":                        {waits: true},
		"an owner's, as the settings allow": {owners: true},
		"of an owner who became administrator": {change: func(b *bureau) {
			b.must(b.dir.SetAdmin(b.t.Context(), b.boss, "maker", true))
		}},
		"of a former administrator": {waits: true, change: func(b *bureau) {
			b.must(b.dir.SetAdmin(b.t.Context(), b.boss, "maker", true))
			b.user("other")
			b.must(b.dir.SetAdmin(b.t.Context(), b.boss, "other", true))
			b.must(b.dir.SetAdmin(b.t.Context(), b.session("other"), "maker", false))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBureau(t, func(o *settings) { o.OwnersInvite = c.owners })
			maker, n := b.owner("maker")
			_, secret, err := b.Invite(t.Context(), maker, n)
			b.must(err)
			if c.change != nil {
				c.change(b)
			}
			if err := b.accept("guest", secret); c.waits {
				b.waits("Accept", err)
			} else {
				b.must(err)
			}
		})
	}
	b := newBureau(t)
	_, secret, err := b.Invite(t.Context(), b.boss, account.NewInvitation{})
	b.must(err)
	b.must(b.accept("guest", secret))
}

// Disabling an account ends its open invitations, and enabling it again does not bring them back.
func TestDisablingEndsInvitations(t *testing.T) {
	b := newBureau(t, func(o *settings) { o.OwnersInvite = true })
	ctx := t.Context()
	mallory, n := b.owner("mallory")
	other, _ := b.owner("other")
	_, secret, err := b.Invite(ctx, mallory, n)
	b.must(err)
	_, hers, err := b.Invite(ctx, other, n)
	b.must(err)
	b.must(b.dir.DisableUser(ctx, b.boss, "mallory"))
	if open, err := b.Invitations(ctx, b.boss); err != nil || len(open) != 1 || open[0].By != "other" {
		t.Errorf("Invitations = %+v, %v, want other's alone", open, err)
	}
	b.must(b.dir.EnableUser(ctx, b.boss, "mallory"))
	b.want("Accept", b.accept("puppet", secret), fault.NotFound)
	b.must(b.accept("guest", hers))
}

// What somebody may no longer give cannot be approved.
func TestApprovalAsksForTheMakersRights(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	mallory, n := b.owner("mallory")
	o, secret, err := b.Invite(ctx, mallory, n)
	b.must(err)
	b.must(b.store.Update(ctx, func(tx account.Tx) error {
		_, err := tx.RemoveGrant(ctx, access.Grant{UserID: mallory.ID(), RepositoryID: b.main()})
		return err
	}))
	_, err = b.ApproveInvitation(ctx, b.boss, o.ID)
	b.want("ApproveInvitation", err, fault.Conflict)
	b.want("Accept", b.accept("puppet", secret), fault.NotFound)
}

// Of many administrators who approve or refuse at once, one decides.
func TestOneAdministratorDecides(t *testing.T) {
	b := newBureau(t)
	mallory, n := b.owner("mallory")
	o, _, err := b.Invite(t.Context(), mallory, n)
	b.must(err)
	var approved atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		a := b.process
		if i%2 == 1 {
			a = b.beside
		}
		all.Go(func() {
			if _, err := a.ApproveInvitation(t.Context(), b.boss, o.ID); err == nil {
				approved.Add(1)
			} else if !fault.Is(err, fault.Conflict) {
				t.Errorf("ApproveInvitation = %v", err)
			}
		})
	}
	all.Wait()
	if approved.Load() != 1 {
		t.Errorf("%d approved one invitation", approved.Load())
	}
}

// The accounts that came by somebody's invitation are listed, step by step, to administrators.
func TestInvitees(t *testing.T) {
	b := newBureau(t, func(o *settings) { o.OwnersInvite = true })
	ctx := t.Context()
	mallory, n := b.owner("mallory")
	_, secret, err := b.Invite(ctx, mallory, n)
	b.must(err)
	b.must(b.accept("puppet", secret))
	second, _ := b.owner("second")
	b.must(b.store.Update(ctx, func(tx account.Tx) error { // the puppet owns something by now
		u, err := tx.UserByName(ctx, "puppet")
		if err != nil {
			return err
		}
		return tx.PutGrant(ctx, access.Grant{UserID: u.ID, RepositoryID: b.main(), Role: access.Owner, CreatedAt: b.now})
	}))
	_, secret, err = b.Invite(ctx, b.session("puppet"), n)
	b.must(err)
	b.must(b.accept("marionette", secret))
	got, err := b.dir.Invitees(ctx, b.boss, "mallory")
	if err != nil || len(got) != 2 || got[0].Name != "puppet" || got[0].By != "mallory" || got[1].Name != "marionette" ||
		got[1].By != "puppet" {
		t.Errorf("Invitees(mallory) = %+v, %v", got, err)
	}
	if got, err := b.dir.Invitees(ctx, b.boss, "second"); err != nil || len(got) != 0 {
		t.Errorf("Invitees(second) = %+v, %v, want none", got, err)
	}
	_, err = b.dir.Invitees(ctx, second, "mallory")
	b.want("Invitees by a user", err, fault.Denied)
	_, err = b.dir.Invitees(ctx, b.boss, "nobody")
	b.want("Invitees of nobody", err, fault.NotFound)
}
