package access_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

const day = 24 * time.Hour

func lives(longest, usual time.Duration) func(*access.DirectoryOptions) {
	return func(o *access.DirectoryOptions) { o.TokenMaxLife, o.TokenDefaultLife = longest, usual }
}

// A token lives as long as was asked for, or as is usual, and never longer than the settings allow, whoever makes it.
func TestLifeOfANewToken(t *testing.T) {
	for _, c := range []struct {
		longest, usual time.Duration
		ask            access.NewAPIToken
		want           time.Duration // 0 for no end, -1 for a refusal
	}{
		{365 * day, 90 * day, access.NewAPIToken{}, 90 * day},
		{365 * day, 90 * day, access.NewAPIToken{Expires: day}, day},
		{365 * day, 90 * day, access.NewAPIToken{Expires: 365 * day}, 365 * day},
		{365 * day, 90 * day, access.NewAPIToken{Expires: 365*day + 1}, -1},
		{365 * day, 90 * day, access.NewAPIToken{Expires: 100 * 365 * day}, -1},
		{365 * day, 90 * day, access.NewAPIToken{Endless: true}, -1},
		{365 * day, 0, access.NewAPIToken{}, 365 * day},
		{0, 90 * day, access.NewAPIToken{}, 90 * day},
		{0, 90 * day, access.NewAPIToken{Endless: true}, 0},
		{0, 90 * day, access.NewAPIToken{Expires: 3650 * day}, 3650 * day},
		{0, 0, access.NewAPIToken{}, 0},
		{0, 0, access.NewAPIToken{Endless: true, Expires: day}, -1},
		{0, 0, access.NewAPIToken{Expires: -1}, -1},
	} {
		o := newOffice(t, lives(c.longest, c.usual))
		_, session := o.signIn("bob")
		for who, caller := range map[string]access.Caller{"the operator": o.boss, "its user": o.session(session)} {
			c.ask.User, c.ask.Scope, c.ask.Description = "bob", access.ScopeRead, who
			got, _, err := o.CreateToken(t.Context(), caller, c.ask)
			if c.want < 0 {
				if !fault.Is(err, fault.Invalid) {
					t.Errorf("%v %v: CreateToken(%+v) by %s = %v, want a refusal", c.longest, c.usual, c.ask, who, err)
				}
				continue
			}
			if err != nil || got.ExpiresAt.IsZero() != (c.want == 0) ||
				c.want > 0 && got.ExpiresAt.Sub(got.CreatedAt) != c.want {
				t.Errorf("%v %v: CreateToken(%+v) by %s ends %v, %v, want a life of %v", c.longest, c.usual, c.ask, who,
					got.ExpiresAt, err, c.want)
			}
		}
	}
	o := newOffice(t, lives(365*day, 90*day))
	_, _, err := o.CreateToken(t.Context(), o.boss,
		access.NewAPIToken{User: "bob", Scope: access.ScopeRead, Endless: true})
	if fault.FieldOf(err) != "expires" || !strings.Contains(fault.Message(err), "365 days") {
		t.Errorf("the refusal is %v, want one that says what is allowed", err)
	}
}

// A token is marked from thirty days before its end, and keeps what it was given when the settings allow less later.
func TestTokensAreMarked(t *testing.T) {
	for _, c := range []struct {
		life, age time.Duration
		want      access.TokenMark
	}{
		{0, 0, access.TokenEndless},
		{0, 4000 * day, access.TokenEndless},
		{365 * day, 0, ""},
		{365 * day, 335*day - 1, ""},
		{365 * day, 335 * day, access.TokenEndsSoon},
		{365 * day, 365*day - 1, access.TokenEndsSoon},
		{365 * day, 365 * day, access.TokenExpired},
		{90 * day, 60*day - 1, ""},
		{90 * day, 60 * day, access.TokenEndsSoon},
		{9 * day, 6*day - 1, ""},
		{9 * day, 6 * day, access.TokenEndsSoon},
		{366 * day, 0, access.TokenTooLong},
		{3650 * day, 3649 * day, access.TokenEndsSoon},
		{3650 * day, 3651 * day, access.TokenExpired},
	} {
		o := newOffice(t)
		token, _ := o.token("bob", access.NewAPIToken{Scope: access.ScopeRead, Expires: c.life})
		now := o.now.Add(c.age)
		later := access.NewDirectory(o.rows.Access(),
			access.DirectoryOptions{Now: func() time.Time { return now }, TokenMaxLife: 365 * day})
		if got := later.Mark(token); got != c.want {
			t.Errorf("a token for %v is marked %q after %v, want %q", c.life, got, c.age, c.want)
		}
	}
}

// The bearer of a token that ends soon is told so; nobody else is.
func TestTokenWarning(t *testing.T) {
	o := newOffice(t)
	_, s := o.token("bob", access.NewAPIToken{Scope: access.ScopeUpload, Expires: 90 * day})
	_, endless := o.token("bob", access.NewAPIToken{Scope: access.ScopeUpload})
	_, session := o.signIn("bob")
	who, _ := o.identify(s)
	for age, want := range map[time.Duration]bool{0: false, 60*day - time.Second: false, 60 * day: true, 89 * day: true} {
		if got := who.TokenWarning(o.now.Add(age)); strings.Contains(got, "expires on 2027-02-21") != want {
			t.Errorf("after %v the warning is %q", age, got)
		}
	}
	forever, _ := o.identify(endless)
	for name, c := range map[string]access.Caller{
		"an endless token": forever, "a session": o.session(session), "nobody": access.Guest(true), "the operator": o.boss,
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.TokenWarning(o.now.Add(4000 * day)); got != "" {
				t.Errorf("%s is warned: %q", name, got)
			}
		})
	}
}

// A session of single sign-on ends after hours, however much it is used; others go on.
func TestSignOnSessionsEnd(t *testing.T) {
	o := newOffice(t, func(d *access.DirectoryOptions) { d.SignOnLife = 12 * time.Hour })
	o.signIn("bob")
	u, err := o.User(t.Context(), o.boss, "bob")
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]access.Secret{}
	for _, method := range []string{"sso", "sso+totp", "password", "passkey"} {
		_, s, err := o.BeginSession(t.Context(), access.Guest(true), access.NewSession{UserID: u.ID, Method: method})
		if err != nil {
			t.Fatal(err)
		}
		secrets[method] = s
	}
	for hours, ends := range map[time.Duration]bool{0: false, 11: false, 12: true, 24: true} {
		now := o.now
		o.now = now.Add(hours * time.Hour)
		for method, s := range secrets {
			if got, want := o.session(s).Known(), !ends || !strings.HasPrefix(method, "sso"); got != want {
				t.Errorf("after %d hours a session by %s works: %v, want %v", hours, method, got, want)
			}
		}
		o.now = now
	}
}
