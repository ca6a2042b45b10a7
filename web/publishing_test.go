package web_test

import (
	"cmp"
	"context"
	"html"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/assembly"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/route"
	"pyindex/internal/server"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/workload"
	"pyindex/web"
)

// trustClock is a time that tests set.
type trustClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *trustClock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }
func (c *trustClock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// trust is a whole index with pages, an issuer that signs, and people who are signed in.
type trust struct {
	*testing.T
	clock    *trustClock
	base     *url.URL
	db       *db.DB
	issuer   *issuertest.Issuer
	dir      *access.Directory
	index    *assembly.Index
	registry *publishers.Registry
	minter   *exchange.Minter
	keyring  *access.Keyring
	handler  http.Handler
	cookies  map[string]*http.Cookie // by user
	operator access.Caller
}

const trustAudience = "pypi.acme.example"

func newTrust(t *testing.T, change ...func(*publishers.Options)) *trust {
	t.Helper()
	x := &trust{
		T: t, clock: &trustClock{t: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}, cookies: map[string]*http.Cookie{},
		operator: access.Operator("tester"),
	}
	var err error
	if x.base, err = url.Parse("https://" + trustAudience + "/team"); err != nil {
		t.Fatal(err)
	}
	x.db, err = db.Open(t.Context(), storagetest.SQLite(t), db.Options{Now: x.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.db.Close() })
	x.issuer = issuertest.New(t, issuertest.Options{Plain: true})
	verifier, err := idtoken.New([]idtoken.Issuer{{Kind: "github", URL: x.issuer.URL, Audiences: []string{trustAudience}}},
		idtoken.Options{Now: x.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	o := publishers.Options{Now: x.clock.Now, Issuers: []publishers.Issuer{
		{Provider: "github", URL: workload.GitHubIssuer},
		{Provider: "github", URL: x.issuer.URL},
		{Provider: "gitlab", URL: workload.GitLabIssuer},
		{Provider: "google", URL: workload.GoogleIssuer},
		{Provider: "activestate", URL: workload.ActiveStateIssuer},
		{Provider: "circleci", URL: workload.CircleCIIssuer},
		{Provider: "generic", URL: "https://forge.acme.example/api/actions"},
		{Provider: "generic", URL: "https://ci.acme.example"},
	}}
	for _, f := range change {
		f(&o)
	}
	x.registry = publishers.New(x.db.Publishers(), workload.All, o)
	x.minter = exchange.New(x.registry, verifier, exchange.Options{})
	x.dir = access.NewDirectory(x.db.Access(), access.DirectoryOptions{Now: x.clock.Now})
	x.index = assembly.New(x.db.Catalog(), nil, assembly.Options{Now: x.clock.Now})
	x.keyring = access.NewKeyring(x.db.Access(), access.KeyringOptions{Now: x.clock.Now})
	x.serve()
	return x
}

func (x *trust) serve() {
	x.Helper()
	site, err := web.New(web.Options{
		Index:     x.index,
		Directory: x.dir,
		Registry:  x.registry,
		Exchange:  x.minter,
		SignIn: signin.New(x.db.SignIn(), outbox.New(x.db.Outbox(), outbox.Options{Now: x.clock.Now}),
			signin.Options{Now: x.clock.Now}),
		BaseURL: x.base,
		Name:    "Acme packages",
		Now:     x.clock.Now,
		Log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		x.Fatal(err)
	}
	x.handler, err = server.New(server.Options{
		Keyring: x.keyring, BasePath: "/team", Origin: "https://" + trustAudience,
		Cookie: route.Cookie(x.base, route.SessionCookie).Name, Log: slog.New(slog.DiscardHandler), Now: x.clock.Now,
	}, site.Table())
	if err != nil {
		x.Fatal(err)
	}
}

// user makes an account that is signed in.
func (x *trust) user(name string) access.User {
	x.Helper()
	u, err := x.dir.AddUser(x.Context(), x.operator, access.NewUser{Name: name})
	if err != nil {
		x.Fatal(err)
	}
	x.signIn(u)
	return u
}

func (x *trust) signIn(u access.User) {
	x.Helper()
	_, secret, err := x.dir.BeginSession(x.Context(), access.Guest(true),
		access.NewSession{UserID: u.ID, Method: "password"})
	if err != nil {
		x.Fatal(err)
	}
	c := route.Cookie(x.base, route.SessionCookie)
	x.cookies[u.Name] = &http.Cookie{Name: c.Name, Value: secret.Reveal()}
}

// project makes a project that a user owns, in a repository.
func (x *trust) project(repository, name, owner string) {
	x.Helper()
	n, err := packaging.ParseProjectName(name)
	if err != nil {
		x.Fatal(err)
	}
	err = x.db.Publishers().Update(x.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(x.Context(), repository)
		if fault.Is(err, fault.NotFound) {
			repo = catalog.Repository{ID: "repository-" + repository, Name: repository, CreatedAt: x.clock.Now()}
			err = tx.InsertRepository(x.Context(), repo)
		}
		if err != nil {
			return err
		}
		u, err := tx.UserByName(x.Context(), owner)
		if err != nil {
			return err
		}
		_, err = catalog.Create(x.Context(), tx, catalog.NewProject{
			ID: repository + "-" + name, Repository: repo, Name: n, Display: name, Owner: u.ID,
			EntryID: "made-" + repository + "-" + name, At: x.clock.Now(),
		})
		return err
	})
	if err != nil {
		x.Fatal(err)
	}
}

// ask sends a request as a user, "" for nobody; a form makes it a post from a page of this index. A form for "do" is at
// that name below its page.
func (x *trust) ask(user, path string, form url.Values) *httptest.ResponseRecorder {
	x.Helper()
	if do := form.Get("do"); do != "" {
		form = maps.Clone(form)
		form.Del("do")
		if !strings.HasSuffix(path, "/preview/") {
			path += do + "/"
		}
	}
	r := httptest.NewRequest(http.MethodGet, "https://"+trustAudience+"/team"+path, nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, "https://"+trustAudience+"/team"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://"+trustAudience)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	if c := x.cookies[user]; c != nil {
		r.AddCookie(c)
	}
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, r)
	return w
}

// follow is ask, and then the page that the answer leads to.
func (x *trust) follow(user, path string, form url.Values) (string, string) {
	x.Helper()
	w := x.ask(user, path, form)
	if w.Code != http.StatusSeeOther {
		x.Fatalf("POST %s %v as %s = %d, want 303:\n%s", path, form, user, w.Code, w.Body)
	}
	to := strings.TrimPrefix(w.Header().Get("Location"), "/team")
	r := httptest.NewRequest(http.MethodGet, "https://"+trustAudience+"/team"+to, nil)
	r.AddCookie(x.cookies[user])
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	got := httptest.NewRecorder()
	x.handler.ServeHTTP(got, r)
	if got.Code != http.StatusOK {
		x.Fatalf("GET %s = %d", to, got.Code)
	}
	return to, got.Body.String()
}

const widgetsPublishing = "/manage/project/widgets/settings/publishing/"

// github is the form of a publisher, as somebody types it; over changes it.
func (x *trust) github(over ...string) url.Values {
	v := url.Values{
		"do":          {"add"},
		"provider":    {"github"},
		"issuer":      {x.issuer.URL},
		"owner":       {"Acme"},
		"repository":  {"Widgets"},
		"workflow":    {"release.yml"},
		"environment": {"release"},
		"owner_id":    {"4242"},
	}
	for i := 0; i+1 < len(over); i += 2 {
		v.Set(over[i], over[i+1])
	}
	return v
}

// list are the publishers of a project, by the middle ring.
func (x *trust) list(project string) []publishers.Listed {
	x.Helper()
	all, err := x.registry.List(x.Context(), x.operator, project)
	if err != nil && !fault.Is(err, fault.NotFound) {
		x.Fatal(err)
	}
	return all
}

// exchange sends an identity token with these claims.
func (x *trust) exchange(over map[string]any) (exchange.Minted, error) {
	return x.minter.Exchange(x.Context(), access.Guest(true).At("198.51.100.7", "r"),
		access.Secret(x.issuer.Sign(x.issuer.Claims(trustAudience, x.clock.Now(), over))),
		exchange.Want{Scope: access.ScopeUpload})
}

// wants fails where a page does not say something, as text.
func wants(t *testing.T, page string, all ...string) {
	t.Helper()
	for _, s := range all {
		if !strings.Contains(page, s) && !strings.Contains(page, html.EscapeString(s)) {
			t.Errorf("the page does not say %q", s)
		}
	}
}

// The payloads that every field and query parameter gets, and what of them would be harm if a page had it as it is.
var payloads = []struct{ text, harm string }{
	{`"><script>alert(1)</script>`, "<script>alert"},
	{`'><img src=x onerror=alert(1)>`, "<img"},
	{`</textarea><svg onload=alert(1)>`, "<svg onload"},
	{`javascript:alert(1)`, `href="javascript:`},
	{"{{.Who}}{{printf \"%s\" .}}", "alice{"},
	{"a\u202Egpj.exe\x00b", "\x00"},
	{`${{ secrets.TOKEN }}`, "no such harm"},
	{strings.Repeat("A", 20_000), strings.Repeat("A", 20_001)},
	{"x\r\nSet-Cookie: a=b", "no such harm"},
}

// TestContract111 (MUST): whoever is no owner is refused as for a project that does not exist, to look and to post,
// also with a publisher's id of another project.
func TestContract111(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.user("bob")
	x.user("mary")
	x.project("main", "widgets", "alice")
	x.project("main", "gadgets", "bob")
	x.follow("alice", widgetsPublishing, x.github())
	id := x.list("widgets")[0].ID
	missing := "/manage/project/nothing/settings/publishing/"
	posts := []url.Values{
		x.github("repository", "evil"),
		{"do": {"remove"}, "publisher_id": {id}},
		{"do": {"constrain"}, "publisher_id": {id}, "ref": {"refs/tags/x"}},
		{"do": {"trusted-only"}, "on": {"on"}},
		{"do": {"add"}, "provider": {"github"}, "owner": {"a/b"}},
	}
	shape := func(user, path string, form url.Values) string {
		w := x.ask(user, path, form)
		name := strings.Split(path, "/")[3]
		if w.Code < 400 && user != "" {
			t.Errorf("%s may %s %v: %d", user, path, form, w.Code)
		}
		return http.StatusText(w.Code) + strings.ReplaceAll(w.Header().Get("Location")+w.Body.String(), name, "NAME")
	}
	for _, user := range []string{"bob", "mary", ""} {
		for _, suffix := range []string{"", "preview/"} {
			for _, form := range append(posts, nil) {
				if suffix != "" && form == nil {
					continue
				}
				if hidden, none := shape(user, widgetsPublishing+suffix, form), shape(user, missing+suffix, form); hidden != none {
					t.Errorf("%q sees a difference at %s %v:\n%s\n%s", user, suffix, form, short(hidden), short(none))
				}
			}
		}
	}
	// Through one's own project, a known id does nothing to another's.
	for _, form := range []url.Values{
		{"do": {"remove"}, "publisher_id": {id}}, {"do": {"constrain"}, "publisher_id": {id}, "ref": {"refs/tags/x"}},
	} {
		if w := x.ask("bob", "/manage/project/gadgets/settings/publishing/", form); w.Code != http.StatusNotFound {
			t.Errorf("bob posted %v with an id of alice's: %d", form, w.Code)
		}
	}
	if w := x.ask("bob", "/manage/project/gadgets/settings/publishing/?publisher="+id, nil); w.Code != http.StatusOK ||
		strings.Contains(w.Body.String(), "release.yml</code>") {
		t.Errorf("bob sees the file of alice's publisher: %d", w.Code)
	}
	if all := x.list("widgets"); len(all) != 1 || all[0].ID != id || all[0].Fields["ref"] != "" {
		t.Errorf("the publishers of widgets are %+v", all)
	}
	w := x.ask("", widgetsPublishing, nil)
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/team/login/") {
		t.Errorf("nobody is led to %d %s", w.Code, w.Header().Get("Location"))
	}
}

// short is what a page says, without its frame.
func short(page string) string {
	if i := strings.Index(page, "<main"); i >= 0 {
		page = page[:strings.Index(page, "<!doctype")] + page[i:min(len(page), i+400)]
	}
	return page
}

// TestContract112 (MUST): a post that no page of this index sent is refused.
func TestContract112(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for name, headers := range map[string]map[string]string{
		"another site":    {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
		"a sister host":   {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.acme.example"},
		"an origin alone": {"Origin": "https://evil.example"},
		"a null origin":   {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{
				widgetsPublishing + "add/", widgetsPublishing + "preview/", "/manage/account/publishing/add/",
			} {
				r := httptest.NewRequest(http.MethodPost, "https://"+trustAudience+"/team"+path,
					strings.NewReader(x.github("project_name", "new").Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for k, v := range headers {
					r.Header.Set(k, v)
				}
				r.AddCookie(x.cookies["alice"])
				w := httptest.NewRecorder()
				x.handler.ServeHTTP(w, r)
				if w.Code != http.StatusForbidden {
					t.Errorf("%s: POST %s = %d, want 403", name, path, w.Code)
				}
			}
		})
	}
	if all, err := x.registry.List(t.Context(), x.operator, ""); err != nil || len(all) > 0 {
		t.Errorf("something was added: %+v, %v", all, err)
	}
}

// TestContract113 (MUST): a link fills in the form, its values are text, and nothing is saved.
func TestContract113(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	before, err := x.db.Serial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"provider", "issuer", "preset", "publisher", "with", "do", "project_name"}
	for _, p := range workload.Names() {
		for _, f := range workload.Of(p).Forms() {
			for _, field := range f.Fields {
				names = append(names, field.Name)
			}
		}
	}
	for _, path := range []string{widgetsPublishing, "/manage/account/publishing/"} {
		for _, provider := range workload.Names() {
			for _, p := range payloads {
				q := url.Values{"provider": {provider}}
				for _, name := range names[1:] {
					q.Set(name, p.text)
				}
				w := x.ask("alice", path+"?"+q.Encode(), nil)
				if w.Code != http.StatusOK || strings.Contains(w.Body.String(), p.harm) {
					t.Errorf("GET %s of %s with %.40q = %d, and has %.40q: %v", path, provider, p.text, w.Code, p.harm,
						strings.Contains(w.Body.String(), p.harm))
				}
				for name, v := range w.Header() {
					if strings.Contains(strings.Join(v, ""), "a=b") {
						t.Errorf("a value became a header %s", name)
					}
				}
			}
		}
	}
	w := x.ask("alice",
		widgetsPublishing+"?provider=gitlab&namespace=acme/libs&project=widgets&workflow_filepath=ci.yml&environment=%22%3E%3Cb%3E", nil)
	page := w.Body.String()
	wants(t, page, `name="namespace" value="acme/libs"`, `name="workflow_filepath" value="ci.yml"`,
		`value="&#34;&gt;&lt;b&gt;"`, "Double-check these values")
	if strings.Contains(page, "<b>") {
		t.Error("a value is markup")
	}
	if strings.Contains(x.ask("alice", widgetsPublishing, nil).Body.String(), "Double-check") {
		t.Error("the page warns of a link where there is none")
	}
	if after, err := x.db.Serial(t.Context()); err != nil || after != before {
		t.Errorf("the serial went from %d to %d: a GET changed something (%v)", before, after, err)
	}
	if cache := w.Header().Get("Cache-Control"); !strings.Contains(cache, "no-store") {
		t.Errorf("Cache-Control is %q", cache)
	}
}

// TestContract114 (SHOULD): the link that the publish action prints fills in GitHub's form, whatever its letters.
func TestContract114(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for _, path := range []string{widgetsPublishing, "/manage/account/publishing/"} {
		page := x.ask("alice",
			path+"?provider=GitHub&owner=acme&repository=widgets&workflow_filename=release.yml&environment=pypi&project_name=new-one", nil).Body.String()
		wants(t, page, `name="provider" value="github"`, `name="owner" value="acme"`, `name="repository" value="widgets"`,
			`name="workflow" value="release.yml"`, `name="environment" value="pypi"`,
			"Double-check these values",
			"Workflow <code>release.yml</code> in <code>acme/widgets</code>, environment <code>pypi</code>, on github.com")
	}
	page := x.ask("alice",
		widgetsPublishing+"?provider=activestate&organization=acme&project=widgets&actor=00000000-0000-1000-8000-000000000002", nil).Body.String()
	wants(t, page, `name="actor_id" value="00000000-0000-1000-8000-000000000002"`)
	page = x.ask("alice",
		widgetsPublishing+"?provider=circleci&circleci_org_id=01890000-0000-4000-8000-00000000000a&vcs_ref=refs/tags/*",
		nil).Body.String()
	wants(t, page, `name="org_id" value="01890000-0000-4000-8000-00000000000a"`, `name="vcs_ref" value="refs/tags/*"`,
		`name="pipeline_definition_id"`, "CircleCI</a>")
	page = x.ask("alice", widgetsPublishing+"?provider=gitlab&issuer_url=https://gitlab.com&namespace=a&project=b",
		nil).Body.String()
	wants(t, page, `name="issuer" value="https://gitlab.com"`)
}

// TestContract115 (SHOULD): a value that cannot be stays in its field with a message beside it, and nothing is added.
func TestContract115(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for _, row := range []struct{ field, value string }{
		{"workflow", "dir/x.yml"},
		{"workflow", "x.txt"},
		{"workflow", ".yml"},
		{"owner", "acme/widgets"},
		{"owner", ""},
		{"repository", "a b"},
		{"environment", "a'b"},
		{"owner_id", "many"},
		{"ref", "v*"},
		{"events", "pull_request_target"},
		{"repository_id", "-1"},
		{"workflow_at", "x"},
	} {
		for _, path := range []string{widgetsPublishing, "/manage/account/publishing/"} {
			w := x.ask("alice", path, x.github(row.field, row.value, "project_name", "new-one"))
			page := w.Body.String()
			at := strings.Index(page, `id="f-`+row.field+`"`)
			if w.Code != http.StatusUnprocessableEntity || at < 0 {
				t.Errorf("%s=%q: %d, the field is there: %v", row.field, row.value, w.Code, at >= 0)
				continue
			}
			if part := page[at:min(len(page), at+1500)]; !strings.Contains(part, html.EscapeString(row.value)) ||
				!strings.Contains(part, `aria-invalid="true"`) || !strings.Contains(part, `class="error"`) {
				t.Errorf("%s=%q at %s: what was typed and its message are not beside the field", row.field, row.value, path)
			}
			wants(t, page, "Nothing was changed")
		}
	}
	for _, p := range payloads {
		for _, field := range []string{
			"owner", "repository", "workflow", "environment", "ref", "events", "issuer", "provider", "project_name",
			"publisher_id",
		} {
			for _, path := range []string{
				widgetsPublishing, widgetsPublishing + "preview/", "/manage/account/publishing/",
				"/manage/account/publishing/preview/",
			} {
				if page := x.ask("alice", path,
					x.github("project_name", "new-two", field, p.text)).Body.String(); strings.Contains(page, p.harm) {
					t.Errorf("POST %s with %s=%.40q has %q", path, field, p.text, p.harm)
				}
			}
		}
	}
}

// TestContract116 (MUST): an environment's letters do not count, whether it is added or tightened.
func TestContract116(t *testing.T) {
	for _, way := range []string{"added", "tightened"} {
		x := newTrust(t)
		x.user("alice")
		x.project("main", "widgets", "alice")
		first := "Release"
		if way == "tightened" {
			first = ""
		}
		x.follow("alice", widgetsPublishing, x.github("environment", first))
		if way == "tightened" {
			x.follow("alice", widgetsPublishing,
				url.Values{"do": {"constrain"}, "publisher_id": {x.list("widgets")[0].ID}, "environment": {" Release "}})
		}
		for _, environment := range []string{"release", "Release", "RELEASE"} {
			if _, err := x.exchange(map[string]any{"environment": environment}); err != nil {
				t.Errorf("%s: a job in environment %s is refused: %v", way, environment, err)
			}
		}
		if _, err := x.exchange(map[string]any{"environment": "other"}); err == nil {
			t.Errorf("%s: a job in another environment is accepted", way)
		}
	}
}

// TestContract117 (SHOULD): without the forge's API the owner's number is typed, or pinned by the first token and shown
// as not pinned until then; an account that does not exist is an error beside the field.
func TestContract117(t *testing.T) {
	answer := fault.New(fault.Unavailable, "GitHub cannot be reached")
	x := newTrust(t, func(o *publishers.Options) {
		o.OwnerID = func(context.Context, string, string, string) (string, error) { return "", answer }
	})
	x.user("alice")
	x.project("main", "widgets", "alice")
	_, page := x.follow("alice", widgetsPublishing, x.github("owner_id", ""))
	wants(t, page, "Not yet pinned", "GitHub cannot be reached", "not pinned yet",
		"The index will pin the account that owns acme when the first token is accepted.", `name="owner_id"`)
	if _, err := x.exchange(nil); err != nil {
		t.Fatal(err)
	}
	page = x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, "pinned to account 4242")
	if strings.Contains(page, "not pinned yet") {
		t.Error("the page says not pinned after a token pinned it")
	}
	_, page = x.follow("alice", widgetsPublishing, x.github("workflow", "other.yml", "owner_id", "77"))
	wants(t, page, "pinned to account 77")
	answer = fault.New(fault.NotFound, "GitHub has no account nobody-here")
	w := x.ask("alice", widgetsPublishing, x.github("owner", "nobody-here", "owner_id", ""))
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an account that does not exist: %d", w.Code)
	}
	wants(t, w.Body.String(), "GitHub has no account nobody-here", `name="owner" value="nobody-here"`)
}

// TestContract118 (SHOULD): the same publisher twice is told, and is there once.
func TestContract118(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	x.follow("alice", widgetsPublishing, x.github())
	for _, again := range []url.Values{
		x.github(), x.github("owner", "ACME"), x.github("environment", "RELEASE"), x.github("owner_id", ""),
	} {
		w := x.ask("alice", widgetsPublishing, again)
		if w.Code != http.StatusUnprocessableEntity {
			t.Errorf("again %v = %d, want 422", again, w.Code)
		}
		wants(t, w.Body.String(), "already registered")
	}
	if all := x.list("widgets"); len(all) != 1 {
		t.Errorf("publishers %+v", all)
	}
}

// TestContract119 (MUST): removing a publisher ends its tokens at once, and the record says who did it.
func TestContract119(t *testing.T) {
	x := newTrust(t)
	alice := x.user("alice")
	x.project("main", "widgets", "alice")
	x.follow("alice", widgetsPublishing, x.github())
	m, err := x.exchange(nil)
	if err != nil {
		t.Fatal(err)
	}
	may := func() bool {
		who, err := x.keyring.Identify(t.Context(), "__token__", m.Token)
		return err == nil && who.May(access.Uploader, access.Object{RepositoryID: "main", ProjectID: "main-widgets"})
	}
	if !may() {
		t.Fatal("the minted token does not upload")
	}
	x.clock.Pass(time.Second)
	_, page := x.follow("alice", widgetsPublishing,
		url.Values{"do": {"remove"}, "publisher_id": {x.list("widgets")[0].ID}})
	wants(t, page, "Publisher removed.", "No publishers yet")
	if may() {
		t.Error("a token of the removed publisher still uploads")
	}
	entries, err := x.db.Audit(t.Context(), 5)
	if err != nil || entries[0].Action != "publisher.remove" || entries[0].Actor.ID != alice.ID ||
		entries[0].Project != "widgets" {
		t.Errorf("the record is %+v, %v", entries, err)
	}
}

// TestContract120 (SHOULD): tightening replaces the publisher for this project alone.
func TestContract120(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	x.project("main", "gadgets", "alice")
	for _, p := range []string{"widgets", "gadgets"} {
		x.follow("alice", "/manage/project/"+p+"/settings/publishing/", x.github("environment", ""))
	}
	old := x.list("widgets")[0].ID
	page := x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, "Anyone who can push a branch", "Require this environment")
	w := x.ask("alice", widgetsPublishing, url.Values{"do": {"constrain"}, "publisher_id": {old}, "environment": {"a'b"}})
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("an environment that cannot be: %d", w.Code)
	}
	wants(t, w.Body.String(), `id="t-0-environment" name="environment" value="a&#39;b"`, "is not valid")
	_, page = x.follow("alice", widgetsPublishing,
		url.Values{"do": {"constrain"}, "publisher_id": {old}, "environment": {"pypi"}})
	wants(t, page, "Tightened: Workflow release.yml in acme/widgets, environment pypi", "environment: pypi")
	if strings.Contains(page, "Anyone who can push a branch") {
		t.Error("the page still warns")
	}
	if a, b := x.list("widgets"), x.list("gadgets"); len(a) != 1 || a[0].ID == old ||
		a[0].Fields["environment"] != "pypi" || len(b) != 1 || b[0].ID != old {
		t.Errorf("widgets %+v, gadgets %+v", a, b)
	}
}

