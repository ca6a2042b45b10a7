package imports

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// devpi is a running devpi-server with the user alice and two indexes of hers.
type devpi struct {
	*clienttest.Client
	t        *testing.T
	dir, url string
}

func startDevpi(t *testing.T) *devpi {
	t.Helper()
	d := &devpi{Client: clienttest.Devpi(t), t: t, dir: t.TempDir()}
	d.Program(t, d.dir, "devpi-init", "--serverdir", "data", "--no-root-pypi", "--root-passwd", "secret").OK(t)
	d.url = d.Background(t, d.dir, "/+api", "devpi-server", "--serverdir", "data", "--host", "127.0.0.1", "--port", "PORT",
		"--offline-mode")
	for _, line := range []string{
		"use " + d.url, "login root --password secret", "user -c alice password=hunter2 email=alice@corp.example",
		"user -c bob password=hunter2", "login alice --password hunter2", "index -c dev volatile=True bases=",
		"index -c prod volatile=False bases=alice/dev acl_upload=alice,bob",
	} {
		d.Run(t, d.dir, strings.Fields(line)...).OK(t)
	}
	return d
}

// export runs devpi-export while the server runs, as its manual says.
func (d *devpi) export() string {
	d.t.Helper()
	out := filepath.Join(d.t.TempDir(), "export")
	d.Program(d.t, d.dir, "devpi-export", "--serverdir", "data", out).OK(d.t)
	return out
}

// uploads returns the times of the uploads that an export has of an index, by file name.
func uploads(t *testing.T, export, index string) map[string]time.Time {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(export, "dataindex.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Indexes map[string]struct {
			Files []struct {
				Relpath string
				Log     []struct {
					What string
					When [6]int
				}
			}
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	out := map[string]time.Time{}
	for _, f := range d.Indexes[index].Files {
		for _, l := range f.Log {
			if w := l.When; l.What == "upload" {
				out[filepath.Base(f.Relpath)] = time.Date(w[0], time.Month(w[1]), w[2], w[3], w[4], w[5], 0, time.UTC)
			}
		}
	}
	return out
}

// TestDevpi: an index that was filled by twine and by a push is imported with its times and digests, and pip installs
// from it. The stage's pages are refused.
func TestDevpi(t *testing.T) {
	t.Parallel()
	d := startDevpi(t)
	first := packagingtest.Wheel("acme-tools", "1.0", "first")
	again := packagingtest.Wheel("acme-tools", "1.0", "again")
	next := packagingtest.Wheel("acme-tools", "1.1", "next")
	source := packagingtest.SDist("Acme.Dots", "2.0", "dots")
	upload(t, d.url+"/alice/dev/", "alice", "hunter2", first, next, source)
	upload(t, d.url+"/alice/dev/", "alice", "hunter2", again) // dev is volatile, so this replaces the file
	d.Run(t, d.dir, "use", "alice/dev").OK(t)
	d.Run(t, d.dir, "push", "acme-tools==1.0", "alice/prod").OK(t)
	upload(t, d.url+"/alice/prod/", "bob", "hunter2", packagingtest.SDist("acme-tools", "1.0", "by bob"))
	export := d.export()

	x := serve(t)
	x.Index("import", "devpi", export, "--to", "main").Refused(t, "choose an index of the export by --index",
		"alice/dev (stage, 3 files)", "alice/prod (stage, 2 files)")
	plan := x.Index("import", "devpi", export, "--index", "alice/prod", "--to", "main", "--dry-run").OK(t)
	plan.Says(t, "2 files", "devpi keeps no record of deleted files", "index user invite --name bob",
		"index grant add --repository main --user bob --role uploader", "alice/prod draws on alice/dev")
	if strings.Contains(plan.Output(), "argon2") || x.page("", "acme-tools") != nil {
		t.Errorf("the plan wrote something, or has a secret:\n%s", plan.Output())
	}
	if got := x.imports("devpi", export, "--index", "alice/prod", "--to", "main"); got.Added != 2 || got.NewProjects != 1 {
		t.Errorf("the import of prod: %+v", got)
	}
	same(t, x.page("", "acme-tools"), again, packagingtest.SDist("acme-tools", "1.0", "by bob"))
	for name, at := range uploads(t, export, "alice/prod") {
		if got := x.page("", "acme-tools")[name].UploadTime; !got.Equal(at) {
			t.Errorf("the upload time of %s is %v, want %v", name, got, at)
		}
	}
	x.installs("", "acme-tools==1.0", "acme_tools.py", "again")
	x.verify("devpi", export, "--index", "alice/prod", "--to", "main")
	if got := x.imports("devpi", export, "--index", "alice/prod", "--to", "main"); got.Added != 0 || got.Present != 2 {
		t.Errorf("the second import of prod: %+v", got)
	}

	// the commands of the notes work
	x.Index("repository", "add", "alice-dev").OK(t)
	x.Index("user", "invite", "--name", "bob").OK(t)
	if got := x.imports("devpi", export, "--index", "alice/dev", "--to", "alice-dev"); got.Added != 3 {
		t.Errorf("the import of dev: %+v", got)
	}
	x.Index("repository", "set", "main", "--base", "alice-dev").OK(t)
	same(t, x.page("", "acme-dots"), source)
	x.installs("/r/alice-dev", "acme-tools==1.1", "acme_tools.py", "next")
	same(t, x.page("/r/alice-dev", "acme-dots"), source)

	x.Index("import", "simple", d.url+"/alice/prod/+simple/", "--to", "main").Refused(t, "index import devpi")
	if !strings.Contains(x.Index("import", "list").OK(t).Stdout, "devpi") {
		t.Error("index import list does not show the import")
	}
}
