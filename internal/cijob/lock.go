package cijob

import (
	"fmt"
	"net/url"
	"os"
	"strings"

	"pyindex/internal/fault"
	"pyindex/internal/lockfile"
	"pyindex/internal/lockfile/lockcheck"
	"pyindex/internal/terminal"
)

// CheckLock compares lock files with an index: on a laptop or in a CI job with an index on the network, and on the
// machine of the index with its database.
type CheckLock struct {
	Files      []string `arg:"" name:"file" help:"Lock files: uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pylock.toml, or requirements and constraints files."`
	IndexURL   string   `name:"index-url" placeholder:"URL" help:"URL of the index or of one of its repositories (default: the index in the data folder, or else UV_DEFAULT_INDEX or PIP_INDEX_URL). Credentials come from the URL, from INDEX_TOKEN or from netrc."`
	Repository string   `placeholder:"R" help:"Repository of the index, if the URL does not name one (default: main)."`

	terminal.Listing

	Database Database `kong:"-"`
}

// Database opens the index of this machine. Present reports whether there is one.
type Database struct {
	Present func() bool
	Open    func(repository string, use func(lockcheck.Site, lockcheck.Index) error) error
}

// Run compares the files and prints a report. It returns an error if there is any problem, and *terminal.Misuse if a
// file cannot be read or no index is named.
func (c *CheckLock) Run(s *terminal.Session) error {
	var locks []lockfile.Lock
	for _, path := range c.Files {
		l, err := lockfile.Read(lockfile.Disk, path)
		if err != nil {
			return terminal.Misused(err)
		}
		locks = append(locks, l)
	}
	if c.IndexURL == "" && c.Database.Present != nil && c.Database.Present() {
		return c.Database.Open(c.Repository, func(site lockcheck.Site, index lockcheck.Index) error {
			return c.compare(s, locks, site, index)
		})
	}
	site, index, err := c.remote(os.Getenv)
	if err != nil {
		return terminal.Misused(err)
	}
	return c.compare(s, locks, site, index)
}

// compare prints the report.
func (c *CheckLock) compare(s *terminal.Session, locks []lockfile.Lock, at lockcheck.Site,
	index lockcheck.Index,
) error {
	report, err := lockcheck.Check(s.Ctx, locks, at, index)
	if err != nil {
		return err
	}
	if c.JSON {
		err = terminal.WriteJSON(s.Out, report)
	} else {
		report.Write(s.Out, terminal.Printable)
	}
	if err == nil && !report.OK {
		err = fmt.Errorf("%s found", terminal.Plural(int64(len(report.Problems)), "problem"))
	}
	return err
}

// remote returns the index that the flags or the environment name.
func (c *CheckLock) remote(env func(string) string) (lockcheck.Site, lockcheck.Index, error) {
	raw, from := c.IndexURL, "--index-url"
	for _, variable := range []string{"UV_DEFAULT_INDEX", "PIP_INDEX_URL"} {
		if raw == "" {
			raw, from = env(variable), variable
			if variable == "UV_DEFAULT_INDEX" { // may be NAME=URL
				if name, rest, ok := strings.Cut(raw, "="); ok && !strings.ContainsAny(name, ":/") {
					raw = rest
				}
			}
		}
	}
	if raw == "" {
		return lockcheck.Site{}, nil, fault.New(fault.Invalid,
			"specify the index, for example --index-url https://pypi.acme.example")
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" ||
		u.Fragment != "" {
		// The value may contain a token, so it is not quoted.
		return lockcheck.Site{}, nil, fault.New(fault.Invalid, "%s is not a URL of an index", from)
	}
	site := lockcheck.NewSite(u)
	if c.Repository != "" && c.Repository != "main" {
		if site.Repository() != "" {
			return lockcheck.Site{}, nil, fault.New(fault.Invalid,
				"%s names a repository already: omit --repository", from)
		}
		site = lockcheck.NewSite(site.Root().JoinPath("r", c.Repository))
	}
	user, err := credentials(u, env)
	if err != nil {
		return lockcheck.Site{}, nil, err
	}
	if user != nil && u.Scheme == "http" && !loopback(u.Hostname()) {
		return lockcheck.Site{}, nil, fault.New(fault.Invalid,
			"%s must begin with https: a token must not cross a network unencrypted", from)
	}
	return site, newSimpleIndex(site, user), nil
}

// credentials returns the user name and password for a URL: its own, or else those of INDEX_TOKEN, or else those of
// netrc. It returns nil if there are none.
func credentials(u *url.URL, env func(string) string) (*url.Userinfo, error) {
	if u.User != nil {
		if _, has := u.User.Password(); has || len(u.User.Username()) >= len(loginUser) && u.User.Username() != loginUser {
			return u.User, nil
		}
	}
	if token := env("INDEX_TOKEN"); token != "" {
		return url.UserPassword(loginUser, token), nil
	}
	return fromNetrc(u.Hostname(), env)
}
