package browser_test

import (
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// A service account and its token are made in the pages; pip uses the token until the account is removed. A regenerated
// token replaces the old one.
func TestServiceAccount(t *testing.T) {
	x := newBusy(t)
	b := x.open()
	x.put("main", packagingtest.Wheel("widgets", "1.0", "x"))
	b.Go("/manage/project/widgets/collaboration/")
	b.Press("Manage service accounts")
	b.See("No service accounts yet")
	look(b, "/manage/project/widgets/service-accounts/", "service-none")
	b.Look(1280, "light")
	b.Fill("Name", "Nightly Build")
	b.Press("Create service account")
	b.See("is not the name of a service account")
	b.Accessible()
	b.Shot("service-wrong")
	b.Fill("Name", "nightly-build")
	b.Fill("Description", "the build server")
	b.Press("Create service account")
	b.See("Created the service account svc:nightly-build")
	b.Fill("Description", "jenkins")
	b.Press("Create token")
	b.See("be able to see it again")
	b.Accessible()
	b.Shot("service-made")
	shown := func() string {
		return strings.TrimSpace(b.Eval(`document.querySelector(".card.good pre code").textContent`))
	}
	token := shown()
	download := func(token string) clienttest.Result {
		return clienttest.NewestPip(t).Run(t, t.TempDir(), "download", "--no-deps", "--no-cache-dir", "--index-url",
			x.With(token, "/simple/"), "widgets")
	}
	download(token).OK(t)
	look(b, "/manage/service-account/nightly-build/", "service-page")
	look(b, "/manage/project/widgets/service-accounts/", "service-list")
	look(b, "/manage/project/widgets/collaboration/", "service-collaboration")
	look(b, "/admin/service-accounts/", "service-admin")
	b.Look(1280, "light")
	b.Go("/manage/service-account/nightly-build/")
	b.Press("Regenerate jenkins")
	b.Accessible()
	b.Shot("service-regenerate")
	b.Press("Regenerate jenkins")
	b.See("be able to see it again")
	next := shown()
	download(token).Refused(t)
	download(next).OK(t)
	look(b, "/manage/account/activity/", "activity")
	look(b, "/manage/account/token/", "tokens")
	b.Look(1280, "light")
	b.Go("/manage/service-account/nightly-build/")
	b.Fill("Type svc:nightly-build to remove it", "svc:nightly-build")
	b.Press("Remove svc:nightly-build")
	b.See("Removed the service account svc:nightly-build")
	download(next).Refused(t)
}
