package server

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/internal/server/throttle"
)

// Server serves the routes of its tables. It is an http.Handler.
type Server struct {
	o         Options
	echo      *echo.Echo
	rows      []Row
	taken     map[string]string // method and path → table
	limits    map[route.Limit]*throttle.Rate
	origins   *http.CrossOriginProtection
	ids       *ids
	challenge []string
	hsts      []string // the header's value; nil to omit it
	responses sync.Pool
	running   atomic.Int64 // requests in progress, including those on hijacked connections
	draining  atomic.Bool
	unnamed   unnamed
	quiet     quiet
	lines     lineWriter         // the handler of the log if it is one, or nil
	unmatched map[string]observe // by method, for requests without a route; "other" for other methods
}

// New returns a server for the tables. An error names the incomplete row, the route that two tables share, or the
// invalid option.
func New(o Options, tables ...route.Table) (*Server, error) {
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	s := &Server{
		o: o, echo: echo.New(), taken: map[string]string{}, ids: newIDs(), limits: map[route.Limit]*throttle.Rate{},
		origins: http.NewCrossOriginProtection(), challenge: []string{"Basic realm=" + strconv.QuoteToASCII(o.Name)},
	}
	if o.HSTS > 0 {
		s.hsts = []string{"max-age=" + strconv.FormatInt(int64(o.HSTS/time.Second), 10)}
	}
	s.responses.New = func() any { return &response{attrs: make([]slog.Attr, 0, 16)} }
	s.lines, _ = o.Log.Handler().(lineWriter)
	s.echo.HTTPErrorHandler = s.unrouted
	for name, perMinute := range o.Rates {
		if perMinute > 0 {
			s.limits[name] = throttle.NewRate(perMinute)
		}
	}
	if o.Origin != "" {
		if err := s.origins.AddTrustedOrigin(o.Origin); err != nil {
			return nil, fmt.Errorf("server: origin %q: %w", o.Origin, err)
		}
	}
	if o.Observer != nil {
		s.unmatched = map[string]observe{}
		for _, m := range []string{
			http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, otherMethod,
		} {
			s.unmatched[m] = o.Observer.Route("other", m)
		}
	}
	for _, guests := range []bool{false, true} {
		for _, t := range tables {
			if t.Guest != guests {
				continue
			}
			if err := s.mount(t); err != nil {
				return nil, fmt.Errorf("server: %w", err)
			}
		}
	}
	slices.SortFunc(s.rows, func(a, b Row) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return s, nil
}

// ServeHTTP serves a request and logs it.
func (s *Server) ServeHTTP(hw http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor >= 2 {
		reserve(0)
	}
	s.running.Add(1)
	defer s.running.Add(-1)
	w := s.begin(hw, r)
	defer s.end(w)
	if err := plainPath(r.URL); err != nil {
		s.refuse(w, http.StatusBadRequest, err)
		return
	}
	if err := encoded(r); w.body != nil && err != nil {
		w.Header().Set("Accept-Encoding", "identity") // RFC 9110, 15.5.16
		s.direct(w, http.StatusUnsupportedMediaType, err)
		return
	}
	if s.front(r.URL.Path) && installs(r) {
		s.direct(w, http.StatusNotFound, s.elsewhere(r))
		return
	}
	s.echo.ServeHTTP(w, r)
}

// reserve makes the stack of the goroutine large enough for a usual request, before there is much to copy. With HTTP/2,
// every request has a new goroutine, and its stack would grow in several steps, each of which copies the frames of all
// callers; that of a connection with HTTP/1.1 grows once. The room is only reserved: a call with 0 does not write to
// it.
//
//go:noinline
func reserve(n int) byte {
	if n == 0 {
		return 0
	}
	var room [12 << 10]byte
	room[n] = 1
	return room[n/2]
}

// begin identifies the client, wraps the body, and sets the headers common to all responses.
func (s *Server) begin(hw http.ResponseWriter, r *http.Request) *response {
	w := s.responses.Get().(*response)
	*w = response{w: hw, r: r, server: s, start: s.o.Now(), attrs: w.attrs}
	w.address, w.id = s.client(r)
	if w.id == "" {
		w.id = s.ids.next()
	}
	if bodiless(r) {
		r.Body = http.NoBody
	}
	if r.Body != nil && r.Body != http.NoBody {
		w.body = &body{ReadCloser: r.Body, control: http.NewResponseController(hw), stall: s.o.Stall, minRate: s.o.MinRate}
		r.Body = w.body
		// The server's write timeout starts at the request header, and on HTTP/2 would reset a stream during its upload.
		w.body.control.SetWriteDeadline(time.Time{}) // not supported under httptest.ResponseRecorder
	}
	h := hw.Header()
	h["X-Content-Type-Options"] = nosniff
	h["Content-Security-Policy"] = policy
	h["Referrer-Policy"] = referrer
	h["X-Request-Id"] = []string{w.id}
	if s.hsts != nil {
		h["Strict-Transport-Security"] = s.hsts
	}
	if s.draining.Load() { // so that load balancers stop reusing this connection while we drain
		h.Set("Connection", "close")
	}
	return w
}

// bodiless reports whether a request has no body. With HTTP/2, net/http gives a body to every request; deadlines for
// one that is empty would interrupt the goroutine of the connection twice in each request. A client cannot send content
// anyway after a length of 0.
func bodiless(r *http.Request) bool { return r.ProtoMajor >= 2 && r.ContentLength == 0 }

// These headers are part of every response. Pages replace the policy with their own.
var (
	nosniff  = []string{"nosniff"}
	policy   = []string{"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	referrer = []string{"same-origin"} // no-referrer would make browsers send "Origin: null" with forms
)

// end turns a panic into a 500 response and writes the log line. If the response has already begun, it cuts the
// connection.
func (s *Server) end(w *response) {
	p := recover()
	if p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a recovered value, compared by identity
		w.err, w.stack = fmt.Errorf("panic: %v", p), debug.Stack()
		if w.status == 0 && !w.hijacked {
			s.broken(w)
			p = nil
		}
	}
	s.logLine(w)
	s.observe(w)
	if p != nil {
		panic(http.ErrAbortHandler)
	}
	*w = response{attrs: w.attrs}
	s.responses.Put(w)
}

// otherMethod is the method under which requests with an unusual one are counted.
const otherMethod = "other"

// observe counts a request that ended.
func (s *Server) observe(w *response) {
	if s.o.Observer == nil {
		return
	}
	status, _ := w.logged()
	var count observe
	if w.row != nil {
		count = w.row.observe
	} else if count = s.unmatched[w.r.Method]; count == nil {
		count = s.unmatched[otherMethod]
	}
	sent := w.bytes
	if w.r.Method == http.MethodHead {
		sent = 0
	}
	count(status, sent, s.o.Now().Sub(w.start))
}

// Running returns the number of requests in progress.
func (s *Server) Running() int64 { return s.running.Load() }

// Draining reports whether the server is shutting down.
func (s *Server) Draining() bool { return s.draining.Load() }

func (s *Server) broken(w *response) {
	if w.row == nil {
		plain(w, http.StatusInternalServerError, "internal error: see the server log for request "+w.id)
		return
	}
	w.row.fail(w, w.r, w.err)
}

// refuse responds in plain text. It is used before a route has been selected.
func (s *Server) refuse(w *response, status int, err error) {
	w.err = err
	if w.r.ProtoMajor == 1 {
		w.body.drain(w.r, s.o.DrainBytes, !w.caller.Known())
	}
	plain(w, status, fault.Message(err))
}

// plain writes a whole response of one line of text.
func plain(w http.ResponseWriter, status int, text string) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err := io.WriteString(w, text+"\n")
	return err
}

