package e2e

import (
	"path/filepath"
	"testing"

	"pyindex/internal/clienttest"
)

// publisher publishes the distributions of the project in dir. Those that take file names are given files, the others
// find or build them in dir.
type publisher func(t *testing.T, s *site, token, dir string, files ...string) clienttest.Result

func twine(t *testing.T, s *site, token, dir string, files ...string) clienttest.Result {
	t.Helper()
	c := s.trusting("TWINE_CERT", clienttest.Twine(t)).Set("TWINE_USERNAME=__token__", "TWINE_PASSWORD="+token)
	return c.Run(t, dir, append([]string{"upload", "--disable-progress-bar", "--repository-url", s.legacy()}, files...)...)
}

func uv(t *testing.T, s *site, token, dir string, files ...string) clienttest.Result {
	t.Helper()
	return uvPublish(t, s, token, dir, nil, files...)
}

// uvPublish is uv with more options before the file names.
func uvPublish(t *testing.T, s *site, token, dir string, options []string, files ...string) clienttest.Result {
	t.Helper()
	c := s.trusting("SSL_CERT_FILE", clienttest.UV(t)).Set("UV_PUBLISH_TOKEN=" + token)
	args := append([]string{"publish", "--publish-url", s.legacy(), "--trusted-publishing", "never"}, options...)
	return c.Run(t, dir, append(args, files...)...)
}

func poetry(t *testing.T, s *site, token, dir string, _ ...string) clienttest.Result {
	t.Helper()
	c := clienttest.Poetry(t).Set("POETRY_REPOSITORIES_ACME_URL="+s.legacy(), "POETRY_PYPI_TOKEN_ACME="+token)
	return c.Run(t, dir, "publish", "--no-interaction", "--repository", "acme")
}

func hatch(t *testing.T, s *site, token, dir string, files ...string) clienttest.Result {
	t.Helper()
	c := clienttest.Hatch(t).Set("HATCH_INDEX_USER=__token__", "HATCH_INDEX_AUTH="+token)
	return c.Run(t, dir, append([]string{"publish", "--no-prompt", "--repo", s.legacy()}, files...)...)
}

// flit builds again on each publish; a fixed clock makes it build the same bytes.
func flit(t *testing.T, s *site, token, dir string, _ ...string) clienttest.Result {
	t.Helper()
	c := clienttest.Flit(t).Set("FLIT_INDEX_URL="+s.legacy(), "FLIT_USERNAME=__token__", "FLIT_PASSWORD="+token,
		"SOURCE_DATE_EPOCH=1767225600")
	return c.Run(t, dir, "publish")
}

// publishers is every client with the sample project that is most its own.
var publishers = []struct {
	name, kind, project string
	publish             publisher
}{
	{"twine", "setuptools", "acme-greeter", twine},
	{"uv", "setuptools", "acme-greeter", uv},
	{"poetry", "poetry", "acme-menu", poetry},
	{"hatch", "hatch", "acme-counter", hatch},
	{"flit", "flit", "acme-flag", flit},
}

// dists is what lies in the project's dist folder now, by the time a client has built there.
func dists(t *testing.T, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "dist", "*"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no distributions in %s: %v", dir, err)
	}
	return found
}
