package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"pyindex/internal/account/onetime"
	"pyindex/web"
)

// welcome prints where the index is and what to paste into a terminal: how to make the first user while there is none,
// how clients install and publish, and how they come to trust a self-signed certificate.
func (a *app) welcome(s *session, base *url.URL, authority string) error {
	first, err := a.accounts.FirstLink(s.ctx, a.operator)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "index serves at %s/\n", strings.TrimSuffix(base.String(), "/"))
	if first != "" {
		firstUser(s.out, a.config, strings.TrimSuffix(base.String(), "/")+web.LinkPath(onetime.First, first))
	}
	clientLines(s.out, base)
	if authority != "" {
		trustLines(s.out, authority)
	}
	return nil
}

// firstUser says how anybody comes to be able to write.
func firstUser(w io.Writer, c *Config, link string) {
	program := programName() + settingsArgs(c)
	fmt.Fprintf(w, `
Nobody can publish yet. Make the first administrator with this link, which works once:
  %[2]s
or make a user and a token in another terminal:
  %[1]s user add alice --admin
  %[1]s token create --user alice
`, program, link)
}

// programName is how the reader can run this program again.
func programName() string {
	name := os.Args[0]
	if strings.Contains(name, "go-build") {
		return "go run ./cmd/index"
	}
	return name
}

// settingsArgs are the flags by which commands find the same data.
func settingsArgs(c *Config) string {
	var args string
	if c.Config != "" {
		args += " --config " + quote(string(c.Config))
	} else if c.DataDir != "./data" {
		args += " --data-dir " + quote(absolute(c.DataDir))
	}
	return args
}

// clientLines says how clients install and publish.
func clientLines(w io.Writer, base *url.URL) {
	root := strings.TrimSuffix(base.String(), "/")
	with := *base
	with.User = url.UserPassword("__token__", "TOKEN")
	signed := strings.TrimSuffix(with.String(), "/")
	fmt.Fprintf(w, `
Install, with the token in place of TOKEN:
  pip install --index-url %[2]s/simple/ NAME
  uv pip install --index-url %[2]s/simple/ NAME
Publish:
  twine upload --repository-url %[1]s/legacy/ -u __token__ -p TOKEN dist/*
  UV_PUBLISH_TOKEN=TOKEN uv publish --publish-url %[1]s/legacy/ dist/*
`, root, signed)
}

// trustLines says how clients come to trust the small authority.
func trustLines(w io.Writer, authority string) {
	fmt.Fprintf(w, `
The certificate is signed by an authority of its own. Clients trust it by:
  export PIP_CERT=%[1]s            # pip, or pip --cert %[1]s
  export SSL_CERT_FILE=%[1]s       # uv
  export REQUESTS_CA_BUNDLE=%[1]s  # twine, poetry and whatever uses requests
`, quote(absolute(authority)))
}

func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// quote makes a word of a path for a shell, where it has to.
func quote(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("/._-+=:,@%", r) && !alphanumeric(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}
