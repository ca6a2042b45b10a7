package browser_test

import (
	"fmt"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
	"pyindex/internal/packaging/packagingtest"
)

// An administrator limits a repository and a project; pages then warn that the limits are nearly used up, and fit.
func TestLimits(t *testing.T) {
	s := clienttest.Serve(t, clienttest.Options{Host: "localhost"})
	b := browser.Open(t, s.URL)
	signUp(t, s, b)
	b.Go("/manage/upload/")
	var files []packagingtest.File
	for n := range 4 {
		files = append(files, packagingtest.Wheel("demo", fmt.Sprint(n), fmt.Sprint("x = ", n)),
			packagingtest.Wheel("other-project-with-a-long-name", fmt.Sprint(n), fmt.Sprint("x = ", n)))
	}
	b.Attach("Choose files, or drop them here", onDisk(t, files...)...)
	b.Press("Upload")
	b.See("8 files uploaded")
	size := 0
	for _, f := range files {
		size += len(f.Bytes)
	}
	b.Go("/admin/repositories/")
	b.Fill("Size limit", fmt.Sprint(size*10/9))
	b.Press("Save main")
	b.See("Repository changed.")
	b.Go("/manage/project/demo/settings/")
	b.Fill("All files together", fmt.Sprint(size/2))
	b.Press("Change limits")
	b.See("The repository main uses 90 % of its limit")
	looks(b, "/admin/repositories/", "limits-repositories")
	looks(b, "/admin/storage/", "limits-storage")
	looks(b, "/manage/projects/", "limits-projects")
	looks(b, "/manage/project/demo/releases/", "limits-releases")
	looks(b, "/manage/project/demo/settings/", "limits-settings")
	looks(b, "/project/demo/", "limits-project")
	looks(b, "/manage/upload/?project=demo", "limits-upload")
}
