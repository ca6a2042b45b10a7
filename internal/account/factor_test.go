package account_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/signin"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// guarded is a bureau whose settings demand second factors, with people of each kind.
func guarded(t *testing.T, policy access.FactorPolicy, members access.Role, passwords bool) *bureau {
	t.Helper()
	b := newBureau(t, func(o *settings) { o.signin.SecondFactor = policy })
	b.keys = access.NewKeyring(b.rows.Access(),
		access.KeyringOptions{Now: func() time.Time { return b.now }, SecondFactor: policy})
	ctx := t.Context()
	for _, name := range []string{"admin", "owner", "uploader", "by-group", "reader", "plain"} {
		n := access.NewUser{Name: name, Admin: name == "admin"}
		if passwords {
			n.Password = good
		}
		if _, err := b.dir.AddUser(ctx, b.boss, n); err != nil {
			t.Fatal(err)
		}
	}
	team, err := b.dir.AddGroup(ctx, b.boss, "team", "")
	b.must(err)
	b.must(b.dir.AddMember(ctx, b.boss, "team", "by-group"))
	main := b.main()
	b.must(b.rows.Catalog().Update(ctx, func(tx catalog.Tx) error {
		r, err := tx.RepositoryByName(ctx, catalog.MainRepository)
		if err != nil {
			return err
		}
		r.Members = members
		return tx.UpdateRepository(ctx, r)
	}))
	b.must(b.store.Update(ctx, func(tx account.Tx) error {
		for name, role := range map[string]access.Role{
			"owner": access.Owner, "uploader": access.Uploader, "reader": access.Reader,
		} {
			u, err := tx.UserByName(ctx, name)
			if err == nil {
				err = tx.PutGrant(ctx, access.Grant{UserID: u.ID, RepositoryID: main, Role: role, CreatedAt: b.now})
			}
			if err != nil {
				return err
			}
		}
		_, err := tx.NextSerial(ctx)
		if err == nil {
			err = tx.PutGroupGrant(ctx,
				access.GroupGrant{GroupID: team.ID, RepositoryID: main, Role: access.Uploader, CreatedAt: b.now})
		}
		return err
	}))
	return b
}

// begin begins a session by a method, and returns the secret.
func (b *bureau) begin(name, method string) access.Secret {
	b.t.Helper()
	u, err := b.dir.User(b.t.Context(), b.boss, name)
	b.must(err)
	_, secret, err := b.dir.BeginSession(b.t.Context(), from, access.NewSession{UserID: u.ID, Method: method})
	b.must(err)
	return secret
}

// passkey gives a user a passkey, as if they had registered it.
func (b *bureau) passkey(name string) {
	b.t.Helper()
	u, err := b.dir.User(b.t.Context(), b.boss, name)
	b.must(err)
	b.must(b.store.Update(b.t.Context(), func(tx account.Tx) error {
		if _, err := tx.NextSerial(b.t.Context()); err != nil {
			return err
		}
		return tx.InsertPasskey(b.t.Context(),
			signin.Passkey{ID: name, UserID: u.ID, CredentialID: name, Name: "key", CreatedAt: b.now})
	}))
}

// Whom the setting applies to: each person under each setting, without a second factor, has to set one up and may do
// nothing else, or is left alone.
func TestWhoNeedsASecondFactor(t *testing.T) {
	for _, c := range []struct {
		policy  access.FactorPolicy
		members access.Role
		want    string // who has to set up one
	}{
		{"", access.Uploader, ""},
		{access.FactorNone, access.Uploader, ""},
		{access.FactorAdministrators, access.Uploader, "admin"},
		{access.FactorPublishers, access.Reader, "admin owner uploader by-group"},
		{access.FactorPublishers, access.NoRole, "admin owner uploader by-group"},
		{access.FactorPublishers, access.Uploader, "admin owner uploader by-group reader plain"},
		{access.FactorAll, access.NoRole, "admin owner uploader by-group reader plain"},
	} {
		b := guarded(t, c.policy, c.members, false)
		place := access.Object{RepositoryID: b.main(), Members: c.members}
		for _, name := range []string{"admin", "owner", "uploader", "by-group", "reader", "plain"} {
			want := strings.Contains(" "+c.want+" ", " "+name+" ")
			for _, method := range []string{"password", "sso", "link"} {
				who, err := b.keys.Session(t.Context(), b.begin(name, method))
				b.must(err)
				if who.MustEnrol() != want {
					t.Errorf("%q, members %v: %s by %s must set up a second factor: %v, want %v", c.policy, c.members, name, method,
						who.MustEnrol(), want)
				}
				if want && (who.Admin() || who.Manages() || who.Uploads() || who.MayCreate(place) ||
					who.May(access.Reader, place)) {
					t.Errorf("%q: %s may do something without a second factor", c.policy, name)
				}
				_, _, err = b.dir.CreateToken(t.Context(), who,
					access.NewAPIToken{User: name, Scope: access.ScopeRead, Description: method})
				if fault.Is(err, fault.Denied) != want {
					t.Errorf("%q: CreateToken by %s = %v", c.policy, name, err)
				}
			}
		}
	}
}