// TestAddedShowsTheFile: after adding, the complete file stands there, with this index's address and the publisher's
// names.
func TestAddedShowsTheFile(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("tools", "widgets", "alice")
	path := "/r/tools" + widgetsPublishing
	to, page := x.follow("alice", path, x.github("issuer", workload.GitHubIssuer, "ref", "refs/tags/v*"))
	wants(t, page, "may now publish widgets", "repository-url: https://pypi.acme.example/team/r/tools/legacy/",
		"environment: release", "id-token: write", "Commit the file as .github/workflows/release.yml to acme/widgets.",
		"With uv", "SSL_CERT_FILE")
	if !strings.HasPrefix(to, path+"?publisher=") {
		t.Errorf("the browser is sent to %s", to)
	}
	page = x.ask("alice", to+"&with=uv", nil).Body.String()
	wants(t, page, "uv publish --trusted-publishing always --publish-url https://pypi.acme.example/team/r/tools/legacy/")
	if again := x.ask("alice", to, nil).Body.String(); strings.Contains(again, "may now publish") {
		t.Error("the message is shown twice")
	}
	if w := x.ask("alice", widgetsPublishing, nil); w.Code != http.StatusNotFound {
		t.Errorf("the project of another repository is here too: %d", w.Code)
	}
}

// TestConfirmFirst: who proved who they are long ago does so again, and finds the form filled in.
func TestConfirmFirst(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	x.follow("alice", widgetsPublishing, x.github())
	id := x.list("widgets")[0].ID
	x.clock.Pass(access.ConfirmedFor)
	for _, form := range []url.Values{
		x.github("workflow", "new.yml"),
		{"do": {"remove"}, "publisher_id": {id}},
		{"do": {"constrain"}, "publisher_id": {id}, "ref": {"refs/tags/x"}},
		{"do": {"trusted-only"}, "on": {"on"}},
	} {
		w := x.ask("alice", widgetsPublishing, form)
		to := w.Header().Get("Location")
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/team/confirm/?next=%2Fmanage%2Fproject%2Fwidgets") {
			t.Errorf("POST %v = %d %s", form, w.Code, to)
		}
		if u, _ := url.Parse(to); form.Get("do") == "add" {
			page := x.ask("alice", u.Query().Get("next"), nil).Body.String()
			wants(t, page, `name="workflow" value="new.yml"`, `name="owner_id" value="4242"`,
				`name="issuer" value="`+x.issuer.URL+`"`)
		}
	}
	if all := x.list("widgets"); len(all) != 1 || all[0].ID != id {
		t.Errorf("something changed: %+v", all)
	}
	w := x.ask("alice", "/manage/account/publishing/", x.github("project_name", "new-one"))
	if to := w.Header().Get("Location"); !strings.Contains(to, "project_name%3Dnew-one") {
		t.Errorf("pending: %d %s", w.Code, to)
	}
}

