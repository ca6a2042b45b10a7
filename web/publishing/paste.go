package publishing

import (
	"net/url"
	"strings"

	"pyindex/internal/workload"
)

// pasted are the pairs of fields that an address at a forge fills in, by provider or preset.
var pasted = map[string][2]string{
	"github": {"owner", "repository"}, "gitlab": {"namespace", "project"}, "activestate": {"organization", "project"},
	"forgejo": {"owner", "repository"}, "buildkite": {"organization", "pipeline"},
	"azure-devops": {"organization", "project"},
}

// sites are the hosts of pages whose issuer has another host.
var sites = map[string]string{
	workload.GitHubIssuer: "github.com", "https://agent.buildkite.com": "buildkite.com",
	"https://vstoken.dev.azure.com": "dev.azure.com",
}

// splitPasted fills in both fields of a pair if one of them has a path such as acme/widgets, or a URL of the issuer's
// forge. It changes nothing if the other field says something else.
func splitPasted(form workload.Form, issuer string, q url.Values) {
	pair, ok := pasted[form.Provider]
	if form.Provider == "generic" {
		pair, ok = pasted[form.Preset]
	}
	if !ok {
		return
	}
	for n, field := range pair {
		text, other := strings.TrimSpace(q.Get(field)), strings.TrimSpace(q.Get(pair[1-n]))
		path, isURL := pastedPath(text, issuer)
		parts := strings.Split(path, "/")
		deep := form.Provider == "gitlab" // namespaces have subgroups
		if len(parts) < 2 || len(parts) > 2 && !deep && !isURL || parts[0] == "" ||
			deep && !isURL {
			continue
		}
		owner, name := parts[0], parts[1]
		if deep {
			owner, name = strings.Join(parts[:len(parts)-1], "/"), parts[len(parts)-1]
		}
		if values := [2]string{owner, name}; other == "" || other == values[1-n] {
			q.Set(pair[0], owner)
			q.Set(pair[1], name)
			return
		}
	}
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
		if err != nil || !strings.EqualFold(u.Host, siteOf(issuer)) {
			return "", true
		}
		path, isURL = strings.Trim(u.Path, "/"), true
		path, _, _ = strings.Cut(path, "/-/") // pages of a project at GitLab
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git"), isURL
}

// siteOf returns the host of an issuer's pages.
func siteOf(issuer string) string {
	issuer = strings.TrimSuffix(issuer, "/")
	if host := sites[issuer]; host != "" {
		return host
	}
	u, err := url.Parse(issuer)
	if err != nil {
		return ""
	}
	return u.Host
}
