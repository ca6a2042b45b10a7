package client

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/upstream"
)

func portOf(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

func temp(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	write(t, path, text)
	return path
}

func basic(user, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// recorder is a server that keeps the Authorization of each request by path.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string // "path authorization"
}

func record(t *testing.T, handle http.HandlerFunc) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		r.seen = append(r.seen, q.URL.Path+" "+q.Header.Get("Authorization"))
		r.mu.Unlock()
		handle(w, q)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) peek() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

func (r *recorder) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer func() { r.seen = nil }()
	return r.seen
}

// TestCredentials: each kind of credential goes to the origin, for pages, lists and files.
func TestCredentials(t *testing.T) {
	s := record(t, html)
	for what, c := range map[string]struct {
		set  func(*upstream.Upstream)
		want string
	}{
		"none": {func(*upstream.Upstream) {}, ""},
		"password": {
			func(u *upstream.Upstream) { u.Username, u.PasswordFile = "ann", temp(t, "pass word\n") }, basic("ann", "pass word"),
		},
		"user":   {func(u *upstream.Upstream) { u.Username = "ann" }, basic("ann", "")},
		"bearer": {func(u *upstream.Upstream) { u.TokenFile = temp(t, "\n  t0k3n\r\n") }, "Bearer t0k3n"},
	} {
		u := local(s.URL)
		c.set(&u)
		client := New(small())
		if _, err := get(t, client, u); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := client.List(t.Context(), u, upstream.Validators{}); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		b, err := client.Open(t.Context(), u, u.Origin()+"/foo-1.tar.gz", 0)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else {
			b.Close()
		}
		seen := s.take()
		if len(seen) != 3 {
			t.Errorf("%s: %q", what, seen)
		}
		for _, line := range seen {
			if _, got, _ := strings.Cut(line, " "); got != c.want {
				t.Errorf("%s: %q, want %q", what, line, c.want)
			}
		}
	}
}

// TestCredentialFiles: a file is read again after it changed, and nothing is asked without the credential.
func TestCredentialFiles(t *testing.T) {
	s := record(t, html)
	u := local(s.URL)
	u.TokenFile = temp(t, "first")
	c := New(small())
	for _, token := range []string{"first", "second", "other"} {
		write(t, u.TokenFile, token)
		if _, err := get(t, c, u); err != nil {
			t.Fatal(err)
		}
		if got := s.take(); len(got) != 1 || got[0] != "/simple/foo/ Bearer "+token {
			t.Errorf("%q, want token %s", got, token)
		}
	}
	for what, text := range map[string]string{
		"empty": "  \n", "two lines": "first\nsecond", "header": "a\r\nX-Evil: b", "null": "a\x00b",
		"large": strings.Repeat("x", 2<<20),
	} {
		write(t, u.TokenFile, text)
		_, err := get(t, c, u)
		fails(t, what, err, upstream.Refused, "token_file")
	}
	if err := os.Remove(u.TokenFile); err != nil {
		t.Fatal(err)
	}
	_, err := get(t, c, u)
	fails(t, "missing", err, upstream.Refused, "token_file")
	u.TokenFile, u.Username, u.PasswordFile = "", "ann", "/nonexistent/password"
	_, err = get(t, c, u)
	fails(t, "missing password", err, upstream.Refused, "password_file")
	if got := s.take(); len(got) != 0 {
		t.Errorf("the upstream was asked: %q", got)
	}
}

