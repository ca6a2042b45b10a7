package browser_test

import (
	"net/http"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
	"pyindex/internal/packaging/packagingtest"
)

const publishing = "/manage/project/widgets/settings/publishing/"

// An owner trusts a workflow, its job publishes with twine, and the release says from what; a job in another
// environment is refused, and let in from what the page says of it; the release is yanked and unyanked, and pip goes by
// that.
func TestTrustedPublishing(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))

	b.Go(publishing)
	b.See("No publishers yet.")
	b.Fill("Owner", x.issuer.URL+"/acme/widgets.git") // taken apart as soon as the next field is filled in
	b.Fill("Workflow file", "release.txt")
	if owner, name := b.Eval(`document.getElementById("f-owner").value`),
		b.Eval(`document.getElementById("f-repository").value`); owner != "acme" || name != "widgets" {
		t.Errorf("the address fills in %q and %q", owner, name)
	}
	b.Press("Add publisher")
	b.See("Nothing was changed")
	b.Accessible()
	b.Shot("publishing-wrong")
	b.Fill("Workflow file", "release.yml")
	b.See("Workflow release.yml in acme/widgets")
	b.See("may publish widgets")
	b.Fill("Environment", "release")
	b.See("environment release")
	b.Press("Add publisher")
	b.See("Publish widgets from the workflow")
	b.Accessible()
	b.Shot("publishing-added")
	var file struct {
		Jobs map[string]struct {
			Environment any
			Permissions map[string]string
		}
	}
	text := b.Eval(`document.querySelector("#workflow pre code").textContent`)
	if err := yaml.Unmarshal([]byte(text), &file); err != nil ||
		file.Jobs["publish"].Permissions["id-token"] != "write" || !strings.Contains(text, x.URL) {
		t.Errorf("the workflow file to paste: %v, job %v:\n%s", err, file.Jobs["publish"], text)
	}

	wheel := onDisk(t, packagingtest.Wheel("widgets", "2.0", "x"))[0]
	twine := clienttest.Twine(t).Set("TWINE_USERNAME=__token__", "TWINE_PASSWORD="+x.exchange(nil, http.StatusOK))
	twine.Run(t, "", "upload", "--repository-url", x.URL+"/legacy/", wheel).OK(t)
	b.Go("/project/widgets/")
	b.See("2.0")
	b.See("acme/widgets")
	b.See("release.yml")
	b.Accessible()
	b.Shot("project-published")

	staging := map[string]any{"environment": "staging"}
	x.exchange(staging, http.StatusUnprocessableEntity)
	b.Go(publishing)
	b.Press("environment differs")
	b.See("staging")
	b.Shot("publishing-refused")
	b.Press("Allow this")
	b.See("Double-check these values.")
	b.Accessible()
	b.Press("Add publisher")
	b.See("Publish widgets from the workflow")
	x.exchange(staging, http.StatusOK)

	x.yanks(b)
}

// yanks yanks 2.0 and takes it back; pip chooses 1.0 in between.
func (x *busy) yanks(b *browser.Tab) {
	t := x.t
	t.Helper()
	b.Go("/manage/project/widgets/release/2.0/")
	b.Fill("Reason", "counts twice")
	b.Press("Yank 2.0")
	b.See("Reason: counts twice")
	read := x.Token("alice", "--scope", "read")
	chosen := func(want string) {
		t.Helper()
		out := clienttest.NewestPip(t).Run(t, t.TempDir(), "download", "--no-deps", "--no-cache-dir", "--index-url",
			x.With(read, "/simple/"), "widgets").OK(t)
		if !strings.Contains(out.Stdout, "widgets-"+want+"-py3") {
			t.Errorf("pip does not choose %s:\n%s", want, out.Stdout)
		}
	}
	chosen("1.0")
	b.Press("Unyank 2.0")
	b.See("Unyanked 2.0")
	chosen("2.0")
}

