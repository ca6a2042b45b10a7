package config

import (
	"cmp"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Base returns the configured base URL. Without one it derives the URL from the listen address.
func (c *Config) Base(addr net.Addr) *url.URL {
	if c.BaseURL.URL != nil {
		return c.BaseURL.URL
	}
	if c.TLSACME != "" {
		return &url.URL{Scheme: "https", Host: c.TLSACME}
	}
	u := &url.URL{Scheme: "http"}
	if c.OverTLS() {
		u.Scheme = "https"
	}
	host, _, _ := net.SplitHostPort(c.Listen)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	_, port, _ := net.SplitHostPort(addr.String())
	u.Host = net.JoinHostPort(host, port)
	return u
}

// OverTLS reports whether the server itself speaks TLS.
func (c *Config) OverTLS() bool { return c.TLSCert != "" || c.TLSSelfSigned || c.TLSACME != "" }

// OwnBase returns the base URL that follows from the settings alone, without a running server.
func (c *Config) OwnBase() *url.URL { return c.Base(listenAddr(c.Listen)) }

// Addressed reports whether base_url or listen is set, so that OwnBase is more than a guess.
func (c *Config) Addressed() bool {
	if c.origins == nil {
		return c.BaseURL.URL != nil
	}
	return c.origins.where["base_url"].name != "" || c.origins.where["listen"].name != ""
}

// listenAddr is a configured address as a net.Addr.
type listenAddr string

// Network returns "tcp".
func (listenAddr) Network() string { return "tcp" }

// String returns the address.
func (a listenAddr) String() string { return string(a) }

// Trusts reports whether trusted_proxies names an address.
func (c *Config) Trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(c.TrustedProxies, func(p prefix) bool { return p.Addresses.Contains(addr.Unmap()) })
}

// Audience returns the audience that clients are told to request, wherever they publish from: the one that every issuer
// has, or the host of the base URL (with the port unless it is 443) if the issuers differ. Every issuer accepts it. If
// base is nil, Audience returns "".
func (c *Config) Audience(base *url.URL) string {
	if base == nil {
		return ""
	}
	host := strings.TrimSuffix(base.Host, ":443")
	told := host
	for n, i := range c.OIDC.Issuers {
		own := cmp.Or(i.Audience, host)
		if n > 0 && own != told {
			return host
		}
		told = own
	}
	return told
}

// Audiences returns the audiences that the tokens of an issuer may have: the one that clients are told to request, and
// the issuer's own if it has another.
func (c *Config) Audiences(i issuer, base *url.URL) []string {
	told := c.Audience(base)
	if i.Audience == "" || i.Audience == told {
		return []string{told}
	}
	return []string{told, i.Audience}
}

// Loopback reports whether host is localhost or a loopback address.
func Loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
