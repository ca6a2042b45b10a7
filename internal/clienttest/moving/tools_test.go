package moving

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

const poetryProject = `[project]
name = "app"
version = "1"
requires-python = ">=3.9"
dependencies = ["alpha"]

[tool.poetry]
package-mode = false

[[tool.poetry.source]]
name = %q
url = %q
priority = "primary"
`

// poetry refuses the old lock once the URL of its source has changed; poetry lock moves it, with the versions kept, if
// the source keeps its name.
func TestPoetry(t *testing.T) {
	t.Parallel()
	recipe(t, "| fails: `changed significantly` | same source name, new `url`, `poetry lock` |",
		"poetry does not find packages of a source whose name is gone")
	m := newMove(t)
	poetry := func() *clienttest.Client {
		return m.client(t, clienttest.Poetry(t), "POETRY_HTTP_BASIC_COMPANY_USERNAME=__token__",
			"POETRY_HTTP_BASIC_COMPANY_PASSWORD="+m.token, "POETRY_HTTP_BASIC_OTHER_USERNAME=__token__",
			"POETRY_HTTP_BASIC_OTHER_PASSWORD="+m.token)
	}
	m.write(t, "pyproject.toml", fmt.Sprintf(poetryProject, "company", m.simple()))
	poetry().Run(t, m.dir, "lock", "--no-interaction").OK(t)
	m.check(t, "poetry.lock", 1, "Fetched past this index (2)", "names "+strings.TrimPrefix(m.pages.URL, "http://"),
		"keep the name of the source")
	m.forget()

	m.write(t, "pyproject.toml", fmt.Sprintf(poetryProject, "other", m.newSimple()))
	poetry().Run(t, m.dir, "lock", "--no-interaction").Refused(t, `"company" does not exist`)

	m.write(t, "pyproject.toml", fmt.Sprintf(poetryProject, "company", m.newSimple()))
	poetry().Run(t, m.dir, "install", "--no-interaction").Refused(t, "changed significantly")
	poetry().Run(t, m.dir, "lock", "--no-interaction").OK(t)
	poetry().Run(t, m.dir, "install", "--no-interaction").OK(t)
	m.installed(t, "1.0")
	m.check(t, "poetry.lock", 0, "No problems found.")
	if strings.Contains(m.read(t, "poetry.lock"), m.token) {
		t.Error("the token is in poetry.lock")
	}
	m.unasked(t)
}

const pdmProject = `[project]
name = "app"
version = "1"
requires-python = ">=3.9"
dependencies = ["alpha"]

[tool.pdm]
distribution = false

[[tool.pdm.source]]
name = "pypi"
url = %q
`

// movedPDM is a project whose pdm.lock was written against the old index and whose pyproject.toml names the new one.
func movedPDM(t *testing.T, lock ...string) (*move, func() *clienttest.Client) {
	t.Helper()
	m := newMove(t)
	pdm := func() *clienttest.Client {
		return m.client(t, clienttest.PDM(t), "INDEX_TOKEN="+m.token, "PDM_CHECK_UPDATE=0", "PDM_IGNORE_SAVED_PYTHON=0")
	}
	m.write(t, "pyproject.toml", fmt.Sprintf(pdmProject, m.simple()))
	c := pdm()
	c.Run(t, m.dir, append([]string{"lock", "--python", ">=3.9"}, lock...)...).OK(t)
	url := strings.Replace(m.newSimple(), "://", "://__token__:${INDEX_TOKEN}@", 1)
	m.write(t, "pyproject.toml", fmt.Sprintf(pdmProject, url))
	m.forget()
	return m, pdm
}

// pdm moves with --refresh, which keeps the versions and gives each package the hashes of the new index.
func TestPDM(t *testing.T) {
	t.Parallel()
	recipe(t, "name = \"pypi\"\nurl = \"[[.Simple]]\"\n", "pdm lock --refresh\n")
	m, pdm := movedPDM(t)
	pdm().Run(t, m.dir, "lock", "--check").Refused(t)
	pdm().Run(t, m.dir, "lock", "--refresh").OK(t)
	m.check(t, "pdm.lock", 0, "No problems found.")
	pdm().Run(t, m.dir, "sync").OK(t)
	m.installed(t, "1.0")
	if strings.Contains(m.read(t, "pdm.lock"), m.token) {
		t.Error("the token is in pdm.lock")
	}
	m.unasked(t)
}

