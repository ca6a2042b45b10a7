package pictures

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
)

// dialer opens connections. Hosts that are not in hosts must have public addresses.
type dialer struct {
	hosts         map[string]bool
	guarded, open net.Dialer
}

// dial opens a connection to an address "host:port" whose host is not resolved yet.
func (d *dialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	address = strings.ToLower(address)
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	if d.hosts[host] || d.hosts[address] {
		return d.open.DialContext(ctx, network, address)
	}
	return d.guarded.DialContext(ctx, network, address)
}

// refusedAddress is the error for an address that is not public.
type refusedAddress string

// Error names the address.
func (r refusedAddress) Error() string { return fmt.Sprintf("%s is not a public address", string(r)) }

// onlyPublic refuses a connection to an address that is not public, or to a port other than those of HTTP and HTTPS.
// The dialer calls it with the address that it is about to connect to, so a name cannot resolve to another one later.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !public(at.Addr()) || at.Port() != 80 && at.Port() != 443 {
		return refusedAddress(address)
	}
	return nil
}

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

// public reports whether an address can belong to a host on the Internet.
func public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap()
	if a.Is6() && !unicast6.Contains(a) || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() ||
		a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}
