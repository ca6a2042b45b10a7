package storagetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/challenge"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
)

// Accounts checks the guarantees of account.Store and its rows.
func Accounts(t *testing.T, open Opener) {
	for name, check := range map[string]func(*world){
		"profiles":       checkProfiles,
		"links":          checkOnceLinks,
		"sign-ins ended": checkEndedSignIns,
		"link race":      checkLinkRace,
		"approval":       checkApproval,
		"approval race":  checkApprovalRace,
		"invited by":     checkInvitedBy,
		"authenticators": checkTOTPs,
		"code race":      checkTOTPRace,
		"recovery codes": checkRecovery,
		"recovery race":  checkRecoveryRace,
		"devices":        checkDevices,
		"attempts":       checkAttempts,
		"passkeys":       checkPasskeys,
		"challenges":     checkChallenges,
		"key race":       checkKeyRace,
		"identities":     checkIdentities,
		"groups":         checkGroups,
		"group race":     checkGroupRace,
		"counted":        checkCounted,
		"forgetting":     checkForgetting,
		"outbox":         checkOutbox,
	} {
		t.Run(name, func(t *testing.T) { check(newWorld(t, open)) })
	}
}

func (w *world) updateAccounts(f func(account.Tx) error) {
	w.Helper()
	w.must(w.a.Accounts.Update(w.ctx, f))
}

// once runs a change in many concurrent transactions, through both handles, and fails unless exactly one succeeds.
func (w *world) once(what string, f func(tx account.Tx) (bool, error)) {
	w.Helper()
	won := w.race(16, func(s Stores, _ int) error {
		return s.Accounts.Update(w.ctx, func(tx account.Tx) error { return first(f(tx)) })
	})
	w.same("winners of "+what, won, int64(1))
}

func checkProfiles(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	w.updateAccounts(func(tx account.Tx) error {
		_, err := tx.ProfileOf(w.ctx, ann.ID)
		w.want("ProfileOf(nothing)", err, fault.NotFound)
		for _, p := range []access.Profile{{FullName: "Ann"}, {FullName: "Ännchen", Email: "ann@acme.example"}} {
			w.must(tx.PutProfile(w.ctx, ann.ID, p))
			got, err := tx.ProfileOf(w.ctx, ann.ID)
			w.must(err)
			w.same("ProfileOf()", got, p)
		}
		_, err = tx.ProfileOf(w.ctx, zoe.ID)
		w.want("ProfileOf(somebody else)", err, fault.NotFound)
		return nil
	})
}

func checkEndedSignIns(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	step, hers := w.link(onetime.Link{Kind: onetime.Factor, UserID: ann.ID}),
		w.link(onetime.Link{Kind: onetime.Factor, UserID: zoe.ID})
	asked := w.link(onetime.Link{Kind: onetime.Reset, UserID: ann.ID, Origin: account.OriginForgotten})
	made := w.link(onetime.Link{Kind: onetime.Reset, UserID: zoe.ID, CreatedBy: ann.ID})
	invited := w.link(onetime.Link{Kind: onetime.Invite, CreatedBy: ann.ID})
	open := func(want ...onetime.Link) {
		w.Helper()
		w.updateAccounts(func(tx account.Tx) error {
			for _, l := range []onetime.Link{step, hers, asked, made, invited} {
				got, err := tx.LinkByHash(w.ctx, l.Hash)
				w.must(err)
				w.same("open: "+string(l.Kind), got.UsedAt.IsZero(),
					slices.ContainsFunc(want, func(o onetime.Link) bool { return o.ID == l.ID }))
			}
			return nil
		})
	}
	w.updateAccess(func(tx access.Tx) error { return tx.EndSignIns(w.ctx, ann.ID, at) })
	open(hers, asked, made, invited)
	w.updateAccess(func(tx access.Tx) error {
		for _, want := range []int64{1, 0} {
			n, err := tx.EndResetsBy(w.ctx, ann.ID, at)
			w.must(err)
			w.same("EndResetsBy()", n, want)
		}
		return nil
	})
	open(hers, asked, invited)
	w.updateAccess(func(tx access.Tx) error {
		_, err := tx.EndSessionsOf(w.ctx, zoe.ID, "", at)
		return err
	})
	open(asked, invited)
}

