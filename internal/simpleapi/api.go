package simpleapi

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/alias"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/internal/simpleapi/ready"
)

// DefaultCacheBytes is the default of Options.CacheBytes, enough for the frequently read pages of a large team.
const DefaultCacheBytes = 64 << 20

// Options configures an API. The zero value works.
type Options struct {
	BasePath   string // path of the base URL: "" or "/prefix"
	BaseURL    string // absolute, with the same path; used for provenance links, and only if it is https
	CacheBytes int64  // limit on cached pages, in bytes; DefaultCacheBytes if 0, no caching if negative
	// MaxAge is how long clients may use a page without asking again, in whole seconds. With 0 they must ask each time, so
	// that a published file can be installed immediately.
	MaxAge time.Duration
	// Instance identifies this index in the Via header of requests to other indexes, so that a circle of upstreams ends.
	Instance string
	Aliases  []alias.Alias // paths at which repositories are served too
	// Used is called for each request below an alias, with its path and the User-Agent header.
	Used func(path, userAgent string)
}

// API serves the simple repository API.
type API struct {
	reader   *resolve.Reader
	instance string
	aliases  []alias.Alias
	used     func(path, userAgent string)

	base   string
	origin string // "https://host", or ""
	cache  *ready.Cache
	maxAge time.Duration
	now    func() time.Time
	// These Cache-Control values of pages are shared, so that a cached page is served without allocation. Shared caches
	// may store only pages served without a credential.
	private, public []string
}

// New returns the API of the projects that x reads.
func New(x *resolve.Reader, o Options) *API {
	base := strings.Trim(o.BasePath, "/")
	if base != "" {
		base = "/" + base
	}
	caching := "no-cache"
	if seconds := int64(o.MaxAge / time.Second); seconds > 0 {
		caching = "max-age=" + strconv.FormatInt(seconds, 10)
	}
	return &API{
		reader: x, maxAge: o.MaxAge.Truncate(time.Second), now: x.Now, instance: o.Instance, aliases: o.Aliases,
		used: o.Used, base: base, origin: secureOrigin(o.BaseURL),
		cache:   ready.NewCache(cmp.Or(o.CacheBytes, DefaultCacheBytes)),
		private: []string{"private, " + caching}, public: []string{"public, " + caching},
	}
}

// secureOrigin returns the scheme and host of an https URL, and "" for other URLs: provenance is linked only over
// https.
func secureOrigin(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return "https://" + u.Host
}

// Table returns the routes. Every route requires a reader and exists in every repository.
func (a *API) Table() route.Table {
	row := func(path string, h route.Handler) route.Route {
		return route.Route{Method: http.MethodGet, Path: path, Auth: route.Reader, Tree: true, Handle: h}
	}
	return route.Table{Name: "simpleapi", Fail: fail, Routes: route.ByPolicy.Mark([]route.Route{
		row("/simple", a.redirectList),
		row("/simple/", a.list),
		row("/simple/:project", a.redirectProject),
		row("/simple/:project/", a.project),
		row("/packages/:source/*", a.packages),
		row("/integrity/:project/:version/:filename/provenance", a.provenance),
	})}
}

// prefix returns the path of a repository's tree. It escapes the name, which has not been checked against the catalog
// yet and must not end the path.
func (a *API) prefix(repository string) string {
	if repository == "" || repository == catalog.MainRepository {
		return a.base
	}
	return string(appendPath([]byte(a.base+"/r/"), repository))
}

// projectName parses the project name in a path. An invalid name returns fault.NotFound, like an unknown one.
func projectName(r *http.Request) (packaging.ProjectName, error) {
	name, err := packaging.ParseProjectName(r.PathValue("project"))
	if err != nil {
		return name, fault.Wrap(fault.NotFound, err, "there is no project of that name here")
	}
	return name, nil
}