// TestCautionIsShown checks that the button that fills in the form has the caution about another owner of the name.
func TestCautionIsShown(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	x.follow("alice", widgetsPublishing, x.github("owner_id", "31337"))
	if _, err := x.exchange(nil); err == nil {
		t.Fatal("accepted")
	}
	wants(t, x.ask("alice", widgetsPublishing, nil).Body.String(), "Allow this",
		"<strong>Caution: the id differs, so somebody else may have this name now.</strong>")
}

// TestExchangesAreShown: refused ones claim by claim, in words, with a link that fills in what would have been
// accepted; links to runs lead to the forge, and tokens' texts are text.
func TestExchangesAreShown(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	x.follow("alice", widgetsPublishing, x.github())
	page := x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, "No job has tried to publish widgets")
	if _, err := x.exchange(map[string]any{
		"environment": "test", "ref": "refs/heads/<script>alert(1)</script>",
		"job_workflow_ref": "acme/widgets/.github/workflows/release.yml@refs/heads/<script>alert(1)</script>",
	}); err == nil {
		t.Fatal("accepted")
	}
	page = x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, "environment differs", "<strong>differs</strong>", `<code>&#34;test&#34;</code>`, "Allow this",
		"Refused")
	if strings.Contains(page, "<script>alert") || strings.Contains(page, "Caution:") {
		t.Error("a claim is markup, or there is a caution")
	}
	_, link, _ := strings.Cut(page, `class="button" href="?`)
	link = "?" + link
	link = html.UnescapeString(link[:strings.Index(link, `"`)])
	filled := x.ask("alice", widgetsPublishing+link, nil)
	wants(t, filled.Body.String(), `name="environment" value="test"`, `name="owner_id" value="4242"`,
		"Double-check these values", "Add publisher")
	if all := x.list("widgets"); len(all) != 1 {
		t.Errorf("a link added something: %+v", all)
	}
	x.follow("alice", widgetsPublishing, x.github("environment", "test"))
	if _, err := x.exchange(map[string]any{"environment": "test"}); err != nil {
		t.Errorf("what was allowed is refused: %v", err)
	}
}

