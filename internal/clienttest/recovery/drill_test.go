package recovery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pyindex/internal/clienttest"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/storage/postgrestest"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream/upstreamtest"
)

// place is a database with a store, and how the database is lost.
type place struct {
	env  []string
	lose func(s *clienttest.Server)
}

// places are the two pairs. The store survives the loss of the database.
var places = map[string]func(t *testing.T) place{
	"sqlite and a folder": func(t *testing.T) place {
		return place{lose: func(s *clienttest.Server) {
			all, err := filepath.Glob(filepath.Join(s.DataDir, "index.db*"))
			if err != nil || len(all) == 0 {
				t.Fatalf("there is no database to lose: %v", err)
			}
			for _, path := range all {
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
			}
		}}
	},
	"postgres and a bucket": func(t *testing.T) place {
		at := storagetest.Postgres(t)
		u, err := url.Parse(at)
		if err != nil {
			t.Fatal(err)
		}
		schema := u.Query().Get("search_path")
		return place{
			env: append(clienttest.S3(t), "INDEX_DATABASE_URL="+at),
			lose: func(*clienttest.Server) {
				if err := postgrestest.Execute("pgx", at, `DROP SCHEMA "`+schema+`" CASCADE`,
					`CREATE SCHEMA "`+schema+`"`); err != nil {
					t.Fatal(err)
				}
			},
		}
	},
}

// drill is an index that is lost and restored.
type drill struct {
	*testing.T
	s     *clienttest.Server
	up    *upstreamtest.Server
	token string

	chained *clienttest.Server // draws on s
}

func (d *drill) do(method, path, token string, body []byte, header ...string) (int, string, http.Header) {
	d.Helper()
	r, err := http.NewRequest(method, d.s.URL+path, bytes.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	if token != "" {
		r.SetBasicAuth("__token__", token)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := d.s.HTTP.Do(r)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error(), nil
	}
	return answer.StatusCode, string(text), answer.Header
}

func (d *drill) get(path string, header ...string) (int, string) {
	d.Helper()
	status, text, _ := d.do(http.MethodGet, path, d.token, nil, header...)
	return status, text
}

func (d *drill) upload(token string, f packagingtest.File) (int, string) {
	d.Helper()
	body, contentType := f.Form()
	status, text, _ := d.do(http.MethodPost, "/legacy/", token, body, "Content-Type", contentType)
	return status, text
}

func (d *drill) publish(f packagingtest.File) {
	d.Helper()
	if status, text := d.upload(d.token, f); status != http.StatusOK {
		d.Fatalf("upload of %s = %d %s", f.Name, status, text)
	}
}

const jsonPage = "application/vnd.pypi.simple.v1+json"

// state is what the index shows about its stable projects and its people, by place. Times of use and the serials, which
// change with a restore, are left out.
func (d *drill) state() map[string]string {
	d.Helper()
	out := map[string]string{}
	for _, project := range []string{"demo", "yanked"} {
		for _, path := range []string{"/simple/" + project + "/", "/pypi/" + project + "/json"} {
			status, text := d.get(path, "Accept", jsonPage+", application/json;q=0.5")
			out[path] = fmt.Sprint(status, " ", without(d.T, text, "_last-serial", "last_serial"))
		}
		_, text := d.get("/simple/"+project+"/", "Accept", jsonPage)
		var page struct{ Files []struct{ URL string } }
		if err := json.Unmarshal([]byte(text), &page); err != nil {
			d.Fatalf("%v in %s", err, text)
		}
		for _, f := range page.Files {
			for _, path := range []string{f.URL, f.URL + ".metadata"} {
				path = strings.TrimPrefix(path, d.s.URL)
				status, text := d.get(path)
				out[path] = fmt.Sprint(status, " ", len(text), " ", text[:min(len(text), 40)])
			}
		}
	}
	for _, command := range [][]string{
		{"user", "list", "--json"},
		{"group", "list", "--json"},
		{"grant", "list", "--json"},
		{"publisher", "list", "--json"},
		{"repository", "list", "--json"},
		{"upstream", "list", "--json"},
		{"name", "list", "--json"},
	} {
		text := d.s.Index(command...).OK(d.T).Stdout
		out[strings.Join(command, " ")] = without(d.T, text, "last_used", "last_seen", "sessions", "tokens", "last_sign_in",
			"files", "bytes", "size", "releases")
	}
	return out
}

// without returns JSON without some keys, at any depth.
func without(t *testing.T, text string, keys ...string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		return text
	}
	var strip func(v any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, inner := range v {
				if slices.Contains(keys, k) {
					delete(v, k)
				} else {
					strip(inner)
				}
			}
		case []any:
			for _, inner := range v {
				strip(inner)
			}
		}
	}
	strip(v)
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func (d *drill) compare(what string, want map[string]string) {
	d.Helper()
	got := d.state()
	for place, text := range want {
		if got[place] != text {
			d.Errorf("%s: %s is\n%s\nwant\n%s", what, place, got[place], text)
		}
	}
}

