package ui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/account/onetime"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/route"
)

// linkPaths is where links of each kind lead, before their secret.
var linkPaths = map[onetime.Kind]string{onetime.First: "/setup/", onetime.Invite: "/invite/", onetime.Reset: "/reset/"}

// LinkPath is the path, below the base path, of the page to which a link that is good once leads.
func LinkPath(kind onetime.Kind, secret access.Secret) string {
	return linkPaths[kind] + secret.Reveal() + "/"
}

// Repository is the name of the repository whose tree a request is in, "" for main.
func Repository(r *http.Request) string { return r.PathValue("repository") }

// Absolute returns the URL of a path below the base, as clients outside need it.
func (k *Kit) Absolute(path string) string {
	u := *k.BaseURL
	u.Path = k.Base + path
	return u.String()
}

// ProjectName reads the path's project. Another spelling is answered by a redirect, and the name is zero.
func (k *Kit) ProjectName(w http.ResponseWriter, r *http.Request) (packaging.ProjectName, error) {
	typed := r.PathValue("project")
	name, err := packaging.ParseProjectName(typed)
	if err != nil {
		return name, fault.New(fault.NotFound, "there is no project of that name here")
	}
	if r.Method != http.MethodPost && typed != name.String() {
		path := strings.Replace(strings.TrimPrefix(r.URL.Path, k.Base), "/project/"+typed+"/", "/project/"+name.String()+"/",
			1)
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		k.See(w, r, path)
		return packaging.ProjectName{}, nil
	}
	return name, nil
}

// SetPages names the routes that pages are at, so that the page of a form can be found.
func (k *Kit) SetPages(rows []route.Route) {
	for _, row := range rows {
		if row.Method != http.MethodGet {
			continue
		}
		k.pages = append(k.pages, strings.Split(k.Base+row.Path, "/"))
		if row.Tree {
			k.pages = append(k.pages, strings.Split(k.Base+"/r/:repository"+row.Path, "/"))
		}
	}
}

// page is the path of the page that a form is on. A form's path is that of its page, or begins with it.
func (k *Kit) page(path string) string {
	for parts := strings.Split(path, "/"); len(parts) > 1; parts = append(parts[:len(parts)-2], "") {
		for _, page := range k.pages {
			if slices.EqualFunc(page, parts,
				func(want, got string) bool { return want == got || got != "" && strings.HasPrefix(want, ":") }) {
				return strings.Join(parts, "/")
			}
		}
	}
	return path
}

// Back is the page to come back to, below the base path: the one asked for, or for a form the page that it is on.
func (k *Kit) Back(r *http.Request) string {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return strings.TrimPrefix(k.page(r.URL.Path), k.Base)
	}
	path := strings.TrimPrefix(r.URL.Path, k.Base)
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	return path
}

// See sends the browser on to a path below the base path, by GET.
func (k *Kit) See(w http.ResponseWriter, r *http.Request, path string) {
	k.PageHeaders(w)
	http.Redirect(w, r, k.Base+path, http.StatusSeeOther)
}

// Local reports whether next is a path on this index that a reader may be sent to: it begins with one slash, and no
// browser reads it as another host's.
func Local(next string) bool {
	u, err := url.Parse(next)
	return err == nil && strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") && u.Host == "" &&
		u.Scheme == "" &&
		!strings.ContainsFunc(next, func(c rune) bool { return c == '\\' || c < ' ' || c == 0x7f })
}
