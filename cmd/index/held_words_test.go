//go:build !windows

package main

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/upstream/page"
)

// lockOf writes a requirements file that pins the files.
func lockOf(t *testing.T, all []unservedFile) string {
	t.Helper()
	var lines strings.Builder
	for _, f := range all {
		lines.WriteString(f.file.Project + "==2.0 --hash=sha256:" + f.file.SHA256() + "\n")
	}
	path := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(path, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// says fails the test unless a text matches each pattern, in which "DATE" is a date.
func says(t *testing.T, what, text string, patterns ...string) {
	t.Helper()
	for _, p := range patterns {
		p = strings.ReplaceAll(regexp.QuoteMeta(p), "DATE", `20\d\d-\d\d-\d\d \d\d:\d\d UTC`)
		if !regexp.MustCompile(p).MatchString(text) {
			t.Errorf("%s does not say %s:\n%s", what, p, text)
		}
	}
}

// lockWords is what index check-lock says about the files of withUnserved.
var lockWords = []string{
	"Denied (2)",
	"deniedrocket 2.0: 1 file: denylist, it steals tokens http://h.example/held/deniedrocket/2.0/\n",
	"ourrocket 2.0: 1 file: denylist, it steals tokens http://h.example/held/ourrocket/2.0/\n",
	"Held (1)",
	"heldrocket 2.0: 1 file: cooldown until DATE http://h.example/held/heldrocket/2.0/\n",
	"Denied: choose another version (uv lock --upgrade-package NAME, poetry update --lock NAME)", "or ask an administrator",
	"Held: wait, or choose another version", "or ask for an exemption",
}

// TestCheckLockOfUnserved: index check-lock says why a pinned file is not served, with the address of its page and the
// next step: from the database, over the network, and from the database also if the repository hides the file.
func TestCheckLockOfUnserved(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	lock := lockOf(t, x.withUnserved(t))
	t.Setenv("INDEX_BASE_URL", "http://h.example")
	local := x.text(t, statusRefused, "check-lock", lock)
	says(t, "index check-lock", local, lockWords...)

	s := httptest.NewServer(x.server)
	defer s.Close()
	t.Setenv("INDEX_TOKEN", x.tokens["read"].Reveal())
	distant := x.text(t, statusRefused, "check-lock", "--index-url", s.URL, lock)
	if first, rest, _ := strings.Cut(distant, "\n"); rest != local[strings.IndexByte(local, '\n')+1:] {
		t.Errorf("over the network, %s says other words:\n%s\nfrom the database:\n%s", first, rest, local)
	}

	hidden := catalog.ShowHidden
	if err := x.app.Index.ChangeRepository(t.Context(), x.app.Operator, "main",
		catalog.RepositoryChange{ShowHeld: &hidden}); err != nil {
		t.Fatal(err)
	}
	says(t, "index check-lock of what is hidden", x.text(t, statusRefused, "check-lock", lock), lockWords...)
}

// TestCheckLockOfDeniedProject: a project that is denied as a whole is reported with the reason, once.
func TestCheckLockOfDeniedProject(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	all := x.withUnserved(t)
	t.Setenv("INDEX_BASE_URL", "http://h.example")
	t.Setenv("INDEX_TOKEN", x.tokens["read"].Reveal())
	for _, project := range []string{"heldrocket", "ourrocket"} {
		var r struct{ ID string }
		x.command(t, &r, "deny", "add", project, "--reason", "its author is gone")
	}
	lock := lockOf(t, []unservedFile{all[0], all[2]})
	s := httptest.NewServer(x.server)
	defer s.Close()
	for _, args := range [][]string{{lock}, {"--index-url", s.URL, lock}} {
		got := x.text(t, statusRefused, append([]string{"check-lock"}, args...)...)
		says(t, "index check-lock", got, "Denied (2)",
			"heldrocket 2.0: the whole project: denylist, its author is gone http://h.example/held/heldrocket/\n",
			"ourrocket 2.0: the whole project: denylist, its author is gone http://h.example/held/ourrocket/\n")
	}
}

// TestFetchOfUnserved: index upstream fetch and pack say why they leave a file out, until when, where that is explained
// and which command makes it available. The commands work as they are printed.
func TestFetchOfUnserved(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	all := x.withUnserved(t)
	lock := lockOf(t, all)
	t.Setenv("INDEX_BASE_URL", "http://h.example")
	words := []string{
		all[0].file.Name + ": held: cooldown until DATE http://h.example/held/heldrocket/2.0/: " +
			"wait until DATE, or index exempt add main heldrocket==2.0 --reason R\n",
		all[1].file.Name + ": denied: denylist, it steals tokens http://h.example/held/deniedrocket/2.0/: " +
			"index deny lift deniedrocket==2.0 --file " + all[1].file.Name + " --repository main --reason R\n",
	}
	says(t, "index upstream fetch", x.text(t, statusRefused, "upstream", "fetch", "faraway", "-r", lock),
		append(words, "0 files fetched", "2 items could not be fetched")...)
	to := filepath.Join(t.TempDir(), "x.pack")
	says(t, "index upstream pack", x.text(t, statusRefused, "upstream", "pack", to, "-r", lock),
		append(words, "no pack was written: --partial writes one without them")...)
	if _, err := os.Stat(to); err == nil {
		t.Error("a pack was written")
	}

	hidden := catalog.ShowHidden
	if err := x.app.Index.ChangeRepository(t.Context(), x.app.Operator, "main",
		catalog.RepositoryChange{ShowHeld: &hidden}); err != nil {
		t.Fatal(err)
	}
	got := x.text(t, statusRefused, "upstream", "fetch", "faraway", "-r", lock)
	says(t, "index upstream fetch of what is hidden", got, words...)
	newer := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(newer, []byte("heldrocket>1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	says(t, "index upstream fetch of any version above 1",
		x.text(t, statusRefused, "upstream", "fetch", "faraway", "-r", newer), words[0])
	x.fetchedAsJSON(t, lock)

	for line := range strings.SplitSeq(got, "\n") {
		_, command, _ := strings.Cut(line, "index ")
		if command == "" {
			continue
		}
		args := strings.Fields(strings.NewReplacer("--reason R", "--reason urgent").Replace(command))
		x.text(t, statusDone, args...)
	}
	says(t, "index upstream fetch after the commands that it named",
		x.text(t, statusDone, "upstream", "fetch", "faraway", "-r", lock), "2 files fetched")
}

// fetchedAsJSON checks what index upstream fetch --json says about the files of withUnserved.
func (x *fixture) fetchedAsJSON(t *testing.T, lock string) {
	t.Helper()
	var out, errs bytes.Buffer
	status := run(t.Context(), []string{
		"--data-dir", x.app.Config.DataDir, "upstream", "fetch", "faraway", "-r", lock, "--json",
	}, strings.NewReader(""), &out, &errs)
	var got struct {
		Failed []struct {
			Project, Rule, Address, Next string
			Until                        *string
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || status != statusRefused || len(got.Failed) != 2 {
		t.Fatalf("index upstream fetch --json = %d, %v: %s", status, err, out.String())
	}
	denied, held := got.Failed[0], got.Failed[1]
	if denied.Rule != "denylist" || denied.Until != nil || denied.Address != "http://h.example/held/deniedrocket/2.0/" ||
		!strings.HasPrefix(denied.Next, "index deny lift") {
		t.Errorf("the denied file is %+v", denied)
	}
	if held.Rule != "cooldown" || held.Until == nil || held.Address != "http://h.example/held/heldrocket/2.0/" {
		t.Errorf("the held file is %+v", held)
	}
}

// TestExplainNamesTheNextStep: index explain names the command that makes a held or a denied file available.
func TestExplainNamesTheNextStep(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	x.people(t)
	all := x.withUnserved(t)
	for i, want := range []string{
		"or index exempt add main heldrocket==2.0 --reason R",
		"index deny lift deniedrocket==2.0 --file " + all[1].file.Name + " --repository main --reason R",
		"index deny lift ourrocket==2.0 --file " + all[2].file.Name + " --repository main --reason R",
	} {
		if name, err := packaging.ParseProjectName(all[i].file.Project); err != nil {
			t.Fatal(err)
		} else if all[i].what != "denied of the index" { // the command asks no upstream
			x.storePage(t, name, func(p page.Page) bool { return len(p.Files) == 2 })
		}
		var got struct {
			Hidden []struct{ Filename, Next string }
		}
		x.command(t, &got, "explain", "main", all[i].file.Project+"==2.0")
		if len(got.Hidden) != 1 || !strings.HasSuffix(got.Hidden[0].Next, want) {
			t.Errorf("index explain of the %s file = %+v, want %q", all[i].what, got.Hidden, want)
		}
	}
}
