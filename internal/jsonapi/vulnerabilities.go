package jsonapi

import (
	"cmp"

	"pyindex/internal/advisory"
)

// vulnerability is an advisory about the release, with the keys that PyPI has. Withdrawn advisories are left out, so
// that key is always null.
type vulnerability struct {
	ID        string   `json:"id"`
	Aliases   []string `json:"aliases"`
	Details   string   `json:"details"`
	Summary   *string  `json:"summary"`
	FixedIn   []string `json:"fixed_in"`
	Link      *string  `json:"link"`
	Source    string   `json:"source"` // the name of the feed
	Withdrawn *string  `json:"withdrawn"`
}

func vulnerabilities(all []advisory.Advisory) []vulnerability {
	out := make([]vulnerability, 0, len(all))
	for _, a := range all {
		out = append(out, vulnerability{
			ID: a.ID, Aliases: append([]string{}, a.Aliases...), Details: cmp.Or(a.Details, a.Summary),
			Summary: orNull(a.Summary), FixedIn: append([]string{}, a.Fixed...), Link: orNull(a.Link), Source: a.Feed,
		})
	}
	return out
}