// A token is made in the page and shown once; pip uses it until it is revoked there.
func TestTokenOfOnesOwn(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))
	b.Go("/manage/account/token/")
	b.See("No tokens yet")
	b.Fill("Description", "my laptop")
	b.Press("Create token")
	b.See("be able to see it again")
	b.Accessible()
	token := strings.TrimSpace(b.Eval(`document.querySelector(".card.good pre code").textContent`))
	download := func() clienttest.Result {
		return clienttest.NewestPip(t).Run(t, t.TempDir(), "download", "--no-deps", "--no-cache-dir", "--index-url",
			x.With(token, "/simple/"), "widgets")
	}
	download().OK(t)
	b.Go("/manage/account/token/")
	b.Gone(token)
	b.Press("Revoke my laptop")
	b.Press("Revoke my laptop")
	b.See("No tokens yet")
	download().Refused(t)
}

// A user who loses a right while signed in sees an error on the next page, and the open form changes nothing.
func TestLosingARight(t *testing.T) {
	x := newBusy(t)
	boss := x.open()
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))
	boss.Go("/manage/project/widgets/collaboration/")
	link := strings.TrimSpace(x.Index("user", "invite").OK(t).Stdout)
	b := browser.Open(t, x.URL)
	b.Go(link)
	b.Fill("User name", "bob")
	b.Fill("Password", words)
	b.Fill("Password again", words)
	b.Press("Create account")
	b.See("Welcome, bob")

	boss.Choose("Role", "Maintainer: can upload and yank")
	boss.Fill("User name", "bob")
	boss.Press("Add to widgets")
	boss.See("bob is a maintainer")
	b.Go("/manage/project/widgets/release/1.0/")
	b.Fill("Reason", "as I leave")
	boss.Press("Remove bob")
	boss.Press("Remove bob")
	boss.See("No one has a role in this project")
	b.Press("Yank 1.0")
	b.See("You don't have permission")
	b.Go(publishing)
	b.See("Page not found")
	b.Go("/project/widgets/")
	b.Gone("yanked")
	b.Gone("Manage")
}

// Without scripts every page still does its work: signing in, a publisher, a yank, a token.
func TestWithoutScripts(t *testing.T) {
	x := newBusy(t)
	x.open()
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))
	b := browser.Open(t, x.URL)
	b.Scripts(false)
	signIn(b, "alice", words)
	b.See("Sign out")
	b.Go(publishing)
	b.Fill("Owner", "acme")
	b.Fill("Repository", "widgets")
	b.Fill("Workflow file", "release.yml")
	b.Press("Add publisher")
	b.See("Publish widgets from the workflow")
	b.Go("/manage/project/widgets/release/1.0/")
	b.Fill("Reason", "no script, no 1.0")
	b.Press("Yank 1.0")
	b.See("Reason: no script, no 1.0")
	b.Go("/manage/account/token/")
	b.Fill("Description", "plain")
	b.Press("Create token")
	b.See("be able to see it again")
	b.Go("/search/")
	b.Fill("Search projects", "widg")
	b.Key("\r")
	b.See("Projects for “widg”")
	b.See("widgets")
	signOut(b)
}

// An owner requires custom properties of the repository: a line that is wrong is told beside its field, and the
// publisher says what it requires.
func TestCustomProperties(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))
	b.Go(publishing + "?provider=github&owner=acme&repository=widgets&workflow=release.yml&repo_property=team")
	b.Press("Add publisher")
	b.See(`"team" is not NAME=VALUE`)
	b.Accessible()
	b.Fits()
	b.Shot("properties-wrong")
	b.Look(390, "dark")
	b.Fits()
	b.Shot("properties-narrow")
	b.Look(1280, "light")
	b.Fill("Custom property", "team=packaging\nregions=eu-west-1")
	b.See("custom property regions with eu-west-1, custom property team with packaging")
	b.Press("Add publisher")
	b.See("may now publish widgets. The workflow file is below.")
	b.Accessible()
	b.Fits()
	b.Shot("properties-added")
}
