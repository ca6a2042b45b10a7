package insight

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/workload"
)

// Exchange is a recorded exchange of an identity token. An exchange that concerned several projects is listed once for
// each of them, with the values that the project's own publishers expected.
type Exchange struct {
	ID          string         `json:"id"`
	At          time.Time      `json:"at"`
	Granted     bool           `json:"granted"`
	Scope       string         `json:"scope"`                // "upload", or "read" for a trusted reader
	Repository  string         `json:"repository,omitempty"` // of this index
	Project     string         `json:"project,omitempty"`    // "" if no publisher came near
	Names       string         `json:"names,omitempty"`      // of the publisher of a repository: "acme-*"
	Pending     bool           `json:"pending,omitempty"`    // the project did not exist yet
	Code        string         `json:"code,omitempty"`       // of a refusal
	Description string         `json:"description,omitempty"`
	Provider    string         `json:"provider,omitempty"`
	Issuer      string         `json:"issuer,omitempty"`
	Publisher   string         `json:"publisher,omitempty"` // the sentence of the granting publisher
	PublisherID string         `json:"publisher_id,omitempty"`
	Address     string         `json:"address,omitempty"`
	Claims      map[string]any `json:"claims,omitempty"` // the verified claims that were stored and are visible
	// the claims are hidden until the workload has published to the project
	Withheld bool      `json:"claims_withheld,omitempty"`
	Nearest  []Nearest `json:"nearest,omitempty"` // if refused
	// Suggested holds the fields of a publisher that would have accepted the token. WhyNone explains why there are
	// none.
	Suggested map[string]string `json:"suggested,omitempty"`
	// SuggestedKind is the kind of that publisher.
	SuggestedKind string `json:"suggested_kind,omitempty"`
	// Caution is a sentence about that publisher if the workload may be another person's.
	Caution string `json:"caution,omitempty"`
	WhyNone string `json:"why_none,omitempty"`

	whole map[string]any // all claims of a workload that published to the project, for suggestions
	kind  *workload.Kind // nil if it is unknown
}

// Run returns the run that requested the token.
func (x Exchange) Run() workload.Run {
	return cmp.Or(x.kind, workload.Of(x.Provider)).Run(x.Issuer, x.Claims)
}

// Nearest is a publisher that a refused token almost matched.
type Nearest struct {
	ID        string `json:"id"`
	Publisher string `json:"publisher"` // the sentence
	Pending   bool   `json:"pending"`
	// the workload's former name in words, if an id shows that it changed
	Renamed     string       `json:"renamed,omitempty"`
	Differences []Difference `json:"differences"`

	provider string
	rule     workload.Rule // nil fields if an older version recorded the exchange
}

// Difference is a claim by which a token differed.
type Difference struct {
	Claim    string `json:"claim"`
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got"`
	Why      string `json:"why,omitempty"` // explains Expected, or replaces it if the claim is invalid under any rule
}

// exchangeOf converts an audit entry. Fields that older versions did not record are empty.
func (v *View) exchangeOf(e audit.Entry, repositories map[string]string) Exchange {
	d := detail(e.Detail)
	x := Exchange{
		ID: e.ID, At: e.At, Granted: e.Outcome == audit.Granted, Repository: repositories[e.Repository], Project: e.Project,
		Code: d.text("code"), Description: d.text("description"), Provider: d.text("provider"), Issuer: d.text("issuer"),
		Scope: cmp.Or(d.text("scope"), "upload"), Publisher: cmp.Or(d.text("publisher"), d.text("reader")),
		PublisherID: d.text("publisher_id"), Address: e.Actor.Address, Claims: d.object("claims"),
	}
	x.Names = d.text(exchange.DetailNames)
	x.kind = v.registry.Kind(x.Provider, x.Issuer)
	for _, n := range d.list("nearest") {
		x.Nearest = append(x.Nearest, nearestOf(n))
	}
	x.Withheld, _ = d[detailWithheld].(bool)
	x.Pending = waitedFor(e.Detail)
	if x.Code == exchange.CodePublisher || x.Code == exchange.CodePendingPublisher {
		x.SuggestedKind = x.Provider
		x.Suggested, x.WhyNone = v.suggested(x, x.Provider)
		// The platform's own kind may not have the restrictions of a nearest rule on claims, or the stored claims may be
		// only those that the rule compares.
		if near := x.Nearest; x.Suggested == nil && len(near) > 0 && near[0].provider != x.Provider {
			if fields, why := v.suggested(x, near[0].provider); fields != nil {
				x.Suggested, x.SuggestedKind, x.WhyNone = fields, near[0].provider, ""
			} else if x.Provider == workload.Generic.Name() {
				x.WhyNone = why
			}
		}
		if x.Suggested == nil {
			x.SuggestedKind = ""
		}
		x.Caution = v.caution(x)
	}
	return x
}

