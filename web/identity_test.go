package web_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

// signOn is a provider that says what a test wants.
type signOn struct {
	id  account.Identity
	err error
}

func (p *signOn) Issuer() string { return p.id.Issuer }

func (p *signOn) Begin(_ context.Context, next string) (string, []byte, error) {
	return "https://idp.example/auth?state=s", []byte(next), nil
}

func (p *signOn) Finish(_ context.Context, kept []byte, state, code string) (account.Identity, string, error) {
	if state != "s" || code != "c" {
		return account.Identity{}, "", fault.New(fault.Denied, "does not fit")
	}
	return p.id, string(kept), p.err
}

// box keeps letters as "to: text".
type box struct{ sent []string }

func (b *box) Send(_ context.Context, to string, l outbox.Letter) error {
	b.sent = append(b.sent, to+": "+l.Text)
	return nil
}

// mailing is an option for newShop: the index sends mail.
func mailing(b *box) func(*shopOptions) {
	return func(o *shopOptions) {
		o.site.Mail, o.outbox.Sends, o.outbox.SecurityURL = b, true, shopHost+"/manage/account/security/"
	}
}

// newest sends what waits to be sent, which must be one letter, and returns it.
func (x *shop) newest(b *box) string {
	x.Helper()
	before := len(b.sent)
	if err := x.outbox.Deliver(x.Context(), slog.New(slog.DiscardHandler), b.Send); err != nil || len(b.sent) != before+1 {
		x.Fatalf("the letters are %q after %d, %v", b.sent, before, err)
	}
	return b.sent[before]
}

// signOn begins to sign on.
func (x *shop) signOn(user, query string) *httptest.ResponseRecorder {
	x.Helper()
	return x.get(user, "/login/sso/"+query)
}

// back follows the way back from the provider with the cookies that an answer set.
func (x *shop) back(user string, set *httptest.ResponseRecorder) *httptest.ResponseRecorder {
	x.Helper()
	r := httptest.NewRequest("GET", shopHost+"/login/sso/callback?state=s&code=c", nil)
	if c := x.cookies[user]; c != nil {
		r.AddCookie(c)
	}
	for _, c := range set.Result().Cookies() {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	return w
}

const identityPath = "/manage/account/security/identity/"

// Linking an identity is a POST that asks for a recent proof, tells the person by mail, and can be undone by the person
// and by an administrator. Nothing else links one.
func TestLinkingAnIdentity(t *testing.T) {
	p, letters := &signOn{id: account.Identity{Issuer: "https://idp.example", Subject: "42", Name: "someone"}}, &box{}
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) {
		o.site.SignOn, o.site.SignOnName, o.site.SignOnCreates = p, "Example", false
	}, mailing(letters))
	identities := func(user string) int {
		t.Helper()
		all, err := x.accounts.IdentitiesOf(t.Context(), x.operator, user)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	x.post("owner", "/manage/account/", "email", "owner@example.com")
	got := x.signOn("owner", "")
	if got.Code != http.StatusSeeOther || strings.Contains(got.Header().Get("Location"), "idp.example") ||
		len(got.Result().Cookies()) > 0 {
		t.Errorf("GET /login/sso/ by somebody who is signed in = %d to %s", got.Code, got.Header().Get("Location"))
	}
	if got := x.get("owner", identityPath); got.Code != http.StatusMethodNotAllowed && got.Code != http.StatusNotFound {
		t.Errorf("GET %s = %d", identityPath, got.Code)
	}
	x.back("owner", x.signOn("nobody", "")) // what a stranger began is not the owner's
	if n := identities("owner"); n != 0 {
		t.Errorf("a way back that was begun signed out linked %d identities", n)
	}
	for user, want := range map[string]int{"nobody": 303} {
		if got := x.post(user, identityPath); got.Code != want || strings.Contains(got.Body.String(), "idp.example") {
			t.Errorf("POST by %s = %d", user, got.Code)
		}
	}
	begun := x.post("owner", identityPath)
	if begun.Code != http.StatusOK || !strings.Contains(begun.Body.String(), `href="https://idp.example/auth?state=s"`) {
		t.Fatalf("POST = %d:\n%s", begun.Code, begun.Body)
	}
	if got := x.back("reader", begun); identities("reader")+identities("owner") != 0 {
		t.Errorf("another session finished what the owner began: %d", got.Code)
	}
	begun = x.post("owner", identityPath)
	if got := x.grew(func() { x.back("owner", begun) }); !strings.Contains(got, "account.link-identity") ||
		identities("owner") != 1 {
		t.Errorf("linking: the record grew by %q, and there are %d identities", got, identities("owner"))
	}
	if letter := x.newest(letters); !strings.HasPrefix(letter, "owner@example.com: An identity at Example was linked") {
		t.Errorf("the letter is %q", letter)
	}
	if page := x.get("owner", "/manage/account/security/").Body.String(); !strings.Contains(page, "<strong>42</strong>") {
		t.Errorf("the security page:\n%s", page)
	}
	if page := x.get("root", "/admin/user/owner/").Body.String(); !strings.Contains(page, "<strong>42</strong>") ||
		!strings.Contains(page, `action="unlink/"`) {
		t.Errorf("the administrator's page:\n%s", page)
	}
	if got := x.post("owner", identityPath+"remove/", "issuer", "https://idp.example", "subject",
		"42"); got.Code != http.StatusSeeOther || identities("owner") != 1 {
		t.Errorf("unlinking the only way in = %d, %d identities are left", got.Code, identities("owner"))
	}
	for user, want := range map[string]int{"reader": 404, "owner": 404, "nobody": 303} {
		if got := x.post(user, "/admin/user/owner/unlink/", "issuer", "https://idp.example", "subject",
			"42"); got.Code != want {
			t.Errorf("unlinking as an administrator by %s = %d, want %d", user, got.Code, want)
		}
	}
	if got := x.post("root", "/admin/user/owner/unlink/", "issuer", "https://idp.example", "subject",
		"42"); got.Code != http.StatusSeeOther || identities("owner") != 0 {
		t.Errorf("unlinking by an administrator = %d, %d are left", got.Code, identities("owner"))
	}
	x.clock.Pass(access.ConfirmedFor)
	for _, path := range []string{identityPath, identityPath + "remove/"} {
		if got := x.post("owner", path, "issuer", "https://idp.example", "subject", "42"); got.Code != http.StatusSeeOther ||
			!strings.HasPrefix(got.Header().Get("Location"), "/confirm/") {
			t.Errorf("POST %s without a recent proof = %d to %s", path, got.Code, got.Header().Get("Location"))
		}
	}
}

