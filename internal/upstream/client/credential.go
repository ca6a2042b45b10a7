package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"

	"pyindex/internal/access"
	"pyindex/internal/upstream"
)

// credentialSettings are the settings that a credential depends on. An upstream that moves to another origin begins
// without what it had.
type credentialSettings struct {
	origin, username, passwordFile, tokenFile, audience, identityFile string
}

// credential is the way into one upstream.
type credential struct {
	settings credentialSettings
	file     watchedFile // password, bearer token or identity token
	identity *identity   // nil unless identity tokens are exchanged
}

// hasCredential reports whether the settings of an upstream name a credential.
func hasCredential(u upstream.Upstream) bool {
	return u.Username != "" || u.PasswordFile != "" || u.TokenFile != "" || u.IdentityTokenFile != ""
}

// credentialOf returns the credential of an upstream, which it keeps until the settings change.
func (c *Client) credentialOf(u upstream.Upstream) *credential {
	s := credentialSettings{
		origin:       originOf(u.URL),
		username:     u.Username,
		passwordFile: u.PasswordFile,
		tokenFile:    u.TokenFile,
		audience:     u.IdentityAudience,
		identityFile: u.IdentityTokenFile,
	}
	l := c.link(u)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.credential != nil && l.credential.settings == s {
		return l.credential
	}
	l.credential = &credential{settings: s}
	if u.IdentityTokenFile != "" {
		l.credential.identity = newIdentity()
	}
	return l.credential
}

// authorization returns the value of the Authorization header for the origin of the upstream, or "" if it is open. The
// error is a failure of kind Refused if a file of the credential cannot be used.
func (q *question) authorization(ctx context.Context) (string, error) {
	if !hasCredential(q.u) {
		return "", nil
	}
	c := q.c.credentialOf(q.u)
	switch {
	case c.identity != nil:
		token, err := c.identity.token(ctx, q, &c.file)
		if err != nil {
			return "", err
		}
		return q.basic(tokenUser, token), nil
	case q.u.TokenFile != "":
		token, err := c.file.read(q.u.TokenFile)
		if err != nil {
			return "", q.fail(upstream.Refused, 0, "token_file: %v", err)
		}
		return q.secret("Bearer " + q.hide(token)), nil
	case q.u.PasswordFile == "":
		return q.basic(q.u.Username, ""), nil
	}
	password, err := c.file.read(q.u.PasswordFile)
	if err != nil {
		return "", q.fail(upstream.Refused, 0, "password_file: %v", err)
	}
	return q.basic(q.u.Username, password), nil
}

// basic returns the Authorization header for a user name and password (RFC 7617).
func (q *question) basic(user string, password access.Secret) string {
	both := base64.StdEncoding.EncodeToString([]byte(user + ":" + q.hide(password)))
	q.secrets = append(q.secrets, both)
	return "Basic " + both
}

// hide returns a secret as text, and keeps it out of the errors of the question.
func (q *question) hide(s access.Secret) string {
	q.secrets = append(q.secrets, s.Reveal())
	return s.Reveal()
}

// secret keeps a text out of the errors of the question.
func (q *question) secret(s string) string {
	q.secrets = append(q.secrets, s)
	return s
}

// watchedFile is a file with a secret. It is read again if it has changed.
type watchedFile struct {
	mu    sync.Mutex
	path  string
	stamp stamp
	text  access.Secret
}

// read returns the content of a file without the white space around it. The content is one line.
func (w *watchedFile) read(path string) (access.Secret, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := stampOf(path)
	if w.text != "" && w.path == path && w.stamp == now {
		return w.text, nil
	}
	b, err := readFile(path)
	text := strings.TrimSpace(string(b))
	switch {
	case err != nil:
	case text == "":
		err = fmt.Errorf("%s is empty", path)
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		err = errors.New(path + " has more than one line")
	}
	if err != nil {
		return "", err
	}
	w.path, w.stamp, w.text = path, now, access.Secret(text)
	return w.text, nil
}
