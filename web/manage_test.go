package web_test

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/follow"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/route"
	"pyindex/internal/server"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/web"
)

// shop is a whole index with pages, and people with each role in the project demo of the repositories main and inner.
// Nobody but who was given something knows of inner.
type shop struct {
	testing.TB
	clock    *trustClock
	db       *db.DB
	dir      *access.Directory
	index    *assembly.Index
	accounts *account.Accounts
	signin   *signin.Methods
	outbox   *outbox.Outbox
	handler  http.Handler
	cookies  map[string]*http.Cookie
	operator access.Caller
	bytes    string // the folder of stored bytes
}

// shopOptions are what tests set differently.
type shopOptions struct {
	accounts  account.Options
	signin    signin.Options
	outbox    outbox.Options
	directory access.DirectoryOptions
	keyring   access.KeyringOptions
	site      web.Options
	open      bool // anyone may read without signing in
}

// ownersInvite lets invitations by owners work without an approval.
func ownersInvite(o *shopOptions) { o.accounts.OwnersInvite = true }

// roles are the people of a shop, each with what the name says.
var roles = []string{"owner", "maintainer", "uploader", "reader", "stranger", "nobody"}

const shopHost = "https://index.example"

func newShop(t testing.TB, limits catalog.Limits, rates map[route.Limit]int, change ...func(*shopOptions)) *shop {
	t.Helper()
	var o shopOptions
	for _, f := range change {
		f(&o)
	}
	x := &shop{
		TB: t, clock: &trustClock{t: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}, cookies: map[string]*http.Cookie{},
		operator: access.Operator("tester"),
	}
	folder := t.TempDir()
	x.bytes = filepath.Join(folder, "blobs")
	var err error
	if x.db, err = db.Open(t.Context(), storagetest.SQLite(t), db.Options{Now: x.clock.Now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.db.Close() })
	bytes, err := blobs.Open(t.Context(), "file://"+filepath.Join(folder, "blobs"), blobs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { bytes.Close() })
	log := slog.New(slog.DiscardHandler)
	base, err := url.Parse(shopHost)
	if err != nil {
		t.Fatal(err)
	}
	o.directory.Now, o.signin.Now, o.outbox.Now, o.keyring.Now = x.clock.Now, x.clock.Now, x.clock.Now, x.clock.Now
	cheap := access.PasswordCost{Passes: 1, Memory: 8}
	o.directory.PasswordCost, o.signin.PasswordCost = cheap, cheap
	x.dir = access.NewDirectory(x.db.Access(), o.directory)
	x.index = assembly.New(x.db.Catalog(), bytes, assembly.Options{
		Now: x.clock.Now, Limits: limits, Log: log,
		Redact: insight.New(publishers.New(x.db.Publishers(), nil, publishers.Options{})).Redact,
	})
	x.outbox = outbox.New(x.db.Outbox(), o.outbox)
	x.signin = signin.New(x.db.SignIn(), x.outbox, o.signin)
	x.accounts = account.New(x.db.Accounts(), x.signin, o.accounts)
	o.site.Index, o.site.Directory, o.site.Accounts = x.index, x.dir, x.accounts
	o.site.SignIn, o.site.Outbox = x.signin, x.outbox
	o.site.Followers = follow.New(x.index.Index, x.db.Follow(), x.clock.Now)
	o.site.Registry = publishers.New(x.db.Publishers(), nil, publishers.Options{Now: x.clock.Now})
	o.site.Exchange = exchange.New(o.site.Registry, nil, exchange.Options{})
	o.site.BaseURL, o.site.Name, o.site.Closed, o.site.Now = base, "Shop", !o.open, x.clock.Now
	o.site.Log = cmp.Or(o.site.Log, log)
	site, err := web.New(o.site)
	if err != nil {
		t.Fatal(err)
	}
	x.handler, err = server.New(server.Options{
		Keyring: access.NewKeyring(x.db.Access(), o.keyring), Origin: shopHost,
		Cookie: route.Cookie(base, route.SessionCookie).Name,
		Rates:  rates, Log: log, Now: x.clock.Now, Missing: site.Missing,
	}, site.Table())
	if err != nil {
		t.Fatal(err)
	}
	x.fill(base)
	return x
}

func (x *shop) fill(base *url.URL) {
	x.Helper()
	err := x.db.Catalog().Update(x.Context(), func(tx catalog.Tx) error {
		if err := tx.InsertRepository(x.Context(),
			catalog.Repository{ID: "inner-id", Name: "inner", CreatedAt: x.clock.Now()}); err != nil {
			return err
		}
		_, err := tx.NextSerial(x.Context())
		return err
	})
	if err != nil {
		x.Fatal(err)
	}
	for _, repo := range []string{"main", "inner"} {
		x.put(repo, packagingtest.Wheel("demo", "1.0", repo), packagingtest.SDist("demo", "1.0", repo),
			packagingtest.Wheel("demo", "2.0", repo))
	}
	x.put("main", packagingtest.Wheel("other", "1.0", "x"))
	for _, name := range roles {
		if name == "nobody" {
			continue
		}
		u, err := x.dir.AddUser(x.Context(), x.operator, access.NewUser{Name: name})
		if err != nil {
			x.Fatal(err)
		}
		if role, err := access.ParseRole(name); err == nil {
			for _, repo := range []string{"main", "inner"} {
				if err := x.index.Grant(x.Context(), x.operator, repo, x.name("demo"), name, role); err != nil {
					x.Fatal(err)
				}
			}
		}
		x.signIn(base, u)
	}
	root, err := x.dir.AddUser(x.Context(), x.operator, access.NewUser{Name: "root", Admin: true})
	if err != nil {
		x.Fatal(err)
	}
	x.signIn(base, root)
}

