package upstreamtest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"html"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	jsonType = "application/vnd.pypi.simple.v1+json"
	htmlType = "text/html; charset=utf-8"
)

// handler notes each request, and lets it wait and fail before next answers.
func (s *Server) handler(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.control(w, r) {
			return
		}
		faults := s.met(s.note(r))
		if pause(r.Context(), s.options.Latency) != nil || pause(r.Context(), faults[Slow].For) != nil {
			return
		}
		if s.options.Bandwidth > 0 || len(faults) > 0 {
			w = &damaged{ResponseWriter: w, r: r, s: s, faults: faults}
		}
		switch {
		case !s.admits(r):
			w.Header().Set("WWW-Authenticate", `Basic realm="upstream"`)
			http.Error(w, "sign in", http.StatusUnauthorized)
		case !faults.instead(w, r):
			next(w, r.WithContext(withFaults(r.Context(), faults)))
		}
	})
}

// admits reports whether a request has the credential of the server, if it has one.
func (s *Server) admits(r *http.Request) bool {
	if s.options.Token != "" {
		return r.Header.Get("Authorization") == "Bearer "+s.options.Token
	}
	user, password, _ := r.BasicAuth()
	return s.options.Username == "" || user == s.options.Username && password == s.options.Password
}

func (s *Server) servePages(w http.ResponseWriter, r *http.Request) {
	name, simple := strings.CutPrefix(r.URL.Path, "/simple/")
	switch {
	case !simple:
		s.serveFile(w, r)
	case name == "":
		s.serveList(w, r)
	case name != normal(strings.TrimSuffix(name, "/"))+"/":
		http.Redirect(w, r, "/simple/"+normal(strings.TrimSuffix(name, "/"))+"/", http.StatusMovedPermanently)
	default:
		s.servePage(w, r, strings.TrimSuffix(name, "/"))
	}
}

