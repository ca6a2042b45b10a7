package route

import (
	"cmp"
	"net/http"
	"net/url"
)

// Cookie returns a cookie of an index, without value, that only this server sees and no script can read. Over TLS its
// name has the prefix by which browsers keep other hosts and plain http from setting it (RFC 6265bis, 4.1.3.2); without
// TLS the name has the port, because browsers do not tell ports apart. Requests of other sites' pages do not carry it,
// following a link apart.
func Cookie(base *url.URL, name string) *http.Cookie {
	c := &http.Cookie{
		Name:     "__Host-index-" + name,
		Path:     "/",
		HttpOnly: true,
		Secure:   true,
		SameSite: http.SameSiteLaxMode,
	}
	if base.Scheme != "https" {
		c.Name, c.Secure = "index-"+name+"-"+cmp.Or(base.Port(), "80"), false
	}
	return c
}

// SessionCookie is the name of the cookie that says who is signed in, as Cookie takes it.
const SessionCookie = "session"