func (x *shop) signIn(base *url.URL, u access.User) {
	x.Helper()
	_, secret, err := x.dir.BeginSession(x.Context(), access.Guest(true),
		access.NewSession{UserID: u.ID, Method: "password"})
	if err != nil {
		x.Fatal(err)
	}
	x.cookies[u.Name] = &http.Cookie{Name: route.Cookie(base, route.SessionCookie).Name, Value: secret.Reveal()}
}

func (x *shop) name(s string) packaging.ProjectName {
	x.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		x.Fatal(err)
	}
	return n
}

// put adds files as the operator.
func (x *shop) put(repo string, files ...packagingtest.File) {
	x.Helper()
	for _, f := range files {
		in, err := x.index.Begin(x.Context(), x.operator, repo, packaging.ProjectName{})
		if err != nil {
			x.Fatal(err)
		}
		in.Write(f.Bytes)
		if _, err := x.index.Publish(x.Context(), in, ingest.Upload{Filename: f.Name}); err != nil {
			x.Fatalf("publishing %s: %v", f.Name, err)
		}
		in.Discard()
	}
}

func (x *shop) send(user, method, path, contentType, accept string, body io.Reader) *httptest.ResponseRecorder {
	x.Helper()
	r := httptest.NewRequest(method, shopHost+path, body)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("Origin", shopHost)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	if c := x.cookies[user]; c != nil {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	return w
}

func (x *shop) get(user, path string) *httptest.ResponseRecorder {
	x.Helper()
	return x.send(user, http.MethodGet, path, "", "", nil)
}

// post sends a form given as "name", "value" pairs.
func (x *shop) post(user, path string, fields ...string) *httptest.ResponseRecorder {
	x.Helper()
	return x.send(user, http.MethodPost, path, "application/x-www-form-urlencoded", "",
		strings.NewReader(pairs(fields).Encode()))
}

func pairs(fields []string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Add(fields[i], fields[i+1])
	}
	return v
}

// record is the whole record, newest first, without who signed in.
func (x *shop) record() []audit.Entry {
	x.Helper()
	h, err := x.index.Record(x.Context(), x.operator, browse.HistoryFilter{Limit: audit.MaxEntries})
	if err != nil {
		x.Fatal(err)
	}
	return h.Entries
}

// grew runs do and returns the entries that the record has more for it, each as its action, or "action refused".
func (x *shop) grew(do func()) string {
	x.Helper()
	before := len(x.record())
	do()
	all := x.record()
	var out []string
	for _, e := range all[:len(all)-before] {
		text := e.Action
		if e.Outcome == audit.Refused {
			text += " refused"
		}
		out = append(out, text)
	}
	slices.Reverse(out)
	return strings.Join(out, ", ")
}

// pagesOf are the pages about a project, and the least role that sees each.
var pagesOf = map[string]access.Role{
	"/manage/project/demo/releases/": access.Uploader, "/manage/project/demo/release/1.0/": access.Maintainer,
	"/manage/project/demo/release/1.0/?file=demo-1.0-py3-none-any.whl": access.Maintainer,
	"/manage/project/demo/history/":                                    access.Maintainer,
	"/manage/project/demo/history/?what=exchanges":                     access.Maintainer,
	"/manage/project/demo/collaboration/":                              access.Owner,
	"/manage/project/demo/service-accounts/":                           access.Owner,
	"/manage/project/demo/settings/":                                   access.Owner,
	"/manage/upload/?project=demo":                                     access.Uploader,
}

// want is the status that somebody gets who has a role and asks for what needs another: nobody is led to sign in, and a
// stranger to the repository inner gets the answer for nothing.
func wantStatus(who string, need access.Role, inner bool) int {
	role, err := access.ParseRole(who)
	switch {
	case who == "nobody":
		return http.StatusSeeOther
	case err == nil && role >= need:
		return http.StatusOK
	case err != nil && inner:
		return http.StatusNotFound
	}
	return http.StatusForbidden
}

func TestManagePagesByRole(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	for path, need := range pagesOf {
		for _, prefix := range []string{"", "/r/main", "/r/inner"} {
			for _, who := range roles {
				got := x.get(who, prefix+path)
				if want := wantStatus(who, need, prefix == "/r/inner"); got.Code != want {
					t.Errorf("GET %s%s as %s = %d, want %d", prefix, path, who, got.Code, want)
				}
				if who == "nobody" && !strings.HasPrefix(got.Header().Get("Location"), "/login/?next=") {
					t.Errorf("GET %s as nobody leads to %q", path, got.Header().Get("Location"))
				}
				if h := got.Header(); who != "nobody" &&
					(h.Get("Content-Security-Policy") == "" || h.Get("Cross-Origin-Resource-Policy") != "same-origin" ||
						h.Get("Cache-Control") != "private, no-store") {
					t.Errorf("GET %s as %s has headers %v", path, who, h)
				}
			}
		}
	}
	if got := x.get("stranger", "/r/inner/manage/projects/"); got.Code != http.StatusNotFound {
		t.Errorf("a stranger's projects in inner = %d, want 404", got.Code)
	}
}

