package resolve_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream"
)

// draws makes the tree of main draw on another index alone.
func (w *world) draws(from *httptest.Server, token access.Secret) {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "password")
	w.must(os.WriteFile(file, []byte(token.Reveal()), 0o600))
	u := upstream.Default()
	u.Name, u.URL, u.AllowPrivate = "index", from.URL+"/simple/", true
	u.Username, u.PasswordFile = "__token__", file
	a := w.replicas[0]
	w.must(a.Upstreams.Add(w.t.Context(), a.Operator, u))
	w.bases("main", "upstream:index")
}

// page returns the status of a project's page, and the index servers that limited it.
func (w *world) page(project string, header ...string) (status int, limited string) {
	out := w.call(0, w.admin, http.MethodGet, "/simple/"+project+"/", nil, header...)
	return out.Code, out.Header().Get(upstream.LimitedHeader)
}

// pair returns an index with a public upstream, and a second one that reads the first.
func pair(t *testing.T, fresh func(*testing.T) string) (inner, outer *world, site *httptest.Server) {
	t.Helper()
	worlds := [2]*world{}
	for i := range worlds {
		dir := t.TempDir()
		worlds[i] = newWorld(t, dir, fresh(t), "file://"+filepath.Join(dir, "blobs"))
	}
	inner, outer = worlds[0], worlds[1]
	site = httptest.NewServer(inner.handlers[0])
	t.Cleanup(site.Close)
	outer.draws(site, inner.admin)
	return inner, outer, site
}

// TestForgedVia: a caller with a Via header that leads to a limited answer of the index above gets an error for itself.
// Nobody else notices: neither is the project taken for absent, nor are its files dropped.
func TestForgedVia(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		inner, outer, _ := pair(t, fresh)
		for _, project := range []string{"held", "cold"} {
			inner.public.Add(theirs(project))
		}
		if status, _ := outer.page("held"); status != http.StatusOK {
			t.Fatalf("the page through two indexes: %d", status)
		}
		for _, via := range []string{
			"1.1 index-x, 1.1 index-y, 1.1 index-z", "1.1 index-" + inner.replicas[0].Instance,
		} {
			if status, _ := outer.page("held", "Via", via, "Cache-Control", "no-cache"); status != http.StatusOK {
				t.Errorf("%s: a page that is held: %d", via, status)
			}
			if status, _ := outer.page("cold", "Via", via); status == http.StatusOK {
				t.Errorf("%s: a page that is not held: %d", via, status)
			}
		}
		for _, project := range []string{"held", "cold"} {
			if status, limited := outer.page(project); status != http.StatusOK || limited != "" {
				t.Errorf("%s afterwards: %d, limited by %q", project, status, limited)
			}
		}
		status, limited := inner.page("held", "Via", "1.1 index-a, 1.1 index-b, 1.1 index-c, 1.1 index-d")
		if status != http.StatusNotFound || limited != inner.replicas[0].Instance {
			t.Errorf("a long chain: %d, limited by %q", status, limited)
		}
		inner.publish("", own("ours"))
		if status, limited := inner.page("ours", "Via", strings.Repeat("1.1 index-a, ", 9)); status != 200 || limited != "" {
			t.Errorf("an own project in a long chain: %d, limited by %q", status, limited)
		}
	})
}

// TestCircle: two indexes that read each other serve what either has, and agree that nobody has the rest.
func TestCircle(t *testing.T) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		inner, outer, _ := pair(t, fresh)
		site := httptest.NewServer(outer.handlers[0])
		t.Cleanup(site.Close)
		inner.draws(site, outer.admin)
		inner.publish("", own("mine"))
		outer.publish("", own("yours"))
		for project, want := range map[string]int{"mine": 200, "yours": 200, "neither": 404, "nor": 404} {
			for _, w := range []*world{inner, outer} {
				if status, limited := w.page(project); status != want || limited != "" {
					t.Errorf("%s: %d, limited by %q, want %d", project, status, limited, want)
				}
			}
		}
	})
}
