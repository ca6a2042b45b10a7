// Package policy decides whether a file is served: now, not before a time, or not at all. It is pure: a decision
// depends on the rules, the facts and the time alone, and two servers with the same ones decide alike.
//
// Rules are compiled once for a project in a repository; Decide is then called for each of its files. Every edge that
// lists, names or serves a file asks for this decision.
package policy

import (
	"strings"
	"time"
)

// Verdict is the outcome of a decision. A larger one is stricter.
type Verdict uint8

// A file that is on Hold may be served later; one that is denied is not, unless the facts change.
const (
	Serve Verdict = iota
	Hold
	Deny
)

// String returns the verdict as its reason begins.
func (v Verdict) String() string {
	switch v {
	case Serve:
		return "served"
	case Hold:
		return "held"
	}
	return "denied"
}

// Rule names what decided, for the header, counters and explanations.
type Rule string

// These are the rules that deny, in the order in which they are considered.
const (
	RuleName     Rule = "name"     // the upstream's allow and deny lists
	RuleStatus   Rule = "status"   // the upstream quarantined the project, or this index did
	RuleDigest   Rule = "digest"   // the content does not have the digest that is pinned
	RuleDenylist Rule = "denylist" // an administrator denied it
	RuleAdvisory Rule = "advisory" // a feed says that it is malware
	RuleOffline  Rule = "offline"  // not stored here, and no upstream may be asked
)

// These are the rules that hold, in the order in which they are considered.
const (
	RuleReturned Rule = "returned" // the project was gone from its upstream and came back with other files
	RuleRemoved  Rule = "removed"  // the upstream removed the file
	RuleStartup  Rule = "startup"  // the file brings a start-up file that earlier versions do not have
	RuleFeed     Rule = "feed"     // the feeds of advisories are too old
	RuleCooldown Rule = "cooldown" // the file is too new
)

// Startup says which start-up files, which run code whenever Python starts, a repository serves from upstreams.
type Startup string

// These are the values of Settings.Startup. The empty value is Known in a repository that draws on the upstream itself,
// and AllowStartup in one that draws on such a repository.
const (
	AllowStartup  Startup = "allow"
	KnownStartup  Startup = "known" // if an earlier version of the project has one
	RefuseStartup Startup = "refuse"
)

// Removed says which files that an upstream removed a repository serves to callers that know their URL.
type Removed string

// These are the values of Settings.KeepRemoved. The empty value is KeepOld in a repository that draws on the upstream
// itself, and KeepAll in one that draws on such a repository.
const (
	KeepAll  Removed = "all"
	KeepOld  Removed = "old" // if they were at least RemovedAge old when they were removed
	KeepNone Removed = "none"
)

// RemovedAge is the age from which a removed file is an old one.
const RemovedAge = 30 * 24 * time.Hour

// Settings are the rules of one repository.
type Settings struct {
	Repository  string        // its name
	Cooldown    time.Duration // the age that a file must have, 0 for any
	Since       time.Time     // files that this index knew before are not held for their age; zero for none
	Startup     Startup
	KeepRemoved Removed
	// Observe makes the rules that hold, and those of feeds, without effect: what they would decide is in
	// Decision.Observed.
	Observe bool
	Direct  bool // the repository draws on the upstream itself
	// Exempt are the exemptions of the repository by SHA-256 in hex.
	Exempt map[string]Exemption
}

// Exemption lifts the holds of a repository for a file, from a time until a time. It lifts no hold for a start-up file
// that was found later, because it was granted without knowing about it.
type Exemption struct {
	ID            string
	Since, EndsAt time.Time
	Admin         bool // granted by an administrator: also lifts RuleReturned
}

// Denial is what an administrator decided against files of a project.
type Denial struct {
	ID       string
	Version  string // normalized version, "" for every one
	Filename string // "" for every file
	SHA256   string // "" for any content
	Reason   string
}

func (d *Denial) covers(f *File) bool {
	return (d.Version == "" || sameVersion(d.Version, f.Version)) && (d.Filename == "" || d.Filename == f.Filename) &&
		(d.SHA256 == "" || d.SHA256 == f.SHA256)
}

// sameVersion reports whether two normalized versions are equal: they may differ in zeros at the end of the release, as
// 1.0 and 1.0.0 do.
func sameVersion(a, b string) bool {
	if a == b {
		return true
	}
	release, rest := splitRelease(a)
	other, otherRest := splitRelease(b)
	return release == other && rest == otherRest
}

