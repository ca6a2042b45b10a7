package main

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// base returns the configured base URL, or one made of the address that is listened on.
func (c *Config) base(addr net.Addr) *url.URL {
	if c.BaseURL.parsed != nil {
		return c.BaseURL.parsed
	}
	if c.TLSACME != "" {
		return &url.URL{Scheme: "https", Host: c.TLSACME}
	}
	u := &url.URL{Scheme: "http"}
	if c.overTLS() {
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

// overTLS reports whether the server itself speaks TLS.
func (c *Config) overTLS() bool { return c.TLSCert != "" || c.TLSSelfSigned || c.TLSACME != "" }

// linkTo is the address of a page of the index, as far as the settings tell it.
func (c *Config) linkTo(path string) string {
	base := c.BaseURL.parsed
	if base == nil {
		base = &url.URL{Scheme: "http", Host: c.Listen}
		if c.overTLS() {
			base.Scheme = "https"
		}
	}
	return strings.TrimSuffix(base.String(), "/") + path
}

// trusts reports whether trusted_proxies names an address.
func (c *Config) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(c.TrustedProxies, func(p prefix) bool { return p.addresses.Contains(addr.Unmap()) })
}

// audience is what identity tokens for this index say: the host, and the port where it is not 443.
func audience(u *url.URL) string { return strings.TrimSuffix(u.Host, ":443") }

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}
