package server

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"pyindex/internal/route"
)

var _ route.ReasonWriter = (*response)(nil)

// lingering is how long linger reads on after a response whose request body was not read to its end, so that the
// response arrives before the reset.
const lingering = time.Second

// WriteReason sends a whole response with the message as its reason phrase; see route.ReasonWriter. net/http cannot
// send custom reason phrases, so the connection is hijacked and closed. HTTP/2 has no reason phrase: there WriteReason
// sends an ordinary response.
func (w *response) WriteReason(status int, message string, body []byte) error {
	if w.status != 0 {
		return fmt.Errorf("response %d has already begun", w.status)
	}
	if _, ok := w.w.(http.Hijacker); !ok || w.r.ProtoMajor != 1 {
		w.WriteHeader(status)
		_, err := w.Write(body)
		return err
	}
	drained := w.body.drain(w.r, w.server.o.DrainBytes, !w.caller.Known())
	conn, rw, err := w.Hijack()
	if err != nil {
		return fmt.Errorf("taking over the connection: %w", err)
	}
	defer conn.Close()
	w.status = status
	w.complete()
	conn.SetDeadline(time.Now().Add(w.server.o.Stall))
	w.err = cmp.Or(w.err, w.sendReason(rw.Writer, message, body))
	if !drained {
		linger(conn)
	}
	return nil
}

func (w *response) sendReason(out *bufio.Writer, message string, body []byte) error {
	h := w.w.Header()
	h.Del("Transfer-Encoding")
	h.Set("Connection", "close")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if h.Get("Date") == "" {
		h.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	fmt.Fprintf(out, "HTTP/1.1 %03d %s\r\n", w.status, route.ReasonPhrase(message))
	if err := h.Write(out); err != nil {
		return err
	}
	out.WriteString("\r\n")
	if w.r.Method != http.MethodHead {
		n, _ := out.Write(body)
		w.bytes += int64(n)
	}
	return out.Flush()
}

// linger ends our side of the connection and reads the peer's for a moment.
func linger(conn net.Conn) {
	if c, ok := conn.(interface{ CloseWrite() error }); ok && c.CloseWrite() == nil {
		conn.SetReadDeadline(time.Now().Add(lingering))
		io.Copy(io.Discard, conn)
	}
}
