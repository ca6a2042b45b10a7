package workload

import (
	"cmp"
	"strings"
)

// githubSubject is the subject of a GitHub job, in the spelling with names or in the immutable one, which also has ids:
// repo:acme/widgets:ref:refs/heads/main, or repo:acme@4242/widgets@31337:ref:refs/heads/main.
type githubSubject struct {
	owner, name           string // in lower case
	ownerID, repositoryID string // "" in the spelling with names
	context               string // with ":" for "%3A"
}

var githubSubjectForm = newPattern(
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

// kinship is what a subject of GitHub has in common with one that a rule wants.
type kinship int

const (
	unrelated  kinship = iota
	sameThing          // ids show that it is the same repository, or the subjects differ only in their escapes
	sameName           // of repositories whose ids cannot be compared
	otherThing         // ids show that it is another repository of the same name
)

// respelled compares the subject of a token with those that a rule wants, one on each line, and explains what they have
// in common: the repository, perhaps in another spelling or under another name, or only its name. The note is "" if
// that is nothing. Names alone never show that a repository is the same.
func respelled(r Rule, want string, c Claims) (kinship, string) {
	now, ok := parseGitHubSubject(text(c, "sub"))
	if !ok {
		return unrelated, ""
	}
	for v := range strings.SplitSeq(want, "\n") {
		was, ok := parseGitHubSubject(v)
		if !ok {
			continue
		}
		names, ids := was.owner == now.owner && was.name == now.name, was.ownerID != "" && now.ownerID != ""
		switch {
		case ids && was.repositoryID == now.repositoryID && !names:
			return sameThing, "it is the same repository (id " + now.repositoryID + ") under another name or owner; a rule on " +
				"repository_id keeps fitting"
		case !names, ids && (was.ownerID != now.ownerID || was.repositoryID != now.repositoryID):
			continue
		}
		kin := kinshipOf(r, was, now, c)
		switch {
		case kin == otherThing:
			return kin, "the same name, but another repository"
		case was.ownerID == now.ownerID && was.context == now.context:
			return sameThing, "it is the same subject; GitHub writes %3A for a colon in a name"
		case was.ownerID == now.ownerID:
			continue
		}
		spelling := "without GitHub's immutable spelling"
		if now.ownerID != "" {
			spelling = "under GitHub's immutable spelling"
		}
		if kin == sameThing {
			return kin, "it is the same repository " + spelling +
				"; a rule on repository_id and repository_owner_id fits both " +
				"spellings"
		}
		return kin, "the same name " + spelling + "; a rule on " + idsOf(now, c) +
			" fits both spellings, but compare the ids " +
			"first: another repository may have the name now"
	}
	return unrelated, ""
}

// idsOf returns the ids of the repository of a token as rules.
func idsOf(s githubSubject, c Claims) string {
	repository, owner := cmp.Or(s.repositoryID, text(c, "repository_id")),
		cmp.Or(s.ownerID, text(c, "repository_owner_id"))
	if repository == "" || owner == "" {
		return "repository_id and repository_owner_id"
	}
	return "repository_id=" + repository + " and repository_owner_id=" + owner
}

// kinshipOf compares the ids of the repository that a rule wants with those of a token. The rule's ids are in one of
// its subjects or are rules of their own.
func kinshipOf(r Rule, was, now githubSubject, c Claims) kinship {
	kin := sameName
	for _, id := range []struct{ claim, was, now string }{
		{"repository_owner_id", was.ownerID, now.ownerID}, {"repository_id", was.repositoryID, now.repositoryID},
	} {
		got := cmp.Or(id.now, text(c, id.claim))
		for _, want := range []string{id.was, r.Fields[exactRule+id.claim], r.Fields[oneofRule+id.claim]} {
			switch {
			case want == "" || got == "":
			case !oneofFits(id.claim, want, got):
				return otherThing
			case id.claim == "repository_id":
				kin = sameThing
			}
		}
	}
	return kin
}

// bySubject is respelled for all subjects that a rule on claims wants.
func bySubject(fields map[string]string, c Claims) kinship {
	kin, _ := respelled(Rule{Fields: fields}, fields[exactRule+"sub"]+"\n"+fields[oneofRule+"sub"], c)
	return kin
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
	s, _ := parseGitHubSubject(text(c, "sub"))
	out := map[string]string{}
	for claim := range s.implied() {
		switch claim {
		case "environment", "ref", "event_name":
			out[exactRule+claim] = text(c, claim)
		}
	}
	if kin := bySubject(fields, c); kin == unrelated || kin == otherThing || len(out) == 0 {
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
