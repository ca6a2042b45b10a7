package catalog

import (
	"pyindex/internal/policy"
	"pyindex/internal/span"
)

// StartupOf returns which start-up files of upstreams a repository serves, "" if it leaves that to its bases. direct
// is set if it draws on an upstream itself.
func (r Repository) StartupOf(direct bool) string {
	if r.StartupFiles == "" && direct {
		return string(policy.KnownStartup)
	}
	return string(r.StartupFiles)
}

// RemovedOf returns which files that their upstream removed a repository serves, "" if it leaves that to its bases.
func (r Repository) RemovedOf(direct bool) string {
	if r.KeepRemoved == "" && direct {
		return string(policy.KeepOld)
	}
	return string(r.KeepRemoved)
}

// Effects returns what the settings of a repository do to files of upstreams, one sentence for each. direct is set if
// it draws on an upstream itself.
func (r Repository) Effects(direct bool) (out []string) {
	add := func(text string) {
		if text != "" {
			out = append(out, text)
		}
	}
	if r.Cooldown > 0 {
		age := "Files of upstreams younger than " + span.Words(r.Cooldown) + " are held."
		if !r.CooldownSince.IsZero() {
			age += " The age of those that this index knew before " + r.CooldownSince.UTC().Format("2 January 2006") + " does not count."
		}
		add(age)
	} else {
		add("Files of upstreams are served at any age.")
	}
	add(map[string]string{
		string(policy.KnownStartup):  "A wheel with a start-up file is held if no earlier version has one.",
		string(policy.RefuseStartup): "Wheels with start-up files are held.",
		string(policy.AllowStartup):  "Wheels with start-up files are served.",
	}[r.StartupOf(direct)])
	add(map[string]string{
		string(policy.KeepOld):  "A file that its upstream removed is held if it was younger than 30 days then.",
		string(policy.KeepNone): "Files that their upstream removed are held.",
		string(policy.KeepAll):  "Files that their upstream removed are served to clients that know their URL.",
	}[r.RemovedOf(direct)])
	if r.HidesHeld() {
		add("Held and denied files are not listed.")
	} else {
		add("Held and denied files are listed as yanked, with the reason.")
	}
	return out
}
