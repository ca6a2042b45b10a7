package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// asset is a static file, ready-made.
type asset struct {
	kind        string
	plain, gzip []byte
}

var assetKinds = map[string]string{
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png",
}

// loadStatic reads the static files; the stylesheet is the files of static/css one after the other.
func (k *Kit) loadStatic() error {
	files := map[string][]byte{}
	err := fs.WalkDir(k.Files, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := fs.ReadFile(k.Files, name)
		if path.Dir(name) == "static/css" { // WalkDir goes by name
			files["style.css"] = append(files["style.css"], b...)
		} else {
			files[path.Base(name)] = b
		}
		return err
	})
	if err != nil {
		return err
	}
	k.static = map[string]asset{}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		sum.Write([]byte(name))
		sum.Write(files[name])
		if k.static[name], err = ready(name, files[name]); err != nil {
			return err
		}
	}
	k.version = hex.EncodeToString(sum.Sum(nil))[:12]
	return nil
}

func ready(name string, b []byte) (asset, error) {
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(b)
	}
	if err == nil {
		err = w.Close()
	}
	return asset{kind: assetKinds[path.Ext(name)], plain: b, gzip: packed.Bytes()}, err
}

// StaticRoutes returns the routes of scripts, styles and icons.
func (k *Kit) StaticRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/static/:version/:file", Auth: route.Open, Handle: k.asset},
		{Method: http.MethodGet, Path: "/favicon.ico", Auth: route.Open, Handle: k.favicon},
	}
}

// asset serves a static file. The version in the path changes with the files, so that browsers keep them for good.
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

func (a asset) serve(w http.ResponseWriter, r *http.Request, cache string) error {
	h, body := w.Header(), a.plain
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", cache)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && len(a.gzip) < len(a.plain) {
		h.Set("Content-Encoding", "gzip")
		body = a.gzip
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(body)
	return err
}

// loadTemplates parses each page with the frame and the parts.
func (k *Kit) loadTemplates() error {
	shared, err := template.New("").Funcs(k.words()).ParseFS(k.Files, "templates/parts/*.html")
	if err != nil {
		return err
	}
	names, err := fs.Glob(k.Files, "templates/*.html")
	if err != nil {
		return err
	}
	k.templates = map[string]*template.Template{}
	for _, name := range names {
		t, err := shared.Clone()
		if err == nil {
			t, err = t.ParseFS(k.Files, name)
		}
		if err != nil {
			return err
		}
		k.templates[strings.TrimSuffix(path.Base(name), ".html")] = t
	}
	return nil
}
