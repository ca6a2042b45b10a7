package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
)

var shownToken = regexp.MustCompile(`pypi-idx_[0-9A-Za-z]{49}`)

// identify returns the caller of a token that a page showed.
func (x *shop) identify(body string) (access.Caller, error) {
	x.Helper()
	token := shownToken.FindString(body)
	if token == "" {
		x.Fatalf("the page shows no token: %s", body)
	}
	keys := access.NewKeyring(x.db.Access(), access.KeyringOptions{Now: x.clock.Now})
	return keys.Identify(x.Context(), "__token__", access.Secret(token))
}

var tokenField = regexp.MustCompile(`name="token" value="([^"]+)"`)

// An owner creates a service account, a token of it, regenerates and revokes the token, and removes the account. Each
// step is recorded once, under the project.
func TestServiceAccountPages(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const list, page = "/manage/project/demo/service-accounts/", "/manage/service-account/deploy/"
	var made string
	if got := x.grew(func() {
		w := x.post("owner", list+"add/", "name", "deploy", "description", "nightly", "role", "uploader")
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != page {
			t.Fatalf("adding = %d to %q", w.Code, w.Header().Get("Location"))
		}
		made = x.post("owner", page+"token/", "description", "jenkins", "scope", "upload", "expires", "30").Body.String()
	}); got != "service.add, token.create" {
		t.Fatalf("the record grew by %s; the page: %s", got, made)
	}
	bot, err := x.identify(made)
	if err != nil || bot.Kind() != access.KindService || bot.Name() != "svc:deploy" {
		t.Fatalf("the token is of %+v, %v", bot, err)
	}
	if got := x.get("owner", list).Body.String(); !strings.Contains(got, "svc:deploy") ||
		!strings.Contains(got, "by owner") {
		t.Errorf("the list does not name the account and its creator: %s", got)
	}
	if got := x.get("owner", "/manage/project/demo/collaboration/").Body.String(); !strings.Contains(got,
		"service account</span>") {
		t.Error("the collaborators do not show what the account is")
	}
	shown := x.get("owner", page).Body.String()
	if shownToken.MatchString(shown) || strings.Contains(shown, "Administration") {
		t.Error("the page shows a token again, or links for administrators")
	}
	id := tokenField.FindStringSubmatch(shown)[1]
	next := x.post("owner", page+"token/regenerate/", "token", id, "overlap", "1h", "expires", "30")
	if next.Code != http.StatusOK || !strings.Contains(next.Body.String(), "replaced") {
		t.Fatalf("regenerating = %d: %s", next.Code, next.Body)
	}
	if _, err := x.identify(next.Body.String()); err != nil {
		t.Errorf("the regenerated token: %v", err)
	}
	if _, err := x.identify(made); err != nil {
		t.Errorf("the old token within the overlap: %v", err)
	}
	got := x.post("owner", page+"token/regenerate/", "token", id, "overlap", "0", "expires", "30")
	if got.Code != http.StatusUnprocessableEntity {
		t.Errorf("regenerating the old token again = %d, want 422", got.Code)
	}
	if got := x.post("owner", page+"token/revoke/", "token", id); got.Code != http.StatusSeeOther {
		t.Errorf("revoking = %d", got.Code)
	}
	if _, err := x.identify(made); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the revoked token: %v", err)
	}
	history := x.get("owner", "/manage/project/demo/history/").Body.String()
	for _, want := range []string{
		"owner created the service account svc:deploy", "owner created an API token of the service account svc:deploy",
		"owner regenerated an API token of the service account svc:deploy",
	} {
		if !strings.Contains(history, want) {
			t.Errorf("the history does not say %q", want)
		}
	}
	if got := x.post("owner", page+"remove/", "typed", "deploy"); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("removing with the wrong name = %d, want 422", got.Code)
	}
	if got := x.post("owner", page+"remove/", "typed", "svc:deploy"); got.Header().Get("Location") != list {
		t.Errorf("removing = %d to %q", got.Code, got.Header().Get("Location"))
	}
	if _, err := x.identify(next.Body.String()); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the token of the removed account: %v", err)
	}
	if got := x.get("owner", page).Body.String(); !strings.Contains(got, "removed") ||
		strings.Contains(got, "Create token") {
		t.Error("the page of the removed account offers a token")
	}
	got = x.post("owner", list+"add/", "name", "svc:deploy", "role", "reader")
	if got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "was used before") {
		t.Errorf("the name again = %d", got.Code)
	}
}