// waitedFor reports whether an entry belongs to the history of a pending publisher.
func waitedFor(d detail) bool {
	all := d.list("nearest")
	return len(all) > 0 && all[0]["pending"] == true
}

func nearestOf(d detail) Nearest {
	pending, _ := d["pending"].(bool)
	n := Nearest{
		ID: d.text("id"), Publisher: d.text("publisher"), Pending: pending, Renamed: d.text("renamed"),
		Differences: []Difference{}, provider: d.text("provider"), rule: workload.Rule{OwnerID: d.text("owner_id")},
	}
	n.rule.Fields = d.strings("fields")
	for _, c := range d.list("differences") {
		n.Differences = append(n.Differences, Difference{c.text("claim"), c.text("expected"), c.text("got"), c.text("why")})
	}
	return n
}

// suggested returns the fields of a publisher of a kind that would have accepted an exchange, or the reason why none
// would.
func (v *View) suggested(x Exchange, kind string) (map[string]string, string) {
	p := v.registry.Kind(kind, x.Issuer)
	if p == nil {
		return nil, "unknown kind of publisher: " + kind
	}
	if err := v.registry.CheckIssuer(p, x.Issuer); err != nil {
		return nil, err.Error()
	}
	claims := asInToken(x.Claims)
	var fields map[string]string
	var err error
	switch near := x.Nearest; {
	case len(near) == 0:
		fields, err = p.Suggest(claims)
	case near[0].rule.Fields == nil:
		return nil, "an older version recorded the exchange, without the fields of the nearest publisher"
	case near[0].provider == kind:
		fields, err = p.Amend(near[0].rule, claims)
	case near[0].provider == workload.Generic.Name():
		fields, err = p.AmendClaims(near[0].rule.Fields, claims)
	default:
		return nil, "a publisher of kind " + kind + " may not have all restrictions of the nearest one"
	}
	if err != nil {
		return nil, err.Error()
	}
	return fields, ""
}

// caution returns the caution about the suggested publisher, from the nearest one.
func (v *View) caution(x Exchange) string {
	if x.Suggested == nil || len(x.Nearest) == 0 || x.Nearest[0].rule.Fields == nil {
		return ""
	}
	near := x.Nearest[0]
	p := v.registry.Kind(near.provider, x.Issuer)
	if p == nil {
		return ""
	}
	return p.Caution(near.rule, asInToken(x.Claims))
}

// NoneBecause returns WhyNone as sentences: that no publisher could accept the exchange, or why none is suggested. It
// returns "" if WhyNone is empty.
func (x Exchange) NoneBecause() string {
	if x.WhyNone == "" {
		return ""
	}
	why := fault.AsSentence(x.WhyNone)
	for _, complete := range []string{
		"No publisher ", "A publisher ", "Only a publisher ", "Change the job", "This build ",
	} {
		if strings.HasPrefix(why, complete) {
			return why
		}
	}
	return "No publisher is suggested. " + why
}

// asInToken returns claims that were stored with the types that they have in a token: the audit log has whole numbers
// as floating-point numbers, and lists as JSON text.
func asInToken(claims map[string]any) workload.Claims {
	out := workload.Claims{}
	for name, v := range claims {
		if n, ok := v.(float64); ok && n == math.Trunc(n) && math.Abs(n) < 1<<53 {
			v = json.Number(strconv.FormatFloat(n, 'f', -1, 64))
		}
		if s, ok := v.(string); ok && strings.HasPrefix(s, "[") {
			var list []any
			if json.Unmarshal([]byte(s), &list) == nil {
				v = list
			}
		}
		out[name] = v
	}
	return out
}
