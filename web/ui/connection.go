package ui

import (
	"net/url"
	"slices"
	"strings"
)

// Connection has the URLs that setup instructions show.
type Connection struct {
	Index  string // URL of the simple API
	Signed string // Index with a placeholder for a token if the index is private
	Closed bool
	Host   string
	Root   string // URL of the server, as index login needs it
}

// GetProgram returns the shell commands with which a CI job on Linux gets the index program from this server and checks
// it, one on each line. GitHub Actions then finds the program in later steps. If the server does not offer the program
// for such a job, the result is a comment.
func (k *Kit) GetProgram() string {
	const name = "index-linux-amd64"
	if !slices.Contains(k.Programs, name) {
		return "# Get the index program for the runner, and put it on the PATH."
	}
	url := k.Absolute("/_/client/" + name)
	return strings.Join([]string{
		"curl -fsSLO " + url,
		"curl -fsSL " + url + ".sha256 | sha256sum --check",
		`install -D -m 755 ` + name + ` "$HOME/.local/bin/index"`,
		`echo "$HOME/.local/bin" >> "$GITHUB_PATH"`,
	}, "\n")
}

// Connection returns the URLs of a repository. root is the path prefix of its links.
func (k *Kit) Connection(root string) Connection {
	c := Connection{Closed: k.Closed, Host: k.BaseURL.Host, Root: strings.TrimSuffix(k.Absolute(""), "/")}
	c.Index = k.Absolute(strings.TrimPrefix(root, k.Base) + "/simple/")
	c.Signed = c.Index
	if u, err := url.Parse(c.Index); err == nil && c.Closed {
		u.User = url.UserPassword("__token__", "TOKEN")
		c.Signed = u.String()
	}
	return c
}