// splitRelease splits a normalized version after its epoch and release, which it returns without zeros at the end.
func splitRelease(v string) (release, rest string) {
	i := 0
	for i < len(v) && (v[i] >= '0' && v[i] <= '9' || v[i] == '.' || v[i] == '!') {
		i++
	}
	release, rest = strings.TrimSuffix(v[:i], "."), v[i:]
	for strings.HasSuffix(release, ".0") {
		release = strings.TrimSuffix(release, ".0")
	}
	return release, rest
}

// Feeds is the state of all feeds of advisories together.
type Feeds struct {
	// OldAt is when the first feed whose failure must hold files is, or was, too old. It is zero if there is none.
	OldAt time.Time
	Name  string // of that feed
}

// Rules are what applies to the files of one project in a repository. They are not changed after they were made.
type Rules struct {
	// Ways are the settings of each repository from the one that was asked to the one that has the source. The strictest
	// decision counts.
	Ways       []Settings
	NameDenied bool // by the upstream's allow and deny lists
	// StatusDenied is set if the project is in quarantine at its upstream or here. Here says that it is here, so that
	// no file can be lifted out of it.
	StatusDenied, StatusHere bool
	StatusReason             string             // of the quarantine, "" if none is stated
	Denials                  []Denial           // that concern the project
	Contents                 map[string]*Denial // that concern content of any project, by SHA-256
	Pins                     map[string]string  // SHA-256 that an administrator requires, by file name
	Lifts                    map[string]string  // ids of decisions that lift denials of one content, by SHA-256
	Feeds                    Feeds
	Returned                 bool // the project came back with other files, and no administrator has accepted it
	Offline                  bool // no upstream may be asked
}

// File is what a decision depends on beside the rules.
type File struct {
	Filename string
	Version  string // normalized
	// SHA256 is the digest that the page stated first or this index found, "" if unknown. Other content of that name is no
	// matter of policy: package page keeps the first digest, and package files serves no other content.
	SHA256 string
	Own    bool // of this index: only denials, pins and quarantine apply
	// Age is the time from which the age of the file counts: the upload that its upstream states, or when this index
	// first saw it; for a file that belongs to a release, that of the last file of the release.
	Age time.Time
	// Uploaded is the same without regard to the release, and FirstSeen when this index first saw that content.
	Uploaded, FirstSeen time.Time
	// Undated is set if the upstream states no times and the file stood on the first page that this index read of the
	// project: it counts as seen at Settings.Since, if that is set.
	Undated bool
	// RemovedAt is when it was noticed that the upstream no longer lists the file, zero if it does.
	RemovedAt time.Time
	// Startup is the first start-up file that no earlier version has, "" if there is none or the file was not examined,
	// and StartupKnown the first one that an earlier version has, too. StartupAt is when they were found, if that is
	// known.
	Startup, StartupKnown string
	StartupAt             time.Time
	Malware               string // id of the advisory that says so, "" if none
	NotHeld               bool   // the content is not stored here
}

// Decision is a verdict with the rule that caused it.
type Decision struct {
	Verdict Verdict
	Rule    Rule
	// Detail is what the rule is about: the id of an advisory, the reason of an administrator or of a quarantine, the
	// start-up file, the feed. It is "" for the other rules.
	Detail     string
	Repository string    // whose settings decided, "" for rules of the whole index
	Until      time.Time // end of a hold; zero if it does not end by time alone
	// Exemption is the id of what lifted the strictest decision that would have been taken otherwise, "" if nothing did.
	Exemption string
	// Changes is the next moment at which time alone may change the decision; zero if there is none.
	Changes time.Time
	// Observed is the rule that would have decided if no repository observed, "" if it would have been the same, and
	// ObservedVerdict what it would have decided.
	Observed        Rule
	ObservedVerdict Verdict
	ObservedUntil   time.Time
}

// Exemptable reports whether an exemption of the repository that decided can lift the decision. An exemption by an
// administrator is needed for RuleReturned.
func (d *Decision) Exemptable() bool { return d.Verdict == Hold }

// Liftable reports whether an administrator can lift the decision for one file.
func (d *Decision) Liftable() bool {
	return d.Verdict == Deny && (d.Rule == RuleDenylist || d.Rule == RuleAdvisory || d.Rule == RuleStatus)
}

// Counted is what decisions are counted by. Rule is "" for a file that is served.
type Counted struct {
	Rule     Rule
	Verdict  Verdict
	Observed bool // the decision had no effect
}