// Somebody refused for want of a group is in the record with their identity.
func TestSignOnRefusalIsRecorded(t *testing.T) {
	p := &signOn{
		id:  account.Identity{Issuer: "https://idp.example", Subject: "42", Name: "someone"},
		err: fault.New(fault.Denied, "you are in none of the groups"),
	}
	x := newShop(t, catalog.Limits{}, nil,
		func(o *shopOptions) { o.site.SignOn, o.site.SignOnName, o.site.SignOnCreates = p, "Example", true })
	if got := x.grew(func() { x.back("nobody", x.signOn("nobody", "")) }); got != "session.refuse refused" {
		t.Errorf("the record grew by %q", got)
	}
	if e := x.record()[0]; e.Detail["subject"] != "42" || e.Detail["reason"] != "you are in none of the groups" {
		t.Errorf("the entry is %+v", e)
	}
}

// Sign-on leads to the code of the person's authenticator, and signs nobody in before.
func TestSignOnLeadsToTheCode(t *testing.T) {
	p := &signOn{id: account.Identity{Issuer: "https://idp.example", Subject: "42", Name: "someone"}}
	x := newShop(t, catalog.Limits{}, nil,
		func(o *shopOptions) { o.site.SignOn, o.site.SignOnName, o.site.SignOnCreates = p, "Example", true })
	first := x.back("nobody", x.signOn("nobody", ""))
	if first.Code != http.StatusSeeOther || first.Header().Get("Location") != "/" {
		t.Fatalf("signing on = %d to %s", first.Code, first.Header().Get("Location"))
	}
	err := x.db.Accounts().Update(t.Context(), func(tx account.Tx) error {
		u, err := tx.UserByName(t.Context(), "someone")
		if err != nil {
			return err
		}
		return tx.PutTOTP(t.Context(),
			signin.TOTP{UserID: u.ID, Secret: "JBSWY3DPEHPK3PXP", CreatedAt: x.clock.Now(), ConfirmedAt: x.clock.Now()})
	})
	if err != nil {
		t.Fatal(err)
	}
	got := x.back("nobody", x.signOn("nobody", "?next=/manage/projects/"))
	if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/login/code/?next=%2Fmanage%2Fprojects%2F" {
		t.Errorf("signing on with an authenticator = %d to %s", got.Code, got.Header().Get("Location"))
	}
	for _, c := range got.Result().Cookies() {
		if strings.HasSuffix(c.Name, "session") && c.Value != "" {
			t.Error("somebody is signed in before the code")
		}
	}
}

// Why a sign-on failed is in the log, with the request's id; the person sees the message alone.
func TestFailedSignOnIsLogged(t *testing.T) {
	for name, err := range map[string]error{
		"denied":      fault.Wrap(fault.Denied, errors.New("error \"invalid_grant\""), "begin again"),
		"unavailable": fault.Wrap(fault.Unavailable, errors.New("get keys failed: 503"), "begin again"),
		"invalid":     fault.Wrap(fault.Invalid, errors.New("no such claim"), "begin again"),
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			p := &signOn{err: err}
			x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) {
				o.site.SignOn, o.site.SignOnName, o.site.Log = p, "Example", slog.New(slog.NewTextHandler(&log, nil))
			})
			got := x.back("nobody", x.signOn("nobody", ""))
			if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/login/" {
				t.Errorf("a failed sign-on = %d to %s", got.Code, got.Header().Get("Location"))
			}
			line := log.String()
			for _, want := range []string{"single sign-on failed", "begin again", got.Header().Get("X-Request-Id")} {
				if strings.Count(line, want) != 1 {
					t.Errorf("the log has not one %q: %s", want, line)
				}
			}
		})
	}
}
