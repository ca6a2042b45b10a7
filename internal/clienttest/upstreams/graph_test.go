package upstreams

import (
	"os"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/upstream/upstreamtest"
)

// own are projects of the index itself, two of which need projects of the upstream.
func own() []packagingtest.File {
	return []packagingtest.File{
		packagingtest.Wheel("acme-base", "1.0", "base = 1", "Requires-Dist: rich"),
		packagingtest.Wheel("acme-base", "1.1", "base = 2", "Requires-Dist: rich", "Requires-Dist: requests>=2.20"),
		packagingtest.Wheel("acme-app", "2.0", "app = 1", "Requires-Dist: acme-base>=1.1", "Requires-Dist: click"),
	}
}

// wanted names each well-known project once.
func wanted(t *testing.T) (names []string) {
	t.Helper()
	seen := map[string]bool{}
	for _, p := range clienttest.WellKnown(t) {
		if !seen[p.Project] {
			seen[p.Project] = true
			names = append(names, p.Project)
		}
	}
	return names
}

// Real clients resolve and install a graph of own projects and well-known ones through one URL, from an upstream that
// serves JSON and from one that serves HTML alone. The files are those of the upstream, byte for byte, and the upstream
// is asked for no own name, although it has one of them in a higher version. Clients cannot see which form the upstream
// has, nor replicas, so one of them shows that each works, and all of them do in depth.
func TestGraph(t *testing.T) {
	for _, c := range []struct {
		name, pair string
		upstream   upstreamtest.Options
		clients    func(*testing.T) []installer
	}{
		{"json", "sqlite", upstreamtest.Options{}, installers},
		{"html", "sqlite", upstreamtest.Options{HTMLOnly: true, Folder: true}, newestPip},
		{"replicas", "replicas", upstreamtest.Options{}, onlyUV},
	} {
		if clienttest.All() {
			c.clients = installers
		}
		t.Run(c.name, func(t *testing.T) {
			up := wellKnown(t, c.upstream)
			w := newWorld(t, c.pair, up)
			w.put(own()...)
			up.Add(packagingtest.Wheel("acme-base", "99.0", "evil = 1"))
			up.Forget()
			for _, client := range c.clients(t) {
				t.Run(client.name, func(t *testing.T) {
					site, r := client.install(t, w, append(wanted(t), "acme-app"))
					r.OK(t)
					if n := byteForByte(t, site); n < 60 {
						t.Errorf("%d well-known projects are installed, want at least 60", n)
					}
					if got := installed(t, site); got["acme-app"] != "2.0" || got["acme-base"] != "1.1" {
						t.Errorf("own projects: acme-app %s, acme-base %s", got["acme-app"], got["acme-base"])
					}
				})
			}
			for _, name := range []string{"acme-app", "acme-base", "consumer"} {
				up.AssertNothingAsked(t, name)
			}
			for _, r := range up.Asked() {
				if r.Header.Get("Authorization") != "" {
					t.Errorf("the upstream received a credential with %s", r.Path)
				}
			}
		})
	}
}

// The same projects are installed through a real index, if INDEX_TEST_UPSTREAM names its simple root: in the versions
// of the list, so that they are the same files. No other test asks an index that is not on this machine.
func TestRealUpstream(t *testing.T) {
	root := os.Getenv("INDEX_TEST_UPSTREAM")
	if root == "" {
		t.Skip("INDEX_TEST_UPSTREAM names no simple root")
	}
	w := start(t, "sqlite", nil, clienttest.Options{Args: []string{"--upstream", root}}, "")
	w.put(packagingtest.Wheel("acme-real-app", "2.0", "app = 1", "Requires-Dist: click"))
	pins := []string{"acme-real-app"}
	seen := map[string]bool{}
	for _, p := range clienttest.WellKnown(t) { // one version of each, which fit together
		if !seen[p.Project] && strings.HasSuffix(p.Name, ".whl") {
			seen[p.Project] = true
			pins = append(pins, p.Project+"=="+strings.Split(p.Name, "-")[1])
		}
	}
	for _, client := range installers(t) {
		t.Run(client.name, func(t *testing.T) {
			site, r := client.install(t, w, pins)
			r.OK(t)
			if n := byteForByte(t, site); n < 60 {
				t.Errorf("%d well-known projects are installed, want at least 60", n)
			}
		})
	}
}