// link inserts l, with a new id and hash.
func (w *world) link(l onetime.Link) onetime.Link {
	w.Helper()
	l.ID, l.CreatedAt = w.id("link"), at.Add(time.Duration(w.n)*time.Second)
	l.Hash = digest(l.ID)
	if l.ExpiresAt.IsZero() {
		l.ExpiresAt = at.Add(time.Hour)
	}
	w.updateAccounts(func(tx account.Tx) error { return tx.InsertLink(w.ctx, l) })
	return l
}

func checkOnceLinks(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	full := w.link(onetime.Link{Kind: onetime.Invite, CreatedBy: ann.ID, Invitation: onetime.Invitation{
		Name: "bob", Email: "bob@acme.example", Admin: true,
		Grants: []onetime.Grant{{RepositoryID: w.main.ID, ProjectID: "p", Where: "widgets", Role: "owner"}},
	}})
	bare := w.link(onetime.Link{Kind: onetime.Invite})
	over := w.link(onetime.Link{Kind: onetime.Invite, ExpiresAt: at.Add(-time.Hour)})
	hers, his := w.link(onetime.Link{Kind: onetime.Reset, UserID: ann.ID}),
		w.link(onetime.Link{Kind: onetime.Reset, UserID: zoe.ID})
	w.updateAccounts(func(tx account.Tx) error {
		for _, l := range []onetime.Link{full, bare, over, hers} {
			got, err := tx.LinkByHash(w.ctx, l.Hash)
			w.must(err)
			w.same("LinkByHash()", got, l)
		}
		_, err := tx.LinkByHash(w.ctx, digest("nothing"))
		w.want("LinkByHash(nothing)", err, fault.NotFound)
		open, err := tx.Links(w.ctx, onetime.Invite, at)
		w.must(err)
		w.same("Links()", open, []onetime.Link{bare, full})
		for n := range 3 {
			tries, err := tx.TryLink(w.ctx, hers.ID)
			w.must(err)
			w.same("TryLink()", tries, n+1)
		}
		for _, want := range []bool{true, false} {
			did, err := tx.UseLink(w.ctx, bare.ID, at)
			w.must(err)
			w.same("UseLink()", did, want)
		}
		w.must(tx.EndLinks(w.ctx, onetime.Reset, ann.ID, at))
		return nil
	})
	w.updateAccounts(func(tx account.Tx) error {
		for _, id := range []string{hers.ID, "nothing"} {
			did, err := tx.UseLink(w.ctx, id, at)
			w.must(err)
			w.same("UseLink of an ended one", did, false)
		}
		did, err := tx.UseLink(w.ctx, his.ID, at)
		w.must(err)
		w.same("UseLink of somebody else's", did, true)
		w.must(tx.DeleteLinksBefore(w.ctx, at))
		_, err = tx.LinkByHash(w.ctx, over.Hash)
		w.want("LinkByHash(deleted)", err, fault.NotFound)
		_, err = tx.LinkByHash(w.ctx, full.Hash)
		return err
	})
}

func checkLinkRace(w *world) {
	l := w.link(onetime.Link{Kind: onetime.Invite})
	w.once("one link", func(tx account.Tx) (bool, error) { return tx.UseLink(w.ctx, l.ID, at) })
}

func checkApproval(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	wait := w.link(onetime.Link{Kind: onetime.Invite, CreatedBy: ann.ID, Origin: "somewhere"})
	used := w.link(onetime.Link{Kind: onetime.Invite, CreatedBy: ann.ID, UsedAt: at})
	hers := w.link(onetime.Link{Kind: onetime.Invite, CreatedBy: zoe.ID})
	reset := w.link(onetime.Link{Kind: onetime.Reset, CreatedBy: ann.ID, UserID: zoe.ID})
	end := at.Add(48 * time.Hour)
	w.updateAccounts(func(tx account.Tx) error {
		for _, c := range []struct {
			id   string
			want bool
		}{{wait.ID, true}, {wait.ID, false}, {used.ID, false}, {"nothing", false}} {
			did, err := tx.ApproveLink(w.ctx, c.id, zoe.ID, at, end)
			w.must(err)
			w.same("ApproveLink()", did, c.want)
		}
		wait.ApprovedAt, wait.ApprovedBy, wait.ExpiresAt = at, zoe.ID, end
		got, err := tx.LinkByHash(w.ctx, wait.Hash)
		w.same("LinkByHash(approved)", got, wait)
		return err
	})
	w.updateAccess(func(tx access.Tx) error {
		for _, want := range []int64{1, 0} {
			n, err := tx.EndInvitationsBy(w.ctx, ann.ID, at)
			w.must(err)
			w.same("EndInvitationsBy()", n, want)
		}
		return nil
	})
	w.updateAccounts(func(tx account.Tx) error {
		open, err := tx.Links(w.ctx, onetime.Invite, at)
		w.must(err)
		w.same("Links(after those of one maker ended)", open, []onetime.Link{hers})
		got, err := tx.LinkByHash(w.ctx, reset.Hash)
		w.same("a reset link of the same maker", got, reset)
		return err
	})
}

