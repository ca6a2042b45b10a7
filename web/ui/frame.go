package ui

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
)

// Frame is what surrounds every page. Views embed it.
type Frame struct {
	Title      string
	Name       string // of the index
	Base       string // path prefix of links to what exists once: account, admin, help, login
	Root       string // path prefix of links into the repository at hand
	Repository string // "" for main
	Version    string // of the static files, in their path
	Path       string // of this page, for links back to it
	// prefix of its links to itself and its forms: its path if the answer is to a form, which has another
	Here    string
	Query   string      // in the search box
	Who     Person      // zero for nobody
	Find    bool        // whether there is anything for this reader to search
	Notice  *Notice     // what just happened, once
	Section string      // "projects", "account", "admin", "help": marked in the header
	Tab     string      // marked among the tabs
	Scripts []string    // files of static/js beside index.js
	Wide    bool        // whether the page needs more than the usual width
	Mine    access.Role // in the project that is managed; the zero one shows what everybody may see
}

// Person is who is signed in.
type Person struct {
	Name  string
	Admin bool
}

// Notice is a message to the reader. Kind is "good", "warn", "bad" or "info".
type Notice struct{ Kind, Text string }

func (f *Frame) frame() *Frame { return f }

// Owns reports whether the page shows what only owners may do.
func (f *Frame) Owns() bool { return f.Mine >= access.Owner }

// Maintains reports whether the page shows what only maintainers may do.
func (f *Frame) Maintains() bool { return f.Mine >= access.Maintainer }

// Tree is the path prefix, below the base path, of the repository at hand.
func (f *Frame) Tree() string { return strings.TrimPrefix(f.Root, f.Base) }

// framed is a view: what a template is executed with.
type framed interface{ frame() *Frame }

// Frame returns what surrounds a page with this title.
func (k *Kit) Frame(r *http.Request, who access.Caller, title string) Frame {
	f := Frame{
		Title: title, Name: k.Name, Base: k.Base, Root: k.Base, Version: k.version, Path: r.URL.Path, Notice: k.notice(r),
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
	f.Find = f.Who.Name != "" || !k.Closed
	return f
}

// policy is what pages may load and do: their own styles, scripts and pictures, and nothing from elsewhere.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// Render writes a page. It is made in memory first, so that a template that fails becomes a page of its own.
func (k *Kit) Render(w http.ResponseWriter, status int, name string, v framed) error {
	var page bytes.Buffer
	if err := k.templates[name].ExecuteTemplate(&page, "base", v); err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	k.PageHeaders(w)
	if v.frame().Notice != nil {
		k.forget(w)
	}
	w.WriteHeader(status)
	_, err := w.Write(page.Bytes())
	return err
}

// RenderPart writes a part of a page alone, for a script of ours that puts it into the page.
func (k *Kit) RenderPart(w http.ResponseWriter, page, part string, data any) error {
	var b bytes.Buffer
	if err := k.templates[page].ExecuteTemplate(&b, part, data); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	k.PageHeaders(w)
	_, err := w.Write(b.Bytes())
	return err
}

// PageHeaders are those of every page: nobody stores it, frames it, or is told where its reader goes.
func (k *Kit) PageHeaders(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "private, no-store")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
	h.Add("Vary", "Cookie")
}