// What one may not see looks as what does not exist, on every page and for every form.
func TestManagedHiddenIsMissing(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	shape := func(got *httptest.ResponseRecorder, name string) string {
		return fmt.Sprint(got.Code, got.Header().Get("Location"), strings.ReplaceAll(got.Body.String(), name, "NAME"))
	}
	for path := range pagesOf {
		missing := strings.ReplaceAll(path, "demo", "nothing")
		if a, b := shape(x.get("stranger", "/r/inner"+path), "demo"),
			shape(x.get("stranger", "/r/inner"+missing), "nothing"); a != b {
			t.Errorf("GET %s hidden:\n%s\nmissing:\n%s", path, a, b)
		}
	}
	for _, f := range forms {
		missing := strings.ReplaceAll(f.path, "demo", "nothing")
		grew := x.grew(func() {
			if a, b := shape(x.post("stranger", "/r/inner"+f.path, f.fields...), "demo"),
				shape(x.post("stranger", "/r/inner"+missing, f.fields...), "nothing"); a != b {
				t.Errorf("POST %s %v hidden:\n%s\nmissing:\n%s", f.path, f.fields, a, b)
			}
		})
		if grew != "" {
			t.Errorf("POST %s %v on what is hidden is recorded: %s", f.path, f.fields, grew)
		}
	}
}

// forms are the forms of the pages, filled in rightly, with the least role that may send each and what is recorded of
// it.
var forms = []struct {
	path, action string
	need         access.Role
	fields       []string
}{
	{"/manage/project/demo/release/1.0/yank/", "release.yank", access.Maintainer, []string{"reason", "broken"}},
	{"/manage/project/demo/release/1.0.0/unyank/", "release.unyank", access.Maintainer, []string{}},
	{
		"/manage/project/demo/release/1.0/yank-file/", "file.yank", access.Maintainer,
		[]string{"file", "demo-1.0-py3-none-any.whl", "file_reason", "broken"},
	},
	{
		"/manage/project/demo/release/1.0/unyank-file/", "file.unyank", access.Maintainer,
		[]string{"file", "demo-1.0-py3-none-any.whl"},
	},
	{
		"/manage/project/demo/settings/status/", "project.status", access.Owner,
		[]string{"status", "deprecated", "reason", "use other"},
	},
	{"/manage/project/demo/settings/status/", "project.status", access.Owner, []string{"status", "active"}},
	{"/manage/project/demo/settings/startup-files/", "project.startup-files", access.Owner, []string{"on", "on"}},
	{"/manage/project/demo/settings/startup-files/", "project.startup-files", access.Owner, []string{}},
	{"/manage/project/demo/settings/trusted-only/", "project.trusted-only", access.Owner, []string{"on", "on"}},
	{"/manage/project/demo/settings/trusted-only/", "project.trusted-only", access.Owner, []string{}},
	{
		"/manage/project/demo/collaboration/add/", "grant.add", access.Owner,
		[]string{"user", "stranger", "role", "maintainer"},
	},
	{
		"/manage/project/demo/collaboration/change/", "grant.add", access.Owner,
		[]string{"person", "stranger", "role", "reader"},
	},
	{"/manage/project/demo/collaboration/remove/", "grant.remove", access.Owner, []string{"person", "stranger"}},
	{
		"/manage/project/demo/release/1.0/delete-file/", "file.delete", access.Owner,
		[]string{"file", "demo-1.0-py3-none-any.whl", "file_typed", "demo-1.0-py3-none-any.whl"},
	},
	{"/manage/project/demo/release/2.0/delete/", "release.delete", access.Owner, []string{"typed", "2.0"}},
	{"/manage/project/demo/settings/delete/", "project.delete", access.Owner, []string{"typed", "demo"}},
}

// Each form by each role: what is refused is recorded once and changes nothing, what is done is recorded once.
func TestManageFormsByRole(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	for _, f := range forms {
		for _, who := range roles {
			if role, err := access.ParseRole(who); err == nil && role >= f.need {
				continue
			}
			serial, _ := x.db.Catalog().Serial(t.Context())
			var got *httptest.ResponseRecorder
			grew := x.grew(func() { got = x.post(who, f.path, f.fields...) })
			want := f.action + " refused"
			if who == "nobody" {
				want = ""
			}
			if code := wantStatus(who, f.need, false); got.Code != code || grew != want {
				t.Errorf("POST %s %v as %s = %d, recorded %q; want %d, %q", f.path, f.fields, who, got.Code, grew, code, want)
			}
			if now, _ := x.db.Catalog().Serial(t.Context()); now != serial {
				t.Errorf("POST %s %v as %s changed something", f.path, f.fields, who)
			}
		}
	}
	for _, prefix := range []string{"", "/r/inner"} {
		for _, f := range forms {
			var got *httptest.ResponseRecorder
			grew := x.grew(func() { got = x.post("owner", prefix+f.path, f.fields...) })
			if got.Code != http.StatusSeeOther || grew != f.action {
				t.Errorf("POST %s%s %v as the owner = %d, recorded %q; want 303, %q\n%s", prefix, f.path, f.fields, got.Code, grew,
					f.action, got.Body)
			}
		}
	}
	for _, repo := range []string{"main", "inner"} {
		if _, err := x.index.Project(t.Context(), x.operator, repo, x.name("demo")); err == nil {
			t.Errorf("demo is still in %s", repo)
		}
	}
}

