package web_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// release mints a token for a run of the issuer's workload, and stores a file as its upload.
func (x *trust) release(version string, claims map[string]any) {
	x.Helper()
	x.clock.Pass(time.Hour)
	m, err := x.exchange(claims)
	if err != nil {
		x.Fatal(err)
	}
	who, err := x.keyring.Identify(x.Context(), "__token__", m.Token)
	if err != nil {
		x.Fatal(err)
	}
	name, err := packaging.ParseProjectName("widgets")
	if err != nil {
		x.Fatal(err)
	}
	x.clock.Pass(time.Second)
	err = x.db.Publishers().Update(x.Context(), func(tx publishers.Tx) error {
		repo, err := tx.RepositoryByName(x.Context(), catalog.MainRepository)
		if err != nil {
			return err
		}
		p, err := tx.ProjectByName(x.Context(), repo.ID, name)
		if err != nil {
			return err
		}
		r := catalog.Release{ID: "r-" + version, ProjectID: p.ID, Version: version, Key: version, CreatedAt: x.clock.Now()}
		if err := tx.InsertRelease(x.Context(), r); err != nil {
			return err
		}
		file := "widgets-" + version + "-py3-none-any.whl"
		return tx.InsertFile(x.Context(), catalog.File{
			ID: "f-" + version, RepositoryID: repo.ID, ProjectID: p.ID, ReleaseID: r.ID, Filename: file, NameKey: file,
			Version: version, Kind: packaging.Wheel, SHA256: strings.Repeat("0123456789abcdef", 4), UploadedAt: x.clock.Now(),
			Uploader: catalog.Uploader{Kind: string(who.Kind()), Name: who.Name(), TokenID: who.TokenID(), Claims: who.Claims()},
		}, packaging.Metadata{})
	})
	if err != nil {
		x.Fatal(err)
	}
}

// at returns the claims of a run at a ref.
func at(ref string, over ...string) map[string]any {
	c := map[string]any{
		"ref": ref, "job_workflow_ref": "acme/widgets/.github/workflows/release.yml@" + ref,
		"workflow_ref": "acme/widgets/.github/workflows/release.yml@" + ref,
	}
	for i := 0; i+1 < len(over); i += 2 {
		c[over[i]] = over[i+1]
	}
	return c
}

// publishing makes alice the owner of widgets with a publisher, and returns the page of the publisher.
func (x *trust) publishing() (id, page string) {
	x.Helper()
	x.user("alice")
	x.project("main", "widgets", "alice")
	x.follow("alice", widgetsPublishing, x.github())
	id = x.list("widgets")[0].ID
	return id, "/manage/project/widgets/publisher/" + id + "/"
}

// TestPublisherPage checks what the page of a publisher shows, and its link from the publishing page.
func TestPublisherPage(t *testing.T) {
	x := newTrust(t)
	id, page := x.publishing()
	wants(t, x.ask("alice", page, nil).Body.String(), "Its jobs have not requested a token yet",
		"No file of widgets came through it", "All its requests are recorded")
	x.release("1.0", at("refs/heads/main", "run_id", "778899", "repository_id", "7"))
	x.release("1.1", at("refs/tags/v1.1"))
	x.release("1.2", at("refs/tags/<b>v1", "event_name", "workflow_dispatch", "runner_environment", "secret-runner"))
	got := x.ask("alice", page, nil)
	text := got.Body.String()
	if got.Code != http.StatusOK {
		t.Fatalf("GET = %d", got.Code)
	}
	wants(t, text, "What it let in", "acme/widgets", "at <code>refs/heads/main</code>", "started by <code>push</code>",
		"from 198.51.100.7", "first time from a tag", "first time started by hand (workflow_dispatch)",
		"first time on another kind of runner", "Its first request", "widgets-1.0-py3-none-any.whl",
		`<code title="`+strings.Repeat("0123456789abcdef", 4)+`">0123456789ab</code>`, "Remove this publisher",
		`<option value="yank">`, "Only an administrator can put files into quarantine", "refs/tags/&lt;b&gt;v1",
		`href="/team/manage/project/widgets/release/1.1/"`)
	if strings.Contains(text, "secret-runner") || strings.Contains(text, `value="quarantine"`) ||
		strings.Contains(text, "<b>") {
		t.Error("an owner sees too much, or a claim is markup")
	}
	if strings.Index(text, "widgets-1.2") > strings.Index(text, "widgets-1.1") {
		t.Error("the newest request is not the first one")
	}
	wants(t, x.ask("alice", widgetsPublishing, nil).Body.String(), "Unlike before", "first time started by hand",
		`href="../../publisher/`+id+`/"`, `/#remove">yank them too</a>`)

	x.release("1.3", at("refs/heads/\u202egpj"))
	if page := x.ask("alice", page, nil).Body.String(); strings.Contains(page, "\u202e") {
		t.Error("a ref turns the direction of the page's text around")
	} else {
		wants(t, page, `at <code>refs/heads/\u202egpj</code>`, `from branch \u202egpj`)
	}

	// Requests are kept for 30 days, files for as long as they exist.
	x.clock.Pass(40 * 24 * time.Hour)
	if err := x.registry.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	x.relogin("alice")
	x.release("2.0", at("refs/heads/late"))
	wants(t, x.ask("alice", page, nil).Body.String(), "Requests are recorded for 30 days",
		"first time in the recorded history from branch late", "the request is no longer recorded",
		"widgets-1.2-py3-none-any.whl", "The oldest one on record")
}

