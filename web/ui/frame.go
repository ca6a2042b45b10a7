package ui

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
)

// Frame holds the data of the layout that surrounds every page. Views embed it.
type Frame struct {
	Title      string
	Name       string  // display name of the index
	Logo       string  // file name of the logo among the static files, "" if there is none
	Base       string  // path prefix of pages that exist once per index: account, admin, help, login
	Root       string  // path prefix of pages of the current repository
	Repository string  // "" for main
	Places     []Place // the repositories to switch between; none if the reader sees only one
	Version    string  // of the static files, in their path
	Path       string  // URL path of this page, for links back to it
	// prefix of links to this page and its forms: empty for a GET, the page's path in the response to a form
	Here    string
	Query   string      // content of the search box
	Who     Person      // signed-in user; zero for an anonymous reader
	Find    bool        // whether the header has a search box
	Notice  *Notice     // shown once
	Feed    string      // URL path of a feed of this page, "" for none
	Section string      // highlighted in the header: "projects", "account", "admin" or "help"
	Tab     string      // highlighted tab
	Scripts []string    // files of static/js in addition to index.js
	Mine    access.Role // role of the reader in the managed project
	// Recovered is when the index was restored from a backup, for administrators while uploads wait for them; otherwise
	// zero
	Recovered time.Time

	Pictures bool // whether the page may load pictures of other sites
}

// Place is a repository that the reader can switch to.
type Place struct {
	Name, Root string
	Current    bool
}

// maxPlaces is the number of repositories in the header.
const maxPlaces = 100

// Person is the signed-in user.
type Person struct {
	Name  string
	Admin bool
}

// Notice is a message to the reader. Kind is "good", "warn", "bad" or "info".
type Notice struct{ Kind, Text string }

func (f *Frame) frame() *Frame { return f }

// Owns reports whether the page shows the controls of owners.
func (f *Frame) Owns() bool { return f.Mine >= access.Owner }

// Maintains reports whether the page shows the controls of maintainers.
func (f *Frame) Maintains() bool { return f.Mine >= access.Maintainer }

// Tree returns the path prefix of the current repository below the base path.
func (f *Frame) Tree() string { return strings.TrimPrefix(f.Root, f.Base) }

// framed is a view: the data of a template.
type framed interface{ frame() *Frame }

// Frame returns the layout data of a page.
func (k *Kit) Frame(r *http.Request, who access.Caller, title string) Frame {
	f := Frame{
		Title: title, Name: k.Name, Logo: k.logo, Base: k.Base, Root: k.Base, Version: k.version, Path: r.URL.Path,
		Notice: k.notice(r),
	}
	if r.Method == http.MethodPost {
		f.Here = f.Path
	}
	if repo := Repository(r); repo != "" && repo != catalog.MainRepository && catalog.IsRepositoryName(repo) {
		f.Repository, f.Root = repo, k.Base+"/r/"+repo
	}
	if who.Kind() == access.KindUser {
		f.Who = Person{Name: who.Name(), Admin: who.Admin()}
	}
	if f.Who.Admin {
		f.Recovered = k.recovered(r.Context())
	}
	f.Find = f.Who.Name != "" || !k.Closed
	if f.Find {
		f.Places = k.places(r.Context(), who, f.Repository)
	}
	return f
}

// recovered returns when the index was restored from a backup if uploads still wait. A page does not depend on it, so
// it is zero if it cannot be read.
func (k *Kit) recovered(ctx context.Context) time.Time {
	if k.Recovered == nil {
		return time.Time{}
	}
	since, _, err := k.Recovered(ctx)
	if err != nil {
		return time.Time{}
	}
	return since
}

// places returns the repositories to switch between. A page does not depend on them, so it has none if they cannot be
// read.
func (k *Kit) places(ctx context.Context, who access.Caller, current string) (out []Place) {
	if k.Repositories == nil {
		return nil
	}
	names, err := k.Repositories(ctx, who)
	if err != nil {
		return nil
	}
	for _, name := range names[:min(len(names), maxPlaces)] {
		root := Tree(k.Base, name)
		out = append(out, Place{name, root, name == cmp.Or(current, catalog.MainRepository)})
	}
	if len(out) == 1 && out[0].Current {
		return nil
	}
	return out
}

// contentPolicy is the Content-Security-Policy of pages. It allows only styles, scripts and images of this server.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// picturesPolicy is the policy of pages that may load pictures of other sites.
var picturesPolicy = strings.Replace(contentPolicy, "img-src 'self' data:", "img-src 'self' data: https:", 1)

// Render writes a page. It executes the template in memory first, so that a failing template results in an error page.
func (k *Kit) Render(w http.ResponseWriter, status int, name string, v framed) error {
	var page bytes.Buffer
	if err := k.execute(&page, name, "base", v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	k.PageHeaders(w)
	if v.frame().Pictures {
		h.Set("Content-Security-Policy", picturesPolicy)
	}
	if v.frame().Notice != nil {
		k.forget(w)
	}
	w.WriteHeader(status)
	_, err := w.Write(page.Bytes())
	return err
}

// RenderPart writes one part of a page, for a script that inserts it.
func (k *Kit) RenderPart(w http.ResponseWriter, page, part string, data any) error {
	var b bytes.Buffer
	if err := k.execute(&b, page, part, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	k.PageHeaders(w)
	_, err := w.Write(b.Bytes())
	return err
}

// PageHeaders sets the headers of every page. Pages are not cached or framed, and leak no referrer.
func (k *Kit) PageHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Add("Vary", "Cookie")
}
