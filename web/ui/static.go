package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// asset is a static file.
type asset struct {
	kind   string // media type
	policy string // Content-Security-Policy, "" for none
	plain  []byte
	gzip   func() []byte // compresses plain in the first call
}

var assetKinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".webp": "image/webp",
}

// loadStatic reads the static files. It concatenates the files of static/css to one stylesheet.
func (k *Kit) loadStatic() error {
	files := map[string][]byte{}
	err := fs.WalkDir(k.Files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(k.Files, name)
		if path.Dir(name) == "static/css" { // WalkDir sorts by name
			files["style.css"] = append(files["style.css"], b...)
		} else {
			files[path.Base(name)] = b
		}
		return err
	})
	if err != nil {
		return err
	}
	if k.logo, err = logoName(k.Logo); err != nil {
		return err
	}
	if k.logo != "" {
		files[k.logo] = k.Logo
	}
	k.static = map[string]asset{}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum.Write([]byte(name))
		sum.Write(files[name])
		k.static[name] = assetOf(name, files[name])
	}
	if logo, ok := k.static["logo.svg"]; ok {
		logo.policy = logoPolicy
		k.static["logo.svg"] = logo
	}
	k.version = hex.EncodeToString(sum.Sum(nil))[:12]
	return nil
}

func assetOf(name string, b []byte) asset {
	return asset{kind: assetKinds[path.Ext(name)], plain: b, gzip: sync.OnceValue(func() []byte { return packed(b) })}
}

// packed returns b compressed. Compressing into memory does not fail.
func packed(b []byte) []byte {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

// StaticRoutes returns the routes of scripts, styles, icons and robots.txt.
func (k *Kit) StaticRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/static/:version/:file", Auth: route.Open, Handle: k.asset},
		{Method: http.MethodGet, Path: "/favicon.ico", Auth: route.Open, Handle: k.favicon},
		{Method: http.MethodGet, Path: "/robots.txt", Auth: route.Open, Handle: robots},
		{Method: http.MethodGet, Path: "/.well-known/security.txt", Auth: route.Open, Handle: k.securityTxt, HostRoot: true},
	}
}

// asset serves a static file. The version in the path changes with the files, so that browsers can cache them forever.
func (k *Kit) asset(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	a, ok := k.static[r.PathValue("file")]
	if !ok || r.PathValue("version") != k.version {
		return fault.New(fault.NotFound, "there is no such file")
	}
	return a.serve(w, r, "public, max-age=31536000, immutable")
}

func (k *Kit) favicon(w http.ResponseWriter, r *http.Request, _ access.Caller) error {
	return k.static["icon.svg"].serve(w, r, "public, max-age=86400")
}

// robots asks crawlers to stay away from all pages.
func robots(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, err := io.WriteString(w, "User-agent: *\nDisallow: /\n")
	return err
}

// Security tells people where to report a security problem of this server.
type Security struct {
	Contacts []string // https:, mailto: or tel: URLs; without any there is no security.txt
	Policy   string   // https: URL, or ""
}

// expires is how long a copy of security.txt is valid. RFC 9116 asks for less than a year.
const expires = 180 * 24 * time.Hour

// securityTxt serves the contacts in the format of RFC 9116.
func (k *Kit) securityTxt(w http.ResponseWriter, _ *http.Request, _ access.Caller) error {
	if len(k.Security.Contacts) == 0 {
		return fault.New(fault.NotFound, "this server names no contact for security problems")
	}
	var b strings.Builder
	for _, contact := range k.Security.Contacts {
		b.WriteString("Contact: " + contact + "\n")
	}
	if k.Security.Policy != "" {
		b.WriteString("Policy: " + k.Security.Policy + "\n")
	}
	until := k.Now().UTC().Truncate(24 * time.Hour).Add(expires)
	b.WriteString("Expires: " + until.Format(time.RFC3339) + "\n")
	b.WriteString("Canonical: " + k.BaseURL.Scheme + "://" + k.BaseURL.Host + "/.well-known/security.txt\n")
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=86400")
	_, err := io.WriteString(w, b.String())
	return err
}

func (a asset) serve(w http.ResponseWriter, r *http.Request, cache string) error {
	h, body := w.Header(), a.plain
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", cache)
	h.Set("Vary", "Accept-Encoding")
	if a.policy != "" {
		h.Set("Content-Security-Policy", a.policy)
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(a.gzip()) < len(a.plain) {
		h.Set("Content-Encoding", "gzip")
		body = a.gzip()
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(body)
	return err
}

// loadTemplates parses the shared parts. A page is parsed and joined with a copy of the parts when it is first rendered,
// because the copies of all pages would take more memory than the rest of an idle server.
func (k *Kit) loadTemplates() error {
	shared, err := k.parse(template.New(""), "templates/parts/*.html")
	if err != nil {
		return err
	}
	names, err := fs.Glob(k.Files, "templates/*.html")
	if err != nil {
		return err
	}
	k.templates = map[string]func() (*template.Template, error){}
	for _, name := range names {
		k.templates[strings.TrimSuffix(path.Base(name), ".html")] = sync.OnceValues(func() (*template.Template, error) {
			t, err := shared.Clone()
			if err != nil {
				return nil, err
			}
			return k.parse(t, name)
		})
	}
	return nil
}

// parse adds files to t.
func (k *Kit) parse(t *template.Template, pattern string) (*template.Template, error) {
	return t.Funcs(k.words()).ParseFS(k.Files, pattern)
}

// execute renders a part of a page with its data.
func (k *Kit) execute(to *bytes.Buffer, page, part string, data any) error {
	t, err := k.templates[page]()
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(to, part, data)
}
