package web_test

import (
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging/packagingtest"
)

const (
	ownersWords = "violet anchor biscuit lantern"
	repeatStep  = "Confirmed. Please repeat the last step."
	peoplePath  = "/manage/project/demo/collaboration/"
)

// newDesk is a shop whose owner and root have a password, and whose sessions were confirmed long ago.
func newDesk(t *testing.T) *shop {
	x := newShop(t, catalog.Limits{}, nil)
	for _, name := range []string{"owner", "root"} {
		link, err := x.accounts.ResetLink(t.Context(), x.operator, name)
		if err == nil {
			_, _, err = x.accounts.Reset(t.Context(), access.Guest(true), link, ownersWords, false)
		}
		if err != nil {
			t.Fatal(err)
		}
		// the new password ended the sessions
		base, _ := url.Parse(shopHost)
		u, err := x.dir.User(t.Context(), x.operator, name)
		if err != nil {
			t.Fatal(err)
		}
		x.signIn(base, u)
	}
	x.clock.Pass(access.ConfirmedFor + time.Minute)
	return x
}

// cookie returns the cookie of a response by the end of its name.
func cookie(w *httptest.ResponseRecorder, name string) *http.Cookie {
	for _, c := range w.Result().Cookies() {
		if strings.HasSuffix(c.Name, name) {
			return c
		}
	}
	return nil
}

