package throttle

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// one is a listener of one connection.
type one struct {
	net.Listener
	conn net.Conn
}

func (o one) Accept() (net.Conn, error) { return o.conn, nil }

// pair returns a connection of a Gate, counting the deadlines that are set on it, and its client.
func pair(t *testing.T) (served net.Conn, below *watched, client net.Conn) {
	t.Helper()
	server, client := net.Pipe()
	below = &watched{Conn: server}
	g := NewGate(one{conn: below}, 0, 0, func(netip.Addr) bool { return false }, slog.New(slog.DiscardHandler))
	served, err := g.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { served.Close(); client.Close() })
	return served, below, client
}

type watched struct {
	net.Conn
	sets, reads int
}

func (w *watched) SetReadDeadline(t time.Time) error { w.sets++; return w.Conn.SetReadDeadline(t) }

func (w *watched) SetWriteDeadline(t time.Time) error { w.sets++; return w.Conn.SetWriteDeadline(t) }

func (w *watched) Read(p []byte) (int, error) { w.reads++; return w.Conn.Read(p) }

// TestDeadlinesAreExact: a read or a write ends at the deadline that was set last, whether it came before or after
// others, and before or during the operation.
func TestDeadlinesAreExact(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		before []time.Duration // deadlines set before; 0 for none
		during time.Duration   // deadline set half a second after the begin, 0 if none is set
		want   time.Duration
	}{
		"one":                 {before: []time.Duration{3 * s}, want: 3 * s},
		"later":               {before: []time.Duration{s, 3 * s, 20 * s, 60 * s}, want: 60 * s},
		"earlier":             {before: []time.Duration{60 * s, 20 * s, 3 * s}, want: 3 * s},
		"earlier after later": {before: []time.Duration{2 * s, 60 * s, 5 * s}, want: 5 * s},
		"removed and set":     {before: []time.Duration{2 * s, 0, 9 * s, 0, 7 * s}, want: 7 * s},
		"extended":            {before: []time.Duration{s}, during: 4 * s, want: 4 * s},
		"shortened":           {before: []time.Duration{60 * s}, during: 2 * s, want: 2 * s},
		"set late":            {before: []time.Duration{s, 0}, during: 2 * s, want: 2 * s},
		"passed":              {before: []time.Duration{60 * s, -s}, want: 0},
	} {
		for _, op := range []string{"read", "write", "copy"} {
			if op == "copy" && c.during > time.Duration(0) {
				continue // ReadFrom has one deadline
			}
			t.Run(name+"/"+op, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					conn, _, _ := pair(t)
					set, begin := conn.SetReadDeadline, time.Now()
					if op != "read" {
						set = conn.SetWriteDeadline
					}
					for _, d := range c.before {
						at := begin.Add(d)
						if d == 0 {
							at = time.Time{}
						}
						set(at)
					}
					if c.during != 0 {
						time.AfterFunc(s/2, func() { set(begin.Add(c.during)) })
					}
					var err error
					switch op {
					case "read":
						_, err = conn.Read(make([]byte, 100))
					case "write":
						_, err = conn.Write(make([]byte, 100))
					case "copy":
						_, err = conn.(io.ReaderFrom).ReadFrom(strings.NewReader("text"))
					}
					if took := time.Since(begin); !errors.Is(err, os.ErrDeadlineExceeded) || took != c.want {
						t.Errorf("%v after %v, want a timeout after %v", err, took, c.want)
					}
				})
			})
		}
	}
}

// TestDeadlinesOfARequestAreNoted: moves to a later time reach the connection once.
func TestDeadlinesOfARequestAreNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, below, client := pair(t)
		for range 100 {
			conn.SetReadDeadline(time.Now().Add(2 * time.Minute)) // idle
			go client.Write([]byte("request"))
			if n, err := conn.Read(make([]byte, 4096)); n != 7 {
				t.Fatal(n, err)
			}
			conn.SetReadDeadline(time.Now().Add(15 * time.Second)) // header
			conn.SetWriteDeadline(time.Now().Add(time.Minute))
			conn.SetReadDeadline(time.Time{})
			time.Sleep(time.Millisecond)
		}
		if below.sets > 5 {
			t.Errorf("%d deadlines were set in 100 requests", below.sets)
		}
	})
}

// TestWriteContinues: a write that outlives an old deadline sends each byte once.
func TestWriteContinues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _, client := pair(t)
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		conn.SetWriteDeadline(time.Now().Add(time.Hour))
		got := make(chan string)
		go func() {
			var b strings.Builder
			for piece := make([]byte, 7); ; time.Sleep(300 * time.Millisecond) {
				n, err := client.Read(piece)
				b.Write(piece[:n])
				if err != nil {
					got <- b.String()
					return
				}
			}
		}()
		want := strings.Repeat("0123456789", 20)
		if n, err := conn.Write([]byte(want)); n != len(want) || err != nil {
			t.Errorf("Write() = %d, %v, want %d", n, err, len(want))
		}
		conn.Close()
		if text := <-got; text != want {
			t.Errorf("the client got %q", text)
		}
	})
}

// TestLookForDisconnection: it begins only in a request that takes long, and then finds a client that disconnected. The
// end of the request ends it at any time.
func TestLookForDisconnection(t *testing.T) {
	past := time.Unix(1, 0)
	look := func(conn net.Conn) chan error {
		conn.SetReadDeadline(time.Time{})
		ended := make(chan error, 1)
		go func() { _, err := conn.Read(make([]byte, 1)); ended <- err }()
		return ended
	}
	for _, after := range []time.Duration{0, time.Millisecond, patience, 10 * patience, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			conn, below, client := pair(t)
			for range 3 {
				below.reads = 0
				ended := look(conn)
				time.Sleep(after)
				if after > 0 {
					synctest.Wait()
				}
				if early := after < patience; early && below.reads > 0 || after > 2*patience && below.reads == 0 {
					t.Errorf("after %v: %d reads", after, below.reads)
				}
				conn.SetReadDeadline(past)
				var timeout net.Error
				if err := <-ended; !errors.As(err, &timeout) || !timeout.Timeout() {
					t.Errorf("after %v: an ended look returned %v, want a timeout", after, err)
				}
				conn.SetReadDeadline(time.Now().Add(time.Minute))
				go client.Write([]byte("next"))
				if n, err := conn.Read(make([]byte, 100)); n != 4 || err != nil {
					t.Errorf("after %v: the next request is %d bytes, %v", after, n, err)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		conn, _, client := pair(t)
		ended, begin := look(conn), time.Now()
		client.Close()
		if err := <-ended; err != io.EOF || time.Since(begin) > 2*patience {
			t.Errorf("a disconnected client was found as %v after %v", err, time.Since(begin))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		conn, _, _ := pair(t)
		ended := look(conn)
		synctest.Wait()
		conn.Close()
		if err := <-ended; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a look at a closed connection returned %v", err)
		}
	})
}
