package admin

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
	"pyindex/web/ui"
)

type issuersView struct {
	ui.Frame
	Issuers []exchange.IssuerHealth
	Samples []issuerSample
	Sample  issuerSample // the chosen one
}

// issuerSample is a section of the configuration file for an issuer.
type issuerSample struct{ ID, Title, Note, Text string }

// issuerSamples returns the samples, the most common first.
func issuerSamples() []issuerSample {
	section := func(kind, issuer, more string) string {
		return "[[oidc.issuers]]\nkind = \"" + kind + "\"\nissuer = \"" + issuer + "\"\n" + more
	}
	const authority = "# ca_file = \"/etc/index/acme-ca.pem\"   # if its certificate is signed by your own authority\n"
	own := "Replace the host name by that of your server."
	return []issuerSample{
		{"github", "GitHub", "", section("github", workload.GitHubIssuer, "")},
		{
			"github-enterprise", "GitHub Enterprise Server", own,
			section("github", "https://github.acme.example/_services/token",
				"api_url = \"https://github.acme.example/api/v3\"   # to look up account numbers; optional\n"+authority),
		},
		{"gitlab", "GitLab", "", section("gitlab", workload.GitLabIssuer, "")},
		{"gitlab-self", "GitLab, self-managed", own, section("gitlab", "https://gitlab.acme.example", authority)},
		{"forgejo", "Forgejo", own, section("forgejo", "https://forge.acme.example/api/actions", authority)},
		{
			"circleci", "CircleCI", "For jobs that request tokens with --root-issuer.",
			section("circleci", workload.CircleCIIssuer, ""),
		},
		{"buildkite", "Buildkite", "", section("buildkite", workload.BuildkiteIssuer, "")},
		{
			"semaphore", "Semaphore", "Replace acme by the name of your organization.",
			section("semaphore", "https://acme.semaphoreci.com",
				"audience = \"https://acme.semaphoreci.com\"   # the only one that its tokens have\n"),
		},
		{"google", "Google Cloud", "", section("google", workload.GoogleIssuer, "")},
		{"activestate", "ActiveState", "", section("activestate", workload.ActiveStateIssuer, "")},
		{
			"azure-devops", "Azure DevOps", "Replace ORG by the ID of your organization.",
			section("azure-devops", "https://vstoken.dev.azure.com/ORG", ""),
		},
		{
			"bitbucket", "Bitbucket Pipelines", "Replace WORKSPACE by the name of your workspace.",
			section("bitbucket", "https://api.bitbucket.org/2.0/workspaces/WORKSPACE/pipelines-config/identity/oidc", ""),
		},
		{
			"jenkins", "Jenkins", own + " The oidc-provider plugin issues the tokens.",
			section("jenkins", "https://jenkins.acme.example/oidc", authority),
		},
		{
			"kubernetes", "Kubernetes", "Use the issuer that kubectl get --raw /.well-known/openid-configuration shows.",
			section("kubernetes", "https://kubernetes.acme.example", authority),
		},
		{"other", "Another issuer", "Any OpenID Connect issuer.", section("generic", "https://ci.acme.example", authority)},
	}
}

func (s *Section) adminIssuers(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	all, err := s.o.Exchange.Health(who)
	if err != nil {
		return err
	}
	v := issuersView{Frame: s.adminFrame(r, who, "issuers", "Issuers"), Issuers: all, Samples: issuerSamples()}
	v.Sample = v.Samples[0]
	for _, sample := range v.Samples {
		if sample.ID == r.URL.Query().Get("sample") {
			v.Sample = sample
		}
	}
	return s.Render(w, http.StatusOK, "admin-issuers", &v)
}