// with posts a form with further cookies and headers.
func (x *shop) with(user, path string, cookies []*http.Cookie, header http.Header,
	fields ...string,
) *httptest.ResponseRecorder {
	x.Helper()
	r := httptest.NewRequest(http.MethodPost, shopHost+path, strings.NewReader(pairs(fields).Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", shopHost)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for name, v := range header {
		r.Header[name] = v
	}
	for _, c := range append(slices.Clone(cookies), x.cookies[user]) {
		if c != nil {
			r.AddCookie(c)
		}
	}
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	return w
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// resumed returns the address and fields of the page that sends a held form again.
func resumed(t *testing.T, page string) (path string, fields []string) {
	t.Helper()
	form := between(between(page, "<h1>Confirmed</h1>", "</main>"), `<form method="post" action="`, "</form>")
	path, _, _ = strings.Cut(form, `"`)
	if path == "" || !strings.Contains(form, "data-resume") || !strings.Contains(form, ">Continue</button>") {
		t.Fatalf("the page resumes no form:\n%s", page)
	}
	for _, m := range hiddenField.FindAllStringSubmatch(form, -1) {
		fields = append(fields, html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return html.UnescapeString(path), fields
}

// A form that was sent before the person confirmed who they are is completed afterwards, with all its values.
func TestConfirmedFormIsCompleted(t *testing.T) {
	x := newDesk(t)
	w := x.post("owner", peoplePath+"add/?a=1&b=2", "user", "stranger", "role", "reader", "note", `<b>"&`, "note", "two")
	to, held := w.Header().Get("Location"), cookie(w, "-form")
	if !strings.HasPrefix(to, "/confirm/?next=%2Fmanage%2Fproject%2Fdemo%2Fcollaboration%2F&form=") || held == nil {
		t.Fatalf("POST = %d to %q, cookie %v", w.Code, to, held)
	}
	if !held.HttpOnly || !held.Secure || held.SameSite != http.SameSiteStrictMode || held.MaxAge != 300 ||
		!strings.HasPrefix(held.Name, "__Host-") || strings.Contains(held.Value, "stranger") {
		t.Errorf("the cookie is %+v", held)
	}
	if page := x.get("owner", to).Body.String(); !strings.Contains(page, "Your last step is then completed, and you won't be asked again") {
		t.Errorf("the page does not tell what happens next:\n%s", page)
	}
	again := x.with("owner", to, []*http.Cookie{held}, nil, "password", "not the words")
	if again.Code != http.StatusUnprocessableEntity || cookie(again, "-form") != nil {
		t.Fatalf("a wrong password = %d, cookie %v", again.Code, cookie(again, "-form"))
	}
	done := x.with("owner", to, []*http.Cookie{held}, nil, "password", ownersWords)
	if done.Code != http.StatusOK || cookie(done, "-form") == nil || cookie(done, "-form").MaxAge >= 0 {
		t.Fatalf("the right password = %d, cookie %v", done.Code, cookie(done, "-form"))
	}
	path, fields := resumed(t, done.Body.String())
	want := []string{"note", `<b>"&`, "note", "two", "role", "reader", "user", "stranger"}
	if path != peoplePath+"add/?a=1&b=2" || !slices.Equal(fields, want) {
		t.Errorf("the page sends %v to %s, want %v", fields, path, want)
	}
	if strings.Contains(done.Body.String(), ownersWords) {
		t.Error("the page shows the password")
	}
	x.clock.Pass(time.Second)
	if got := x.grew(func() { w = x.post("owner", path, fields...) }); got != "grant.add" {
		t.Errorf("sending it = %d, recorded as %q", w.Code, got)
	}
}

// A held form is completed only by the session that sent it, once, soon, unchanged, and from the redirect that it led
// to. Otherwise the person is asked to repeat the step, and nothing is changed.
func TestHeldFormIsRefused(t *testing.T) {
	x := newDesk(t)
	base, _ := url.Parse(shopHost)
	add := func() (string, *http.Cookie) {
		w := x.post("owner", peoplePath+"add/", "user", "stranger", "role", "reader")
		return w.Header().Get("Location"), cookie(w, "-form")
	}
	flip := func(c *http.Cookie, at int) *http.Cookie {
		b := []byte(c.Value)
		b[at] ^= 1
		return &http.Cookie{Name: c.Name, Value: string(b)}
	}
	id := func(to string) string { u, _ := url.Parse(to); return u.Query().Get("form") }
	for name, try := range map[string]func(to string, c *http.Cookie) *httptest.ResponseRecorder{
		"another account": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			return x.with("root", to, []*http.Cookie{c}, nil, "password", ownersWords)
		},
		"another session of the same account": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			u, err := x.dir.User(t.Context(), x.operator, "owner")
			if err != nil {
				t.Fatal(err)
			}
			x.signIn(base, u)
			return x.with("owner", to, []*http.Cookie{c}, nil, "password", ownersWords)
		},
		"expired": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			x.clock.Pass(5*time.Minute + time.Second)
			return x.with("owner", to, []*http.Cookie{c}, nil, "password", ownersWords)
		},
		"altered at the beginning": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			return x.with("owner", to, []*http.Cookie{flip(c, 0)}, nil, "password", ownersWords)
		},
		"altered in the middle": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			return x.with("owner", to, []*http.Cookie{flip(c, len(c.Value)/2)}, nil, "password", ownersWords)
		},
		"cut": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			return x.with("owner", to, []*http.Cookie{{Name: c.Name, Value: c.Value[:len(c.Value)-8]}}, nil, "password",
				ownersWords)
		},
		"empty": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			return x.with("owner", to, []*http.Cookie{{Name: c.Name, Value: ""}}, nil, "password", ownersWords)
		},
		"missing": func(to string, _ *http.Cookie) *httptest.ResponseRecorder {
			return x.with("owner", to, nil, nil, "password", ownersWords)
		},
		"replayed": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			if w := x.with("owner", to, []*http.Cookie{c}, nil, "password", ownersWords); w.Code != http.StatusOK {
				t.Errorf("the first time = %d", w.Code)
			}
			return x.with("owner", to, []*http.Cookie{c}, nil, "password", ownersWords)
		},
		"from the redirect of another form": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			other, _ := add()
			if id(other) == id(to) {
				t.Error("two forms have the same ID")
			}
			return x.with("owner", other, []*http.Cookie{c}, nil, "password", ownersWords)
		},
		"from a redirect without a form": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			return x.with("owner", strings.Replace(to, id(to), "lost", 1), []*http.Cookie{c}, nil, "password", ownersWords)
		},
		"a challenge of another kind": func(to string, c *http.Cookie) *httptest.ResponseRecorder {
			sealed, err := x.accounts.BeginSignOn(t.Context(), access.Guest(true), []byte(`{"id":"`+id(to)+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			return x.with("owner", to, []*http.Cookie{{Name: c.Name, Value: sealed.Reveal()}}, nil, "password", ownersWords)
		},
	} {
		to, c := add()
		var w *httptest.ResponseRecorder
		if got := x.grew(func() { w = try(to, c) }); strings.Contains(got, "grant") {
			t.Errorf("%s is recorded as %s", name, got)
		}
		if w.Code != http.StatusSeeOther || w.Header().Get("Location") != peoplePath ||
			strings.Contains(w.Body.String(), "stranger") {
			t.Errorf("%s = %d to %q:\n%s", name, w.Code, w.Header().Get("Location"), w.Body)
		}
		r := httptest.NewRequest(http.MethodGet, shopHost+peoplePath, nil)
		r.AddCookie(x.cookies["owner"])
		if c := cookie(w, "-notice"); c != nil {
			r.AddCookie(c)
		}
		page := httptest.NewRecorder()
		x.handler.ServeHTTP(page, r)
		if !strings.Contains(page.Body.String(), repeatStep) {
			t.Errorf("%s: the page does not ask to repeat the step", name)
		}
		x.clock.Pass(access.ConfirmedFor + time.Minute)
	}
}

