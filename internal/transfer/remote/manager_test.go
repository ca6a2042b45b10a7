package remote_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pyindex/internal/fault"
	"pyindex/internal/transfer"
	"pyindex/internal/transfer/remote"
)

// recorded is a repository manager with recorded answers.
type recorded struct {
	*httptest.Server
	t       *testing.T
	asked   []string
	answers map[string]string // by path and query, or the text of a question
}

func record(t *testing.T, answers map[string]string) *recorded {
	t.Helper()
	m := &recorded{t: t, answers: answers}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.String()
		if r.Method == http.MethodPost {
			b, _ := io.ReadAll(r.Body)
			key += " " + string(b)
		}
		m.asked = append(m.asked, key+" "+r.Header.Get("Authorization"))
		if text, ok := m.answers[key]; ok {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, strings.ReplaceAll(text, "HOST", m.URL))
			return
		}
		http.Error(w, "no answer for "+key, http.StatusNotFound)
	}))
	t.Cleanup(m.Close)
	return m
}

func noWait(context.Context, time.Duration) error { return nil }

const nexusRepositories = `[
 {"name": "own", "format": "pypi", "type": "hosted", "url": "HOST/repository/own"},
 {"name": "all", "format": "pypi", "type": "group", "url": "HOST/repository/all"},
 {"name": "mirror", "format": "pypi", "type": "proxy", "url": "HOST/repository/mirror",
  "attributes": {"proxy": {"remoteUrl": "x"}}},
 {"name": "jars", "format": "maven2", "type": "hosted", "url": "HOST/repository/jars"}]`

const nexusPage1 = `{"items": [{"id": "b3du", "repository": "own", "format": "pypi", "group": null, "name": "Acme.Tools", "version": "1.0",
 "assets": [{"downloadUrl": "http://localhost:8081/repository/own/packages/acme-tools/1.0/Acme.Tools-1.0.tar.gz",
  "path": "/packages/acme-tools/1.0/Acme.Tools-1.0.tar.gz", "id": "b3duOjE", "repository": "own", "format": "pypi",
  "checksum": {"sha1": "cccccccccccccccccccccccccccccccccccccccc", "sha256": "` + digestA + `", "md5": "` + "dddddddddddddddddddddddddddddddd" + `"},
  "contentType": "application/gzip", "lastModified": "2021-02-03T04:05:06.789+00:00", "lastDownloaded": null,
  "uploader": "alice", "uploaderIp": "10.0.0.1", "fileSize": 7,
  "blobCreated": "2020-01-02T03:04:05.678+00:00", "pypi": {}},
  {"path": "packages/acme-tools/1.0/Acme.Tools-1.0.tar.gz.asc", "checksum": {}}]}],
 "continuationToken": "t1"}`

const nexusPage2 = `{"items": [{"name": "acme-tools", "version": "1.1", "assets": [
  {"path": "packages/acme-tools/1.1/acme_tools-1.1-py3-none-any.whl", "checksum": {}, "lastModified": "2021-02-03T04:05:06.789+0000",
   "fileSize": 0, "blobCreated": null, "uploader": null},
  {"path": "packages/acme-tools/1.1/acme_tools-1.1-py2.7.egg", "checksum": {"sha256": "` + digestB + `"}},
  {"path": "../../secret/acme_tools-1.2.zip", "checksum": {}}]}],
 "continuationToken": null}`

func nexusAnswers() map[string]string {
	return map[string]string{
		"/nexus/service/rest/v1/repositories":                                    nexusRepositories,
		"/nexus/service/rest/v1/components?repository=own":                       nexusPage1,
		"/nexus/service/rest/v1/components?continuationToken=t1&repository=own":  nexusPage2,
		"/nexus/repository/own/packages/acme-tools/1.0/Acme.Tools-1.0.tar.gz":    "content",
		"/nexus/repository/own/packages/acme-tools/1.1/acme_tools-1.1-py2.7.egg": "egg",
		"/nexus/repository/secret/acme_tools-1.2.zip":                            "secret",
	}
}

