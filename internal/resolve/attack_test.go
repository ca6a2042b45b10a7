package resolve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/config"
	"pyindex/internal/jsonapi"
	"pyindex/internal/legacyupload"
	"pyindex/internal/packaging"
	"pyindex/internal/packaging/packagingtest"
	"pyindex/internal/publishers"
	"pyindex/internal/server"
	"pyindex/internal/simpleapi"
	"pyindex/internal/storage/storagetest"
	"pyindex/internal/upstream"
	"pyindex/internal/upstream/files"
	"pyindex/internal/upstream/page"
	"pyindex/internal/upstream/upstreamtest"
)

// world is an index of two replicas, with a public upstream below main.
type world struct {
	t        testing.TB
	replicas [2]*app.App
	handlers [2]http.Handler
	public   *upstreamtest.Server
	admin    access.Secret
}

// eachPair runs f on SQLite with a folder, and on PostgreSQL with an object store.
func eachPair(t *testing.T, f func(w *world)) {
	storagetest.EachDatabase(t, func(t *testing.T, fresh func(*testing.T) string) {
		dir := t.TempDir()
		storage := "file://" + filepath.Join(dir, "blobs")
		if strings.HasSuffix(t.Name(), "postgres") {
			storage = storagetest.Bucket(t)
		}
		f(newWorld(t, dir, fresh(t), storage))
	})
}

func newWorld(t testing.TB, dir, database, storage string, args ...string) *world {
	t.Helper()
	w := &world{t: t, public: upstreamtest.New(t, upstreamtest.Options{})}
	for i := range w.replicas {
		a := w.open(dir, database, storage, args...)
		w.replicas[i], w.handlers[i] = a, w.serve(a)
	}
	a := w.replicas[0]
	_, err := a.Directory.AddUser(t.Context(), a.Operator, access.NewUser{Name: "root", Admin: true})
	w.must(err)
	w.admin = w.token("root", access.ScopeAdmin)
	w.must(a.Upstreams.Add(t.Context(), a.Operator, w.upstream("public", w.public, upstream.Public)))
	w.bases("main", "upstream:public")
	return w
}

func (w *world) open(dir, database, storage string, args ...string) *app.App {
	w.t.Helper()
	var program struct {
		config.Config
		Serve struct{} `cmd:""`
	}
	parser, err := kong.New(&program, config.KongOptions())
	w.must(err)
	_, err = parser.Parse(append([]string{
		"serve", "--data-dir", dir, "--database-url", database, "--storage-url", storage,
		"--upstream-cache-size", "1GiB",
	}, args...))
	w.must(err)
	base := &url.URL{Scheme: "https", Host: "index.example"}
	a, err := app.Open(w.t.Context(), &program.Config, slog.New(slog.DiscardHandler), base)
	w.must(err)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { a.Pages.Run(ctx) })
	w.t.Cleanup(func() {
		stop()
		running.Wait()
		a.Close()
	})
	return a
}

func (w *world) serve(a *app.App) http.Handler {
	w.t.Helper()
	keys := access.NewKeyring(a.DB.Access(), access.KeyringOptions{AnonymousRead: true})
	h, err := server.New(server.Options{Keyring: keys, Log: slog.New(slog.DiscardHandler)},
		simpleapi.New(a.Reader, simpleapi.Options{BaseURL: "https://index.example", Instance: a.Instance}).Table(),
		jsonapi.New(a.Reader, jsonapi.Options{BaseURL: "https://index.example"}).Table(),
		legacyupload.New(a.Index.Intake, legacyupload.Options{}).Table())
	w.must(err)
	return h
}

