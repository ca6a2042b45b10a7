package workload

import (
	"slices"
	"strings"
)

// Cautions about a rule that was amended for the claims of a token that another rule refused.
const (
	cautionID     = "Caution: the id differs, so somebody else may have this name now."
	cautionOrigin = "Caution: the code is from another repository, perhaps a fork."
	cautionName   = "Caution: only the name is known to be the same. Compare the ids with those of your repository first."
)

// Caution returns a sentence about the rule that admits the claims and differs least from r, if the workload may be
// another person's: an id differs, or the origin of the code, or nothing but the name is the same. It returns "" if
// there is no sign of that.
func (k *Kind) Caution(r Rule, c Claims) string {
	for _, m := range k.Differences(r, c) {
		switch {
		case m.Want == "":
		case k.ownedID(m.Claim):
			return cautionID
		case m.Claim == circleciClaim+"vcs-origin":
			return cautionOrigin
		}
	}
	if k.open != nil && bySubject(r.Fields, c) == sameName {
		return cautionName
	}
	return ""
}

// ownedID reports whether a claim is an id of the workload's owner, or of a thing that has a name too.
func (k *Kind) ownedID(claim string) bool {
	kinds := []*Kind{k}
	if k.open != nil {
		kinds = All
	}
	return slices.ContainsFunc(kinds, func(k *Kind) bool {
		return slices.ContainsFunc(k.Fields, func(f Field) bool {
			return f.ID && !f.Required && f.Claim == claim && !slices.Contains(placeIDs, f.Name)
		})
	})
}

// placeIDs are the fields with ids of the places where a job runs.
var placeIDs = strings.Fields("context_id cluster_id environment_id")
