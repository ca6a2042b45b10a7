package lockcheck

import (
	"context"
	"net"
	"net/url"
	"path"
	"strings"

	"pyindex/internal/packaging"
)

// Index is the index that lock files are compared with.
type Index interface {
	// Project returns what the index lists of a project. It returns *Unchecked if the index has no answer about this
	// project. Every other error ends the comparison.
	Project(ctx context.Context, name packaging.ProjectName) (Project, error)

	// Refusal returns the reason with which the index refuses the file at a URL of its own, or "" if it serves the file or
	// has none there.
	Refusal(ctx context.Context, url string) (string, error)
}

// Unchecked is the error for a project that the index gave no answer about.
type Unchecked struct{ Reason string }

// Error returns the reason.
func (u *Unchecked) Error() string { return u.Reason }

// Project is the page of a project.
type Project struct {
	Missing     bool // the index has no such project
	Own         bool // it has files of this index, or is this index's name
	Upstream    bool // it has files of an upstream
	Quarantined bool
	Reason      string // of the quarantine
	Files       []Listed
}

// Listed is a file on the page of a project.
type Listed struct {
	Name, URL, SHA256 string
	Yanked            bool
	Reason            string // of the yank
	Refused           string // the reason for which the file is not served, if it is known already
}

// Site is the address of a repository: the URL of its root, without credentials.
type Site struct{ root *url.URL }

// NewSite returns the site at the URL of a repository, or of its simple root or upload address.
func NewSite(u *url.URL) Site {
	root := strings.TrimRight(u.Path, "/")
	for _, end := range []string{"/simple", "/legacy"} {
		root = strings.TrimSuffix(root, end)
	}
	return Site{&url.URL{Scheme: strings.ToLower(u.Scheme), Host: strings.ToLower(u.Host), Path: root}}
}

// Simple returns the simple root.
func (s Site) Simple() string { return s.root.JoinPath("simple/").String() }

// Root returns the URL of the repository, without a slash at its end.
func (s Site) Root() *url.URL { return s.root }

// Repository returns the name of the repository, or "" for main, which is at the root of the index.
func (s Site) Repository() string {
	above, name := path.Split(s.root.Path)
	if strings.HasSuffix(above, "/r/") {
		return name
	}
	return ""
}

// has reports whether a URL is in the tree of the repository. The tree of main does not have the other repositories,
// because they may have other rules.
func (s Site) has(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || !strings.EqualFold(u.Scheme, s.root.Scheme) || hostPort(u) != hostPort(s.root) {
		return false
	}
	rest, ok := strings.CutPrefix(u.Path, s.root.Path+"/")
	return ok && (s.Repository() != "" || !strings.HasPrefix(rest, "r/")) && !strings.Contains(u.Path, "/../")
}

// isRoot reports whether a URL is the simple root of the repository.
func (s Site) isRoot(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && s.has(raw) && strings.TrimRight(u.Path, "/") == s.root.Path+"/simple"
}

func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[strings.ToLower(u.Scheme)]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

// where returns the host of a URL, or the text itself if it has none, such as a path.
func where(raw string) string {
	if u, err := url.Parse(raw); err == nil && u.Host != "" {
		return u.Host
	}
	return raw
}

// OwnPath reports whether the path of a URL is that of a file of this index, /packages/SHA256/NAME, and not of an
// upstream's, /packages/UPSTREAM/….
func OwnPath(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	parts := strings.Split(u.Path, "/")
	if len(parts) < 4 || parts[len(parts)-3] != "packages" || len(parts[len(parts)-2]) != 64 {
		return false
	}
	return strings.Trim(parts[len(parts)-2], "0123456789abcdef") == ""
}