// A maintainer does what maintainers may, and sees no form for the rest.
func TestMaintainerSeesWhatIsTheirs(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	page := x.get("maintainer", "/manage/project/demo/release/1.0/?file=demo-1.0-py3-none-any.whl").Body.String()
	for text, want := range map[string]bool{
		"Yank 1.0":            true,
		"Yank only this file": true,
		"Delete":              false,
		"/collaboration/":     false,
		"/settings/":          false,
		"/history/":           true,
	} {
		if strings.Contains(page, text) != want {
			t.Errorf("the maintainer's page has %q: %v", text, !want)
		}
	}
	if got := x.post("maintainer", "/manage/project/demo/release/1.0/yank/", "reason",
		"<b>"); got.Code != http.StatusSeeOther {
		t.Errorf("yanking as a maintainer = %d", got.Code)
	}
	page = x.get("maintainer", "/manage/project/demo/release/1.0/").Body.String()
	if !strings.Contains(page, "Reason: &lt;b&gt;") || strings.Contains(page, "<b>") {
		t.Errorf("the reason is not escaped:\n%s", page)
	}
	page = x.get("uploader", "/manage/project/demo/releases/").Body.String()
	if strings.Contains(page, "/manage/project/demo/release/1.0/") || strings.Contains(page, "/history/") {
		t.Errorf("the uploader's list leads where uploaders are refused:\n%s", page)
	}
}

// What has to be typed has to be typed exactly; otherwise the same page says so, and nothing is recorded or gone.
func TestTypedConfirmation(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	// so that one may leave
	x.post("owner", "/manage/project/demo/collaboration/add/", "user", "stranger", "role", "owner")
	for _, f := range []struct {
		path, field string
		fields      []string
	}{
		{"/manage/project/demo/release/1.0/delete/", "typed", []string{}},
		{"/manage/project/demo/release/1.0/delete-file/", "file_typed", []string{"file", "demo-1.0-py3-none-any.whl"}},
		{"/manage/project/demo/settings/delete/", "typed", []string{}},
		{"/manage/project/demo/collaboration/leave/", "typed", []string{}},
	} {
		for _, typed := range []string{"", "1.0.0", "Demo", "demo 1.0", "DEMO", "1", `"><script>`} {
			grew := x.grew(func() {
				got := x.post("owner", f.path, append(slices.Clone(f.fields), f.field, typed)...)
				if got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), `aria-invalid="true"`) ||
					strings.Contains(got.Body.String(), "><script>") {
					t.Errorf("POST %s %v with %q typed = %d", f.path, f.fields, typed, got.Code)
				}
			})
			if grew != "" {
				t.Errorf("POST %s %v with %q typed is recorded: %s", f.path, f.fields, typed, grew)
			}
		}
	}
}

// What cannot be undone, and who may do what, asks for a recent proof of who it is.
func TestDangerousActsAreConfirmed(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.clock.Pass(access.ConfirmedFor + time.Minute)
	for _, f := range forms {
		dangerous := strings.Contains(f.action, "delete") || strings.HasPrefix(f.action, "grant.") ||
			f.action == "project.trusted-only" || f.action == "project.startup-files"
		got := x.post("owner", "/r/inner"+f.path, f.fields...)
		if led := strings.HasPrefix(got.Header().Get("Location"), "/confirm/?next="); led != dangerous {
			t.Errorf("POST %s %v = %d, leads to %q", f.path, f.fields, got.Code, got.Header().Get("Location"))
		}
	}
	if _, err := x.index.Release(t.Context(), x.operator, "inner", x.name("demo"), "2.0"); err != nil {
		t.Errorf("a release went without a proof: %v", err)
	}
}

// A form that is sent twice does its work once; the second time says that there is nothing.
func TestDoubleSubmit(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	codes := func(path string, fields ...string) string {
		return fmt.Sprint(x.post("owner", path, fields...).Code, " ", x.post("owner", path, fields...).Code)
	}
	for _, c := range []struct {
		want, path string
		fields     []string
	}{
		{"303 404", "/manage/project/demo/release/2.0/delete/", []string{"typed", "2.0"}},
		{
			"303 404", "/manage/project/demo/release/1.0/delete-file/",
			[]string{"file", "demo-1.0-py3-none-any.whl", "file_typed", "demo-1.0-py3-none-any.whl"},
		},
		{"303 422", "/manage/project/demo/collaboration/add/", []string{"user", "stranger", "role", "reader"}},
		{"303 404", "/manage/project/demo/collaboration/remove/", []string{"person", "stranger"}},
		{"303 404", "/manage/project/demo/settings/delete/", []string{"typed", "demo"}},
	} {
		if got := codes(c.path, c.fields...); got != c.want {
			t.Errorf("POST %s %v twice = %s, want %s", c.path, c.fields, got, c.want)
		}
	}
}

