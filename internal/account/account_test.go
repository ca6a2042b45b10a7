package account_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/fault"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// bureau is accounts on one database, as two processes would have them.
type bureau struct {
	process
	t       *testing.T
	beside  process
	rows    *db.DB
	store   account.Store
	dir     *access.Directory
	keys    *access.Keyring
	boss    access.Caller
	db      *db.DB
	two     *db.DB // of the process beside
	hashers chan struct{}
	mu      sync.Mutex
	now     time.Time
}

// process is accounts as one process has them.
type process struct {
	*account.Accounts
	*signin.Methods
	*outbox.Outbox
}

// settings are the options of a process.
type settings struct {
	account.Options
	signin signin.Options
	outbox outbox.Options
}

// cheap is the cost of passwords in tests: that of the program takes two thirds of their time.
var cheap = access.PasswordCost{Passes: 1, Memory: 8}

// newProcess returns the accounts over rows.
func newProcess(rows *db.DB, o settings) process {
	o.signin.PasswordCost = cheap
	box := outbox.New(rows.Outbox(), o.outbox)
	methods := signin.New(rows.SignIn(), box, o.signin)
	return process{account.New(rows.Accounts(), methods, o.Options), methods, box}
}

// Sweep has all parts forget what ended.
func (p process) Sweep(ctx context.Context) error {
	return errors.Join(p.Accounts.Sweep(ctx), p.Methods.Sweep(ctx), p.Outbox.Sweep(ctx))
}

// clock is the time of a bureau.
func (b *bureau) clock() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.now }

// serve has both processes run with these options, by the clock of the bureau.
func (b *bureau) serve(o settings) {
	o.signin.Now, o.outbox.Now = b.clock, b.clock
	b.beside = newProcess(b.two, o)
	b.hashers = make(chan struct{}, 2)
	o.signin.Hashers = b.hashers
	b.process = newProcess(b.db, o)
}

const good = "four plain words together"

func newBureau(t *testing.T, change ...func(*settings)) *bureau {
	t.Helper()
	return newBureauOn(t, storagetest.SQLite(t), change...)
}

// onEach runs f on each database that there is: what hangs on transactions has to hold on all.
func onEach(t *testing.T, f func(t *testing.T, b *bureau)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) { f(t, newBureauOn(t, fresh(t))) })
}

