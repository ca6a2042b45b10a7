//go:build !windows

package main

import (
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/route"
)

// What is no link, no challenge of a newcomer, or no answer of a device makes no account, and uses no link up.
func TestNewcomersByPasskeyRefused(t *testing.T) {
	x := newFixture(t, "https://index.example", true)
	x.people(t)
	_, secret, err := x.app.Accounts.Invite(t.Context(), x.app.Operator, account.NewInvitation{})
	if err != nil {
		t.Fatal(err)
	}
	path := "/invite/" + secret.Reveal() + "/passkey/"
	began := x.visit(t, "POST", path+"begin/", "nobody", `{"name":"newcomer"}`)
	if began.Code != http.StatusOK || !strings.Contains(began.Body.String(), "challenge") {
		t.Fatalf("%d %s", began.Code, began.Body)
	}
	signing := x.visit(t, "POST", "/login/passkey/begin/", "nobody", "")
	named := route.Cookie(x.base, "passkey").Name
	challenge := func(from http.Header) string {
		for _, c := range (&http.Response{Header: from}).Cookies() {
			if c.Name == named {
				return c.Name + "=" + c.Value
			}
		}
		t.Fatal("no challenge was given")
		return ""
	}
	for name, c := range map[string]struct{ path, body, cookie, want string }{
		"a name that is taken": {path + "begin/", `{"name":"owner"}`, "", "exists already"},
		"a bad name":           {path + "begin/", `{"name":"No Name"}`, "", "name"},
		"no name":              {path + "begin/", `{}`, "", "name"},
		"no JSON":              {path + "begin/", `name=newcomer`, "", "cannot be read"},
		"no link": {
			"/invite/nonsense/passkey/begin/", `{"name":"newcomer"}`, "", "This link is invalid",
		},
		"a link of another kind": {
			"/setup/" + secret.Reveal() + "/passkey/begin/", `{"name":"newcomer"}`, "", "This link is invalid",
		},
		"no challenge":              {path, `{"response":{}}`, "", "took too long"},
		"a challenge of signing in": {path, `{"response":{}}`, challenge(signing.Header()), "took too long"},
		"no answer of a device":     {path, `{"response":{}}`, challenge(began.Header()), ""},
		"a newcomer's challenge to sign": {
			"/login/passkey/", `{}`, challenge(x.visit(t, "POST", path+"begin/", "nobody", `{"name":"newcomer"}`).Header()), "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := x.visit(t, "POST", c.path, "nobody", c.body, "Origin", "https://index.example", "Sec-Fetch-Site",
				"same-origin", "Content-Type", "application/json", "Cookie", c.cookie)
			if got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), c.want) {
				t.Errorf("%s: %d %s", name, got.Code, got.Body)
			}
		})
	}
	if _, err := x.app.Directory.User(t.Context(), x.app.Operator, "newcomer"); err == nil {
		t.Error("an account was made")
	}
	if _, err := x.app.Accounts.Look(t.Context(), onetime.Invite, secret); err != nil {
		t.Errorf("the link was used up: %v", err)
	}
}

// An index whose address devices cannot bind passkeys to offers none.
func TestNewcomersByPasskeyNowhere(t *testing.T) {
	x := newFixture(t, "http://index.example", true)
	_, secret, err := x.app.Accounts.Invite(t.Context(), x.app.Operator, account.NewInvitation{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"", "begin/"} {
		got := x.visit(t, "POST", "/invite/"+secret.Reveal()+"/passkey/"+path, "nobody", `{"name":"newcomer"}`)
		if got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "base_url") {
			t.Errorf("%q: %d %s", path, got.Code, got.Body)
		}
	}
	if page := x.visit(t, "GET", "/invite/"+secret.Reveal()+"/", "nobody", ""); strings.Contains(page.Body.String(),
		"passkey") {
		t.Errorf("the page speaks of passkeys:\n%s", page.Body)
	}
}
