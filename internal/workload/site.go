package workload

import (
	"cmp"
	"net/url"
	"strings"
)

// At returns the kind for an issuer whose platform has another address than the issuer. server is the base URL of the
// platform's pages, without a trailing slash. If it is empty, At returns k itself.
func (k *Kind) At(server string) *Kind {
	if server == "" {
		return k
	}
	out := *k
	out.server = server
	return &out
}

// Site returns the base URL of the pages of an issuer's platform, without a trailing slash: "https://github.com". It
// returns "" if the issuer is not a URL.
func (k *Kind) Site(issuer string) string {
	if k.server != "" {
		return k.server
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return ""
	case k.site != nil:
		return k.site(issuer)
	case issuer == k.issuer && k.host != "":
		return "https://" + k.host
	}
	return strings.TrimSuffix(issuer, "/")
}

// actionsHost begins the hosts of GitHub's own issuers.
const actionsHost = "token.actions."

// githubSite returns the base URL of a GitHub issuer's repositories: github.com for github.com and its enterprises, the
// tenant's host for an enterprise with data residency, and the issuer's host for an own server.
func githubSite(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" {
		return ""
	}
	switch tenant, ok := strings.CutPrefix(u.Host, actionsHost); {
	case ok && tenant == "githubusercontent.com":
		return "https://github.com"
	case ok && strings.HasSuffix(tenant, ".ghe.com"):
		return "https://" + tenant
	}
	return u.Scheme + "://" + u.Host
}

// gitlabPlace returns a server's address as GitLab writes it into ci_config_ref_uri: the host, with any non-default
// port, and the path. It is the rule's server, or else the issuer. Letters are in lower case.
func gitlabPlace(r Rule, c Claims) string {
	u, err := url.Parse(cmp.Or(r.Server, text(c, "iss")))
	if err != nil {
		return ""
	}
	usual := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]
	return lowerASCII(strings.TrimSuffix(u.Host, usual) + strings.TrimSuffix(u.Path, "/"))
}
