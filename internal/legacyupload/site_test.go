package legacyupload_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/assembly"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/legacyupload"
	"pyindex/internal/packaging"
	"pyindex/internal/route"
	"pyindex/internal/server"
	"pyindex/internal/storage/blobs"
	"pyindex/internal/storage/db"
	"pyindex/internal/storage/storagetest"
)

// setting contains the non-default settings of a site.
type setting struct {
	catalog assembly.Options
	upload  legacyupload.Options
	hook    db.Hook
	blobs   func(custody.Blobs) custody.Blobs
	rates   map[route.Limit]int
	stall   time.Duration
}

// site is an index served over HTTP, with one user who has the rights of a member.
type site struct {
	t         testing.TB
	url       string
	folder    string // folder of the blobs
	db        *db.DB
	index     *assembly.Index
	directory *access.Directory
	token     access.Secret
	client    *http.Client
}

var operator = access.Operator("test")

func newSite(t testing.TB, o setting) *site {
	t.Helper()
	dir := t.TempDir()
	d, err := db.Open(t.Context(), storagetest.SQLite(t), db.Options{Hook: o.hook})
	check(t, err)
	t.Cleanup(func() { d.Close() })
	s := &site{
		t: t, folder: filepath.Join(dir, "blobs"), db: d,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}},
	}
	b, err := blobs.Open(t.Context(), "file://"+s.folder, blobs.Options{})
	check(t, err)
	var kept custody.Blobs = b
	if o.blobs != nil {
		kept = o.blobs(b)
	}
	o.catalog.Log = slog.New(slog.DiscardHandler)
	s.index = assembly.New(d.Catalog(), kept, o.catalog)
	s.directory = access.NewDirectory(d.Access(), access.DirectoryOptions{})
	s.user("alice")
	s.token = s.newToken(access.NewAPIToken{User: "alice", Scope: access.ScopeUpload})
	s.serve(o)
	return s
}

func (s *site) serve(o setting) {
	s.t.Helper()
	keyring := access.NewKeyring(s.db.Access(), access.KeyringOptions{})
	api := legacyupload.New(s.index.Intake, o.upload)
	h, err := server.New(server.Options{
		Keyring: keyring, Log: slog.New(slog.DiscardHandler), Rates: o.rates, Stall: o.stall,
	}, api.Table())
	check(s.t, err)
	web := httptest.NewServer(h)
	s.t.Cleanup(web.Close)
	s.t.Cleanup(s.client.CloseIdleConnections)
	s.url = web.URL
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *site) user(name string) {
	s.t.Helper()
	_, err := s.directory.AddUser(context.Background(), operator, access.NewUser{Name: name})
	check(s.t, err)
}

func (s *site) newToken(n access.NewAPIToken) access.Secret {
	s.t.Helper()
	_, secret, err := s.directory.CreateToken(context.Background(), operator, n)
	check(s.t, err)
	return secret
}

// stored returns the names of all files in the main repository, and checks that each can be opened.
func (s *site) stored() []catalog.File {
	s.t.Helper()
	listing, err := s.index.Listing(context.Background(), operator, "")
	check(s.t, err)
	var files []catalog.File
	for _, p := range listing.Projects() {
		c, err := s.index.Contents(context.Background(), operator, "", p.Name)
		check(s.t, err)
		files = append(files, c.Files...)
	}
	return files
}

// onDisk returns the paths of everything in the blob folder, including stages and temporary files.
func (s *site) onDisk() []string {
	s.t.Helper()
	var found []string
	err := filepath.WalkDir(s.folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			found = append(found, strings.TrimPrefix(path, s.folder+"/"))
		}
		return nil
	})
	check(s.t, err)
	return found
}

// untouched fails the test if anything of an upload is left.
func (s *site) untouched() {
	s.t.Helper()
	listing, err := s.index.Listing(context.Background(), operator, "")
	check(s.t, err)
	if len(listing.Projects()) > 0 {
		s.t.Errorf("projects are left: %v", listing.Projects())
	}
	if left := s.onDisk(); len(left) > 0 {
		s.t.Errorf("files are left: %v", left)
	}
	check(s.t, s.db.Catalog().Update(context.Background(), func(tx catalog.Tx) error {
		keys, err := tx.AbandonedBlobs(context.Background(), time.Now().Add(time.Hour), 10)
		if len(keys) > 0 {
			s.t.Errorf("blob rows are left: %v", keys)
		}
		return err
	}))
}