// TestCredentialStaysAtOrigin: another host, port or scheme never gets the credential: not after a redirect, not as the
// host of a file, and not the origin itself after a redirect that led away.
func TestCredentialStaysAtOrigin(t *testing.T) {
	var origin string
	other := record(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/back/") {
			http.Redirect(w, r, origin+"/landed/foo/", http.StatusFound)
			return
		}
		html(w, r)
	})
	s := record(t, func(w http.ResponseWriter, r *http.Request) {
		to := map[string]string{
			"/simple/foo/": other.URL + "/foo/", "/simple/bar/": other.URL + "/back/bar/", "/simple/near/": "/near/",
			"/file/away": other.URL + "/file", "/file/back": other.URL + "/back/file",
			"/file/name": strings.Replace(origin, "127.0.0.1", "localhost", 1) + "/file/end",
		}[r.URL.Path]
		if to != "" {
			http.Redirect(w, r, to, http.StatusTemporaryRedirect)
			return
		}
		html(w, r)
	})
	origin = s.URL
	u := local(s.URL)
	u.Username, u.PasswordFile = "ann", temp(t, "secret")
	c, want := New(small()), basic("ann", "secret")
	for _, project := range []string{"foo", "bar", "near"} {
		_, _ = c.Page(t.Context(), u, name(t, project), upstream.Validators{})
	}
	for _, at := range []string{
		s.URL + "/file/away", s.URL + "/file/back", s.URL + "/file/name", s.URL + "/file/end", other.URL + "/file",
		strings.Replace(s.URL, "127.0.0.1", "localhost", 1) + "/file/end",
		strings.Replace(s.URL, "127.0.0.1", "LOCALHOST", 1) + "/file/end",
	} {
		if b, err := c.Open(t.Context(), u, at, 0); err != nil {
			t.Errorf("%s: %v", at, err)
		} else {
			b.Close()
		}
	}
	for _, line := range other.take() {
		if !strings.HasSuffix(line, " ") {
			t.Errorf("another host got the credential: %q", line)
		}
	}
	with := map[string]int{}
	for _, line := range s.take() {
		path, got, _ := strings.Cut(line, " ")
		if got != "" && got != want {
			t.Errorf("%q", line)
		}
		if got != "" {
			with[path]++
		} else if path != "/landed/foo/" && path != "/file/end" {
			t.Errorf("%s: the credential was not sent", path)
		}
	}
	if with["/landed/foo/"] != 0 || with["/near/"] != 1 || with["/file/end"] != 1 {
		t.Errorf("requests with the credential: %v", with)
	}
}

// TestOrigin: the spellings of one origin, and what is another one.
func TestOrigin(t *testing.T) {
	const at = "https://index.example/simple/"
	for other, want := range map[string]bool{
		"https://index.example/": true, "https://INDEX.example:443/x": true, "HTTPS://index.example/files/a": true,
		"http://index.example/": false, "https://index.example:8443/": false, "https://a.index.example/": false,
		"https://index.example.evil.example/": false, "https://xindex.example/": false, "https://index.example./": false,
		"https://index.example@evil.example/": false, "https://evil.example/?https://index.example/": false, "": false,
	} {
		if got := originOf(other) == originOf(at); got != want {
			t.Errorf("%s: same origin %v, want %v", other, got, want)
		}
	}
}

// TestSecretsStayHidden: whatever a hostile server does with a credential that it has got, no error repeats it.
func TestSecretsStayHidden(t *testing.T) {
	const password, token = "pa55-word-of-ann", "tok3n-of-the-index"
	var hostile func(secret string) string
	u := upstream.Upstream{}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(buffered, hostile(cmp.Or(r.Header.Get("Authorization"), "no credential")))
		buffered.Flush()
	})
	s := httptest.NewServer(handler)
	defer s.Close()
	for what, h := range map[string]func(string) string{
		"status line":   func(a string) string { return a + "\r\n\r\n" },
		"status":        func(a string) string { return "HTTP/1.1 500 " + a + "\r\nContent-Length: 0\r\n\r\n" },
		"header":        func(a string) string { return "HTTP/1.1 200 OK\r\n" + a + "\r\n\r\n" },
		"content type":  func(a string) string { return "HTTP/1.1 200 OK\r\nContent-Type: text/" + a + "\r\n\r\nx" },
		"encoding":      func(a string) string { return "HTTP/1.1 200 OK\r\nContent-Encoding: " + a + "\r\n\r\nx" },
		"redirect":      func(a string) string { return "HTTP/1.1 302 F\r\nLocation: ftp://" + a + "/\r\n\r\n" },
		"redirect away": func(a string) string { return "HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/" + a + "\r\n\r\n" },
		"redirect host": func(a string) string {
			return "HTTP/1.1 302 F\r\nLocation: http://" + strings.Fields(a)[1] + ".invalid/\r\n\r\n"
		},
		"length":      func(a string) string { return "HTTP/1.1 200 OK\r\nContent-Length: " + a + "\r\n\r\n" },
		"transfer":    func(a string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: " + a + "\r\n\r\n" },
		"chunk":       func(a string) string { return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + a + "\r\n" },
		"retry after": func(a string) string { return "HTTP/1.1 429 T\r\nRetry-After: " + a + "\r\n\r\n" },
		"version": func(a string) string {
			return "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.pypi.simple." + strings.Fields(a)[1] + "+json\r\n\r\nx"
		},
	} {
		for kind, set := range map[string]func(){
			"basic":  func() { u.Username, u.PasswordFile = "ann", temp(t, password) },
			"bearer": func() { u.TokenFile = temp(t, token) },
		} {
			u = local(s.URL)
			set()
			hostile = h
			c := New(small())
			c.o.Resolver, _ = resolving(t, [4]byte{127, 0, 0, 2})
			_, pageErr := get(t, c, u)
			b, fileErr := c.Open(t.Context(), u, u.Origin()+"/f", 0)
			if fileErr == nil {
				_, fileErr = io.ReadAll(b)
				b.Close()
			}
			report, _ := json.Marshal(c.Check(t.Context(), u, name(t, "foo")))
			texts := []string{string(report)}
			for _, err := range []error{pageErr, fileErr} {
				for ; err != nil; err = errors.Unwrap(err) {
					texts = append(texts, err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err))
				}
			}
			for _, text := range texts {
				for _, secret := range []string{password, token, base64.StdEncoding.EncodeToString([]byte("ann:" + password))} {
					if strings.Contains(strings.ToLower(text), strings.ToLower(secret)) {
						t.Errorf("%s, %s: %s", what, kind, text)
					}
				}
			}
		}
	}
}

