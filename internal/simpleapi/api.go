package simpleapi

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/route"
	"pyindex/internal/simpleapi/ready"
)

// DefaultCacheBytes is what the cache of pages holds where Options say nothing: the hot pages of a big team.
const DefaultCacheBytes = 64 << 20

// Options are the settings of an API; the zero value works.
type Options struct {
	BasePath   string // path of the base URL: "" or "/prefix"
	BaseURL    string // absolute, with the same path; links to provenance need one with https, all others are relative
	CacheBytes int64  // bound on rendered and compressed pages, in bytes; DefaultCacheBytes for 0, none kept below
}

// API answers the simple repository API from a catalog.
type API struct {
	index  *catalog.Index
	base   string
	origin string // "https://host", or ""
	cache  *ready.Cache
}

// New returns the API over x.
func New(x *catalog.Index, o Options) *API {
	base := strings.Trim(o.BasePath, "/")
	if base != "" {
		base = "/" + base
	}
	return &API{
		index: x, base: base, origin: secureOrigin(o.BaseURL), cache: ready.NewCache(cmp.Or(o.CacheBytes, DefaultCacheBytes)),
	}
}

// secureOrigin returns scheme and host of an https URL, and "" for others: provenance is linked over https or not at
// all.
func secureOrigin(base string) string {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return ""
	}
	return "https://" + u.Host
}

// Table returns the routes. Every one is for readers and exists in every repository.
func (a *API) Table() route.Table {
	row := func(path string, h route.Handler) route.Route {
		return route.Route{Method: http.MethodGet, Path: path, Auth: route.Reader, Tree: true, Handle: h}
	}
	return route.Table{Name: "simpleapi", Fail: fail, Routes: []route.Route{
		row("/simple", a.redirectList),
		row("/simple/", a.list),
		row("/simple/:project", a.redirectProject),
		row("/simple/:project/", a.project),
		row("/legacy/+simple/:project", a.redirectProject),
		row("/legacy/+simple/:project/", a.project), // hatch looks beside the upload URL
		row("/packages/:sha256/:filename", a.file),
		row("/integrity/:project/:version/:filename/provenance", a.provenance),
	}}
}

// prefix returns the path below which a repository's tree lies. What is not asked of the catalog yet is escaped, so
// that it cannot end the path it stands in.
func (a *API) prefix(repository string) string {
	if repository == "" || repository == catalog.MainRepository {
		return a.base
	}
	return string(appendPath([]byte(a.base+"/r/"), repository))
}

// projectName reads the name in a path. What cannot be a name is not there, like any other name that is not there.
func projectName(r *http.Request) (packaging.ProjectName, error) {
	name, err := packaging.ParseProjectName(r.PathValue("project"))
	if err != nil {
		return name, fault.Wrap(fault.NotFound, err, "there is no project of that name here")
	}
	return name, nil
}
