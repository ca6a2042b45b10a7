//go:build !windows

package main

import (
	"bytes"
	"context"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/app"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/server"
	"pyindex/internal/upstream"
)

// fixture is a whole index in a temporary folder, with two repositories that hold the same project and every kind of
// credential.
type fixture struct {
	app    *app.App
	server *server.Server
	base   *url.URL
	tokens map[string]access.Secret // by kind of credential
	users  map[string]string        // ids of people by name, once people made them
	wheel  []byte
	file   catalog.File // in main

	publisher string // id of demo's publisher

	address func() string // where requests come from, nil for one place
}

// The project and repositories of a fixture. Nobody but an administrator may see the secret repository.
const (
	demo     = "demo-pkg"
	another  = "another"
	secret   = "secret"
	nowhere  = "nowhere"
	demoFile = "demo_pkg-1.0-py3-none-any.whl"
)

// metricsToken is the metrics token of a fixture.
const metricsToken = "metrics-token-of-the-fixture"

// newFixture makes one below a base URL.
func newFixture(t testing.TB, base string, anonymous bool, flags ...string) *fixture {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	c := new(commands)
	k, err := newParser(c, os.Stdout, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(t.TempDir(), "metrics-token")
	if err := os.WriteFile(token, []byte(metricsToken+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"serve", "--data-dir", t.TempDir(), "--metrics-token-file", token}, flags...)
	if _, err := k.Parse(args); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	x := &fixture{base: u, tokens: map[string]access.Secret{"bad": "pypi-idx_bad"}, users: map[string]string{}}
	if x.app, err = app.Open(t.Context(), &c.Config, log, u); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { x.app.Close() })
	keyring := access.NewKeyring(x.app.DB.Access(), access.KeyringOptions{AnonymousRead: anonymous})
	if x.server, err = (&endpoints{App: x.app, base: u, log: log}).handler(keyring); err != nil {
		t.Fatal(err)
	}
	if err := x.fill(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	return x
}

// fill adds repositories, projects, users and tokens.
func (x *fixture) fill(ctx context.Context, dir string) error {
	hidden := catalog.Repository{ID: "hidden-id", Name: secret, CreatedAt: time.Now()}
	err := x.app.DB.Catalog().Update(ctx, func(tx catalog.Tx) error {
		if err := tx.InsertRepository(ctx, hidden); err != nil {
			return err
		}
		_, err := tx.NextSerial(ctx)
		return err
	})
	if err != nil {
		return err
	}
	for _, in := range []struct{ repository, project string }{{"main", demo}, {"main", another}, {secret, demo}} {
		if err := x.publish(ctx, dir, in.repository, in.project); err != nil {
			return err
		}
	}
	public := upstream.Default()
	public.Name, public.URL = "public", "https://index.example/simple/"
	if err := x.app.Upstreams.Add(ctx, x.app.Operator, public); err != nil {
		return err
	}
	return x.credentials(ctx)
}

func (x *fixture) publish(ctx context.Context, dir, repository, project string) error {
	path, err := makeWheel(dir, project, "1.0", "")
	if err != nil {
		return err
	}
	in, err := x.app.Index.Begin(ctx, x.app.Operator, repository, packaging.ProjectName{})
	if err != nil {
		return err
	}
	defer in.Discard()
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if _, err := in.Write(b); err != nil {
		return err
	}
	got, err := x.app.Index.Publish(ctx, in, ingest.Upload{Filename: filepath.Base(path)})
	if err != nil || project != demo || repository != "main" {
		return err
	}
	if x.wheel, err = os.ReadFile(path); err != nil {
		return err
	}
	x.file, err = x.app.Index.File(ctx, x.app.Operator, repository, got.File.SHA256, got.File.Filename)
	return err
}

// credentials makes a token of each kind.
func (x *fixture) credentials(ctx context.Context) error {
	d, op := x.app.Directory, x.app.Operator
	for _, u := range []access.NewUser{{Name: "root", Admin: true}, {Name: "member"}, {Name: "gone"}} {
		if _, err := d.AddUser(ctx, op, u); err != nil {
			return err
		}
	}
	for kind, n := range map[string]access.NewAPIToken{
		"read": {User: "member", Scope: access.ScopeRead}, "upload": {User: "member", Scope: access.ScopeUpload},
		"other":   {User: "root", Scope: access.ScopeUpload, Repository: "main", Projects: []string{another}},
		"admin":   {User: "root", Scope: access.ScopeAdmin},
		"expired": {User: "root", Scope: access.ScopeAdmin, Expires: time.Nanosecond},
		"revoked": {User: "root", Scope: access.ScopeAdmin}, "disabled": {User: "gone", Scope: access.ScopeUpload},
	} {
		t, s, err := d.CreateToken(ctx, op, n)
		if err != nil {
			return err
		}
		x.tokens[kind] = s
		if kind == "revoked" {
			err = d.RevokeToken(ctx, op, t.ID)
		}
		if err != nil {
			return err
		}
	}
	if err := d.DisableUser(ctx, op, "gone"); err != nil {
		return err
	}
	if err := x.mint(ctx); err != nil {
		return err
	}
	if err := x.service(ctx); err != nil {
		return err
	}
	return x.mintRead(ctx)
}

// service makes a service account of the project, and a token of it.
func (x *fixture) service(ctx context.Context) error {
	s, err := x.app.Directory.AddService(ctx, x.app.Operator, access.NewService{
		Name: "deploy", Role: access.Uploader, RepositoryID: x.file.RepositoryID, ProjectID: x.file.ProjectID, Project: demo,
	})
	if err != nil {
		return err
	}
	_, x.tokens["service"], err = x.app.Directory.CreateToken(ctx, x.app.Operator,
		access.NewAPIToken{User: s.Name, Scope: access.ScopeUpload})
	return err
}

// mintRead makes a minted token that reads the project, as an exchange does.
func (x *fixture) mintRead(ctx context.Context) error {
	added, err := x.app.Registry.AddReader(ctx, x.app.Operator, publishers.ReaderRequest{
		Provider: "github", Projects: []string{demo},
		Fields: map[string]string{"owner": "acme", "repository": "widgets", "workflow": "ci.yml", "owner_id": "42"},
	})
	if err != nil {
		return err
	}
	x.tokens["reader"] = access.NewToken()
	return x.app.DB.Publishers().Update(ctx, func(tx publishers.Tx) error {
		now := time.Now()
		t := access.Token{
			ID: "reader-id", Kind: access.TokenMinted, Hash: access.HashToken(x.tokens["reader"]), Scope: access.ScopeRead,
			Limited: true, CreatedAt: now, ExpiresAt: now.Add(time.Hour), Publisher: added.Sentence,
		}
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		return tx.InsertTokenReader(ctx, t.ID, added.ID)
	})
}

// mint makes a minted token for the project, as an exchange does.
func (x *fixture) mint(ctx context.Context) error {
	added, err := x.app.Registry.Add(ctx, x.app.Operator, publishers.AddRequest{
		Provider: "github", Project: demo,
		Fields: map[string]string{"owner": "acme", "repository": "widgets", "workflow": "release.yml", "owner_id": "42"},
	})
	if err != nil {
		return err
	}
	x.publisher, x.tokens["minted"] = added.ID, access.NewToken()
	return x.app.DB.Publishers().Update(ctx, func(tx publishers.Tx) error {
		now := time.Now()
		t := access.Token{
			ID: "minted-id", Kind: access.TokenMinted, Hash: access.HashToken(x.tokens["minted"]), Scope: access.ScopeUpload,
			Limited: true, CreatedAt: now, ExpiresAt: now.Add(time.Hour), Publisher: added.Sentence,
		}
		if err := tx.InsertToken(ctx, t); err != nil {
			return err
		}
		if _, err := tx.NextSerial(ctx); err != nil {
			return err
		}
		return tx.InsertTokenProject(ctx,
			access.TokenProject{TokenID: t.ID, ProjectID: x.file.ProjectID, PublisherID: added.ID})
	})
}

// ask sends a request with a kind of credential; "" is none.
func (x *fixture) ask(method, path, kind string) *httptest.ResponseRecorder {
	var body bytes.Buffer
	contentType := "application/json"
	if method == http.MethodPost && strings.Contains(path, "/legacy") {
		contentType = x.form(&body)
	} else if method == http.MethodPost {
		body.WriteString("{}")
	}
	r := httptest.NewRequest(method, path, &body)
	r.Header.Set("Content-Type", contentType)
	if kind != "" {
		r.SetBasicAuth("__token__", x.tokens[kind].Reveal())
	}
	w := httptest.NewRecorder()
	x.server.ServeHTTP(w, r)
	return w
}

// form writes an upload of the file that is there already, which changes nothing, and returns its type.
func (x *fixture) form(to *bytes.Buffer) string {
	w := multipart.NewWriter(to)
	for _, f := range [][2]string{
		{":action", "file_upload"},
		{"protocol_version", "1"},
		{"metadata_version", "2.1"},
		{"name", demo},
		{"version", "1.0"},
		{"filetype", string(packaging.Wheel)},
		{"pyversion", "py3"},
		{"sha256_digest", x.file.SHA256},
	} {
		w.WriteField(f[0], f[1])
	}
	part, _ := w.CreateFormFile("content", demoFile)
	part.Write(x.wheel)
	w.Close()
	return w.FormDataContentType()
}
