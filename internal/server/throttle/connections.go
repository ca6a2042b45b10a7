package throttle

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Gate is a listener that bounds how many connections are open, in all and from each address. For one too many, the
// connection that has been idle for longest, of the same address if that is what is full, is closed; if none is idle,
// the new one is.
type Gate struct {
	net.Listener
	most, each int                   // 0 for no bound
	exempt     func(netip.Addr) bool // whose connections are many clients': a proxy's
	log        *slog.Logger

	mu     sync.Mutex
	open   map[*counted]bool
	from   map[string]int // by address, as network returns it
	logged time.Time
	unsaid int // refusals since then
}

// counted is a connection that a gate let in.
type counted struct {
	net.Conn
	gate *Gate
	from string       // "" if its address has no bound
	idle atomic.Int64 // since when it waits for a request, in nanoseconds since 1970; 0 while it is in use
}

// NewGate returns a gate on l for at most so many connections in all and from each address, 0 for no bound. The
// connections of an exempt address, a proxy's, are many clients' and have no bound of their own.
func NewGate(l net.Listener, most, each int, exempt func(netip.Addr) bool, log *slog.Logger) *Gate {
	return &Gate{
		Listener: l, most: most, each: each, exempt: exempt, log: log,
		from: map[string]int{}, open: map[*counted]bool{},
	}
}

// Accept returns the next connection for which there is room.
func (g *Gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &counted{Conn: conn, gate: g, from: g.key(conn.RemoteAddr())}
		evicted, ok := g.admit(c)
		if evicted != nil {
			evicted.Close()
		}
		if ok {
			return c, nil
		}
		conn.Close()
	}
}

// key is what an address's connections are counted under, "" if they have no bound of their own.
func (g *Gate) key(a net.Addr) string {
	if g.each <= 0 {
		return ""
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil || g.exempt(ap.Addr()) {
		return ""
	}
	return network(ap.Addr().Unmap().WithZone("").String())
}

// admit counts a connection if there is room, or if an idle one can go for it, which the caller then closes.
func (g *Gate) admit(c *counted) (evicted *counted, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if c.from != "" && g.from[c.from] >= g.each {
		if evicted = g.longestIdle(c.from); evicted == nil {
			g.refused(c, "limits.connections_per_address", g.each)
			return nil, false
		}
		g.forget(evicted)
	} else if g.most > 0 && len(g.open) >= g.most {
		if evicted = g.longestIdle(""); evicted == nil {
			g.refused(c, "limits.connections", g.most)
			return nil, false
		}
		g.forget(evicted)
	}
	g.open[c] = true
	if c.from != "" {
		g.from[c.from]++
	}
	return evicted, true
}

// longestIdle returns the connection that has been idle for longest, of one address or, for "", of all.
func (g *Gate) longestIdle(from string) (found *counted) {
	var oldest int64
	for c := range g.open {
		since := c.idle.Load()
		if since != 0 && (from == "" || c.from == from) && (found == nil || since < oldest) {
			found, oldest = c, since
		}
	}
	return found
}

// forget takes a connection out of the counts, once. Its Close then does nothing more than close it.
func (g *Gate) forget(c *counted) {
	if !g.open[c] {
		return
	}
	delete(g.open, c)
	if c.from == "" {
		return
	}
	if g.from[c.from]--; g.from[c.from] <= 0 {
		delete(g.from, c.from)
	}
}

// refused writes a line, one a second at most.
func (g *Gate) refused(c *counted, setting string, limit int) {
	g.unsaid++
	if now := time.Now(); now.Sub(g.logged) >= time.Second {
		g.log.Warn("too many connections: one was closed", "address", c.RemoteAddr().String(), "setting", setting, "limit",
			limit, "open", len(g.open), "closed", g.unsaid)
		g.logged, g.unsaid = now, 0
	}
}

// Close closes the connection and makes room for another.
func (c *counted) Close() error {
	c.gate.mu.Lock()
	c.gate.forget(c)
	c.gate.mu.Unlock()
	return c.Conn.Close()
}

// ReadFrom lets a file go out by sendfile, as net/http asks it of a plain connection.
func (c *counted) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// CloseWrite ends one direction, as net/http does so that a client reads the answer to what it was still sending.
func (c *counted) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// State notes which connections wait for their next request. It runs twice for each request, so it takes no lock.
func (g *Gate) State(conn net.Conn, s http.ConnState) {
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok { // *tls.Conn
		conn = t.NetConn()
	}
	c, ok := conn.(*counted)
	switch {
	case !ok:
	case s == http.StateIdle:
		c.idle.Store(time.Now().UnixNano())
	default:
		c.idle.Store(0)
	}
}
