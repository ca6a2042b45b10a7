package access_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// office is a directory and two keyrings, as two processes would have them, on one database.
type office struct {
	*access.Directory
	t      *testing.T
	rows   *db.DB
	keys   *access.Keyring
	beside *access.Keyring
	boss   access.Caller
	now    time.Time
}

func newOffice(t *testing.T, change ...func(*access.DirectoryOptions)) *office {
	t.Helper()
	url := storagetest.SQLite(t)
	open := func() *db.DB {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	o := &office{t: t, rows: open(), boss: access.Operator("test"), now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return o.now }
	options := access.DirectoryOptions{Now: clock}
	for _, f := range change {
		f(&options)
	}
	o.Directory = access.NewDirectory(o.rows.Access(), options)
	o.keys = access.NewKeyring(o.rows.Access(), access.KeyringOptions{Now: clock})
	o.beside = access.NewKeyring(open().Access(), access.KeyringOptions{Now: clock})
	return o
}

// token makes an account where there is none, and a token of it.
func (o *office) token(user string, n access.NewAPIToken) (access.Token, access.Secret) {
	o.t.Helper()
	if _, err := o.AddUser(o.t.Context(), o.boss, access.NewUser{Name: user}); err != nil &&
		!fault.Is(err, fault.Conflict) {
		o.t.Fatal(err)
	}
	n.User = user
	token, secret, err := o.CreateToken(o.t.Context(), o.boss, n)
	if err != nil {
		o.t.Fatal(err)
	}
	return token, secret
}

// bearer parses a value of the Authorization header.
func bearer(value string) (string, access.Secret, error) {
	return "__token__", access.Secret(strings.TrimPrefix(value, "Bearer ")), nil
}

// identify asks both keyrings, which must agree, and returns the refusal's text.
func (o *office) identify(s access.Secret) (access.Caller, string) {
	o.t.Helper()
	who, err := o.keys.Identify(o.t.Context(), "__token__", s)
	_, err2 := o.beside.Identify(o.t.Context(), "__token__", s)
	if (err == nil) != (err2 == nil) {
		o.t.Errorf("two processes disagree about a token: %v and %v", err, err2)
	}
	for range 2 { // looked up, and remembered
		for _, keys := range []*access.Keyring{o.keys, o.beside} {
			by, err3 := keys.Authorize(o.t.Context(), "Bearer "+s.Reveal(), bearer)
			if fmt.Sprint(err3) != fmt.Sprint(err) || by.ID() != who.ID() || by.TokenID() != who.TokenID() ||
				by.Admin() != who.Admin() || by.Uploads() != who.Uploads() {
				o.t.Errorf("Authorize = %v, %v, want as Identify: %v, %v", by.Name(), err3, who.Name(), err)
			}
		}
	}
	if err == nil {
		return who, ""
	}
	if !fault.Is(err, fault.Unauthenticated) || who.Known() {
		o.t.Errorf("Identify = %v, %v (%v), want unauthenticated and nobody", who, err, fault.KindOf(err))
	}
	return who, err.Error()
}

func TestIdentify(t *testing.T) {
	o := newOffice(t)
	_, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload, Expires: time.Hour})
	who, refusal := o.identify(s)
	if refusal != "" || who.Name() != "alice" || !who.Uploads() || who.Admin() {
		t.Fatalf("Identify = %+v, %q", who, refusal)
	}
	for name, c := range map[string]struct {
		user   string
		secret access.Secret
		word   string
	}{
		"nothing":      {"__token__", "", "no token"},
		"a password":   {"alice", "correct horse battery staple", "passwords do not work here"},
		"no token":     {"__token__", "correct horse battery staple", "begin with " + access.TokenPrefix},
		"PyPI's token": {"__token__", "pypi-AgEIcHlwaS5vcmcCJDU", "not an API token of this index"},
		"cut short":    {"__token__", s[:len(s)-3], "not copied completely"},
		"one character": {
			"__token__", access.Secret(strings.Replace(s.Reveal(), s.Reveal()[20:22], "zz", 1)), "not copied completely",
		},
		"another index": {"__token__", access.NewToken(), "not known here"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := o.keys.Identify(t.Context(), c.user, c.secret); !fault.Is(err, fault.Unauthenticated) ||
				!strings.Contains(err.Error(), c.word) {
				t.Errorf("%s: Identify = %v, want unauthenticated with %q", name, err, c.word)
			}
		})
	}
	o.now = o.now.Add(time.Hour - time.Second)
	if _, refusal := o.identify(s); refusal != "" {
		t.Errorf("a second before its end: %q", refusal)
	}
	o.now = o.now.Add(time.Second)
	if _, refusal := o.identify(s); !strings.Contains(refusal, "expired on 2026-11-23 13:00:00 UTC") {
		t.Errorf("at its end: %q, want that it expired", refusal)
	}
}

