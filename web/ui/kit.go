// Package ui is the kit that all pages are made with: frame, forms, messages, template functions and static files.
//
// It knows no page. A piece is here only if two areas use it.
package ui

import (
	"html/template"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Options are what all pages have in common. Files and BaseURL are needed.
type Options struct {
	Files    fs.FS            // the folders templates and static
	BaseURL  *url.URL         // where browsers and clients reach the index; its path is the prefix of every link
	Name     string           // of this index, as pages show it; "Index" if empty
	Closed   bool             // whether nobody may read anything without signing in
	Believed time.Duration    // how long a replica that is cut off may accept what was revoked; 0 for not at all
	Log      *slog.Logger     // slog.Default
	Now      func() time.Time // time.Now
}

// Kit is what the pages of every area are made with. It is safe for concurrent use.
type Kit struct {
	Options
	Base      string // path prefix, "" or "/prefix"
	templates map[string]*template.Template
	static    map[string]asset
	version   string     // of the static files
	pages     [][]string // paths of pages, in parts
}

// New returns a kit. It returns an error if a template does not parse.
func New(o Options) (*Kit, error) {
	if o.Name == "" {
		o.Name = "Index"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	k := &Kit{Options: o, Base: strings.TrimSuffix(o.BaseURL.Path, "/")}
	if err := k.loadStatic(); err != nil {
		return nil, err
	}
	return k, k.loadTemplates()
}
