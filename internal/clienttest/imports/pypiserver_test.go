package imports

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// TestPyPIServer: pypiserver is imported by its folder, with the times of the files, and by its pages, without times.
func TestPyPIServer(t *testing.T) {
	t.Parallel()
	c, dir := clienttest.PyPIServer(t), t.TempDir()
	at := c.Background(t, dir, "/simple/", "pypi-server", "run", "-p", "PORT", "-i", "127.0.0.1", "-a", ".", "-P", ".",
		dir)
	wheel, source := packagingtest.Wheel("acme-tools", "1.0", "wheel"), packagingtest.SDist("Acme.Dots", "2.0", "dots")
	upload(t, at, "", "", wheel, source)
	old := time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(dir, wheel.Name), old, old); err != nil {
		t.Fatal(err)
	}
	write(t, dir, packagingtest.File{Name: "acme_tools-0.9-py2.7.egg", Bytes: []byte("egg")})

	x := serve(t)
	x.Index("repository", "add", "pages").OK(t)
	x.Index("import", "folder", dir, "--to", "main", "--dry-run").OK(t).Says(t, "guessed", "egg")
	if got := x.imports("folder", dir, "--to", "main"); got.Added != 2 || got.Refused != 1 {
		t.Errorf("the import of the folder: %+v", got)
	}
	same(t, x.page("", "acme-tools"), wheel)
	if got := x.page("", "acme-tools")[wheel.Name].UploadTime; !got.Equal(old) {
		t.Errorf("the upload time is %v, want %v", got, old)
	}
	x.installs("", "acme-tools", "acme_tools.py", "wheel")

	x.Index("import", "simple", at+"/simple/", "--to", "pages", "--dry-run").OK(t).Says(t, "unknown", "2 files")
	if got := x.imports("simple", at+"/simple/", "--to", "pages"); got.Added != 2 {
		t.Errorf("the import of the pages: %+v", got)
	}
	same(t, x.page("/r/pages", "acme-tools"), wheel)
	same(t, x.page("/r/pages", "acme-dots"), source)
	x.verify("simple", at+"/simple/", "--to", "pages")
}