// serveWith is serve with other options of the simple API.
func (w *world) serveWith(o simpleapi.Options) http.Handler {
	w.t.Helper()
	a := w.replicas[0]
	keys := access.NewKeyring(a.DB.Access(), access.KeyringOptions{AnonymousRead: true})
	h, err := server.New(server.Options{Keyring: keys, Log: slog.New(slog.DiscardHandler)},
		simpleapi.New(a.Reader, o).Table())
	w.must(err)
	return h
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) upstream(name string, s *upstreamtest.Server, kind upstream.Kind) upstream.Upstream {
	u := upstream.Default()
	u.Name, u.URL, u.Kind, u.AllowPrivate = name, s.URL(), kind, true
	if kind == upstream.Private {
		u.Probe = "probe"
	}
	return u
}

func (w *world) bases(repository string, bases ...string) {
	w.t.Helper()
	a := w.replicas[0]
	var all []catalog.Base
	for _, b := range bases {
		all = append(all, catalog.ParseBase(b))
	}
	w.must(a.Index.SetBases(w.t.Context(), a.Operator, repository, all))
}

func (w *world) repository(name string, members access.Role, bases ...string) {
	w.t.Helper()
	a := w.replicas[0]
	w.must(a.Index.AddRepository(w.t.Context(), a.Operator, catalog.NewRepository{Name: name, Members: members}))
	w.bases(name, bases...)
}

func (w *world) user(name string) access.Secret {
	w.t.Helper()
	a := w.replicas[0]
	_, err := a.Directory.AddUser(w.t.Context(), a.Operator, access.NewUser{Name: name})
	w.must(err)
	return w.token(name, access.ScopeUpload)
}

func (w *world) token(user string, scope access.Scope) access.Secret {
	w.t.Helper()
	a := w.replicas[0]
	_, secret, err := a.Directory.CreateToken(w.t.Context(), a.Operator, access.NewAPIToken{User: user, Scope: scope})
	w.must(err)
	return secret
}

// call sends a request to a replica with a token.
func (w *world) call(replica int, token access.Secret, method, path string, body []byte,
	header ...string,
) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, path, bytes.NewReader(body))
	r.SetBasicAuth("__token__", token.Reveal())
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	out := httptest.NewRecorder()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a recovered value
			panic(p)
		}
	}()
	w.handlers[replica].ServeHTTP(out, r)
	return out
}

func (w *world) upload(replica int, token access.Secret, tree string, f packagingtest.File) *httptest.ResponseRecorder {
	body, contentType := f.Form()
	return w.call(replica, token, http.MethodPost, tree+"/legacy/", body, "Content-Type", contentType)
}

func (w *world) publish(tree string, f packagingtest.File) {
	w.t.Helper()
	if out := w.upload(0, w.admin, tree, f); out.Code != http.StatusOK {
		w.t.Fatalf("upload of %s = %d %s", f.Name, out.Code, out.Body)
	}
}

const jsonPage = "application/vnd.pypi.simple.v1+json"

// forms returns the paths below a tree at which something of the upstream's file could be seen.
func (w *world) forms(tree, project string, f packagingtest.File) map[string]string {
	path := page.Path(w.public.FileURL(f.Name), f.Name, "")
	return map[string]string{
		"page JSON":  tree + "/simple/" + project + "/",
		"page HTML":  tree + "/simple/" + project + "/?format=text/html",
		"file":       tree + "/packages/public/" + path,
		"metadata":   tree + "/packages/public/" + path + ".metadata",
		"provenance": tree + "/integrity/" + project + "/" + f.Version + "/" + f.Name + "/provenance",
		"JSON":       tree + "/pypi/" + project + "/json",
		"release":    tree + "/pypi/" + project + "/" + f.Version + "/json",
	}
}

// shows reports whether a response has anything of the upstream's file.
func shows(out *httptest.ResponseRecorder, f packagingtest.File) bool {
	return out.Code == http.StatusOK && (bytes.Contains(out.Body.Bytes(), []byte(f.Name)) ||
		bytes.Contains(out.Body.Bytes(), []byte(`"`+f.Version+`"`)) || bytes.Contains(out.Body.Bytes(), f.Bytes) ||
		bytes.Contains(out.Body.Bytes(), f.Metadata))
}

