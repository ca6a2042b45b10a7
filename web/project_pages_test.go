package web_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging/packagingtest"
)

// page returns the HTML of a page that must be there.
func (x *shop) page(user, path string) string {
	x.Helper()
	w := x.get(user, path)
	if w.Code != http.StatusOK {
		x.Fatalf("GET %s as %s = %d, want 200: %s", path, user, w.Code, w.Body)
	}
	return w.Body.String()
}

// shows checks that a page contains each text, and lacks each that begins with "-".
func (x *shop) shows(user, path string, texts ...string) {
	x.Helper()
	got := x.page(user, path)
	for _, text := range texts {
		lacking, is := strings.CutPrefix(text, "-")
		if is && strings.Contains(got, lacking) {
			x.Errorf("GET %s as %s shows %q", path, user, lacking)
		} else if !is && !strings.Contains(got, text) {
			x.Errorf("GET %s as %s does not show %q:\n%s", path, user, text, got)
		}
	}
}

// Two wheels with the same member names but other code are not the same.
func TestDiffPage(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.put("main",
		packagingtest.Wheel("code", "1.0", "safe", "Classifier: Kept", "Classifier: Dropped", "Requires-Dist: six>=1,<2",
			"Description-Content-Type: text/plain", "", "first\nsecond\nthird"),
		packagingtest.Wheel("code", "1.1", "other", "Classifier: Kept", "Classifier: Gained", `Requires-Dist: Six <2, >=1`,
			"Description-Content-Type: text/plain", "", "first\n2nd\nthird"),
		packagingtest.Wheel("code", "1.2", "other", "Description-Content-Type: text/plain", "", "x"))
	x.shows("reader", "/project/code/1.1/diff/", "<code>code.py</code>", "changed: ", "<code>Dropped</code>",
		"<code>Gained</code>", "-<code>Kept</code>", "-<code>six", "second</li>", "2nd</li>",
		`<select id="f-against" name="against"`, `<option value="1.0" selected>`, `<option value="1.2">`,
		`-<option value="1.1"`)
	x.shows("reader", "/project/code/1.1/diff/?against=1.2", `<option value="1.2" selected>`, "-<code>code.py</code>")
}

// The address of the management of a project leads to its releases, for those who may manage it.
func TestManagementLeadsToReleases(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.put("main", packagingtest.Wheel("code", "1.0", "x"))
	w := x.get("root", "/manage/project/code/")
	if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != "/manage/project/code/releases/" {
		t.Errorf("GET = %d to %q, want a redirect to the releases", w.Code, got)
	}
	if w := x.get("root", "/manage/project/nothing/"); w.Code != http.StatusNotFound {
		t.Errorf("GET of no project = %d, want 404", w.Code)
	}
	if w := x.get("reader", "/manage/project/code/"); w.Code != http.StatusForbidden {
		t.Errorf("GET as a reader = %d, want 403", w.Code)
	}
}

// A release tells which members of its files run at start-up, and which may, if only their names are known.
func TestReleaseShowsStartupFiles(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.put("main", packagingtest.Wheel("started", "1.0", "x"), packagingtest.Wheel("plain", "1.0", "x"))
	if err := x.index.SetStartupFiles(t.Context(), x.operator, "main", x.name("started"), true); err != nil {
		t.Fatal(err)
	}
	x.put("main", packagingtest.WheelWith("started", "2.0", "x", [][2]string{{"started.pth", "import started\n"}}))
	const certain, possible = "runs at start-up</span> <code>started.pth</code> runs code",
		"may run at start-up</span> <code>started.pth</code> may run code"
	x.shows("reader", "/project/started/", certain, "-"+possible)
	h, err := sql.Open("sqlite", x.db.Path())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if _, err := h.ExecContext(t.Context(), `UPDATE file_members SET startup = NULL`); err != nil {
		t.Fatal(err)
	}
	x.shows("reader", "/project/started/", possible, "uploaded before this was checked.", "-"+certain)
	x.shows("reader", "/project/plain/", "-start-up")
}

