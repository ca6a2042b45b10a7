package publishing

import (
	"net/url"
	"testing"

	"pyindex/internal/workload"
)

// A pasted path or address fills in both fields, if it is of the issuer's forge and the other field agrees.
func TestSplitPasted(t *testing.T) {
	const ghes, lab = "https://git.acme.example/_services/token", workload.GitLabIssuer
	for _, c := range []struct {
		provider, preset, issuer, first, second, wantFirst, wantSecond string
	}{
		{"github", "", workload.GitHubIssuer, "acme/widgets", "", "acme", "widgets"},
		{"github", "", workload.GitHubIssuer, " acme/widgets ", "widgets", "acme", "widgets"},
		{"github", "", workload.GitHubIssuer, "", "acme/widgets", "acme", "widgets"},
		{"github", "", workload.GitHubIssuer, "https://github.com/acme/widgets", "", "acme", "widgets"},
		{"github", "", workload.GitHubIssuer, "https://GitHub.com/acme/widgets.git", "", "acme", "widgets"},
		{"github", "", workload.GitHubIssuer, "https://github.com/acme/widgets/tree/main/x", "", "acme", "widgets"},
		{"github", "", workload.GitHubIssuer, "git@github.com:acme/widgets.git", "", "acme", "widgets"},
		{"github", "", ghes, "https://git.acme.example/acme/widgets/", "", "acme", "widgets"},
		{"gitlab", "", lab, "https://gitlab.com/acme/libs/widgets/-/tree/main", "", "acme/libs", "widgets"},
		{"gitlab", "", lab, "acme/widgets", "", "acme/widgets", ""}, // a namespace
		{"gitlab", "", lab, "acme/libs", "widgets", "acme/libs", "widgets"},
		{
			"generic", "forgejo", "https://forge.example/api/actions", "https://forge.example/acme/widgets", "", "acme",
			"widgets",
		},
		{"generic", "buildkite", "https://agent.buildkite.com", "https://buildkite.com/acme/widgets", "", "acme", "widgets"},
		{
			"generic", "azure-devops", "https://vstoken.dev.azure.com", "https://dev.azure.com/acme/widgets", "", "acme",
			"widgets",
		},

		{"github", "", workload.GitHubIssuer, "acme", "widgets", "acme", "widgets"},
		{"github", "", workload.GitHubIssuer, "acme/widgets", "gadgets", "acme/widgets", "gadgets"},
		{"github", "", workload.GitHubIssuer, "acme/widgets/x", "", "acme/widgets/x", ""},
		{"github", "", workload.GitHubIssuer, "https://gitlab.com/acme/widgets", "", "https://gitlab.com/acme/widgets", ""},
		{
			"github", "", workload.GitHubIssuer, "https://github.com.evil.example/acme/w", "",
			"https://github.com.evil.example/acme/w", "",
		},
		{"github", "", ghes, "https://github.com/acme/widgets", "", "https://github.com/acme/widgets", ""},
		{"github", "", workload.GitHubIssuer, "https://github.com/acme", "", "https://github.com/acme", ""},
		{"github", "", workload.GitHubIssuer, "/", "", "/", ""},
		{"generic", "kubernetes", "https://k.example", "a/b", "", "a/b", ""},
	} {
		form, ok := workload.FormFor(c.provider, c.preset)
		if !ok {
			t.Fatalf("no form %s %s", c.provider, c.preset)
		}
		pair, ok := pasted[c.provider]
		if !ok {
			pair, ok = pasted[c.preset]
		}
		if !ok {
			pair = [2]string{"namespace", "service_account"}
		}
		q := url.Values{pair[0]: {c.first}, pair[1]: {c.second}}
		splitPasted(form, c.issuer, q)
		if q.Get(pair[0]) != c.wantFirst || q.Get(pair[1]) != c.wantSecond {
			t.Errorf("%s %q %q = %q %q, want %q %q", c.provider, c.first, c.second, q.Get(pair[0]), q.Get(pair[1]),
				c.wantFirst, c.wantSecond)
		}
	}
	// Every pair names fields of its form.
	for name, pair := range pasted {
		form, ok := workload.FormFor(name, "")
		if !ok {
			form, ok = workload.FormFor("generic", name)
		}
		for _, field := range pair {
			if _, has := form.Field(field); !ok || !has {
				t.Errorf("the form %s has no field %s", name, field)
			}
		}
	}
}