// nothing checks that a caller sees nothing of a file of the upstream in any form and on any replica, and that the
// upstream is not asked about its project.
func (w *world) nothing(what, tree, project string, token access.Secret, f packagingtest.File) {
	w.t.Helper()
	w.public.Forget()
	for replica := range w.handlers {
		for form, path := range w.forms(tree, project, f) {
			for _, refresh := range []string{"", "no-cache"} {
				out := w.call(replica, token, http.MethodGet, path, nil, "Accept", accepts(form), "Cache-Control", refresh)
				if shows(out, f) {
					w.t.Errorf("%s: %s on replica %d = %d with the upstream's %s: %.300s", what, form, replica, out.Code, f.Name,
						out.Body)
				}
			}
		}
	}
	w.public.AssertNothingAsked(w.t, project)
}

func accepts(form string) string {
	if form == "page JSON" {
		return jsonPage
	}
	return "*/*"
}

// everything checks that a caller sees the upstream's file in each form.
func (w *world) everything(what, tree, project string, token access.Secret, f packagingtest.File) {
	w.t.Helper()
	for form, path := range w.forms(tree, project, f) {
		if form == "provenance" {
			continue // the test files have none
		}
		out := w.call(0, token, http.MethodGet, path, nil, "Accept", accepts(form))
		if !shows(out, f) {
			w.t.Fatalf("%s: %s = %d without %s: %.300s", what, form, out.Code, f.Name, out.Body)
		}
	}
}

// files returns the names on a page.
func (w *world) files(replica int, token access.Secret, path string) (names []string, status int) {
	w.t.Helper()
	out := w.call(replica, token, http.MethodGet, path, nil, "Accept", jsonPage)
	var doc struct {
		Files []struct{ Filename string }
	}
	if out.Code == http.StatusOK {
		w.must(json.Unmarshal(out.Body.Bytes(), &doc))
	}
	for _, f := range doc.Files {
		names = append(names, f.Filename)
	}
	return names, out.Code
}

