package workload_test

import (
	"net/url"
	"testing"

	"pyindex/internal/workload"
)

// Every kind has a page of the manual: with an issuer, facts, the refusals of its checks, and the claim of each field.
func TestManual(t *testing.T) {
	for _, k := range workload.All {
		m := k.Manual()
		if u, err := url.Parse(m.Issuer); err != nil || u.Scheme != "https" || u.Host == "" {
			t.Errorf("%s: the issuer is %q", k.Name(), m.Issuer)
		}
		if m.Where == "" || len(m.Facts) < 2 || len(m.Facts) > 6 {
			t.Errorf("%s: where the issuer comes from is %q, and there are %d facts", k.Name(), m.Where, len(m.Facts))
		}
		if k.NeverChecks() > 0 && len(m.Refused) == 0 {
			t.Errorf("%s: the manual names none of what is always refused", k.Name())
		}
		if m.Needs == "" && k != workload.ActiveState {
			t.Errorf("%s: the manual does not say what a job needs", k.Name())
		}
		for _, f := range k.Fields {
			if k.Concerns(f) == "" {
				t.Errorf("%s: the manual does not say which claim %s concerns", k.Name(), f.Name)
			}
		}
		for name := range m.Parts() {
			if f, ok := k.Field(name); !ok || f.Claim != "" {
				t.Errorf("%s: the claim of %s is said twice, or there is no such field", k.Name(), name)
			}
		}
	}
}

// The sample of each kind is a rule that could be added, for its own issuer, and that is not as loose as a token.
func TestSample(t *testing.T) {
	for _, k := range workload.All {
		fields := k.Sample()
		r, err := k.CompileNew(fields)
		if err != nil {
			t.Errorf("%s: %v is no rule: %v", k.Name(), fields, err)
			continue
		}
		for _, w := range k.Warnings("", r.Fields, r.OwnerID) {
			if w.Degree == workload.AsLooseAsToken {
				t.Errorf("%s: the sample %v is loose: %s", k.Name(), fields, w.Text)
			}
		}
		if flags := k.SampleFlags(); len(flags) != len(fields) {
			t.Errorf("%s: %d flags for %v: %v", k.Name(), len(flags), fields, flags)
		}
	}
}

// The audience of platforms that fix it is the one that their tokens have.
func TestFixedAudience(t *testing.T) {
	for _, c := range []struct {
		k            *workload.Kind
		issuer, want string
	}{
		{workload.Semaphore, "https://acme.semaphoreci.com", "https://acme.semaphoreci.com"},
		{workload.AzureDevOps, "https://vstoken.dev.azure.com/x", "api://AzureADTokenExchange"},
		{workload.GitHub, workload.GitHubIssuer, ""},
		{workload.Bitbucket, "https://api.bitbucket.org/x", ""},
		{workload.Generic, "https://ci.acme.example", ""},
	} {
		if got := c.k.FixedAudience(c.issuer); got != c.want {
			t.Errorf("the audience of %s is %q, want %q", c.k.Name(), got, c.want)
		}
	}
}
