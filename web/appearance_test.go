package web_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"pyindex/internal/catalog"
)

// fetch requests a path without a session.
func fetch(x *shop, path string) *httptest.ResponseRecorder {
	x.Helper()
	w := httptest.NewRecorder()
	x.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, shopHost+path, nil))
	return w
}

func TestRobots(t *testing.T) {
	w := fetch(newShop(t, catalog.Limits{}, nil), "/robots.txt")
	if got, want := w.Body.String(), "User-agent: *\nDisallow: /\n"; w.Code != http.StatusOK || got != want {
		t.Errorf("GET /robots.txt = %d %q, want 200 %q", w.Code, got, want)
	}
	if got, want := w.Header().Get("Content-Type"), "text/plain; charset=utf-8"; got != want {
		t.Errorf("Content-Type = %q, want %q", got, want)
	}
}

// The color scheme must be set before the styles are used, or pages flash in the wrong one.
func TestColorSchemeBeforeStyles(t *testing.T) {
	page := fetch(newShop(t, catalog.Limits{}, nil), "/login/").Body.String()
	head, _, _ := strings.Cut(page, "</head>")
	script := regexp.MustCompile(`<script src="(/static/[0-9a-f]+/theme\.js)"></script>`).FindStringSubmatchIndex(head)
	if script == nil || script[0] > strings.Index(head, `rel="stylesheet"`) {
		t.Errorf("theme.js does not block before the stylesheet:\n%s", head)
	}
	if !strings.Contains(page, `<span class="theme" hidden>`) {
		t.Error("the color scheme control is not hidden from browsers without scripts")
	}
}

// The dark palette is in the stylesheet twice. Both must be the same.
func TestDarkPalettes(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	style := regexp.MustCompile(`/static/[0-9a-f]+/style\.css`).FindString(fetch(x, "/login/").Body.String())
	css := fetch(x, style).Body.String()
	palette := func(selector string) (colors []string) {
		_, rest, ok := strings.Cut(css, selector+" {\n")
		if !ok {
			t.Fatalf("%s is not in the stylesheet", selector)
		}
		body, _, _ := strings.Cut(rest, "}")
		for line := range strings.Lines(body) {
			if line = strings.TrimSpace(line); strings.HasPrefix(line, "--") {
				colors = append(colors, line)
			}
		}
		return colors
	}
	system, chosen := palette(`:root:not([data-theme="light"])`), palette(`:root[data-theme="dark"]`)
	if len(system) < 10 || strings.Join(system, "\n") != strings.Join(chosen, "\n") {
		t.Errorf("the dark palettes differ:\n%s\nand\n%s", strings.Join(system, "\n"), strings.Join(chosen, "\n"))
	}
}

func TestLogo(t *testing.T) {
	for name, test := range map[string]struct {
		content, file, kind string
		sandbox             bool
	}{
		"PNG":  {"\x89PNG\r\n\x1a\n…", "logo.png", "image/png", false},
		"WebP": {"RIFF\x10\x00\x00\x00WEBPVP8 ", "logo.webp", "image/webp", false},
		"SVG": {
			"<?xml version=\"1.0\"?>\n<!-- ours -->\n<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>",
			"logo.svg", "image/svg+xml", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) { o.site.Logo = []byte(test.content) })
			path := regexp.MustCompile(`<img src="(/static/[0-9a-f]+/logo\.[a-z]+)" alt="Shop">`).
				FindStringSubmatch(fetch(x, "/login/").Body.String())
			if path == nil || !strings.HasSuffix(path[1], "/"+test.file) {
				t.Fatalf("the header shows %q, want %s", path, test.file)
			}
			w := fetch(x, path[1])
			if w.Code != http.StatusOK || w.Body.String() != test.content || w.Header().Get("Content-Type") != test.kind {
				t.Errorf("GET %s = %d, type %q", path[1], w.Code, w.Header().Get("Content-Type"))
			}
			if got := strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox"); got != test.sandbox {
				t.Errorf("Content-Security-Policy = %q, want sandbox %v", w.Header().Get("Content-Security-Policy"), test.sandbox)
			}
			if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options = %q, want nosniff", got)
			}
		})
	}
}

func TestNoLogo(t *testing.T) {
	page := fetch(newShop(t, catalog.Limits{}, nil), "/login/").Body.String()
	if !strings.Contains(page, `<a class="brand" href="/">Shop</a>`) {
		t.Error("without a logo the header does not show the name")
	}
}

// security.txt names the contacts that the operator set and expires in the future; without any it does not exist.
func TestSecurityTxt(t *testing.T) {
	if w := fetch(newShop(t, catalog.Limits{}, nil), "/.well-known/security.txt"); w.Code != http.StatusNotFound {
		t.Errorf("without contacts: GET /.well-known/security.txt = %d, want 404", w.Code)
	}
	x := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) {
		o.site.Security.Contacts = []string{"mailto:security@acme.example", "https://acme.example/report"}
		o.site.Security.Policy = "https://acme.example/policy"
	})
	w := fetch(x, "/.well-known/security.txt")
	want := "Contact: mailto:security@acme.example\nContact: https://acme.example/report\nPolicy: https://acme.example/policy\n" +
		"Expires: 2027-05-25T00:00:00Z\nCanonical: " + shopHost + "/.well-known/security.txt\n"
	if got := w.Body.String(); w.Code != http.StatusOK || got != want {
		t.Errorf("GET /.well-known/security.txt = %d\n%swant 200\n%s", w.Code, got, want)
	}
	if got := w.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type = %q", got)
	}
}

// The start page of a private index leads to a new token only beside commands that need one.
func TestStartPageOffersATokenWhereNeeded(t *testing.T) {
	x := newShop(t, catalog.Limits{}, nil)
	const link = `>Create one</a>.`
	for _, tool := range []string{"pip", "uv", "docker", "github"} {
		if got, want := strings.Contains(x.page("reader", "/?tool="+tool), link), tool != "github"; got != want {
			t.Errorf("the start page for %s offers a token: %v, want %v", tool, got, want)
		}
	}
}

// The job that pages show obtains the program that it calls, from this server if it offers one.
func TestPrintedJobGetsItsProgram(t *testing.T) {
	offered := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) { o.site.Programs = []string{"index-linux-amd64"} })
	other := newShop(t, catalog.Limits{}, nil, func(o *shopOptions) { o.site.Programs = []string{"index-darwin-arm64"} })
	for _, c := range []struct {
		name string
		x    *shop
		want string
	}{
		{"offered", offered, "curl -fsSLO " + shopHost + "/_/client/index-linux-amd64"},
		{"not offered", other, "# Get the index program for the runner"},
	} {
		for _, path := range []string{"/?tool=github", "/help/connect/"} {
			page := html.UnescapeString(c.x.get("reader", path).Body.String())
			before, after, found := strings.Cut(page, "index login --url")
			if !found || !strings.Contains(before, c.want) || strings.Contains(after, "curl") {
				t.Errorf("%s: %s does not show %q before index login", c.name, path, c.want)
			}
		}
	}
}
