//go:build !windows

package main

import (
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"pyindex/internal/account/onetime"
	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/cli"
	"pyindex/internal/config"
	"pyindex/internal/terminal"
	"pyindex/web/ui"
)

// welcome prints the address of the index and commands to paste into a terminal: for creating the first user, if there
// is none, for installing and publishing, and for trusting a self-signed certificate.
func welcome(s *cli.Session, a *app.App, base *url.URL, authority string) error {
	first, err := a.Accounts.FirstLink(s.Ctx, a.Operator)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "index serves at %s/\n", strings.TrimSuffix(base.String(), "/"))
	if first != "" {
		firstUser(s.Out, a.Config, base, strings.TrimSuffix(base.String(), "/")+ui.LinkPath(onetime.First, first))
	}
	clientLines(s.Out, base)
	bases, err := a.Index.Bases(s.Ctx, a.Operator)
	if err != nil {
		return err
	}
	switch {
	case slices.ContainsFunc(bases[catalog.MainRepository], func(b catalog.Base) bool { return b.Upstream != "" }):
		oneURL(s.Out, base)
	case first != "":
		fmt.Fprint(s.Out, `
To serve the packages of another index at this URL too, start with --upstream and the URL of its simple root.
`)
	}
	if authority != "" {
		trustLines(s.Out, authority)
	}
	return nil
}

// firstUser prints how to create the first user.
func firstUser(w io.Writer, c *config.Config, base *url.URL, link string) {
	program := programName() + cli.SettingsArgs(c)
	if f, ok := c.SharedBase(base); ok {
		program += " " + f[0] + " " + terminal.Quote(f[1])
	}
	fmt.Fprintf(w, `
There are no users yet. Create the first administrator with this link, which works once, within a day:
  %[2]s
To get another link, run this in another terminal:
  %[1]s user reset-link
or create a user and a token there:
  %[1]s user add alice --admin
  %[1]s token create --user alice
`, program, link)
	if c.SecretDatabase() {
		fmt.Fprintln(w, "Set INDEX_DATABASE_URL there as for this server: it has a password, which is not shown here.")
	}
}

// programName returns the command that runs this program.
func programName() string {
	name := os.Args[0]
	if strings.Contains(name, "go-build") {
		return "go run ./cmd/index"
	}
	return name
}

// clientLines prints commands that install and publish.
func clientLines(w io.Writer, base *url.URL) {
	root := strings.TrimSuffix(base.String(), "/")
	with := *base
	with.User = url.UserPassword("__token__", "TOKEN")
	signed := strings.TrimSuffix(with.String(), "/")
	fmt.Fprintf(w, `
Install (replace TOKEN with your token):
  pip install --index-url %[2]s/simple/ NAME
  uv pip install --index-url %[2]s/simple/ NAME
Publish:
  twine upload --repository-url %[1]s/legacy/ -u __token__ -p TOKEN dist/*
  UV_PUBLISH_TOKEN=TOKEN uv publish --publish-url %[1]s/legacy/ dist/*
`, root, signed)
}

// oneURL prints the configurations of pip and uv for an index that also serves the packages of an upstream.
func oneURL(w io.Writer, base *url.URL) {
	with := *base
	with.User = url.UserPassword("__token__", "TOKEN")
	fmt.Fprintf(w, `
This one URL serves your own packages and those of the upstream. Remove every other index from your settings.
pip, in pip.conf ("pip config debug" shows its path):
  [global]
  index-url = %[1]s/simple/
uv, in pyproject.toml (in uv.toml: [[index]]):
  [[tool.uv.index]]
  url = "%[1]s/simple/"
  default = true
`, strings.TrimSuffix(with.String(), "/"))
}

// trustLines prints the environment variables that make clients trust our own authority.
func trustLines(w io.Writer, authority string) {
	fmt.Fprintf(w, `
The certificate is signed by a private authority. To make clients trust it:
  export PIP_CERT=%[1]s            # pip, or pip --cert %[1]s
  export SSL_CERT_FILE=%[1]s       # uv
  export REQUESTS_CA_BUNDLE=%[1]s  # twine, poetry and other programs that use requests
`, terminal.Quote(terminal.Absolute(authority)))
}
