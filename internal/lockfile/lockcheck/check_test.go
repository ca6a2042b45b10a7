package lockcheck_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"pyindex/internal/lockfile"
	"pyindex/internal/lockfile/lockcheck"
	"pyindex/internal/packaging"
)

// listing is an index in memory.
type listing struct {
	projects map[string]lockcheck.Project
	refused  map[string]string // by URL
	broken   error
}

func (l *listing) Project(_ context.Context, name packaging.ProjectName) (lockcheck.Project, error) {
	if name.String() == "silent" {
		return lockcheck.Project{}, &lockcheck.Unchecked{Reason: "the index answered with status 502"}
	}
	p, ok := l.projects[name.String()]
	if !ok {
		p.Missing = true
	}
	return p, l.broken
}

func (l *listing) Refusal(_ context.Context, u string) (string, error) { return l.refused[u], nil }

const index = "https://index.example/simple/"

var (
	sumA = strings.Repeat("a", 64)
	sumB = strings.Repeat("b", 64)
)

func own(name, sum string) lockcheck.Listed {
	return lockcheck.Listed{Name: name, SHA256: sum, URL: "https://index.example/packages/" + sum + "/" + name}
}

// stocked is an index with one project of each kind.
func stocked() *listing {
	yanked, held := own("yanked-1-py3-none-any.whl", sumA), own("held-1-py3-none-any.whl", sumB)
	yanked.Yanked, yanked.Reason = true, "broken on Windows"
	held.Yanked, held.Reason = true, "held: too new until 2026-12-01"
	quarantined := own("bad-1-py3-none-any.whl", sumA)
	quarantined.Refused = "quarantined: malware"
	return &listing{
		projects: map[string]lockcheck.Project{
			"acme":  {Own: true, Files: []lockcheck.Listed{own("acme-1-py3-none-any.whl", sumA), own("acme-1.tar.gz", sumB)}},
			"alpha": {Upstream: true, Files: []lockcheck.Listed{own("alpha-1-py3-none-any.whl", sumA)}},
			"local": {
				Own: true, Upstream: true,
				Files: []lockcheck.Listed{own("local-1.0.tar.gz", sumA), own("local-1.0+acme.1.tar.gz", sumB)},
			},
			"yanked": {Upstream: true, Files: []lockcheck.Listed{yanked}},
			"held":   {Upstream: true, Files: []lockcheck.Listed{held}},
			"bad":    {Own: true, Files: []lockcheck.Listed{quarantined}},
			"worse":  {Own: true, Quarantined: true, Reason: "malware"},
			"empty":  {Own: true},
		},
		refused: map[string]string{held.URL: held.Reason},
	}
}