// relogin signs a user in again, because sessions end.
func (x *trust) relogin(name string) {
	x.Helper()
	u, err := x.dir.User(x.Context(), x.operator, name)
	if err != nil {
		x.Fatal(err)
	}
	x.signIn(u)
}

// TestPublisherPagePages checks the links between pages.
func TestPublisherPagePages(t *testing.T) {
	x := newTrust(t)
	_, page := x.publishing()
	for i := range 30 {
		x.release("1."+string(rune('A'+i)), at("refs/tags/v1"))
	}
	x.relogin("alice")
	first := x.ask("alice", page, nil).Body.String()
	_, link, ok := strings.Cut(first, `<a rel="next" href="`)
	if !ok || strings.Contains(first, ">Newest</a>") || strings.Count(first, `id="x-`) != 25 {
		t.Fatal("the first page has no link to older requests, or not 25 requests")
	}
	second := x.ask("alice", page+link[:strings.Index(link, `"`)], nil).Body.String()
	if strings.Count(second, `id="x-`) != 5 || !strings.Contains(second, ">Newest</a>") ||
		strings.Contains(second, `rel="next"`) {
		t.Errorf("the second page has %d requests", strings.Count(second, `id="x-`))
	}
	if got := x.ask("alice", page+"?before=nonsense", nil); got.Code != http.StatusUnprocessableEntity &&
		got.Code != http.StatusBadRequest {
		t.Errorf("a malformed place = %d", got.Code)
	}
}

// TestPublisherPageIsForOwners checks that the page and its form exist only for owners and administrators.
func TestPublisherPageIsForOwners(t *testing.T) {
	x := newTrust(t)
	id, page := x.publishing()
	x.user("mallory")
	x.project("main", "other", "mallory")
	x.release("1.0", nil)
	foreign := "/manage/project/other/publisher/" + id + "/"
	yank := url.Values{"do": {"remove"}, "then": {"yank"}, "file": {"widgets-1.0-py3-none-any.whl"}}
	for _, c := range []struct {
		user, path string
		form       url.Values
		want       int
	}{
		{"mallory", page, nil, http.StatusNotFound},
		{"mallory", page, yank, http.StatusNotFound},
		{"mallory", foreign, nil, http.StatusNotFound},
		{"mallory", foreign, yank, http.StatusNotFound},
		{"alice", "/manage/project/widgets/publisher/nothing/", nil, http.StatusNotFound},
		{"alice", "/r/other" + page, nil, http.StatusNotFound},
		{"", page, nil, http.StatusSeeOther},
		{"", page, yank, http.StatusSeeOther},
		{"alice", page, nil, http.StatusOK},
	} {
		got := x.ask(c.user, c.path, c.form)
		if got.Code != c.want || strings.Contains(got.Body.String(), "widgets-1.0") != (c.want == http.StatusOK) {
			t.Errorf("%s at %s, form %v: %d, want %d", c.user, c.path, c.form, got.Code, c.want)
		}
	}
	if len(x.list("widgets")) != 1 {
		t.Error("a refused form removed the publisher")
	}
}

// states returns the state of the files of widgets, by version.
func (x *trust) states() string {
	x.Helper()
	var out []string
	err := x.db.Publishers().View(x.Context(), func(tx publishers.Tx) error {
		files, err := tx.AllFiles(x.Context(), "main-widgets")
		for _, f := range files {
			state := ""
			if f.Yanked {
				state += "y:" + f.YankedReason
			}
			if f.Quarantined() {
				state += "q:" + f.QuarantineReason
			}
			out = append(out, f.Version+state)
		}
		return err
	})
	if err != nil {
		x.Fatal(err)
	}
	return strings.Join(out, " ")
}

