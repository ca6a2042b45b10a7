package ui

import (
	"net/url"
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
