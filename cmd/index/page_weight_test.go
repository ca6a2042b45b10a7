//go:build !windows

package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
)

// crowd is an index of many projects, one of them with many releases, and the cookie of its administrator.
type crowd struct {
	*fixture
	session *http.Cookie
}

// What a crowd has.
const (
	crowdProjects = 10_000
	crowdReleases = 5_000
	crowded       = "project-00001"
)

func newCrowd(t testing.TB) *crowd {
	t.Helper()
	c := &crowd{fixture: newFixture(t, "http://h.example", false)}
	ctx := t.Context()
	err := c.app.DB.Catalog().Update(ctx, func(tx catalog.Tx) error {
		main, err := tx.RepositoryByName(ctx, catalog.MainRepository)
		if err != nil {
			return err
		}
		for i := range crowdProjects {
			releases := 1
			if i == 1 {
				releases = crowdReleases
			}
			if err := c.add(tx, main, i, releases); err != nil {
				return err
			}
		}
		_, err = tx.NextSerial(ctx)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	root, err := c.app.Directory.User(ctx, c.app.Operator, "root")
	if err != nil {
		t.Fatal(err)
	}
	c.users["root"] = root.ID
	c.session = c.cookie(t, "root")
	return c
}

// add makes the rows of a project, as so many uploads would.
func (c *crowd) add(tx catalog.Tx, main catalog.Repository, i, releases int) error {
	ctx := context.Background() // a transaction of its own
	id := fmt.Sprintf("project-%05d", i)
	name, err := packaging.ParseProjectName(id)
	if err != nil {
		return err
	}
	at := time.Unix(1_700_000_000+int64(i)*60, 0)
	p := catalog.Project{
		ID:         id,
		Repository: main,
		Name:       name,
		Display:    id,
		Status:     catalog.Active,
		Serial:     int64(i + 1),
		CreatedAt:  at,
	}
	if err := tx.InsertProject(ctx, p); err != nil {
		return err
	}
	m := packaging.Metadata{
		MetadataVersion: "2.1",
		Name:            id,
		Summary:         "What project " + fmt.Sprint(i) + " is for",
		Description:     strings.Repeat("Some *words* about it.\n\n", 40),
		RequiresDist:    []string{crowded + ">=1", "six"},
		Classifiers:     []string{"Topic :: Utilities"},
	}
	for j := range releases {
		v := fmt.Sprintf("1.%d", j)
		r := catalog.Release{
			ID:        id + "-" + v,
			ProjectID: id,
			Version:   v,
			Key:       v,
			CreatedAt: at.Add(time.Duration(j) * time.Second),
		}
		if err := tx.InsertRelease(ctx, r); err != nil {
			return err
		}
		file := fmt.Sprintf("%s-%s-py3-none-any.whl", name.Underscored(), v)
		sum := fmt.Sprintf("%064x", i*100_000+j)
		f := catalog.File{
			ID:             file,
			RepositoryID:   main.ID,
			ProjectID:      id,
			ReleaseID:      r.ID,
			Filename:       file,
			NameKey:        file,
			Kind:           packaging.Wheel,
			Version:        v,
			PythonVersion:  "py3",
			Size:           4096,
			MD5:            sum[:32],
			SHA256:         sum,
			Blake2b256:     sum,
			MetadataSHA256: sum,
			UploadedAt:     r.CreatedAt,
			Uploader:       catalog.Uploader{Kind: "user", Name: "root"},
		}
		m.Version = v
		if err := tx.InsertFile(ctx, f, m); err != nil {
			return err
		}
	}
	card := catalog.Card{
		ProjectID:    id,
		RepositoryID: main.ID,
		Name:         id,
		Display:      id,
		Status:       catalog.Active,
		Summary:      m.Summary,
		Version:      fmt.Sprintf("1.%d", releases-1),
		SourceKind:   packaging.Wheel,
		ReleasedAt:   at,
		Pythons:      catalog.KnownPythons(),
		Classifiers:  m.Classifiers,
		UploaderKind: "user",
		UploaderName: "root",
	}
	if err := tx.PutCard(ctx, card, catalog.CardText{Body: m.Description}); err != nil {
		return err
	}
	return tx.PutRequirements(ctx, card,
		[]catalog.Required{{Name: crowded, Text: crowded + ">=1"}, {Name: "six", Text: "six"}})
}

func (c *crowd) look(path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.AddCookie(c.session)
	w := httptest.NewRecorder()
	c.server.ServeHTTP(w, r)
	return w
}

// crowdPages are the pages that a person opens on such an index.
var crowdPages = []string{
	"/", "/search/?q=project", "/search/?q=words+about", "/search/", "/search/?python=3.12&sort=name&page=40",
	"/project/" + crowded + "/", "/project/" + crowded + "/1.4000/",
	"/project/" + crowded + "/versions/?page=20", "/project/" + crowded + "/1.4999/diff/", "/project/project-09999/",
	"/manage/projects/", "/manage/project/" + crowded + "/releases/",
	"/manage/project/" + crowded + "/release/1.7/", "/manage/project/" + crowded + "/settings/publishing/",
	"/manage/project/" + crowded + "/collaboration/", "/manage/project/" + crowded + "/history/",
	"/manage/account/token/", "/manage/account/publishing/", "/admin/", "/admin/users/", "/admin/storage/",
	"/admin/audit/", "/help/", "/help/operate/",
}

// maxPage is how many bytes a page may have, so that it is there at once on a bad line.
const maxPage = 60_000

func TestPageWeight(t *testing.T) {
	c := newCrowd(t)
	for _, path := range crowdPages {
		got := c.look(path)
		if got.Code != http.StatusOK || got.Body.Len() > maxPage {
			t.Errorf("GET %s = %d with %d bytes, want at most %d", path, got.Code, got.Body.Len(), maxPage)
		}
	}
	home := c.look("/").Body.String()
	_, rest, _ := strings.Cut(home, "/static/")
	version, _, _ := strings.Cut(rest, "/")
	for file, most := range map[string]int{"style.css": 40_000, "index.js": 10_000} {
		if got := c.look("/static/" + version + "/" + file); got.Code != http.StatusOK || got.Body.Len() > most {
			t.Errorf("%s = %d with %d bytes, want at most %d", file, got.Code, got.Body.Len(), most)
		}
	}
}

// BenchmarkPage is the server's time for each page; run it with -benchtime 50x. The budget is 20 ms.
func BenchmarkPage(b *testing.B) {
	c := newCrowd(b)
	for _, path := range crowdPages {
		b.Run(strings.NewReplacer("/", "_", "?", "_", "&", "_").Replace(cmp.Or(strings.Trim(path, "/"), "home")),
			func(b *testing.B) {
				c.look(path)
				var took []time.Duration
				for b.Loop() {
					from := time.Now()
					if got := c.look(path); got.Code != http.StatusOK {
						b.Fatalf("GET %s = %d", path, got.Code)
					}
					took = append(took, time.Since(from))
				}
				slices.Sort(took)
				b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "median-ms")
				b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
				b.ReportMetric(float64(c.look(path).Body.Len())/1000, "kB")
			})
	}
}