// project returns a copy of a project that holds until the next change, or nil.
func (s *Server) project(name string) *Project {
	if n, ok := s.options.Catalog.number(name); ok {
		return s.options.Catalog.project(n)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[name]
	if p == nil {
		return nil
	}
	held := *p
	held.Files = slices.Clone(p.Files)
	return &held
}

// serialOf returns the serial of a project, without generating it.
func (s *Server) serialOf(name string) (int64, bool) {
	if n, ok := s.options.Catalog.number(name); ok {
		return int64(20_000_000 + n), true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[name]
	if p == nil {
		return 0, false
	}
	return p.Serial, true
}

func (s *Server) servePage(w http.ResponseWriter, r *http.Request, name string) {
	serial, ok := s.serialOf(name)
	if !ok {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	faults := faultsOf(r.Context())
	if faults.has(LowerSerial) {
		serial -= 1000
	}
	w.Header().Set("X-PyPI-Last-Serial", strconv.FormatInt(serial, 10))
	asJSON := s.wantsJSON(r)
	if s.unchanged(w, r, faults, fmt.Sprint(name, serial, asJSON, faults.has(EmptyPage), faults.has(OtherDigest)),
		serial) {
		return
	}
	p := s.project(name)
	if p == nil {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	p.Serial = serial
	if faults.has(EmptyPage) {
		p.Files = nil
	}
	if faults.has(LowerSerial) && len(p.Files) > 0 {
		p.Files = p.Files[:len(p.Files)-1]
	}
	major := "1.4"
	if faults.has(NewMajor) {
		major = "2.0"
	}
	if asJSON {
		s.send(w, r, faults, jsonType, s.json(p, major, faults))
	} else {
		s.send(w, r, faults, htmlType, s.html(p, major, faults))
	}
}

// wantsJSON reports whether a client that lists JSON without a lower weight, or before HTML, gets it.
func (s *Server) wantsJSON(r *http.Request) bool {
	return !s.options.HTMLOnly && strings.Contains(r.Header.Get("Accept"), jsonType)
}

// unchanged sets the validator of a page, and answers 304 if the client holds it.
func (s *Server) unchanged(w http.ResponseWriter, r *http.Request, faults faults, key string, serial int64) bool {
	w.Header().Set("Cache-Control", "max-age=600, public")
	w.Header().Set("Vary", "Accept, Accept-Encoding")
	if faults.has(NoValidator) {
		return false
	}
	same := false
	if s.options.Dated {
		at := firstUpload.Add(time.Duration(serial) * time.Second).Format(http.TimeFormat)
		w.Header().Set("Last-Modified", at)
		same = r.Header.Get("If-Modified-Since") == at
	} else {
		h := fnv.New64a()
		_, _ = h.Write([]byte(key))
		tag := fmt.Sprintf(`"%x"`, h.Sum64())
		w.Header().Set("ETag", tag)
		same = r.Header.Get("If-None-Match") == tag
	}
	// A fault of the body needs a body.
	for _, k := range []Kind{Truncated, Stalled, Trickle, NewMajor, EmptyPage, OtherDigest} {
		same = same && !faults.has(k)
	}
	if same {
		w.WriteHeader(http.StatusNotModified)
	}
	return same
}

// send sends a page, compressed if the client accepts it.
func (s *Server) send(w http.ResponseWriter, r *http.Request, faults faults, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") || faults.has(Gzip) {
		var out bytes.Buffer
		gz, _ := gzip.NewWriterLevel(&out, gzip.BestSpeed)
		_, _ = gz.Write(body)
		_ = gz.Close()
		w.Header().Set("Content-Encoding", "gzip")
		body = out.Bytes()
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body)
}

func (s *Server) serveList(w http.ResponseWriter, r *http.Request) {
	if s.options.NoList {
		http.Error(w, "404 Not Found", http.StatusNotFound)
		return
	}
	type entry struct {
		Serial int64  `json:"_last-serial"`
		Name   string `json:"name"`
	}
	list := []entry{}
	s.mu.Lock()
	serial := s.serial
	for name, p := range s.projects {
		list = append(list, entry{p.Serial, name})
	}
	s.mu.Unlock()
	for n := range s.options.Catalog.Projects {
		list = append(list, entry{int64(20_000_000 + n), s.options.Catalog.Project(n)})
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Compare(a.Name, b.Name) })
	w.Header().Set("X-PyPI-Last-Serial", strconv.FormatInt(serial, 10))
	faults, asJSON := faultsOf(r.Context()), s.wantsJSON(r)
	if s.unchanged(w, r, faults, fmt.Sprint(serial, len(list), asJSON), serial) {
		return
	}
	if asJSON {
		body, _ := json.Marshal(map[string]any{
			"meta": map[string]any{"api-version": "1.4", "_last-serial": serial}, "projects": list,
		})
		s.send(w, r, faults, jsonType, body)
		return
	}
	var b bytes.Buffer
	b.WriteString("<!DOCTYPE html>\n<html>\n  <head>\n    <meta name=\"pypi:repository-version\" content=\"1.4\">\n" +
		"    <title>Simple index</title>\n  </head>\n  <body>\n")
	for _, e := range list {
		fmt.Fprintf(&b, "    <a href=\"/simple/%s/\">%[1]s</a>\n", e.Name)
	}
	fmt.Fprintf(&b, "  </body>\n</html>\n<!--SERIAL %d-->", serial)
	s.send(w, r, faults, htmlType, b.Bytes())
}

// jsonFile is a file of a page, with the keys of the public index in their order.
type jsonFile struct {
	CoreMetadata   any               `json:"core-metadata,omitempty"`
	DistInfo       any               `json:"data-dist-info-metadata,omitempty"`
	Filename       string            `json:"filename"`
	Signed         *bool             `json:"gpg-sig,omitempty"`
	Hashes         map[string]string `json:"hashes"`
	Provenance     any               `json:"provenance,omitempty"`
	RequiresPython *string           `json:"requires-python,omitempty"`
	Size           *int64            `json:"size,omitempty"`
	Uploaded       string            `json:"upload-time,omitempty"`
	URL            string            `json:"url"`
	Yanked         any               `json:"yanked,omitempty"`
}

// null is a JSON null that omitempty does not leave out.
type null struct{}

// MarshalJSON returns null.
func (null) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

func (s *Server) json(p *Project, version string, faults faults) []byte {
	page := struct {
		Alternate []string          `json:"alternate-locations"`
		Files     []jsonFile        `json:"files"`
		Meta      map[string]any    `json:"meta"`
		Name      string            `json:"name"`
		Status    map[string]string `json:"project-status"`
		Versions  []string          `json:"versions"`
	}{
		Alternate: []string{}, Files: []jsonFile{}, Name: p.Name, Versions: []string{},
		Meta:   map[string]any{"_last-serial": p.Serial, "api-version": version},
		Status: map[string]string{"status": cmp.Or(p.Status, "active")},
	}
	if p.StatusReason != "" {
		page.Status["reason"] = p.StatusReason
	}
	for _, f := range p.Files {
		j := jsonFile{Filename: f.Name, Hashes: s.hashes(f, faults), URL: s.url(p.Name, f), Signed: f.Signed}
		if !slices.Contains(page.Versions, f.Version) && (len(page.Versions) < 2000) {
			page.Versions = append(page.Versions, f.Version)
		}
		if !s.options.Bare {
			size, requires := f.Size, f.RequiresPython
			j.Size, j.Uploaded = &size, f.Uploaded.UTC().Format("2006-01-02T15:04:05.000000Z")
			j.RequiresPython = &requires
			j.Yanked, j.CoreMetadata, j.Provenance = f.Yanked, false, null{}
			if f.YankedReason != "" {
				j.Yanked = f.YankedReason
			}
			if f.Metadata != nil {
				j.CoreMetadata = map[string]string{"sha256": sum(f.Metadata)}
			}
			j.DistInfo = j.CoreMetadata
			if f.Provenance != nil {
				j.Provenance = s.provenanceURL(p.Name, f)
			}
		}
		page.Files = append(page.Files, j)
	}
	body, err := json.Marshal(page)
	if err != nil {
		panic(err)
	}
	return body
}

func (s *Server) hashes(f *File, faults faults) map[string]string {
	all := map[string]string{}
	for k, v := range f.Hashes {
		all[k] = v
	}
	if !f.NoSHA256 {
		all["sha256"] = f.SHA256
	}
	if faults.has(OtherDigest) {
		for k, v := range all {
			all[k] = v[1:] + v[:1]
		}
	}
	return all
}

// url returns the address of a file, also of a generated one, which has no path yet.
func (s *Server) url(project string, f *File) string {
	if f.path == "" {
		f.path = s.pathOf(project, f)
	}
	return s.FilesBase() + f.path
}

func (s *Server) provenanceURL(project string, f *File) string {
	return fmt.Sprintf("%s/integrity/%s/%s/%s/provenance", s.Base(), project, f.Version, f.Name)
}

func (s *Server) html(p *Project, version string, faults faults) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<!DOCTYPE html>\n<html>\n  <head>\n    <meta name=\"pypi:repository-version\" content=\"%s\">\n",
		version)
	if p.Status != "" {
		fmt.Fprintf(&b, "    <meta name=\"pypi:project-status\" content=\"%s\">\n", html.EscapeString(p.Status))
	}
	if p.StatusReason != "" {
		fmt.Fprintf(&b, "    <meta name=\"pypi:project-status-reason\" content=\"%s\">\n", html.EscapeString(p.StatusReason))
	}
	fmt.Fprintf(&b, "    <title>Links for %s</title>\n  </head>\n  <body>\n    <h1>Links for %[1]s</h1>\n", p.Name)
	for _, f := range p.Files {
		url, hashes := s.url(p.Name, f), s.hashes(f, faults)
		for _, kind := range []string{"sha256", "sha512", "md5"} {
			if hashes[kind] != "" {
				url += "#" + kind + "=" + hashes[kind]
				break
			}
		}
		fmt.Fprintf(&b, `<a href="%s"`, html.EscapeString(url))
		if f.RequiresPython != "" {
			fmt.Fprintf(&b, ` data-requires-python="%s"`, html.EscapeString(f.RequiresPython))
		}
		if f.Yanked || f.YankedReason != "" {
			fmt.Fprintf(&b, ` data-yanked="%s"`, html.EscapeString(f.YankedReason))
		}
		if f.Metadata != nil && !s.options.Bare {
			fmt.Fprintf(&b, ` data-dist-info-metadata="sha256=%s" data-core-metadata="sha256=%[1]s"`, sum(f.Metadata))
		}
		if f.Provenance != nil && !s.options.Bare {
			fmt.Fprintf(&b, ` data-provenance="%s"`, html.EscapeString(s.provenanceURL(p.Name, f)))
		}
		if f.Signed != nil {
			fmt.Fprintf(&b, ` data-gpg-sig="%v"`, *f.Signed)
		}
		fmt.Fprintf(&b, ">%s</a><br />\n", html.EscapeString(f.Name))
	}
	fmt.Fprintf(&b, "  </body>\n</html>\n<!--SERIAL %d-->", p.Serial)
	return b.Bytes()
}
