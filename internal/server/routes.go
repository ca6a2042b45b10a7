package server

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// Row is a mounted route. Path begins with the base path and may continue with "/r/:repository".
type Row struct {
	Table, Method, Path string
	Auth                route.Auth
	Decides             route.Decider
	Limit               route.Limit
}

type row struct {
	pattern string
	route   route.Route
	fail    func(w http.ResponseWriter, r *http.Request, err error)
	observe observe // nil if nobody counts requests
}

// observe counts a request.
type observe func(status int, bytes int64, took time.Duration)

// Routes returns all mounted rows, sorted by path and method. HEAD is omitted, because every GET row also serves it.
func (s *Server) Routes() []Row { return slices.Clone(s.rows) }

// mount adds a table's rows to the framework. Each is mounted below the base path, and some also at the host's root or
// below a repository.
func (s *Server) mount(t route.Table) error {
	if err := t.Check(); err != nil {
		return err
	}
	for _, r := range t.Routes {
		for _, path := range s.places(r) {
			if t.Guest {
				if err := s.free(t, path); err != nil {
					return err
				}
			}
			if err := s.add(t, r, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// free returns an error if a path that an administrator chose matches a row of another table.
func (s *Server) free(t route.Table, path string) error {
	for _, x := range s.rows {
		if x.Table != t.Name && route.Overlap(path, x.Path) {
			return fmt.Errorf("%s: the path %s would hide %s, which this index serves itself: choose another path", t.Name, path,
				x.Path)
		}
	}
	return nil
}

func (s *Server) places(r route.Route) []string {
	paths := []string{s.o.BasePath + r.Path}
	if r.HostRoot && s.o.BasePath != "" {
		paths = append(paths, r.Path)
	}
	if r.Tree {
		paths = append(paths, s.o.BasePath+"/r/:repository"+r.Path)
	}
	return paths
}

func (s *Server) add(t route.Table, r route.Route, path string) error {
	methods := []string{r.Method}
	if r.Method == http.MethodGet {
		methods = append(methods, http.MethodHead)
	}
	for _, m := range methods {
		x := &row{pattern: path, route: r, fail: t.Fail}
		if s.o.Observer != nil {
			x.observe = s.o.Observer.Route(strings.TrimPrefix(path, s.o.BasePath), m)
		}
		key := m + " " + parameter.ReplaceAllString(path, ":")
		if other, ok := s.taken[key]; ok {
			return fmt.Errorf("tables %s and %s both serve %s %s", other, t.Name, m, path)
		}
		s.taken[key] = t.Name
		s.echo.Add(m, path, func(c echo.Context) error { return s.answer(c, x) })
	}
	s.rows = append(s.rows,
		Row{Table: t.Name, Method: r.Method, Path: path, Auth: r.Auth, Decides: r.Decides, Limit: r.Limit})
	return nil
}

var parameter = regexp.MustCompile(`:[^/]+`)

// answer runs a row. Errors of its handler are written by the table's Fail and not returned.
func (s *Server) answer(c echo.Context, x *row) error {
	w, r := c.Response().Writer.(*response), c.Request()
	names, values := c.ParamNames(), c.ParamValues()
	for i, name := range names {
		// the framework lets a last parameter eat slashes
		if values[i] == "" || name != route.Rest && strings.IndexByte(values[i], '/') >= 0 {
			return echo.ErrNotFound
		}
		r.SetPathValue(name, values[i])
	}
	w.row = x
	if err := s.handle(w, r, x); err != nil {
		if x.route.Auth == route.Scraper && fault.Is(err, fault.NotFound) {
			w.row = nil
			return &hidden{err}
		}
		s.fail(w, r, err)
	}
	return nil
}

// hidden is the error of a route that the caller may not know of. The response is that of an address without a route;
// only the log has the reason.
type hidden struct{ why error }

// Error returns the reason.
func (h *hidden) Error() string { return h.why.Error() }

// Unwrap makes the response that of an address without a route.
func (*hidden) Unwrap() error { return echo.ErrNotFound }

// handle checks origin, rate limit and credential, and then runs the handler.
func (s *Server) handle(w *response, r *http.Request, x *row) error {
	if err := s.origins.Check(r); err != nil {
		return fault.Wrap(fault.Denied, err, "requests from pages of another site are refused")
	}
	if x.route.Limit != "" && x.route.Limit != route.LimitSignIn {
		if err := s.limit(w, r, x.route.Limit); err != nil {
			return err
		}
	}
	who, err := s.caller(r, x.route.Auth)
	if err != nil {
		return err
	}
	if x.route.Limit == route.LimitSignIn && !who.Known() {
		if err := s.limit(w, r, x.route.Limit); err != nil {
			return err
		}
	}
	w.caller = who.At(w.address, w.id)
	if err := x.route.Handle(w, r, w.caller); err != nil {
		return err
	}
	if w.status < http.StatusBadRequest {
		s.granted(w, x.route.Limit)
	}
	return nil
}

// fail has the table write err. If the response has already begun, it cuts the connection instead, so that the client
// does not take a partial response for a complete one.
func (s *Server) fail(w *response, r *http.Request, err error) {
	w.err = err
	if w.status != 0 || w.hijacked {
		panic(http.ErrAbortHandler)
	}
	if r.ProtoMajor == 1 {
		w.body.drain(r, s.o.DrainBytes, !w.caller.Known())
	}
	w.row.fail(w, r, err)
}
