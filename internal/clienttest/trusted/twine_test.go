package trusted_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
)

// twineHere runs twine's own command with its exchange enabled for one more address: twine 7 performs it for the two
// public indexes only. If features are given, the exchange requests them, as a client of PEP 807 would. Everything else
// is twine's code: the audience, the job's identity token, the exchange and the renewal.
const twineHere = `
import sys
import requests
from twine import cli, settings, utils

url, features, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
utils.DEFAULT_REPOSITORY = url
create = settings.Settings.create_repository
def renewing(self):
    repository = create(self)
    repository.session.auth = self.auth.authenticator
    return repository
settings.Settings.create_repository = renewing
if features:
    post = requests.Session.post
    def asking(self, url, json=None, **rest):
        if json is not None and "token" in json:
            json = {**json, "features": features.split(",")}
        return post(self, url, json=json, **rest)
    requests.Session.post = asking
sys.exit(cli.dispatch(["upload", "--repository-url", url, *arguments]))
`

// TestTwineRenews checks that twine's renewal of minted tokens works here, also of tokens for one upload, which no
// second file can use: they expire so soon that twine renews them before each request.
func TestTwineRenews(t *testing.T) {
	for _, c := range []struct {
		name, features string
		mints, most    int // the number of exchanges for three files
	}{
		{"a token that lasts", "", 1, 1},
		{"tokens for one upload", "single-use-token", 3, 9},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j := newJob(t)
			j.trust("renewed", "--pending")
			dir := t.TempDir()
			args := []string{"-c", twineHere, j.URL + "/legacy/", c.features}
			for _, version := range []string{"1.0", "1.1", "1.2"} {
				f := packagingtest.Wheel("renewed", version, "x")
				path := filepath.Join(dir, f.Name)
				if err := os.WriteFile(path, f.Bytes, 0o600); err != nil {
					t.Fatal(err)
				}
				args = append(args, path)
			}
			clienttest.Twine(t).Set(j.env()...).Python(t, dir, args...).OK(t)
			for _, version := range []string{"1.0", "1.1", "1.2"} {
				if !j.listed("renewed", "renewed-"+version) {
					t.Errorf("version %s was published and is not listed", version)
				}
			}
			out := j.Index("publisher", "explain", "--project", "renewed", "--last", "50").OK(t).Stdout
			if n := strings.Count(out, "  granted  "); n < c.mints || n > c.most {
				t.Errorf("%d exchanges, want %d to %d:\n%s", n, c.mints, c.most, out)
			}
		})
	}
}