// TestTrustedOnlyAndTokens: API tokens are listed with a nudge, one's own can be revoked here, and all can be refused.
func TestTrustedOnlyAndTokens(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.user("bob")
	x.project("main", "widgets", "alice")
	token, secret, err := x.dir.CreateToken(t.Context(), x.operator,
		access.NewAPIToken{
			User:        "alice",
			Repository:  "main",
			Projects:    []string{"widgets"},
			Scope:       access.ScopeUpload,
			Description: "<b>old</b> CI",
		})
	if err != nil {
		t.Fatal(err)
	}
	page := x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, "&lt;b&gt;old&lt;/b&gt; CI", "belongs to alice, limited to some projects",
		"Only trusted publishers may upload: off", "Add a publisher before you turn this on")
	if strings.Contains(page, secret.Reveal()) || strings.Contains(page, access.HashToken(secret)) {
		t.Error("the page has the token or its hash")
	}
	if w := x.ask("bob", widgetsPublishing,
		url.Values{"do": {"revoke"}, "token_id": {token.ID}}); w.Code != http.StatusNotFound {
		t.Errorf("bob revokes alice's token: %d", w.Code)
	}
	_, page = x.follow("alice", widgetsPublishing, url.Values{"do": {"trusted-only"}, "on": {"on"}})
	wants(t, page, "Only trusted publishers may upload: on", "nobody can upload to it over the network")
	_, page = x.follow("alice", widgetsPublishing, url.Values{"do": {"trusted-only"}})
	wants(t, page, "Only trusted publishers may upload: off")
	_, page = x.follow("alice", widgetsPublishing, url.Values{"do": {"revoke"}, "token_id": {token.ID}})
	wants(t, page, "API token revoked", "None.")
	if _, err := x.keyring.Identify(t.Context(), "__token__", secret); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("the revoked token is good: %v", err)
	}
}

