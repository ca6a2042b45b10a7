package resolve

import (
	"fmt"
	"strings"

	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
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

// Remedy returns what an administrator can do so that a file, which a repository holds or denies, is served: a command,
// or what to wait for.
func Remedy(repository string, project packaging.ProjectName, f *catalog.File, d policy.Decision) string {
	pin := project.String() + "==" + f.Version
	exempt := fmt.Sprintf("index exempt add %s %s --reason R", d.Repository, pin)
	lift := fmt.Sprintf("index deny lift %s --file %s --repository %s --reason R", pin, f.Filename, repository)
	switch {
	case d.Rule == policy.RuleReturned && f.Upstream != nil:
		return fmt.Sprintf("index upstream accept-return %s %s --reason R", f.Upstream.Name, project)
	case d.Rule == policy.RuleFeed:
		return "index feed fetch " + d.Detail + ", or " + exempt
	case d.Exemptable() && !d.Until.IsZero():
		return "wait until " + policy.Date(d.Until) + ", or " + exempt
	case d.Exemptable():
		return exempt
	case d.Rule == policy.RuleStatus:
		return "wait until the upstream releases it, or " + lift
	case d.Rule == policy.RuleDigest:
		return "compare the content with what index pin list shows"
	case d.Rule == policy.RuleOffline:
		return "index upstream pack on an index with a network, and index upstream unpack here"
	case d.Rule == policy.RuleName:
		return "change the allow and deny lists of the upstream, with index upstream set"
	}
	return lift
}