func checkApprovalRace(w *world) {
	l := w.link(onetime.Link{Kind: onetime.Invite})
	w.once("one approval", func(tx account.Tx) (bool, error) { return tx.ApproveLink(w.ctx, l.ID, "a", at, at) })
}

func checkInvitedBy(w *world) {
	ann := w.user("ann")
	u := access.User{ID: w.id("user"), Name: "guest", CreatedAt: at, InvitedBy: ann.ID}
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.InsertUser(w.ctx, u))
		changed := u
		changed.InvitedBy = "somebody else"
		w.must(tx.UpdateUser(w.ctx, changed))
		got, err := tx.UserByID(w.ctx, u.ID)
		w.same("UserByID(invited)", got, u)
		return err
	})
}

func checkTOTPs(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	key := signin.TOTP{UserID: ann.ID, Secret: "JBSWY3DPEHPK3PXP", CreatedAt: at, SessionID: "hers"}
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.PutTOTP(w.ctx, signin.TOTP{UserID: ann.ID, Secret: "OLD", CreatedAt: at, SessionID: "another"}))
		w.must(tx.PutTOTP(w.ctx, key))
		w.must(tx.PutTOTP(w.ctx, signin.TOTP{UserID: zoe.ID, Secret: "HERS", CreatedAt: at}))
		got, err := tx.TOTPOf(w.ctx, ann.ID)
		w.must(err)
		w.same("TOTPOf()", got, key)
		for _, c := range []struct {
			step int64
			want bool
		}{{100, true}, {100, false}, {99, false}, {101, true}} {
			did, err := tx.UseTOTP(w.ctx, ann.ID, c.step, at.Add(time.Duration(c.step)*time.Second))
			w.must(err)
			w.same(fmt.Sprintf("UseTOTP(%d)", c.step), did, c.want)
		}
		got, err = tx.TOTPOf(w.ctx, ann.ID)
		w.must(err)
		key.LastStep, key.ConfirmedAt = 101, at.Add(100*time.Second)
		w.same("TOTPOf(after use)", got, key)
		w.must(tx.DeleteTOTP(w.ctx, ann.ID))
		_, err = tx.TOTPOf(w.ctx, ann.ID)
		w.want("TOTPOf(deleted)", err, fault.NotFound)
		got, err = tx.TOTPOf(w.ctx, zoe.ID)
		w.same("TOTPOf(somebody else)", got.LastStep, int64(0))
		return err
	})
}

func checkTOTPRace(w *world) {
	ann := w.user("ann")
	w.updateAccounts(func(tx account.Tx) error {
		return tx.PutTOTP(w.ctx, signin.TOTP{UserID: ann.ID, Secret: "KEY", CreatedAt: at})
	})
	w.once("one code", func(tx account.Tx) (bool, error) { return tx.UseTOTP(w.ctx, ann.ID, 7, at) })
}

func checkRecovery(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.PutRecovery(w.ctx, ann.ID, []string{digest("old")}))
		w.must(tx.PutRecovery(w.ctx, ann.ID, []string{digest("1"), digest("2")}))
		w.must(tx.PutRecovery(w.ctx, zoe.ID, []string{digest("3")}))
		for _, c := range []struct {
			code string
			want bool
		}{{"1", true}, {"1", false}, {"old", false}, {"3", false}, {"", false}} {
			did, err := tx.UseRecovery(w.ctx, ann.ID, digest(c.code), at)
			w.must(err)
			w.same("UseRecovery("+c.code+")", did, c.want)
		}
		for id, want := range map[string]int{ann.ID: 1, zoe.ID: 1, "nobody": 0} {
			left, err := tx.RecoveryLeft(w.ctx, id)
			w.must(err)
			w.same("RecoveryLeft()", left, want)
		}
		return nil
	})
}

