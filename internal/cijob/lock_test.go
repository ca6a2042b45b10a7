package cijob

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"pyindex/internal/lockfile/lockcheck"
	"pyindex/internal/terminal"
)

var lockSum = strings.Repeat("a", 64)

// pagesServer is an index whose pages need the password "secret", in one repository besides main. It counts requests.
func pagesServer(t *testing.T) (*httptest.Server, *atomic.Int64) {
	t.Helper()
	var asked atomic.Int64
	mux := http.NewServeMux()
	page := func(path, body string, header ...string) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			if _, password, _ := r.BasicAuth(); password != "secret" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			w.Header().Set("Content-Type", simpleJSON)
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			fmt.Fprint(w, body)
		})
	}
	file := func(project, path, yanked string) string {
		return fmt.Sprintf(`{"files": [{"filename": "%s-1-py3-none-any.whl", "url": %q, "hashes": {"sha256": %q}, "yanked": %s}]}`,
			project, path, strings.ToUpper(lockSum), yanked)
	}
	page("/simple/acme/", file("acme", "/packages/"+lockSum+"/acme-1-py3-none-any.whl", "false"))
	page("/simple/reserved/", `{"files": []}`, "X-PyPI-Last-Serial", "7")
	page("/simple/held/", file("held", "../../packages/public/aa/held-1-py3-none-any.whl", `"held: seen in a dream"`))
	page("/simple/yanked/", file("yanked", "/packages/public/aa/yanked-1-py3-none-any.whl", `true`))
	page("/simple/worse/", `{"files": [], "project-status": {"status": "quarantined", "reason": "malware"}}`)
	page("/simple/cut/", `{"files": [`)
	page("/r/team/simple/acme/", file("acme", "/r/team/packages/public/aa/acme-1-py3-none-any.whl", "false"))
	mux.HandleFunc("GET /simple/html/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") })
	mux.HandleFunc("GET /simple/moved/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "https://elsewhere.example/")
		w.WriteHeader(http.StatusMovedPermanently)
	})
	mux.HandleFunc("GET /simple/broken/", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	mux.HandleFunc("HEAD /packages/public/aa/held-1-py3-none-any.whl", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Index-Hold", "cooldown; until=2026-12-01")
		w.WriteHeader(http.StatusForbidden)
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s, &asked
}

// checkLock runs the command over a requirements file and returns its output and error.
func checkLock(t *testing.T, c CheckLock, requirements string) (string, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "requirements.txt")
	if err := os.WriteFile(path, []byte(requirements), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Files = []string{path}
	var out bytes.Buffer
	err := c.Run(&terminal.Session{Ctx: t.Context(), Out: &out, Errs: &out})
	return out.String(), err
}

// withEnv sets variables, and clears those of this machine.
func withEnv(t *testing.T, pairs ...string) {
	t.Helper()
	for _, name := range []string{"UV_DEFAULT_INDEX", "PIP_INDEX_URL", "INDEX_TOKEN", "NETRC"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", t.TempDir())
	for i := 0; i+1 < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

func TestCheckLock(t *testing.T) {
	s, _ := pagesServer(t)
	host := strings.TrimPrefix(s.URL, "http://")
	withEnv(t, "INDEX_TOKEN", "secret")
	hash := " --hash=sha256:" + lockSum + "\n"
	out, err := checkLock(t, CheckLock{IndexURL: s.URL}, "acme==1"+hash)
	if err != nil || !strings.Contains(out, "No problems found.") ||
		!strings.Contains(out, "Names of this index (1): acme") {
		t.Errorf("%v\n%s", err, out)
	}
	out, err = checkLock(t, CheckLock{IndexURL: s.URL + "/simple/"}, "acme==1"+hash+"held==1"+hash+"yanked==1"+hash+
		"worse==1"+hash+"cut==1"+hash+"reserved==1"+hash+"gone==1"+hash)
	if err == nil || err.Error() != "6 problems found" {
		t.Errorf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"Held (1)", "held 1: 1 file: cooldown; until=2026-12-01", "Yanked (1)", "Denied (1)",
		"the project is quarantined: malware",
		"cut 1: the page of the project is incomplete", "gone 1: there is no project gone here",
		"reserved 1: no file of this version is here", "Names of this index (2): acme, reserved",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("lacks %q:\n%s", want, out)
		}
	}
	c := CheckLock{IndexURL: s.URL}
	c.JSON = true
	out, err = checkLock(t, c, "-i https://u:hunter22@old.example/simple\nacme==1"+hash)
	var report lockcheck.Report
	if json.Unmarshal([]byte(out), &report) != nil || err == nil || report.OK || len(report.Problems) != 3 ||
		report.Problems[0].Kind != lockcheck.Past || !report.Problems[0].Own || report.Problems[0].Line != 2 ||
		report.Index != "http://"+host+"/simple/" || strings.Contains(out, "hunter22") || strings.Contains(out, "secret") {
		t.Errorf("%v\n%s", err, out)
	}
}

// The index and its credentials come from the flag, the environment or netrc.
func TestCheckLockFindsIndex(t *testing.T) {
	s, asked := pagesServer(t)
	host := strings.TrimPrefix(s.URL, "http://")
	name, _, _ := strings.Cut(host, ":")
	netrc := filepath.Join(t.TempDir(), "netrc")
	text := "machine other.example login u password wrong\nmacdef init\nmachine " + name + " login u password wrong\n\n" +
		"machine " + name + " # the index\n  login __token__\n  password secret\ndefault login u password wrong\n"
	if err := os.WriteFile(netrc, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	with := "http://__token__:secret@" + host
	for _, x := range []struct {
		name string
		c    CheckLock
		env  []string
		root string
	}{
		{"flag with a token", CheckLock{IndexURL: with + "/simple/"}, nil, "/simple/"},
		{"flag and netrc", CheckLock{IndexURL: s.URL}, []string{"NETRC", netrc}, "/simple/"},
		{
			"user in the URL, password in netrc",
			CheckLock{IndexURL: "http://__token__@" + host},
			[]string{"NETRC", netrc},
			"/simple/",
		},
		{"variable of uv", CheckLock{}, []string{"UV_DEFAULT_INDEX", "company=" + with + "/simple/"}, "/simple/"},
		{"variable of pip", CheckLock{}, []string{"PIP_INDEX_URL", with + "/simple"}, "/simple/"},
		{"repository", CheckLock{Repository: "team"}, []string{"PIP_INDEX_URL", with + "/simple"}, "/r/team/simple/"},
		{"URL of a repository", CheckLock{IndexURL: with + "/r/team/"}, nil, "/r/team/simple/"},
	} {
		t.Run(x.name, func(t *testing.T) {
			withEnv(t, x.env...)
			before := asked.Load()
			out, err := checkLock(t, x.c, "acme==1 --hash=sha256:"+lockSum+"\n")
			if err != nil || asked.Load() != before+1 || !strings.Contains(out, "compared with "+s.URL+x.root+"\n") {
				t.Errorf("%v after %d requests\n%s", err, asked.Load()-before, out)
			}
		})
	}
}

func TestCheckLockRefusals(t *testing.T) {
	s, asked := pagesServer(t)
	misuse := func(err error) bool {
		_, is := errors.AsType[*terminal.Misuse](err)
		return is
	}
	for _, x := range []struct {
		name, requirements string
		c                  CheckLock
		env                []string
		want               string
		misuse             bool
	}{
		{"no index", "acme", CheckLock{}, nil, "specify the index", true},
		{
			"no URL", "acme",
			CheckLock{IndexURL: "ftp://u:hunter22@h.example"},
			nil, "--index-url is not a URL of an index", true,
		},
		{
			"no URL in a variable", "acme",
			CheckLock{},
			[]string{"PIP_INDEX_URL", "u:hunter22@h"},
			"PIP_INDEX_URL is not a URL", true,
		},
		{
			"token over http", "acme",
			CheckLock{IndexURL: "http://u:hunter22@h.example"},
			nil, "must begin with https", true,
		},
		{
			"two repositories", "acme",
			CheckLock{IndexURL: s.URL + "/r/team", Repository: "x"},
			nil, "omit --repository", true,
		},
		{
			"netrc missing", "acme",
			CheckLock{IndexURL: s.URL},
			[]string{"NETRC", "/nonexistent"},
			"netrc file cannot be read", true,
		},
		{"file", "! nothing", CheckLock{IndexURL: s.URL}, nil, "requirements.txt:1: not a requirement", true},
		{"no credentials", "acme", CheckLock{IndexURL: s.URL}, nil, "needs a token to read: set INDEX_TOKEN", false},
		{
			"wrong credentials", "acme",
			CheckLock{IndexURL: s.URL},
			[]string{"INDEX_TOKEN", "hunter22"},
			"refused the credentials (status 401)", false,
		},
		{"not an index", "html", CheckLock{IndexURL: s.URL}, nil, "no package index in JSON", false},
		{
			"redirect", "moved",
			CheckLock{IndexURL: s.URL},
			[]string{"INDEX_TOKEN", "secret"},
			"redirects to another address", false,
		},
		{"no server", "acme", CheckLock{IndexURL: "http://127.0.0.1:1"}, nil, "127.0.0.1:1 cannot be reached", false},
	} {
		t.Run(x.name, func(t *testing.T) {
			withEnv(t, x.env...)
			out, err := checkLock(t, x.c, x.requirements)
			if err == nil || !strings.Contains(err.Error(), x.want) || misuse(err) != x.misuse || out != "" {
				t.Errorf("%v, want %q\n%s", err, x.want, out)
			}
			if err != nil && strings.Contains(err.Error(), "hunter22") {
				t.Errorf("the error has the password: %v", err)
			}
		})
	}
	// A server that is busy for long leaves the project unchecked, after three requests.
	u, _ := url.Parse(s.URL)
	withEnv(t)
	before := asked.Load()
	out, err := checkLock(t, CheckLock{IndexURL: u.String()}, "broken==1 --hash=sha256:"+lockSum)
	if err == nil || !strings.Contains(out, "broken 1: the index answered with status 503") || asked.Load() != before+3 {
		t.Errorf("%v after %d requests\n%s", err, asked.Load()-before, out)
	}
}

// On the machine of the index, its database is read without a server.
func TestCheckLockDatabase(t *testing.T) {
	withEnv(t, "PIP_INDEX_URL", "http://127.0.0.1:1/simple/")
	var repository string
	present := true
	c := CheckLock{Repository: "team", Database: Database{
		Present: func() bool { return present },
		Open: func(r string, _ func(lockcheck.Site, lockcheck.Index) error) error {
			repository = r
			return nil
		},
	}}
	if _, err := checkLock(t, c, "acme"); err != nil || repository != "team" {
		t.Errorf("%v, repository %q", err, repository)
	}
	present = false
	if _, err := checkLock(t, c, "acme"); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("without a database: %v", err)
	}
}
