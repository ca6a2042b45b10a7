package exchange

import (
	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// The codes of refusals, as clients of trusted publishing know them.
const (
	// the request or the token cannot be read, or its issuer is not ours
	CodePayload          = "invalid-payload"
	CodeNotEnabled       = "not-enabled"               // no issuer is trusted at all
	CodeToken            = "invalid-token"             // signature, key, audience or times
	CodePendingPublisher = "invalid-pending-publisher" // it fits a pending publisher whose project came to exist
	CodePublisher        = "invalid-publisher"         // a good token that no publisher fits
	CodeReuse            = "invalid-reuse-token"       // its id was used before

	// CodePassedOver is in the record alone: the token fits a pending publisher that created no project.
	CodePassedOver = "pending-publisher-passed-over"
)

// Refusal is why a token was not exchanged. Description is for the client's output: it may repeat what the token itself
// says, and never what somebody else configured.
type Refusal struct {
	Code        string
	Description string
	Kind        fault.Kind // fault.Invalid unless the token could be right and we could not tell

	nearest []nearMiss           // for the record alone: whose projects' owners should see it
	stale   []publishers.Pending // pending publishers whose project exists
	passed  []passedOver
}

// Error returns the description.
func (r *Refusal) Error() string { return r.Description }

// Unwrap returns the refusal as a fault of its kind.
func (r *Refusal) Unwrap() error { return fault.New(r.Kind, "%s", r.Description) }

// Refuse returns a refusal of the kind fault.Invalid.
func Refuse(code, description string) *Refusal {
	return &Refusal{Code: code, Description: description, Kind: fault.Invalid}
}

// noRule is the refusal of a verified token that no rule of a scope fits.
func noRule(s access.Scope, why string) *Refusal {
	return Refuse(CodePublisher, "valid token, but no corresponding "+terms[s].rule+" ("+why+")")
}
