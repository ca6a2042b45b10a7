//go:build !windows

package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// kinds are the columns of the matrix, and who they stand for: nobody; tokens that are no good; a member's; a token of
// an administrator bound to another project; a minted one for the project; a minted one that reads it; one of
// a service account of the project; an administrator's.
var kinds = []string{
	"", "bad", "expired", "revoked", "disabled", "read", "upload", "other", "minted", "reader", "service", "admin",
}

// foreignHash is a part of foreignFile, the end of the address of an upstream's file, which nobody has.
const (
	foreignHash = "00000000000000000000000000000000"
	foreignFile = "public/-/" + foreignHash + "/demo_pkg-1.0.tar.gz"
)

// things are the values of a path's parameters: what is there, and what is not.
func (x *fixture) things(path string) []string {
	fill := func(repository, project string) string {
		return strings.NewReplacer(
			":repository", repository, ":project", project, ":version", "1.0", ":user", "member", ":kind", "user", ":subject",
			"member", ":upstream", "public", ":account", "deploy", ":name", "main", ":filename", demoFile, ":publisher",
			x.publisher,
		).Replace(path)
	}
	var all []string
	repositories, projects := []string{""}, []string{""}
	if strings.Contains(path, ":repository") {
		repositories = []string{"main", secret, nowhere}
	}
	if strings.Contains(path, ":project") {
		projects = []string{demo, "nothing"}
	}
	if before, ok := strings.CutSuffix(path, ":source/*"); ok { // a file of this index, and one of an upstream
		return append(x.things(before+x.file.SHA256+"/"+demoFile), x.things(before+foreignFile)...)
	}
	for _, r := range repositories {
		for _, p := range projects {
			all = append(all, fill(r, p))
		}
	}
	return all
}

// Every address, each kind of credential, on an index that nobody may read without one and on one that anybody may.
func TestPermissions(t *testing.T) {
	for _, open := range []bool{false, true} {
		name := map[bool]string{false: "closed", true: "open"}[open]
		t.Run(name, func(t *testing.T) {
			x := newFixture(t, "http://h.example", open)
			rows := [][]string{append([]string{"METHOD", "PATH", "nobody"}, kinds[1:]...)}
			for _, route := range x.server.Routes() {
				if route.Auth.Session() {
					continue // pages have a table of their own
				}
				for _, path := range x.things(route.Path) {
					row := []string{
						route.Method, strings.NewReplacer(x.file.SHA256, "SHA256", foreignHash, "HASH").Replace(path),
					}
					for _, kind := range kinds {
						code := x.ask(route.Method, path, kind).Code
						row = append(row, fmt.Sprint(code))
						if route.Method != http.MethodGet {
							continue
						}
						if head := x.ask(http.MethodHead, path, kind).Code; head != code {
							t.Errorf("HEAD %s as %q = %d, but GET = %d", path, kind, head, code)
						}
					}
					rows = append(rows, row)
				}
			}
			golden(t, "permissions-"+name+".txt", columns(rows))
		})
	}
}

// A project that somebody may not see looks like one that does not exist: status, body and the headers that depend on
// content. In the repository main that is so for a token bound to another project, in the secret one for everybody but
// an administrator.
func TestHiddenIsMissing(t *testing.T) {
	for _, open := range []bool{false, true} {
		x := newFixture(t, "http://h.example", open)
		for _, route := range x.server.Routes() {
			if route.Auth.Session() || route.Method != http.MethodGet ||
				!strings.Contains(route.Path, ":project") && !strings.Contains(route.Path, ":source") {
				continue
			}
			for _, kind := range kinds[:len(kinds)-1] {
				if !strings.Contains(route.Path, ":repository") && kind != "other" {
					continue
				}
				hidden, missing := x.shape(route.Path, kind, demo, x.file.SHA256),
					x.shape(route.Path, kind, "nothing", strings.Repeat("0", 64))
				if hidden != missing {
					t.Errorf("open %v, %q, GET %s: hidden is\n%s\nmissing is\n%s", open, kind, route.Path, hidden, missing)
				}
			}
		}
	}
}

// shape is what an answer tells about a project, without its name.
func (x *fixture) shape(path, kind, project, sha256 string) string {
	path = strings.NewReplacer(":repository", secret, ":project", project, ":version", "1.0", ":user", "member",
		":filename", demoFile, ":source/*", sha256+"/"+demoFile).Replace(path)
	got := x.ask(http.MethodGet, path, kind)
	h := got.Header()
	text := fmt.Sprint(got.Code, h.Get("Location"), h.Get("ETag"), h.Get("Cache-Control"), h.Get("WWW-Authenticate"),
		got.Body)
	return strings.ReplaceAll(text, project, "PROJECT")
}

// On a closed index nobody learns anything: 401 with a challenge for every address that is not open, whatever is there.
func TestClosedToNobody(t *testing.T) {
	x := newFixture(t, "http://h.example", false)
	for _, route := range x.server.Routes() {
		if a := route.Auth.String(); a == "open" || a == "scraper" || route.Auth.Session() {
			continue // TestMetricsAreHidden has the address of the metrics
		}
		for _, kind := range []string{"", "bad", "expired", "revoked", "disabled"} {
			first := ""
			for _, path := range x.things(route.Path) {
				got := x.ask(route.Method, path, kind)
				if challenge := got.Header().Get("WWW-Authenticate"); got.Code != http.StatusUnauthorized ||
					challenge != `Basic realm="index"` {
					t.Errorf("%s %s as %q = %d, challenge %q", route.Method, path, kind, got.Code, challenge)
				}
				if first == "" {
					first = got.Body.String()
				}
				if got.Body.String() != first {
					t.Errorf("%s %s as %q says %q, and %q for another thing", route.Method, path, kind, got.Body.String(), first)
				}
			}
		}
	}
}
