package replicas_test

import (
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"
)

// TestDelivery checks that an authorized reader is redirected to a store URL that every replica signs identically.
// Other callers do not get the URL, and the store receives no header of the reader.
func TestDelivery(t *testing.T) {
	t.Parallel()
	s := newSite(t, "INDEX_STORAGE_DELIVERY=redirect")
	s.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f := wheel("demo", 1)
	if a, err := s.upload(s.balancer.URL, f); err != nil || a.status != http.StatusOK {
		t.Fatalf("upload = %d %s, %v", a.status, a.body, err)
	}
	p, err := s.read(s.balancer.URL, "demo")
	if err != nil || len(p.Files) != 1 {
		t.Fatalf("page = %+v, %v", p, err)
	}
	path := p.Files[0].URL[strings.Index(p.Files[0].URL, "/packages/"):]
	ask := func(at, method, token string, headers ...string) answer {
		t.Helper()
		r, err := http.NewRequest(method, at, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		a, err := s.do(r, token)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}

	store, _ := url.Parse(os.Getenv("INDEX_TEST_S3"))
	endpoint := store.Query().Get("endpoint")
	if left := time.Until(time.Now().Truncate(15 * time.Minute).Add(15 * time.Minute)); left < 5*time.Second {
		time.Sleep(left) // so that the answers below are of one quarter of an hour
	}
	first := ""
	for i, r := range s.replicas {
		a := ask(r.URL+path, "GET", s.token, "Range", "bytes=1-3")
		to := a.header.Get("Location")
		if a.status != http.StatusFound || !strings.HasPrefix(to, endpoint+"/") || len(a.body) != 0 ||
			a.header.Get("Cache-Control") != "private, no-store" {
			t.Errorf("replica %d = %d to %q, Cache-Control %q, want a redirect to the store that nobody keeps", i, a.status, to,
				a.header.Get("Cache-Control"))
		}
		if strings.Contains(to, s.token) || strings.Contains(to, os.Getenv("AWS_SECRET_ACCESS_KEY")) {
			t.Errorf("replica %d tells a secret: %s", i, to)
		}
		if first == "" {
			first = to
		} else if to != first {
			t.Errorf("replica %d signs\n%s, and another\n%s", i, to, first)
		}
	}
	part := ask(first, "GET", "", "Range", "bytes=1-3")
	if part.status != http.StatusPartialContent || string(part.body) != string(f.Bytes[1:4]) {
		t.Errorf("a part from the store = %d %q, want %q", part.status, part.body, f.Bytes[1:4])
	}

	head := ask(s.balancer.URL+path, "HEAD", s.token)
	if head.status != http.StatusOK || head.header.Get("Etag") != `"`+f.SHA256()+`"` || head.header.Get("Location") != "" {
		t.Errorf("HEAD = %d, ETag %q, Location %q, want an answer of ours", head.status, head.header.Get("Etag"),
			head.header.Get("Location"))
	}
	if a := ask(s.balancer.URL+path, "GET", s.token, "If-None-Match",
		`"`+f.SHA256()+`"`); a.status != http.StatusNotModified {
		t.Errorf("GET of what the client has = %d, want 304", a.status)
	}
	if a := ask(s.balancer.URL+path+".metadata", "GET", s.token); a.status != http.StatusOK ||
		!strings.HasPrefix(string(a.body), "Metadata-Version") {
		t.Errorf("metadata = %d %.40q, want it from us", a.status, a.body)
	}

	s.replicas[0].Index("repository", "add", "secret", "--members", "none").OK(t)
	s.replicas[0].User("bob", false)
	secret := s.replicas[0].URL + "/r/secret"
	if a, err := s.upload(secret, f); err != nil || a.status != http.StatusOK {
		t.Fatalf("upload to another repository = %d %s, %v", a.status, a.body, err)
	}
	for name, row := range map[string]struct {
		at, token string
		status    int
	}{
		"nobody":          {s.balancer.URL + path, "", http.StatusUnauthorized},
		"a made-up token": {s.balancer.URL + path, "pypi-idx_nonsense", http.StatusUnauthorized},
		"who may not":     {secret + path, s.replicas[0].Token("bob"), http.StatusNotFound},
		"another name": {
			s.balancer.URL + strings.Replace(path, "demo-1.1", "demo-1.2", 1), s.token, http.StatusNotFound,
		},
		"another digest": {
			s.balancer.URL + strings.Replace(path, f.SHA256()[:4], "0000", 1), s.token, http.StatusNotFound,
		},
		"metadata for nobody": {s.balancer.URL + path + ".metadata", "", http.StatusUnauthorized},
		"a signature":         {s.balancer.URL + path + ".sig", s.token, http.StatusNotFound},
		"a path out of it": {
			s.balancer.URL + "/packages/" + f.SHA256() + "/..%2f..%2fmetadata", s.token, http.StatusBadRequest,
		},
		"a key, not a file":    {s.balancer.URL + "/packages/" + f.SHA256() + "/" + f.SHA256(), s.token, http.StatusNotFound},
		"who may, where it is": {secret + path, s.token, http.StatusFound},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(row.at, "GET", row.token)
			if a.status != row.status || (a.status != http.StatusFound) && a.header.Get("Location") != "" {
				t.Errorf("%s: GET = %d, Location %q, want %d", name, a.status, a.header.Get("Location"), row.status)
			}
		})
	}
	for i, r := range s.replicas {
		if log := r.Log(); strings.Contains(log, "X-Amz-Signature") || strings.Contains(log, s.token) {
			t.Errorf("the log of replica %d holds a signature or a token", i)
		}
	}
}