func TestClean(t *testing.T) {
	q := &question{secrets: []string{"S3cret", "a"}}
	for text, want := range map[string]string{
		"S3cret":                      "[secret]",
		"\u0130 s3CRET, S3cretS3cret": "\u0130 [secret], [secret][secret]",
		"no\r\nline\x1b[31m\xff":      "no  line [31m?",
		"abc":                         "abc", // a secret of one letter is none
		strings.Repeat("x", 1000):     strings.Repeat("x", 500) + "…",
	} {
		if got := q.clean(text); got != want {
			t.Errorf("clean(%q) = %q, want %q", text, got, want)
		}
	}
}

// index is another Index that exchanges identity tokens.
type index struct {
	*recorder
	mu      sync.Mutex
	minted  int
	used    map[string]bool
	valid   map[string]bool
	life    time.Duration
	refuse  string // the whole body of a refusal, or ""
	closed  string // the path of a page with 401
	status  int
	bodies  []string
	holding chan struct{} // if not nil, an exchange waits until it is closed
}

func newIndex(t *testing.T, now func() time.Time) *index {
	t.Helper()
	x := &index{used: map[string]bool{}, valid: map[string]bool{}, life: 15 * time.Minute}
	x.recorder = record(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/_/oidc/mint-token" {
			x.mint(w, r, now())
			return
		}
		user, password, _ := r.BasicAuth()
		x.mu.Lock()
		ok := user == "__token__" && x.valid[password] && r.URL.Path != x.closed
		x.mu.Unlock()
		if !ok {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		html(w, r)
	})
	return x
}

func (x *index) mint(w http.ResponseWriter, r *http.Request, now time.Time) {
	b, _ := io.ReadAll(r.Body)
	var body struct{ Token, Scope string }
	x.mu.Lock()
	holding := x.holding
	x.mu.Unlock()
	if holding != nil {
		<-holding
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bodies = append(x.bodies, r.Method+" "+string(b))
	w.Header().Set("Content-Type", "application/json")
	switch err := json.Unmarshal(b, &body); {
	case x.refuse != "":
		w.WriteHeader(x.status)
		_, _ = io.WriteString(w, x.refuse)
	case err != nil || body.Scope != "read":
		w.WriteHeader(http.StatusUnprocessableEntity)
	case x.used[body.Token]:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = io.WriteString(w, `{"message":"no","errors":[{"code":"invalid-reuse-token","description":"used"}]}`)
	default:
		x.used[body.Token] = true
		x.minted++
		token := access.NewToken().Reveal()
		x.valid[token] = true
		fmt.Fprintf(w, `{"success":true,"token":%q,"expires":%d}`, token, now.Add(x.life).Unix())
	}
}

func (x *index) count() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.minted
}

// jwt returns an identity token that nobody signed.
func jwt(audience any, id string) string {
	b, _ := json.Marshal(map[string]any{"aud": audience, "jti": id, "sub": "system:serviceaccount:a:b"})
	return "e30." + base64.RawURLEncoding.EncodeToString(b) + ".c2lnbmF0dXJl"
}

// clock is a time that a test sets.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time          { return time.Unix(c.at.Load(), 0) }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d / time.Second)) }

