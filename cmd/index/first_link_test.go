//go:build !windows

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
)

// A link for the first administrator shows no form once there is an account: its page is that of an unknown link.
func TestFirstLinkOfAnIndexWithUsers(t *testing.T) {
	x := newFixture(t, "https://index.example", true)
	l, secret := onetime.New("first-link", onetime.First, time.Now(), time.Hour)
	err := x.app.DB.Accounts().Update(t.Context(), func(tx account.Tx) error { return tx.InsertLink(t.Context(), l) })
	if err != nil {
		t.Fatal(err)
	}
	unknown := x.visit(t, "GET", "/setup/nonsense/", "nobody", "")
	for method, body := range map[string]string{
		"GET": "", "POST": "name=mallory&password=four+words+that+differ&again=four+words+that+differ",
	} {
		got := x.visit(t, method, "/setup/"+secret.Reveal()+"/", "nobody", body)
		if got.Code != http.StatusNotFound {
			t.Errorf("%s = %d, want 404", method, got.Code)
		}
		if page := got.Body.String(); page != unknown.Body.String() || strings.Contains(page, "<form method") {
			t.Errorf("%s shows:\n%s", method, page)
		}
	}
}