// The last owner stays, whatever form is sent; somebody who is no owner any more is led away from the owners' page.
func TestLastOwnerPages(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const path = "/manage/project/demo/collaboration/"
	for _, fields := range [][]string{
		{"remove", "person", "owner"}, {"change", "person", "owner", "role", "reader"}, {"leave", "typed", "demo"},
	} {
		got := x.post("owner", path+fields[0]+"/", fields[1:]...)
		if got.Code != http.StatusUnprocessableEntity ||
			!strings.Contains(got.Body.String(), "owner is the last owner of project demo") {
			t.Errorf("POST %v as the last owner = %d:\n%s", fields, got.Code, got.Body)
		}
	}
	if page := x.get("owner", path).Body.String(); strings.Contains(page, "Leave demo") ||
		!strings.Contains(page, "The only owner") {
		t.Errorf("the last owner is offered to leave:\n%s", page)
	}
	x.post("owner", path+"add/", "user", "stranger", "role", "owner")
	if page := x.get("owner", path).Body.String(); !strings.Contains(page, "Leave demo") {
		t.Errorf("one of two owners is not offered to leave:\n%s", page)
	}
	got := x.post("owner", path+"leave/", "typed", "demo")
	if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/manage/projects/" {
		t.Errorf("leaving = %d to %q", got.Code, got.Header().Get("Location"))
	}
	if got := x.get("owner", path); got.Code != http.StatusForbidden {
		t.Errorf("who left sees the page: %d", got.Code)
	}
	if got := x.post("root", path+"remove/", "person", "stranger"); got.Code != http.StatusSeeOther {
		t.Errorf("an administrator removing the last owner = %d", got.Code)
	}
}

// Before something is deleted the page says who would miss it: how often it was downloaded, and what requires it.
func TestWhatBreaks(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.put("main", packagingtest.Wheel("needy", "1.0", "x", "Requires-Dist: demo>=1"))
	o, err := x.index.Overview(t.Context(), x.operator, "", x.name("demo"), "1.0")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		x.index.NoteDownload(o.Files[0])
	}
	if err := x.index.FlushDownloads(t.Context()); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"settings/": "3 times", "release/1.0/": "3 times", "release/2.0/": "Not downloaded",
	} {
		page := x.get("owner", "/manage/project/demo/"+path).Body.String()
		if !strings.Contains(page, want) || !strings.Contains(page, "One project here requires it: <strong>needy</strong>") {
			t.Errorf("%s lacks %q or who requires demo:\n%s", path, want, page)
		}
	}
	if page := x.get("owner", "/r/inner/manage/project/demo/settings/").Body.String(); strings.Contains(page, "needy") ||
		strings.Contains(page, "3 times") {
		t.Errorf("a project of another repository is told of:\n%s", page)
	}
	x.clock.Pass(40 * 24 * time.Hour)
	if got, err := x.index.Downloads(t.Context(), x.operator, "", x.name("demo"), "1.0", 30); err != nil || got != 0 {
		t.Errorf("downloads of 40 days ago are told of: %d, %v", got, err)
	}
}

// What is named in a form is looked for where the path says, and nowhere else.
func TestNamesOfOthers(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	for _, fields := range [][]string{
		{"yank-file", "file", "other-1.0-py3-none-any.whl"},
		{"delete-file", "file", "other-1.0-py3-none-any.whl", "file_typed", "other-1.0-py3-none-any.whl"},
	} {
		if got := x.post("owner", "/manage/project/demo/release/1.0/"+fields[0]+"/",
			fields[1:]...); got.Code != http.StatusNotFound {
			t.Errorf("POST %v = %d, want 404", fields, got.Code)
		}
	}
	for _, c := range []struct {
		path string
		want int
	}{
		{"/manage/project/demo/release/9.9/", 404},
		{"/manage/project/demo/release/x%20y/", 400},
		{"/manage/project/a%20b/releases/", 404},
		{"/manage/project/demo/history/?after=rubbish", 400},
		{"/manage/project/demo/history/?from=rubbish", 422},
		{"/manage/project/demo/history/?text=%00%ff&actor=%ff", 200},
		{"/manage/projects/?q=%00%ff", 200},
		{"/manage/projects/?page=99", 200},
		{"/manage/project/Demo/releases/", 303},
		{"/r/nowhere/manage/projects/", 404},
		{"/manage/upload/?project=a%20b", 404},
		{"/manage/upload/", 200},
	} {
		if got := x.get("owner", c.path); got.Code != c.want {
			t.Errorf("GET %s = %d, want %d", c.path, got.Code, c.want)
		}
	}
	for _, form := range []string{"", "everything/"} {
		if got := x.post("owner", "/manage/project/demo/settings/"+form); got.Code != http.StatusNotFound &&
			got.Code != http.StatusMethodNotAllowed {
			t.Errorf("POST to settings/%s, which is no form = %d", form, got.Code)
		}
	}
}

func TestSettingsOfAdministrators(t *testing.T) {
	x := newShop(t, catalog.Limits{FileSize: 2e9}, nil)
	const path = "/manage/project/demo/settings/"
	if got := x.post("owner", path+"limits/", "file_size", "1 MB"); got.Code != http.StatusForbidden {
		t.Errorf("limits by an owner = %d", got.Code)
	}
	if got := x.post("owner", path+"status/", "status", "quarantined"); got.Code != http.StatusForbidden {
		t.Errorf("quarantine by an owner = %d", got.Code)
	}
	for typed, want := range map[string]int64{"1 MB": 1e6, "2GiB": 2 << 30, " 7 kb ": 7e3, "12": 12, "3 bytes": 3, "": 0} {
		got := x.post("root", path+"limits/", "file_size", typed)
		p, err := x.index.Project(t.Context(), x.operator, "", x.name("demo"))
		if err != nil || got.Code != http.StatusSeeOther || p.Limits.FileSize != want {
			t.Errorf("limits of %q = %d: %d, %v, want %d", typed, got.Code, p.Limits.FileSize, err, want)
		}
	}
	for _, typed := range []string{"many", "-1", "0", "1.5 GB", "99999999999 TB", "1 XB", "MB"} {
		if got := x.post("root", path+"limits/", "file_size", typed); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("limits of %q = %d, want 422", typed, got.Code)
		}
	}
	if got := x.post("root", path+"status/", "status", "quarantined", "reason",
		"malware"); got.Code != http.StatusSeeOther {
		t.Errorf("quarantine by an administrator = %d", got.Code)
	}
	page := x.get("owner", path).Body.String()
	if !strings.Contains(page, "Only an administrator can end the quarantine") || strings.Contains(page, "active again") {
		t.Errorf("the owner's page of a project in quarantine:\n%s", page)
	}
	for _, path := range []string{"releases/", "release/1.0/", "history/", "collaboration/"} {
		if got := x.get("owner", "/manage/project/demo/"+path); got.Code != http.StatusOK {
			t.Errorf("%s of a project in quarantine = %d", path, got.Code)
		}
	}
}

