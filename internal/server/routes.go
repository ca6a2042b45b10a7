package server

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// Row is a route as it is mounted: Path begins with the base path and may begin with "/r/:repository".
type Row struct {
	Table, Method, Path string
	Auth                route.Auth
	Limit               route.Limit
}

// row is what a handler needs at hand.
type row struct {
	pattern string
	route   route.Route
	fail    func(w http.ResponseWriter, r *http.Request, err error)
}

// Routes returns every mounted row by path and method, HEAD left out where GET stands for it.
func (s *Server) Routes() []Row { return slices.Clone(s.rows) }

// mount puts a table's rows on the framework: each below the base path, some at the host's root or below another
// repository as well.
func (s *Server) mount(t route.Table) error {
	if err := t.Check(); err != nil {
		return err
	}
	for _, r := range t.Routes {
		for _, path := range s.places(r) {
			if err := s.add(t, r, path); err != nil {
				return err
			}
		}
	}
	return nil
}

// places returns the paths that a row is reachable by.
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
	x := &row{pattern: path, route: r, fail: t.Fail}
	for _, m := range methods {
		key := m + " " + parameter.ReplaceAllString(path, ":")
		if other, ok := s.taken[key]; ok {
			return fmt.Errorf("tables %s and %s both answer %s %s", other, t.Name, m, path)
		}
		s.taken[key] = t.Name
		s.echo.Add(m, path, func(c echo.Context) error { return s.answer(c, x) })
	}
	s.rows = append(s.rows, Row{Table: t.Name, Method: r.Method, Path: path, Auth: r.Auth, Limit: r.Limit})
	return nil
}

var parameter = regexp.MustCompile(`:[^/]+`)

func (s *Server) sortRows() {
	slices.SortFunc(s.rows, func(a, b Row) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
}

// answer runs a row. It never returns an error: the table's Fail has written it.
func (s *Server) answer(c echo.Context, x *row) error {
	w, r := c.Response().Writer.(*response), c.Request()
	names, values := c.ParamNames(), c.ParamValues()
	for i, name := range names {
		if values[i] == "" || strings.IndexByte(values[i], '/') >= 0 { // the framework lets a last parameter eat slashes
			return echo.ErrNotFound
		}
		r.SetPathValue(name, values[i])
	}
	w.row = x
	if err := s.handle(w, r, x); err != nil {
		s.fail(w, r, err)
	}
	return nil
}

// handle asks where the request comes from, the limit and the credential, then the handler.
func (s *Server) handle(w *response, r *http.Request, x *row) error {
	if err := s.origins.Check(r); err != nil {
		return fault.Wrap(fault.Denied, err, "requests that another site's page makes are refused")
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

// fail lets the table write err. An answer that is under way cannot be taken back: then the connection is cut, so that
// nobody takes a part for the whole.
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
