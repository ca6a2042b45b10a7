package trusted_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// TestContract is a case for each numbered demand, asked of the built program over TLS. The numbers are those of the
// contract of uploads and trusted publishing, and of that of reading, in the design. Where we differ from them on
// purpose, the case is of what we promise instead, and its name says so.
func TestContract(t *testing.T) {
	t.Run("upload-oidc", func(t *testing.T) {
		b := newBench(t, "")
		for _, cases := range [][]demand{
			mintDemands, timeDemands, reuseDemands, workflowDemands, placeDemands, rowDemands, pendingDemands, tokenDemands,
		} {
			b.each(t, cases)
		}
		testKeys(t)
		testElsewhere(t)
	})
	t.Run("read-apis", func(t *testing.T) { newBench(t, "").each(t, discoveryDemands) })
}

// demand is one case, with its number first in its name.
type demand struct {
	name string
	test func(w *workflow)
}

// bench is a server that several cases share, and what they ask it with.
type bench struct {
	*job
	other *issuertest.Issuer // trusted as well
	aud   string
	admin string // an administrator's token for uploads
}

// newBench starts a server with more settings, which trusts two issuers. prepare is asked before it starts.
func newBench(t *testing.T, settings string, prepare ...func(*issuertest.Issuer, *clienttest.Options)) *bench {
	t.Helper()
	issuer, other := issuertest.New(t, issuertest.Options{}), issuertest.New(t, issuertest.Options{})
	for _, i := range []*issuertest.Issuer{issuer, other} {
		settings += fmt.Sprintf("[[oidc.issuers]]\nkind = \"github\"\nissuer = %q\nca_file = %q\n", i.URL, i.CAFile(t))
	}
	if !strings.Contains(settings, "[limits]") { // the cases together ask more often than one address may
		settings = "[limits]\nmint_rate = 0\n" + settings
	}
	config := filepath.Join(t.TempDir(), "index.toml")
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	o := clienttest.Options{TLS: true, Env: []string{"INDEX_CONFIG=" + config}}
	for _, f := range prepare {
		f(issuer, &o)
	}
	s := clienttest.Serve(t, o)
	s.User("alice", true)
	j := &job{Server: s, t: t, issuer: issuer, bundle: bundle(t, s.CA, issuer.CAFile(t))}
	return &bench{job: j, other: other, aud: j.audience(), admin: j.Token("alice", "--scope", "upload")}
}

// each runs cases, each with a repository on the forge and projects of its own.
func (b *bench) each(t *testing.T, cases []demand) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			number, _, _ := strings.Cut(c.name, "-")
			own := *b
			own.job = &job{Server: b.Server, t: t, issuer: b.issuer, bundle: b.bundle}
			c.test(&workflow{&own, number})
		})
	}
}

// workflow is release.yml in a repository of acme's that one case has to itself.
type workflow struct {
	*bench
	number string
}

const mintPath = "/_/oidc/mint-token"

// project is the name of a project of the case.
func (w *workflow) project(suffix string) string { return "p" + w.number + "-" + suffix }

func (w *workflow) repository() string { return "acme/w" + w.number }

// ref is a job_workflow_ref: which file of the repository, at what.
func (w *workflow) ref(file, at string) string {
	return w.repository() + "/.github/workflows/" + file + "@" + at
}

// make makes a project with a release, as an administrator.
func (w *workflow) make(project string) {
	w.t.Helper()
	w.uploads(w.admin, project, "0.1", http.StatusOK, "")
}

// trusted registers the workflow for a project that exists, or with --pending does not, and returns the publisher's id.
// What more says goes over what it would be.
func (w *workflow) trusted(project string, more ...string) string {
	w.t.Helper()
	args := []string{"publisher", "add", "github"}
	for name, value := range map[string]string{
		"--issuer": w.issuer.URL, "--project": project, "--owner": "acme", "--repository": "w" + w.number,
		"--workflow": "release.yml", "--owner-id": "4242",
	} {
		if !slices.Contains(more, name) {
			args = append(args, name, value)
		}
	}
	return strings.TrimSpace(w.Index(append(args, more...)...).OK(w.t).Stdout)
}

// pending is trusted for a new project, whose name it returns.
func (w *workflow) pending(suffix string, more ...string) string {
	w.t.Helper()
	w.trusted(w.project(suffix), append(more, "--pending")...)
	return w.project(suffix)
}

// said returns the claims of a job of the workflow, with over replacing some of them.
func (w *workflow) said(over map[string]any) map[string]any {
	c := w.issuer.Claims(w.aud, now(), map[string]any{
		"repository": w.repository(), "job_workflow_ref": w.ref("release.yml", "refs/tags/v1.0"),
		"workflow_ref": w.ref("release.yml", "refs/tags/v1.0"), "sub": "repo:" + w.repository() + ":environment:release",
	})
	maps.Copy(c, over)
	return c
}

func (w *workflow) token(over map[string]any) string { return w.issuer.Sign(w.said(over)) }

// granted exchanges a token.
func (w *workflow) granted(what, token string) minted {
	w.t.Helper()
	status, m := w.mint(mintPath, token)
	if status != http.StatusOK || !m.Success || m.Token == "" {
		w.t.Fatalf("%s: mint = %d %+v, want 200 and a token", what, status, m.Errors)
	}
	return m
}

// refused wants the exchange of a token to be refused with a code, and a word to say why.
func (w *workflow) refused(what, token, code, word string) {
	w.t.Helper()
	status, m := w.mint(mintPath, token)
	w.failed(what, status, m, http.StatusUnprocessableEntity, code, word)
}

func (w *workflow) failed(what string, status int, m minted, want int, code, word string) {
	w.t.Helper()
	if m.Token != "" || len(m.Errors) != 1 {
		w.t.Fatalf("%s: mint = %d with a token %v and %d errors, want one error", what, status, m.Token != "", len(m.Errors))
	}
	e := m.Errors[0]
	if status != want || e.Code != code || !strings.Contains(e.Description, word) {
		w.t.Errorf("%s: mint = %d %s %q, want %d %s and the word %q", what, status, e.Code, e.Description, want, code, word)
	}
}

// uploads sends a wheel and wants a status and a word.
func (w *workflow) uploads(token, project, version string, want int, word string) {
	w.t.Helper()
	status, body := w.upload(token, packagingtest.Wheel(project, version, "x"))
	if status != want || !strings.Contains(string(body), word) {
		w.t.Errorf("the upload of %s %s: %d %s, want %d and the word %q", project, version, status, body, want, word)
	}
}
