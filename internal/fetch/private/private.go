// Package private tells the addresses of an own network from those of the Internet, for clients that connect to
// addresses of untrusted authors. Such a client checks the address that it is about to connect to, in the Control of
// its dialer, because a name may resolve to another address each time.
package private

import (
	"fmt"
	"net/netip"
)

// unicast6 is the only block of IPv6 addresses from which the registries allocate addresses of the Internet. Everything
// outside is unallocated, of a network's own, or another notation of an IPv4 address, which a translator may reach.
var unicast6 = netip.MustParsePrefix("2000::/3")

// reserved lists the blocks of IANA's registries of special-purpose addresses that are not reachable globally, and
// those in which an IPv4 address is embedded. Of IPv6, it lists only those in unicast6.
var reserved = func() (out []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4",
		"240.0.0.0/4",
		"2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20",
	} {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}()

// Address reports whether no host on the Internet can have an address.
func Address(a netip.Addr) bool {
	if a.Zone() != "" {
		return true
	}
	a = a.Unmap()
	if a.Is6() && !unicast6.Contains(a) || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() ||
		a.IsLinkLocalUnicast() {
		return true
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// nat64 is the prefix with which a network without IPv4 writes addresses of the IPv4 Internet (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// Translated returns the IPv4 address that a translator of the network reaches for an address of the well-known prefix
// of NAT64, and false for every other address.
func Translated(a netip.Addr) (netip.Addr, bool) {
	if a.Zone() != "" || !nat64.Contains(a) {
		return netip.Addr{}, false
	}
	b := a.As16()
	return netip.AddrFrom4([4]byte(b[12:])), true
}

// Refused is the error for an address, "host:port", that a client does not connect to.
type Refused string

// Error names the address.
func (r Refused) Error() string { return fmt.Sprintf("%s is not a public address", string(r)) }