func checkRecoveryRace(w *world) {
	ann := w.user("ann")
	w.updateAccounts(func(tx account.Tx) error { return tx.PutRecovery(w.ctx, ann.ID, []string{digest("1")}) })
	w.once("one recovery code",
		func(tx account.Tx) (bool, error) { return tx.UseRecovery(w.ctx, ann.ID, digest("1"), at) })
}

func checkDevices(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.InsertDevice(w.ctx, digest("a"), ann.ID, at))
		w.must(tx.InsertDevice(w.ctx, digest("z"), zoe.ID, at))
		for hash, want := range map[string]string{digest("a"): ann.ID, digest("z"): zoe.ID} {
			got, err := tx.DeviceOf(w.ctx, hash)
			w.must(err)
			w.same("DeviceOf()", got, want)
		}
		_, err := tx.DeviceOf(w.ctx, digest("nothing"))
		w.want("DeviceOf(nothing)", err, fault.NotFound)
		w.must(tx.InsertDevice(w.ctx, digest("old"), ann.ID, at.Add(-time.Second)))
		w.must(tx.DeleteDevicesBefore(w.ctx, at))
		_, err = tx.DeviceOf(w.ctx, digest("old"))
		w.want("DeviceOf(swept)", err, fault.NotFound)
		_, err = tx.DeviceOf(w.ctx, digest("a"))
		w.must(err)
		return nil
	})
}

func checkAttempts(w *world) {
	w.updateAccounts(func(tx account.Tx) error {
		n, last, err := tx.Attempts(w.ctx, "nothing")
		w.must(err)
		w.same("Attempts(nothing)", []any{n, last.IsZero()}, []any{0, true})
		w.must(tx.PutAttempts(w.ctx, "old", 1, at.Add(-time.Hour)))
		for i := range 3 {
			w.must(tx.PutAttempts(w.ctx, "new", i, at.Add(time.Duration(i)*time.Minute)))
		}
		w.must(tx.DeleteAttemptsBefore(w.ctx, at))
		return nil
	})
	w.must(w.b.Accounts.View(w.ctx, func(tx account.Tx) error {
		for bucket, want := range map[string]int{"old": 0, "new": 2} {
			n, _, err := tx.Attempts(w.ctx, bucket)
			w.must(err)
			w.same("Attempts("+bucket+")", n, want)
		}
		return nil
	}))
}

// checkCounted checks that refusals with one ID, even concurrent ones, are one entry with a count and a list of
// subjects.
func checkCounted(w *world) {
	e := audit.Entry{
		At:      at,
		Action:  "session.refuse",
		Outcome: audit.Refused,
		Actor:   audit.Actor{Address: "192.0.2.1"},
		Subject: "ann",
	}
	e = e.OncePerMinute("192.0.2.0/24", "password")
	others := []audit.Entry{
		e.OncePerMinute("192.0.3.0/24", "password"), e.OncePerMinute("192.0.2.0/24", "passkey"),
		{At: at.Add(time.Minute), Action: e.Action, Outcome: audit.Refused},
		{At: at, Action: "x", Outcome: audit.Refused},
	}
	for i := 2; i < 4; i++ {
		others[i] = others[i].OncePerMinute("192.0.2.0/24", "password")
	}
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.CountAudit(w.ctx, e))
		for _, other := range others {
			w.must(tx.CountAudit(w.ctx, other))
		}
		return nil
	})
	w.race(16, func(s Stores, i int) error {
		return s.Accounts.Update(w.ctx, func(tx account.Tx) error {
			again := e
			again.Actor.Address, again.Subject = "192.0.2.2", []string{"bob", "", "an", "ann"}[i%4]
			return tx.CountAudit(w.ctx, again)
		})
	})
	for range 100 {
		w.updateAccounts(func(tx account.Tx) error {
			again := e
			again.Subject = w.id("name")
			return tx.CountAudit(w.ctx, again)
		})
	}
	w.updateAccounts(func(tx account.Tx) error {
		all, err := tx.Entries(w.ctx, audit.Filter{Limit: 10})
		w.must(err)
		w.same("entries", len(all), 1+len(others))
		for _, got := range all {
			if got.ID != e.ID {
				w.same("another's count", got.More, 0)
				continue
			}
			names := strings.Fields(got.Subject)
			slices.Sort(names)
			w.same("the count", got.More, 116)
			w.same("the address", got.Actor.Address, "192.0.2.1")
			for _, name := range []string{"an", "ann", "bob"} {
				if n := len(slices.DeleteFunc(slices.Clone(names), func(s string) bool { return s != name })); n != 1 {
					w.Errorf("%s is %d times among %q, want once", name, n, names)
				}
			}
			if len(got.Subject) > 300 || len(got.Subject) < 200 {
				w.Errorf("the subjects take %d bytes, want some 200", len(got.Subject))
			}
		}
		return nil
	})
}