// TestPendingPage: waiting for a project, with the file to paste; one that exists leads to its filled-in settings.
func TestPendingPage(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.user("bob")
	x.project("main", "widgets", "alice")
	const path = "/manage/account/publishing/"
	page := x.ask("alice", path, nil).Body.String()
	wants(t, page, "No pending publishers", `name="project_name"`)
	_, page = x.follow("alice", path, x.github("project_name", "New.One"))
	wants(t, page, "may create the project new-one", "Publish new-one from the workflow",
		"repository-url: https://pypi.acme.example/team/legacy/", "environment: release")
	if other := x.ask("bob", path, nil).Body.String(); strings.Contains(other, "new-one") {
		t.Error("bob sees what alice waits for")
	}
	id := x.list("new-one")[0].ID
	if w := x.ask("bob", path, url.Values{"do": {"remove"}, "publisher_id": {id}}); w.Code != http.StatusNotFound {
		t.Errorf("bob removes what alice waits for: %d", w.Code)
	}
	w := x.ask("alice", path, x.github("project_name", "widgets"))
	if w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a project that exists: %d", w.Code)
	}
	wants(t, w.Body.String(), "exists already", "/team/manage/project/widgets/settings/publishing/?environment=release",
		"You already own the project")
	if w := x.ask("bob", path, x.github("project_name", "widgets")); strings.Contains(w.Body.String(),
		"You already own the project") || w.Code != http.StatusUnprocessableEntity {
		t.Errorf("bob is told that alice's project is his: %d", w.Code)
	}
	for _, name := range []string{"", "../x", "a b", "<script>"} {
		w := x.ask("alice", path, x.github("project_name", name))
		if w.Code != http.StatusUnprocessableEntity || strings.Contains(w.Body.String(), "<script>") {
			t.Errorf("project %q = %d", name, w.Code)
		}
		wants(t, w.Body.String(), `id="f-project_name"`, `aria-invalid="true"`)
		if got := strings.Contains(w.Body.String(), "Project name is required."); got != (name == "") {
			t.Errorf("project %q is said to be required: %v", name, got)
		}
	}
	_, page = x.follow("alice", path, url.Values{"do": {"remove"}, "publisher_id": {id}})
	wants(t, page, "Removed.", "No pending publishers")
}