// TestEnds: what ends a token ends it at the next request, in every process.
func TestEnds(t *testing.T) {
	o := newOffice(t)
	token, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeUpload})
	_, other := o.token("alice", access.NewAPIToken{Scope: access.ScopeRead})
	for _, secret := range []access.Secret{s, other} {
		if _, refusal := o.identify(secret); refusal != "" {
			t.Fatal(refusal)
		}
	}
	if err := o.RevokeToken(t.Context(), o.boss, token.ID); err != nil {
		t.Fatal(err)
	}
	if _, refusal := o.identify(s); !strings.Contains(refusal, "revoked") {
		t.Errorf("a revoked token: %q", refusal)
	}
	if err := o.DisableUser(t.Context(), o.boss, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, refusal := o.identify(other); !strings.Contains(refusal, "disabled") {
		t.Errorf("a disabled account's token: %q", refusal)
	}
	if _, _, err := o.CreateToken(t.Context(), o.boss,
		access.NewAPIToken{User: "alice", Scope: access.ScopeRead}); !fault.Is(err, fault.Conflict) {
		t.Errorf("a token for a disabled account: %v, want conflict", err)
	}
	if err := o.EnableUser(t.Context(), o.boss, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, refusal := o.identify(other); refusal != "" {
		t.Errorf("after enabling: %q", refusal)
	}
	if _, refusal := o.identify(s); refusal == "" {
		t.Error("enabling the account brought a revoked token back")
	}
}

// TestOthersTokens: nobody makes, sees or ends a token of somebody else, and who may not know gets the answer for none.
func TestOthersTokens(t *testing.T) {
	o := newOffice(t)
	hers, _ := o.token("alice", access.NewAPIToken{Scope: access.ScopeAdmin})
	_, s := o.token("bob", access.NewAPIToken{Scope: access.ScopeAdmin})
	_, narrow := o.token("bob", access.NewAPIToken{Scope: access.ScopeUpload})
	bob, _ := o.identify(s)
	upload, _ := o.identify(narrow)
	there := o.RevokeToken(t.Context(), bob, hers.ID)
	absent := o.RevokeToken(t.Context(), bob, "no-such-id")
	if !fault.Is(there, fault.NotFound) || !fault.Is(absent, fault.NotFound) {
		t.Errorf("bob revokes alice's token: %v; an absent one: %v; want not found for both", there, absent)
	}
	for name, who := range map[string]access.Caller{
		"nobody": {}, "guest": access.Guest(true), "bob": bob, "bob's upload token": upload,
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := o.CreateToken(t.Context(), who, access.NewAPIToken{User: "alice", Scope: access.ScopeRead})
			_, err2 := o.AddUser(t.Context(), who, access.NewUser{Name: "eve", Admin: true})
			_, err3 := o.Users(t.Context(), who)
			for what, err := range map[string]error{
				"CreateToken": err, "AddUser": err2, "Users": err3, "DisableUser": o.DisableUser(t.Context(), who, "alice"),
			} {
				if !fault.Is(err, fault.Denied) {
					t.Errorf("%s by %s = %v, want denied", what, name, err)
				}
			}
		})
	}
	if _, err := o.Tokens(t.Context(), upload); !fault.Is(err, fault.Denied) {
		t.Errorf("Tokens with an upload token = %v, want denied", err)
	}
	mine, err := o.Tokens(t.Context(), bob)
	if err != nil || len(mine) != 2 || mine[0].User != "bob" {
		t.Errorf("Tokens for bob = %+v, %v, want his two", mine, err)
	}
	if users, err := o.Users(t.Context(), o.boss); err != nil || len(users) != 2 {
		t.Errorf("Users = %d, %v, want 2: refused changes made something", len(users), err)
	}
}