func newBureauOn(t *testing.T, url string, change ...func(*settings)) *bureau {
	t.Helper()
	open := func() *db.DB {
		d, err := db.Open(t.Context(), url, db.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	b := &bureau{t: t, boss: access.Operator("test"), now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	one, two := open(), open()
	var o settings
	for _, f := range change {
		f(&o)
	}
	b.db, b.two, b.rows, b.store = one, two, one, one.Accounts()
	b.serve(o)
	b.dir = access.NewDirectory(one.Access(), access.DirectoryOptions{Now: b.clock, PasswordCost: cheap})
	b.keys = access.NewKeyring(one.Access(), access.KeyringOptions{Now: b.clock})
	return b
}

func (b *bureau) pass(d time.Duration) { b.mu.Lock(); b.now = b.now.Add(d); b.mu.Unlock() }

func (b *bureau) user(name string) {
	b.t.Helper()
	if _, err := b.dir.AddUser(b.t.Context(), b.boss, access.NewUser{Name: name, Password: good}); err != nil {
		b.t.Fatal(err)
	}
}

var from = access.Guest(true).At("192.0.2.1", "r")

// session signs a user in, without asking for a second factor.
func (b *bureau) session(name string) access.Caller {
	b.t.Helper()
	users, err := b.dir.Users(b.t.Context(), b.boss)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, u := range users {
		if u.Name != name {
			continue
		}
		_, secret, err := b.dir.BeginSession(b.t.Context(), from, access.NewSession{UserID: u.ID, Method: "password"})
		if err != nil {
			b.t.Fatal(err)
		}
		who, err := b.keys.Session(b.t.Context(), secret)
		if err != nil {
			b.t.Fatal(err)
		}
		return who
	}
	b.t.Fatalf("no user %s", name)
	return access.Caller{}
}

func (b *bureau) want(what string, err error, k fault.Kind) {
	b.t.Helper()
	if !fault.Is(err, k) {
		b.t.Errorf("%s = %v (%v), want %v", what, err, fault.KindOf(err), k)
	}
}

func (b *bureau) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestPasswords(t *testing.T) {
	for _, p := range []string{
		good, "korrekt pferd batterie", "ünïcödé wörds hére", "7hG#kq9!zPw2", "a longer sentence, with a comma",
	} {
		if err := signin.CheckPassword(access.Secret(p), "alice"); err != nil {
			t.Errorf("CheckPassword(%q) = %v", p, err)
		}
	}
	for _, p := range []string{
		"", "short", "elevenchars", "passwordpassword", "Password12345", "aliceALICEalice", "alice-alice-1234",
		"qwertyuiop123", "aaaaaaaaaaaa", "abababababab",
		"abcdefghijklmnop", "123456789012", "111111222222", "password!!!!!", "adminadmin2026", strings.Repeat("ab cd ", 300),
	} {
		err := signin.CheckPassword(access.Secret(p), "alice")
		if !fault.Is(err, fault.Invalid) || fault.FieldOf(err) != "password" {
			t.Errorf("CheckPassword(%.40q) = %v, want a refusal about the password", p, err)
		}
	}
}

// A link makes one administrator, whoever else follows it at the same time, and none where there is an account.
func TestFirstLink(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	old, err := b.FirstLink(ctx, b.boss)
	b.must(err)
	secret, err := b.FirstLink(ctx, b.boss)
	b.must(err)
	_, err = b.Look(ctx, onetime.First, old)
	b.want("Look(an older link)", err, fault.NotFound)
	for kind, s := range map[onetime.Kind]access.Secret{
		onetime.Invite: secret, onetime.Reset: secret, onetime.First: access.NewToken(), onetime.Factor: "x",
	} {
		_, err := b.Look(ctx, kind, s)
		b.want("Look as "+string(kind), err, fault.NotFound)
	}
	for name, in := range map[string]account.Accepted{
		"name": {Name: "Not A Name", Password: good}, "password": {Name: "root", Password: "short"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.Accept(ctx, from, onetime.First, secret, in)
			if fault.FieldOf(err) != name {
				t.Errorf("Accept with a wrong %s = %v about %q", name, err, fault.FieldOf(err))
			}
		})
	}
	b.pass(24*time.Hour - time.Second)
	_, err = b.Look(ctx, onetime.First, secret)
	b.must(err)
	b.pass(time.Second)
	_, err = b.Look(ctx, onetime.First, secret)
	b.want("Look after a day", err, fault.NotFound)
	secret, err = b.FirstLink(ctx, b.boss)
	b.must(err)
	var won atomic.Int32
	var group sync.WaitGroup
	for i := range 12 {
		group.Go(func() {
			a := b.process
			if i%2 == 1 {
				a = b.beside
			}
			if _, err := a.Accept(ctx, from, onetime.First, secret,
				account.Accepted{Name: fmt.Sprintf("root%d", i), Password: good}); err == nil {
				won.Add(1)
			} else if !fault.Is(err, fault.NotFound) {
				t.Errorf("Accept = %v, want not found", err)
			}
		})
	}
	group.Wait()
	users, err := b.dir.Users(ctx, b.boss)
	b.must(err)
	if won.Load() != 1 || len(users) != 1 || !users[0].Admin {
		t.Errorf("%d won and there are %d users", won.Load(), len(users))
	}
	if again, err := b.FirstLink(ctx, b.boss); err != nil || again != "" {
		t.Errorf("FirstLink with an account = %v, %v, want none", again != "", err)
	}
	_, err = b.FirstLink(ctx, from)
	b.want("FirstLink by a stranger", err, fault.Denied)
}

// An account that is made by the command line makes the printed link useless.
func TestFirstLinkLosesToAccounts(t *testing.T) {
	b := newBureau(t)
	secret, err := b.FirstLink(t.Context(), b.boss)
	b.must(err)
	if _, err := b.Look(t.Context(), onetime.First, secret); err != nil {
		t.Errorf("Look(first) on a new index = %v", err)
	}
	b.user("alice")
	_, err = b.Look(t.Context(), onetime.First, secret)
	b.want("Look(first) beside an account", err, fault.NotFound)
	_, err = b.Accept(t.Context(), from, onetime.First, secret, account.Accepted{Name: "mallory", Password: good})
	b.want("Accept(first) beside an account", err, fault.NotFound)
}

func TestInvitations(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	alice := b.session("alice")
	for what, n := range map[string]account.NewInvitation{"an administrator": {Admin: true}, "nothing": {}} {
		t.Run(what, func(t *testing.T) {
			_, _, err := b.Invite(ctx, alice, n)
			b.want("Invite to "+what+" by a user", err, fault.Denied)
		})
	}
	_, _, err := b.Invite(ctx, b.boss, account.NewInvitation{Name: "alice"})
	if fault.FieldOf(err) != "name" {
		t.Errorf("inviting a name that is taken = %v", err)
	}
	for _, bad := range []string{
		"not an address", "zoë@example.com", "Zoe <zoe@example.com>", "zoe@example.com\n", "zoe@",
	} {
		if _, _, err = b.Invite(ctx, b.boss, account.NewInvitation{Email: bad}); fault.FieldOf(err) != "email" {
			t.Errorf("inviting %q = %v, want a fault of the address", bad, err)
		}
		if err := b.SetProfile(ctx, alice, access.Profile{Email: bad}); fault.FieldOf(err) != "email" {
			t.Errorf("a profile with %q = %v, want a fault of the address", bad, err)
		}
	}
	if err := b.SetProfile(ctx, alice, access.Profile{Email: "zoe@bücher.example"}); err != nil {
		t.Errorf("a profile with a domain outside ASCII: %v", err)
	}
	l, secret, err := b.Invite(ctx, b.boss, account.NewInvitation{Name: "bob", Email: "bob@example.com"})
	b.must(err)
	if open, err := b.Invitations(ctx, alice); err != nil || len(open) != 0 {
		t.Errorf("somebody else's invitations are shown: %v, %v", open, err)
	}
	_, err = b.RevokeInvitation(ctx, alice, l.ID)
	b.want("RevokeInvitation of somebody else's", err, fault.NotFound)
	u, err := b.Accept(ctx, from, onetime.Invite, secret, account.Accepted{Name: "ignored", Password: good})
	if err != nil || u.Name != "bob" || u.Admin {
		t.Errorf("Accept = %+v, %v, want bob", u, err)
	}
	_, err = b.Accept(ctx, from, onetime.Invite, secret, account.Accepted{Name: "carol", Password: good})
	b.want("Accept again", err, fault.NotFound)
	l, secret, err = b.Invite(ctx, b.boss, account.NewInvitation{})
	b.must(err)
	_, err = b.RevokeInvitation(ctx, b.boss, l.ID)
	b.must(err)
	_, err = b.Look(ctx, onetime.Invite, secret)
	b.want("Look(revoked)", err, fault.NotFound)
	_, secret, err = b.Invite(ctx, b.boss, account.NewInvitation{})
	b.must(err)
	b.pass(7 * 24 * time.Hour)
	_, err = b.Look(ctx, onetime.Invite, secret)
	b.want("Look(after a week)", err, fault.NotFound)
}

func TestReset(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	alice := b.session("alice")
	_, err := b.ResetLink(ctx, alice, "alice")
	b.want("ResetLink by a user", err, fault.Denied)
	_, err = b.ResetLink(ctx, b.boss, "nobody")
	b.want("ResetLink for nobody", err, fault.NotFound)
	old, err := b.ResetLink(ctx, b.boss, "alice")
	b.must(err)
	secret, err := b.ResetLink(ctx, b.boss, "alice")
	b.must(err)
	_, _, err = b.Reset(ctx, from, old, "another set of words", false)
	b.want("Reset by an older link", err, fault.NotFound)
	_, _, err = b.Reset(ctx, from, secret, "short", false)
	b.want("Reset to a weak password", err, fault.Invalid)
	_, _, err = b.Reset(ctx, from, secret, "another set of words", false)
	b.must(err)
	_, _, err = b.Reset(ctx, from, secret, "another set of words", false)
	b.want("Reset again", err, fault.NotFound)
	if s, err := b.SignIn(ctx, from, signin.Login{Name: "alice", Password: "another set of words"}); err != nil ||
		s.UserID == "" {
		t.Errorf("SignIn with the new password = %v", err)
	}
	if sessions, err := b.dir.Sessions(ctx, alice); err != nil || len(sessions) != 0 {
		t.Errorf("sessions of before go on: %d, %v", len(sessions), err)
	}
	secret, err = b.ResetLink(ctx, b.boss, "alice")
	b.must(err)
	b.must(b.dir.DisableUser(ctx, b.boss, "alice"))
	_, _, err = b.Reset(ctx, from, secret, "yet another set of words", false)
	b.want("Reset of a disabled account", err, fault.NotFound)
}

// Links that were asked for stay beside each other until the password or the address changes; then all end.
func TestForgottenLinksEnd(t *testing.T) {
	for name, change := range map[string]func(*bureau, access.Caller, access.Secret) error{
		"a link is used": func(b *bureau, _ access.Caller, s access.Secret) error {
			_, _, err := b.Reset(t.Context(), from, s, "another set of words", false)
			return err
		},
		"the password is changed": func(b *bureau, who access.Caller, _ access.Secret) error {
			return b.SetPassword(t.Context(), who, good, "another set of words")
		},
		"the address is changed": func(b *bureau, who access.Caller, _ access.Secret) error {
			return b.SetProfile(t.Context(), who, access.Profile{Email: "new@example.com"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBureau(t)
			ctx := t.Context()
			b.user("alice")
			b.user("bob")
			alice := b.session("alice")
			b.must(b.SetProfile(ctx, alice, access.Profile{Email: "alice@example.com"}))
			b.must(b.SetProfile(ctx, b.session("bob"), access.Profile{Email: "bob@example.com"}))
			ask := func(name string) access.Secret {
				_, secret, err := b.ForgottenLink(ctx, from, name)
				b.must(err)
				return secret
			}
			first, second, other := ask("alice"), ask("alice"), ask("bob")
			b.must(b.SetProfile(ctx, alice, access.Profile{FullName: "Alice", Email: "alice@example.com"}))
			for _, s := range []access.Secret{first, second, other} {
				_, err := b.Look(ctx, onetime.Reset, s)
				b.must(err)
			}
			b.must(change(b, alice, second))
			for _, s := range []access.Secret{first, second} {
				_, err := b.Look(ctx, onetime.Reset, s)
				b.want("Look after "+name, err, fault.NotFound)
			}
			_, err := b.Look(ctx, onetime.Reset, other)
			b.must(err)
		})
	}
}

// Every refusal to sign in is the same, whatever is wrong.
func TestSignInRefusals(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	b.user("gone")
	b.must(b.dir.DisableUser(ctx, b.boss, "gone"))
	if _, err := b.dir.AddUser(ctx, b.boss, access.NewUser{Name: "tokens"}); err != nil {
		t.Fatal(err)
	}
	var said string
	for name, in := range map[string]signin.Login{
		"wrong": {Name: "alice", Password: "wrong"}, "empty": {Name: "alice"}, "unknown": {Name: "nobody", Password: good},
		"disabled":    {Name: "gone", Password: good},
		"no password": {Name: "tokens"}, "no name": {Password: good}, "capitals": {Name: "Alice", Password: good},
		"blanks": {Name: "alice", Password: " " + good},
		"a NUL":  {Name: "alice\x00", Password: good}, "huge": {Name: strings.Repeat("x", 100_000), Password: good},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.SignIn(ctx, from.At(fmt.Sprintf("198.51.%d.1", len(name)), name), in)
			b.want(name, err, fault.Unauthenticated)
			if err == nil {
				return
			}
			if said == "" {
				said = err.Error()
			}
			if err.Error() != said {
				t.Errorf("%s says %q, and another says %q", name, err, said)
			}
		})
	}
}

// totp computes a code by itself.
func totp(t *testing.T, secret string, at time.Time) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha1.New, key)
	binary.Write(mac, binary.BigEndian, at.Unix()/30)
	sum := mac.Sum(nil)
	i := sum[19] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[i:i+4])&0x7fffffff%1000000)
}

