package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"image"
	"image/png"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/pictures"
	"pyindex/web/projects"
)

func pictured(hosts ...string) string {
	text := "![data](data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==)"
	for _, h := range hosts {
		text += "\n\n![a picture](" + h + "/a.png)\n\n![a badge](" + h + "/a.svg)"
	}
	return text + "\n\n![relative](docs/b.png)\n\n![a logo](https://pictures.example/logo.png)\n\n![old](http://pictures.example/old.png)"
}

func withDescription(project, text string) packagingtest.File {
	return packagingtest.Wheel(project, "1.0", text, "Description-Content-Type: text/markdown",
		"Project-URL: Source, https://github.com/acme/pictured", "", text)
}

var pictureSrc = regexp.MustCompile(`<img src="([^"]+)"`)

func sources(page string) (out []string) {
	for _, m := range pictureSrc.FindAllStringSubmatch(page, -1) {
		out = append(out, m[1])
	}
	return out
}

func imgSrc(w *httptest.ResponseRecorder) string {
	_, rest, _ := strings.Cut(w.Header().Get("Content-Security-Policy"), "img-src ")
	policy, _, _ := strings.Cut(rest, ";")
	return policy
}

// By default no page loads a picture of another site, and browsers would refuse to. If pictures are allowed, only those
// over https are loaded, and only by pages of projects.
func TestPicturesOfOtherSites(t *testing.T) {
	const data = "data:image/png;base64,"
	for name, c := range map[string]struct {
		allow  bool
		want   []string
		policy string
	}{
		"none": {false, []string{data}, "'self' data:"},
		"allow": {
			true,
			[]string{data, "https://github.com/acme/pictured/raw/HEAD/docs/b.png", "https://pictures.example/logo.png"},
			"'self' data: https:",
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) { o.site.Pictures.Direct = c.allow })
			x.put("main", withDescription("pictured", pictured()))
			got := x.get("reader", "/project/pictured/")
			found := sources(got.Body.String())
			for i := range found {
				if strings.HasPrefix(found[i], data) {
					found[i] = data
				}
			}
			if strings.Join(found, " ") != strings.Join(c.want, " ") || imgSrc(got) != c.policy {
				t.Errorf("pictures %q under %q, want %q under %q", found, imgSrc(got), c.want, c.policy)
			}
			for _, path := range []string{"/", "/login/", "/manage/account/"} {
				if got := imgSrc(x.get("reader", path)); got != "'self' data:" {
					t.Errorf("%s may load pictures from %q", path, got)
				}
			}
			if got := x.get("reader",
				"/project/pictured/1.0/picture/"+strings.Repeat("0", 32)); got.Code != http.StatusNotFound {
				t.Errorf("a picture through the server = %d, want 404", got.Code)
			}
		})
	}
}

// The server fetches only pictures of descriptions that the caller may read.
func TestPicturesThroughTheServer(t *testing.T) {
	var content bytes.Buffer
	if err := png.Encode(&content, image.NewGray(image.Rect(0, 0, 2, 2))); err != nil {
		t.Fatal(err)
	}
	var asked atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Path == "/html.png" {
			_, _ = w.Write([]byte("<html><script>alert(1)</script>"))
			return
		}
		_, _ = w.Write(content.Bytes())
	}))
	defer host.Close()
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) {
		o.site.Pictures = projects.Pictures{
			Proxy: pictures.New(pictures.Options{Hosts: []string{strings.TrimPrefix(host.URL, "http://")}}),
		}
	})
	x.put("main", withDescription("pictured", pictured(host.URL)+"\n\n![page]("+host.URL+"/html.png)"))
	x.put("inner", withDescription("pictured", pictured(host.URL)))
	if err := x.index.Grant(x.Context(), x.operator, "inner", x.name("pictured"), "owner", access.Reader); err != nil {
		t.Fatal(err)
	}

	page := x.get("owner", "/r/inner/project/pictured/")
	found := sources(page.Body.String())
	if len(found) != 5 || imgSrc(page) != "'self' data:" || !strings.Contains(page.Body.String(), ">a badge</a>") {
		t.Fatalf("pictures %q under %q:\n%s", found, imgSrc(page), page.Body)
	}
	secret := found[1]
	open := sources(x.get("reader", "/project/pictured/1.0/").Body.String())[1]
	if !strings.HasPrefix(secret, "/r/inner/project/pictured/1.0/picture/") ||
		open != strings.TrimPrefix(secret, "/r/inner") {
		t.Fatalf("pictures are at %q and %q", secret, open)
	}
	sum := sha256.Sum256([]byte(host.URL + "/elsewhere.png"))
	foreign := strings.TrimSuffix(open, open[strings.LastIndex(open, "/")+1:]) + hex.EncodeToString(sum[:16])
	html := sources(x.get("reader", "/project/pictured/").Body.String())
	for _, c := range []struct {
		who, path string
		status    int
	}{
		{"stranger", secret, http.StatusNotFound},
		{"nobody", secret, http.StatusSeeOther},
		{"nobody", open, http.StatusSeeOther},
		{"reader", foreign, http.StatusNotFound},
		{"reader", strings.Replace(open, "1.0", "9.9", 1), http.StatusNotFound},
		{"reader", strings.Replace(open, "pictured", "other", 1), http.StatusNotFound},
		{"reader", strings.Replace(open, "pictured", "nothing", 1), http.StatusNotFound},
		{"reader", open + "0", http.StatusNotFound},
		{"reader", html[len(html)-1], http.StatusNotFound},
	} {
		before := asked.Load()
		got := x.get(c.who, c.path)
		if got.Code != c.status || strings.HasPrefix(got.Header().Get("Content-Type"), "image/") {
			t.Errorf("%s as %s = %d, want %d", c.path, c.who, got.Code, c.status)
		}
		if asked.Load() != before && c.path != html[len(html)-1] {
			t.Errorf("%s as %s made the server ask the host", c.path, c.who)
		}
	}
	for range 2 {
		got := x.get("reader", open)
		h := got.Header()
		if got.Code != http.StatusOK || !bytes.Equal(got.Body.Bytes(), content.Bytes()) ||
			h.Get("Content-Type") != "image/png" ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "default-src 'none'; sandbox" ||
			!strings.HasPrefix(h.Get("Cache-Control"), "private") || h.Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("the picture = %d %v", got.Code, h)
		}
	}
	if asked.Load() != 2 {
		t.Errorf("the host was asked %d times, want once for each picture", asked.Load())
	}
}
