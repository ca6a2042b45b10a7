package browser_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/clienttest/browser"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers/idtoken/issuertest"
)

// busy is an index in use: projects with releases in every state, people with every role, a trusted workflow, jobs that
// it let in and refused. All of it was made as an operator and CI jobs make it.
type busy struct {
	*clienttest.Server
	t      *testing.T
	issuer *issuertest.Issuer
}

const readme = `# Widgets

[![CI](https://example.org/ci.svg)](https://example.org/ci)
[![Coverage of the main branch](https://example.org/coverage.svg)](https://example.org/coverage)
[![Supported versions](https://example.org/versions.svg)](https://example.org/versions)
[![Downloads a month](https://example.org/downloads.svg)](https://example.org/downloads)
[![License](https://example.org/license.svg)](https://example.org/license)
[![Chat with us](https://example.org/chat.svg)](https://example.org/chat)

Counts *widgets* for **acme**. :rocket: See [the guide](docs/guide.md) or [the sizes](#sizes--prices).

![A screenshot of the counter](https://example.org/counter.png)

` + "```" + `python
import widgets  # the library

@widgets.counted
def count(limit: int = 10) -> str:
    """Count up to limit."""
    return f"{limit} widgets" if limit > 1 else None
` + "```" + `

` + "```" + `console
$ pip install --upgrade widgets
Successfully installed widgets
` + "```" + `

` + "```" + `diff
-widgets==1.0
+widgets==1.1
` + "```" + `

## Sizes & prices

| size | price | in stock |
|:-----|------:|:--------:|
| small | 1 | yes |
| large | 100 | no |

1. one
2. two
   - [x] done
   - [ ] not done

> quoted

> [!NOTE]
> Useful information with ` + "`code`" + ` and [a link](https://example.org/).

> [!TIP]
> Advice.

> [!IMPORTANT]
> Key information.

> [!WARNING]
> Urgent information.

> [!CAUTION] Mind the gap
> Risks.

### Über uns

A footnote[^1].

[^1]: The note.
`

func newBusy(t *testing.T) *busy {
	t.Helper()
	issuer := issuertest.New(t, issuertest.Options{})
	config := filepath.Join(t.TempDir(), "index.toml")
	text := fmt.Sprintf("[[oidc.issuers]]\nkind = \"github\"\nissuer = %q\nca_file = %q\n", issuer.URL, issuer.CAFile(t))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	x := &busy{Server: clienttest.Serve(t,
		clienttest.Options{Host: "localhost", Env: []string{"INDEX_CONFIG=" + config}}), t: t, issuer: issuer}
	return x
}

