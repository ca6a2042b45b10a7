package ui

import (
	"time"

	"pyindex/internal/catalog"
	"pyindex/internal/policy"
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

// StartupOf returns which start-up files of upstreams a repository serves, "" if it leaves that to its bases. direct
// is set if it draws on an upstream itself.
func StartupOf(r catalog.Repository, direct bool) string {
	if r.StartupFiles == "" && direct {
		return string(policy.KnownStartup)
	}
	return string(r.StartupFiles)
}

// RemovedOf returns which files that their upstream removed a repository serves, "" if it leaves that to its bases.
func RemovedOf(r catalog.Repository, direct bool) string {
	if r.KeepRemoved == "" && direct {
		return string(policy.KeepOld)
	}
	return string(r.KeepRemoved)
}

// Effects returns what the settings of a repository do, one sentence for each.
func Effects(r catalog.Repository, direct bool) (out []string) {
	add := func(text string) {
		if text != "" {
			out = append(out, text)
		}
	}
	if r.Cooldown > 0 {
		age := "Files of upstreams younger than " + AgeWords(r.Cooldown) + " are held."
		if !r.CooldownSince.IsZero() {
			age += " The age of those that this index knew before " + Day(r.CooldownSince) + " does not count."
		}
		add(age)
	} else {
		add("Files of upstreams are served at any age.")
	}
	add(map[string]string{
		string(policy.KnownStartup):  "A wheel with a start-up file is held if no earlier version has one.",
		string(policy.RefuseStartup): "Wheels with start-up files are held.",
		string(policy.AllowStartup):  "Wheels with start-up files are served.",
	}[StartupOf(r, direct)])
	add(map[string]string{
		string(policy.KeepOld):  "A file that its upstream removed is held if it was younger than 30 days then.",
		string(policy.KeepNone): "Files that their upstream removed are held.",
		string(policy.KeepAll):  "Files that their upstream removed are served to clients that know their URL.",
	}[RemovedOf(r, direct)])
	if r.HidesHeld() {
		add("Held and denied files are not listed.")
	} else {
		add("Held and denied files are listed as yanked, with the reason.")
	}
	return out
}

// AgeWords writes the age that files must have, such as "3 days", "36 hours" or "90m".
func AgeWords(d time.Duration) string {
	switch {
	case d%span.Day == 0:
		return Plural(int(d/span.Day), "day", "days")
	case d%time.Hour == 0:
		return Plural(int(d/time.Hour), "hour", "hours")
	}
	return span.Text(d)
}
