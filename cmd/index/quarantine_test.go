//go:build !windows

package main

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/lockout"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
)

// shows reads every address that readers have, with an administrator's token and as a signed-in owner, and returns
// those whose answer names the demo file, its digest or its bytes.
func (x *fixture) shows(t *testing.T) (found []string) {
	t.Helper()
	for _, r := range x.server.Routes() {
		if r.Method != http.MethodGet || strings.Contains(r.Path, "/manage/") || strings.Contains(r.Path, "/admin/") ||
			strings.Contains(r.Path, "/:secret") {
			continue
		}
		paths := x.things(r.Path)
		if strings.Contains(r.Path, ":filename") {
			for _, p := range paths {
				paths = append(paths, strings.ReplaceAll(p, demoFile, demoFile+".metadata"))
			}
		}
		for _, path := range paths {
			if strings.Contains(path, "/r/") && !strings.Contains(path, "/r/main/") {
				continue // the secret repository has a file of the same name
			}
			for _, accept := range []string{"*/*", "application/vnd.pypi.simple.v1+json", "text/html"} {
				code, body := 0, ""
				if r.Auth.Session() {
					got := x.visit(t, r.Method, path, "administrator", "", "Accept", accept)
					code, body = got.Code, got.Body.String()
				} else {
					got := x.ask(r.Method, path, "admin")
					code, body = got.Code, got.Body.String()
				}
				if code == http.StatusOK &&
					(strings.Contains(body, demoFile) || strings.Contains(body, x.file.SHA256) || body == string(x.wheel) ||
						strings.Contains(path, ":sha256") || strings.Contains(r.Path, ":filename")) {
					found = append(found, path+" as "+accept)
				}
			}
		}
	}
	return found
}

// A file in quarantine is in no representation: page, file, metadata, JSON, search, for nobody, an administrator
// included. Its name stays taken. Released, it is everywhere again.
func TestQuarantinedFileIsNowhere(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	ctx, op := t.Context(), x.app.Operator
	name, err := packaging.ParseProjectName(demo)
	if err != nil {
		t.Fatal(err)
	}
	before := x.shows(t)
	if len(before) < 15 {
		t.Fatalf("only %d addresses show the file: the test looks at too little: %q", len(before), before)
	}
	if err := x.app.Index.QuarantineFile(ctx, op, "", name, demoFile, "looks wrong"); err != nil {
		t.Fatal(err)
	}
	for _, path := range x.shows(t) {
		t.Errorf("%s shows a file that is in quarantine", path)
	}
	if got := x.ask("POST", "/legacy/", "admin"); got.Code != http.StatusForbidden ||
		!strings.Contains(got.Body.String(), "quarantine") {
		t.Errorf("uploading the identical file again = %d %q, want 403 about the quarantine", got.Code, got.Body)
	}
	if _, err := x.app.Index.Overview(ctx, op, "", name, "1.0"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a release whose files are all in quarantine = %v, want not found", err)
	}
	if got := x.visit(t, "GET", "/manage/project/"+demo+"/release/1.0/", "owner",
		""); !strings.Contains(got.Body.String(), "This release is in quarantine") {
		t.Error("an owner is not told that the file is in quarantine")
	}
	if err := x.app.Index.ReleaseFile(ctx, op, "", name, demoFile); err != nil {
		t.Fatal(err)
	}
	after := x.shows(t)
	if strings.Join(after, "\n") != strings.Join(before, "\n") {
		t.Errorf("released, the file is shown by\n%q\nbefore by\n%q", after, before)
	}
}

// A deleted project keeps the names of files that were in quarantine, so that nobody can use them again.
func TestDeletedQuarantineKeepsNames(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	ctx, op := t.Context(), x.app.Operator
	name, err := packaging.ParseProjectName(demo)
	if err != nil {
		t.Fatal(err)
	}
	if err := x.app.Index.QuarantineFile(ctx, op, "", name, demoFile, ""); err != nil {
		t.Fatal(err)
	}
	if err := x.app.Index.DeleteProject(ctx, op, "", name); err != nil {
		t.Fatal(err)
	}
	if got := x.ask("POST", "/legacy/", "admin"); got.Code != http.StatusBadRequest ||
		!strings.Contains(got.Body.String(), "deleted") {
		t.Errorf("uploading a deleted name = %d %q, want 400", got.Code, got.Body)
	}
}