// TestPreviewPart: the sentence alone, for the script; strangers get what they get for nothing.
func TestPreviewPart(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	got := x.ask("alice", widgetsPublishing+"preview/", x.github("environment", "")).Body.String()
	wants(t, got, "<code>release.yml</code>", ", may publish <strong>widgets</strong>", "Anyone who can push a branch")
	if strings.Contains(got, "<html") {
		t.Error("the part is a page")
	}
	wants(t, x.ask("alice", widgetsPublishing+"preview/", x.github("owner", "", "workflow", "x.txt")).Body.String(),
		"Still needed: Owner", "without folders")
	wants(t, x.ask("alice", widgetsPublishing+"preview/",
		url.Values{
			"provider": {"generic"}, "issuer": {"https://ci.acme.example"}, "claims": {"repository=a/b\nref=refs/tags/*"},
		}).Body.String(),
		"Jobs of ci.acme.example whose repository is <code>a/b</code>, ref is like <code>refs/tags/*</code>")
	wants(t, x.ask("alice", "/manage/account/publishing/preview/", x.github("project_name", "new-one")).Body.String(),
		"may create <strong>new-one</strong>")
	if all := x.list(""); len(all) > 0 {
		t.Errorf("a preview added %+v", all)
	}
}

// TestEveryTab: the form of each kind opens, keeps what was typed, and adds a publisher of its examples.
func TestEveryTab(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	issuers := map[string]string{
		"github":      workload.GitHubIssuer,
		"gitlab":      workload.GitLabIssuer,
		"google":      workload.GoogleIssuer,
		"activestate": workload.ActiveStateIssuer,
		"circleci":    workload.CircleCIIssuer,
	}
	n := 0
	for _, k := range workload.All {
		provider := k.Name()
		issuer := cmp.Or(issuers[provider], "https://ci.acme.example")
		f, _ := workload.FormFor(provider, "")
		q := url.Values{"provider": {provider}, "issuer": {issuer}, "preset": {""}, "owner": {"kept"}}
		page := x.ask("alice", widgetsPublishing+"?"+q.Encode(), nil).Body.String()
		for _, field := range f.Fields {
			wants(t, page, `name="`+field.Name+`"`, field.Label)
		}
		wants(t, page, "owner=kept", `name="provider" value="`+provider+`"`)
		form := url.Values{"do": {"add"}, "provider": {provider}, "issuer": {issuer}, "preset": {""}}
		for _, field := range f.Fields {
			if field.Required || field.Recommended {
				form.Set(field.Name, field.Example)
			}
		}
		_, page = x.follow("alice", widgetsPublishing, form)
		wants(t, page, "may now publish widgets")
		if n++; len(x.list("widgets")) != n {
			t.Errorf("%s was not added", provider)
		}
		if !slices.ContainsFunc(x.list("widgets"), func(p publishers.Listed) bool { return p.Provider == provider }) {
			t.Errorf("%s was added as one of another kind", provider)
		}
	}
	page := x.ask("alice", widgetsPublishing, nil)
	if size := page.Body.Len(); size > 60_000 {
		t.Errorf("the page of %d publishers has %d bytes", n, size)
	}
}

