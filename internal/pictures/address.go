package pictures

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"pyindex/internal/fetch/private"
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

// onlyPublic refuses a connection to an address that is not public, or to a port other than those of HTTP and HTTPS.
// The dialer calls it with the address that it is about to connect to, so a name cannot resolve to another one later.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || private.Address(at.Addr()) || at.Port() != 80 && at.Port() != 443 {
		return private.Refused(address)
	}
	return nil
}