func keyless(t *testing.T) (*Client, upstream.Upstream, *index, *clock) {
	t.Helper()
	var at clock
	at.at.Store(1_790_000_000)
	x := newIndex(t, at.now)
	u := local(x.URL)
	u.URL = x.URL + "/r/tools/simple/"
	u.IdentityAudience, u.IdentityTokenFile = "other.example", temp(t, jwt("other.example", "1"))
	o := small()
	o.Now = at.now
	return New(o), u, x, &at
}

// TestIdentity: the platform's token is exchanged once, what comes back is used until shortly before it ends, and the
// next one is exchanged then.
func TestIdentity(t *testing.T) {
	c, u, x, at := keyless(t)
	for range 3 {
		if _, err := get(t, c, u); err != nil {
			t.Fatal(err)
		}
	}
	if x.count() != 1 || len(x.bodies) != 1 || !strings.HasPrefix(x.bodies[0], "POST {") {
		t.Errorf("%d exchanges: %q", x.count(), x.bodies)
	}
	at.advance(13 * time.Minute) // the platform has not written another one yet
	if _, err := get(t, c, u); err != nil || len(x.bodies) != 1 {
		t.Errorf("near the end: %v, %d exchanges", err, len(x.bodies))
	}
	write(t, u.IdentityTokenFile, jwt([]string{"a", "other.example"}, "2"))
	if _, err := get(t, c, u); err != nil || x.count() != 2 {
		t.Errorf("with a new identity token: %v, %d exchanges", err, x.count())
	}
	at.advance(14*time.Minute + 50*time.Second)
	for range 3 {
		_, err := get(t, c, u)
		fails(t, "expired, and no new identity token", err, upstream.Refused, "exchanged before")
	}
	if len(x.bodies) != 2 {
		t.Errorf("a used identity token was sent again: %d exchanges", len(x.bodies))
	}
	write(t, u.IdentityTokenFile, jwt("other.example", "3"))
	if _, err := get(t, c, u); err != nil || x.count() != 3 {
		t.Errorf("at last: %v, %d exchanges", err, x.count())
	}
	for _, line := range x.take() {
		if path, got, _ := strings.Cut(line, " "); path == mintPath && got != "" {
			t.Errorf("the exchange has the credential %q", got)
		}
	}
}

// TestIdentityShared: requests at the same time share one exchange.
func TestIdentityShared(t *testing.T) {
	c, u, x, _ := keyless(t)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if _, err := get(t, c, u); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if x.count() != 1 {
		t.Errorf("%d exchanges", x.count())
	}
}

// TestIdentityRevoked: a token that the other Index ended is exchanged again if there is a new identity token.
func TestIdentityRevoked(t *testing.T) {
	c, u, x, _ := keyless(t)
	if _, err := get(t, c, u); err != nil {
		t.Fatal(err)
	}
	clear(x.valid)
	write(t, u.IdentityTokenFile, jwt("other.example", "2"))
	if _, err := get(t, c, u); err != nil || x.count() != 2 {
		t.Errorf("%v, %d exchanges", err, x.count())
	}
	clear(x.valid)
	for range 2 {
		_, err := get(t, c, u)
		fails(t, "ended again, and no new identity token", err, upstream.Refused, "401")
	}
	if len(x.bodies) != 2 {
		t.Errorf("%d exchanges", len(x.bodies))
	}
	write(t, u.IdentityTokenFile, jwt("other.example", "3"))
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			if _, err := get(t, c, u); err != nil {
				t.Errorf("at last: %v", err)
			}
		})
	}
	group.Wait()
	if x.count() != 3 {
		t.Errorf("%d exchanges", x.count())
	}
}

// TestIdentityOnePageRefused: a page for which the other Index answers 401 does not cost the token of the others.
func TestIdentityOnePageRefused(t *testing.T) {
	c, u, x, _ := keyless(t)
	x.closed = "/r/tools/simple/closed/"
	for range 3 {
		_, err := c.Page(t.Context(), u, name(t, "closed"), upstream.Validators{})
		fails(t, "closed", err, upstream.Refused, "401")
		if _, err := get(t, c, u); err != nil {
			t.Errorf("another page: %v", err)
		}
	}
}

// TestIdentityCanceled: a caller that goes away during an exchange does not use up the identity token.
func TestIdentityCanceled(t *testing.T) {
	c, u, x, _ := keyless(t)
	x.holding = make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := c.Page(ctx, u, name(t, "foo"), upstream.Validators{})
		done <- err
	}()
	for len(x.peek()) == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	close(x.holding)
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if _, err := get(t, c, u); err != nil || x.count() != 1 {
		t.Errorf("the next caller: %v, %d exchanges", err, x.count())
	}
}

