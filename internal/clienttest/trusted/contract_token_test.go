package trusted_test

import (
	"bytes"
	"context"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"pyindex/internal/audit"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/db"
)

var tokenDemands = []demand{
	{"044-a minted token makes no project", func(w *workflow) {
		w.pending("a")
		m := w.granted("the workflow", w.token(nil))
		w.make(w.project("old"))
		w.uploads(m.Token, w.project("new"), "1.0", http.StatusForbidden, "may not upload to project "+w.project("new"))
		w.uploads(m.Token, w.project("old"), "1.0", http.StatusForbidden, "may not upload to project "+w.project("old"))
		if out := w.Index("project", "list").OK(w.t).Stdout; strings.Contains(out, w.project("new")) {
			w.t.Errorf("the projects: %s, want no %s", out, w.project("new"))
		}
	}},
	{"116-an environment in any capitals", func(w *workflow) {
		w.pending("a", "--environment", "Release")
		w.granted("lower case", w.token(over{"environment": "release"}))
		w.granted("as typed", w.token(over{"environment": "Release"}))
	}},
	{"118-the same publisher twice", func(w *workflow) {
		w.make(w.project("a"))
		w.trusted(w.project("a"))
		w.Index("publisher", "add", "github", "--issuer", w.issuer.URL, "--project", w.project("a"), "--owner", "acme",
			"--repository", "w"+w.number,
			"--workflow", "release.yml", "--owner-id", "4242").Refused(w.t, "already registered")
	}},
	{"119-a removed publisher's tokens, and the record of it", func(w *workflow) {
		project := w.project("a")
		w.make(project)
		id := w.trusted(project)
		m := w.granted("before", w.token(nil))
		w.uploads(m.Token, project, "1.0", http.StatusOK, "")
		w.Index("publisher", "remove", id).OK(w.t)
		status, body := w.upload(m.Token, packagingtest.Wheel(project, "1.1", "x"))
		if status != http.StatusUnauthorized && status != http.StatusForbidden {
			w.t.Errorf("an upload after it: %d %s, want 401 or 403", status, body)
		}
		w.refused("after", w.token(nil), "invalid-publisher", "no project here trusts")
		e := w.recorded("publisher.remove", project)
		if e.Actor.Kind == "" || e.Actor.Name == "" || e.Outcome != audit.Granted {
			w.t.Errorf("the record of the removal: %+v, want who did it", e)
		}
	}},
	{"121-only a hash is kept, and a token shown once", func(w *workflow) {
		project := w.pending("a")
		api, m := w.Token("alice", "--scope", "upload", "--description", "contract"),
			w.granted("the workflow", w.token(nil)).Token
		w.uploads(api, project, "1.0", http.StatusOK, "")
		w.uploads(m, project, "1.1", http.StatusOK, "")
		listed := w.Index("token", "list", "--json").OK(w.t).Stdout
		if !strings.Contains(listed, "contract") {
			w.t.Fatalf("the list of tokens lacks the new one: %s", listed)
		}
		for name, secret := range map[string]string{"API": api, "minted": m} {
			if strings.Contains(listed, bare(secret)) {
				w.t.Errorf("the list of tokens shows the %s token", name)
			}
			if path := w.kept(bare(secret)); path != "" {
				w.t.Errorf("%s holds the %s token", path, name)
			}
		}
		if w.kept(project) == "" {
			w.t.Error("the test does not find in the data what is there")
		}
	}},
	{"122-a minted token begins as clients expect", func(w *workflow) {
		w.pending("a")
		if m := w.granted("the workflow", w.token(nil)); !strings.HasPrefix(m.Token, "pypi-") {
			w.t.Errorf("the minted token begins %.5q, want pypi-", m.Token)
		}
	}},
	{"123-no token in logs and answers", testNothingRepeated},
}

// bare is a token without the beginning that all have.
func bare(token string) string { return token[strings.LastIndexAny(token, "-_")+1:] }

// recorded returns the newest entry of the record about a project with an action.
func (w *workflow) recorded(action, project string) audit.Entry {
	w.t.Helper()
	d, err := db.Open(w.t.Context(), "sqlite:"+filepath.Join(w.DataDir, "index.db"), db.Options{})
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	all, err := d.Audit(context.WithoutCancel(w.t.Context()), 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range all {
		if e.Action == action && e.Project == project {
			return e
		}
	}
	w.t.Fatalf("no %s of %s is recorded", action, project)
	return audit.Entry{}
}

// kept returns a file of the server's data that contains a text, or "" if none does.
func (w *workflow) kept(text string) (found string) {
	w.t.Helper()
	err := filepath.WalkDir(w.DataDir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(text)) {
			found = path
		}
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// raw sends a request and returns the whole answer, header and body.
func (w *workflow) raw(method, path, body, token string) string {
	w.t.Helper()
	r, err := http.NewRequest(method, w.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if token != "" {
		r.SetBasicAuth("__token__", token)
	}
	answer, err := w.HTTP.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var text bytes.Buffer
	if err := answer.Write(&text); err != nil {
		w.t.Fatal(err)
	}
	return text.String()
}

// testNothingRepeated puts tokens where they belong and where they do not.
func testNothingRepeated(w *workflow) {
	project := w.pending("a")
	identity, wrong := w.token(nil), w.token(over{"aud": "pypi"})
	m := w.granted("the workflow", identity).Token
	var said []string
	for _, body := range []string{
		`{"token": "` + identity + `"}`, `{"token": "` + wrong + `"}`, `{"token": "` + m + `"}`, identity,
		`{"features": "` + m + `", "token": "` + wrong + `"}`,
	} {
		said = append(said, w.raw("POST", mintPath, body, ""))
	}
	for _, secret := range []string{identity, m} {
		for _, path := range []string{
			mintPath + "?token=" + secret, "/simple/?token=" + secret, "/nowhere?token=" + secret,
			"/_/oidc/audience?token=" + secret, "/.well-known/pytp?discover=" + secret,
		} {
			said = append(said, w.raw("GET", path, "", ""), w.raw("POST", path, "{}", ""))
		}
		said = append(said, w.raw("GET", "/simple/nothing/", "", secret), w.raw("POST", "/legacy/", "x", secret),
			w.raw("POST", "/legacy/", "x", secret+"x"))
	}
	w.uploads(m, project, "1.0", http.StatusOK, "")
	w.uploads(m, "elsewhere-"+w.number, "1.0", http.StatusForbidden, "may not upload")
	all := strings.Join(append(said, w.Log()), "\n")
	for name, secret := range map[string]string{
		"identity": identity, "its signature": identity[strings.LastIndex(identity, ".")+1:],
		"its claims": strings.Split(identity, ".")[1],
		"refused":    strings.Split(wrong, ".")[1], "minted": bare(m), "API": bare(w.admin),
	} {
		if i := strings.Index(all, secret); i >= 0 {
			w.t.Errorf("the %s token is repeated: …%s", name, all[max(0, i-200):i])
		}
	}
}
