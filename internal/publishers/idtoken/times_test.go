package idtoken_test

import (
	"strings"
	"testing"
	"time"

	"pyindex/internal/publishers/idtoken"
	"pyindex/internal/publishers/idtoken/issuertest"
	"pyindex/internal/workload"
)

// TestTimes states each edge of the times to the second.
func TestTimes(t *testing.T) {
	b := newBench(t)
	now := b.now().Unix()
	for _, c := range []struct {
		name          string
		iat, exp, nbf any
		want          bool
	}{
		{"ordinary", now, now + 300, now, true},
		{"at its expiry", now - 300, now, now - 300, true},
		{"in the last second of leeway", now - 300, now - 29, now - 300, true},
		{"leeway is over", now - 300, now - 30, now - 300, false},
		{"expired a second more", now - 300, now - 31, now - 300, false},
		{"issued at the end of leeway", now + 30, now + 300, now, true},
		{"issued a second past it", now + 31, now + 300, now, false},
		{"not before the end of leeway", now, now + 300, now + 30, true},
		{"not before a second past it", now, now + 300, now + 31, false},
		{"no nbf", now, now + 300, issuertest.Absent, true},
		{"a day ahead", now, now + 86400, now, true},
		{"a day and a second ahead", now, now + 86401, now, false},
		{"issued at 0", 0, now + 300, 0, true},
		{"expires as it was issued", now, now, now, true},
		{"expires before it was issued", now, now - 1, now, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := b.verify(b.issuer.Sign(b.issuer.Claims(audience, b.now(),
				map[string]any{"iat": c.iat, "exp": c.exp, "nbf": c.nbf})))
			if (err == nil) != c.want {
				t.Errorf("%s: Verify = %v, accepted should be %v", c.name, err, c.want)
			}
		})
	}
}

// TestLifetimes checks how long a token of each kind may last: GitLab's last as long as their job may run, at most a
// month.
func TestLifetimes(t *testing.T) {
	const day = 24 * time.Hour
	for _, k := range workload.All {
		t.Run(k.Name(), func(t *testing.T) {
			b, most := newBench(t), day
			if k == workload.GitLab {
				most = 31 * day
			}
			var err error
			b.verifier, err = idtoken.New([]idtoken.Issuer{{
				Kind: k.Name(), URL: b.issuer.URL, Audiences: []string{audience}, CAFile: b.issuer.CAFile(t),
			}}, idtoken.Options{Now: b.now})
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []struct {
				life time.Duration
				want bool
			}{{5 * time.Minute, true}, {day, true}, {2 * day, most > day}, {most, true}, {most + time.Second, false}} {
				err := b.verify(b.issuer.Sign(b.issuer.Claims(audience, b.now(),
					map[string]any{"exp": b.now().Add(c.life).Unix()})))
				if (err == nil) != c.want {
					t.Errorf("a token for %v: Verify = %v, accepted should be %v", c.life, err, c.want)
				}
				if err != nil && !strings.Contains(err.Error(), "shorten the timeout of the job") {
					t.Errorf("the refusal %q does not say what to do", err)
				}
			}
		})
	}
}