// What the session has to show once there is a second factor: one that began without it is refused.
func TestSessionsShowASecondFactor(t *testing.T) {
	for method, want := range map[string]bool{
		"password": false, "sso": false, "link": false, "": false,
		"passkey": true, "password+totp": true, "password+recovery": true, "sso+totp": true, "sso+recovery": true,
	} {
		b := guarded(t, access.FactorAll, access.Uploader, false)
		b.passkey("reader")
		who, err := b.keys.Session(t.Context(), b.begin("reader", method))
		if got := err == nil && who.Known() && !who.MustEnrol(); got != want {
			t.Errorf("a session by %q works: %v (%v), want %v", method, got, err, want)
		}
		b.want("another's session", func() error { _, err := b.keys.Session(t.Context(), "x"); return err }(),
			fault.Unauthenticated)
	}
	b := guarded(t, access.FactorAdministrators, access.Uploader, false)
	b.passkey("reader")
	if who, err := b.keys.Session(t.Context(), b.begin("reader", "password")); err != nil || !who.Uploads() {
		t.Errorf("a session of somebody to whom the setting does not apply = %v", err)
	}
}

// Setting up an authenticator opens everything in that session, and ends the others that had no second factor: whoever
// else knows the password gains nothing by it.
func TestEnrolmentOpensThatSessionAlone(t *testing.T) {
	b := guarded(t, access.FactorAll, access.Uploader, false)
	ctx := t.Context()
	mine, thief := b.begin("plain", "password"), b.begin("plain", "password")
	who, err := b.keys.Session(ctx, mine)
	b.must(err)
	e, err := b.BeginTOTP(ctx, who)
	b.must(err)
	_, err = b.ConfirmTOTP(ctx, who, "000000")
	b.want("a wrong first code", err, fault.Invalid)
	if who, err = b.keys.Session(ctx, mine); err != nil || !who.MustEnrol() {
		t.Errorf("a key that was not confirmed counts: %v", err)
	}
	_, err = b.ConfirmTOTP(ctx, who, totp(t, e.Secret, b.now))
	b.must(err)
	if who, err = b.keys.Session(ctx, mine); err != nil || who.MustEnrol() || !who.Uploads() {
		t.Errorf("after setting up the session is %+v, %v", who, err)
	}
	_, err = b.keys.Session(ctx, thief)
	b.want("another session of before", err, fault.Unauthenticated)
	b.must(b.RemoveTOTP(ctx, who))
	if who, err = b.keys.Session(ctx, mine); err != nil || !who.MustEnrol() {
		t.Errorf("after removing it the session is %+v, %v", who, err)
	}
}

// A password alone does not sign in where a passkey is the second factor that is demanded; without the demand it does.
func TestPasswordAsksForThePasskey(t *testing.T) {
	for policy, want := range map[access.FactorPolicy]bool{
		access.FactorNone: false, access.FactorAdministrators: false, access.FactorPublishers: true, access.FactorAll: true,
	} {
		b := guarded(t, policy, access.Reader, true)
		b.passkey("uploader")
		s, err := b.SignIn(t.Context(), from, signin.Login{Name: "uploader", Password: good})
		if err != nil || (s.Factor != "") != want || (s.UserID == "") != want {
			t.Errorf("%s: SignIn = %+v, %v, want a second step: %v", policy, s, err, want)
		}
		if s, err = b.SignIn(t.Context(), from, signin.Login{Name: "owner", Password: good}); err != nil || s.Factor != "" {
			t.Errorf("%s: SignIn without any = %+v, %v", policy, s, err)
		}
	}
}

// API tokens that were made before keep working.
func TestTokensOfBeforeKeepWorking(t *testing.T) {
	b := guarded(t, access.FactorAll, access.Reader, false)
	_, secret, err := b.dir.CreateToken(t.Context(), b.boss,
		access.NewAPIToken{User: "uploader", Scope: access.ScopeUpload})
	b.must(err)
	if who, err := b.keys.Identify(t.Context(), "__token__", secret); err != nil || !who.Uploads() {
		t.Errorf("Identify = %v", err)
	}
}

// An administrator removes the second factors of somebody who lost them; nobody else does.
func TestRemoveFactors(t *testing.T) {
	b := guarded(t, access.FactorAll, access.Uploader, false)
	ctx := t.Context()
	b.passkey("plain")
	s := b.begin("plain", "passkey")
	who, err := b.keys.Session(ctx, s)
	b.must(err)
	b.want("RemoveFactors by a user", b.RemoveFactors(ctx, who, "admin"), fault.Denied)
	b.want("RemoveFactors by nobody", b.RemoveFactors(ctx, from, "plain"), fault.Denied)
	b.want("RemoveFactors of nobody", b.RemoveFactors(ctx, b.boss, "nobody"), fault.NotFound)
	_, err = b.FactorsOf(ctx, who, "admin")
	b.want("FactorsOf by a user", err, fault.Denied)
	_, err = b.FactorsOf(ctx, b.boss, "nobody")
	b.want("FactorsOf of nobody", err, fault.NotFound)
	if f, err := b.FactorsOf(ctx, b.boss, "plain"); err != nil || f != (account.Factors{Passkeys: 1}) {
		t.Errorf("FactorsOf = %+v, %v", f, err)
	}
	b.must(b.RemoveFactors(ctx, b.boss, "plain"))
	b.want("RemoveFactors of an account without any", b.RemoveFactors(ctx, b.boss, "plain"), fault.Conflict)
	if f, err := b.FactorsOf(ctx, b.boss, "plain"); err != nil || f != (account.Factors{}) {
		t.Errorf("FactorsOf after it = %+v, %v", f, err)
	}
	_, err = b.keys.Session(ctx, s)
	b.want("a session of before", err, fault.Unauthenticated)
	if who, err := b.keys.Session(ctx, b.begin("plain", "password")); err != nil || !who.MustEnrol() {
		t.Errorf("after it a session is %+v, %v", who, err)
	}
	if got := b.actions(); got["user.remove-factors granted"] != 1 || got["user.remove-factors refused"] != 2 {
		t.Errorf("the record has %v", got)
	}
}