// A page about a release with much metadata stays small.
func TestDiffPageIsBounded(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	long := make([]string, 0, 2_000)
	for n := range 2_000 {
		long = append(long, fmt.Sprintf("Classifier: Number :: %d %s", n, strings.Repeat("x", 500)))
	}
	x.put("main", packagingtest.Wheel("big", "1.0", "x", "Summary: small"),
		packagingtest.Wheel("big", "1.1", "x",
			append(long, "Summary: "+strings.Repeat("s", 1<<20), "", strings.Repeat("line\nother\n", 100_000))...))
	if got := len(x.page("reader", "/project/big/1.1/diff/")); got > 400_000 {
		t.Errorf("the comparison with 3 MB of metadata has %d bytes", got)
	}
}

// The parts of a project page come in the order in which they are read on a phone.
func TestProjectPageOrder(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.put("main", packagingtest.Wheel("read", "1.0", "x", "Classifier: Topic :: One",
		"Description-Content-Type: text/plain", "", "words"))
	got, at := x.page("reader", "/project/read/"), 0
	for _, part := range []string{
		">pip install ", `id="description"`, `id="files"`, `id="details"`,
		"<details class=\"classifiers\"><summary>1 classifier<",
	} {
		n := strings.Index(got[at:], part)
		if n < 0 {
			t.Fatalf("%q is missing, or comes too early in\n%s", part, got)
		}
		at += n
	}
}

