package upstreamtest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/packaging"
)

// What is what a request asks for.
type What string

// Kinds of request.
const (
	Page       What = "page"
	List       What = "list"
	Content    What = "file"
	Metadata   What = "metadata"
	Provenance What = "provenance"
	Other      What = "other"
)

// Request is a request that the upstream received, whether or not it answered.
type Request struct {
	At      time.Time
	What    What
	Project string // normalized; "" if the request names none
	Method  string
	Path    string
	Header  http.Header
}

// Asked returns the requests so far of the given kinds, or all of them, in order.
func (s *Server) Asked(kinds ...What) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Request
	for _, r := range s.asked {
		if len(kinds) == 0 || slices.Contains(kinds, r.What) {
			out = append(out, r)
		}
	}
	return out
}

// Count returns the number of requests for a project, in any spelling, of the given kinds, or of all.
func (s *Server) Count(project string, kinds ...What) int {
	n := 0
	for _, r := range s.Asked(kinds...) {
		if r.names(normal(project)) {
			n++
		}
	}
	return n
}

// Forget forgets the requests so far.
func (s *Server) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = nil
}

// AssertNothingAsked marks t as failed for each request that names a project in any spelling: its page, a file,
// metadata or provenance.
func (s *Server) AssertNothingAsked(t testing.TB, project string) {
	t.Helper()
	for _, r := range s.Asked() {
		if r.names(normal(project)) {
			t.Errorf("the upstream was asked for %s: %s %s", project, r.Method, r.Path)
		}
	}
}

// names reports whether a request names a project: in one of its segments, or as the project of a file name.
func (r Request) names(project string) bool {
	if r.Project == project {
		return true
	}
	for segment := range strings.SplitSeq(r.Path, "/") {
		segment = strings.TrimSuffix(segment, ".metadata")
		if normal(segment) == project {
			return true
		}
		name, err := packaging.ParseProjectName(project)
		if err == nil {
			if _, err := packaging.ParseFilename(segment, name); err == nil {
				return true
			}
		}
	}
	return false
}

func (s *Server) note(r *http.Request) Request {
	asked := Request{At: time.Now(), What: Other, Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone()}
	rest, simple := strings.CutPrefix(r.URL.Path, "/simple/")
	switch {
	case simple && rest == "":
		asked.What = List
	case simple:
		asked.What, asked.Project = Page, normal(strings.TrimSuffix(rest, "/"))
	case strings.HasPrefix(r.URL.Path, "/integrity/"):
		asked.What = Provenance
	case strings.HasSuffix(r.URL.Path, ".metadata"):
		asked.What = Metadata
	case strings.HasPrefix(r.URL.Path, "/packages/"), strings.HasPrefix(r.URL.Path, "/files/"):
		asked.What = Content
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.paths[strings.TrimSuffix(r.URL.Path, ".metadata")]; f != nil {
		asked.Project = f.project
	}
	s.asked = append(s.asked, asked)
	return asked
}