// TestRemoveWithFiles checks the form that removes a publisher and sets files aside.
func TestRemoveWithFiles(t *testing.T) {
	x := newTrust(t)
	_, page := x.publishing()
	for _, v := range []string{"1.0", "1.1", "1.2"} {
		x.release(v, nil)
	}
	x.relogin("alice")
	file := func(v string) string { return "widgets-" + v + "-py3-none-any.whl" }
	for _, c := range []struct {
		form url.Values
		want string
	}{
		{url.Values{"then": {"yank"}}, "Choose at least one file."},
		{url.Values{}, "Choose one of these."},
		{url.Values{"then": {"burn"}, "file": {file("1.0")}}, "Choose one of these."},
		{
			url.Values{"then": {"yank"}, "file": {file("1.0")}, "reason": {strings.Repeat("x", catalog.MaxReason+1)}},
			"the reason is too long",
		},
	} {
		c.form.Set("do", "remove")
		got := x.ask("alice", page, c.form)
		if got.Code != http.StatusUnprocessableEntity ||
			!strings.Contains(strings.ToLower(got.Body.String()), strings.ToLower(c.want)) {
			t.Errorf("%v = %d without %q", c.form, got.Code, c.want)
		}
	}
	quarantine := url.Values{"do": {"remove"}, "then": {"quarantine"}, "file": {file("1.0")}}
	if got := x.ask("alice", page, quarantine); got.Code != http.StatusForbidden {
		t.Errorf("a quarantine by an owner = %d", got.Code)
	}
	if got := x.states(); got != "1.0 1.1 1.2" || len(x.list("widgets")) != 1 {
		t.Fatalf("after refusals: %s", got)
	}
	seen := micros(x.clock.Now())
	x.release("1.3", nil) // while the page is open
	x.relogin("alice")
	to, text := x.follow("alice", page, url.Values{
		"do": {"remove"}, "then": {"yank"}, "file": {file("1.0"), file("1.2")}, "reason": {"leaked"}, "seen": {seen},
	})
	if to != widgetsPublishing {
		t.Errorf("the form leads to %s", to)
	}
	wants(t, text, "Publisher removed. Tokens already issued to it can no longer upload to widgets. 3 files were yanked.")
	if got := x.states(); got != "1.0y:leaked 1.1 1.2y:leaked 1.3y:leaked" || len(x.list("widgets")) != 0 {
		t.Errorf("after the removal: %s", got)
	}
	wants(t, x.ask("alice", widgetsPublishing, nil).Body.String(), "from a removed publisher")
	// The page of a removed publisher remains, and administrators can still put its files into quarantine.
	wants(t, x.ask("alice", page, nil).Body.String(), "No longer a publisher of widgets", "Yank its files",
		"Files that came through it",
		"Change these files", "yanked")
	root, err := x.dir.AddUser(x.Context(), x.operator, access.NewUser{Name: "root", Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	x.signIn(root)
	wants(t, x.ask("root", page, nil).Body.String(), `<option value="quarantine">`)
	all := url.Values{"do": {"remove"}, "then": {"quarantine"}, "file": {file("1.0"), file("1.1")}, "reason": {"bad"}}
	_, text = x.follow("root", page, all)
	wants(t, text, "2 files were put into quarantine.")
	_, text = x.follow("root", page, all)
	wants(t, text, "0 files were put into quarantine. 2 files were already.")
	if got := x.states(); got != "1.0y:leakedq:bad 1.1q:bad 1.2y:leaked 1.3y:leaked" {
		t.Errorf("after the quarantine: %s", got)
	}
	if got := x.ask("alice", page,
		url.Values{"do": {"remove"}, "then": {"keep"}}); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("removing it again = %d", got.Code)
	}
}

// TestRemoveConfirms checks that the removal needs re-authentication.
func TestRemoveConfirms(t *testing.T) {
	x := newTrust(t)
	_, page := x.publishing()
	x.release("1.0", nil)
	x.clock.Pass(20 * time.Minute)
	form := url.Values{"do": {"remove"}, "then": {"yank"}, "file": {"widgets-1.0-py3-none-any.whl"}, "reason": {"leaked"}}
	got := x.ask("alice", page, form)
	if to := got.Header().Get("Location"); got.Code != http.StatusSeeOther || !strings.Contains(to, "/confirm/") {
		t.Fatalf("the form = %d to %s", got.Code, to)
	}
	if x.states() != "1.0" {
		t.Error("files were changed before re-authentication")
	}
}

func micros(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }
