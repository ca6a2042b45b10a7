package held

import (
	"net/http"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// nowPath is the page of what is held and denied at present.
const nowPath = "/manage/held/"

func (s *Section) nowRoutes() []route.Route {
	return []route.Route{{Method: http.MethodGet, Path: nowPath, Auth: route.Signed, Handle: s.nowPage}}
}

// nowShown is the number of rows on a page, and askedShown that of the requests of a row.
const (
	nowShown   = 50
	askedShown = 3
)

// nowRow is a row as the page shows it.
type nowRow struct {
	holds.Row
	Held     string // path of the page about it, below the base path
	Sentence string
	More     int  // requests that are not shown
	Accepts  bool // the reader can accept that the project came back
}

// Denied reports whether the files are denied.
func (r nowRow) Denied() bool { return r.Decision.Verdict == policy.Deny }

// nowRule are the rows of one rule.
type nowRule struct {
	counted
	Rows []nowRow
}

// nowTallies are what rules decide.
type nowTallies struct {
	Base  string // path of the index
	Rules []nowTally
}

// nowTally is what one rule decides, with what the rule is about.
type nowTally struct {
	holds.Tally
	About string
}

func (s *Section) tallies(now holds.Now) nowTallies {
	out := nowTallies{Base: s.Base}
	for _, t := range now.Tallies {
		out.Rules = append(out.Rules, nowTally{t, about(t.Rule).About})
	}
	return out
}

type nowView struct {
	ui.Frame
	Now      holds.Now
	Tallies  nowTallies
	Rules    []nowRule
	Reading  bool // not all projects are read yet
	Filtered bool
	Pages    ui.Pages

	In, Rule, Project ui.Field
}

// nowPage shows what is held and denied at present in the repositories that the reader manages.
func (s *Section) nowPage(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	form := ui.Typed(r.URL.Query())
	at := ui.PageNumber(r)
	q := holds.Query{
		Repository: form.Get("repository"), Rule: policy.Rule(form.Get("rule")),
		Project: strings.ToLower(form.Get("project")), Offset: (at - 1) * nowShown, Limit: nowShown,
	}
	manages, err := s.manages(r.Context(), who)
	if err != nil {
		return err
	}
	now, err := s.o.Holds.Now(r.Context(), who, q)
	if err != nil {
		return ui.Advise(err, ui.Step{Label: "Your requests for exemptions", Path: exemptionsPath})
	}
	v := nowView{
		Frame: s.Frame(r, who, "Held now"), Now: now, Pages: ui.Paginate(r, at, now.Total, nowShown),
		Reading: now.Read < now.Known-now.Beyond, Filtered: q.Repository != "" || q.Rule != "" || q.Project != "",
	}
	v.Section, v.Tallies = "projects", s.tallies(now)
	v.add(now.Rows, who)
	v.filters(form, manages)
	return s.Render(w, http.StatusOK, "held-now", &v)
}

// about returns what a rule is about.
func about(rule policy.Rule) counted {
	if i := slices.IndexFunc(rules, func(c counted) bool { return c.Rule == rule }); i >= 0 {
		return rules[i]
	}
	return counted{Rule: rule}
}

// add adds rows, which come rule by rule.
func (v *nowView) add(rows []holds.Row, who access.Caller) {
	for _, r := range rows {
		rule := r.Decision.Rule
		if n := len(v.Rules); n == 0 || v.Rules[n-1].Rule != rule {
			v.Rules = append(v.Rules, nowRule{counted: about(rule)})
		}
		one := nowRow{
			Row: r, Sentence: resolve.Sentence(r.Decision), Held: ui.Tree("", r.Repository) + "/held/" + r.Project + "/",
			More:    max(0, len(r.Asked)-askedShown),
			Accepts: rule == policy.RuleReturned && r.Served == "" && who.Admin(),
		}
		if one.Version != "" {
			one.Held += one.Version + "/"
		}
		one.Asked = one.Asked[:len(one.Asked)-one.More]
		of := &v.Rules[len(v.Rules)-1]
		of.Rows = append(of.Rows, one)
	}
}

// filters adds the fields of the filter.
func (v *nowView) filters(f ui.Form, manages []string) {
	places := []ui.Option{{Label: "All that you manage"}}
	for _, name := range manages {
		places = append(places, ui.Option{Value: name, Label: name})
	}
	v.In = f.Field(ui.Field{Name: "repository", Label: "Repository", Type: "select", Options: places})
	some := []ui.Option{{Label: "All rules"}}
	for _, rule := range holds.RulesInOrder() {
		some = append(some, ui.Option{Value: string(rule), Label: string(rule) + ": " + about(rule).About})
	}
	v.Rule = f.Field(ui.Field{Name: "rule", Label: "Rule", Type: "select", Options: some})
	v.Project = f.Field(ui.Field{Name: "project", Label: "Project", MaxLength: 300})
}

// heldNow adds what is held and denied at present, by rule, to the overview of administrators.
func (s *Section) heldNow(r *http.Request, who access.Caller, v *overviewView) error {
	now, err := s.o.Holds.Now(r.Context(), who, holds.Query{})
	if fault.Is(err, fault.Denied) {
		return nil
	}
	v.Now = s.tallies(now)
	v.Reading = now.Read < now.Known-now.Beyond
	return err
}
