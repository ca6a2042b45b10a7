package imports

import (
	"os"
	"path/filepath"
	"testing"

	"pyindex/internal/packaging/packagingtest"
)

// TestAnotherIndex: a repository of another Index is imported by its pages with a token that may read, with times,
// yanks and status. Files that it has from an upstream are not taken.
func TestAnotherIndex(t *testing.T) {
	t.Parallel()
	from := serve(t)
	wheel, next := packagingtest.Wheel("acme-tools", "1.0", "wheel"), packagingtest.Wheel("acme-tools", "1.1", "next")
	from.Index("repository", "add", "team").OK(t)
	from.Index(append([]string{"upload", "--repository", "team"}, write(t, t.TempDir(), wheel, next)...)...).OK(t)
	from.Index("project", "yank", "acme-tools", "1.1", "--repository", "team", "--reason", "broken").OK(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(from.Token("admin", "--scope", "read")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	x := serve(t)
	source := from.URL + "/r/team/simple/"
	x.Index("import", "simple", source, "--to", "main").Refused(t, "--token-file")
	x.Index("import", "simple", source, "--to", "main", "--token-file", token, "--dry-run").OK(t).Says(t, "2 files")
	if got := x.imports("simple", source, "--to", "main", "--token-file", token); got.Added != 2 {
		t.Errorf("the import: %+v", got)
	}
	want, got := from.page("/r/team", "acme-tools"), x.page("", "acme-tools")
	same(t, got, wheel, next)
	for name, f := range want {
		if !got[name].UploadTime.Equal(f.UploadTime) || got[name].Yanked != f.Yanked {
			t.Errorf("%s is %+v, want %+v", name, got[name], f)
		}
	}
	x.installs("", "acme-tools", "acme_tools.py", "wheel")
	x.verify("simple", source, "--to", "main", "--token-file", token)

	// a delta on the day of the move
	third := packagingtest.Wheel("acme-tools", "1.2", "third")
	from.Index(append([]string{"upload", "--repository", "team"}, write(t, t.TempDir(), third)...)...).OK(t)
	if got := x.imports("simple", source, "--to", "main", "--token-file", token); got.Added != 1 || got.Present != 2 {
		t.Errorf("the delta: %+v", got)
	}
}