// TestOtherIssuers: a form that names an issuer which is not configured for its kind adds nothing, and says so.
func TestOtherIssuers(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	for _, issuer := range []string{"https://evil.example", workload.GitLabIssuer, workload.GitHubIssuer + "/"} {
		w := x.ask("alice", widgetsPublishing, x.github("issuer", issuer))
		if w.Code != http.StatusUnprocessableEntity || len(x.list("widgets")) > 0 {
			t.Errorf("issuer %s: %d, publishers %v", issuer, w.Code, x.list("widgets"))
		}
		wants(t, w.Body.String(), "This index is not configured for the issuer", "of kind github")
	}
}

// TestNoIssuers: an index that trusts nobody says so.
func TestNoIssuers(t *testing.T) {
	x := newTrust(t, func(o *publishers.Options) { o.Issuers = []publishers.Issuer{} })
	x.user("alice")
	x.project("main", "widgets", "alice")
	for _, path := range []string{widgetsPublishing, "/manage/account/publishing/"} {
		page := x.ask("alice", path, nil).Body.String()
		wants(t, page, "No token issuers are configured")
		if w := x.ask("alice", path, x.github("project_name", "new-one")); w.Code != http.StatusUnprocessableEntity {
			t.Errorf("POST %s = %d", path, w.Code)
		}
	}
}

