// Package cijob has the commands that run inside a CI job.
//
// They know an index by its URL alone and import nothing of a server. An identity token is sent to no host but the
// index, and only over TLS; it is never printed.
package cijob

import (
	"context"
	"errors"
	"fmt"
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
	URL       string `name:"url" placeholder:"URL" help:"The index, or a repository of it, as https://pypi.acme.example/r/tools (default: the base URL)."`
	Scope     string `enum:"read,upload" default:"read" help:"What for: read or upload."`
	Format    string `enum:"url,env,pip,uv,netrc" default:"url" help:"What is written: the URL, shell variables (env), pip.conf, uv.toml or a line of netrc."`
	Write     bool   `help:"Write the file where the tool looks for it, instead of to standard output; env goes to GITHUB_ENV."`
	Audience  string `placeholder:"A" help:"Audience of the identity token (default: the host of the URL, which is what the index has to name)."`
	TokenFile string `placeholder:"FILE" help:"File that holds an identity token, as Kubernetes projects one (default: /var/run/secrets/index/token, where there is one)."`

	Default *url.URL `kong:"-"` // used without --url
}

// login is an index that was logged in to.
type login struct {
	site    *url.URL // the repository, without a slash at the end
	scope   string
	token   access.Secret
	expires time.Time
	env     func(string) string
}

// Run exchanges the job's identity for a token and writes how to use it. It needs no data of an index: it runs in the
// job.
func (c *Login) Run(s *terminal.Session) error {
	site, err := c.site()
	if err != nil {
		return err
	}
	l := &login{site: site, scope: c.Scope, env: os.Getenv}
	write, err := l.writer(c.Format, c.Write)
	if err != nil {
		return err
	}
	if err := l.exchange(s.Ctx, newIndexClient(site), newJobIdentity(c.TokenFile), c.Audience); err != nil {
		return err
	}
	if l.env("GITHUB_ACTIONS") == "true" {
		// On standard error, because standard output is often captured; the runner looks for it in both.
		fmt.Fprintf(s.Errs, "::add-mask::%s\n", l.token.Reveal())
	}
	said, err := write(s.Out)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.Errs, "%sgood until %s\n", said, l.expires.UTC().Format("15:04:05 UTC"))
	return nil
}

// site reads the index's URL. An identity token is worth as much as a password, so it goes by TLS alone.
func (c *Login) site() (*url.URL, error) {
	u := c.Default
	if c.URL != "" {
		var err error
		if u, err = url.Parse(c.URL); err != nil {
			return nil, fault.New(fault.Invalid, "--url %.200q is not a URL", c.URL)
		}
	}
	if u == nil {
		return nil, fault.New(fault.Invalid, "say which index: --url https://pypi.acme.example")
	}
	if u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "--url must be like https://pypi.acme.example, without credentials and query")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return nil, fault.New(fault.Invalid, "--url must begin with https: plain http is for loopback alone")
	}
	path := strings.TrimRight(u.Path, "/")
	for _, end := range []string{"/simple", "/legacy"} {
		path = strings.TrimSuffix(path, end)
	}
	return &url.URL{Scheme: u.Scheme, Host: u.Host, Path: path}, nil
}

// foreign are audiences that no index of ours has: a token for one of them could be used elsewhere.
var foreign = map[string]bool{"pypi": true, "testpypi": true, "sigstore": true, "sts.amazonaws.com": true}

// exchange gets an identity token for the index and the index's token for that.
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
				"%s asks for an identity token for %q, which is not its own name: the token could be meant for another index, so none was asked for; check --url, and if the administrator of %s says that this is its audience, add --audience %s",
				index.host(), audience, index.host(), audience)
		}
		if foreign[audience] {
			return fault.New(fault.Denied,
				"%s asks for a token for %q, which could be used elsewhere: say --audience %s if that is meant", index.host(),
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
	if err != nil {
		return err
	}
	l.token, l.expires = access.Secret(m.Token), time.Unix(m.Expires, 0)
	if !access.WellFormed(l.token) {
		return errors.New("what " + index.host() + " answered is no token of an index: is the URL right?")
	}
	return nil
}

// ownAudience reports whether an audience is the one that the index at a URL has by itself: its host, and the port
// unless it is that of the scheme. Only then may the index name it: a server at a mistyped or forged URL would
// otherwise ask for a token that another index accepts, and use it there.
func ownAudience(u *url.URL, a string) bool {
	port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	host := func(s string) string { return strings.ToLower(strings.TrimSuffix(s, port)) }
	return host(a) == host(u.Host)
}

// checkAudience refuses what a program that is asked for a token could take for something else.
func checkAudience(a string) error {
	odd := strings.ContainsFunc(a, func(r rune) bool { return r <= ' ' || r >= 0x7f })
	if a == "" || len(a) > 255 || strings.HasPrefix(a, "-") || odd {
		return fault.New(fault.Invalid,
			"%.100q cannot be an audience: it has to be printable, at most 255 bytes, and not begin with a dash", a)
	}
	return nil
}
