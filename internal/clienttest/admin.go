package clienttest

import (
	"net/url"
	"strings"
)

// Index runs an administrator's command on the server's data, next to the running server.
func (s *Server) Index(args ...string) Result {
	s.t.Helper()
	env := append(bareEnv(s.t.TempDir()), "INDEX_DATA_DIR="+s.DataDir, "INDEX_BASE_URL="+s.URL)
	return run(s.t, "", append(env, s.opts.Env...), Binary(s.t, false), args...)
}

// User adds a user. If admin is set, the user is an administrator and may read and change everything.
func (s *Server) User(name string, admin bool) {
	s.t.Helper()
	args := []string{"user", "add", name}
	if admin {
		args = append(args, "--admin")
	}
	s.Index(args...).OK(s.t)
}

// Token creates a token for a user. args are flags of "index token create", such as "--scope", "read".
func (s *Server) Token(user string, args ...string) string {
	s.t.Helper()
	r := s.Index(append([]string{"token", "create", "--user", user}, args...)...).OK(s.t)
	return strings.TrimSpace(r.Stdout)
}

// With returns a URL on this server with token as the password, as installers receive credentials.
func (s *Server) With(token, path string) string {
	u, err := url.Parse(s.URL + path)
	if err != nil {
		s.t.Fatal(err)
	}
	u.User = url.UserPassword("__token__", token)
	return u.String()
}