func (d *drill) serial() int64 {
	d.Helper()
	_, _, h := d.do(http.MethodGet, "/simple/demo/", d.token, nil)
	n, err := strconv.ParseInt(h.Get("X-PyPI-Last-Serial"), 10, 64)
	if err != nil {
		d.Fatalf("X-PyPI-Last-Serial = %q", h.Get("X-PyPI-Last-Serial"))
	}
	return n
}

// load uploads until it is stopped, and returns the number of files that were answered with 200 so far.
func (d *drill) load() (answered func() int64, stop func()) {
	var n atomic.Int64
	done := make(chan struct{})
	var all sync.WaitGroup
	for sender := range 3 {
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				f := packagingtest.Wheel(fmt.Sprintf("load-%d", sender), fmt.Sprintf("1.%d", i), fmt.Sprint(sender, i))
				if status, _ := d.upload(d.token, f); status == http.StatusOK {
					n.Add(1)
				}
			}
		})
	}
	return n.Load, func() { close(done); all.Wait() }
}

// listed returns the number of files of the projects that load uploads.
func (d *drill) listed() (n int64) {
	for sender := range 3 {
		_, text := d.get(fmt.Sprintf("/simple/load-%d/", sender), "Accept", jsonPage)
		n += int64(strings.Count(text, `"filename"`))
	}
	return n
}

// TestDrill publishes under load, backs the running index up, goes on, loses the database, restores it, and compares
// everything: pages, files, people, roles, publishers and names. What came after the backup is asked of no upstream and
// does not work: a new name, a token that was revoked. A chained index that saw higher serials goes on.
func TestDrill(t *testing.T) {
	for name, open := range places {
		for _, tokens := range []string{"--revoke-tokens", "--keep-tokens"} {
			if tokens == "--keep-tokens" && !strings.HasPrefix(name, "sqlite") {
				continue // the pairs do not differ in that
			}
			t.Run(name+tokens, func(t *testing.T) {
				t.Parallel()
				run(t, open(t), tokens)
			})
		}
	}
}

