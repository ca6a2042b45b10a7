package browser_test

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
	"pyindex/internal/packaging/packagingtest"
)

// runAt returns the claims of a run at a ref.
func runAt(ref string, over map[string]any) map[string]any {
	c := map[string]any{
		"ref": ref, "job_workflow_ref": "acme/widgets/.github/workflows/release.yml@" + ref,
		"workflow_ref": "acme/widgets/.github/workflows/release.yml@" + ref, "repository_id": "31337",
	}
	for name, v := range over {
		c[name] = v
	}
	return c
}

// everyLook takes a picture of the page in each width and color scheme, and checks that it fits.
func everyLook(b *browser.Tab, name string) {
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			b.Look(width, scheme)
			b.Fits()
			b.Shot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
		}
	}
	b.Look(1280, "light")
}

// TestPublisherIsRemovedWithItsFiles shows what a publisher let in, and removes it while its files are put into
// quarantine: pip then installs the version that came otherwise.
func TestPublisherIsRemovedWithItsFiles(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))
	x.trust("widgets")
	x.publishes("2.0", runAt("refs/heads/main", nil))
	x.publishes("2.1", runAt("refs/tags/v2.1", nil))
	x.publishes("2.2", runAt("refs/heads/feature/a-very-long-name-of-a-branch-that-does-not-fit-into-one-line-of-a-phone",
		map[string]any{"event_name": "workflow_dispatch", "runner_environment": "self-hosted"}))

	b.Go(publishing)
	b.See("Unlike before")
	b.See("first time started by hand (workflow_dispatch)")
	b.Accessible()
	everyLook(b, "publishing-marks")
	b.Press("What it let in")
	b.See("first time from a tag")
	b.See("first time on self-hosted runners")
	b.See("widgets-2.1-py3-none-any.whl")
	b.Accessible()
	everyLook(b, "publisher")
	page := regexp.MustCompile(`/manage/project/widgets/publisher/[0-9a-f-]+/`).FindString(b.Where())

	b.Choose("Files that came through it", "Put them into quarantine")
	b.Fill("Reason", "The workflow was taken over.")
	b.Press("Remove publisher")
	b.See("Publisher removed.")
	b.See("3 files were put into quarantine.")
	b.See("No publishers yet.")
	b.Go(page)
	b.See("No longer a publisher of widgets")
	b.See("in quarantine")
	b.Accessible()
	everyLook(b, "publisher-removed")

	x.exchange(runAt("refs/heads/main", nil), http.StatusUnprocessableEntity)
	read := x.Token("alice", "--scope", "read")
	clienttest.NewestPip(t).Run(t, t.TempDir(), "download", "--no-deps", "--no-cache-dir", "--index-url",
		x.With(read, "/simple/"), "widgets==1.0").OK(t)
	clienttest.NewestPip(t).Run(t, t.TempDir(), "download", "--no-deps", "--no-cache-dir", "--index-url",
		x.With(read, "/simple/"), "widgets==2.2").Refused(t)
}

// publishes uploads a version with the token of a run, as its job does.
func (x *busy) publishes(version string, claims map[string]any) {
	x.t.Helper()
	wheel := onDisk(x.t, packagingtest.Wheel("widgets", version, "x"))[0]
	twine := clienttest.Twine(x.t).Set("TWINE_USERNAME=__token__", "TWINE_PASSWORD="+x.exchange(claims, http.StatusOK))
	twine.Run(x.t, "", "upload", "--repository-url", x.URL+"/legacy/", wheel).OK(x.t)
}