func checkPasskeys(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	key := func(u access.User, name string) signin.Passkey {
		return signin.Passkey{
			ID:           w.id("passkey"),
			UserID:       u.ID,
			CredentialID: "credential " + name,
			Name:         name,
			Credential:   `{"counter":1}`,
			CreatedAt:    at.Add(time.Duration(w.n) * time.Second),
		}
	}
	a, b, z := key(ann, "laptop"), key(ann, "phone"), key(zoe, "tablet")
	w.updateAccounts(func(tx account.Tx) error {
		for _, p := range []signin.Passkey{a, b, z} {
			w.must(tx.InsertPasskey(w.ctx, p))
		}
		return nil
	})
	stolen := key(zoe, "laptop")
	w.want("InsertPasskey of a credential that is there",
		w.a.Accounts.Update(w.ctx, func(tx account.Tx) error { return tx.InsertPasskey(w.ctx, stolen) }), fault.Conflict)
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.UsePasskey(w.ctx, a.ID, `{"counter":2}`, at.Add(time.Hour)))
		a.Credential, a.UsedAt = `{"counter":2}`, at.Add(time.Hour)
		got, err := tx.PasskeysOf(w.ctx, ann.ID)
		w.must(err)
		w.same("PasskeysOf()", got, []signin.Passkey{a, b})
		one, err := tx.PasskeyByCredential(w.ctx, z.CredentialID)
		w.must(err)
		w.same("PasskeyByCredential()", one, z)
		for _, c := range []struct {
			user, id string
			want     bool
		}{{zoe.ID, a.ID, false}, {ann.ID, a.ID, true}, {ann.ID, a.ID, false}, {ann.ID, "nothing", false}} {
			did, err := tx.DeletePasskey(w.ctx, c.user, c.id)
			w.must(err)
			w.same("DeletePasskey()", did, c.want)
		}
		_, err = tx.PasskeyByCredential(w.ctx, a.CredentialID)
		w.want("PasskeyByCredential(deleted)", err, fault.NotFound)
		return nil
	})
}

func checkChallenges(w *world) {
	over, open := at.Add(-time.Minute), at.Add(time.Minute)
	w.once("one challenge",
		func(tx account.Tx) (bool, error) { return tx.UseChallenge(w.ctx, "c", challenge.ForSignIn, open) })
	w.once("another one",
		func(tx account.Tx) (bool, error) { return tx.UseChallenge(w.ctx, "d", challenge.ForSignIn, over) })
	use := func(id string, kind challenge.Kind, want bool) {
		w.Helper()
		w.updateAccounts(func(tx account.Tx) error {
			first, err := tx.UseChallenge(w.ctx, id, kind, open)
			w.same("UseChallenge("+id+")", first, want)
			return err
		})
	}
	use("c", challenge.ForSignOn, false)
	w.updateAccounts(func(tx account.Tx) error { return tx.DeleteChallengesBefore(w.ctx, at) })
	use("c", challenge.ForSignIn, false)
	use("d", challenge.ForSignIn, true)
}

