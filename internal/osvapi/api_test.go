package osvapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/osvapi"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/simpleapi/indextest"
)

// newSite returns an index with an own project named own, and a feed about it and about others.
func newSite(t *testing.T, anonymous bool) (*indextest.Site, http.Handler) {
	s := indextest.New(t)
	s.Add(s.Project("own"), indextest.File{
		File: catalog.File{Filename: "own-1.0.tar.gz", Version: "1.0", Kind: packaging.SDist}, Content: "own",
	})
	dir := t.TempDir()
	for id, text := range map[string]string{
		"MAL-1":  `"affected":[{"package":{"ecosystem":"PyPI","name":"Bad_Pkg"},"versions":["1.0"]}]`,
		"CVE-1":  `"affected":[{"package":{"ecosystem":"PyPI","name":"bad-pkg"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"}]}]}]`,
		"CVE-2":  `"affected":[{"package":{"ecosystem":"PyPI","name":"own"},"versions":["1.0"]}]`,
		"CVE-3":  `"affected":[{"package":{"ecosystem":"PyPI","name":"hidden"},"versions":["1.0"]}]`,
		"CVE-4":  `"withdrawn":"2026-01-01T00:00:00Z","affected":[{"package":{"ecosystem":"PyPI","name":"bad-pkg"},"versions":["1.0"]}]`,
		"CVE-5":  `"affected":[{"package":{"ecosystem":"PyPI","name":"a"},"versions":["1"]},{"package":{"ecosystem":"PyPI","name":"b"},"versions":["2"]}]`,
		"OTHER1": `"affected":[{"package":{"ecosystem":"npm","name":"bad-pkg"},"versions":["1.0"]}]`,
	} {
		body := fmt.Sprintf(`{"id":%q,"modified":"2026-01-02T00:00:00Z",%s}`, id, text)
		if err := os.WriteFile(filepath.Join(dir, id+".json"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	x := advisory.New(s.Advisories(), advisory.Options{})
	from, err := advisory.FromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.Import(context.Background(), access.Operator("boss"), "f", from, advisory.ImportOptions{}); err != nil {
		t.Fatal(err)
	}
	return s, s.Serve("", anonymous, osvapi.New(resolve.New(s.Index, resolve.Options{}), x).Table())
}

func call(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// ids returns the ids in an answer, or its status if that is not 200.
func ids(t *testing.T, w *httptest.ResponseRecorder) string {
	t.Helper()
	if w.Code != 200 {
		return fmt.Sprint(w.Code)
	}
	var answer struct {
		Vulns []struct{ ID string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatalf("%s: %v", w.Body, err)
	}
	var out []string
	for _, v := range answer.Vulns {
		out = append(out, v.ID)
	}
	return strings.Join(out, " ")
}

func TestQuery(t *testing.T) {
	_, h := newSite(t, true)
	for body, want := range map[string]string{
		`{"package":{"name":"bad-pkg","ecosystem":"PyPI"},"version":"1.0"}`:   "MAL-1 CVE-1",
		`{"package":{"name":"Bad.Pkg","ecosystem":"PyPI"},"version":"1.0.0"}`: "MAL-1 CVE-1",
		`{"package":{"name":"bad-pkg","ecosystem":"PyPI:x"},"version":"1.1"}`: "CVE-1",
		`{"package":{"name":"bad-pkg","ecosystem":"PyPI"}}`:                   "CVE-1 MAL-1",
		`{"package":{"purl":"pkg:pypi/bad-pkg@1.0"}}`:                         "MAL-1 CVE-1",
		`{"package":{"purl":"pkg:pypi/bad-pkg?x=y#z"},"version":"1.0"}`:       "MAL-1 CVE-1",
		`{"package":{"purl":"pkg:pypi/bad-pkg@1.0%2Blocal"}}`:                 "MAL-1 CVE-1",
		`{"package":{"purl":"pkg:pypi/bad%2Epkg@1.0"}}`:                       "MAL-1 CVE-1",
		`{"package":{"purl":"pkg://pypi/bad-pkg@1.0"}}`:                       "MAL-1 CVE-1",
		`{"package":{"purl":"pkg:PyPI/bad-pkg@1.0"}}`:                         "MAL-1 CVE-1",
		`{"package":{"name":"bad-pkg","ecosystem":"pypi"},"version":"1.0"}`:   "MAL-1 CVE-1",
		`{"package":{"name":"bad-pkg","ecosystem":"npm"},"version":"1.0"}`:    "",
		`{"package":{"purl":"pkg:npm/bad-pkg@1.0"}}`:                          "",
		`{"package":{"name":"own","ecosystem":"PyPI"},"version":"1.0"}`:       "",
		`{"package":{"name":"nothing","ecosystem":"PyPI"},"version":"1.0"}`:   "",
		`{"commit":"abc"}`: "",
		`{}`:               "400",
		`{"package":{"name":"bad-pkg"},"version":"1.0"}`:                          "400",
		`{"package":{"name":"-","ecosystem":"PyPI"},"version":"1.0"}`:             "400",
		`{"package":{"purl":"bad-pkg"}}`:                                          "400",
		`{"package":{"purl":"pypi/bad-pkg"}}`:                                     "400",
		`{"package":{"purl":"pkg:pypi"}}`:                                         "400",
		`{"package":{"purl":"pkg:pypi/bad%zzpkg"}}`:                               "400",
		`{"package":{"purl":"pkg:pypi/bad-pkg@1%zz"}}`:                            "400",
		`{"package":{"purl":"pkg:pypi/scope/bad-pkg"}}`:                           "400",
		`{"package":{"purl":"pkg:pypi/bad-pkg@1.0"},"version":"1.0"}`:             "400",
		`{"package":{"purl":"pkg:pypi/x","name":"x","ecosystem":"PyPI"}}`:         "400",
		`{"package":{"name":"bad-pkg","ecosystem":"PyPI"},"page_token":"x"}`:      "400",
		`{"package":{"name":"bad-pkg","ecosystem":"PyPI"},"page_token":"-1"}`:     "400",
		`{"package":{"name":"bad-pkg","ecosystem":"PyPI"},"page_token":"999999"}`: "",
		`[]`: "400", ``: "400", `{"package":7}`: "400",
		`{"version":"` + strings.Repeat("1", 3<<20) + `"}`: "413",
	} {
		if got := ids(t, call(h, "POST", "/_/osv/v1/query", body)); got != want {
			t.Errorf("query %.100s = %q, want %q", body, got, want)
		}
	}
}

func TestBatch(t *testing.T) {
	_, h := newSite(t, true)
	w := call(h, "POST", "/_/osv/v1/querybatch", `{"queries":[
		{"package":{"name":"own","ecosystem":"PyPI"},"version":"1.0"},
		{"package":{"name":"bad-pkg","ecosystem":"PyPI"},"version":"1.0"}]}`)
	want := `{"results":[{},{"vulns":[{"id":"MAL-1","modified":"2026-01-02T00:00:00Z"},` +
		`{"id":"CVE-1","modified":"2026-01-02T00:00:00Z"}]}]}`
	if w.Code != 200 || w.Body.String() != want {
		t.Errorf("querybatch = %d %s, want %s", w.Code, w.Body, want)
	}
	one := `{"package":{"name":"own","ecosystem":"PyPI"}}`
	for body, want := range map[string]int{
		`{"queries":[` + strings.Repeat(one+",", 999) + one + `]}`:  200,
		`{"queries":[` + strings.Repeat(one+",", 1000) + one + `]}`: 400,
		`{"queries":[{}]}`: 400, `{"queries":7}`: 400,
	} {
		if w := call(h, "POST", "/_/osv/v1/querybatch", body); w.Code != want {
			t.Errorf("querybatch %.60s = %d, want %d", body, w.Code, want)
		}
	}
}

func TestVulnerability(t *testing.T) {
	_, h := newSite(t, true)
	w := call(h, "GET", "/_/osv/v1/vulns/CVE-5", "")
	if body := w.Body.String(); w.Code != 200 || !strings.Contains(body, `"name":"a"`) || !strings.Contains(body, `"name":"b"`) {
		t.Errorf("a record about two projects = %d %s", w.Code, body)
	}
	if w := call(h, "GET", "/_/osv/v1/vulns/CVE-4", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"withdrawn"`) {
		t.Errorf("a withdrawn record = %d %s", w.Code, w.Body)
	}
	for _, id := range []string{"OTHER1", "NONE", "cve-5", "%00", "..%2f"} {
		if w := call(h, "GET", "/_/osv/v1/vulns/"+id, ""); w.Code != 404 && w.Code != 400 {
			t.Errorf("GET %s = %d", id, w.Code)
		}
	}
}

// TestRights checks that only readers of the repository get answers, and that the answer about a name does not depend
// on a project that the caller may not see.
func TestRights(t *testing.T) {
	s, h := newSite(t, false)
	s.Project("hidden", s.Hidden("secret"))
	question := `{"package":{"name":"hidden","ecosystem":"PyPI"},"version":"1.0"}`
	for _, target := range []string{
		"POST /_/osv/v1/query", "POST /_/osv/v1/querybatch", "GET /_/osv/v1/vulns/CVE-1", "POST /r/secret/_/osv/v1/query",
	} {
		method, path, _ := strings.Cut(target, " ")
		if w := call(h, method, path, question); w.Code != 401 {
			t.Errorf("%s without a token = %d, want 401", target, w.Code)
		}
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.SetBasicAuth("__token__", s.Token(access.NoRole, "", "").Reveal())
	auth := r.Header.Get("Authorization")
	if got := ids(t, call(h, "POST", "/_/osv/v1/query", question, "Authorization", auth)); got != "CVE-3" {
		t.Errorf("the answer about a name that is hidden = %q, want that about any other", got)
	}
	for _, target := range []string{"POST /r/secret/_/osv/v1/query", "GET /r/secret/_/osv/v1/vulns/CVE-1"} {
		method, path, _ := strings.Cut(target, " ")
		if w := call(h, method, path, question, "Authorization", auth); w.Code != 404 {
			t.Errorf("%s in a hidden repository = %d, want 404", target, w.Code)
		}
	}
}
