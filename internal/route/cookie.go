package route

import (
	"cmp"
	"net/http"
	"net/url"
)

// Cookie returns a cookie of the index, without a value, that only this server receives and scripts cannot read. Over
// TLS its name has the prefix that keeps other hosts and plain HTTP from setting it (RFC 6265bis, 4.1.3.2). Without TLS
// the name contains the port, because browsers do not separate cookies by port. Requests from pages of other sites do
// not carry the cookie, except when the user follows a link.
func Cookie(base *url.URL, name string) *http.Cookie {
	c := &http.Cookie{
		Name: "__Host-index-" + name, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode,
	}
	if base.Scheme != "https" {
		c.Name, c.Secure = "index-"+name+"-"+cmp.Or(base.Port(), "80"), false
	}
	return c
}

// SessionCookie is the name, as Cookie takes it, of the cookie that identifies a signed-in user.
const SessionCookie = "session"