// intact fails the test unless exactly the given files are listed, each with content that matches its digest, and
// nothing else is in the folder.
func (s *site) intact(want ...string) {
	s.t.Helper()
	files := s.stored()
	keys := map[string]bool{}
	var got []string
	for _, f := range files {
		got = append(got, f.Filename)
		s.opens(f)
		keys[f.Key()] = true
		if f.MetadataSHA256 != "" {
			keys[f.MetadataKey()] = true
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Errorf("listed are %v, want %v", got, want)
	}
	if left := s.onDisk(); len(left) != len(keys) {
		s.t.Errorf("in the folder are %v, want %v", left, keys)
	}
}

// opens reads a listed file completely.
func (s *site) opens(f catalog.File) {
	s.t.Helper()
	project, err := packaging.ProjectOf(f.Filename)
	check(s.t, err)
	b, size, err := s.index.Open(context.Background(), operator, "", f.SHA256, f.Filename, catalog.Bytes)
	check(s.t, err)
	defer b.Close()
	raw, err := io.ReadAll(b)
	check(s.t, err)
	if d := (distribution{bytes: raw}); d.sha256() != f.SHA256 || d.blake2() != f.Blake2b256 || d.md5() != f.MD5 ||
		size != f.Size {
		s.t.Errorf("%s of %s does not equal its digests", f.Filename, project)
	}
}

// answer is a response.
type answer struct {
	status int
	reason string
	body   string
	header http.Header
}

func (a answer) String() string { return fmt.Sprintf("%d %q %q", a.status, a.reason, a.body) }

// request is an upload to send.
type request struct {
	path   string
	token  access.Secret
	header http.Header
	parts  []part
	body   io.Reader // replaces parts
}

// part is one part of a form: its header lines and its content.
type part struct {
	field, header string
	bytes         []byte
}

const frontier = "a-boundary-of-the-tests"

func field(name, value string) part {
	return part{name, fmt.Sprintf("Content-Disposition: form-data; name=\"%s\"\r\n", name), []byte(value)}
}

func fileField(name, filename string, b []byte) part {
	return part{name, fmt.Sprintf("Content-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n", name, filename), b}
}

// parts returns the form as a modern client sends it, with the file last.
func (d distribution) parts() []part {
	out := []part{
		field(":action", "file_upload"), field("protocol_version", "1"), field("metadata_version", "2.1"),
		field("name", d.name), field("version", d.version), field("filetype", d.filetype), field("pyversion", d.pyversion),
		field("sha256_digest", d.sha256()), field("blake2_256_digest", d.blake2()), field("requires_python", ""),
	}
	for _, r := range d.requires {
		out = append(out, field("requires_dist", r))
	}
	return append(out, fileField("content", d.filename, d.bytes))
}

func encode(parts []part) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&b, "--%s\r\n%s\r\n", frontier, p.header)
		b.Write(p.bytes)
		b.WriteString("\r\n")
	}
	fmt.Fprintf(&b, "--%s--\r\n", frontier)
	return b.Bytes()
}

// with replaces the field's parts by one with the value, or adds it before the file.
func with(parts []part, name, value string) []part {
	return append([]part{field(name, value)}, without(parts, name)...)
}

func without(parts []part, name string) []part {
	var out []part
	for _, p := range parts {
		if p.field != name {
			out = append(out, p)
		}
	}
	return out
}

// send posts a request.
func (s *site) send(q request) answer {
	s.t.Helper()
	a, err := s.try(q)
	check(s.t, err)
	return a
}

func (s *site) try(q request) (answer, error) {
	if q.path == "" {
		q.path = "/legacy/"
	}
	if q.body == nil {
		q.body = bytes.NewReader(encode(q.parts))
	}
	r, err := http.NewRequest(http.MethodPost, s.url+q.path, q.body)
	if err != nil {
		return answer{}, err
	}
	for k, v := range q.header {
		r.Header[k] = v
	}
	if r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+frontier)
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("__token__:"+q.token.Reveal())))
	}
	return s.do(r)
}

func (s *site) do(r *http.Request) (answer, error) {
	resp, err := s.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	_, reason, _ := strings.Cut(resp.Status, " ")
	return answer{resp.StatusCode, reason, string(body), resp.Header}, err
}

// upload posts a distribution as alice.
func (s *site) upload(d distribution) answer {
	s.t.Helper()
	return s.send(request{token: s.token, parts: d.parts()})
}