// TestRunLinks: an exchange leads to the run's page at the forge that signed its claims, and nowhere else.
func TestRunLinks(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	record := func(id, issuer string, claims map[string]any) {
		err := x.db.Publishers().Update(t.Context(), func(tx publishers.Tx) error {
			repo, err := tx.RepositoryByName(t.Context(), "main")
			if err != nil {
				return err
			}
			name, err := packaging.ParseProjectName("widgets")
			if err != nil {
				return err
			}
			p, err := tx.ProjectByName(t.Context(), repo.ID, name)
			if err != nil {
				return err
			}
			// Owners see the run of a token that uploaded a file.
			r := catalog.Release{ID: "r" + id, ProjectID: p.ID, Version: id, Key: id, CreatedAt: x.clock.Now()}
			if err := tx.InsertRelease(t.Context(), r); err != nil {
				return err
			}
			f := catalog.File{
				ID:           "f" + id,
				RepositoryID: repo.ID,
				ProjectID:    p.ID,
				ReleaseID:    r.ID,
				Filename:     id,
				NameKey:      id,
				UploadedAt:   x.clock.Now(),
				Uploader:     catalog.Uploader{Kind: "publisher", TokenID: id, Claims: claims},
			}
			if err := tx.InsertFile(t.Context(), f, packaging.Metadata{}); err != nil {
				return err
			}
			return tx.InsertAudit(t.Context(), audit.Entry{
				Subject: id, ID: id, At: x.clock.Now().Add(time.Second), Action: "publisher.exchange", Outcome: audit.Granted,
				Repository: repo.ID, Project: "widgets",
				Detail: map[string]any{"provider": "github", "issuer": issuer, "claims": claims},
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	record("a", workload.GitHubIssuer,
		map[string]any{"repository": "acme/widgets", "run_id": "812", "ref": "refs/tags/v1"})
	record("b", workload.GitHubIssuer, map[string]any{"repository": "//evil.example/x", "run_id": "813"})
	record("c", "javascript:alert(1)//", map[string]any{"repository": "acme/widgets", "run_id": "814"})
	page := x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, `<a href="https://github.com/acme/widgets/actions/runs/812" rel="noreferrer">run 812</a>`)
	for _, bad := range []string{`href="//evil`, `href="javascript`, "runs/813", "runs/814"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

// TestTightenClaims: a rule on claims is tightened by a line, and by nothing that widens it.
func TestTightenClaims(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	_, page := x.follow("alice", widgetsPublishing,
		url.Values{
			"do": {"add"}, "provider": {"generic"}, "issuer": {"https://ci.acme.example"}, "claims": {"repository=acme/widgets"},
		})
	wants(t, page, "Anyone who can push a branch", `name="claims" value="ref=refs/tags/*"`, "Add this rule")
	id := x.list("widgets")[0].ID
	for _, bad := range []string{"repository=acme/other", "nonsense", "ref=*", "repository=acme/*"} {
		w := x.ask("alice", widgetsPublishing, url.Values{"do": {"constrain"}, "publisher_id": {id}, "claims": {bad}})
		if w.Code != http.StatusUnprocessableEntity || x.list("widgets")[0].ID != id {
			t.Errorf("constrain by %q = %d: %+v", bad, w.Code, x.list("widgets"))
		}
	}
	_, page = x.follow("alice", widgetsPublishing,
		url.Values{"do": {"constrain"}, "publisher_id": {id}, "claims": {"ref=refs/tags/*"}})
	wants(t, page, "ref is like <code>refs/tags/*</code>")
	if strings.Contains(page, "Anyone who can push a branch") || len(x.list("widgets")) != 1 {
		t.Error("the loose rule is still there")
	}
}

// TestPendingPassedOver: the page says why a token that fits created no project.
func TestPendingPassedOver(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	const path = "/manage/account/publishing/"
	x.follow("alice", path, x.github("project_name", "new-one"))
	members := func(role access.Role) {
		if err := x.index.SetRepository(t.Context(), x.operator, "main", role, false); err != nil {
			t.Fatal(err)
		}
		if err := x.index.SetRepository(t.Context(), x.operator, "team", role, false); err != nil &&
			!fault.Is(err, fault.NotFound) {
			t.Fatal(err)
		}
	}
	members(access.Reader)
	if _, err := x.exchange(nil); err == nil {
		t.Error("the exchange was granted to a pending publisher of somebody who may not create projects")
	}
	wants(t, x.ask("alice", path, nil).Body.String(), "which was passed over: alice may no longer create projects")
}

// TestWithheldRun: an owner sees that a token was accepted, and which run it was for once the workload has published.
func TestWithheldRun(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	x.follow("alice", widgetsPublishing, x.github())
	if _, err := x.exchange(map[string]any{"run_id": "778899", "actor": "somebody-else"}); err != nil {
		t.Fatal(err)
	}
	page := x.ask("alice", widgetsPublishing, nil).Body.String()
	wants(t, page, "The run is shown once this workflow has uploaded a file to widgets")
	if strings.Contains(page, "778899") || strings.Contains(page, "somebody-else") {
		t.Error("the page tells of a run that published nothing here")
	}
}

// TestUnservedIssuer checks that the page warns about a publisher whose issuer the server does not have, and that the
// form refuses such an issuer.
func TestUnservedIssuer(t *testing.T) {
	x := newTrust(t)
	x.user("alice")
	x.project("main", "widgets", "alice")
	elsewhere := publishers.New(x.db.Publishers(), workload.All, publishers.Options{Now: x.clock.Now})
	if _, err := elsewhere.Add(t.Context(), x.operator, publishers.AddRequest{
		Provider: "github", Issuer: "https://ghes.acme.example", Project: "widgets",
		Fields: map[string]string{"owner": "acme", "repository": "widgets", "workflow": "release.yml", "owner_id": "42"},
	}); err != nil {
		t.Fatal(err)
	}
	const text = "The server does not have the issuer https://ghes.acme.example of kind github, so no token can match"
	if body := x.ask("alice", widgetsPublishing, nil).Body.String(); !strings.Contains(body, text) {
		t.Errorf("the page does not say %q", text)
	}
	form := x.github("issuer", "https://ghes.acme.example")
	if w := x.ask("alice", widgetsPublishing, form); !strings.Contains(w.Body.String(),
		"This index is not configured for the issuer") {
		t.Errorf("adding a publisher of such an issuer = %d\n%s", w.Code, w.Body)
	}
}