// fill creates the content of the pages. alice already exists.
func (x *busy) fill() {
	x.t.Helper()
	about := func(version string) []string {
		return []string{
			"Summary: Counts widgets, and says how many there are", "Author-email: Alice <alice@acme.example>",
			"License-Expression: MIT", "Keywords: widget,count",
			"Project-URL: Homepage, https://widgets.example/", "Classifier: Programming Language :: Python :: 3",
			"Requires-Python: >=3.9",
			"Requires-Dist: gadgets>=" + version, "Provides-Extra: fast", "Requires-Dist: speed; extra == 'fast'",
			"Description-Content-Type: text/markdown", "", readme,
		}
	}
	var files []packagingtest.File
	for _, v := range []string{"1.0", "1.1", "2.0", "2.1", "3.0rc1"} {
		files = append(files, packagingtest.Wheel("widgets", v, v, about(v)...),
			packagingtest.SDist("widgets", v, v, about(v)...))
	}
	files = append(files,
		packagingtest.Wheel("gadgets", "3.0", "x", "Summary: What widgets are made of", "Requires-Dist: speed"),
		packagingtest.Wheel("oldest", "1.0", "x", "Description-Content-Type: text/x-rst", "",
			"Oldest\n======\n\n* one\n* two\n\n.. code:: python\n\n   import oldest\n"),
		packagingtest.Wheel("frozen", "1.0", "x"))
	for n := range 12 {
		files = append(files, packagingtest.Wheel("many", fmt.Sprintf("1.%d", n), "x"))
	}
	x.put("main", files...)
	x.Index("repository", "add", "private").OK(x.t)
	x.Index("upstream", "add", "public", "--url", "http://127.0.0.1:9/simple/", "--allow-private").OK(x.t)
	x.Index("upstream", "add", "cu126", "--url", "http://127.0.0.1:9/cu126/", "--allow-private", "--names", "listed",
		"--allow", "torch*", "--allow", "re:nvidia-.*", "--proxy", "http://proxy.acme.example:3128").OK(x.t)
	x.Index("repository", "set", "private", "--base", "upstream:cu126", "--base", "upstream:public").OK(x.t)
	x.put("private", packagingtest.Wheel("hushed", "1.0", "x", "Summary: nobody knows"))
	for _, name := range []string{"bob", "carol", "stranger"} {
		x.User(name, false)
	}
	for _, c := range [][]string{
		{"grant", "add", "--user", "bob", "--role", "owner", "--project", "widgets"},
		{"grant", "add", "--user", "carol", "--role", "maintainer", "--project", "widgets"},
		{"project", "yank", "widgets", "1.1", "--reason", "counts twice"},
		{"project", "status", "oldest", "archived", "--reason", "use widgets"},
		{"project", "status", "frozen", "quarantined", "--reason", "looked at"},
		{"user", "invite", "--email", "dora@acme.example"},
		{"group", "add", "builders"},
		{"service", "add", "nightly", "--project", "widgets", "--description", "the build server"},
		{"service", "token", "nightly", "--description", "jenkins"},
	} {
		x.Index(c...).OK(x.t)
	}
	x.Token("bob", "--project", "widgets", "--description", "old release job")
	x.trust("widgets")
	for _, c := range [][]string{
		{"--names", "widgets", "--create", "--user", "bob", "--repository", "widgets", "--environment", "release"},
		{"--names", "acme-internal-tools", "--repository", "a-monorepo-with-a-rather-long-name"},
	} {
		x.Index(append([]string{
			"publisher", "add", "github", "--issuer", x.issuer.URL, "--owner", "acme", "--workflow", "release.yml",
			"--owner-id", "4242",
		}, c...)...).OK(x.t)
	}
	x.exchange(nil, http.StatusOK)
	x.exchange(map[string]any{"environment": "staging"}, http.StatusUnprocessableEntity)
}

// put adds files as an operator does.
func (x *busy) put(repository string, files ...packagingtest.File) {
	x.t.Helper()
	x.Index(append([]string{"upload", "--repository", repository}, onDisk(x.t, files...)...)...).OK(x.t)
}

// trust lets a workflow of acme/widgets publish a project.
func (x *busy) trust(project string) {
	x.t.Helper()
	x.Index("publisher", "add", "github", "--issuer", x.issuer.URL, "--project", project, "--owner", "acme",
		"--repository", "widgets",
		"--workflow", "release.yml", "--environment", "release", "--owner-id", "4242").OK(x.t)
}

// exchange is what a job does first: it shows an identity token with claims, and is answered with a token to upload
// with.
func (x *busy) exchange(claims map[string]any, want int) string {
	x.t.Helper()
	var audience struct{ Audience string }
	x.answer(http.MethodGet, "/_/oidc/audience", nil, http.StatusOK, &audience)
	body, err := json.Marshal(map[string]string{"token": x.issuer.Sign(x.issuer.Claims(audience.Audience, time.Now(),
		claims))})
	if err != nil {
		x.t.Fatal(err)
	}
	var minted struct{ Token string }
	x.answer(http.MethodPost, "/_/oidc/mint-token", body, want, &minted)
	return minted.Token
}

func (x *busy) answer(method, path string, body []byte, want int, into any) {
	x.t.Helper()
	r, err := http.NewRequest(method, x.URL+path, bytes.NewReader(body))
	if err != nil {
		x.t.Fatal(err)
	}
	a, err := x.HTTP.Do(r)
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	if err := json.NewDecoder(a.Body).Decode(into); err != nil || a.StatusCode != want {
		x.t.Fatalf("%s %s = %d, %v; want %d", method, path, a.StatusCode, err, want)
	}
}

// open opens a tab signed in as alice, an administrator. The first call creates her.
func (x *busy) open() *browser.Tab {
	x.t.Helper()
	b := browser.Open(x.t, x.URL)
	if strings.Contains(x.Index("user", "list").OK(x.t).Stdout, "alice") {
		signIn(b, "alice", words)
	} else {
		signUp(x.t, x.Server, b)
	}
	return b
}
