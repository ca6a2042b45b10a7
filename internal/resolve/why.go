package resolve

import (
	"strings"

	"pyindex/internal/policy"
)

// Sentence explains a decision to people. It begins with the text that installers print, and goes on with what that
// means. "index explain" and pages show it.
func Sentence(d policy.Decision) string {
	text := strings.TrimRight(d.Text(), ".") + "."
	if more := meaning(d); more != "" {
		text += " " + more
	}
	return text
}

// meaning returns what the text of a decision leaves open, in a sentence, or "".
func meaning(d policy.Decision) string {
	switch d.Rule {
	case policy.RuleCooldown:
		return "Files of upstreams are served only when they are old enough, because malicious ones are usually found" +
			" within days."
	case policy.RuleRemoved:
		return "Its upstream no longer lists it."
	case policy.RuleStartup:
		return "Such a file can run any code without an import, so someone has to look at it first."
	case policy.RuleAdvisory:
		return "A feed of advisories says that the release is malicious."
	case policy.RuleFeed:
		return "Until they are read again, nothing tells whether the release is malicious."
	case policy.RuleReturned:
		return "Someone else may have taken its name, so an administrator has to accept that first."
	case policy.RuleDenylist:
		return "An administrator denied it."
	case policy.RuleOffline:
		return "This index reads from no upstream."
	}
	return ""
}
