package rssapi_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/rssapi"
	"pyindex/internal/simpleapi/indextest"
)

const base = "https://pypi.example.com/team"

func get(h http.Handler, path string, token access.Secret) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if token != "" {
		r.SetBasicAuth("__token__", token.Reveal())
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

type feed struct {
	Channel struct {
		Title       string `xml:"title"`
		Description string `xml:"description"`
		Items       []struct {
			Title       string `xml:"title"`
			Link        string `xml:"link"`
			GUID        string `xml:"guid"`
			Description string `xml:"description"`
			PubDate     string `xml:"pubDate"`
		} `xml:"item"`
	} `xml:"channel"`
}

func read(t *testing.T, w *httptest.ResponseRecorder) (f feed) {
	t.Helper()
	if err := xml.Unmarshal(w.Body.Bytes(), &f); err != nil || w.Code != http.StatusOK {
		t.Fatalf("%d %s: %v", w.Code, w.Body, err)
	}
	return f
}

func TestReleases(t *testing.T) {
	x := indextest.New(t)
	p := x.Project("De_Mo")
	var files []indextest.File
	for n := range 50 {
		files = append(files, indextest.File{File: catalog.File{
			Filename: fmt.Sprintf("de_mo-1.%d.tar.gz", n), Version: fmt.Sprintf("1.%d", n), Kind: packaging.SDist,
			UploadedAt: indextest.Start.Add(time.Duration(n) * time.Hour), Yanked: n == 49,
		}, Core: packaging.Metadata{Summary: "A <demo> \x01 " + strings.Repeat("s", 10_000)}, Content: fmt.Sprint(n)})
	}
	x.Add(p, files...)
	h := x.Serve("/team", true, rssapi.New(resolve.New(x.Index, resolve.Options{}), rssapi.Options{BaseURL: base + "/", Name: "Acme & co"}).Table())
	w := get(h, "/team/rss/project/de-mo/releases.xml", "")
	f := read(t, w)
	if c := f.Channel; c.Title != "Releases of De_Mo at Acme & co" || len(c.Items) != 40 || len(c.Description) > 2_000 ||
		!strings.HasPrefix(c.Description, "A <demo> ") {
		t.Errorf("the feed is %q with %d items: %.100s", c.Title, len(c.Items), c.Description)
	}
	for _, item := range f.Channel.Items {
		if !strings.HasPrefix(item.Link, base+"/project/de-mo/1.") || item.GUID != item.Link {
			t.Errorf("the item %q leads to %q and is %q", item.Title, item.Link, item.GUID)
		}
		if !strings.HasPrefix(item.Description, "1 file, ") {
			t.Errorf("the item %q is described as %q", item.Title, item.Description)
		}
		if _, err := time.Parse(time.RFC1123Z, item.PubDate); err != nil {
			t.Error(err)
		}
	}
	if got := w.Header().Get("Content-Type"); got != "text/xml; charset=utf-8" ||
		w.Header().Get("Cache-Control") != "private, no-cache" {
		t.Errorf("the headers are %v", w.Header())
	}
	r := httptest.NewRequest(http.MethodGet, "/team/rss/project/de-mo/releases.xml", nil)
	r.Header.Set("If-None-Match", w.Header().Get("ETag"))
	again := httptest.NewRecorder()
	h.ServeHTTP(again, r)
	if again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same feed again = %d with %d bytes, want 304", again.Code, again.Body.Len())
	}
}

func TestFeedsAreForReaders(t *testing.T) {
	x := indextest.New(t)
	x.Project("demo")
	secret := x.Hidden("secret")
	hidden := x.Project("hidden", secret)
	h := x.Serve("", false, rssapi.New(resolve.New(x.Index, resolve.Options{}), rssapi.Options{BaseURL: base, Name: "Acme"}).Table())
	member, reader := x.Token(access.NoRole, "", ""), x.Token(access.Reader, secret.ID, hidden.ID)
	for _, tt := range []struct {
		path  string
		token access.Secret
		want  int
	}{
		{"/rss/project/demo/releases.xml", "", 401},
		{"/rss/project/nothing/releases.xml", "", 401},
		{"/r/secret/rss/project/hidden/releases.xml", "", 401},
		{"/rss/project/demo/releases.xml", "pypi-nonsense", 401},
		{"/rss/project/demo/releases.xml", member, 200},
		{"/rss/project/nothing/releases.xml", member, 404},
		{"/rss/project/-/releases.xml", member, 404},
		{"/r/secret/rss/project/hidden/releases.xml", member, 404},
		{"/r/secret/rss/project/absent/releases.xml", member, 404},
		{"/r/secret/rss/project/hidden/releases.xml", reader, 200},
		{"/r/secret/rss/project/absent/releases.xml", reader, 404},
	} {
		w := get(h, tt.path, tt.token)
		if w.Code != tt.want || tt.want == 401 && !strings.HasPrefix(w.Header().Get("WWW-Authenticate"), "Basic ") {
			t.Errorf("GET %s = %d %q, want %d", tt.path, w.Code, w.Header().Get("WWW-Authenticate"), tt.want)
		}
	}
	gone, here := get(h, "/r/secret/rss/project/absent/releases.xml", member),
		get(h, "/r/secret/rss/project/hidden/releases.xml", member)
	if gone.Body.String() != here.Body.String() {
		t.Errorf("a hidden project says %q, a missing one %q", here.Body, gone.Body)
	}
}
