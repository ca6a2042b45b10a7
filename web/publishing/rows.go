package publishing

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/workload"
	"pyindex/web/ui"
)

// publisherCard is a publisher as the page shows it.
type publisherCard struct {
	insight.Shown
	Run      workload.Run // of the last exchange
	Loose    []tighten    // warnings that stand in the open
	Stricter []tighten    // what could be stricter and need not be
	Tightens bool         // whether any of that has a field
	Open     bool         // whether what could be stricter is shown
	Worst    string       // "bad", "warn" or "": the edge of the card
	Near     []claimRow   // of a pending one: why the last token was refused
	Passed   string       // of a pending one: why the last token that fits it created no project
}

// tighten is a warning with the form that makes it go away.
type tighten struct {
	workload.Warning
	Input  *ui.Field // nil where no field does, or where the value goes without saying
	Hidden bool
	Button string
	ID     string // of the publisher
}

func publisherCardOf(n int, p insight.Shown, t tightening) publisherCard {
	c := publisherCard{Shown: p}
	if p.Last != nil {
		c.Run = workload.Of(p.Last.Provider).Run(p.Last.Issuer, p.Last.Claims)
		if p.Last.Code == exchange.CodePassedOver {
			c.Passed = p.Last.Description
		} else if p.Pending && len(p.Last.Nearest) > 0 {
			c.Near = nearestTableOf(*p.Last, p.Last.Nearest[0], map[string]bool{}).Rows
		}
	}
	form, _ := workload.FormFor(p.Provider, "")
	for _, w := range p.Warnings {
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

// exchangeRow is an exchange as the page shows it.
type exchangeRow struct {
	insight.Exchange
	Run     workload.Run
	Full    bool // whether everything about it is on the page; otherwise a link leads there
	Open    bool // whether the reader asked for it
	Nearest []nearestTable
	Allow   string // link that fills in the form with what would have been accepted
	Others  []claimRow
	// Differing says in which claims it differs from the nearest publisher.
	Differing string
}

// nearestTable is a publisher that a token almost fitted, claim by claim.
type nearestTable struct {
	Words     workload.Words
	Pending   bool
	Rows      []claimRow // of the first one
	Differing []insight.Difference
}

// claimRow is a claim: what was expected, what came, and whether they differ.
type claimRow struct {
	Claim, Expected, Got string
	Differs              bool
}

// circumstances are the claims that help to find out why a job was not another.
var circumstances = []string{
	"ref", "ref_path", "ref_protected", "sha", "actor", "user_login", "runner_environment", "workflow_ref",
	"pipeline_source", "sub",
}

// fullExchanges is how many refused exchanges are on the page with everything about them.
const fullExchanges = 3

// exchangeRows are exchanges as the page shows them: the newest refused ones in full, and the one that is asked for.
func exchangeRows(all []insight.Exchange, said map[string]workload.Words, asked string) []exchangeRow {
	var out []exchangeRow
	full := 0
	for _, x := range all {
		row := exchangeRow{Exchange: x, Run: workload.Of(x.Provider).Run(x.Issuer, x.Claims)}
		if len(x.Nearest) > 0 {
			row.Differing = differing(x.Nearest[0].Differences)
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

// fill adds what a refused exchange shows in full. said are the sentences of publishers that are still there.
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
	if x.Suggested != nil && x.Scope == "upload" {
		row.Allow = "?" + allowQuery(x).Encode() + "#add"
	}
}

// differing names the claims by which a token differed.
func differing(all []insight.Difference) string {
	names := make([]string, 0, len(all))
	for _, d := range all {
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

// nearestTableOf lists the claims that differ, and of those that every rule asks for the ones that fit.
func nearestTableOf(x insight.Exchange, n insight.Nearest, shown map[string]bool) nearestTable {
	t := nearestTable{Pending: n.Pending}
	for _, d := range n.Differences {
		expected := d.Expected
		if expected == "" {
			expected = d.Why
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

// allowQuery fills in the form with the fields of a publisher that would have accepted an exchange.
func allowQuery(x insight.Exchange) url.Values {
	q := url.Values{"provider": {x.Provider}, "issuer": {x.Issuer}}
	form, _ := workload.FormFor(x.Provider, "")
	for name, v := range form.Typed(x.Suggested) {
		if v != "" {
			q.Set(name, v)
		}
	}
	if x.Provider == "generic" {
		q.Set("preset", "")
	}
	return q
}