// checkOutbox checks that letters are due in order, and that only one of several concurrent takers gets a letter.
func checkOutbox(w *world) {
	letter := func(to string, due, written time.Duration) outbox.Waiting {
		l := outbox.Waiting{
			ID:        w.id("letter"),
			To:        to,
			Letter:    outbox.Letter{Subject: "Your account", Text: "Ünder\n\nlines\n"},
			CreatedAt: at.Add(written),
			DueAt:     at.Add(due),
			Tries:     2,
		}
		w.updateAccounts(func(tx account.Tx) error { return tx.InsertWaiting(w.ctx, l) })
		return l
	}
	second, first, later, old := letter("ann", 0, 0), letter("ann", -time.Minute, 0), letter("bob", time.Microsecond, 0),
		letter("ann", time.Hour, -time.Hour)
	w.must(w.b.Accounts.View(w.ctx, func(tx account.Tx) error {
		for limit, want := range map[int][]outbox.Waiting{0: nil, 1: {first}, 10: {first, second}} {
			got, err := tx.Due(w.ctx, at, limit)
			w.must(err)
			w.same("Due()", got, want)
		}
		for to, want := range map[string]int{"ann": 3, "bob": 1, "nobody": 0} {
			one, all, err := tx.WaitingFor(w.ctx, to)
			w.must(err)
			w.same("WaitingFor("+to+")", []int{one, all}, []int{want, 4})
		}
		return nil
	}))
	w.once("a letter", func(tx account.Tx) (bool, error) { return tx.MoveWaiting(w.ctx, first, at.Add(time.Hour), 3) })
	w.updateAccounts(func(tx account.Tx) error {
		gone := later
		gone.ID = "nothing"
		again := second
		again.Tries = 1
		for _, l := range []outbox.Waiting{gone, again, first} {
			did, err := tx.MoveWaiting(w.ctx, l, at, 4)
			w.must(err)
			w.same("MoveWaiting of one that is not so", did, false)
		}
		first.DueAt, first.Tries = at.Add(time.Hour), 3
		got, err := tx.Due(w.ctx, at.Add(time.Hour), 10)
		w.must(err)
		w.same("Due(moved)", got, []outbox.Waiting{second, later, first, old})
		w.must(tx.DeleteWaiting(w.ctx, later.ID))
		w.must(tx.DeleteWaiting(w.ctx, "nothing"))
		n, err := tx.DeleteWaitingBefore(w.ctx, at)
		w.must(err)
		w.same("DeleteWaitingBefore()", n, int64(1))
		got, err = tx.Due(w.ctx, at.Add(time.Hour), 10)
		w.same("Due(deleted)", got, []outbox.Waiting{second, first})
		return err
	})
}

// checkKeyRace checks that replicas that create a key at once agree on one.
func checkKeyRace(w *world) {
	w.must(w.a.Accounts.View(w.ctx, func(tx account.Tx) error {
		_, err := tx.Key(w.ctx, "seals")
		w.want("Key(nothing)", err, fault.NotFound)
		return nil
	}))
	got := make([]string, 16)
	w.race(16, func(s Stores, i int) error {
		return s.Accounts.Update(w.ctx, func(tx account.Tx) (err error) {
			if err = tx.InsertKey(w.ctx, "seals", fmt.Sprintf("%064d", i), at); err == nil {
				got[i], err = tx.Key(w.ctx, "seals")
			}
			return err
		})
	})
	slices.Sort(got)
	w.same("keys that were read", len(slices.Compact(got)), 1)
}