func run(t *testing.T, at place, tokens string) {
	up := upstreamtest.New(t, upstreamtest.Options{})
	up.Add(packagingtest.Wheel("public-lib", "1.0", "public"))
	s := clienttest.Serve(t, clienttest.Options{
		Args: []string{"--upstream", up.URL(), "--upstream-allow-private"}, Env: at.env, OwnStores: true,
	})
	d := &drill{T: t, s: s, up: up}
	s.User("alice", true)
	s.User("bob", false)
	d.token = s.Token("alice")
	for _, f := range []packagingtest.File{
		packagingtest.Wheel("demo", "1.0", "a"), packagingtest.SDist("demo", "1.0", "b"),
		packagingtest.Wheel("demo", "2.0", "c"),
		packagingtest.Wheel("yanked", "1.0", "d"), packagingtest.Wheel("yanked", "2.0", "e"),
		packagingtest.Wheel("doomed", "1.0", "f"), packagingtest.Wheel("load-0", "0.1", "l"),
		packagingtest.Wheel("load-1", "0.1", "m"), packagingtest.Wheel("load-2", "0.1", "n"),
	} {
		d.publish(f)
	}
	for _, command := range [][]string{
		{"project", "yank", "yanked", "1.0", "--reason", "it breaks"},
		{"project", "delete", "demo", "2.0", "--yes"},
		{"group", "add", "team"},
		{"grant", "add", "--user", "bob", "--project", "demo", "--role", "maintainer"},
		{
			"publisher", "add", "github", "--project", "demo", "--owner", "acme", "--repository", "demo", "--workflow", "ci.yml",
			"--owner-id", "1",
		},
	} {
		s.Index(command...).OK(t)
	}
	if status, _ := d.get("/simple/public-lib/"); status != http.StatusOK {
		t.Fatalf("/simple/public-lib/ = %d", status)
	}
	revoked := s.Token("bob", "--description", "revoked-later")
	want := d.state()

	// The backup, while three clients upload.
	answered, stop := d.load()
	for deadline := time.Now().Add(time.Minute); answered() < 10; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("only %d uploads were answered in a minute", answered())
		}
	}
	before := answered() + 3 // with those from before the load
	dir := filepath.Join(t.TempDir(), "backup")
	s.Index("backup", dir).OK(t)
	s.Index("backup", "verify", dir).OK(t)
	stop()

	// Later changes, which the backup lacks.
	d.publish(packagingtest.Wheel("later", "1.0", "g"))
	up.Add(packagingtest.Wheel("later", "99.0", "not ours")) // somebody registers the name there
	d.publish(packagingtest.Wheel("demo", "3.0", "h"))
	s.Index("project", "delete", "doomed", "--yes").OK(t)
	if status, _, _ := d.do(http.MethodGet, "/simple/demo/", revoked, nil); status != http.StatusOK {
		t.Fatalf("the token does not work before it is revoked: %d", status)
	}
	id := ""
	var list []struct{ ID, Description string }
	if err := json.Unmarshal([]byte(s.Index("token", "list", "--json").OK(t).Stdout), &list); err != nil {
		t.Fatal(err)
	}
	for _, l := range list {
		if l.Description == "revoked-later" {
			id = l.ID
		}
	}
	s.Index("token", "revoke", id).OK(t)
	highest := d.serial()
	var after []string
	if strings.HasPrefix(t.Name(), "TestDrill/sqlite_and_a_folder--revoke") {
		after = d.followers()
	}

	s.Stop()
	at.lose(s)
	s.Index("restore", dir).Refused(t, "--revoke-tokens", "--keep-tokens")
	s.Index("restore", dir, tokens).OK(t).Says(t, "state recovered", "index restore finish")
	s.Index("restore", dir, tokens).Refused(t, "already contains an index")
	s.Start()

	token := d.token
	if tokens == "--revoke-tokens" {
		for _, old := range []string{d.token, revoked} {
			if status, _, _ := d.do(http.MethodGet, "/simple/demo/", old, nil); status != http.StatusUnauthorized {
				t.Errorf("a token of the backup works: %d", status)
			}
		}
		token = s.Token("alice")
	} else if status, _, _ := d.do(http.MethodGet, "/simple/demo/", revoked, nil); status != http.StatusOK {
		t.Errorf("--keep-tokens: the token does not work: %d", status)
	}
	d.token = token
	d.compare("after the restore", want)
	if n := d.listed(); n < before {
		t.Errorf("%d files of the load are listed, but %d were answered before the backup", n, before)
	}
	if n := d.serial(); n <= highest {
		t.Errorf("the serial is %d, but %d was seen before", n, highest)
	}

	// The state recovered.
	up.Forget()
	for _, path := range []string{"/simple/later/", "/pypi/later/json", "/simple/never-seen/"} {
		if status, text := d.get(path); status != http.StatusServiceUnavailable ||
			!strings.Contains(text, "index restore finish") {
			t.Errorf("GET %s = %d %s, want 503 with the reason", path, status, text)
		}
	}
	if status, text := d.upload(token,
		packagingtest.Wheel("later", "1.0", "g")); status != http.StatusServiceUnavailable ||
		!strings.Contains(text, "index restore finish") {
		t.Errorf("an upload = %d %s", status, text)
	}
	if status, text := d.get("/readyz"); status != http.StatusOK || !strings.HasPrefix(text, "recovered:") {
		t.Errorf("/readyz = %d %s", status, text)
	}
	if status, _ := d.get("/simple/public-lib/"); status != http.StatusOK {
		t.Errorf("a known name of the upstream = %d", status)
	}

	// The end.
	s.Index("restore", "finish").OK(t).Says(t, "later", "main/doomed", "the restore is finished")
	s.Index("restore", "finish").Refused(t, "nothing to finish")
	if status, _ := d.get("/simple/later/"); status != http.StatusNotFound {
		t.Errorf("the name that was created after the backup = %d, want 404", status)
	}
	up.AssertNothingAsked(t, "later")
	d.publish(packagingtest.Wheel("later", "1.0", "g"))
	d.publish(packagingtest.Wheel("demo", "3.0", "h"))
	if status, text := d.get("/readyz"); status != http.StatusOK || text != "ok\n" {
		t.Errorf("/readyz = %d %s", status, text)
	}
	s.Index("doctor", "--bytes").OK(t)
	if len(after) > 0 {
		d.follow(after)
	}
}