func TestHistoryPage(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	x.post("maintainer", "/manage/project/demo/release/1.0/yank/", "reason", "broken <i>")
	x.post("reader", "/manage/project/demo/release/1.0/yank/")
	page := func(user, query string) string {
		t.Helper()
		got := x.get(user, "/manage/project/demo/history/"+query)
		if got.Code != http.StatusOK {
			t.Fatalf("GET history%s = %d", query, got.Code)
		}
		return got.Body.String()
	}
	all := page("owner", "")
	for _, want := range []string{
		"maintainer yanked demo 1.0: broken &lt;i&gt;", "reader was not allowed to yank demo 1.0",
		"The operator tester uploaded demo-2.0", "gave maintainer the role maintainer in demo",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("the history lacks %q:\n%s", want, all)
		}
	}
	for query, want := range map[string][2]string{
		"?what=yanks": {"yanked demo", "uploaded"}, "?outcome=refused": {"was not allowed to", "maintainer yanked"},
		"?actor=maintainer": {"yanked demo", "uploaded"},
		"?text=BROKEN":      {"yanked demo", "uploaded"},
		"?from=2030-01-01":  {"No events of demo match these filters", "yanked demo 1.0"},
		"?to=2026-11-26":    {"yanked demo 1.0", "No events of demo match these filters"},
		"?to=2026-11-25":    {"No events of demo match these filters", "yanked demo 1.0"},
		"?version=2":        {"demo-2.0", "yanked demo 1.0"},
	} {
		if got := page("owner", query); !strings.Contains(got, want[0]) || strings.Contains(got, want[1]) {
			t.Errorf("history%s lacks %q or has %q", query, want[0], want[1])
		}
	}
	for n := range 40 {
		x.post("owner", "/manage/project/demo/release/2.0/yank/", "reason", fmt.Sprint("number ", n))
	}
	first := page("owner", "?what=yanks")
	if !strings.Contains(first, "number 39") || strings.Contains(first, "number 3.") ||
		!strings.Contains(first, `rel="next"`) {
		t.Errorf("the first page of a long history:\n%s", first)
	}
	_, rest, _ := strings.Cut(first, `rel="next" href="`)
	next, _, _ := strings.Cut(rest, `"`)
	second := page("owner", strings.ReplaceAll(next, "&amp;", "&"))
	if !strings.Contains(second, "number 3") || strings.Contains(second, "number 39") ||
		strings.Contains(second, "uploaded") || !strings.Contains(second, ">Newest<") {
		t.Errorf("the second page of a long history:\n%s", second)
	}
	if len(first) > 60_000 {
		t.Errorf("a page of the history has %d bytes", len(first))
	}
}

