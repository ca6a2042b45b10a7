// Package cijob has the commands that run inside a CI job.
//
// The commands know only the URL of an index and import no server code. They send an identity token only to the index,
// only over TLS, and never print it.
package cijob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/terminal"
)

// Login exchanges the identity of a CI job for a token of the index.
type Login struct {
	URL       string `name:"url" placeholder:"URL" help:"URL of the index or of one of its repositories, for example https://pypi.acme.example/r/tools (default: base_url)."`
	Scope     string `enum:"read,upload" default:"read" help:"Scope of the token: read or upload."`
	Format    string `enum:"url,env,pip,uv,netrc" default:"url" help:"Output format: the URL, shell variables (env), pip.conf (pip), uv.toml (uv) or a netrc entry."`
	Write     bool   `help:"Write to the file that the tool reads instead of standard output. With env, append to the file GITHUB_ENV."`
	Audience  string `placeholder:"A" help:"Audience of the identity token (default: the host of the URL, which must be the audience that the index requests)."`
	TokenFile string `placeholder:"FILE" help:"File with an identity token, such as a projected token of Kubernetes (default: /var/run/secrets/index/token, if it exists)."`

	terminal.Listing

	Default *url.URL `kong:"-"` // used without --url
}

// loggedIn is a login in JSON.
type loggedIn struct {
	URL      string          `json:"url"` // without credentials
	Scope    string          `json:"scope"`
	Username string          `json:"username"`
	Token    string          `json:"token,omitempty"` // omitted with --write
	Expires  terminal.Moment `json:"expires"`
	File     string          `json:"file,omitempty"` // with --write
	Notes    []string        `json:"notes"`
}

// login is a login to an index: the issued token and its use.
type login struct {
	site    *url.URL // the repository, without a trailing slash
	scope   string
	token   access.Secret
	expires time.Time
	env     func(string) string
}

// Run exchanges the job's identity token for a token of the index and writes the configuration for a client.
func (c *Login) Run(s *terminal.Session) error {
	site, err := c.site()
	if err != nil {
		return err
	}
	l := &login{site: site, scope: c.Scope, env: os.Getenv}
	if c.JSON && !c.Write && c.Format != "url" {
		return fault.New(fault.Invalid, "--json and --format %s are two formats: choose one, or add --write", c.Format)
	}
	write, err := l.writer(c.Format, c.Write)
	if err != nil {
		return err
	}
	if err := l.exchange(s.Ctx, newIndexClient(site), newJobIdentity(c.TokenFile), c.Audience); err != nil {
		return err
	}
	if l.env("GITHUB_ACTIONS") == "true" {
		// Standard output is often captured; the runner recognizes this command on standard error too.
		fmt.Fprintf(s.Errs, "::add-mask::%s\n", l.token.Reveal())
	}
	return c.finish(s, l, write)
}

// finish writes the login, and reports on standard error what keeps a tool from using this index alone.
func (c *Login) finish(s *terminal.Session, l *login, write func(io.Writer) (file string, err error)) error {
	out := loggedIn{URL: l.plain(), Scope: l.scope, Username: loginUser, Expires: terminal.Moment(l.expires)}
	written := ""
	if c.Write {
		written = c.Format
	}
	out.Notes = terminal.NotNil(l.notes(c.Format, written))
	var err error
	if c.Write || !c.JSON {
		if out.File, err = write(s.Out); err != nil {
			return err
		}
	}
	for _, note := range out.Notes {
		fmt.Fprintf(s.Errs, "note: %s\n", note)
	}
	if c.JSON {
		if !c.Write {
			out.Token = l.token.Reveal()
		}
		return terminal.WriteJSON(s.Out, out)
	}
	said := ""
	if out.File != "" {
		said = fmt.Sprintf("%s was written for %s: ", out.File, l.plain())
	}
	fmt.Fprintf(s.Errs, "%svalid until %s\n", said, l.expires.UTC().Format("15:04:05 UTC"))
	return nil
}

// site parses the URL of the index. It requires https, because an identity token must be protected like a password.
func (c *Login) site() (*url.URL, error) {
	u := c.Default
	if c.URL != "" {
		var err error
		if u, err = url.Parse(c.URL); err != nil {
			return nil, fault.New(fault.Invalid, "--url %.200q is not a URL", c.URL)
		}
	}
	if u == nil {
		return nil, fault.New(fault.Invalid, "specify the index, for example --url https://pypi.acme.example")
	}
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid,
			"--url must be a URL without credentials and query, for example https://pypi.acme.example")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fault.New(fault.Invalid, "--url must begin with https: http is allowed only for loopback addresses")
	}
	path := strings.TrimRight(u.Path, "/")
	for _, end := range []string{"/simple", "/legacy"} {
		path = strings.TrimSuffix(path, end)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// foreign lists audiences of other services. A token for one of them could be used at that service.
var foreign = map[string]bool{"pypi": true, "testpypi": true, "sigstore": true, "sts.amazonaws.com": true}

// exchange gets an identity token and exchanges it for a token of the index.
func (l *login) exchange(ctx context.Context, index *indexClient, job *jobIdentity, audience string) error {
	if audience == "" {
		var err error
		if audience, err = index.audience(ctx); err != nil {
			return err
		}
		if err := checkAudience(audience); err != nil {
			return err
		}
		if !ownAudience(index.root, audience) {
			return fault.New(fault.Denied,
				"%s requests an identity token for %q, which is not its own host: the token could be used at another index, so none was requested; check --url, and if the administrator of %s confirms this audience, add --audience %s",
				index.host(), audience, index.host(), audience)
		}
		if foreign[audience] {
			return fault.New(fault.Denied,
				"%s requests a token for %q, which could be used at another service: add --audience %s if that is intended",
				index.host(),
				audience, audience)
		}
	}
	if err := checkAudience(audience); err != nil {
		return err
	}
	raw, err := job.token(ctx, audience)
	if err != nil {
		return err
	}
	m, err := index.mint(ctx, raw, l.scope)
	if refused, ok := errors.AsType[*refusal](err); ok {
		if raw := job.otherAfter(ctx, audience, refused.codes...); raw != "" {
			m, err = index.mint(ctx, raw, l.scope)
		}
	}
	if err != nil {
		if claims, unread := peek(raw.Reveal()); unread == nil && strings.Contains(err.Error(), "audience") {
			if advice, _ := job.otherAudience(claims, audience); advice != "" {
				err = fmt.Errorf("%w; %s", err, advice)
			}
		}
		return err
	}
	l.token, l.expires = access.Secret(m.Token), time.Unix(m.Expires, 0)
	if !access.WellFormed(l.token) {
		return errors.New(index.host() + " did not return a token of an index: check the URL")
	}
	return nil
}

// ownAudience reports whether a is the default audience of the index at u: its host, with the port unless it is the
// default of the scheme. The index may not request another audience by itself. Otherwise a server at a mistyped or
// forged URL could request a token for another index and use it there.
func ownAudience(u *url.URL, a string) bool {
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	host := func(s string) string { return strings.ToLower(strings.TrimSuffix(s, port)) }
	return host(a) == host(u.Host)
}

// checkAudience returns an error if a is too long or not printable, or if a program could mistake it for a flag.
func checkAudience(a string) error {
	odd := strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	if a == "" || len(a) > 255 || strings.HasPrefix(a, "-") || odd {
		return fault.New(fault.Invalid,
			"%.100q is not a valid audience: it must be printable, have at most 255 bytes and not begin with a dash", a)
	}
	return nil
}
