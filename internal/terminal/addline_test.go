package terminal

import "testing"

// TestAddLineOfClaims: each rule on claims has its flag.
func TestAddLineOfClaims(t *testing.T) {
	got := AddLine("", "generic", "https://ci.acme.example", "widgets", false, map[string]string{
		"claim:sub": "x", "oneof:event_name": "push\nrelease", "prefix:ref": "refs/tags/v*", "has:groups_direct": "acme",
	})
	want := "index publisher add generic --project widgets --claim sub=x --claim-has groups_direct=acme " +
		"--claim event_name=push --claim event_name=release --claim-prefix 'ref=refs/tags/v*' --issuer https://ci.acme.example"
	if got != want {
		t.Errorf("AddLine = %s\nwant      %s", got, want)
	}
}
