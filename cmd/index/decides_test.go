//go:build !windows

package main

import (
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/route"
)

// ofFiles matches the paths at which a file, or the releases of a project, may be named.
var ofFiles = regexp.MustCompile(`:project|:version|:filename|:source|/simple|/search/|/packages/`)

// nothingOfFiles are addresses of such a form that name no file of a project, with the reason.
var nothingOfFiles = map[string]string{
	"/help/come-over/:source/": "a chapter of the manual",
	"/static/:version/:file":   "scripts and styles of the pages",
}

// TestEveryRouteIsDecided: each address states who decides about files that are held or denied. One at which a file can
// be named leaves that to the policy, or shows it only to those who manage it.
func TestEveryRouteIsDecided(t *testing.T) {
	x := newFixture(t, "http://h.example/team", false)
	used := map[string]bool{}
	for _, r := range x.server.Routes() {
		path := strings.Replace(strings.TrimPrefix(r.Path, "/team"), "/r/:repository", "", 1)
		what := r.Method + " " + r.Path + " of " + r.Table
		_, excepted := nothingOfFiles[path]
		used[path] = true
		switch {
		case r.Decides == route.Unmarked:
			t.Errorf("%s does not state who decides about held and denied files: set Decides", what)
		case r.Decides == route.NoFiles && ofFiles.MatchString(path) && !excepted:
			t.Errorf("%s is marked as one without files, but its path names one", what)
		case r.Decides == route.AsKept && r.Auth != route.Signed:
			t.Errorf("%s names files as they are kept to callers who need not be signed in", what)
		case r.Decides == route.ByPolicy && r.Auth == route.Open:
			t.Errorf("%s leaves the decision about files to the policy, which needs a caller", what)
		}
	}
	for path := range nothingOfFiles {
		if !used[path] {
			t.Errorf("%s is no address any more", path)
		}
	}
}