// followers starts a chained index that sees the index before it is lost, and returns its URL and a token.
func (d *drill) followers() []string {
	d.Helper()
	reader := d.s.Token("alice", "--scope", "read")
	password := filepath.Join(d.TempDir(), "password")
	if err := os.WriteFile(password, []byte(reader), 0o600); err != nil {
		d.Fatal(err)
	}
	config := filepath.Join(d.TempDir(), "index.toml")
	text := fmt.Sprintf(`[[upstreams]]
name = "first"
url = %q
kind = "private"
probe = "demo"
allow_private = true
token_file = %q
ttl = "1s"
negative_ttl = "1s"
stale_while_revalidate = "0s"

[[repositories]]
name = "chained"
bases = ["upstream:first"]
`, d.s.URL+"/simple/", password)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		d.Fatal(err)
	}
	second := clienttest.Serve(d.T, clienttest.Options{Env: []string{"INDEX_CONFIG=" + config}, OwnStores: true})
	second.User("carol", true)
	token := second.Token("carol")
	status, body := chainedPage(d.T, second, token)
	if status != http.StatusOK || !strings.Contains(body, "demo-3.0") {
		d.Fatalf("the chained index shows %d %s before the loss", status, body)
	}
	d.chained = second
	return []string{token, password}
}

// chainedPage returns the page of demo on a chained index.
func chainedPage(t *testing.T, s *clienttest.Server, token string) (int, string) {
	t.Helper()
	d := &drill{T: t, s: s}
	status, text, _ := d.do(http.MethodGet, "/r/chained/simple/demo/", token, nil, "Accept", jsonPage, "Cache-Control",
		"no-cache")
	return status, text
}

// follow checks that the chained index shows what the restored one has, with a new credential.
func (d *drill) follow(after []string) {
	d.Helper()
	if err := os.WriteFile(after[1], []byte(d.s.Token("alice", "--scope", "read")), 0o600); err != nil {
		d.Fatal(err)
	}
	d.chained.Stop()
	d.chained.Start()
	d.publish(packagingtest.Wheel("demo", "4.0", "i"))
	status, body := chainedPage(d.T, d.chained, after[0])
	if status != http.StatusOK || !strings.Contains(body, "demo-4.0") || !strings.Contains(body, "demo-1.0") {
		d.Errorf("the chained index shows %d %s after the restore", status, body)
	}
}
