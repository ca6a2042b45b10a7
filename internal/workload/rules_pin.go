package workload

import "strings"

// pinOf is what the claims pin a rule to: the owner's id, and "/" with the repository's where the rule leaves that to the
// first token. They are taken together, so that no token can give one and another token the other.
func pinOf(r Rule, c Claims, ownerClaim, repositoryClaim string) string {
	owner, _ := c[ownerClaim].(string)
	if r.Fields[FieldRepositoryID] != FirstToken || owner == "" {
		return owner
	}
	repository, _ := c[repositoryClaim].(string)
	return owner + "/" + repository
}

// repositoryPinFits compares the repository's id where the rule is about it.
func repositoryPinFits(r Rule, c Claims, claim string) *Mismatch {
	want := r.Fields[FieldRepositoryID]
	if want == "" {
		return nil
	}
	got, ok := c[claim].(string)
	if !ok || !decimalID.MatchString(got) {
		return wrong(claim, c[claim], "not a decimal number")
	}
	if want == FirstToken {
		_, want, _ = strings.Cut(r.OwnerID, "/")
		if r.OwnerID == "" {
			return nil
		}
	}
	if got != want {
		return differs(claim, got, want)
	}
	return nil
}
