package workload

import (
	"regexp"
	"strings"
)

// githubSubject is the subject of a GitHub job, in the spelling with names or in the immutable one, which also has ids:
// repo:acme/widgets:ref:refs/heads/main, or repo:acme@4242/widgets@31337:ref:refs/heads/main.
type githubSubject struct {
	owner, name           string // in lower case
	ownerID, repositoryID string // "" in the spelling with names
	context               string // with ":" for "%3A"
}

var githubSubjectForm = regexp.MustCompile(
	`\Arepo:([A-Za-z0-9][A-Za-z0-9_-]{0,99})(?:@([1-9][0-9]{0,18}))?/([A-Za-z0-9._-]{1,100})(?:@([1-9][0-9]{0,18}))?:(.+)\z`,
)

// parseGitHubSubject returns the parts of a subject. It returns false for another form, also for the one of Forgejo
// with ids after "-" if it is not a valid name too.
func parseGitHubSubject(sub string) (githubSubject, bool) {
	m := githubSubjectForm.FindStringSubmatch(sub)
	if m == nil || (m[2] == "") != (m[4] == "") {
		return githubSubject{}, false
	}
	return githubSubject{lowerASCII(m[1]), lowerASCII(m[3]), m[2], m[4], decodeColons(m[5])}, true
}

// decodeColons replaces the escape for ":" in the values of a subject.
func decodeColons(s string) string { return strings.NewReplacer("%3A", ":", "%3a", ":").Replace(s) }

// respelled explains that a subject is of the same repository of GitHub as one of those that a rule wants, one on each
// line, in another spelling or under another name. It returns "" if it is not.
func respelled(want, got string) string {
	now, ok := parseGitHubSubject(got)
	if !ok {
		return ""
	}
	for v := range strings.SplitSeq(want, "\n") {
		was, ok := parseGitHubSubject(v)
		if !ok {
			continue
		}
		names, ids := was.owner == now.owner && was.name == now.name, was.ownerID != "" && now.ownerID != ""
		switch {
		case names && was.ownerID == "" && now.ownerID != "":
			return "it is the same repository under GitHub's immutable spelling; a rule on repository_id=" + now.repositoryID +
				" and repository_owner_id=" + now.ownerID + " fits both spellings"
		case names && was.ownerID != "" && now.ownerID == "":
			return "it is the same repository without GitHub's immutable spelling; a rule on repository_id and " +
				"repository_owner_id fits both spellings"
		case ids && was.repositoryID == now.repositoryID && !names:
			return "it is the same repository (id " + now.repositoryID + ") under another name or owner; a rule on " +
				"repository_id keeps fitting"
		case names && was.ownerID == now.ownerID && was.repositoryID == now.repositoryID && was.context == now.context:
			return "it is the same subject; GitHub writes %3A for a colon in a name"
		}
	}
	return ""
}

// ImmutableSubject returns the spelling with names of a subject in GitHub's immutable spelling, and the ids in it. It
// returns false for any other subject.
func ImmutableSubject(sub string) (named, ownerID, repositoryID string, ok bool) {
	m := githubSubjectForm.FindStringSubmatch(sub)
	if m == nil || m[2] == "" || m[4] == "" {
		return "", "", "", false
	}
	return "repo:" + m[1] + "/" + m[3] + ":" + m[5], m[2], m[4], true
}

// idsForSubject returns rules on the ids of a repository of GitHub, with what its subject says about the run, to
// replace the rule on the subject in fields. It returns nil unless the token has another spelling of that subject.
func idsForSubject(fields map[string]string, c Claims) map[string]string {
	sub := text(c, "sub")
	note := respelled(fields[exactRule+"sub"]+"\n"+fields[oneofRule+"sub"], sub)
	s, _ := parseGitHubSubject(sub)
	out := map[string]string{}
	for claim := range s.implied() {
		switch claim {
		case "environment", "ref", "event_name":
			out[exactRule+claim] = text(c, claim)
		}
	}
	if note == "" || len(out) == 0 {
		return nil
	}
	for _, claim := range []string{"repository_id", "repository_owner_id"} {
		out[exactRule+claim] = text(c, claim)
	}
	for _, v := range out {
		if v == "" {
			return nil
		}
	}
	return out
}
