package insight_test

import (
	"testing"

	"pyindex/internal/publishers/insight"
)

// The reason why nothing is suggested never says that no publisher could accept an exchange if one could.
func TestNoneBecause(t *testing.T) {
	const (
		never   = "o publisher of kind github can accept it: claim event_name is \"pull_request_target\""
		foreign = " publisher of kind circleci cannot accept a workload with these claims"
		looser  = "laim environment is missing; a publisher without that restriction would be looser than the nearest one"
	)
	for why, want := range map[string]string{
		"":            "",
		"n" + never:   "N" + never + ".",
		"a" + foreign: "A" + foreign + ".",
		"only a publisher with --job-source x accepts it. Add": "Only a publisher with --job-source x accepts it. Add.",
		"change the job: request it":                           "Change the job: request it.",
		"this build is not of a tag: push one":                 "This build is not of a tag: push one.",
		"c" + looser:                                           "No publisher is suggested. C" + looser + ".",
	} {
		if got := (insight.Exchange{WhyNone: why}).NoneBecause(); got != want {
			t.Errorf("NoneBecause of %q = %q, want %q", why, got, want)
		}
	}
}