// read reads the first file of an archive.
func read(t *testing.T, archive string) lockfile.Lock {
	t.Helper()
	a := txtar.Parse([]byte(archive))
	l, err := lockfile.Read(func(path string) ([]byte, error) {
		for _, f := range a.Files {
			if f.Name == filepath.Clean(path) {
				return f.Data, nil
			}
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	}, a.Files[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func check(t *testing.T, at string, l *listing, locks ...lockfile.Lock) lockcheck.Report {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	r, err := lockcheck.Check(t.Context(), locks, lockcheck.NewSite(u), l)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// lines returns the problems, one a line.
func lines(r lockcheck.Report) (all []string) {
	for _, p := range r.Problems {
		own := ""
		if p.Own {
			own = "own "
		}
		text := strings.TrimSpace(p.Project + " " + p.Version + ": " + p.Text)
		all = append(all, fmt.Sprintf("%s %s %s%s", p.Kind, p.Place, own, text))
	}
	return all
}

func same(t *testing.T, r lockcheck.Report, want ...string) {
	t.Helper()
	if got := lines(r); !slices.Equal(got, want) {
		t.Errorf("problems\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if r.OK != (len(want) == 0) {
		t.Errorf("OK = %t with %d problems", r.OK, len(want))
	}
}

// uvPackage returns a package of uv.lock with one file.
func uvPackage(name, source, file, sum string) string {
	return fmt.Sprintf("[[package]]\nname = %q\nversion = \"1\"\nsource = { registry = %q }\nwheels = [\n"+
		"  { url = %q, hash = \"sha256:%s\" },\n]\n", name, source, file, sum)
}

func TestClean(t *testing.T) {
	lock := uvPackage("acme", index, "https://index.example/packages/"+sumA+"/acme-1-py3-none-any.whl", sumA) +
		uvPackage("alpha", "https://INDEX.example:443/simple",
			"https://index.example/packages/public/aa/alpha-1-py3-none-any.whl", sumA) +
		"[[package]]\nname = \"app\"\nsource = { virtual = \".\" }\n"
	r := check(t, index, stocked(), read(t, "-- uv.lock --\n"+lock))
	same(t, r)
	if want := []lockcheck.Name{{"acme", "own"}, {"alpha", "upstream"}}; !slices.Equal(r.Names, want) {
		t.Errorf("names %v, want %v", r.Names, want)
	}
	var b strings.Builder
	r.Write(&b, strings.Clone)
	if !strings.Contains(b.String(), "No problems found.") ||
		!strings.Contains(b.String(), "Names of this index (1): acme") {
		t.Error(b.String())
	}
}

// The URL of a file is judged before the source, and each on its own.
func TestPastThisIndex(t *testing.T) {
	elsewhere := "https://files.old.example/x/acme-1-py3-none-any.whl"
	lock := uvPackage("alpha", "https://old.example/simple", "https://files.old.example/alpha-1-py3-none-any.whl", sumA) +
		uvPackage("acme", "https://old.example/simple", elsewhere, sumA) +
		uvPackage("acme", index, elsewhere, sumA) +
		uvPackage("acme", "https://old.example/simple",
			"https://index.example/packages/"+sumA+"/acme-1-py3-none-any.whl", sumA) +
		uvPackage("acme", index, "http://index.example/packages/"+sumA+"/acme-1-py3-none-any.whl", sumA) +
		uvPackage("acme", index, "https://index.example/r/team/packages/"+sumA+"/acme-1-py3-none-any.whl", sumA) +
		uvPackage("acme", index, "https://index.example.evil.example/packages/"+sumA+"/acme-1-py3-none-any.whl", sumA) +
		"[[package]]\nname = \"acme\"\nversion = \"1\"\nsource = { git = \"https://git.example/acme#01\" }\n"
	r := check(t, index, stocked(), read(t, "-- uv.lock --\n"+lock))
	belongs := ", although the name belongs to this index"
	same(
		t, r,
		"past uv.lock:13 own acme 1: 1 file from files.old.example"+belongs,
		"past uv.lock:50 own acme 1: from git.example"+belongs,
		"past uv.lock:6 alpha 1: 1 file from files.old.example",
		"file-past uv.lock:13 own acme 1: 1 file from files.old.example"+belongs,
		"file-past uv.lock:34 own acme 1: 1 file from index.example"+belongs,
		"file-past uv.lock:41 own acme 1: 1 file from index.example"+belongs,
		"file-past uv.lock:48 own acme 1: 1 file from index.example.evil.example"+belongs,
		"other-index uv.lock:22 own acme 1: the files are here, but the lock names old.example as their index",
	)
	// The same lock for another repository of the index.
	r = check(t, "https://index.example/r/team/simple/", stocked(), read(t, "-- uv.lock --\n"+
		uvPackage("acme", index, "https://index.example/packages/"+sumA+"/acme-1-py3-none-any.whl", sumA)))
	same(t, r, "past uv.lock:6 own acme 1: 1 file from index.example"+belongs)
}

func TestStanding(t *testing.T) {
	at := func(name string) string { return "https://index.example/packages/" + sumA + "/" + name }
	lock := ""
	for _, x := range [][2]string{
		{"acme", sumB},
		{"alpha", sumA},
		{"bad", sumA},
		{"empty", sumA},
		{"gone", sumA},
		{"held", sumB},
		{"silent", sumA},
		{"worse", sumA},
		{"yanked", sumA},
	} {
		lock += uvPackage(x[0], index, at(x[0]+"-1-py3-none-any.whl"), x[1])
	}
	l := stocked()
	r := check(t, index, l, read(t, "-- uv.lock --\n"+lock))
	same(
		t, r,
		"absent uv.lock:22 own empty 1: no file of this version is here",
		"absent uv.lock:29 gone 1: there is no project gone here",
		"other-digest uv.lock:1 own acme 1: 1 file with other content here: acme-1-py3-none-any.whl",
		"denied uv.lock:15 own bad 1: 1 file: quarantined: malware",
		"denied uv.lock:50 own worse 1: the project is quarantined: malware",
		"held uv.lock:36 held 1: 1 file: too new until 2026-12-01",
		"yanked uv.lock:57 yanked 1: 1 file yanked: broken on Windows",
		"unchecked uv.lock:43 silent 1: the index answered with status 502",
	)
	// A file that the page hides is refused at its URL.
	l.refused[at("gone-1-py3-none-any.whl")] = "denied: MAL-2026-1"
	r = check(t, index, l, read(t, "-- uv.lock --\n"+uvPackage("gone", index, at("gone-1-py3-none-any.whl"), sumA)))
	same(t, r, "denied uv.lock:1 gone 1: 1 file: MAL-2026-1")

	l.broken = errors.New("no connection")
	u, _ := url.Parse(index)
	locks := []lockfile.Lock{read(t, "-- uv.lock --\n"+lock)}
	if _, err := lockcheck.Check(t.Context(), locks, lockcheck.NewSite(u), l); !errors.Is(err, l.broken) {
		t.Error(err)
	}
}

func TestRequirements(t *testing.T) {
	r := check(t, index, stocked(), read(t, `-- requirements.txt --
--index-url https://u:hunter22@old.example/simple
--extra-index-url https://index.example/simple/
--find-links ./wheels
-c constraints.txt
acme==1 --hash=sha256:`+sumA+` --hash=sha256:`+sumB+`
alpha==1 --hash=sha256:`+sumB+`
acme==1.0 --hash=sha256:`+sumA+` --hash=sha256:`+strings.Repeat("c", 64)+`
local==1.0
acme>=1
empty
-- constraints.txt --
unused==7
alpha @ https://elsewhere.example/alpha-1.tar.gz
`))
	belongs := ", although the name belongs to this index"
	same(
		t, r,
		"past requirements.txt:5 own acme 1: from old.example"+belongs,
		"past requirements.txt:7 own acme 1.0: from old.example"+belongs,
		"past requirements.txt:8 own local 1.0: from old.example"+belongs,
		"past requirements.txt:9 own acme : from old.example"+belongs,
		"past requirements.txt:10 own empty : from old.example"+belongs,
		"past constraints.txt:1 unused 7: from old.example",
		"past constraints.txt:2 alpha : from elsewhere.example",
		"past requirements.txt:6 alpha 1: from old.example",
		"other-index requirements.txt:1 : names old.example as the index",
		"other-index requirements.txt:3 : files are also taken from ./wheels",
		"password requirements.txt:1 : a password in clear",
		"absent requirements.txt:7 own acme 1.0: 1 of 2 hashes belong to no file here",
		"absent requirements.txt:10 own empty : no file of empty is here",
		"other-digest requirements.txt:6 alpha 1: no file here has a hash of the lock",
		"no-hash requirements.txt:8 own local 1.0: no hash: nothing verifies the content",
		"no-hash requirements.txt:9 own acme : no hash: nothing verifies the content",
		"no-hash requirements.txt:10 own empty : no hash: nothing verifies the content",
		"local-version requirements.txt:8 own local 1.0: 1.0+acme.1 is here too",
	)
	var b strings.Builder
	r.Write(&b, strings.Clone)
	for _, want := range []string{
		"Fetched past this index (8)\n", "Passwords (1)\n  requirements.txt:1: a password in clear\n", "Next steps\n",
		"  Fetched past this index: requirements: remove index lines", "  Passwords: revoke the token",
		"Names of this index (3): acme, empty, local\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("lacks %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String()+fmt.Sprint(r), "hunter22") {
		t.Error("the report has the password")
	}
	// In a file without any hash, one line says so.
	r = check(t, index, stocked(), read(t, "-- r.txt --\nacme==1\nalpha==1\n"))
	same(t, r, "no-hash r.txt : no package has a hash: nothing verifies the content")
	r = check(t, index, stocked(), read(t, "-- r.txt --\n--extra-index-url "+index+"\nacme==1 --hash=sha256:"+sumA+"\n"))
	same(t, r, "other-index r.txt:1 : this index is only the extra one: the installer's own index is asked too")
}

// Locks without URLs: the source decides, by the rules of each tool.
func TestSources(t *testing.T) {
	files := "files = [{ file = \"acme-1-py3-none-any.whl\", hash = \"sha256:" + sumA + "\" }]\n"
	poetry := "-- poetry.lock --\n[[package]]\nname = \"acme\"\nversion = \"1\"\n" + files
	belongs := ", although the name belongs to this index"
	source := "[package.source]\ntype = \"legacy\"\nurl = \"https://old.example/simple\"\nreference = \"company\"\n"
	project := func(url, priority string) string {
		return fmt.Sprintf("-- pyproject.toml --\n[[tool.poetry.source]]\nname = \"company\"\nurl = %q\npriority = %q\n", url,
			priority)
	}
	same(t, check(t, index, stocked(), read(t, poetry)),
		"past poetry.lock:1 own acme 1: from the public index: the lock names no source"+belongs)
	same(t, check(t, index, stocked(), read(t, poetry+project(index, "primary"))))
	same(t, check(t, index, stocked(), read(t, poetry+source+project(index, "primary"))))
	same(t, check(t, index, stocked(), read(t, poetry+source+project(index, "supplemental"))),
		"other-index pyproject.toml : no source is primary: poetry also asks the public index")
	same(t, check(t, index, stocked(), read(t, poetry+source)), "past poetry.lock:1 own acme 1: from old.example"+belongs)

	pdm := "-- pdm.lock --\n[[package]]\nname = \"acme\"\nversion = \"1\"\n" + files
	named := func(name string) string {
		return "-- pyproject.toml --\n[[tool.pdm.source]]\nname = \"" + name + "\"\nurl = \"" + index + "\"\n"
	}
	same(t, check(t, index, stocked(), read(t, pdm+named("pypi"))))
	same(t, check(t, index, stocked(), read(t, pdm+named("company"))),
		"other-index pyproject.toml : no source is named pypi: pdm also asks the public index, unless its configuration replaces that")
	static := strings.Replace(pdm, "file = \"", "url = \"https://files.old.example/", 1)
	same(t, check(t, index, stocked(), read(t, static+named("pypi"))),
		"file-past pdm.lock:4 own acme 1: 1 file from files.old.example"+belongs)
	bare := strings.Replace(pdm, files, "", 1)
	same(t, check(t, index, stocked(), read(t, bare+named("pypi"))),
		"no-hash pdm.lock:1 own acme 1: no hash: nothing verifies the content")

	pipenv := "-- Pipfile.lock --\n{\"_meta\": {\"sources\": [{\"name\": \"a\", \"url\": \"%s\"}]},\n\"default\": {\n" +
		"\"acme\": {\"version\": \"==1\", \"hashes\": [\"sha256:" + sumA + "\"]}}}\n"
	same(t, check(t, index, stocked(), read(t, fmt.Sprintf(pipenv, index))))
	same(t, check(t, index, stocked(), read(t, fmt.Sprintf(pipenv, "https://old.example/simple"))),
		"past Pipfile.lock:3 own acme 1: from old.example"+belongs,
		"other-index Pipfile.lock:1 : names old.example as the index (the source a)")
}

// Many problems are cut in the text, and none in the report.
func TestLongReports(t *testing.T) {
	var b strings.Builder
	for range 60 {
		fmt.Fprintf(&b, "gone==1 --hash=sha256:%s\n", sumA)
	}
	r := check(t, index, stocked(), read(t, "-- r.txt --\n"+b.String()))
	b.Reset()
	r.Write(&b, strings.Clone)
	if len(r.Problems) != 60 || !strings.Contains(b.String(), "Not here (60)") ||
		!strings.Contains(b.String(), "  and 35 more; --json") {
		t.Error(len(r.Problems), b.String())
	}
}

func TestOwnPath(t *testing.T) {
	for u, want := range map[string]bool{
		"https://h/packages/" + sumA + "/a.whl":         true,
		"https://h/r/x/packages/" + sumA + "/a.whl":     true,
		"https://h/packages/public/aa/a.whl":            false,
		"https://h/packages/public/" + sumA + "/a.whl":  false,
		"https://h/packages/" + sumA[1:] + "G/a.whl":    false,
		"https://h/packages/public/-/0123456789/a.whl":  false,
		"https://h/" + sumA + "/a.whl":                  false,
		"https://h/packages/" + sumA + "/a.whl#sha256=": true,
	} {
		if got := lockcheck.OwnPath(u); got != want {
			t.Errorf("%s: %t", u, got)
		}
	}
}
