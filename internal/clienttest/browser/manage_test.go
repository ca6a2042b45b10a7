package browser_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
	"pyindex/internal/packaging/packagingtest"
)

// onDisk writes files into a folder and returns their paths.
func onDisk(t *testing.T, files ...packagingtest.File) (paths []string) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.WriteFile(path, f.Bytes, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	return paths
}

// looks keeps pictures of a page in each width and scheme, and wants it to fit.
func looks(b *browser.Tab, path, name string) {
	for _, scheme := range []string{"light", "dark"} {
		for _, width := range []int64{320, 1280} {
			b.Look(width, scheme)
			b.Go(path)
			b.Fits()
			b.Shot(fmt.Sprintf("%s-%d-%s", name, width, scheme))
		}
	}
}

// A project is made by an upload in the browser, one file of which is refused; its releases are yanked, unyanked and
// deleted; somebody is invited; in the end it goes with everything in it.
func TestManageAProject(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{Host: "localhost"})
	b := browser.Open(t, s.URL)
	signUp(t, s, b)
	b.Go("/manage/projects/")
	b.See("You have no projects yet")
	looks(b, "/manage/projects/", "projects-none")
	b.Press("Upload the files")
	files := onDisk(t, packagingtest.Wheel("demo", "1.0", "x"), packagingtest.SDist("demo", "1.0", "x"),
		packagingtest.File{Name: "demo-9.0-py3-none-any.whl", Bytes: []byte("no zip")})
	b.Attach("Choose files, or drop them here", files...)
	b.Press("Upload")
	b.See("2 files uploaded, 1 refused.")
	b.See("demo-9.0-py3-none-any.whl refused")
	b.Shot("upload-sent")
	b.Press("View release")
	b.At("/project/demo/1.0/")

	b.Scripts(false)
	b.Go("/manage/upload/?project=demo")
	b.Attach("Choose files, or drop them here",
		onDisk(t, packagingtest.Wheel("demo", "2.0", "x"), packagingtest.Wheel("demo", "3.0", "x"),
			packagingtest.Wheel("elsewhere", "1.0", "x"))...)
	b.Press("Upload")
	b.See("2 files uploaded, 1 file refused")
	b.See("this file belongs to elsewhere, but the page is for demo")
	b.Shot("upload-plain")
	b.Scripts(true)

	b.Go("/manage/project/demo/releases/")
	b.Press("2.0")
	b.See("Release 2.0")
	b.Fill("Reason", "broken <b>, take 3.0")
	b.Press("Yank 2.0")
	b.See("Yanked 2.0. Installers now skip it.")
	b.See("Reason: broken <b>, take 3.0")
	looks(b, "/manage/project/demo/release/2.0/", "release-yanked")
	b.Press("Unyank 2.0")
	b.See("Unyanked 2.0. Installers can choose it again.")
	b.Fill("Type 2.0 to delete it", "2.0")
	b.Press("Delete 2.0")
	b.See("Deleted demo 2.0 with 1 file.")

	b.Go("/manage/project/demo/release/1.0/?file=demo-1.0.tar.gz")
	looks(b, "/manage/project/demo/release/1.0/?file=demo-1.0.tar.gz", "release-file")
	b.Fill("Type the file's name to delete it", "demo-1.0.tar.gz")
	b.Press("Delete this file")
	b.See("Deleted demo-1.0.tar.gz.")
	looks(b, "/manage/project/demo/releases/", "releases")

	b.Press("Collaboration")
	b.Choose("Role", "Owner: full access, including deletion, roles and publishers")
	b.Fill("User name", "nobody-here")
	b.Press("Add to demo")
	b.See("There is no account with this name.")
	b.Choose("Role of the invited person", "Reader: can see and install it")
	b.Press("Create invitation link")
	b.See("Send this link to the person you invite.")
	looks(b, "/manage/project/demo/collaboration/", "collaboration")

	b.Go("/manage/project/demo/settings/")
	b.Fill("Reason", "use something newer")
	b.Press("Deprecate demo")
	b.See("demo is deprecated.")
	b.Fill("One file", "1 MiB")
	b.Press("Change limits")
	b.See("up to 1.0 MiB, set for this project")
	looks(b, "/manage/project/demo/settings/", "settings")
	looks(b, "/manage/project/demo/history/", "history")
	b.See("alice deprecated demo: use something newer")
	b.Choose("Event", "Yanks and deletions")
	b.Press("Filter")
	b.See("alice deleted demo 2.0.")
	b.Gone("alice uploaded demo-1.0")

	b.Go("/manage/project/demo/settings/")
	b.Fill("Type demo to delete it", "demo")
	b.Press("Delete demo")
	b.See("Deleted demo and all its files.")
	b.Go("/project/demo/")
	b.See("Page not found")
}
