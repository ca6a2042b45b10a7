package jsonapi

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/internal/simpleapi/ready"
)

// DefaultCacheBytes is the default of Options.CacheBytes.
const DefaultCacheBytes = 16 << 20

// Options configures an API.
type Options struct {
	Instance   string // see simpleapi.Options
	BaseURL    string // absolute, with the path prefix: file URLs begin with it
	CacheBytes int64  // limit on cached responses, in bytes; DefaultCacheBytes if 0, no caching if negative
}

// API serves the legacy JSON API.
type API struct {
	reader   *resolve.Reader
	instance string

	base  string // without a trailing slash
	path  string // of base
	cache *ready.Cache
}

// New returns the API of the projects that x reads.
func New(x *resolve.Reader, o Options) *API {
	a := &API{
		reader: x, instance: o.Instance, base: strings.TrimRight(o.BaseURL, "/"),
		cache: ready.NewCache(cmp.Or(o.CacheBytes, DefaultCacheBytes)),
	}
	if u, err := url.Parse(a.base); err == nil {
		a.path = u.EscapedPath()
	}
	return a
}

// Table returns the routes. Every route requires a reader and exists in every repository.
func (a *API) Table() route.Table {
	row := func(path string) route.Route {
		return route.Route{
			Method: http.MethodGet, Path: path, Auth: route.Reader, Decides: route.ByPolicy, Tree: true,
			Handle: a.project,
		}
	}
	return route.Table{Name: "jsonapi", Fail: fail, Routes: []route.Route{
		row("/pypi/:project/json"),
		row("/pypi/:project/json/"),
		row("/pypi/:project/:version/json"),
		row("/pypi/:project/:version/json/"),
	}}
}

// vary omits Accept, because there is only one format.
var vary = []string{"Accept-Encoding, Authorization"}

// project serves a project, or one version of it if the path names a version.
func (a *API) project(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	w.Header()["Vary"] = vary
	name, err := packaging.ParseProjectName(r.PathValue("project"))
	if err != nil {
		return fault.Wrap(fault.NotFound, err, "there is no project of that name here")
	}
	if name.String() != r.PathValue("project") {
		a.redirect(w, r, name)
		return nil
	}
	v, err := a.reader.View(r.Context(), who, r.PathValue("repository"), name,
		resolve.AskOf(nil, r.Header["Via"], a.instance))
	if err != nil {
		return err
	}
	answer, err := a.answer(r, who, v)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", cacheControl(who))
	answer.ServeHTTP(w, r)
	return nil
}

// cacheControl lets shared caches store only responses to anonymous requests. All caches must revalidate each time.
func cacheControl(who access.Caller) string {
	if who.Known() {
		return "private, no-cache"
	}
	return "public, no-cache"
}

// maxVariant is the longest version, in bytes, for which responses are cached.
const maxVariant = 64

func (a *API) answer(r *http.Request, who access.Caller, v *resolve.View) (*ready.Answer, error) {
	version := r.PathValue("version")
	render := func(ctx context.Context) (*ready.Answer, error) { return a.render(ctx, who, v, version) }
	e := ready.ChooseEncoding(r.Header["Accept-Encoding"])
	if len(version) > maxVariant {
		answer, err := render(r.Context())
		if err != nil {
			return nil, err
		}
		return answer.Encoded(e), nil
	}
	k := ready.Key{ID: v.ID(), Variant: version + v.Variant()}
	if answer := a.cache.Find(k, e, v.Stamp()); answer != nil {
		return answer, nil
	}
	return a.cache.Fill(r.Context(), k, e, v.Stamp(), render)
}

// redirect redirects to the normalized name in the same tree, and keeps version and query.
func (a *API) redirect(w http.ResponseWriter, r *http.Request, name packaging.ProjectName) {
	to := a.path + tree(r.PathValue("repository")) + "/pypi/" + name.String()
	if v := r.PathValue("version"); v != "" {
		to += "/" + url.PathEscape(v)
	}
	to += "/json"
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("Location", to)
	write(w, r, http.StatusMovedPermanently, "see "+to)
}

func tree(repository string) string {
	if repository == "" || repository == catalog.MainRepository {
		return ""
	}
	return "/r/" + url.PathEscape(repository)
}
