package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
)

const day = 24 * time.Hour

// The page offers the lives that the settings allow, the usual one first, and takes no other.
func TestLivesOfTokensOnThePage(t *testing.T) {
	for name, c := range map[string]struct {
		longest, usual time.Duration
		offers         string
		refuses        []string
	}{
		"as shipped": {
			365 * day, 90 * day, "90 days, 7 days, 30 days, 365 days", []string{"never", "0s", "366", "-1h0m0s", "", "x"},
		},
		"a short bound": {20 * day, 20 * day, "20 days, 7 days", []string{"never", "30", "365"}},
		"between":       {100 * day, 10 * day, "10 days, 7 days, 30 days, 90 days, 100 days", []string{"never", "365"}},
		"no bound": {
			0, 90 * day, "90 days, 7 days, 30 days, 365 days, No expiry", []string{"0", "1h0m0s"},
		},
		"nothing is bound": {0, 0, "No expiry, 7 days, 30 days, 90 days, 365 days", []string{"0"}},
	} {
		t.Run(name, func(t *testing.T) {
			x := newShop(t, catalog.Limits{}, nil,
				func(o *shopOptions) { o.directory.TokenMaxLife, o.directory.TokenDefaultLife = c.longest, c.usual })
			page := x.get("reader", "/manage/account/token/").Body.String()
			var offers, values []string
			for _, part := range strings.Split(between(page, `name="expires"`, "</select>"), "<option")[1:] {
				values, offers = append(values, between(part, `value="`, `"`)), append(offers, between(part, ">", "</option>"))
			}
			if got := strings.Join(offers, ", "); got != c.offers {
				t.Errorf("the page offers %q, want %q", got, c.offers)
			}
			for _, bad := range c.refuses {
				if got := x.post("reader", "/manage/account/token/", "description", "bad "+bad, "scope", "read", "expires",
					bad); got.Code != http.StatusUnprocessableEntity || strings.Contains(got.Body.String(), "Your new token") {
					t.Errorf("a token that expires after %q = %d", bad, got.Code)
				}
			}
			for _, good := range values {
				if got := x.post("reader", "/manage/account/token/", "description", "good "+good, "scope", "read", "expires",
					good); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "Your new token") {
					t.Errorf("a token that expires after %q = %d", good, got.Code)
				}
			}
		})
	}
}

// Tokens without an end, of longer life than is allowed now, and near their end are marked for their user and for
// administrators, who see everybody's.
func TestTokensAreMarkedOnPages(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil,
		func(o *shopOptions) { o.directory.TokenMaxLife, o.directory.TokenDefaultLife = 365*day, 90*day })
	before := access.NewDirectory(x.db.Access(), access.DirectoryOptions{Now: x.clock.Now}) // as the settings were
	for what, life := range map[string]time.Duration{"endless": 0, "long": 1000 * day, "plain": 300 * day} {
		t.Run(what, func(t *testing.T) {
			if _, _, err := before.CreateToken(t.Context(), x.operator,
				access.NewAPIToken{User: "reader", Scope: access.ScopeRead, Expires: life, Description: what}); err != nil {
				t.Fatal(err)
			}
		})
	}
	for user, path := range map[string]string{"reader": "/manage/account/token/", "root": "/admin/user/reader/"} {
		page := x.get(user, path).Body.String()
		if strings.Count(page, ">no expiry</span>") != 1 || strings.Count(page, ">longer than allowed</span>") != 1 ||
			strings.Contains(page, ">expires soon</span>") {
			t.Errorf("GET %s by %s:\n%s", path, user, page)
		}
	}
	page := x.get("root", "/admin/tokens/").Body.String()
	if first, second, third := strings.Index(page, "endless"), strings.Index(page, "long<"),
		strings.Index(page, "plain"); first < 0 || second < first || third < second {
		t.Errorf("the list of all tokens is in another order: %d %d %d\n%s", first, second, third, page)
	}
	if !strings.Contains(page, ", 2 marked") {
		t.Errorf("the list of all tokens does not count:\n%s", page)
	}
	if !strings.Contains(page,
		"New tokens expire after 90 days by default and 365 days at most. Older tokens keep their expiry; those that exceed the limit are marked.") {
		t.Errorf("the list of all tokens does not say how long tokens work:\n%s", page)
	}
	for user, want := range map[string]int{"owner": 404, "reader": 404, "stranger": 404, "nobody": 303} {
		if got := x.get(user, "/admin/tokens/"); got.Code != want {
			t.Errorf("GET /admin/tokens/ by %s = %d, want %d", user, got.Code, want)
		}
	}
}

// TestTokensAreRevokedInTheListOfAll: each token of the list has a form that revokes it and leads back to the list.
// What a token may do is told of its person, to everybody else.
func TestTokensAreRevokedInTheListOfAll(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) { o.directory.TokenMaxLife = 365 * day })
	made := func(user string) string {
		k, _, err := x.dir.CreateToken(t.Context(), x.operator,
			access.NewAPIToken{User: user, Scope: access.ScopeUpload, Description: "of " + user})
		if err != nil {
			t.Fatal(err)
		}
		return k.ID
	}
	id, other := made("reader"), made("root")
	for path, want := range map[string]string{
		"/admin/user/reader/": "Reads and uploads to everything reader can access",
		"/admin/user/root/":   "Reads and uploads to everything you can access",
	} {
		if page := x.get("root", path).Body.String(); !strings.Contains(page, want) {
			t.Errorf("%s lacks %q:\n%s", path, want, page)
		}
	}
	page := x.get("root", "/admin/tokens/").Body.String()
	for _, k := range []string{id, other} {
		if !strings.Contains(page, `name="token" value="`+k+`"`) {
			t.Errorf("the list has no form that revokes %s:\n%s", k, page)
		}
	}
	if !strings.Contains(page, "2 active tokens.</p>") {
		t.Errorf("the list counts marked tokens that there are not:\n%s", page)
	}
	revoke := []string{"from", "tokens", "token", id}
	if got := x.post("owner", "/admin/user/reader/revoke/", revoke...); got.Code != 404 {
		t.Errorf("revoking as owner = %d, want 404", got.Code)
	}
	if got := x.post("root", "/admin/user/owner/revoke/", revoke...); got.Code != 404 {
		t.Errorf("revoking under another's name = %d, want 404", got.Code)
	}
	if got := x.post("root", "/admin/user/reader/revoke/", revoke...); got.Code != 303 ||
		got.Header().Get("Location") != "/admin/tokens/" {
		t.Errorf("revoking = %d to %q", got.Code, got.Header().Get("Location"))
	}
	if page := x.get("root", "/admin/tokens/").Body.String(); strings.Contains(page, id) ||
		!strings.Contains(page, other) {
		t.Errorf("the list after it:\n%s", page)
	}
}
