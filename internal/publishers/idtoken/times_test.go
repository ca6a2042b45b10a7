package idtoken_test

import (
	"testing"

	"pyindex/internal/publishers/idtoken/issuertest"
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
