package simpleapi_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi"
	"pyindex/internal/simpleapi/indextest"
)

// grown is a site with a server that has answered before, for comparison with servers that are new.
type grown struct {
	*indextest.Site
	t     *testing.T
	old   http.Handler
	auth  map[string]string // by the name of the caller
	round int
}

func (g *grown) fresh(x *catalog.Index) http.Handler {
	o := simpleapi.Options{BaseURL: "https://index.example", CacheBytes: 32 << 20}
	return g.Serve("", true, simpleapi.New(resolve.New(x, resolve.Options{}), o).Table())
}

// compare reads a page from the server that has answered before and from one that has not. Everything must be equal.
func (g *grown) compare(target string) {
	g.t.Helper()
	fresh := g.fresh(g.Another())
	for caller, auth := range g.auth {
		for _, accept := range []string{"text/html", jsonType} {
			for _, coding := range []string{"identity", "gzip", "zstd"} {
				headers := []string{"Accept", accept, "Accept-Encoding", coding}
				if auth != "" {
					headers = append(headers, "Authorization", auth)
				}
				got, want := call(g.old, "GET "+target, headers...), call(fresh, "GET "+target, headers...)
				for _, h := range []string{"ETag", "Content-Length", "Content-Encoding", "Content-Type", "X-PyPI-Last-Serial"} {
					if got.Header().Get(h) != want.Header().Get(h) {
						g.t.Errorf("round %d, %s as %s for %s: %s = %q, a new server says %q", g.round, target, accept, caller, h,
							got.Header().Get(h), want.Header().Get(h))
					}
				}
				if got.Code != want.Code || got.Body.String() != want.Body.String() {
					g.t.Fatalf("round %d, %s as %s in %s for %s: %d with %d bytes, a new server says %d with %d", g.round, target,
						accept, coding, caller, got.Code, got.Body.Len(), want.Code, want.Body.Len())
				}
			}
		}
	}
}

func newGrown(t *testing.T) *grown {
	g := &grown{Site: indextest.New(t), t: t}
	g.old = g.fresh(g.Index)
	return g
}

// TestListsKeepUp: a list after any change is that of a server that reads it for the first time, byte for byte.
func TestListsKeepUp(t *testing.T) {
	g := newGrown(t)
	random := rand.New(rand.NewPCG(23, 4))
	g.Projects("project", 6_000)
	closed := g.Hidden("closed")
	inClosed := []catalog.Project{g.Project("hidden-one", closed), g.Project("hidden-two", closed)}
	projects := []catalog.Project{g.Project("aa"), g.Project("zz")}
	g.auth = map[string]string{
		"everyone":               "",
		"reader":                 basic(g.Token(access.NoRole, "", "")),
		"reader of one project":  basic(g.Token(access.Reader, closed.ID, inClosed[0].ID)),
		"reader of a repository": basic(g.Token(access.Reader, closed.ID, "")),
	}
	for g.round = range 50 {
		for range 1 + random.IntN(3) {
			p := projects[random.IntN(len(projects))]
			switch random.IntN(6) {
			case 0:
				projects = append(projects, g.Project(fmt.Sprintf("Project_%d.x", random.IntN(9_000_000))))
			case 1:
				g.Change(p, func(p *catalog.Project) { p.Display = fmt.Sprintf("<%s> & %d", p.Name, random.IntN(9)) })
			case 2:
				g.Change(p, func(p *catalog.Project) { p.Status = catalog.Quarantined })
			case 3:
				g.Change(p, func(p *catalog.Project) { p.Status = catalog.Active })
			case 4:
				inClosed = append(inClosed, g.Project(fmt.Sprintf("hidden-%d", random.IntN(9_000_000)), closed))
			default:
				if len(projects) > 4 {
					g.Delete(projects[len(projects)-1])
					projects = projects[:len(projects)-1]
				}
			}
		}
		if g.round%12 == 11 {
			g.NewEpoch()
		}
		g.compare("/simple/")
		g.compare("/r/closed/simple/")
	}
}

// TestLongPagesKeepUp: a long page after any change is that of a server that reads it for the first time, byte for
// byte.
func TestLongPagesKeepUp(t *testing.T) {
	g := newGrown(t)
	random := rand.New(rand.NewPCG(23, 5))
	g.auth = map[string]string{"everyone": ""}
	p := g.Project("Long_Page")
	add := func(n int) (files []indextest.File) {
		for range n {
			v := fmt.Sprintf("%d.%d.%d", random.IntN(30), random.IntN(30), random.IntN(9_000_000))
			f := catalog.File{
				Filename: "long_page-" + v + "-py3-none-any.whl", Version: v, Size: int64(random.IntN(1 << 30)),
				SHA256: fmt.Sprintf("%064x", random.Uint64()), Attested: random.IntN(2) == 0,
				UploadedAt: indextest.Start.Add(time.Duration(random.IntN(1_000_000)) * time.Microsecond),
			}
			if random.IntN(2) == 0 {
				f.MetadataSHA256, f.RequiresPython = f.SHA256, `>=3.8,<4 ; "é"`
			}
			files = append(files, indextest.File{File: f})
		}
		return files
	}
	files := g.Add(p, add(510)...)
	for g.round = range 120 {
		i := random.IntN(4) * (len(files) - 1) / 3 // the same ones again and again
		switch random.IntN(10) {
		case 0, 1:
			files = append(files, g.Add(p, add(1+random.IntN(3))...)...)
		case 2, 3, 4:
			g.Yank(p, files[i].ID, true, strings.Repeat("\x1f<é>", random.IntN(3)))
		case 5:
			g.Yank(p, files[i].ID, false, "")
		case 6:
			g.Quarantine(p, files[i].ID, random.IntN(4) == 0)
		case 7:
			g.DeleteFile(p, files[i].ID)
			files = append(files[:i], files[i+1:]...)
		default:
			g.Change(p, func(p *catalog.Project) {
				p.Status = []catalog.Status{catalog.Active, catalog.Active, catalog.Archived, catalog.Quarantined}[random.IntN(4)]
				p.StatusReason = fmt.Sprint("because & ", random.IntN(3))
			})
		}
		if g.round%15 == 14 {
			g.NewEpoch()
		}
		g.compare("/simple/long-page/")
	}
	g.Delete(p)
	if w := call(g.old, "GET /simple/long-page/"); w.Code != http.StatusNotFound {
		t.Errorf("the page of a deleted project = %d, want 404", w.Code)
	}
}
