package publishing

import (
	"maps"
	"net/url"
	"strings"
	"testing"

	"pyindex/internal/publishers"
	"pyindex/internal/workload"
)

// FuzzAddFrom: whatever a link says, the link that fills in the form again says the same of its fields, and no field is
// there that the form does not ask for.
func FuzzAddFrom(f *testing.F) {
	f.Add("provider=GitHub&owner=acme&repository=widgets&workflow_filename=release.yml&environment=pypi")
	f.Add("provider=generic&claims=sub%3Da%0Aref%3Drefs%2Ftags%2F*&preset=")
	f.Add("provider=generic&preset=kubernetes&namespace=ci&service_account=x")
	f.Add("provider=gitlab&ref_protected=true&issuer_url=https%3A%2F%2Fgitlab.com")
	f.Add("provider=%00&provider=github&owner=+x+&ref_protected=false")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		a := addFrom(values, noServer)
		for name := range a.request.Fields {
			kind, _, isRule := strings.Cut(name, ":")
			if _, ok := a.kind.Field(name); !ok && name != "preset" && !isRule {
				t.Fatalf("%q: a field %q (%s)", query, name, kind)
			}
		}
		if !a.known {
			return
		}
		again := addFrom(a.query(), noServer)
		if again.kind.Provider != a.kind.Provider ||
			!maps.Equal(again.request.Fields, a.request.Fields) || again.filled != a.filled {
			t.Fatalf("%q: %+v, then %+v", query, a.request, again.request)
		}
	})
}

func TestChooseIssuer(t *testing.T) {
	ghes := publishers.Issuer{Provider: "github", URL: "https://github.acme.example/_services/token"}
	github := publishers.Issuer{Provider: "github", URL: workload.GitHubIssuer}
	gitlab := publishers.Issuer{Provider: "gitlab", URL: "https://git.acme.example"}
	forge := publishers.Issuer{Provider: "generic", URL: "https://forge.acme.example/api/actions"}
	cluster := publishers.Issuer{Provider: "generic", URL: "https://kubernetes.acme.example"}
	all := []publishers.Issuer{gitlab, ghes, github, forge, cluster}
	for query, want := range map[string]publishers.Issuer{
		"": gitlab, "provider=github": github, "provider=github&issuer=" + ghes.URL: ghes, "provider=gitlab": gitlab,
		"provider=github&issuer=https://evil.example": github, "provider=nothing": gitlab,
		"provider=gitlab&issuer=" + ghes.URL: gitlab,
		"provider=kubernetes":                cluster, "provider=generic&preset=kubernetes": cluster,
		"provider=jenkins":                        forge,
		"provider=kubernetes&issuer=" + forge.URL: forge, "provider=generic": forge,
	} {
		values, _ := url.ParseQuery(query)
		if got := chooseIssuer(all, addFrom(values, noServer)); got != want {
			t.Errorf("chooseIssuer(%s) = %v, want %v", query, got, want)
		}
	}
}

func noServer(string) string { return "" }
