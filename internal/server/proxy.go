package server

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
)

// peer returns the IP address of r's connection, without the port.
func peer(r *http.Request) string {
	i := strings.LastIndexByte(r.RemoteAddr, ':')
	if i < 0 {
		return r.RemoteAddr
	}
	return strings.Trim(r.RemoteAddr[:i], "[]")
}

func (s *Server) trusted(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, p := range s.o.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the client's address. If the peer is a configured proxy, client also applies the proxy's headers for
// the client's host and scheme to r and returns the proxy's request id. From other peers those headers are ignored.
func (s *Server) client(r *http.Request) (address, requestID string) {
	address = peer(r)
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address, ""
	}
	if !s.trusted(addr) {
		if s.unnamed.note(r, addr) {
			s.o.Log.Warn(
				"all requests come from one private address and carry X-Forwarded-For: if it is your proxy, add it to trusted_proxies, or all clients share one rate limit", "remote", address,
			)
		}
		return address, ""
	}
	if host := last(r.Header["X-Forwarded-Host"]); validHost(host) {
		r.Host = host
	}
	if proto := strings.ToLower(last(r.Header["X-Forwarded-Proto"])); proto == "https" || proto == "http" {
		r.URL.Scheme = proto
	}
	if id := r.Header.Get("X-Request-Id"); len(id) <= maxID && idShape.MatchString(id) {
		requestID = id
	}
	return s.forwardedFor(addr, r.Header["X-Forwarded-For"]), requestID
}

// These are the longest host, without its port, and request id of a proxy, in bytes. Such counts in a regular
// expression would take much memory.
const (
	maxHost = 253
	maxID   = 128
)

var (
	hostShape = regexp.MustCompile(`\A([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?\z`)
	idShape   = regexp.MustCompile(`\A[A-Za-z0-9._:/+=-]+\z`)
)

// validHost reports whether a text is a host, with a port or without.
func validHost(host string) bool {
	parts := hostShape.FindStringSubmatch(host)
	return parts != nil && len(parts[1]) <= maxHost
}

// last returns the newest entry of a list header, which our own proxy wrote.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	v := values[len(values)-1]
	return strings.TrimSpace(v[strings.LastIndexByte(v, ',')+1:])
}

// forwardedFor returns the newest address that is not a configured proxy. Older entries are not trustworthy. A
// malformed entry ends the search at the proxy that reported it.
func (s *Server) forwardedFor(from netip.Addr, values []string) string {
	entries := strings.Split(strings.Join(values, ","), ",")
	for i := len(entries) - 1; i >= 0 && s.trusted(from); i-- {
		next, err := parseHop(strings.TrimSpace(entries[i]))
		if err != nil {
			break
		}
		from = next
	}
	return from.Unmap().WithZone("").String()
}

func parseHop(s string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(s, "[]"))
}
