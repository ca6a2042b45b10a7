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

// linkPaths are the paths of one-time links by kind, without their secret.
var linkPaths = map[onetime.Kind]string{onetime.First: "/setup/", onetime.Invite: "/invite/", onetime.Reset: "/reset/"}

// LinkPath returns the path of a one-time link below the base path.
func LinkPath(kind onetime.Kind, secret access.Secret) string {
	return linkPaths[kind] + secret.Reveal() + "/"
}

// Repository returns the name of the repository that a request addresses, "" for main.
func Repository(r *http.Request) string { return r.PathValue("repository") }

// Absolute returns the public URL of a path below the base path.
func (k *Kit) Absolute(path string) string {
	u := *k.BaseURL
	u.Path = k.Base + path
	return u.String()
}

// ProjectName returns the project name of the path. If the path spells the name differently, ProjectName writes a
// redirect to the normal spelling and returns the zero name. It returns fault.NotFound if the name is invalid.
func (k *Kit) ProjectName(w http.ResponseWriter, r *http.Request) (packaging.ProjectName, error) {
	typed := r.PathValue("project")
	name, err := packaging.ParseProjectName(typed)
	if err != nil {
		return name, fault.New(fault.NotFound, "there is no project of that name here")
	}
	if r.Method != http.MethodPost && typed != name.String() {
		path := strings.TrimPrefix(r.URL.Path, k.Base)
		for _, before := range []string{"/project/", "/held/"} {
			path = strings.Replace(path, before+typed+"/", before+name.String()+"/", 1)
		}
		if r.URL.RawQuery != "" {
			path += "?" + r.URL.RawQuery
		}
		k.See(w, r, path)
		return packaging.ProjectName{}, nil
	}
	return name, nil
}

// SetPages records the routes of pages, so that the page of a form can be found.
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

// page returns the path of the page that contains a form. The path of a form equals or extends that of its page.
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

// Back returns the page to return to, below the base path: the requested page, or the page of the posted form.
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

// See redirects (303) to a path below the base path.
func (k *Kit) See(w http.ResponseWriter, r *http.Request, path string) {
	k.PageHeaders(w)
	http.Redirect(w, r, k.Base+path, http.StatusSeeOther)
}

// Local reports whether next is safe as a redirect target: a path with a single leading slash that no browser resolves
// to another host.
func Local(next string) bool {
	u, err := url.Parse(next)
	return err == nil && strings.HasPrefix(next, "/") && !strings.HasPrefix(next, "//") && u.Host == "" &&
		u.Scheme == "" &&
		!strings.ContainsFunc(next, func(c rune) bool { return c == '\\' || c < ' ' || c == 0x7f })
}