func nexus(t *testing.T, m *recorded) *remote.Nexus {
	t.Helper()
	s, err := remote.NewNexus(t.Context(), remote.Options{URL: m.URL + "/nexus/repository/own/simple", Wait: noWait})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestNexus: all pages are read, the upload is when the blob was created, and files are fetched from the address that
// was given, not from the one that Nexus believes it has.
func TestNexus(t *testing.T) {
	m := record(t, nexusAnswers())
	s := nexus(t, m)
	got := mustRead(t, s)["acme-tools"]
	want := []transfer.File{{
		Place:    "packages/acme-tools/1.0/Acme.Tools-1.0.tar.gz",
		Filename: "Acme.Tools-1.0.tar.gz",
		Version:  "1.0",
		Size:     7,
		Hashes: map[string]string{
			"sha1": strings.Repeat("c", 40), "sha256": digestA, "md5": strings.Repeat("d", 32),
		},
		UploadedAt: time.Date(2020, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
		TimeTrust:  transfer.Stated,
		Uploader:   "alice",
	}, {
		Place:      "packages/acme-tools/1.1/acme_tools-1.1-py3-none-any.whl",
		Filename:   "acme_tools-1.1-py3-none-any.whl",
		Version:    "1.1",
		Size:       -1,
		UploadedAt: time.Date(2021, 2, 3, 4, 5, 6, 789_000_000, time.UTC),
		TimeTrust:  transfer.Latest,
	}}
	if len(got.Files) != 4 {
		t.Fatalf("files %+v", got.Files)
	}
	if diff := cmp.Diff(want, got.Files[:2]); diff != "" || got.Display != "Acme.Tools" {
		t.Errorf("display %q, %s", got.Display, diff)
	}
	if !strings.Contains(got.Files[2].Problem, "egg") || !strings.Contains(got.Files[3].Problem, "not one inside") {
		t.Errorf("files that are refused: %+v", got.Files[2:])
	}
	in, err := s.Open(t.Context(), got.Files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if b, err := io.ReadAll(in); err != nil || string(b) != "content" {
		t.Errorf("content %q, %v", b, err)
	}
	if _, err := s.Open(t.Context(), got.Files[3]); !fault.Is(err, fault.Invalid) {
		t.Errorf("a file outside of the repository: %v", err)
	}
	says(t, s, "experimental: ",
		"files without a digest, whose content cannot be compared (2): acme_tools-1.1-py3-none-any.whl",
		"signatures, indexes and the like are not imported (1)", "2 files have no upload time")
	if a := s.About(); a.Kind != "nexus" || a.Upstream != "" || a.Location != m.URL+"/nexus/repository/own/" {
		t.Errorf("About() = %+v", a)
	}
}

// TestNexusStopsAtATokenSeenBefore: a server or proxy that drops the token would be asked for ever.
func TestNexusStopsAtATokenSeenBefore(t *testing.T) {
	answers := nexusAnswers()
	answers["/nexus/service/rest/v1/components?continuationToken=t1&repository=own"] = nexusPage1
	m := record(t, answers)
	if _, err := read(nexus(t, m)); !fault.Is(err, fault.BadGateway) ||
		!strings.Contains(err.Error(), "the list has no end") {
		t.Errorf("a list without an end: %v", err)
	}
	if len(m.asked) > 4 {
		t.Errorf("%d requests: %v", len(m.asked), m.asked)
	}
}

// TestNexusTokens: null, "" and no token at all end the list.
func TestNexusTokens(t *testing.T) {
	for _, end := range []string{`null`, `""`, ``} {
		answers := nexusAnswers()
		text := strings.Replace(nexusPage1, `"continuationToken": "t1"`, `"continuationToken": `+end, 1)
		if end == "" {
			text = strings.Replace(nexusPage1, ",\n \"continuationToken\": \"t1\"", "", 1)
		}
		answers["/nexus/service/rest/v1/components?repository=own"] = text
		if got := mustRead(t, nexus(t, record(t, answers))); len(got["acme-tools"].Files) != 1 {
			t.Errorf("%s: %+v", end, got)
		}
	}
}

// TestOnlyHostedRepositories: groups and proxies show files of others, which would become own.
func TestOnlyHostedRepositories(t *testing.T) {
	m := record(t, map[string]string{
		"/service/rest/v1/repositories": nexusRepositories,
		"/artifactory/api/repositories": `[{"key": "own", "type": "LOCAL", "packageType": "Pypi", "url": "HOST/artifactory/own"},
		{"key": "far", "type": "REMOTE", "packageType": "Pypi"}, {"key": "all", "type": "VIRTUAL", "packageType": "Pypi"},
		{"key": "both", "type": "FEDERATED", "packageType": "Pypi"}, {"key": "jars", "type": "LOCAL", "packageType": "Maven"}]`,
	})
	for path, want := range map[string]string{
		"/repository/own/":           "",
		"/repository/all/":           "all shows the files of other repositories (group): import those with files of their own (hosted): they are own",
		"/repository/mirror/simple/": "mirror has the files of another index (proxy), which cannot become own files",
		"/repository/jars/":          "is a repository of maven2",
		"/repository/none/":          "there is no repository none",
		"/simple/":                   "give the address that pip uses",
		"/repository/":               "give the address that pip uses",
		"/repository/../":            "give the address that pip uses",
	} {
		_, err := remote.NewNexus(t.Context(), remote.Options{URL: m.URL + path})
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("Nexus %s: %v, want %q", path, err, want)
		}
	}
	for path, want := range map[string]string{
		"/artifactory/own/": "", "/artifactory/api/pypi/own/simple/": "", "/artifactory/api/pypi/both/": "",
		"/artifactory/both":          "",
		"/artifactory/far/":          "far has the files of another index (remote)",
		"/artifactory/api/pypi/all/": "all shows the files of other repositories (virtual): import those with files of their own (local): they are both, own",
		"/artifactory/jars/":         "is a repository of Maven",
		"/own/":                      "give the address https://HOST/artifactory/NAME/",
	} {
		_, err := remote.NewArtifactory(t.Context(), remote.Options{URL: m.URL + path})
		if err == nil && want != "" || err != nil && (want == "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("Artifactory %s: %v, want %q", path, err, want)
		}
	}
}

// artifactoryQuery is the question for the files from an offset.
func artifactoryQuery(offset int) string {
	return "/artifactory/api/search/aql " + fmt.Sprintf(`items.find({"repo":"own","type":"file"})`+
		`.include("repo","path","name","size","created","created_by","sha256","actual_sha1","actual_md5")`+
		`.sort({"$asc":["path","name"]}).offset(%d).limit(5000)`, offset)
}

const artifactoryYanks = `/artifactory/api/search/aql items.find({"repo":"own","type":"file","@pypi.yanked":"true"}).include("repo","path","name")`

const artifactoryItems = `{"results": [
 {"repo": "own", "path": ".pypi", "name": "simple.html", "size": 9, "created": "2020-01-02T03:04:05.678Z"},
 {"repo": "own", "path": "acme-tools/1.0", "name": "Acme.Tools-1.0.tar.gz", "size": 7,
 "created": "2020-01-02T03:04:05.678Z",
  "created_by": "alice", "modified": "2022-01-01T00:00:00.000Z", "updated": "2022-01-01T00:00:00.000Z", "sha256": "` + digestA + `",
  "actual_sha1": "cccccccccccccccccccccccccccccccccccccccc", "actual_md5": "dddddddddddddddddddddddddddddddd"},
 {"repo": "own", "path": ".", "name": "old-0.1.zip", "size": 3,
 "created": "2010-01-02T03:04:05.678+01:00", "created_by": "bob",
  "actual_sha1": "cccccccccccccccccccccccccccccccccccccccc"}
 ], "range": {"start_pos": 0, "end_pos": 3, "total": 3, "limit": 5000}}`

func artifactoryAnswers() map[string]string {
	return map[string]string{
		"/artifactory/api/repositories": `[{"key": "own", "type": "LOCAL", "packageType": "Pypi"}]`,
		artifactoryQuery(0):             artifactoryItems,
		artifactoryYanks: `{"results": [{"repo": "own", "path": "acme-tools/1.0", "name": "Acme.Tools-1.0.tar.gz"}],
			"range": {"start_pos": 0, "end_pos": 1, "total": 1}}`,
		"/artifactory/own/acme-tools/1.0/Acme.Tools-1.0.tar.gz": "content",
	}
}

func artifactory(t *testing.T, m *recorded) *remote.Artifactory {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := remote.NewArtifactory(t.Context(),
		remote.Options{URL: m.URL + "/artifactory/own", TokenFile: token, Wait: noWait})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// TestArtifactory: created is the upload, files from before 5.5 have no SHA-256, and pages that Artifactory made are
// left out.
func TestArtifactory(t *testing.T) {
	m := record(t, artifactoryAnswers())
	s := artifactory(t, m)
	got := mustRead(t, s)
	want := []transfer.File{{
		Place:    "acme-tools/1.0/Acme.Tools-1.0.tar.gz",
		Filename: "Acme.Tools-1.0.tar.gz",
		Version:  "1.0",
		Size:     7,
		Hashes: map[string]string{
			"sha1": strings.Repeat("c", 40), "sha256": digestA, "md5": strings.Repeat("d", 32),
		},
		UploadedAt: time.Date(2020, 1, 2, 3, 4, 5, 678_000_000, time.UTC),
		TimeTrust:  transfer.Stated,
		Uploader:   "alice",
		Yanked:     true,
	}}
	if diff := cmp.Diff(want, got["acme-tools"].Files); diff != "" || len(got) != 2 {
		t.Errorf("%d projects, %s", len(got), diff)
	}
	old := got["old"].Files[0]
	if old.Place != "old-0.1.zip" || old.UploadedAt.Hour() != 2 || len(old.Hashes) != 1 || old.Yanked {
		t.Errorf("an old file: %+v", old)
	}
	in, err := s.Open(t.Context(), got["acme-tools"].Files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if b, err := io.ReadAll(in); err != nil || string(b) != "content" {
		t.Errorf("content %q, %v", b, err)
	}
	for _, request := range m.asked {
		if !strings.HasSuffix(request, " Bearer hunter2") {
			t.Errorf("a request without the token: %s", request)
		}
	}
}

// TestArtifactoryCutResult: a result that was cut has a notification and no error.
func TestArtifactoryCutResult(t *testing.T) {
	answers := artifactoryAnswers()
	answers[artifactoryQuery(0)] = strings.Replace(artifactoryItems, `"limit": 5000`,
		`"limit": 5000, "notification": "AQL query reached the search hard limit, results are trimmed."`, 1)
	if _, err := read(artifactory(t, record(t, answers))); !fault.Is(err, fault.BadGateway) ||
		!strings.Contains(err.Error(), "it is not complete") {
		t.Errorf("a list that was cut: %v", err)
	}
}

// TestArtifactoryPages: a full page is not the last one, whatever its total is.
func TestArtifactoryPages(t *testing.T) {
	item := func(i int) string {
		return fmt.Sprintf(`{"repo": "own", "path": "p", "name": "acme-%d.zip", "size": 1, "sha256": "%s"}`, i, digestA)
	}
	full := func(from int) string {
		items := make([]string, 0, 5000)
		for i := range 5000 {
			items = append(items, item(from+i))
		}
		return `{"results": [` + strings.Join(items, ",") + `], "range": {"start_pos": 0, "end_pos": 5000, "total": 5000}}`
	}
	answers := artifactoryAnswers()
	answers[artifactoryQuery(0)] = full(0)
	answers[artifactoryQuery(5000)] = full(5000)
	answers[artifactoryQuery(10_000)] = `{"results": [` + item(10_000) + `], "range": {"total": 1}}`
	if got := mustRead(t, artifactory(t, record(t, answers))); len(got["acme"].Files) != 10_001 {
		t.Errorf("%d files", len(got["acme"].Files))
	}
	answers[artifactoryQuery(5000)] = full(0)
	if _, err := read(artifactory(t, record(t, answers))); !fault.Is(err, fault.BadGateway) ||
		!strings.Contains(err.Error(), "does not follow offset") {
		t.Errorf("a server that gives the first page again: %v", err)
	}
}

// TestAnswersThatAreNone: an error page or another document is never an empty repository.
func TestAnswersThatAreNone(t *testing.T) {
	for _, text := range []string{
		"", "<html>", "{}", "[]", "7", `{"items": 7}`, `{"results": {}}`, `{"items": [{"assets": [`,
	} {
		answers := nexusAnswers()
		answers["/nexus/service/rest/v1/components?repository=own"] = text
		if got, err := read(nexus(t, record(t, answers))); !fault.Is(err, fault.BadGateway) {
			t.Errorf("Nexus %q: %v, %v", text, got, err)
		}
		answers = artifactoryAnswers()
		answers[artifactoryQuery(0)] = text
		if got, err := read(artifactory(t, record(t, answers))); !fault.Is(err, fault.BadGateway) {
			t.Errorf("Artifactory %q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "{}", "7"} {
		m := record(t, map[string]string{"/service/rest/v1/repositories": text, "/artifactory/api/repositories": text})
		if _, err := remote.NewNexus(t.Context(), remote.Options{URL: m.URL + "/repository/own/"}); err == nil {
			t.Errorf("Nexus with repositories %q", text)
		}
		if _, err := remote.NewArtifactory(t.Context(), remote.Options{URL: m.URL + "/artifactory/own/"}); err == nil {
			t.Errorf("Artifactory with repositories %q", text)
		}
	}
}