// With static_urls, pdm installs from the URLs of the lock until it is refreshed.
func TestPDMStaticURLs(t *testing.T) {
	t.Parallel()
	recipe(t, "| `pdm.lock` with `static_urls` | the address of each file | from the **old** index | `pdm lock --refresh` |")
	m, pdm := movedPDM(t, "-S", "static_urls")
	m.check(t, "pdm.lock", 1, "The source is this index, but the file is not (2)")
	pdm().Run(t, m.dir, "sync").OK(t)
	m.served(t)
	m.uninstall(t)
	pdm().Run(t, m.dir, "lock", "--refresh").OK(t)
	m.check(t, "pdm.lock", 0)
	m.forget()
	pdm().Run(t, m.dir, "sync").OK(t)
	m.installed(t, "1.0")
	m.unasked(t)
}

const pipfile = `[[source]]
name = "company"
url = %q
verify_ssl = true

[packages]
alpha = "*"
`

// pipenv sync installs from the sources of the lock, whatever the Pipfile says; pipenv lock moves it and takes newer
// versions.
func TestPipenv(t *testing.T) {
	t.Parallel()
	recipe(t, "`pipenv sync` installs from the **old** index; `--deploy` fails | `pipenv lock`, which takes newer versions",
		"Change `url` in the `Pipfile`, then run `pipenv lock`.")
	m := newMove(t)
	pipenv := func() *clienttest.Client {
		return m.client(t, clienttest.Pipenv(t), "INDEX_TOKEN="+m.token, "PIPENV_VENV_IN_PROJECT=1",
			"PIPENV_IGNORE_VIRTUALENVS=1", "PIPENV_NOSPIN=1", "PIPENV_YES=1", "VIRTUALENV_NO_PERIODIC_UPDATE=1")
	}
	m.write(t, "Pipfile", fmt.Sprintf(pipfile, m.simple()))
	pipenv().Run(t, m.dir, "lock").OK(t)
	m.write(t, "Pipfile", fmt.Sprintf(pipfile, strings.Replace(m.newSimple(), "://", "://__token__:${INDEX_TOKEN}@", 1)))
	m.check(t, "Pipfile.lock", 1, "Fetched past this index (2)", "run pipenv lock")
	m.forget()
	pipenv().Run(t, m.dir, "sync").OK(t)
	m.served(t)
	m.installed(t, "1.0")
	m.uninstall(t)
	pipenv().Run(t, m.dir, "verify").Refused(t)
	pipenv().Run(t, m.dir, "install", "--deploy").Refused(t)

	pipenv().Run(t, m.dir, "lock").OK(t)
	m.check(t, "Pipfile.lock", 0, "No problems found.")
	pipenv().Run(t, m.dir, "sync").OK(t)
	m.installed(t, "1.1")
	if strings.Contains(m.read(t, "Pipfile.lock"), m.token) {
		t.Error("the token is in Pipfile.lock")
	}
	m.unasked(t)
}

// A line with --index-url in a requirements file overrides pip's command line, environment and configuration.
func TestRequirements(t *testing.T) {
	t.Parallel()
	recipe(t, "pip install --require-hashes --no-deps -r requirements.txt\n",
		"`--index-url` there overrides the command line, the environment and `pip.conf`")
	m := newMove(t)
	pip := func() *clienttest.Client {
		return m.client(t, clienttest.NewestPip(t), "PIP_INDEX_URL="+m.site.With(m.token, "/simple/"))
	}
	var pins string
	for _, w := range []wheel{newWheel(t, "alpha", "1.0", "beta"), newWheel(t, "beta", "1.0")} {
		pins += fmt.Sprintf("%s==%s --hash=sha256:%x\n", w.project, w.version, sha256.Sum256(w.content))
	}
	install := []string{
		"install", "--target", "target", "--require-hashes", "--no-deps", "--index-url", m.site.With(m.token, "/simple/"),
		"-r", "requirements.txt",
	}
	m.write(t, "requirements.txt", "--index-url "+m.simple()+"\n"+pins)
	host := strings.TrimPrefix(m.pages.URL, "http://")
	m.check(t, "requirements.txt", 1, "requirements.txt:1: names "+host+" as the index")
	pip().Run(t, m.dir, install...).OK(t)
	m.served(t)
	m.uninstall(t)

	m.write(t, "requirements.txt", pins)
	m.check(t, "requirements.txt", 0, "No problems found.")
	pip().Run(t, m.dir, "install", "--target", "target", "--require-hashes", "--no-deps", "-r", "requirements.txt").OK(t)
	m.installed(t, "1.0")
	uv := m.client(t, clienttest.UV(t), "UV_DEFAULT_INDEX="+m.site.With(m.token, "/simple/"))
	m.uninstall(t)
	uv.Run(t, m.dir, "pip", "install", "--target", "target", "--require-hashes", "--no-deps", "-r",
		"requirements.txt").OK(t)
	m.installed(t, "1.0")
	m.unasked(t)
}
