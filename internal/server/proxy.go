package server

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
)

// peer returns the IP address that r came from, without port.
func peer(r *http.Request) string {
	i := strings.LastIndexByte(r.RemoteAddr, ':')
	if i < 0 {
		return r.RemoteAddr
	}
	return strings.Trim(r.RemoteAddr[:i], "[]")
}

// trusted reports whether an address is a configured proxy.
func (s *Server) trusted(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	for _, p := range s.o.TrustedProxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// client returns the address of the client and, where the peer is a configured proxy, takes over what it says of the
// client's host and scheme and of the request's id. From anybody else those headers mean nothing.
func (s *Server) client(r *http.Request) (address, requestID string) {
	address = peer(r)
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address, ""
	}
	if !s.trusted(addr) {
		if s.unnamed.note(r, addr) {
			s.o.Log.Warn(
				"all requests come from one private address and say whom they were forwarded for: if that is a proxy of yours, name it in trusted_proxies, or all clients share its limits", "remote", address,
			)
		}
		return address, ""
	}
	if host := last(r.Header["X-Forwarded-Host"]); hostShape.MatchString(host) {
		r.Host = host
	}
	if proto := strings.ToLower(last(r.Header["X-Forwarded-Proto"])); proto == "https" || proto == "http" {
		r.URL.Scheme = proto
	}
	if id := r.Header.Get("X-Request-Id"); idShape.MatchString(id) {
		requestID = id
	}
	return s.forwardedFor(addr, r.Header["X-Forwarded-For"]), requestID
}

var (
	hostShape = regexp.MustCompile(`\A([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?\z`)
	idShape   = regexp.MustCompile(`\A[A-Za-z0-9._:/+=-]{1,128}\z`)
)

// last returns the newest entry of a list header: the one that our own proxy wrote.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	v := values[len(values)-1]
	return strings.TrimSpace(v[strings.LastIndexByte(v, ',')+1:])
}

// forwardedFor walks the addresses from the newest to the oldest and returns the first that is not a configured proxy.
// What stands before it was written by strangers. An entry that is no address ends the walk at the one after it.
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

// parseHop reads an address, with a port where a proxy adds one.
func parseHop(s string) (netip.Addr, error) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr(), nil
	}
	return netip.ParseAddr(strings.Trim(s, "[]"))
}