// An administrator locks somebody out by a page without scripts: with the name typed, and a recent proof. It ends what
// the account can do, and its uploads are in quarantine until they are released by the page for that.
func TestLockOutByPage(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	ctx := t.Context()
	err := x.app.DB.Catalog().Update(ctx, func(tx catalog.Tx) error { // the fixture's file becomes the owner's
		all, err := tx.AllFiles(ctx, x.file.ProjectID)
		if err != nil {
			return err
		}
		f := all[0]
		f.Uploader = catalog.Uploader{Kind: "user", ID: x.users["owner"], Name: "owner"}
		m, err := tx.Metadata(ctx, f.ID)
		if err != nil {
			return err
		}
		if err := tx.DeleteFile(ctx, f.ID); err != nil {
			return err
		}
		if err := tx.InsertFile(ctx, f, m); err != nil {
			return err
		}
		_, err = tx.NextSerial(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	const page = "/admin/lockout/user/owner/"
	got := x.visit(t, "GET", page, "administrator", "")
	for _, text := range []string{
		"the account owner", demoFile, "The account owner</strong> will lose all access to this index immediately.",
		"<li>The account is disabled.</li>", "<li>Uploads in progress are rejected.</li>", "To confirm, type owner",
		"Put 1 upload of the last 7 days into quarantine", "can enable the account again",
	} {
		if !strings.Contains(got.Body.String(), text) {
			t.Errorf("the page does not say %q", text)
		}
	}
	if got := x.visit(t, "GET", page+"?days=30", "administrator", ""); got.Code != 200 ||
		!strings.Contains(got.Body.String(), "of the last 30 days") {
		t.Errorf("another time = %d", got.Code)
	}
	for _, typed := range []string{"", "Owner", "lock out"} {
		got := x.visit(t, "POST", page, "administrator", url.Values{"typed": {typed}, "quarantine": {"on"}}.Encode())
		if got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "Nobody was locked out") {
			t.Errorf("typing %q = %d, want 422", typed, got.Code)
		}
	}
	if got := x.visit(t, "POST", "/admin/lockout/user/administrator/", "administrator",
		"typed=administrator"); got.Code != http.StatusConflict ||
		!strings.Contains(got.Body.String(), "cannot lock yourself out") {
		t.Errorf("locking oneself out = %d, want 409", got.Code)
	}
	if got := x.visit(t, "GET", "/admin/lockout/user/administrator/", "administrator",
		""); got.Code != http.StatusConflict || !strings.Contains(got.Body.String(), "index lockout user administrator") {
		t.Errorf("the page to lock oneself out = %d, want 409 with the command that helps", got.Code)
	}
	for _, missing := range []string{
		"/admin/lockout/user/nobody/", "/admin/lockout/token/x/", "/admin/lockout/publisher/x/", "/admin/lockout/group/x/",
	} {
		if got := x.visit(t, "GET", missing, "administrator", ""); got.Code != http.StatusNotFound {
			t.Errorf("%s = %d, want 404", missing, got.Code)
		}
	}
	cookie := x.cookie(t, "owner")
	got = x.visit(t, "POST", page, "administrator",
		url.Values{"typed": {"owner"}, "quarantine": {"on"}, "days": {"7"}, "reason": {"laptop stolen"}}.Encode())
	if got.Code != http.StatusSeeOther || got.Header().Get("Location") != "/admin/quarantine/" {
		t.Fatalf("locking out = %d to %q", got.Code, got.Header().Get("Location"))
	}
	if u, err := x.app.Directory.User(ctx, x.app.Operator, "owner"); err != nil || u.Active() {
		t.Errorf("the account is active: %v", err)
	}
	if sessions, err := x.app.Directory.SessionsOf(ctx, x.app.Operator, "owner"); err != nil || len(sessions) > 0 {
		t.Errorf("%d sessions go on, %v; cookie %s", len(sessions), err, cookie.Name)
	}
	if shown := x.shows(t); len(shown) > 0 {
		t.Errorf("what the account uploaded is shown by %q", shown)
	}
	list := x.visit(t, "GET", "/admin/quarantine/", "administrator", "").Body.String()
	if !strings.Contains(list, demoFile) || !strings.Contains(list, "laptop stolen") {
		t.Error("the page of the quarantine does not list the file with its reason")
	}
	got = x.visit(t, "POST", "/admin/quarantine/", "administrator",
		url.Values{"repository": {"main"}, "project": {demo}, "file": {demoFile}}.Encode())
	if got.Code != http.StatusSeeOther || len(x.shows(t)) == 0 {
		t.Errorf("releasing the file = %d, and it is shown by nothing", got.Code)
	}
	again := func(path string, form url.Values, want string) {
		t.Helper()
		got := x.visit(t, "POST", path, "administrator", form.Encode())
		var notice []byte
		for _, c := range got.Result().Cookies() {
			if strings.Contains(c.Name, "notice") {
				notice, _ = base64.RawURLEncoding.DecodeString(c.Value)
			}
		}
		if got.Code != http.StatusSeeOther || !strings.Contains(string(notice), want) {
			t.Errorf("doing it again = %d, and says %s, want %q", got.Code, notice, want)
		}
	}
	again("/admin/quarantine/", url.Values{"repository": {"main"}, "project": {demo}, "file": {demoFile}},
		"was already released")
	again(page, url.Values{"typed": {"owner"}}, "the account owner is already locked out")
	if record := x.visit(t, "GET", "/admin/audit/?action=file.release", "administrator",
		"").Body.String(); strings.Count(record, "released "+demoFile) != 1 {
		t.Error("releasing a file twice is not recorded once")
	}
	for action, words := range map[string]string{
		"lockout.user": "locked out the account owner", "file.release": "from quarantine",
		"file.quarantine": "into quarantine: laptop stolen",
	} {
		record := x.visit(t, "GET", "/admin/audit/?action="+action, "administrator", "").Body.String()
		if !strings.Contains(record, words) {
			t.Errorf("the audit log does not say %q", words)
		}
	}
}

// caller is who a kind of token stands for.
func (x *fixture) caller(t *testing.T, kind string) access.Caller {
	t.Helper()
	who, err := access.NewKeyring(x.app.DB.Access(), access.KeyringOptions{}).Identify(t.Context(), "__token__",
		x.tokens[kind])
	if err != nil {
		t.Fatal(err)
	}
	return who
}

// Only an administrator locks out and looks at a quarantine, whichever way is tried.
func TestLockOutNeedsAnAdministrator(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	ctx := t.Context()
	name, err := packaging.ParseProjectName(demo)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"read", "upload", "other", "minted", "reader"} {
		who := x.caller(t, kind)
		target := lockout.Target{Kind: lockout.User, Name: "member"}
		_, preview := x.app.Desk.Preview(ctx, who, target, time.Time{})
		_, act := x.app.Desk.LockOut(ctx, who, lockout.Request{Target: target})
		_, list := x.app.Index.Quarantine(ctx, who)
		for what, err := range map[string]error{
			"Preview": preview, "LockOut": act, "Quarantine": list,
			"QuarantineFile": x.app.Index.QuarantineFile(ctx, who, "", name, demoFile, ""),
			"ReleaseFile":    x.app.Index.ReleaseFile(ctx, who, "", name, demoFile),
		} {
			if err == nil {
				t.Errorf("%s by a token of kind %s was allowed", what, kind)
			}
		}
	}
}

// The page of a lockout belongs to the tab of what is locked out, and leads on to a page that shows what became of it.
func TestLockOutLeadsToWhatItWasAbout(t *testing.T) {
	x := newFixture(t, "http://h.example", true)
	x.people(t)
	ctx, op := t.Context(), x.app.Operator
	token, _, err := x.app.Directory.CreateToken(ctx, op, access.NewAPIToken{User: "member", Scope: access.ScopeRead})
	if err != nil {
		t.Fatal(err)
	}
	added, err := x.app.Registry.Add(ctx, op,
		publishers.AddRequest{Provider: "github", Project: demo, Fields: map[string]string{
			"owner": "acme", "repository": "locked", "workflow": "release.yml", "owner_id": "42",
		}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ page, tab, text, next string }{
		{
			"/admin/lockout/token/" + token.ID + "/", "/admin/tokens/",
			"An API token of member without a description (ID " + token.ID + ")", "/admin/user/member/",
		},
		{
			"/admin/lockout/publisher/" + added.ID + "/", "/admin/issuers/", "The publisher is removed from " + demo + ".",
			"/manage/project/" + demo + "/settings/publishing/",
		},
		{"/admin/lockout/user/member/", "/admin/users/", "The account is disabled.", "/admin/user/member/"},
	} {
		body := x.visit(t, "GET", c.page, "administrator", "").Body.String()
		if !strings.Contains(body, c.tab+`" aria-current="page"`) || strings.Count(body, c.text) != 1 {
			t.Errorf("%s does not belong to %s, or does not say once %q", c.page, c.tab, c.text)
		}
		word := "lock out"
		if strings.Contains(c.page, "/user/") {
			word = "member"
		}
		got := x.visit(t, "POST", c.page, "administrator", url.Values{"typed": {word}}.Encode())
		if got.Code != http.StatusSeeOther || got.Header().Get("Location") != c.next {
			t.Errorf("%s leads to %q (%d), want %q", c.page, got.Header().Get("Location"), got.Code, c.next)
		}
		if got := x.visit(t, "GET", c.next, "administrator", ""); got.Code != http.StatusOK {
			t.Errorf("%s = %d", c.next, got.Code)
		}
	}
	if body := x.visit(t, "GET", "/admin/lockout/user/member/", "administrator",
		"").Body.String(); !strings.Contains(body, "is already locked out") ||
		strings.Contains(body, `class="danger">Lock out`) {
		t.Error("the page of an account that is locked out offers to do it again")
	}
}
