package publishing

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/workload"
	"pyindex/web/ui"
)

// publisherCard is the card of a publisher.
type publisherCard struct {
	insight.Shown
	Run      workload.Run // of the last exchange
	Loose    []tighten    // warnings that are always visible
	Stricter []tighten    // optional suggestions
	Tightens bool         // at least one suggestion has an input
	Open     bool         // the suggestions are expanded
	Worst    string       // "bad", "warn" or "": CSS class of the card
	Near     []claimRow   // pending publishers: claims of the last refused token
	Platform string       // title of the manual's page about its kind
	Passed   string       // pending publishers: why the last matching token created no project
}

// tighten is a warning with the form that resolves it.
type tighten struct {
	workload.Warning
	Input  *ui.Field // nil if no input can resolve it
	Hidden bool
	Button string
	ID     string // of the publisher
	// Kind replaces the publisher's kind; "" to keep it. More are the fields that the kind needs.
	Kind, Title string
	More        []ui.Field
}

func publisherCardOf(n int, p insight.Shown, t tightening) publisherCard {
	c := publisherCard{Shown: p}
	if p.Last != nil {
		c.Run = p.Last.Run()
		if p.Last.Code == exchange.CodePassedOver {
			c.Passed = p.Last.Description
		} else if p.Pending && len(p.Last.Nearest) > 0 {
			c.Near = nearestTableOf(*p.Last, p.Last.Nearest[0], map[string]bool{}).Rows
		}
	}
	if text := p.Unserved; text != "" {
		c.Worst = "bad"
		c.Loose = append(c.Loose, tighten{Warning: workload.Warning{
			Degree: workload.AsLooseAsToken, Text: strings.ToUpper(text[:1]) + text[1:] + ".",
		}})
	}
	if p.Own != nil {
		c.Loose = append(c.Loose, replacing(n, p, t))
		c.Worst = cmp.Or(c.Worst, "warn")
	}
	form, _ := workload.FormFor(p.Provider, "")
	c.Platform = form.Title
	for _, w := range p.Warnings {
		if p.Own != nil && w.Text == p.Own.OwnWarning() {
			continue // it has a form
		}
		field, ok := form.Field(w.Field)
		x := tighten{Warning: w, Button: field.Tighten, ID: p.ID, Hidden: field.Tickable}
		if ok {
			f := ui.Typed(nil)
			if t.id == p.ID && t.form.Values.Has(w.Field) {
				f = t.form
			}
			in := f.Field(ui.Field{
				ID: fmt.Sprintf("t-%d-%s", n, w.Field), Name: w.Field, Label: field.Label, Value: w.Value,
				Placeholder: field.Example, Required: w.Degree != workload.CouldBeStricter, Mono: true, MaxLength: 600,
			})
			x.Input = &in
		}
		if w.Degree == workload.CouldBeStricter {
			c.Tightens = c.Tightens || x.Input != nil
			c.Stricter, c.Open = append(c.Stricter, x), c.Open || x.Input != nil && x.Input.Error != ""
			continue
		}
		c.Loose = append(c.Loose, x)
		if w.Degree == workload.AsLooseAsToken {
			c.Worst = "bad"
		} else if c.Worst == "" {
			c.Worst = "warn"
		}
	}
	return c
}

// article returns a platform's name after "a" or "an".
func article(name string) string {
	if strings.ContainsRune("AEIOU", rune(name[0])) {
		return "an " + name
	}
	return "a " + name
}

// replacing returns the form that replaces rules on claims by a publisher of the platform's own kind.
func replacing(n int, p insight.Shown, t tightening) tighten {
	x := tighten{
		Warning: workload.Warning{Degree: workload.Loose, Text: p.Own.OwnWarning()}, ID: p.ID, Kind: p.Own.Name(),
		Title: p.Own.Title, Button: "Replace with " + article(p.Own.Title) + " publisher",
	}
	f := ui.Typed(nil)
	if t.id == p.ID && t.form.Values.Has("kind") {
		f = t.form
	}
	for _, m := range p.Missing {
		x.More = append(x.More, f.Field(ui.Field{
			ID: fmt.Sprintf("own-%d-%s", n, m.Name), Name: m.Name, Label: m.Label, Value: m.Value, Help: m.Help,
			Placeholder: m.Example, Required: true, Mono: true, MaxLength: 600,
		}))
	}
	return x
}

// shownOnly returns the card without its forms.
func (c publisherCard) shownOnly() publisherCard {
	c.Stricter, c.Tightens, c.Open = nil, false, false
	for i := range c.Loose {
		c.Loose[i].Input, c.Loose[i].Kind = nil, ""
	}
	return c
}

