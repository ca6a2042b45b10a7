package exchange

import (
	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
)

// The codes of refusals, as clients of trusted publishing know them.
const (
	// malformed request or token, or an issuer that is not configured
	CodePayload          = "invalid-payload"
	CodeNotEnabled       = "not-enabled"               // no issuer is trusted at all
	CodeToken            = "invalid-token"             // signature, key, audience or times
	CodePendingPublisher = "invalid-pending-publisher" // it matches a pending publisher whose project exists by now
	CodePublisher        = "invalid-publisher"         // a valid token that matches no publisher
	CodeReuse            = "invalid-reuse-token"       // its id was used before

	// CodePassedOver appears only in the audit log: the token matches a pending publisher that created no project.
	CodePassedOver = "pending-publisher-passed-over"
)

// Refusal explains why a token was not exchanged. Description is shown to the client: it may repeat the token's claims,
// but never other people's configuration.
type Refusal struct {
	Code        string
	Description string
	Kind        fault.Kind // fault.Invalid, unless the token could not be checked

	nearest []nearMiss           // for the audit log: the rules whose owners see the refusal
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

// noRule returns the refusal of a verified token that matches no rule of a scope.
func noRule(s access.Scope, why string) *Refusal {
	return Refuse(CodePublisher, "valid token, but no corresponding "+terms[s].rule+" ("+why+")")
}