// Nobody but owners of its project and administrators sees a service account or changes it; all others get the answer
// for none. What they try is recorded as refused.
func TestServiceAccountsOfOthers(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.post("owner", "/manage/project/demo/service-accounts/add/", "name", "deploy", "role", "uploader")
	x.post("owner", "/manage/service-account/deploy/token/", "description", "d", "scope", "upload", "expires", "30")
	id := tokenField.FindStringSubmatch(x.get("owner", "/manage/service-account/deploy/").Body.String())[1]
	if err := x.index.Grant(t.Context(), x.operator, "main", x.name("other"), "stranger", access.Owner); err != nil {
		t.Fatal(err)
	}
	for _, who := range []string{"maintainer", "uploader", "reader", "stranger"} {
		for path, fields := range map[string][]string{
			"":                  nil,
			"token/":            {"description", "mine", "scope", "upload", "expires", "30"},
			"token/revoke/":     {"token", id},
			"token/regenerate/": {"token", id, "overlap", "0", "expires", "30"},
			"remove/":           {"typed", "svc:deploy"},
		} {
			for _, account := range []string{"deploy", "nothing"} {
				get := x.get(who, "/manage/service-account/"+account+"/")
				if fields != nil {
					get = x.post(who, "/manage/service-account/"+account+"/"+path, fields...)
				}
				if get.Code != http.StatusNotFound {
					t.Errorf("%s%s as %s = %d, want 404", account, path, who, get.Code)
				}
			}
		}
		if got := x.grew(func() {
			w := x.post(who, "/manage/project/demo/service-accounts/add/", "name", "mine", "role", "uploader")
			if w.Code != http.StatusForbidden {
				t.Errorf("adding as %s = %d, want 403", who, w.Code)
			}
		}); got != "service.add refused" {
			t.Errorf("adding as %s grew the record by %q", who, got)
		}
		if got := x.get(who, "/admin/service-accounts/"); got.Code != http.StatusNotFound {
			t.Errorf("the administrators' list as %s = %d, want 404", who, got.Code)
		}
	}
	if got := x.post("owner", "/manage/account/token/revoke/", "token", id); got.Code != http.StatusNotFound {
		t.Errorf("the token on the owner's own page = %d, want 404", got.Code)
	}
	got := x.post("root", "/manage/account/token/regenerate/", "token", id, "overlap", "0", "expires", "30")
	if got.Code != http.StatusNotFound {
		t.Errorf("the token on an administrator's own page = %d, want 404", got.Code)
	}
	x.clock.Pass(access.ConfirmedFor)
	for path, fields := range map[string][]string{
		"/manage/project/demo/service-accounts/add/":        {"name", "late", "role", "reader"},
		"/manage/service-account/deploy/token/":             {"description", "late", "scope", "upload", "expires", "30"},
		"/manage/service-account/deploy/token/regenerate/":  {"token", id, "overlap", "0", "expires", "30"},
		"/manage/service-account/deploy/remove/":            {"typed", "svc:deploy"},
		"/manage/account/token/regenerate/?without-a-token": nil,
	} {
		got := x.post("owner", path, fields...)
		if fields != nil && !strings.HasPrefix(got.Header().Get("Location"), "/confirm/") {
			t.Errorf("%s without a confirmed identity = %d to %q", path, got.Code, got.Header().Get("Location"))
		}
	}
	if all, err := x.dir.Services(t.Context(), x.operator); err != nil || len(all) != 1 {
		t.Errorf("%d accounts, %v; refusals left some behind", len(all), err)
	}
}