// Readers learn how to authenticate, whom to ask, and how much a project is used.
func TestProjectPageForReaders(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	gone, err := x.dir.AddUser(t.Context(), x.operator, access.NewUser{Name: "leaver"})
	if err != nil {
		t.Fatal(err)
	}
	group, err := x.dir.AddGroup(t.Context(), x.operator, "builders", "")
	if err == nil {
		err = x.index.GrantGroup(t.Context(), x.operator, "main", x.name("demo"), group.Name, access.Maintainer)
	}
	if err == nil {
		err = x.index.Grant(t.Context(), x.operator, "main", x.name("demo"), gone.Name, access.Owner)
	}
	if err == nil {
		err = x.dir.DisableUser(t.Context(), x.operator, gone.Name)
	}
	if err != nil {
		t.Fatal(err)
	}
	if w := x.get("reader", "/project/demo/1.0/file/demo-1.0-py3-none-any.whl"); w.Code != http.StatusOK {
		t.Fatalf("the download = %d", w.Code)
	}
	if err := x.index.FlushDownloads(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.shows("reader", "/project/demo/", `href="/#connect">Set up your machine</a>`, "<code>__token__</code>",
		`</svg> owner <span class="small muted">owner</span>`,
		`</svg> maintainer <span class="small muted">maintainer</span>`,
		`Group builders <span class="small muted">maintainer</span>`, "-leaver", "-> uploader <", "-> reader <span",
		"<dt>Downloads</dt><dd>1 in the last 30 days</dd>")
	x.shows("reader", "/r/inner/project/demo/", `href="/r/inner/#connect">Set up your machine</a>`, "-builders",
		"<dt>Downloads</dt><dd>0 in the last 30 days</dd>")
	if w := x.get("stranger", "/r/inner/project/demo/"); w.Code != http.StatusNotFound {
		t.Errorf("a stranger sees a hidden project's contacts: %d", w.Code)
	}
}

func TestProjectPageNames(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.put("main", packagingtest.Wheel("named", "1.0", "x", "Author: =?utf-8?q?Zo=C3=AB_Odoo?=",
		"License-Expression: mit or apache-2.0",
		"Import-Name: named", "Import-Name: _named ; private", "Import-Namespace: acme"),
		packagingtest.Wheel("mailed", "1.0", "x",
			"Maintainer-email: =?utf-8?q?Zo=C3=AB?= <zoe@acme.example>, =?utf-7?q?b?= <b@acme.example>"))
	x.shows("reader", "/project/named/", "<dd>Zoë Odoo</dd>", "MIT OR Apache-2.0",
		"<code>named</code>, <code>_named</code> (private), <code>acme</code>",
		"-utf-8?q")
	x.shows("reader", "/project/mailed/", "Zoë", "zoe@acme.example")
}

// Metadata may have megabytes; a page about it may not.
func TestProjectPageIsBounded(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	long := strings.Repeat("long ", 20_000)
	for _, field := range []string{
		"Summary: ", "Author: ", "Author-email: ", "Maintainer: ", "License: ", "Keywords: ", "Home-page: https://x.example/",
		"Download-URL: https://x.example/", "Requires-Python: >=3.9,!=", "Project-URL: ", "Classifier: ", "Provides-Extra: ",
		"Import-Name: ", "Requires-Dist: six; python_version > '", "Platform: ",
	} {
		many := []string{field + long}
		if slices.Contains([]string{
			"Project-URL: ", "Classifier: ", "Provides-Extra: ", "Import-Name: ", "Requires-Dist: six; python_version > '",
		}, field) {
			many = nil
			for n := range 5_000 {
				many = append(many,
					strings.NewReplacer(": ", fmt.Sprintf(": a%d", n), "six", fmt.Sprintf("six%d", n)).Replace(field)+
						strings.Repeat("y", 200)+map[bool]string{true: "'"}[strings.HasSuffix(field, "'")])
			}
		}
		f := packagingtest.Wheel("large", fmt.Sprintf("1.%d", len(x.record())), "x", many...)
		in, err := x.index.Begin(t.Context(), x.operator, "main", x.name("large"))
		if err != nil {
			t.Fatal(err)
		}
		in.Write(f.Bytes)
		if _, err := x.index.Publish(t.Context(), in, ingest.Upload{Filename: f.Name}); err != nil {
			t.Logf("not accepted: %s: %.100v", field, err)
			in.Discard()
			continue
		}
		in.Discard()
		for _, path := range []string{
			"/project/large/", "/project/large/" + f.Version + "/", "/search/?q=large", "/", "/project/large/versions/",
		} {
			if got := len(x.page("reader", path)); got > 200_000 {
				t.Errorf("GET %s with a large %s has %d bytes", path, field, got)
			}
		}
	}
}

// A page that is not there shows who is signed in, and the way on.
func TestMissingPages(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	lacking := func(user, path string, texts ...string) string {
		t.Helper()
		w := x.send(user, http.MethodGet, path, "", "text/html", nil)
		if w.Code != http.StatusNotFound {
			t.Fatalf("GET %s as %s = %d, want 404", path, user, w.Code)
		}
		for _, text := range texts {
			no, is := strings.CutPrefix(text, "-")
			if strings.Contains(w.Body.String(), no) == is {
				t.Errorf("GET %s as %s: %q is there: %v", path, user, no, is)
			}
		}
		return w.Body.String()
	}
	for _, path := range []string{"/nothing/here/", "/project/demo/1.0/nothing/like/it/"} {
		lacking("owner", path, "Account of </span>owner", "Sign out", "->Sign in<")
		lacking("nobody", path, "-Account of", ">Sign in<")
	}
	lacking("reader", "/project/demo/9.9/", `href="/project/demo/"`, `href="/project/demo/versions/"`, "-/manage/upload/")
	lacking("reader", "/r/inner/project/demo/9.9/diff/", `href="/r/inner/project/demo/"`)
	lacking("reader", "/project/demo/1.0/file/nothing.whl", `href="/project/demo/"`)
	lacking("owner", "/project/new-one/", `href="/manage/upload/"`,
		`href="/manage/account/publishing/?project_name=new-one"`,
		`href="/help/public-index/"`)
	// A hidden project looks as one that does not exist.
	hidden := lacking("stranger", "/r/inner/project/demo/")
	if other := lacking("stranger", "/r/inner/project/gone/"); strings.ReplaceAll(other, "gone", "demo") != hidden {
		t.Errorf("a hidden project differs from a missing one:\n%s\n%s", hidden, other)
	}
}

// Everyone finds the repositories that they may read, and learns of no other.
func TestRepositorySwitcher(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.shows("reader", "/", `<a href="/" aria-current="true">main</a>`, `<a href="/r/inner/">inner</a>`,
		"Other repositories: ")
	x.shows("reader", "/r/inner/", `<a href="/">main</a>`, `<a href="/r/inner/" aria-current="true">inner</a>`)
	x.shows("reader", "/search/?q=demo", `Other repositories: <a href="/r/inner/search/?q=demo">inner</a>`)
	x.shows("reader", "/manage/account/", `<a href="/r/inner/">inner</a>`)
	x.shows("root", "/", `<a href="/r/inner/">inner</a>`)
	x.shows("stranger", "/", "-inner", "-Repositories")
	if err := x.index.Grant(t.Context(), x.operator, "inner", x.name("demo"), "stranger", access.Reader); err != nil {
		t.Fatal(err)
	}
	x.shows("stranger", "/", `<a href="/r/inner/">inner</a>`)
	if err := x.index.Ungrant(t.Context(), x.operator, "inner", x.name("demo"), "stranger"); err != nil {
		t.Fatal(err)
	}
	x.shows("stranger", "/", "-inner")
	if w := x.get("nobody", "/login/"); strings.Contains(w.Body.String(), "inner") {
		t.Error("the sign-in page names repositories")
	}
}

// postbox is a mail server that takes everything.
type postbox struct{}

func (postbox) Send(context.Context, string, outbox.Letter) error { return nil }

// Readers subscribe on the project page, and unsubscribe there or in their account.
func TestSubscriptionPages(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) { o.site.Mail = postbox{} })
	x.shows("reader", "/project/demo/", "add an address to your account", "-Unsubscribe")
	if w := x.post("reader", "/manage/account/", "email",
		"reader@acme.example"); w.Code == http.StatusUnprocessableEntity {
		t.Fatalf("setting an address = %d: %s", w.Code, w.Body)
	}
	profile := func() string {
		var p access.Profile
		err := x.db.Accounts().View(t.Context(), func(tx account.Tx) error {
			u, err := tx.UserByName(t.Context(), "reader")
			if err == nil {
				p, err = access.ProfileOf(t.Context(), tx, u.ID)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return p.Email
	}
	if profile() == "" {
		t.Skip("the address needs confirming")
	}
	x.shows("reader", "/r/inner/project/demo/", "E-mail me about new releases")
	for _, path := range []string{"/r/inner/project/demo/", "/project/demo/"} {
		if w := x.post("reader", path+"versions/follow/"); w.Code != http.StatusSeeOther ||
			w.Header().Get("Location") != path {
			t.Fatalf("POST %sfollow/ = %d to %q", path, w.Code, w.Header().Get("Location"))
		}
		x.shows("reader", path, "Unsubscribe</button>", "-E-mail me about")
	}
	x.shows("reader", "/manage/account/", `<a href="/r/inner/project/demo/">demo</a>`, `<a href="/project/demo/">demo</a>`)
	if w := x.post("reader", "/project/demo/versions/unfollow/"); w.Code != http.StatusSeeOther {
		t.Errorf("unsubscribing = %d", w.Code)
	}
	x.shows("reader", "/project/demo/", "E-mail me about new releases")
	if err := x.index.Ungrant(t.Context(), x.operator, "inner", x.name("demo"), "reader"); err != nil {
		t.Fatal(err)
	}
	page := x.page("reader", "/manage/account/")
	if strings.Contains(page, "/project/demo/") || !strings.Contains(page, "A project that you can no longer see") {
		t.Errorf("a lost project is named: %s", page)
	}
	_, rest, _ := strings.Cut(page, `name="project" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	if w := x.post("reader", "/manage/account/unfollow/", "project", id); w.Code != http.StatusSeeOther {
		t.Errorf("unsubscribing from a lost project = %d", w.Code)
	}
	x.shows("reader", "/manage/account/", "-Subscriptions")
	for who, want := range map[string]int{"stranger": http.StatusNotFound, "nobody": http.StatusSeeOther} {
		if w := x.post(who, "/r/inner/project/demo/versions/follow/"); w.Code != want {
			t.Errorf("%s subscribes to a hidden project: %d, want %d", who, w.Code, want)
		}
	}
	y := newShop(t, catalog.Limits{}, nil)
	y.shows("reader", "/project/demo/", "-E-mail me", "-add an address") // no mail server
}