// A page of publishes stays light, and shows the claims that say whose workflow and which run it was, as text.
func TestHistoryOfPublishes(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	p, err := x.index.Project(t.Context(), x.operator, "", x.name("demo"))
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]any{"repository": "acme/<widgets>", "run_id": "1234", "exp": 1764158400}
	for n := range 32 {
		claims[fmt.Sprintf("a_claim_of_%02d", n)] = strings.Repeat("x", 40)
	}
	x.clock.Pass(time.Hour)
	err = x.db.Catalog().Update(t.Context(), func(tx catalog.Tx) error {
		for n := range 30 {
			e := audit.Entry{
				ID: fmt.Sprintf("publish-%02d", n), At: x.clock.Now(), Action: "file.add", Outcome: audit.Granted,
				Repository: p.Repository.ID, Project: "demo", Version: "3.0",
				Filename: fmt.Sprintf("demo-3.%d.tar.gz", n),
				Actor:    audit.Actor{Kind: "publisher", Name: "Workflow release.yml in acme/widgets"},
				Detail: map[string]any{
					"sha256": strings.Repeat("a", 64), "uploader": map[string]any{"kind": "publisher", "claims": claims},
				},
			}
			if err := tx.InsertAudit(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	page := x.get("owner", "/manage/project/demo/history/").Body.String()
	for _, want := range []string{
		"Workflow release.yml in acme/widgets uploaded demo-3.29.tar.gz.", "claims.repository: acme/&lt;widgets&gt;",
		"claims.run_id: 1234",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the history lacks %q", want)
		}
	}
	if strings.Contains(page, "1764158400") || strings.Contains(page, "a_claim_of") {
		t.Error("the history shows claims that say neither whose workflow nor which run it was")
	}
	if len(page) > 60_000 {
		t.Errorf("a page of publishes has %d bytes", len(page))
	}
}

// Whatever a link asks a page for, the page answers.
func FuzzManageQueries(f *testing.F) {
	x := newShop(f, catalog.Limits{}, nil)
	for _, q := range []string{
		"q=a&page=2", "text=%25_!&actor=a&what=yanks&outcome=refused&from=2026-01-01&to=2026-01-02", "after=1.a", "file=%00",
		"project=demo", "version=1.0", "%zz",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		if strings.ContainsFunc(query, func(c rune) bool { return c <= ' ' || c == '#' || c > '~' }) {
			query = url.QueryEscape(query)
		}
		for _, path := range []string{
			"/manage/projects/", "/manage/project/demo/releases/", "/manage/project/demo/release/1.0/",
			"/manage/project/demo/history/", "/manage/project/demo/settings/", "/manage/upload/",
		} {
			r := httptest.NewRequest(http.MethodGet, shopHost+path, nil)
			r.URL.RawQuery = query
			r.AddCookie(x.cookies["owner"])
			w := httptest.NewRecorder()
			x.handler.ServeHTTP(w, r)
			if w.Code >= 500 {
				t.Errorf("GET %s?%s = %d", path, query, w.Code)
			}
		}
	})
}

func TestManagedListPage(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	for user, want := range map[string][2]string{
		"owner":    {"/manage/project/demo/releases/", "/manage/project/other/"},
		"reader":   {"You have no projects yet", "/manage/project/demo/"},
		"stranger": {"You have no projects yet", "demo"},
		"root":     {"/manage/project/other/releases/", "You have no projects"},
	} {
		if page := x.get(user, "/manage/projects/").Body.String(); !strings.Contains(page, want[0]) ||
			strings.Contains(page, want[1]) {
			t.Errorf("the projects of %s lack %q or have %q:\n%s", user, want[0], want[1], page)
		}
	}
	if page := x.get("root", "/manage/projects/?q=oth").Body.String(); !strings.Contains(page, "/project/other/") ||
		strings.Contains(page, "/project/demo/") {
		t.Errorf("the filter does not filter:\n%s", page)
	}
}

// An owner invites by link; a maintainer cannot, and others do not see the invitation.
func TestInvitationToAProject(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, ownersInvite)
	const path = "/manage/project/demo/collaboration/"
	got := x.post("owner", path+"invite/", "invited", "zoe", "invited_role", "uploader")
	_, rest, found := strings.Cut(got.Body.String(), shopHost+"/invite/")
	secret, _, _ := strings.Cut(rest, "/")
	if got.Code != http.StatusOK || !found {
		t.Fatalf("inviting = %d:\n%s", got.Code, got.Body)
	}
	page := x.get("owner", path).Body.String()
	if strings.Contains(page, secret) || !strings.Contains(page, "zoe is invited as uploader") {
		t.Errorf("the page after inviting:\n%s", page)
	}
	if got := x.get("nobody", "/invite/"+secret+"/"); got.Code != http.StatusOK ||
		!strings.Contains(got.Body.String(), "zoe") {
		t.Errorf("following the link = %d", got.Code)
	}
	for user, want := range map[string]int{"maintainer": 403, "reader": 403, "stranger": 403} {
		if got := x.post(user, path+"invite/", "invited_role", "owner"); got.Code != want {
			t.Errorf("inviting as %s = %d, want %d", user, got.Code, want)
		}
	}
	for _, fields := range [][]string{
		{"invited", "Not A Name", "invited_role", "reader"}, {"invited", "reader", "invited_role", "reader"},
	} {
		if got := x.post("owner", path+"invite/", fields...); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("POST %v = %d, want 422", fields, got.Code)
		}
	}
	_, rest, _ = strings.Cut(page, `name="invitation" value="`)
	id, _, _ := strings.Cut(rest, `"`)
	if got := x.post("maintainer", path+"revoke/", "invitation", id); got.Code != http.StatusNotFound {
		t.Errorf("revoking somebody else's invitation = %d, want 404", got.Code)
	}
	if got := x.post("owner", path+"revoke/", "invitation", id); got.Code != http.StatusSeeOther {
		t.Errorf("revoking = %d", got.Code)
	}
	if got := x.get("nobody", "/invite/"+secret+"/"); got.Code != http.StatusNotFound {
		t.Errorf("following a revoked link = %d", got.Code)
	}
}

// Who is no owner any more cannot come back by an invitation of their own.
func TestInvitationFallsWithItsMaker(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil, ownersInvite)
	const path = "/manage/project/demo/collaboration/"
	got := x.post("owner", path+"invite/", "invited_role", "owner")
	_, rest, _ := strings.Cut(got.Body.String(), shopHost+"/invite/")
	secret, _, _ := strings.Cut(rest, "/")
	link := "/invite/" + secret + "/"
	if got := x.get("nobody", link); got.Code != http.StatusOK {
		t.Fatalf("following the link = %d", got.Code)
	}
	x.post("root", path+"change/", "person", "owner", "role", "maintainer")
	if got := x.get("nobody", link); got.Code != http.StatusNotFound {
		t.Errorf("following the link of somebody who is no owner any more = %d, want 404", got.Code)
	}
	const password = "four words that differ"
	if got := x.post("nobody", link, "name", "again", "password", password, "again",
		password); got.Code != http.StatusNotFound {
		t.Errorf("using the link of somebody who is no owner any more = %d, want 404", got.Code)
	}
	x.post("root", path+"change/", "person", "owner", "role", "owner")
	if got := x.post("nobody", link, "name", "zoe", "password", password, "again",
		password); got.Code != http.StatusSeeOther {
		t.Errorf("using the link of an owner = %d:\n%s", got.Code, got.Body)
	}
}

