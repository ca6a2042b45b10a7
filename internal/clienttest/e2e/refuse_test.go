package e2e

import (
	"archive/zip"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"pyindex/internal/clienttest"
)

// without copies a wheel and leaves out the member with this base name. No client looks for it before sending.
func without(t *testing.T, wheel, member string) string {
	t.Helper()
	from, err := zip.OpenReader(wheel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = from.Close() }()
	to := filepath.Join(t.TempDir(), filepath.Base(wheel))
	f, err := os.Create(to)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	for _, m := range from.File {
		if path.Base(m.Name) != member {
			copyMember(t, w, m)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return to
}

func copyMember(t *testing.T, w *zip.Writer, m *zip.File) {
	t.Helper()
	from, err := m.OpenRaw()
	if err != nil {
		t.Fatal(err)
	}
	to, err := w.CreateRaw(&m.FileHeader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
}

// A person who publishes a broken file sees the reason with every client. twine runs without --verbose here, so it
// prints only the reason phrase.
func TestRefusalIsReadable(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	for _, p := range publishers {
		if p.name == "flit" { // it builds its own wheels and cannot be given a broken one
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			dir := clienttest.Project(t, p.kind, "6.6")
			built := clienttest.Build(t, dir)
			bad := without(t, built[1], "RECORD")
			if err := os.Rename(bad, built[1]); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(built[0]); err != nil {
				t.Fatal(err)
			}
			p.publish(t, s, s.upload, dir, built[1]).Refused(t, "RECORD")
			if paths, _ := s.files(t, p.project); len(paths) != 0 {
				t.Errorf("a refused upload left %v", paths)
			}
		})
	}
}

// Each kind of wrong credential has its own error message.
func TestUploadCredentials(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	dir := clienttest.Project(t, "setuptools", "1.0")
	built := clienttest.Build(t, dir)
	s.publish(t, clienttest.Sample(t, "flit", "1.0")...) // a token is limited to projects that are there
	revoked := s.Token("alice", "--scope", "upload", "--description", "to be revoked")
	s.revoke(t, "to be revoked")
	tests := []struct{ name, token, words string }{
		{"unknown", "pypi-nobody-made-this-one", "token"},
		{"revoked", revoked, "token"},
		{"reading only", s.read, "upload"},
		{"another project's", s.Token("alice", "--scope", "upload", "--project", "acme-flag"), "acme-greeter"},
	}
	clients := []struct {
		name    string
		publish publisher
	}{{"twine", twine}, {"uv", uv}, {"hatch", hatch}}
	for _, tt := range tests {
		for _, c := range clients {
			t.Run(tt.name+" token, "+c.name, func(t *testing.T) {
				c.publish(t, s, tt.token, dir, built...).Refused(t, tt.words)
			})
		}
	}
	if paths, _ := s.files(t, "acme-greeter"); len(paths) != 0 {
		t.Errorf("after refusals the project lists %v", paths)
	}
}

// Without any token the answer asks for one. uv turns the challenge into words of its own.
func TestUploadWithoutToken(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	files := clienttest.Sample(t, "setuptools", "1.0")
	uv := clienttest.UV(t)
	uv.Run(t, "", "publish", "--trusted-publishing", "never", "--publish-url", s.legacy(), files[1]).Refused(t,
		"missing credentials")
	if status, body := s.sendWith(t, "", files[1]); status != http.StatusUnauthorized || !strings.Contains(body, "token") {
		t.Errorf("an upload without credentials = %d %s, want 401 and a word about tokens", status, body)
	}
}

// Passwords are for people at web pages; twine's prompt for a user name invites the mistake.
func TestPasswordIsNoToken(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	c := clienttest.Twine(t).Set("TWINE_USERNAME=alice", "TWINE_PASSWORD=correct horse battery staple")
	files := clienttest.Sample(t, "setuptools", "1.0")
	c.Run(t, "", "upload", "--repository-url", s.legacy(), files[1]).Refused(t, "401", "token")
}

// An address that is not the upload one says so instead of failing in a client's own words.
func TestWrongUploadAddress(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	files := clienttest.Sample(t, "setuptools", "1.0")
	for _, path := range []string{"/simple/", "/nowhere/"} {
		c := clienttest.Twine(t).Set("TWINE_USERNAME=__token__", "TWINE_PASSWORD="+s.upload)
		c.Run(t, "", "upload", "--repository-url", s.URL+path, files[1]).Refused(t)
	}
	if paths, _ := s.files(t, "acme-greeter"); len(paths) != 0 {
		t.Errorf("an upload to the wrong address left %v", paths)
	}
}

// The address without its slash is the same place: clients refuse to follow redirects with a body.
func TestLegacyWithoutSlash(t *testing.T) {
	t.Parallel()
	s := open(t, clienttest.Options{})
	files := clienttest.Sample(t, "setuptools", "1.0")
	c := clienttest.Twine(t).Set("TWINE_USERNAME=__token__", "TWINE_PASSWORD="+s.upload)
	c.Run(t, "", "upload", "--repository-url", s.URL+"/legacy", files[1]).OK(t)
	s.has(t, "acme-greeter", files[1])
}
