// Package ui has the building blocks of all pages: layout, forms, notices, template functions and static files.
//
// It knows no individual page. Code belongs here only if two areas use it.
package ui

import (
	"context"
	"html/template"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/access"
)

// Options configure a Kit. Files and BaseURL are required.
type Options struct {
	Files    fs.FS         // directories templates and static
	BaseURL  *url.URL      // public URL of the index; its path is the prefix of every link
	Name     string        // display name of this index; "Index" if empty
	Logo     []byte        // PNG, SVG or WebP image, shown in place of Name; nil for none
	Security Security      // contents of /.well-known/security.txt
	Programs []string      // file names of the programs below /_/client/, such as index-linux-amd64
	Closed   bool          // whether reading requires signing in
	Believed time.Duration // how long a replica without database access may accept revoked rights; 0 for not at all
	// Repositories returns the names of the repositories that a caller may open, to switch between them. If it is nil,
	// pages name only their own.
	Repositories func(ctx context.Context, who access.Caller) ([]string, error)
	// Recovered returns since when the index is in the state recovered, and whether it is. If it is nil, it never is.
	Recovered func(ctx context.Context) (time.Time, bool, error)
	// Server returns the base URL of the platform of an issuer of identity tokens if it is not the issuer's own address,
	// or "". If it is nil, none has another address.
	Server func(issuer string) string
	Log    *slog.Logger     // default slog.Default()
	Now    func() time.Time // default time.Now
}

// Kit renders the pages of all areas. It is safe for concurrent use.
type Kit struct {
	Options
	Base      string // path prefix, "" or "/prefix"
	templates map[string]func() (*template.Template, error)
	static    map[string]asset
	logo      string     // file name of the logo, "" for none
	version   string     // hash of the static files, part of their paths
	pages     [][]string // paths of pages, split at slashes
	sealForm  SealForm   // nil if forms are not held during re-authentication
}

// New returns a kit. It returns an error if a shared template cannot be parsed or the logo is not a supported image.
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