// Another site can neither confirm nor complete a form, and a session that is not confirmed completes none and does not
// use it up.
func TestHeldFormNeedsConfirmation(t *testing.T) {
	x := newDesk(t)
	w := x.post("owner", peoplePath+"add/", "user", "stranger", "role", "reader")
	to, held := w.Header().Get("Location"), cookie(w, "-form")
	resume := strings.Replace(to, "/confirm/", "/confirm/resume/", 1)
	for _, path := range []string{to, resume} {
		w := x.with("owner", path, []*http.Cookie{held},
			http.Header{"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, "password", ownersWords)
		if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "stranger") {
			t.Errorf("POST %s from another site = %d", path, w.Code)
		}
	}
	w = x.with("owner", resume, []*http.Cookie{held}, nil)
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != to {
		t.Errorf("resuming before confirming = %d to %q, want %q", w.Code, got, to)
	}
	if w := x.with("nobody", resume, []*http.Cookie{held}, nil); !strings.HasPrefix(w.Header().Get("Location"),
		"/login/") {
		t.Errorf("resuming without a session = %d", w.Code)
	}
	if w := x.get("owner", resume); w.Code == http.StatusOK {
		t.Errorf("GET %s = %d", resume, w.Code)
	}
	if w := x.with("owner", "/confirm/?next=/", nil, nil, "password", ownersWords); w.Code != http.StatusSeeOther {
		t.Fatalf("confirming elsewhere = %d", w.Code)
	}
	w = x.with("owner", resume, []*http.Cookie{held}, nil)
	if path, _ := resumed(t, w.Body.String()); path != peoplePath+"add/" {
		t.Errorf("resuming after confirming leads to %q", path)
	}
}

// Forms with a password or a code, forms that are too large, and uploads are not held.
func TestFormsThatAreNotHeld(t *testing.T) {
	x := newDesk(t)
	for path, fields := range map[string][]string{
		"/manage/account/security/password/": {"current", ownersWords, "password", "a b c d e f g", "again", "a b c d e f g"},
		"/manage/account/security/totp/":     {"code", "123456"},
		peoplePath + "add/":                  {"user", strings.Repeat("x", 4000), "role", "reader"},
	} {
		w := x.post("owner", path, fields...)
		if to := w.Header().Get("Location"); !strings.HasSuffix(to, "&form=lost") || cookie(w, "-form") != nil {
			t.Errorf("POST %s = %d to %q, cookie %v", path, w.Code, to, cookie(w, "-form"))
		}
	}
	body, kind := "", "multipart/form-data; boundary=x"
	w := x.send("owner", http.MethodPost, "/manage/account/security/totp/begin/", kind, "", strings.NewReader(body))
	if to := w.Header().Get("Location"); !strings.HasSuffix(to, "&form=lost") || cookie(w, "-form") != nil {
		t.Errorf("a multipart form = %d to %q", w.Code, to)
	}
}

// A form without fields is held like any other.
func TestFormWithoutFieldsIsHeld(t *testing.T) {
	x := newDesk(t)
	const begin = "/manage/account/security/totp/begin/"
	w := x.post("owner", begin)
	done := x.with("owner", w.Header().Get("Location"), []*http.Cookie{cookie(w, "-form")}, nil, "password", ownersWords)
	path, fields := resumed(t, done.Body.String())
	if path != begin || len(fields) > 0 {
		t.Errorf("the page sends %v to %s", fields, path)
	}
	if w := x.post("owner", path); w.Header().Get("Location") != "/manage/account/security/totp/" {
		t.Errorf("sending it = %d", w.Code)
	}
}

// A change of rights while a form is held is seen when the form is sent again.
func TestHeldFormIsCheckedAgain(t *testing.T) {
	x := newDesk(t)
	x.put("main", packagingtest.Wheel("third", "1.0", "x"))
	w := x.post("owner", peoplePath+"add/", "user", "stranger", "role", "reader")
	done := x.with("owner", w.Header().Get("Location"), []*http.Cookie{cookie(w, "-form")}, nil, "password", ownersWords)
	path, fields := resumed(t, done.Body.String())
	if err := x.index.Grant(t.Context(), x.operator, "main", x.name("demo"), "root", access.Owner); err != nil {
		t.Fatal(err)
	}
	if err := x.index.Ungrant(t.Context(), x.operator, "main", x.name("demo"), "owner"); err != nil {
		t.Fatal(err)
	}
	if w := x.post("owner", path, fields...); w.Code != http.StatusForbidden {
		t.Errorf("sending it without the role = %d, want 403", w.Code)
	}
}

// Every field for a password or a one-time code is one that no held form contains.
func TestSecretFieldsAreNamed(t *testing.T) {
	source, err := os.ReadFile("ui/confirm.go")
	if err != nil {
		t.Fatal(err)
	}
	named := between(string(source), "var secretFields = []string{", "}")
	field := regexp.MustCompile(`ui\.Field\{\s*(?:ID: "[^"]*",\s*)?Name: "([a-z_]+)"[^}]*(Type: "password"|one-time-code)`)
	seen := 0
	err = fs.WalkDir(os.DirFS("."), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		b, err := os.ReadFile(name)
		for _, m := range field.FindAllStringSubmatch(string(b), -1) {
			seen++
			if !strings.Contains(named, fmt.Sprintf("%q", m[1])) {
				t.Errorf("%s: the field %q may be held", name, m[1])
			}
		}
		return err
	})
	if err != nil || seen < 8 {
		t.Errorf("saw %d fields, %v", seen, err)
	}
}
