package workload

import "testing"

// A pasted path or address fills in both fields, if it is of the issuer's forge and the other field agrees.
func TestSplit(t *testing.T) {
	const ghes, lab = "https://git.acme.example/_services/token", GitLabIssuer
	for _, c := range []struct {
		provider, preset, issuer, first, second, wantFirst, wantSecond string
	}{
		{"github", "", GitHubIssuer, "acme/widgets", "", "acme", "widgets"},
		{"github", "", GitHubIssuer, " acme/widgets ", "widgets", "acme", "widgets"},
		{"github", "", GitHubIssuer, "", "acme/widgets", "acme", "widgets"},
		{"github", "", GitHubIssuer, "https://github.com/acme/widgets", "", "acme", "widgets"},
		{"github", "", GitHubIssuer, "https://GitHub.com/acme/widgets.git", "", "acme", "widgets"},
		{"github", "", GitHubIssuer, "https://github.com/acme/widgets/tree/main/x", "", "acme", "widgets"},
		{"github", "", GitHubIssuer, "git@github.com:acme/widgets.git", "", "acme", "widgets"},
		{"github", "", ghes, "https://git.acme.example/acme/widgets/", "", "acme", "widgets"},
		{"github", "", GitHubIssuer + "/acme", "https://github.com/acme/widgets", "", "acme", "widgets"},
		{"github", "", "https://token.actions.acme.ghe.com", "https://acme.ghe.com/acme/widgets", "", "acme", "widgets"},
		{"gitlab", "", "https://acme.com/gitlab", "https://acme.com/gitlab/acme/libs/widgets", "", "acme/libs", "widgets"},
		{"gitlab", "", "https://gitlab", "https://gitlab/gitlab/widgets", "", "gitlab", "widgets"},
		{"gitlab", "", lab, "https://gitlab.com/acme/libs/widgets/-/tree/main", "", "acme/libs", "widgets"},
		{"gitlab", "", lab, "acme/widgets", "", "acme/widgets", ""}, // a namespace
		{"gitlab", "", lab, "acme/libs", "widgets", "acme/libs", "widgets"},
		{
			"forgejo", "", "https://forge.example/api/actions", "https://forge.example/acme/widgets", "", "acme",
			"widgets",
		},
		{"buildkite", "", "https://agent.buildkite.com", "https://buildkite.com/acme/widgets", "", "acme", "widgets"},
		{
			"azure-devops", "", "https://vstoken.dev.azure.com/01890000-0000-4000-8000-000000000001",
			"https://dev.azure.com/acme/widgets/_build", "", "acme", "widgets",
		},

		{"github", "", GitHubIssuer, "acme", "widgets", "acme", "widgets"},
		{"github", "", GitHubIssuer, "acme/widgets", "gadgets", "acme/widgets", "gadgets"},
		{"github", "", GitHubIssuer, "acme/widgets/x", "", "acme/widgets/x", ""},
		{"github", "", GitHubIssuer, "https://gitlab.com/acme/widgets", "", "https://gitlab.com/acme/widgets", ""},
		{
			"github", "", GitHubIssuer, "https://github.com.evil.example/acme/w", "",
			"https://github.com.evil.example/acme/w", "",
		},
		{"github", "", ghes, "https://github.com/acme/widgets", "", "https://github.com/acme/widgets", ""},
		{"github", "", GitHubIssuer, "https://github.com/acme", "", "https://github.com/acme", ""},
		{"github", "", GitHubIssuer, "/", "", "/", ""},
		{"kubernetes", "", "https://k.example", "a/b", "", "a/b", ""},
	} {
		form, ok := FormFor(c.provider, c.preset)
		if !ok {
			t.Fatalf("no form %s %s", c.provider, c.preset)
		}
		got := form.Split(c.issuer, [2]string{c.first, c.second})
		if want := [2]string{c.wantFirst, c.wantSecond}; got != want {
			t.Errorf("%s %q %q = %q, want %q", c.provider, c.first, c.second, got, want)
		}
	}
	// Every pair names fields of its form.
	for name, pair := range pasted {
		form, ok := FormFor(name, "")
		if !ok {
			form, ok = FormFor("generic", name)
		}
		for _, field := range pair {
			if _, has := form.Field(field); !ok || !has {
				t.Errorf("the form %s has no field %s", name, field)
			}
		}
	}
}