func TestCreateTokenRefusals(t *testing.T) {
	o := newOffice(t)
	o.token("alice", access.NewAPIToken{Scope: access.ScopeRead})
	for name, c := range map[string]struct {
		n    access.NewAPIToken
		kind fault.Kind
	}{
		"no scope":      {access.NewAPIToken{User: "alice"}, fault.Invalid},
		"unknown scope": {access.NewAPIToken{User: "alice", Scope: 9}, fault.Invalid},
		"unknown user":  {access.NewAPIToken{User: "eve", Scope: access.ScopeRead}, fault.NotFound},
		"unknown project": {
			access.NewAPIToken{User: "alice", Scope: access.ScopeRead, Projects: []string{"x"}}, fault.NotFound,
		},
		"administers one thing": {
			access.NewAPIToken{User: "alice", Scope: access.ScopeAdmin, Projects: []string{"x"}}, fault.Invalid,
		},
		"ends before it begins": {access.NewAPIToken{User: "alice", Scope: access.ScopeRead, Expires: -1}, fault.Invalid},
		"a very long story": {access.NewAPIToken{
			User: "alice", Scope: access.ScopeRead, Description: strings.Repeat("x", 101),
		}, fault.Invalid},
		"half of it, by project": {
			access.NewAPIToken{User: "alice", Scope: access.ScopeRead, Projects: []string{""}}, fault.NotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if _, s, err := o.CreateToken(t.Context(), o.boss, c.n); fault.KindOf(err) != c.kind || s != "" {
				t.Errorf("%s: CreateToken = %v (%v), want %v", name, err, fault.KindOf(err), c.kind)
			}
		})
	}
	if tokens, err := o.Tokens(t.Context(), o.boss); err != nil || len(tokens) != 1 {
		t.Errorf("%d tokens, %v; refusals left some behind", len(tokens), err)
	}
}

// TestLastUse: the last use is written by Flush, once a minute, and does not disturb what others remember.
func TestLastUse(t *testing.T) {
	o := newOffice(t)
	token, s := o.token("alice", access.NewAPIToken{Scope: access.ScopeRead})
	used := func() time.Time {
		t.Helper()
		tokens, err := o.Tokens(t.Context(), o.boss)
		if err != nil || tokens[0].ID != token.ID {
			t.Fatal(tokens, err)
		}
		return tokens[0].LastUsedAt
	}
	before, err := o.rows.Access().Serial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := o.now
	for range 3 {
		if _, refusal := o.identify(s); refusal != "" {
			t.Fatal(refusal)
		}
		if err := o.keys.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		o.now = o.now.Add(20 * time.Second)
	}
	if got := used(); !got.Equal(first) {
		t.Errorf("last use = %v, want %v: noted once a minute", got, first)
	}
	o.now = o.now.Add(time.Minute)
	o.identify(s)
	if err := o.keys.Flush(t.Context()); err != nil || !used().Equal(o.now) {
		t.Errorf("last use = %v, %v, want %v", used(), err, o.now)
	}
	if after, _ := o.rows.Access().Serial(t.Context()); after != before {
		t.Errorf("noting a use moved the counter from %d to %d", before, after)
	}
}

// TestRecorded: each change makes exactly one entry in its transaction, refused ones too.
func TestRecorded(t *testing.T) {
	o := newOffice(t)
	count := func() (granted, refused int) {
		t.Helper()
		entries, err := o.rows.Audit(t.Context(), 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.Outcome == audit.Granted {
				granted++
			} else {
				refused++
			}
		}
		return granted, refused
	}
	token, _ := o.token("alice", access.NewAPIToken{Scope: access.ScopeRead})
	for name, step := range map[string]func(access.Caller) error{
		"DisableUser": func(who access.Caller) error { return o.DisableUser(t.Context(), who, "alice") },
		"EnableUser":  func(who access.Caller) error { return o.EnableUser(t.Context(), who, "alice") },
		"RevokeToken": func(who access.Caller) error { return o.RevokeToken(t.Context(), who, token.ID) },
	} {
		t.Run(name, func(t *testing.T) {
			g, r := count()
			if err := step(o.boss); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := step(access.Guest(true)); err == nil {
				t.Errorf("%s by nobody went through", name)
			}
			if g2, r2 := count(); g2 != g+1 || r2 != r+1 {
				t.Errorf("%s: %d granted and %d refused entries more, want one of each", name, g2-g, r2-r)
			}
		})
	}
}
