package throttle

import (
	"cmp"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Gate is a listener that limits how many connections are open, in total and per address. When a limit is reached, the
// Gate closes the connection that has been idle longest, of the same address if the limit of that address is reached.
// If none is idle, it closes the new connection.
type Gate struct {
	net.Listener
	most, each int                   // 0 for no bound
	exempt     func(netip.Addr) bool // reports addresses without a limit of their own, such as proxies
	log        *slog.Logger

	mu     sync.Mutex
	open   map[*counted]bool
	from   map[string]int // by network
	logged time.Time
	unsaid int // refusals since logged

	rounds   *time.Timer // of parked connections
	watching atomic.Bool // rounds runs
}

type counted struct {
	net.Conn
	gate *Gate
	from string       // "" if its address has no limit
	idle atomic.Int64 // start of the wait for a request, in Unix nanoseconds; 0 while in use

	mu      sync.Mutex // held briefly, never while reading or writing
	in, out deadline
	reading bool // a read of the connection is in progress
	parked  bool // a read waits for its turn
	rounds  int  // since it waits
	wake    sync.Cond
}

// NewGate returns a Gate on l with at most most connections in total and each per address; 0 means no limit. Addresses
// for which exempt returns true, such as proxies, have no limit per address, because their connections belong to many
// clients.
func NewGate(l net.Listener, most, each int, exempt func(netip.Addr) bool, log *slog.Logger) *Gate {
	g := &Gate{
		Listener: l, most: most, each: each, exempt: exempt, log: log,
		from: map[string]int{}, open: map[*counted]bool{},
	}
	g.rounds = time.AfterFunc(patience, g.round)
	g.rounds.Stop()
	return g
}

// Accept returns the next connection that is within the limits.
func (g *Gate) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &counted{Conn: conn, gate: g, from: g.key(conn.RemoteAddr())}
		c.wake.L = &c.mu
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

// key returns the key under which an address's connections are counted, or "" if they have no limit of their own.
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

// admit counts a connection if there is room for it. If an idle connection has to give way, admit returns it, and the
// caller closes it.
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

// longestIdle returns the connection that has been idle longest, of one address or, if from is "", of all. It returns
// nil if none is idle.
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

// forget removes a connection from the counts. Further calls do nothing.
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

func (g *Gate) refused(c *counted, setting string, limit int) {
	g.unsaid++
	if now := time.Now(); now.Sub(g.logged) >= time.Second {
		g.log.Warn("too many connections: one was closed", "address", c.RemoteAddr().String(), "setting", setting, "limit",
			limit, "open", len(g.open), "closed", g.unsaid)
		g.logged, g.unsaid = now, 0
	}
}

// Close closes the connection and frees its place.
func (c *counted) Close() error {
	c.gate.mu.Lock()
	c.gate.forget(c)
	c.gate.mu.Unlock()
	c.mu.Lock()
	c.unpark(true)
	c.mu.Unlock()
	return c.Conn.Close()
}

// ReadFrom preserves sendfile, which net/http uses if the connection implements io.ReaderFrom.
func (c *counted) ReadFrom(r io.Reader) (int64, error) {
	if again, err := c.renewWrite(); !again { // a copy cannot continue after a deadline that is no longer wanted
		return 0, cmp.Or(err, os.ErrDeadlineExceeded)
	}
	return io.Copy(c.Conn, r)
}

// CloseWrite ends the sending direction. net/http calls it so that a client that is still sending can read the
// response.
func (c *counted) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// State records which connections are idle. It runs twice per request, so it takes no lock.
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
