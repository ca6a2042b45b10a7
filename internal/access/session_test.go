package access_test

import (
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// signIn makes an account where there is none, and a session of it.
func (o *office) signIn(user string) (access.Session, access.Secret) {
	o.t.Helper()
	if _, err := o.AddUser(o.t.Context(), o.boss, access.NewUser{Name: user}); err != nil &&
		!fault.Is(err, fault.Conflict) {
		o.t.Fatal(err)
	}
	users, err := o.Users(o.t.Context(), o.boss)
	if err != nil {
		o.t.Fatal(err)
	}
	for _, u := range users {
		if u.Name == user {
			s, secret, err := o.BeginSession(o.t.Context(), access.Guest(true).At("192.0.2.1", "r"),
				access.NewSession{UserID: u.ID, Method: "password", Agent: "Firefox"})
			if err != nil {
				o.t.Fatal(err)
			}
			return s, secret
		}
	}
	o.t.Fatalf("there is no user %s", user)
	return access.Session{}, ""
}

// session asks both keyrings, which must agree whether somebody is signed in.
func (o *office) session(s access.Secret) access.Caller {
	o.t.Helper()
	who, err := o.keys.Session(o.t.Context(), s)
	_, err2 := o.beside.Session(o.t.Context(), s)
	if (err == nil) != (err2 == nil) {
		o.t.Errorf("two processes disagree about a session: %v and %v", err, err2)
	}
	if err != nil && (!fault.Is(err, fault.Unauthenticated) || who.Known()) {
		o.t.Errorf("Session = %v, %v, want unauthenticated and nobody", who, err)
	}
	return who
}

func TestSessionLife(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	first, s := o.signIn("alice")
	_, other := o.signIn("alice")
	_, bobs := o.signIn("bob")
	who := o.session(s)
	if who.Name() != "alice" || who.SessionID() != first.ID || who.TokenID() != "" || !who.Uploads() || who.Admin() {
		t.Errorf("Session = %+v, want alice with all her rights", who)
	}
	if !who.Confirmed(o.now) || who.Confirmed(o.now.Add(access.ConfirmedFor)) {
		t.Error("a fresh session is confirmed for a quarter of an hour")
	}
	if err := o.EndSession(ctx, o.session(bobs), first.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("ending somebody else's session = %v, want not found", err)
	}
	if _, refusal := o.identify(s); refusal == "" {
		t.Error("a session's cookie is taken for a token")
	}
	for _, bad := range []access.Secret{"", "x", s[1:] + "A", s + "A", access.Secret(first.Hash)} {
		if o.session(bad).Known() {
			t.Errorf("%q is taken for a session", bad.Reveal())
		}
	}
	if err := o.EndOtherSessions(ctx, who); err != nil {
		t.Fatal(err)
	}
	if o.session(other).Known() || !o.session(s).Known() || !o.session(bobs).Known() {
		t.Error("EndOtherSessions ends the caller's others and nothing else")
	}
	if err := o.EndSession(ctx, who, first.ID); err != nil || o.session(s).Known() {
		t.Errorf("EndSession = %v, and the session goes on: %v", err, o.session(s).Known())
	}
	if err := o.EndSession(ctx, who, first.ID); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("EndSession by a session that ended = %v, want unauthenticated", err)
	}
}

// Somebody with a token, or nobody, has no sessions to look at or end.
func TestSessionsNeedOne(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	s, _ := o.signIn("alice")
	_, secret := o.token("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
	byToken, _ := o.identify(secret)
	for name, who := range map[string]access.Caller{"nobody": {}, "token": byToken, "operator": o.boss} {
		t.Run(name, func(t *testing.T) {
			_, list := o.Sessions(ctx, who)
			for what, err := range map[string]error{
				"Sessions": list, "EndSession": o.EndSession(ctx, who, s.ID), "EndOtherSessions": o.EndOtherSessions(ctx, who),
				"ConfirmSession": o.ConfirmSession(ctx, who),
			} {
				if !fault.Is(err, fault.Unauthenticated) {
					t.Errorf("%s by %s = %v, want unauthenticated", what, name, err)
				}
			}
		})
	}
}

func TestSessionTimes(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	_, idle := o.signIn("alice")
	_, used := o.signIn("alice")
	start := o.now
	for o.now.Sub(start) < access.SessionLifetime {
		if !o.session(used).Known() {
			t.Fatalf("a session in use ended after %v", o.now.Sub(start))
		}
		for _, k := range []*access.Keyring{o.keys, o.beside} {
			if err := k.Flush(ctx); err != nil {
				t.Fatal(err)
			}
		}
		if o.now.Sub(start) >= access.SessionIdle && o.session(idle).Known() {
			t.Fatalf("an idle session lives after %v", o.now.Sub(start))
		}
		o.now = o.now.Add(access.SessionIdle - time.Hour)
	}
	if o.session(used).Known() {
		t.Error("a session lives longer than its lifetime")
	}
	if err := o.SweepSessions(ctx); err != nil {
		t.Fatal(err)
	}
}

// What changes a person's rights counts for their sessions at the next request, and disabling ends them.
func TestSessionRights(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	_, s := o.signIn("alice")
	before := o.session(s)
	if err := o.DisableUser(ctx, o.boss, "alice"); err != nil {
		t.Fatal(err)
	}
	if o.session(s).Known() {
		t.Error("a disabled person is signed in")
	}
	if _, _, err := o.BeginSession(ctx, access.Guest(true),
		access.NewSession{UserID: before.ID(), Method: "password"}); !fault.Is(err, fault.Denied) {
		t.Errorf("BeginSession for a disabled account = %v, want denied", err)
	}
	if err := o.EnableUser(ctx, o.boss, "alice"); err != nil || o.session(s).Known() {
		t.Errorf("EnableUser = %v; a session of before the account was disabled works again: %v", err, o.session(s).Known())
	}
	_, s = o.signIn("alice")
	o.now = o.now.Add(access.ConfirmedFor)
	if who := o.session(s); who.Confirmed(o.now) {
		t.Error("a proof counts for too long")
	} else if err := o.ConfirmSession(ctx, who); err != nil || !o.session(s).Confirmed(o.now) {
		t.Errorf("ConfirmSession = %v, confirmed %v", err, o.session(s).Confirmed(o.now))
	}
}