func name(t *testing.T, s string) packaging.ProjectName {
	t.Helper()
	n, err := packaging.ParseProjectName(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func own(project string) packagingtest.File { return packagingtest.Wheel(project, "1.0", "ours") }

func theirs(project string) packagingtest.File { return packagingtest.Wheel(project, "99.0", "theirs") }

// TestUpstreamIsRead is the counterpart of the attacks: a name that is nobody's is read in each form.
func TestUpstreamIsRead(t *testing.T) {
	eachPair(t, func(w *world) {
		f := theirs("requests")
		w.public.Add(f)
		w.everything("upstream", "", "requests", w.admin, f)
	})
}

// TestHigherPublicVersion is the classic attack: a public project with the name of an own one and a higher version.
func TestHigherPublicVersion(t *testing.T) {
	eachPair(t, func(w *world) {
		f := theirs("acme-core")
		w.public.Add(f)
		a := w.replicas[0]
		w.publish("", own("acme-core"))
		_ = a
		w.nothing("after the upload", "", "acme-core", w.admin, f)
		if got, status := w.files(1, w.admin, "/simple/acme-core/"); status != 200 ||
			!slices.Equal(got, []string{own("acme-core").Name}) {
			t.Errorf("the page lists %v (%d)", got, status)
		}
	})
}

// TestOtherSpelling: other spellings of an own name, and a file on another public page whose name normalizes to an own
// one, lead nowhere.
func TestOtherSpelling(t *testing.T) {
	eachPair(t, func(w *world) {
		w.publish("", own("acme-core"))
		f := packagingtest.Wheel("Acme_Core", "99.0", "theirs")
		w.public.Add(f, packagingtest.Wheel("bait", "1.0", "x"))
		w.public.Change("bait", func(p *upstreamtest.Project) {
			stolen := *p.Files[0]
			stolen.Name, stolen.Version = "acme_core-99.0-py3-none-any.whl", "99.0"
			p.Files = append(p.Files, &stolen)
		})
		for _, spelling := range []string{"acme-core", "Acme_Core", "ACME.core", "acme--core"} {
			for replica := range w.handlers {
				out := w.call(replica, w.admin, http.MethodGet, "/simple/"+spelling+"/", nil, "Accept", jsonPage)
				if shows(out, f) {
					t.Errorf("%s = %d %s", spelling, out.Code, out.Body)
				}
			}
		}
		w.nothing("spelled", "", "acme-core", w.admin, f)
		if got, status := w.files(0, w.admin, "/simple/bait/"); status != 200 ||
			!slices.Equal(got, []string{"bait-1.0-py3-none-any.whl"}) {
			t.Errorf("the page of bait lists %v (%d)", got, status)
		}
		w.public.AssertNothingAsked(t, "acme-core")
	})
}

// TestEmptiedNames: a name stays own when all its releases, its project or its repository are deleted.
func TestEmptiedNames(t *testing.T) {
	eachPair(t, func(w *world) {
		ctx, a := t.Context(), w.replicas[0]
		w.repository("team", access.Uploader)
		all := map[string]func(project string){
			"all releases deleted": func(p string) {
				w.must(a.Index.DeleteRelease(ctx, a.Operator, "team", name(t, p), "1.0"))
			},
			"project deleted":    func(p string) { w.must(a.Index.DeleteProject(ctx, a.Operator, "team", name(t, p))) },
			"repository removed": nil,
		}
		i := 0
		for what, do := range all {
			i++
			project := fmt.Sprintf("emptied-%d", i)
			f := theirs(project)
			w.public.Add(f)
			if do == nil {
				w.repository("gone", access.Uploader)
				w.publish("/r/gone", own(project))
				w.must(a.Index.DeleteProject(ctx, a.Operator, "gone", name(t, project)))
				if err := a.Index.RemoveRepository(ctx, a.Operator, "gone"); err != nil && !catalog.IsMissing(err) {
					t.Logf("the repository stays because of names of deleted files: %v", err)
				}
			} else {
				w.publish("/r/team", own(project))
				do(project)
			}
			w.nothing(what, "", project, w.admin, f)
		}
	})
}

// TestSecondRepository: a repository with public bases alone does not read a name that is own elsewhere, also for
// callers who may not see that project.
func TestSecondRepository(t *testing.T) {
	eachPair(t, func(w *world) {
		w.repository("secret", access.NoRole)
		w.publish("/r/secret", own("acme-secret"))
		w.repository("open", access.Uploader, "upstream:public")
		f := theirs("acme-secret")
		w.public.Add(f)
		dev := w.user("dev")
		w.nothing("administrator", "/r/open", "acme-secret", w.admin, f)
		w.nothing("developer", "/r/open", "acme-secret", dev, f)
		w.nothing("developer in main", "", "acme-secret", dev, f)
		_, status := w.files(0, dev, "/r/open/simple/acme-secret/")
		_, missing := w.files(0, dev, "/r/open/simple/no-such-project/")
		if status != missing || status != http.StatusNotFound {
			t.Errorf("a hidden own name answers %d, a missing one %d", status, missing)
		}
	})
}

// TestAnonymousProbe: an anonymous caller cannot tell a hidden own name from one that nobody has, on any route.
func TestAnonymousProbe(t *testing.T) {
	eachPair(t, func(w *world) {
		w.repository("secret", access.NoRole)
		w.publish("/r/secret", own("acme-secret"))
		answers := map[string]string{}
		for _, project := range []string{"acme-secret", "acme-nobody"} {
			for form, path := range w.forms("", project, theirs(project)) {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
				out := httptest.NewRecorder()
				w.handlers[0].ServeHTTP(out, r)
				got := fmt.Sprint(out.Code, " ", strings.ReplaceAll(out.Body.String(), project, "NAME"))
				if was, ok := answers[form]; ok && was != got {
					t.Errorf("%s: a hidden name answers %q, an unknown one %q", form, was, got)
				}
				answers[form] = got
			}
		}
		w.public.AssertNothingAsked(t, "acme-secret")
	})
}

// TestUnreadableBase: a base that the caller may not read still hides the upstreams after it.
func TestUnreadableBase(t *testing.T) {
	eachPair(t, func(w *world) {
		w.repository("secret", access.NoRole)
		w.publish("/r/secret", own("acme-hidden"))
		w.repository("team", access.Uploader, "secret", "upstream:public")
		f := theirs("acme-hidden")
		w.public.Add(f)
		dev := w.user("dev")
		w.nothing("unreadable base", "/r/team", "acme-hidden", dev, f)
		if _, status := w.files(0, dev, "/r/team/simple/acme-hidden/"); status != http.StatusNotFound {
			t.Errorf("the page answers %d", status)
		}
		if got, status := w.files(0, w.admin, "/r/team/simple/acme-hidden/"); status != 200 || len(got) != 1 {
			t.Errorf("an administrator sees %v (%d)", got, status)
		}
	})
}

// TestPrivateUpstreamFails: while a private upstream is away or refuses its credential, names that it may have are not
// asked of a public one, and the answer is never "missing".
func TestPrivateUpstreamFails(t *testing.T) {
	eachPair(t, func(w *world) {
		company := upstreamtest.New(t, upstreamtest.Options{NoList: true})
		company.Add(packagingtest.Wheel("probe", "1.0", "p"), own("acme-old"))
		a := w.replicas[0]
		w.must(a.Upstreams.Add(t.Context(), a.Operator, w.upstream("company", company, upstream.Private)))
		w.bases("main", "upstream:public", "upstream:company")
		f := theirs("acme-old")
		w.public.Add(f)
		for what, fault := range map[string]upstreamtest.Fault{
			"dead credential": {Kind: upstreamtest.Status, Status: 401},
			"forbidden":       {Kind: upstreamtest.Status, Status: 403},
			"broken":          {Kind: upstreamtest.Status, Status: 500},
			"denies all":      {Kind: upstreamtest.Status, Status: 404},
		} {
			company.Fail(fault)
			w.nothing(what, "", "acme-old", w.admin, f)
			if _, status := w.files(0, w.admin, "/simple/acme-old/"); status != 502 && status != 503 {
				t.Errorf("%s: the page answers %d", what, status)
			}
			company.Mend()
		}
		company.Kill()
		w.nothing("away", "", "acme-old", w.admin, f)
		if _, status := w.files(0, w.admin, "/simple/acme-old/"); status != 502 && status != 503 {
			t.Errorf("away: the page answers %d", status)
		}
	})
}

// TestPrivateList: a name on the list of a private upstream is asked of no public one, also by a repository that does
// not draw on the private one, and before anybody has read it there.
func TestPrivateList(t *testing.T) {
	eachPair(t, func(w *world) {
		company := upstreamtest.New(t, upstreamtest.Options{})
		company.Add(packagingtest.Wheel("probe", "1.0", "p"), own("acme-old"))
		a := w.replicas[0]
		w.must(a.Upstreams.Add(t.Context(), a.Operator, w.upstream("company", company, upstream.Private)))
		w.repository("team", access.Uploader, "upstream:company", "upstream:public")
		w.must(a.Pages.UpdateLists(t.Context()))
		f := theirs("acme-old")
		w.public.Add(f)
		w.nothing("listed by a private upstream", "", "acme-old", w.admin, f)
		if _, status := w.files(0, w.admin, "/simple/acme-old/"); status != http.StatusNotFound {
			t.Errorf("the page of a repository without the private upstream answers %d", status)
		}
		if got, status := w.files(0, w.admin, "/r/team/simple/acme-old/"); status != 200 ||
			!slices.Equal(got, []string{own("acme-old").Name}) {
			t.Errorf("the page of a repository with it lists %v (%d)", got, status)
		}
	})
}

// TestTwoPrivateUpstreams: a name stays that of the private upstream that had it first, when another one has it later.
func TestTwoPrivateUpstreams(t *testing.T) {
	eachPair(t, func(w *world) {
		a := w.replicas[0]
		var servers []*upstreamtest.Server
		for _, n := range []string{"north", "south"} {
			s := upstreamtest.New(t, upstreamtest.Options{NoList: true})
			s.Add(packagingtest.Wheel("probe", "1.0", "p"))
			u := w.upstream(n, s, upstream.Private)
			u.NegativeTTL = time.Second
			w.must(a.Upstreams.Add(t.Context(), a.Operator, u))
			servers = append(servers, s)
		}
		w.bases("main", "upstream:north", "upstream:south")
		south := own("shared")
		servers[1].Add(south)
		for range 2 {
			if got, status := w.files(0, w.admin, "/simple/shared/"); status != 200 || !slices.Equal(got, []string{south.Name}) {
				t.Errorf("the page lists %v (%d)", got, status)
			}
			servers[0].Add(theirs("shared"))
			time.Sleep(1100 * time.Millisecond) // the absence is remembered that long
		}
	})
}

// TestFirstUploadAndFirstReadRace: of an upload on one replica and a read on another, one wins, and the loser gets
// nothing.
func TestFirstUploadAndFirstReadRace(t *testing.T) {
	eachPair(t, func(w *world) {
		dev := w.user("dev")
		w.must(allowUploads(w))
		won := map[string]int{}
		for i := range 24 {
			project := fmt.Sprintf("raced-%d", i)
			f := theirs(project)
			w.public.Add(f)
			var start, done sync.WaitGroup
			var uploaded, read *httptest.ResponseRecorder
			start.Add(1)
			done.Go(func() { start.Wait(); uploaded = w.upload(0, dev, "", own(project)) })
			done.Go(func() {
				start.Wait()
				read = w.call(1, dev, http.MethodGet, "/simple/"+project+"/", nil, "Accept", jsonPage)
			})
			start.Done()
			done.Wait()
			switch {
			case uploaded.Code == 200 && shows(read, f):
				t.Errorf("%s: the upload succeeded and the upstream's page was served", project)
			case uploaded.Code == 200:
				won["upload"]++
				w.nothing("after the race", "", project, dev, f)
			case shows(read, f):
				won["read"]++
				if uploaded.Code != http.StatusForbidden {
					t.Errorf("%s: the upload answered %d %s", project, uploaded.Code, uploaded.Body)
				}
			default:
				t.Errorf("%s: nobody won: %d %s and %d %s", project, uploaded.Code, uploaded.Body, read.Code, read.Body)
			}
		}
		t.Logf("winners: %v", won)
	})
}

func allowUploads(w *world) error {
	a := w.replicas[0]
	return a.Index.SetRepository(w.t.Context(), a.Operator, catalog.MainRepository, access.Uploader, false)
}

// TestNameTurnsOwn: a name becomes own after its page, file and metadata were cached from the upstream. From then on
// nothing of it is served on any replica.
func TestNameTurnsOwn(t *testing.T) {
	eachPair(t, func(w *world) {
		f := theirs("turning")
		w.public.Add(f)
		w.everything("before", "", "turning", w.admin, f)
		a := w.replicas[0]
		w.must(a.Index.SetOrigin(t.Context(), a.Operator, catalog.NewRuling{
			Name: name(t, "turning"), Origin: catalog.Own, Reason: "it is ours",
		}))
		w.nothing("after the decision", "", "turning", w.admin, f)
		w.publish("", own("turning"))
		w.nothing("after the upload", "", "turning", w.admin, f)
	})
}

// TestExpiredPendingPublisher: the name of a pending publisher stays reserved after its end.
func TestExpiredPendingPublisher(t *testing.T) {
	eachPair(t, func(w *world) {
		a := w.replicas[0]
		added, err := a.Registry.Add(t.Context(), a.Operator, publishers.AddRequest{
			Provider: "github", Project: "acme-pending", Pending: true, Fields: map[string]string{
				"owner": "acme", "repository": "pending", "workflow": "release.yml", "owner_id": "42",
			},
		})
		w.must(err)
		f := theirs("acme-pending")
		w.public.Add(f)
		w.nothing("while it waits", "", "acme-pending", w.admin, f)
		w.must(a.Registry.Remove(t.Context(), a.Operator, added.ID))
		w.nothing("after its end", "", "acme-pending", w.admin, f)
		if got, status := w.files(0, w.admin, "/simple/acme-pending/"); status != http.StatusOK || len(got) != 0 {
			t.Errorf("a reserved name answers %d with %v, want an empty page", status, got)
		}
	})
}

// TestInsiderTakesPublicName: neither an upload nor a pending publisher of a user takes a name that an upstream has.
func TestInsiderTakesPublicName(t *testing.T) {
	eachPair(t, func(w *world) {
		w.must(allowUploads(w))
		dev := w.user("dev")
		seen, listed := theirs("numpy"), theirs("pandas")
		w.public.Add(seen, listed)
		w.everything("before", "", "numpy", dev, seen)
		w.must(w.replicas[0].Pages.UpdateLists(t.Context()))
		w.must(w.replicas[1].Pages.UpdateLists(t.Context()))
		for _, project := range []string{"numpy", "pandas", "NumPy", "Pandas"} {
			for replica := range w.handlers {
				if out := w.upload(replica, dev, "", own(project)); out.Code != http.StatusForbidden ||
					!strings.Contains(out.Body.String(), "upstream") {
					t.Errorf("upload of %s on replica %d = %d %s", project, replica, out.Code, out.Body)
				}
			}
		}
		w.everything("after", "", "numpy", dev, seen)
		w.everything("after", "", "pandas", dev, listed)
	})
}

// TestUpstreamLies: what a lying upstream sends reaches nobody as a whole file or as a page, and its earlier answers
// stay.
func TestUpstreamLies(t *testing.T) {
	eachPair(t, func(w *world) {
		f := theirs("honest")
		w.public.Add(f)
		w.everything("before", "", "honest", w.admin, f)
		file := w.forms("", "honest", f)["file"]
		for _, lie := range []upstreamtest.Fault{
			{Kind: upstreamtest.OtherDigest},
			{Kind: upstreamtest.LowerSerial},
			{Kind: upstreamtest.Truncated},
			{Kind: upstreamtest.ErrorPage},
			{Kind: upstreamtest.Elsewhere, To: "http://169.254.169.254/"},
			{Kind: upstreamtest.Huge},
			{Kind: upstreamtest.Bomb},
			{Kind: upstreamtest.NewMajor},
		} {
			w.public.Fail(lie)
			time.Sleep(10 * time.Millisecond)
			if got, status := w.files(0, w.admin, "/simple/honest/"); status != 200 || !slices.Equal(got, []string{f.Name}) {
				t.Errorf("%s: the page lists %v (%d)", lie.Kind, got, status)
			}
			if out := w.call(0, w.admin, http.MethodGet, file, nil); !bytes.Equal(out.Body.Bytes(), f.Bytes) {
				t.Errorf("%s: the file is %d with %d bytes", lie.Kind, out.Code, out.Body.Len())
			}
			w.public.Mend()
		}
		for _, lie := range []upstreamtest.Kind{upstreamtest.OtherBytes, upstreamtest.Truncated, upstreamtest.Longer} {
			fresh := packagingtest.Wheel("fresh-"+string(lie), "1.0", strings.Repeat("x", 1000))
			w.public.Add(fresh)
			project := name(t, fresh.Project).String()
			if _, status := w.files(0, w.admin, "/simple/"+project+"/"); status != 200 {
				t.Fatalf("the page of %s answers %d", project, status)
			}
			w.public.Fail(upstreamtest.Fault{Kind: lie, What: []upstreamtest.What{upstreamtest.Content}})
			out := w.call(0, w.admin, http.MethodGet, w.forms("", project, fresh)["file"], nil)
			if out.Code == http.StatusOK && out.Body.Len() >= len(fresh.Bytes) {
				t.Errorf("%s: a client got %d bytes of a wrong file", lie, out.Body.Len())
			}
			w.public.Mend()
		}
	})
}

// TestReplacedFile: a file that the upstream replaces stays as it was, and only an administrator may accept another
// digest, of a file that was refused because of one.
func TestReplacedFile(t *testing.T) {
	eachPair(t, func(w *world) {
		ctx, a := t.Context(), w.replicas[0]
		first, second := packagingtest.Wheel("replaced", "1.0", "first"), packagingtest.Wheel("replaced", "1.0", "second")
		w.public.Add(first)
		file := w.forms("", "replaced", first)["file"]
		w.everything("before", "", "replaced", w.admin, first)
		k := files.Key{Upstream: "public", Path: page.Path(w.public.FileURL(first.Name), first.Name, "")}
		w.public.Remove("replaced")
		w.public.Add(second)
		for replica := range w.handlers {
			out := w.call(replica, w.admin, http.MethodGet, file, nil)
			gone := replica != 0 && out.Code == http.StatusNotFound // its page was read after the change
			if !gone && !bytes.Equal(out.Body.Bytes(), first.Bytes) {
				t.Errorf("the file is %d with %d bytes on replica %d", out.Code, out.Body.Len(), replica)
			}
		}
		if err := a.Files.Accept(ctx, access.Guest(true), k, second.SHA256(), "mine"); err == nil {
			t.Error("a guest accepted another digest")
		}
		if err := a.Files.Accept(ctx, a.Operator, k, second.SHA256(), "unasked"); err == nil {
			t.Error("a digest was accepted that nothing was refused for")
		}
	})
}

// TestUpstreamOfUnreadableBase: names of an upstream that is read through a base are hidden from callers who may not
// open that base, and hide what comes after it.
func TestUpstreamOfUnreadableBase(t *testing.T) {
	eachPair(t, func(w *world) {
		f := theirs("licensed")
		company := upstreamtest.New(t, upstreamtest.Options{})
		company.Add(packagingtest.Wheel("probe", "1.0", "p"), f)
		w.public.Add(packagingtest.Wheel("licensed", "1.0", "public"))
		a := w.replicas[0]
		w.must(a.Upstreams.Add(t.Context(), a.Operator, w.upstream("company", company, upstream.Private)))
		w.repository("secret", access.NoRole, "upstream:company")
		w.repository("team", access.Uploader, "secret", "upstream:public")
		dev := w.user("dev")
		for replica := range w.handlers {
			out := w.call(replica, dev, http.MethodGet, "/r/team/simple/licensed/", nil, "Accept", jsonPage)
			if out.Code != http.StatusNotFound {
				t.Errorf("the page on replica %d = %d %s", replica, out.Code, out.Body)
			}
			if out := w.call(replica, w.admin, http.MethodGet, "/r/team/simple/licensed/", nil, "Accept", jsonPage); !shows(out,
				f) {
				t.Errorf("an administrator gets %d %s", out.Code, out.Body)
			}
			file := "/r/team/packages/company/" + page.Path(company.FileURL(f.Name), f.Name, "")
			if out := w.call(replica, dev, http.MethodGet, file, nil); out.Code != http.StatusNotFound {
				t.Errorf("the file on replica %d = %d", replica, out.Code)
			}
			if out := w.call(replica, dev, http.MethodGet, "/r/team/simple/", nil); strings.Contains(out.Body.String(),
				"licensed") {
				t.Errorf("the list on replica %d has the name", replica)
			}
		}
		w.public.AssertNothingAsked(t, "licensed")
	})
}
