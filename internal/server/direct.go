package server

import (
	"mime"
	"net/http"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/route"
)

// direct refuses a request and sends the message as the reason phrase too: pip and twine print the phrase and ignore
// the body.
func (s *Server) direct(w *response, status int, err error) {
	w.err = err
	h, message := w.Header(), fault.Message(err)
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if werr := w.WriteReason(status, message, []byte(message+"\n")); werr != nil {
		s.refuse(w, status, err)
	}
}

// encoded returns fault.Invalid if the body of a request is compressed. No client of an index needs that, and a
// compressed body could be much larger than its limits allow.
func encoded(r *http.Request) error {
	for _, line := range r.Header["Content-Encoding"] {
		for coding := range strings.SplitSeq(line, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				return fault.New(fault.Invalid,
					"send the request without Content-Encoding: this index does not read compressed requests (%.40q)", coding)
			}
		}
	}
	return nil
}

// elsewhere returns an error that names the right address if an installer or an upload tool uses a wrong one, and nil
// for other requests.
func (s *Server) elsewhere(r *http.Request) error {
	switch {
	case installs(r):
		return fault.New(fault.NotFound, "use %s/simple/ as the index URL: this address is not a package index", s.tree(r))
	case uploads(r):
		return fault.New(fault.NotFound, "use %s/legacy/ as the upload URL: this address does not accept uploads", s.tree(r))
	}
	return nil
}

// front reports whether the path is the start page of the index or of a repository.
func (s *Server) front(path string) bool {
	rest, ok := strings.CutPrefix(strings.TrimSuffix(path, "/"), s.o.BasePath)
	name, below := strings.CutPrefix(rest, "/r/")
	return ok && (rest == "" || below && name != "" && !strings.Contains(name, "/"))
}

// tree returns the URL of the repository that a path is in, without a final slash.
func (s *Server) tree(r *http.Request) string {
	root := s.o.Origin + s.o.BasePath
	rest, _ := strings.CutPrefix(r.URL.Path, s.o.BasePath)
	below, ok := strings.CutPrefix(rest, "/r/")
	if name, _, _ := strings.Cut(below, "/"); ok && repositoryName(name) {
		return root + "/r/" + name
	}
	return root
}

// repositoryName reports whether a text from a path can be repeated in a message as the name of a repository. It does
// not look whether the repository exists.
func repositoryName(text string) bool {
	return text != "" && len(text) <= 64 && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == ""
}

// installs reports whether a request asks for pages of the simple repository API.
func installs(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	for w := (route.Weights{Lines: r.Header["Accept"]}); w.Next(); {
		if w.Weight > 0 && strings.HasPrefix(strings.ToLower(w.Value), "application/vnd.pypi.simple.") {
			return true
		}
	}
	return false
}

// uploads reports whether a request is an upload form.
func uploads(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return r.Method == http.MethodPost && err == nil && kind == "multipart/form-data"
}
