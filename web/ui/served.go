package ui

import (
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/span"
)

// Served describes what a repository serves of upstreams, in a few words. It is "" if it serves files of any age.
func Served(r catalog.Repository) string {
	switch {
	case r.Observe:
		return "only observes"
	case r.Cooldown > 0:
		return "holds new files for " + AgeWords(r.Cooldown)
	}
	return ""
}

// AgeWords writes the age that files must have, such as "3 days", "36 hours" or "90m".
func AgeWords(d time.Duration) string { return span.Words(d) }
