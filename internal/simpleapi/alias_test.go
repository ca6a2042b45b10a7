package simpleapi_test

import (
	"net/http"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/alias"
	"pyindex/internal/catalog"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/internal/server"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

// oldPaths are the paths of other indexes, of each kind.
var oldPaths = []string{
	"/root/pypi/+simple/", "/repository/acme-pypi/simple/", "/api/pypi/acme-local/simple/",
	"/api/v4/projects/20/packages/pypi/simple/", "/artifactory/api/pypi/acme/simple/", "/pypi-old/",
}

func aliased(d *demo, base string, open bool, repository string, used func(path, agent string)) http.Handler {
	o := simpleapi.Options{BasePath: base, Used: used}
	for _, path := range oldPaths {
		o.Aliases = append(o.Aliases, alias.Alias{Path: path, Repository: repository})
	}
	api := simpleapi.New(resolve.New(d.Index, resolve.Options{}), o)
	return d.Serve(base, open, api.Table(), api.AliasTable())
}

// TestAlias: below an alias are the pages of the repository, in place: in each representation, for each spelling of the
// path, with links that lead to the files.
func TestAlias(t *testing.T) {
	d := newDemo(t)
	for _, base := range []string{"", "/team"} {
		var used []string
		h := aliased(d, base, true, "main", func(path, agent string) { used = append(used, path+" "+agent) })
		for _, old := range oldPaths {
			for _, accept := range []string{"text/html", jsonType, htmlType} {
				for suffix, own := range map[string]string{"": "/simple/", "de-mo/": "/simple/de-mo/"} {
					want := call(h, "GET "+base+own, "Accept", accept)
					if want.Code != http.StatusOK {
						t.Fatalf("GET %s = %d", base+own, want.Code)
					}
					targets := []string{base + old + suffix, strings.TrimSuffix(base+old+suffix, "/"), old + suffix}
					if suffix != "" {
						targets = append(targets, base+old+"De_Mo/", base+old+"de.mo")
					}
					targets = append(targets, strings.ReplaceAll(base+old+suffix, "+", "%2B"))
					for _, target := range targets {
						used = nil
						w := call(h, "GET "+target, "Accept", accept, "User-Agent", "pip/26.3")
						if w.Code != http.StatusOK || w.Body.String() != want.Body.String() ||
							w.Header().Get("Content-Type") != want.Header().Get("Content-Type") {
							t.Errorf("GET %s = %d %s, want what %s answers", target, w.Code, w.Header(), own)
						}
						if len(used) != 1 || used[0] != old+" pip/26.3" {
							t.Errorf("GET %s was noted as %q", target, used)
						}
						if head := call(h, "HEAD "+target, "Accept", accept); head.Code != http.StatusOK || head.Body.Len() > 0 {
							t.Errorf("HEAD %s = %d", target, head.Code)
						}
					}
				}
			}
		}
		if page := call(h, "GET "+base+"/root/pypi/+simple/de-mo/").Body.String(); !strings.Contains(page,
			`href="`+base+path(d.wheel)) {
			t.Errorf("the page does not link to the file: %s", page)
		}
	}
}

// TestAliasIsReadOnly: nothing below an alias writes, and there is nothing else than pages.
func TestAliasIsReadOnly(t *testing.T) {
	d := newDemo(t)
	h := aliased(d, "", true, "main", nil)
	for _, old := range oldPaths {
		for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
			for _, target := range []string{old, strings.TrimSuffix(old, "/"), old + "de-mo/", old + "de-mo/1.0/"} {
				if w := call(h, method+" "+target); w.Code != http.StatusMethodNotAllowed && w.Code != http.StatusNotFound {
					t.Errorf("%s %s = %d", method, target, w.Code)
				}
			}
		}
		for _, target := range []string{"missing/", "de-mo/1.0/", "de-mo/x", "..%2fsimple/", "!/"} {
			if w := call(h, "GET "+old+target); w.Code < 400 || w.Code >= 500 {
				t.Errorf("GET %s = %d", old+target, w.Code)
			}
		}
		if w := call(h, "GET "+old+"de-mo/", "Accept", "image/png"); w.Code != http.StatusNotAcceptable {
			t.Errorf("a page as a picture = %d", w.Code)
		}
	}
}

// TestAliasNeedsTheRightsOfTheRepository: an alias shows nothing to a caller that the repository does not show, and a
// repository that does not exist looks like one that is hidden.
func TestAliasNeedsTheRightsOfTheRepository(t *testing.T) {
	d := newDemo(t)
	secret := d.Hidden("secret")
	p := d.Project("hidden", secret)
	d.Add(p, indextest.File{File: catalog.File{Filename: "hidden-1.0.tar.gz", Version: "1.0"}, Content: "hidden"})
	stranger, member := basic(d.Token(access.NoRole, "", "")), basic(d.Token(access.Reader, secret.ID, ""))
	closed, open := aliased(d, "", false, "secret", nil), aliased(d, "", true, "secret", nil)
	none := aliased(d, "", false, "none", nil)
	for _, old := range oldPaths {
		for _, suffix := range []string{"", "hidden/", "missing/"} {
			target := "GET " + old + suffix
			if w := call(closed, target); w.Code != http.StatusUnauthorized {
				t.Errorf("%s without a token = %d", target, w.Code)
			}
			if w := call(open, target); w.Code != http.StatusNotFound && w.Code != http.StatusUnauthorized {
				t.Errorf("%s of anonymous readers = %d", target, w.Code)
			}
			got, want := call(closed, target, "Authorization", stranger), call(none, target, "Authorization", stranger)
			if got.Code != http.StatusNotFound || got.Code != want.Code || got.Body.String() != want.Body.String() {
				t.Errorf("%s of a stranger = %d %q; of no repository %d %q", target, got.Code, got.Body, want.Code, want.Body)
			}
		}
		if w := call(closed, "GET "+old+"hidden/", "Authorization", member); w.Code != http.StatusOK ||
			!strings.Contains(w.Body.String(), "/r/secret/packages/") {
			t.Errorf("a member gets %d", w.Code)
		}
	}
}

// TestAliasHidesNothing: the server does not start if an alias would hide an address of the index, and names the
// setting.
func TestAliasHidesNothing(t *testing.T) {
	d := newDemo(t)
	keys := access.NewKeyring(nil, access.KeyringOptions{})
	for _, old := range []string{
		"/simple/", "/simple/de-mo/", "/r/team/simple/", "/packages/", "/packages/x/y/", "/integrity/a/b/c/",
		"/r/x/packages/a/b/",
	} {
		api := simpleapi.New(resolve.New(d.Index, resolve.Options{}),
			simpleapi.Options{Aliases: []alias.Alias{{Path: old, Repository: "main"}}})
		for _, tables := range [][]route.Table{{api.Table(), api.AliasTable()}, {api.AliasTable(), api.Table()}} {
			_, err := server.New(server.Options{Keyring: keys}, tables...)
			if err == nil || !strings.Contains(err.Error(), "aliases: the path "+strings.TrimSuffix(old, "/")) {
				t.Errorf("an alias %s: %v", old, err)
			}
		}
	}
}
