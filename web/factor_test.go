package web_test

import (
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
)

// Whoever has to set up a second factor is led to the page for it from every other page, by GET and by POST, and reaches what
// belongs to setting one up and to signing out.
func TestEnrolmentIsAllThatPagesDo(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) {
		o.accounts.SecondFactor, o.keyring.SecondFactor = access.FactorPublishers, access.FactorPublishers
	})
	const enrol = "/manage/account/security/"
	for _, user := range []string{"owner", "root"} {
		for _, path := range []string{"/", "/project/demo/", "/manage/projects/", "/manage/account/", "/manage/account/token/", "/manage/account/sessions/", "/manage/project/demo/settings/", "/search/?q=demo", "/help/", "/manage/project/demo/releases/", "/admin/", "/admin/users/"} {
			if got := x.get(user, path); got.Code != http.StatusSeeOther || got.Header().Get("Location") != enrol {
				t.Errorf("GET %s by %s = %d to %q, want %s", path, user, got.Code, got.Header().Get("Location"), enrol)
			}
		}
		for path, fields := range map[string][]string{
			"/manage/account/token/":              {"description", "x", "scope", "admin", "expires", "never"},
			"/manage/project/demo/collaboration/": {"do", "invite", "invited_role", "owner"},
			"/manage/project/demo/settings/":      {"do", "delete", "typed", "demo"},
			"/manage/account/":                    {"full_name", "X"},
			"/admin/users/":                       {"name", "zoe"},
		} {
			if got := x.grew(func() {
				if got := x.post(user, path, fields...); got.Code != http.StatusSeeOther || got.Header().Get("Location") != enrol {
					t.Errorf("POST %s by %s = %d to %q, want %s", path, user, got.Code, got.Header().Get("Location"), enrol)
				}
			}); got != "" {
				t.Errorf("POST %s by %s is in the record: %s", path, user, got)
			}
		}
		page := x.get(user, enrol)
		if page.Code != http.StatusOK || !strings.Contains(page.Body.String(), "Set up a second factor first") {
			t.Errorf("the page for it by %s = %d:\n%s", user, page.Code, page.Body)
		}
		if got := x.post(user, enrol+"totp/begin/"); got.Code != http.StatusSeeOther || got.Header().Get("Location") != enrol+"totp/" {
			t.Errorf("beginning by %s = %d to %q", user, got.Code, got.Header().Get("Location"))
		}
		if got := x.get(user, enrol+"totp/"); got.Code != http.StatusOK {
			t.Errorf("the key for %s = %d", user, got.Code)
		}
		if got := x.get(user, "/confirm/"); got.Code != http.StatusOK {
			t.Errorf("confirming by %s = %d", user, got.Code)
		}
		if got := x.post(user, "/logout/"); got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/login/" {
			t.Errorf("signing out by %s = %d", user, got.Code)
		}
	}
}

// Everybody else notices nothing.
func TestEnrolmentLeavesOthersAlone(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) {
		o.accounts.SecondFactor, o.keyring.SecondFactor = access.FactorAdministrators, access.FactorAdministrators
	})
	for _, user := range []string{"owner", "reader", "stranger"} {
		if got := x.get(user, "/manage/account/token/"); got.Code != http.StatusOK {
			t.Errorf("GET by %s = %d", user, got.Code)
		}
		if page := x.get(user, "/manage/account/security/").Body.String(); strings.Contains(page, "Set up a second factor first") {
			t.Errorf("%s is told to set one up", user)
		}
	}
}