// Administrators list all service accounts, create those of groups, and are led from the page of a user to that of the
// account.
func TestAdministratorsServiceAccounts(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	if got := x.get("root", "/admin/service-accounts/").Body.String(); !strings.Contains(got, "Create a group") {
		t.Error("without a group the page does not lead to one")
	}
	if _, err := x.dir.AddGroup(t.Context(), x.operator, "release", ""); err != nil {
		t.Fatal(err)
	}
	for name, fields := range map[string][]string{
		"a bad name": {"name", "Deploy", "group", "release"}, "no group": {"name", "deploy", "group", "nothing"},
		"nothing": {},
	} {
		if got := x.post("root", "/admin/service-accounts/", fields...); got.Code < 400 || got.Code == 500 {
			t.Errorf("%s = %d, want a refusal", name, got.Code)
		}
	}
	got := x.post("root", "/admin/service-accounts/", "name", "deploy", "group", "release")
	if got.Header().Get("Location") != "/manage/service-account/deploy/" {
		t.Errorf("adding = %d: %s", got.Code, got.Body)
	}
	x.shows("root", "/manage/service-account/deploy/", "by root. It stays when root leaves.")
	if _, err := x.dir.AddService(t.Context(), x.operator, access.NewService{Name: "nightly", Group: "release"}); err != nil {
		t.Fatal(err)
	}
	x.shows("root", "/manage/service-account/nightly/", "-It stays when") // no user made it
	if got := x.get("root", "/admin/service-accounts/").Body.String(); !strings.Contains(got, "svc:deploy") {
		t.Error("the list does not have the account")
	}
	if got := x.get("root", "/admin/users/").Body.String(); strings.Contains(got, "svc:deploy") {
		t.Error("the list of people has the account")
	}
	if got := x.get("root", "/admin/user/svc:deploy/"); got.Header().Get("Location") != "/manage/service-account/deploy/" {
		t.Errorf("its page as a user = %d to %q", got.Code, got.Header().Get("Location"))
	}
	for _, form := range []string{"promote", "reset"} {
		if got := x.post("root", "/admin/user/svc:deploy/"+form+"/"); got.Code == http.StatusOK {
			t.Errorf("%s = %d: %s", form, got.Code, got.Body)
		}
	}
	if u, err := x.dir.User(t.Context(), x.operator, "svc:deploy"); err != nil || u.Admin {
		t.Errorf("the account = %+v, %v", u, err)
	}
	if got := x.get("root", "/manage/service-account/deploy/").Body.String(); !strings.Contains(got,
		"/admin/lockout/user/svc:deploy/") {
		t.Error("an administrator is not led to the lockout")
	}
}

// The account pages warn about tokens of the next two weeks, and a user regenerates a token of theirs there.
func TestTokensThatEndSoonAndRegenerating(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	form := []string{"description", "laptop", "scope", "read", "expires", "90"}
	made := x.post("reader", "/manage/account/token/", form...).Body.String()
	id := tokenField.FindStringSubmatch(made)[1]
	const day = 24 * time.Hour
	sees := func(path string) bool {
		return strings.Contains(x.get("reader", path).Body.String(), "The API token laptop expires on 24 February 2027")
	}
	for _, path := range []string{"/manage/account/", "/manage/account/token/"} {
		if sees(path) {
			t.Errorf("%s warns 90 days before the end", path)
		}
	}
	x.clock.Pass(75 * day)
	x.signAgain("reader")
	if sees("/manage/account/token/") {
		t.Error("it warns 15 days before the end")
	}
	x.clock.Pass(2 * day)
	for _, path := range []string{"/manage/account/", "/manage/account/token/"} {
		if !sees(path) {
			t.Errorf("%s does not warn 13 days before the end", path)
		}
	}
	x.signAgain("reader")
	for _, bad := range [][]string{
		{"token", id}, {"token", id, "overlap", "9d", "expires", "30"}, {"token", id, "overlap", "0", "expires", "12345"},
	} {
		if got := x.post("reader", "/manage/account/token/regenerate/", bad...); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("regenerating with %v = %d, want 422", bad, got.Code)
		}
	}
	for _, other := range []string{"owner", "root"} {
		x.signAgain(other)
		got := x.post(other, "/manage/account/token/regenerate/", "token", id, "overlap", "0", "expires", "30")
		if got.Code != http.StatusNotFound {
			t.Errorf("regenerating as %s = %d, want 404", other, got.Code)
		}
	}
	next := x.post("reader", "/manage/account/token/regenerate/", "token", id, "overlap", "0", "expires", "30")
	if who, err := x.identify(next.Body.String()); err != nil || who.Name() != "reader" {
		t.Errorf("the new token: %+v, %v", who, err)
	}
	if _, err := x.identify(made); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the old token: %v", err)
	}
	if sees("/manage/account/") {
		t.Error("it warns about a token that was replaced")
	}
}

func (x *shop) signAgain(name string) {
	x.Helper()
	u, err := x.dir.User(x.Context(), x.operator, name)
	if err != nil {
		x.Fatal(err)
	}
	_, secret, err := x.dir.BeginSession(x.Context(), access.Guest(true),
		access.NewSession{UserID: u.ID, Method: "password"})
	if err != nil {
		x.Fatal(err)
	}
	x.cookies[name].Value = secret.Reveal()
}
