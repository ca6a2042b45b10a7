package admin

import (
	"cmp"
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
type issuerSample struct {
	ID, Title, Note, Text string
	Kind                  string // of the issuer
}

// What the samples say about servers that an organization runs itself.
const (
	ownAuthority = "# ca_file = \"/etc/index/acme-ca.pem\"   # if its certificate is signed by your own authority\n"
	ownServer    = "Replace the host name by that of your server."
)

// issuerSamples returns the samples: one for each kind, in their order, and the servers of one's own after their kind.
func issuerSamples() []issuerSample {
	notes := map[string]string{
		"circleci": "For jobs that request tokens with --root-issuer, as uv and pdm do.",
		"semaphore": "Replace acme by the name of your organization. The audience of its tokens is always the " +
			"issuer's URL.",
		"forgejo":      ownServer,
		"azure-devops": "Replace the UUID by the ID of your organization. The audience of its tokens is always the same.",
		"bitbucket": "Replace acme by your workspace. A step chooses the audience with oidc: {audiences: […]}; " +
			"with oidc: " +
			"true, it is the workspace's, and audience has to name that one.",
		"jenkins":    ownServer + " The OpenID Connect Provider plugin issues the tokens.",
		"kubernetes": "Use the issuer that kubectl get --raw /.well-known/openid-configuration shows, exactly.",
		"generic":    "Any other OpenID Connect issuer. Its publishers are rules on claims, or of a platform's kind.",
	}
	more := map[string]string{
		"forgejo": ownAuthority, "jenkins": ownAuthority, "kubernetes": ownAuthority, "generic": ownAuthority,
	}
	var out []issuerSample
	for _, k := range workload.All {
		issuer, lines := k.Manual().Issuer, more[k.Name()]
		if audience := k.FixedAudience(issuer); audience != "" {
			lines = "audience = \"" + audience + "\"   # the only one that its tokens have\n" + lines
		}
		title := cmp.Or(k.Title, "Another issuer")
		out = append(out, sampleOf(k.Name(), title, notes[k.Name()], k.Name(), issuer, lines))
		switch k {
		case workload.GitHub:
			out = append(out, sampleOf("github-enterprise", "GitHub Enterprise Server", ownServer, "github",
				"https://github.acme.example/_services/token",
				"api_url = \"https://github.acme.example/api/v3\"   # to look up account numbers; optional\n"+ownAuthority))
		case workload.GitLab:
			out = append(out, sampleOf("gitlab-self", "GitLab, self-managed", ownServer, "gitlab", "https://gitlab.acme.example",
				"# server = \"https://gitlab.internal.example\"   # if its tokens have another issuer than its address\n"+
					ownAuthority))
		}
	}
	return out
}

func sampleOf(id, title, note, kind, issuer, lines string) issuerSample {
	return issuerSample{
		ID: id, Title: title, Note: note, Kind: kind,
		Text: "[[oidc.issuers]]\nkind = \"" + kind + "\"\nissuer = \"" + issuer + "\"\n" + lines,
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