func checkIdentities(w *world) {
	ann, zoe := w.user("ann"), w.user("zoe")
	insert := func(issuer, subject string, u access.User) error {
		return w.a.Accounts.Update(w.ctx,
			func(tx account.Tx) error { return tx.InsertIdentity(w.ctx, issuer, subject, u.ID, at) })
	}
	w.must(insert("https://login.example", "1", ann))
	w.must(insert("https://other.example", "1", zoe))
	w.want("InsertIdentity of somebody else", insert("https://login.example", "1", zoe), fault.Conflict)
	w.must(w.b.Accounts.View(w.ctx, func(tx account.Tx) error {
		for issuer, want := range map[string]string{"https://login.example": ann.ID, "https://other.example": zoe.ID} {
			got, err := tx.IdentityUser(w.ctx, issuer, "1")
			w.must(err)
			w.same("IdentityUser("+issuer+")", got, want)
		}
		for _, c := range [][2]string{{"https://login.example", "2"}, {"https://login.example", ""}, {"", "1"}} {
			_, err := tx.IdentityUser(w.ctx, c[0], c[1])
			w.want("IdentityUser(nothing)", err, fault.NotFound)
		}
		return nil
	}))
	w.must(insert("https://login.example", "2", ann))
	w.updateAccounts(func(tx account.Tx) error {
		for _, c := range []struct {
			user            access.User
			issuer, subject string
			want            bool
		}{
			{zoe, "https://login.example", "1", false},
			{ann, "https://other.example", "1", false},
			{ann, "https://login.example", "1", true},
			{ann, "https://login.example", "1", false},
		} {
			did, err := tx.DeleteIdentity(w.ctx, c.user.ID, c.issuer, c.subject)
			w.must(err)
			w.same("DeleteIdentity()", did, c.want)
		}
		for id, want := range map[string][]account.LinkedIdentity{ann.ID: {{
			Issuer: "https://login.example", Subject: "2", LinkedAt: at,
		}}, zoe.ID: {{Issuer: "https://other.example", Subject: "1", LinkedAt: at}}, "nobody": nil} {
			got, err := tx.IdentitiesOf(w.ctx, id)
			w.must(err)
			w.same("IdentitiesOf()", got, want)
		}
		return nil
	})
}

func checkGroups(w *world) {
	ann, zoe, p := w.user("ann"), w.user("zoe"), w.project("p")
	team := access.Group{ID: w.id("group"), Name: "team", Description: "Those who build", CreatedAt: at}
	ops := access.Group{ID: w.id("group"), Name: "ops", CreatedAt: at}
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.InsertGroup(w.ctx, team))
		w.must(tx.InsertGroup(w.ctx, ops))
		w.must(tx.PutMember(w.ctx, team.ID, zoe.ID, "", at))
		w.must(tx.PutMember(w.ctx, team.ID, ann.ID, "single sign-on", at))
		w.must(tx.PutMember(w.ctx, team.ID, ann.ID, "", at))
		w.must(tx.PutMember(w.ctx, ops.ID, ann.ID, "", at))
		members, err := tx.MembersOf(w.ctx, team.ID)
		w.must(err)
		w.same("members", []string{members[0].User, members[0].Source, members[1].User},
			[]string{"ann", "single sign-on", "zoe"})
		for source, want := range map[string][]access.Group{"*": {ops, team}, "single sign-on": {team}, "": {ops}} {
			got, err := tx.GroupsOf(w.ctx, ann.ID, source)
			w.must(err)
			w.same("GroupsOf("+source+")", got, want)
		}
		return nil
	})
	grant := access.GroupGrant{
		GroupID:      team.ID,
		RepositoryID: w.main.ID,
		ProjectID:    p.ID,
		Role:         access.Uploader,
		CreatedAt:    at,
	}
	w.updateAccounts(func(tx account.Tx) error {
		w.must(tx.PutGroupGrant(w.ctx, grant))
		grant.Role = access.Owner
		w.must(tx.PutGroupGrant(w.ctx, grant))
		got, err := tx.GroupGrants(w.ctx, "")
		w.must(err)
		w.same("GroupGrants", []any{len(got), got[0].Role, got[0].Group, got[0].Project}, []any{1, access.Owner, "team", "p"})
		w.must(tx.DeleteGroup(w.ctx, team.ID))
		got, err = tx.GroupGrants(w.ctx, "")
		w.must(err)
		w.same("GroupGrants(deleted)", len(got), 0)
		left, err := tx.GroupsOf(w.ctx, ann.ID, "*")
		w.must(err)
		w.same("GroupsOf(after deletion)", left, []access.Group{ops})
		did, err := tx.RemoveMember(w.ctx, ops.ID, zoe.ID)
		w.same("RemoveMember of who is not in it", did, false)
		return err
	})
}

func checkGroupRace(w *world) {
	won := w.race(16, func(s Stores, i int) error {
		return s.Accounts.Update(w.ctx, func(tx account.Tx) error {
			return tx.InsertGroup(w.ctx, access.Group{ID: fmt.Sprint("group", i), Name: "wanted", CreatedAt: at})
		})
	})
	w.same("winners of one group name", won, int64(1))
}
