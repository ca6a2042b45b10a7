package web_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
)

// Whoever has to set up a second factor is led to the page for it from every other page, by GET and by POST, and
// reaches what belongs to setting one up and to signing out.
func TestEnrolmentIsAllThatPagesDo(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) {
		o.signin.SecondFactor, o.keyring.SecondFactor = access.FactorPublishers, access.FactorPublishers
	})
	const enrol = "/manage/account/security/"
	for _, user := range []string{"owner", "root"} {
		for _, path := range []string{
			"/", "/project/demo/", "/manage/projects/", "/manage/account/", "/manage/account/token/",
			"/manage/account/sessions/", "/manage/project/demo/settings/", "/search/?q=demo", "/manage/project/demo/releases/",
			"/admin/", "/admin/users/",
		} {
			if got := x.get(user, path); got.Code != http.StatusSeeOther || got.Header().Get("Location") != enrol {
				t.Errorf("GET %s by %s = %d to %q, want %s", path, user, got.Code, got.Header().Get("Location"), enrol)
			}
		}
		for path, fields := range map[string][]string{
			"/manage/account/token/":                     {"description", "x", "scope", "admin", "expires", "never"},
			"/manage/project/demo/collaboration/invite/": {"invited_role", "owner"},
			"/manage/project/demo/settings/delete/":      {"typed", "demo"},
			"/manage/account/":                           {"full_name", "X"},
			"/admin/users/":                              {"name", "zoe"},
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
		notice := between(page.Body.String(), "Set up a second factor first", "</div>")
		if page.Code != http.StatusOK || !strings.Contains(notice, `action="/manage/account/security/totp/begin/"`) {
			t.Errorf("the page for it by %s = %d:\n%s", user, page.Code, page.Body)
		}
		if got := x.post(user, enrol+"totp/begin/"); got.Code != http.StatusSeeOther ||
			got.Header().Get("Location") != enrol+"totp/" {
			t.Errorf("beginning by %s = %d to %q", user, got.Code, got.Header().Get("Location"))
		}
		if got := x.get(user, enrol+"totp/"); got.Code != http.StatusOK {
			t.Errorf("the key for %s = %d", user, got.Code)
		}
		for _, path := range []string{"/help/", "/help/operate/", "/help/settings/"} {
			if got := x.get(user, path); got.Code != http.StatusOK {
				t.Errorf("the manual's %s for %s = %d", path, user, got.Code)
			}
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
		o.signin.SecondFactor, o.keyring.SecondFactor = access.FactorAdministrators, access.FactorAdministrators
	})
	for _, user := range []string{"owner", "reader", "stranger"} {
		if got := x.get(user, "/manage/account/token/"); got.Code != http.StatusOK {
			t.Errorf("GET by %s = %d", user, got.Code)
		}
		if page := x.get(user, "/manage/account/security/").Body.String(); strings.Contains(page,
			"Set up a second factor first") {
			t.Errorf("%s is told to set one up", user)
		}
	}
}

// TestEnrolmentEnds: the recovery codes are followed by a link to where the person can work now.
func TestEnrolmentEnds(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) {
		o.signin.SecondFactor, o.keyring.SecondFactor = access.FactorAdministrators, access.FactorAdministrators
	})
	page := x.enrol("root")
	if !strings.Contains(page, "Your recovery codes") ||
		!strings.Contains(page, `<a class="button primary" href="/">Continue</a>`) {
		t.Errorf("the page after enrolling:\n%s", page)
	}
	if got := x.get("root", "/admin/"); got.Code != http.StatusOK {
		t.Errorf("GET /admin/ after enrolling = %d", got.Code)
	}
	if page := x.enrol("reader"); !strings.Contains(page, `href="/manage/account/security/">Continue</a>`) {
		t.Errorf("the page of somebody who did not have to:\n%s", page)
	}
}

// enrol sets up an authenticator for a user, and returns the page that shows the recovery codes.
func (x *shop) enrol(user string) string {
	const path = "/manage/account/security/totp/"
	x.post(user, path+"begin/")
	key := between(x.get(user, path).Body.String(), `data-copy="`, `"`)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(key)
	if err != nil {
		x.Fatalf("the key %q: %v", key, err)
	}
	mac := hmac.New(sha1.New, raw)
	_ = binary.Write(mac, binary.BigEndian, x.clock.Now().Unix()/30)
	sum := mac.Sum(nil)
	at := sum[19] & 15
	return x.post(user, path, "code",
		fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:at+4])&0x7fffffff%1000000)).Body.String()
}

// TestSecondFactorsAreRemovedAfterAQuestion: the page of a user names their second factors and asks before it removes
// them. It shows nothing of the kind for a user without any, and removing then is refused.
func TestSecondFactorsAreRemovedAfterAQuestion(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const path, offer = "/admin/user/reader/", "Remove second factors"
	if page := x.get("root", path).Body.String(); strings.Contains(page, offer) {
		t.Errorf("the page offers to remove second factors that there are not:\n%s", page)
	}
	got := x.post("root", path+"remove-factors/")
	if got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "reader has no second factor") {
		t.Errorf("removing none = %d:\n%s", got.Code, got.Body)
	}
	x.enrol("reader")
	page := x.get("root", path).Body.String()
	asks := between(page, "<summary>"+offer+"</summary>", "</details>")
	for _, want := range []string{
		"This removes the authenticator and 10 recovery codes, and signs reader out everywhere.",
		`<button class="danger small">Remove second factors of reader</button>`,
	} {
		if !strings.Contains(asks, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if strings.Count(page, `action="remove-factors/"`) != 1 {
		t.Errorf("the page removes without asking:\n%s", page)
	}
	if got := x.post("owner", path+"remove-factors/"); got.Code != http.StatusNotFound {
		t.Errorf("removing as owner = %d, want 404", got.Code)
	}
	if got := x.post("root", path+"remove-factors/"); got.Code != http.StatusSeeOther {
		t.Errorf("removing = %d", got.Code)
	}
	page = x.get("root", path).Body.String()
	if strings.Contains(page, offer) {
		t.Errorf("the page after removing:\n%s", page)
	}
}