// exchangeRow is the list row of a token request.
type exchangeRow struct {
	insight.Exchange
	Run     workload.Run
	Full    bool // details are on the page; otherwise the row links to them
	Open    bool // selected by the query
	Nearest []nearestTable
	Allow   string // link that fills in the form with a publisher that would accept the request
	Others  []claimRow
	// NoneBecause says why no publisher is suggested, as sentences.
	NoneBecause string
	// Differing names the claims that differ from the closest publisher.
	Differing string
	Former    string // id of the granting publisher if it is no longer one of the project
}

// nearestTable compares a token with a publisher that almost matched.
type nearestTable struct {
	Words     workload.Words
	Pending   bool
	Rows      []claimRow // only for the closest publisher
	Differing []insight.Difference
}

// claimRow compares the expected and received value of a claim.
type claimRow struct {
	Claim, Expected, Got string
	Differs              bool
}

// circumstances are further claims that help to identify a job.
var circumstances = []string{
	"ref", "ref_path", "ref_protected", "sha", "actor", "user_login", "runner_environment", "workflow_ref",
	"pipeline_source", "sub",
}

// fullExchanges is the number of refused token requests with details on the page.
const fullExchanges = 3

// exchangeRows returns the rows of token requests. The newest refused requests and the requested one have details.
func exchangeRows(all []insight.Exchange, said map[string]workload.Words, asked string) []exchangeRow {
	var out []exchangeRow
	full := 0
	for _, x := range all {
		row := exchangeRow{Exchange: x, Run: x.Run()}
		if len(x.Nearest) > 0 {
			row.Differing = differing(x.Nearest[0])
		}
		if said[x.PublisherID] == nil && x.Scope == "upload" {
			row.Former = x.PublisherID
		}
		row.Open = x.ID == asked
		if row.Full = !x.Granted && (full < fullExchanges || row.Open); row.Full {
			full++
			row.fill(said)
		}
		out = append(out, row)
	}
	return out
}

// fill adds the details of a refused request. said has the sentences of existing publishers by ID.
func (row *exchangeRow) fill(said map[string]workload.Words) {
	x, shown := row.Exchange, map[string]bool{}
	for i, n := range x.Nearest {
		t := nearestTable{Pending: n.Pending, Differing: n.Differences}
		if i == 0 {
			t = nearestTableOf(x, n, shown)
		}
		if t.Words = said[n.ID]; t.Words == nil {
			t.Words = workload.Words{{Text: n.Publisher}}
		}
		row.Nearest = append(row.Nearest, t)
	}
	for _, claim := range circumstances {
		if v, ok := x.Claims[claim]; ok && !shown[claim] {
			row.Others = append(row.Others, claimRow{Claim: claim, Got: workload.Show(v)})
		}
	}
	if x.Scope != "upload" {
		return
	}
	if row.NoneBecause = x.NoneBecause(); x.Suggested != nil {
		row.Allow = "?" + allowQuery(x).Encode() + "#add"
	}
}

// differing names the claims that differ, or the former name if the workload was renamed.
func differing(near insight.Nearest) string {
	if r := near.Renamed; r != "" {
		return strings.ToUpper(r[:1]) + r[1:]
	}
	names := make([]string, 0, len(near.Differences))
	for _, d := range near.Differences {
		names = append(names, d.Claim)
	}
	switch n := len(names); n {
	case 0:
		return "Why"
	case 1:
		return names[0] + " differs"
	default:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1] + " differ"
	}
}

// nearestTableOf lists the claims that differ, then the identity claims that match. It adds their names to shown.
func nearestTableOf(x insight.Exchange, n insight.Nearest, shown map[string]bool) nearestTable {
	t := nearestTable{Pending: n.Pending}
	for _, d := range n.Differences {
		expected := d.Expected
		if expected == "" {
			expected = d.Why
		} else if d.Why != "" {
			expected += " (" + d.Why + ")"
		}
		t.Rows, shown[d.Claim] = append(t.Rows, claimRow{d.Claim, expected, d.Got, true}), true
	}
	for _, claim := range workload.Of(x.Provider).Identity() {
		if v, ok := x.Claims[claim]; ok &&
			!slices.ContainsFunc(n.Differences, func(d insight.Difference) bool { return d.Claim == claim }) {
			t.Rows, shown[claim] = append(t.Rows, claimRow{Claim: claim, Got: workload.Show(v)}), true
		}
	}
	return t
}

// allowQuery returns the query that fills in the form with a publisher that would accept the request.
func allowQuery(x insight.Exchange) url.Values {
	q := url.Values{"provider": {x.SuggestedKind}, "issuer": {x.Issuer}}
	form, _ := workload.FormFor(x.SuggestedKind, "")
	for name, v := range form.Typed(x.Suggested) {
		if v != "" {
			q.Set(name, v)
		}
	}
	if x.SuggestedKind == "generic" {
		q.Set("preset", "")
	}
	return q
}
