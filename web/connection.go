package web

import (
	"net/url"
	"strings"
)

// connection is what the blocks are filled in with.
type connection struct {
	index  string // URL of the simple API
	signed string // the same with a place for a token, where one is needed
	closed bool
	host   string
	root   string // URL of the server, for index login
}

// connection of a repository; root is the path prefix of its links.
func (s *Site) connection(root string) connection {
	c := connection{closed: s.o.Closed, host: s.o.BaseURL.Host, root: strings.TrimSuffix(s.absolute(""), "/")}
	c.index = s.absolute(strings.TrimPrefix(root, s.base) + "/simple/")
	c.signed = c.index
	if u, err := url.Parse(c.index); err == nil && c.closed {
		u.User = url.UserPassword("__token__", "TOKEN")
		c.signed = u.String()
	}
	return c
}