// Groups get and lose roles; the one that owns a project alone stays, and its people own it.
func TestGroupsOfAProject(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const path = "/manage/project/demo/collaboration/"
	if _, err := x.dir.AddGroup(t.Context(), x.operator, "crew", ""); err != nil {
		t.Fatal(err)
	}
	if err := x.dir.AddMember(t.Context(), x.operator, "crew", "stranger"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want   int
		fields []string
	}{
		{422, []string{"add-group", "group", "nobody-knows", "group_role", "reader"}},
		{422, []string{"add-group", "group", "crew", "group_role", "king"}},
		{404, []string{"remove-group", "group", "crew"}},
	} {
		if got := x.post("owner", path+c.fields[0]+"/", c.fields[1:]...); got.Code != c.want {
			t.Errorf("POST %v = %d, want %d", c.fields, got.Code, c.want)
		}
	}
	for _, user := range []string{"maintainer", "reader", "stranger"} {
		if got := x.post(user, path+"add-group/", "group", "crew", "group_role", "owner"); got.Code != http.StatusForbidden {
			t.Errorf("a group's role given by a %s = %d, want 403", user, got.Code)
		}
	}
	hidden, missing := x.post("stranger", "/r/inner"+path+"add-group/", "group", "crew", "group_role", "owner"),
		x.post("stranger", "/r/inner/manage/project/nothing/collaboration/add-group/", "group", "crew", "group_role", "owner")
	if hidden.Code != http.StatusNotFound || missing.Code != http.StatusNotFound {
		t.Errorf("a group's role in what is hidden = %d, in what is missing = %d, want 404", hidden.Code, missing.Code)
	}
	if grew := x.grew(func() {
		x.post("owner", path+"add-group/", "group", "crew", "group_role", "owner")
	}); grew != "grant.add" {
		t.Errorf("a group's role is recorded as %q", grew)
	}
	if page := x.get("stranger", path).Body.String(); !strings.Contains(page,
		"Everyone in <strong>crew</strong> is an <strong>owner</strong>") {
		t.Errorf("somebody of the group sees:\n%s", page)
	}
	if page := x.get("owner", path).Body.String(); strings.Contains(page, "The only owner") ||
		!strings.Contains(page, "Leave demo") {
		t.Errorf("an owner beside a group that owns the project is shown as the only one:\n%s", page)
	}
	if got := x.post("owner", path+"leave/", "typed", "demo"); got.Code != http.StatusSeeOther {
		t.Errorf("leaving a project that a group owns too = %d", got.Code)
	}
	for _, fields := range [][]string{
		{"remove-group", "group", "crew"}, {"add-group", "group", "crew", "group_role", "reader"},
	} {
		got := x.post("stranger", path+fields[0]+"/", fields[1:]...)
		if got.Code != http.StatusUnprocessableEntity ||
			!strings.Contains(got.Body.String(), "group crew is the last owner of project demo") {
			t.Errorf("POST %v by the last owners = %d", fields, got.Code)
		}
	}
	if page := x.get("stranger", "/manage/project/demo/history/?what=people").Body.String(); !strings.Contains(page,
		"owner gave the group crew the role owner in demo") || !strings.Contains(page, "owner left demo") {
		t.Errorf("the history of roles:\n%s", page)
	}
	if got := x.post("root", path+"remove-group/", "group", "crew"); got.Code != http.StatusSeeOther {
		t.Errorf("an administrator taking a group's role = %d", got.Code)
	}
	if got := x.get("stranger", path); got.Code != http.StatusForbidden {
		t.Errorf("who was of the group = %d", got.Code)
	}
}

// multi writes a form with files, each as name and bytes.
func multi(files ...packagingtest.File) (string, *bytes.Buffer) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("something", "else")
	for _, f := range files {
		part, _ := w.CreateFormFile("content", f.Name)
		part.Write(f.Bytes)
	}
	w.Close()
	return w.FormDataContentType(), &b
}

// TestProjectCreatedAgainPage: the page of a project under the name of a deleted one says so to its owners alone.
func TestProjectCreatedAgainPage(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const note = "An earlier project named demo was deleted"
	if page := x.get("owner", "/project/demo/").Body.String(); strings.Contains(page, note) {
		t.Error("the page of a first project tells of a deleted one")
	}
	if err := x.index.DeleteProject(t.Context(), x.operator, "main", x.name("demo")); err != nil {
		t.Fatal(err)
	}
	x.clock.Pass(time.Hour)
	x.put("main", packagingtest.Wheel("demo", "3.0", "again"))
	for _, role := range []string{"owner", "maintainer"} {
		r, err := access.ParseRole(role)
		if err == nil {
			err = x.index.Grant(t.Context(), x.operator, "main", x.name("demo"), role, r)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for who, want := range map[string]bool{"owner": true, "root": true, "maintainer": false, "reader": false} {
		page := x.get(who, "/project/demo/").Body.String()
		if strings.Contains(page, note) != want {
			t.Errorf("%s is told that a project of this name was deleted: %v, want %v", who, !want, want)
		}
	}
	if page := x.get("owner", "/manage/project/demo/history/").Body.String(); !strings.Contains(page,
		"created the project demo again; an earlier project with this name was deleted on ") {
		t.Error("the history does not say that the project was created again")
	}
}