func TestSecondFactor(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	alice := b.session("alice")
	e, err := b.BeginTOTP(ctx, alice)
	b.must(err)
	if !strings.HasPrefix(e.URI, "otpauth://totp/Index:alice?") || !strings.Contains(e.URI, "secret="+e.Secret) {
		t.Errorf("URI = %s", e.URI)
	}
	if s, err := b.SignIn(ctx, from, signin.Login{Name: "alice", Password: good}); err != nil || s.Factor != "" {
		t.Errorf("an authenticator that is not confirmed is asked for: %v", err)
	}
	_, err = b.ConfirmTOTP(ctx, alice, "000000")
	b.want("ConfirmTOTP(wrong)", err, fault.Invalid)
	codes, err := b.ConfirmTOTP(ctx, alice, totp(t, e.Secret, b.now))
	if err != nil || len(codes) != 10 {
		t.Fatalf("ConfirmTOTP = %d codes, %v", len(codes), err)
	}
	_, err = b.BeginTOTP(ctx, alice)
	b.want("BeginTOTP over a confirmed one", err, fault.Conflict)
	networks := 0
	step := func() access.Secret { // from a network of its own: right passwords count too, until a code was right
		t.Helper()
		networks++
		s, err := b.SignIn(ctx, from.At(fmt.Sprintf("198.51.%d.1", networks), "r"),
			signin.Login{Name: "alice", Password: good})
		if err != nil || s.Factor == "" || s.UserID != "" {
			t.Fatalf("SignIn = %+v, %v, want a step in between", s, err)
		}
		return s.Factor
	}
	factor := func(at access.Secret, typed string) (signin.Signed, error) {
		return b.SecondFactor(ctx, from, signin.Code{Step: at, Typed: typed})
	}
	now := func() string { return totp(t, e.Secret, b.now) }
	wide := strings.NewReplacer("0", "０", "1", "１", "2", "２", "3", "３", "4", "４", "5", "５", "6", "６", "7", "７", "8", "８",
		"9", "９")
	for name, typed := range map[string]func() string{
		"nothing": func() string { return "" }, "five digits": func() string { return "12345" },
		"seven digits": func() string { return "1234567" },
		"wide digits":  func() string { return wide.Replace(now()) }, "more": func() string { return now() + "0" },
		"a sign":       func() string { return "-" + now()[1:] },
		"an old one":   func() string { return totp(t, e.Secret, b.now.Add(-2*time.Minute)) },
		"a future one": func() string { return totp(t, e.Secret, b.now.Add(2*time.Minute)) },
	} {
		t.Run(name, func(t *testing.T) {
			b.pass(20 * time.Minute)
			_, err := factor(step(), typed())
			b.want("SecondFactor("+name+")", err, fault.Invalid)
		})
	}
	b.pass(20 * time.Minute)
	_, err = factor(step(), now())
	b.must(err)
	b.pass(time.Minute)
	// One code, many who send it at once, also with other blanks: it counts once.
	var won atomic.Int32
	var group sync.WaitGroup
	for i, typed := range []string{now(), now()[:3] + " " + now()[3:], now(), " " + now(), now()} {
		at := step()
		group.Go(func() {
			a := b.process
			if i%2 == 1 {
				a = b.beside
			}
			if s, err := a.SecondFactor(ctx, from, signin.Code{Step: at, Typed: typed}); err == nil && s.UserID != "" &&
				s.Method == "password+totp" {
				won.Add(1)
			} else if !fault.Is(err, fault.Invalid) {
				t.Errorf("SecondFactor = %v, want a refusal", err)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("one code counted %d times", won.Load())
	}
	b.pass(24*time.Hour + time.Minute)
	at := step()
	for range 5 {
		_, err := factor(at, "000000")
		b.want("a wrong code", err, fault.Invalid)
	}
	b.pass(time.Minute)
	_, err = factor(at, now())
	b.want("a right code after five wrong ones", err, fault.NotFound)
	at = step()
	b.pass(11 * time.Minute)
	_, err = factor(at, now())
	b.want("a right code after ten minutes", err, fault.NotFound)

	code := codes[3].Reveal()
	if s, err := factor(step(), strings.ToUpper(code)); err != nil || s.Method != "password+recovery" {
		t.Errorf("SecondFactor(recovery code) = %+v, %v", s, err)
	}
	_, err = factor(step(), strings.ReplaceAll(code, "-", ""))
	b.want("SecondFactor(the same recovery code)", err, fault.Invalid)
	if s, err := b.SecurityOf(ctx, alice); err != nil || s.RecoveryLeft != 9 || !s.TOTP || !s.Password {
		t.Errorf("SecurityOf = %+v, %v", s, err)
	}
	won.Store(0)
	b.pass(25 * time.Hour)
	for i := range 5 {
		at := step()
		group.Go(func() {
			a := b.process
			if i%2 == 1 {
				a = b.beside
			}
			if _, err := a.SecondFactor(ctx, from, signin.Code{Step: at, Typed: codes[5].Reveal()}); err == nil {
				won.Add(1)
			}
		})
	}
	group.Wait()
	if won.Load() != 1 {
		t.Errorf("one recovery code counted %d times", won.Load())
	}
	b.must(b.RemoveTOTP(ctx, alice))
	if s, err := b.SignIn(ctx, from, signin.Login{Name: "alice", Password: good}); err != nil || s.UserID == "" {
		t.Errorf("SignIn without the authenticator = %+v, %v", s, err)
	}
}

// What is about one's own account needs a session: nobody, tokens and the operator have none.
func TestOnlySessions(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	_, secret, err := b.dir.CreateToken(ctx, b.boss, access.NewAPIToken{User: "alice", Scope: access.ScopeAdmin})
	b.must(err)
	token, err := b.keys.Identify(ctx, "", secret)
	b.must(err)
	for name, who := range map[string]access.Caller{"nobody": from, "token": token, "operator": b.boss} {
		t.Run(name, func(t *testing.T) {
			_, begin := b.BeginTOTP(ctx, who)
			_, confirm := b.ConfirmTOTP(ctx, who, "000000")
			_, recovery := b.NewRecovery(ctx, who)
			_, profile := b.ProfileOf(ctx, who)
			_, security := b.SecurityOf(ctx, who)
			_, pending := b.PendingTOTP(ctx, who)
			for what, err := range map[string]error{
				"BeginTOTP": begin, "ConfirmTOTP": confirm, "NewRecovery": recovery, "ProfileOf": profile, "SecurityOf": security,
				"PendingTOTP": pending,
				"RemoveTOTP":  b.RemoveTOTP(ctx, who), "SetPassword": b.SetPassword(ctx, who, good, "another set of words"),
				"SetProfile": b.SetProfile(ctx, who, access.Profile{}),
				"Confirm":    b.Confirm(ctx, who, signin.Proof{Password: good}),
			} {
				b.want(what+" by "+name, err, fault.Unauthenticated)
			}
		})
	}
}

func TestSetPasswordAndConfirm(t *testing.T) {
	b := newBureau(t)
	ctx := t.Context()
	b.user("alice")
	alice, other := b.session("alice"), b.session("alice")
	if err := b.SetPassword(ctx, alice, "wrong", "another set of words"); fault.FieldOf(err) != "current" {
		t.Errorf("SetPassword(wrong) = %v", err)
	}
	if err := b.SetPassword(ctx, alice, good, "short"); fault.FieldOf(err) != "password" {
		t.Errorf("SetPassword(weak) = %v", err)
	}
	b.must(b.SetPassword(ctx, alice, good, "another set of words"))
	if sessions, err := b.dir.Sessions(ctx, alice); err != nil || len(sessions) != 1 ||
		sessions[0].ID == other.SessionID() {
		t.Errorf("after a new password %d sessions are left, %v", len(sessions), err)
	}
	b.must(b.Confirm(ctx, alice, signin.Proof{Password: "another set of words"}))
	for range 5 {
		b.want("Confirm(wrong)", b.Confirm(ctx, alice, signin.Proof{Password: good}), fault.Invalid)
	}
	b.want("Confirm too often", b.Confirm(ctx, alice, signin.Proof{Password: "another set of words"}), fault.TooMany)
}