// TestIdentityRefused: an identity token goes nowhere if it is for somebody else, and a refusal is told without it.
func TestIdentityRefused(t *testing.T) {
	for what, text := range map[string]string{
		"another audience": jwt("elsewhere.example", "1"), "a list of others": jwt([]string{"a", "b"}, "1"),
		"no audience": jwt(nil, "1"), "no token": "hello", "two parts": "e30.e30", "no JSON": "e30.!!.e30",
		"a number": jwt(7, "1"),
	} {
		c, u, x, _ := keyless(t)
		write(t, u.IdentityTokenFile, text)
		_, err := get(t, c, u)
		fails(t, what, err, upstream.Refused, "identity_token_file")
		if len(x.take()) != 0 {
			t.Errorf("%s: the other index was asked", what)
		}
	}
	for what, r := range map[string]struct {
		status int
		body   string
		kind   upstream.FailureKind
		word   string
	}{
		"no reader": {
			422, `{"errors":[{"code":"invalid-publisher","description":"no reader matches"}]}`, upstream.Refused,
			"no reader matches",
		},
		"off": {403, `{"errors":[{"code":"not-enabled","description":"off"}]}`, upstream.Refused, "not-enabled"},
		"used": {
			422, `{"errors":[{"code":"invalid-reuse-token","description":"used"}]}`, upstream.Refused, "exchanged before",
		},
		"no index":    {404, `<html>not here</html>`, upstream.Wrong, "does not exchange"},
		"elsewhere":   {302, ``, upstream.Wrong, "does not exchange"},
		"error":       {500, `oops`, upstream.Wrong, "500"},
		"busy":        {429, `{}`, upstream.Busy, "429"},
		"HTML":        {200, `<html>`, upstream.Wrong, "is it an Index"},
		"no token":    {200, `{"success":true,"token":"abc","expires":9999999999}`, upstream.Wrong, "is it an Index"},
		"no expiry":   {200, `{"success":true,"token":"` + access.NewToken().Reveal() + `"}`, upstream.Wrong, "clock"},
		"already bad": {200, `{"token":"` + access.NewToken().Reveal() + `","expires":1700000000}`, upstream.Wrong, "clock"},
	} {
		c, u, x, at := keyless(t)
		raw, _ := os.ReadFile(u.IdentityTokenFile)
		x.refuse, x.status = r.body+" ", r.status
		_, err := get(t, c, u)
		fails(t, what, err, r.kind, r.word)
		if strings.Contains(err.Error(), string(raw)) {
			t.Errorf("%s: %v", what, err)
		}
		_, err = get(t, c, u)
		fails(t, what+", again", err, r.kind, "")
		if len(x.bodies) != 1 {
			t.Errorf("%s: the identity token was sent %d times within seconds", what, len(x.bodies))
		}
		if what == "error" {
			x.refuse = ""
			at.advance(time.Minute)
			if _, err := get(t, c, u); err != nil {
				t.Errorf("%s: later: %v", what, err)
			}
		}
	}
}

// TestIdentityEcho: a refusal that repeats the identity token is told without it.
func TestIdentityEcho(t *testing.T) {
	c, u, x, _ := keyless(t)
	raw, _ := os.ReadFile(u.IdentityTokenFile)
	x.refuse, x.status = fmt.Sprintf(`{"errors":[{"code":"x","description":"bad token %s"}]}`, raw), 422
	_, err := get(t, c, u)
	fails(t, "echo", err, upstream.Refused, "bad token [secret]")
}

// TestMovedUpstream: an upstream that moves to another origin does not take the token of the old one along.
func TestMovedUpstream(t *testing.T) {
	c, u, x, _ := keyless(t)
	if _, err := get(t, c, u); err != nil {
		t.Fatal(err)
	}
	other := record(t, html)
	u.URL = other.URL + "/simple/"
	_, _ = get(t, c, u)
	for _, line := range other.take() {
		if !strings.HasSuffix(line, " ") {
			t.Errorf("the new origin got %q", line)
		}
	}
	c.Forget(u.Name)
	if len(c.links) != 0 || x.count() != 1 {
		t.Errorf("%d links, %d exchanges", len(c.links), x.count())
	}
}