func (s *Server) unrouted(err error, c echo.Context) {
	w := c.Response().Writer.(*response)
	w.caller = access.Caller{}
	if h, ok := errors.AsType[*hidden](err); ok {
		defer func() { w.err = h.why }()
	}
	known, ok := errors.AsType[*echo.HTTPError](err)
	notAllowed := ok && known.Code == http.StatusMethodNotAllowed
	if err := s.elsewhere(c.Request()); err != nil {
		status := http.StatusNotFound
		if notAllowed {
			status = http.StatusMethodNotAllowed
		}
		s.direct(w, status, err)
		return
	}
	if notAllowed {
		s.refuse(w, known.Code,
			fault.New(fault.Invalid, "this address does not support %s: see the Allow header", method(c.Request().Method)))
		return
	}
	if r := c.Request(); s.o.Missing != nil && r.Method == http.MethodGet && browses(r) {
		w.err = fault.New(fault.NotFound, "nothing is here")
		if who, err := s.person(r, route.Visitor); err == nil { // otherwise the page is the one of a signed-out user
			w.caller = who
		}
		s.o.Missing(w, r, w.caller)
		return
	}
	where := ""
	if s.o.BasePath != "" {
		where = ": this index is below " + s.o.BasePath + "/"
	}
	s.refuse(w, http.StatusNotFound, fault.New(fault.NotFound, "nothing is here%s", where))
}

// browses reports whether a request accepts HTML but not the simple API. Browsers do, installers do not.
func browses(r *http.Request) bool {
	_, html := route.Named(r.Header["Accept"], "text/html")
	_, index := route.Named(r.Header["Accept"], "application/vnd.pypi.simple.v1+json")
	return html && !index
}
