package workload

import (
	"net/url"
	"strings"
)

// pasted are the pairs of fields that an address at a forge fills in, by kind.
var pasted = map[string][2]string{
	"github": {"owner", "repository"}, "gitlab": {"namespace", "project"}, "activestate": {"organization", "project"},
	"forgejo": {"owner", "repository"}, "buildkite": {"organization", "pipeline"},
	"azure-devops": {"organization", "project"},
}

// sites are the hosts of pages whose issuer has another host.
var sites = map[string]string{
	GitHubIssuer: "github.com", BuildkiteIssuer: "buildkite.com",
}

// Pair returns the names of the two fields that an address at the forge fills in, for example owner and repository. It
// returns false if the kind has no such fields.
func (f Form) Pair() (pair [2]string, ok bool) {
	pair, ok = pasted[f.Provider]
	return pair, ok
}

// Split returns the values of a form's pair of fields. If one of them is a path such as acme/widgets, or a URL of the
// issuer's forge, it sets both, unless the other one says something else.
func (f Form) Split(issuer string, pair [2]string) [2]string {
	if _, ok := f.Pair(); !ok {
		return pair
	}
	for n := range pair {
		text, other := strings.TrimSpace(pair[n]), strings.TrimSpace(pair[1-n])
		path, isURL := pastedPath(text, issuer)
		parts := strings.Split(path, "/")
		deep := f.Provider == "gitlab" // namespaces have subgroups
		if len(parts) < 2 || len(parts) > 2 && !deep && !isURL || parts[0] == "" ||
			deep && !isURL {
			continue
		}
		owner, name := parts[0], parts[1]
		if deep {
			owner, name = strings.Join(parts[:len(parts)-1], "/"), parts[len(parts)-1]
		}
		if values := [2]string{owner, name}; other == "" || other == values[1-n] {
			return values
		}
	}
	return pair
}

// pastedPath returns the path of a repository in a URL of the issuer's forge, or text itself if it is no URL. The path
// is "" for a URL of another host.
func pastedPath(text, issuer string) (path string, isURL bool) {
	if rest, ok := strings.CutPrefix(text, "git@"); ok { // git@github.com:acme/widgets.git
		text = "https://" + strings.Replace(rest, ":", "/", 1)
	}
	path = text
	if strings.Contains(text, "://") {
		u, err := url.Parse(text)
		if err != nil || !strings.EqualFold(u.Host, SiteOf(issuer)) {
			return "", true
		}
		path, isURL = strings.Trim(strings.TrimPrefix(u.Path, basePath(issuer)), "/"), true
		path, _, _ = strings.Cut(path, "/-/") // pages of a project at GitLab
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git"), isURL
}

// basePath returns the path under which an issuer's server has its pages: "/gitlab/". It is "/" if the server has a
// host of its own.
func basePath(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || strings.HasPrefix(u.Host, actionsHost) {
		return "/"
	}
	path := strings.TrimSuffix(u.Path, "/")
	return strings.TrimSuffix(strings.TrimSuffix(path, "/api/actions"), "/_services/token") + "/"
}

// ScriptSite returns the host of an issuer's pages if the addresses of repositories have nothing else before their
// owners, for the script that reads pasted addresses. Otherwise it returns "".
func ScriptSite(issuer string) string {
	if basePath(issuer) != "/" {
		return ""
	}
	return SiteOf(issuer)
}

// SiteOf returns the host of an issuer's pages.
func SiteOf(issuer string) string {
	issuer = strings.TrimSuffix(issuer, "/")
	if host := sites[issuer]; host != "" {
		return host
	}
	if hostOf(issuer) == azureHost {
		return "dev.azure.com"
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	if strings.HasPrefix(u.Host, actionsHost) {
		return hostOf(githubSite(issuer))
	}
	return u.Host
}
