package insight

import (
	"cmp"
	"time"

	"pyindex/internal/audit"
	"pyindex/internal/publishers/exchange"
)

// Exchange is one exchange of an identity token as it was recorded. One that concerned several projects is there once
// for each, with what that project's own publishers expected.
type Exchange struct {
	ID          string         `json:"id"`
	At          time.Time      `json:"at"`
	Granted     bool           `json:"granted"`
	Scope       string         `json:"scope"`                // "upload", or "read" for a trusted reader's
	Repository  string         `json:"repository,omitempty"` // of this index
	Project     string         `json:"project,omitempty"`    // "" where no publisher came near
	Pending     bool           `json:"pending,omitempty"`    // the project was waited for
	Code        string         `json:"code,omitempty"`       // of a refusal
	Description string         `json:"description,omitempty"`
	Provider    string         `json:"provider,omitempty"`
	Issuer      string         `json:"issuer,omitempty"`
	Publisher   string         `json:"publisher,omitempty"` // of a granted one: the sentence
	PublisherID string         `json:"publisher_id,omitempty"`
	Address     string         `json:"address,omitempty"`
	Claims      map[string]any `json:"claims,omitempty"` // verified, as far as they were kept and may be read
	// they are shown once the workload has published to the project
	Withheld bool      `json:"claims_withheld,omitempty"`
	Nearest  []Nearest `json:"nearest,omitempty"` // of a refused one
	// Suggested are the fields of a publisher that would have accepted it; WhyNone says why there are none.
	Suggested map[string]string `json:"suggested,omitempty"`
	WhyNone   string            `json:"why_none,omitempty"`

	whole map[string]any // all claims of a workload that published to the project, for what the page suggests
}

// Nearest is a publisher that a refused token almost fitted.
type Nearest struct {
	ID          string       `json:"id"`
	Publisher   string       `json:"publisher"` // the sentence
	Pending     bool         `json:"pending"`
	Differences []Difference `json:"differences"`
}

// Difference is a claim by which a token differed.
type Difference struct {
	Claim    string `json:"claim"`
	Expected string `json:"expected,omitempty"`
	Got      string `json:"got"`
	Why      string `json:"why,omitempty"` // instead of Expected, where the claim is wrong by itself
}

// exchangeOf reads an entry of the record. What an older program did not write is left empty.
func (v *View) exchangeOf(e audit.Entry, repositories map[string]string) Exchange {
	d := detail(e.Detail)
	x := Exchange{
		ID: e.ID, At: e.At, Granted: e.Outcome == audit.Granted, Repository: repositories[e.Repository], Project: e.Project,
		Code: d.text("code"), Description: d.text("description"), Provider: d.text("provider"), Issuer: d.text("issuer"),
		Scope: cmp.Or(d.text("scope"), "upload"), Publisher: cmp.Or(d.text("publisher"), d.text("reader")),
		PublisherID: d.text("publisher_id"), Address: e.Actor.Address, Claims: d.object("claims"),
	}
	for _, n := range d.list("nearest") {
		x.Nearest = append(x.Nearest, nearestOf(n))
	}
	x.Withheld, _ = d[detailWithheld].(bool)
	x.Pending = waitedFor(e.Detail)
	if x.Code == exchange.CodePublisher || x.Code == exchange.CodePendingPublisher {
		x.Suggested, x.WhyNone = v.suggested(x)
	}
	return x
}

// waitedFor reports whether an entry is in the history of a pending publisher.
func waitedFor(d detail) bool {
	all := d.list("nearest")
	return len(all) > 0 && all[0]["pending"] == true
}

func nearestOf(d detail) Nearest {
	pending, _ := d["pending"].(bool)
	n := Nearest{ID: d.text("id"), Publisher: d.text("publisher"), Pending: pending, Differences: []Difference{}}
	for _, c := range d.list("differences") {
		n.Differences = append(n.Differences, Difference{c.text("claim"), c.text("expected"), c.text("got"), c.text("why")})
	}
	return n
}

// suggested asks the provider what would have accepted an exchange, or why nothing would.
func (v *View) suggested(x Exchange) (map[string]string, string) {
	p := v.registry.Provider(x.Provider)
	if p == nil {
		return nil, "this index does not know publishers of kind " + x.Provider
	}
	fields, err := p.Suggest(x.Claims)
	if err != nil {
		return nil, err.Error()
	}
	return fields, ""
}
