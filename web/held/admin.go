package held

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// denialsPath is the page of what administrators decided about files.
const denialsPath = "/admin/policy/denials/"

func (s *Section) adminRoutes() []route.Route {
	rows := []route.Route{
		{Method: http.MethodGet, Path: "/admin/policy/", Auth: route.Signed, Handle: s.overview},
		{Method: http.MethodGet, Path: denialsPath, Auth: route.Signed, Handle: s.denialsPage},
	}
	rows = append(rows, s.Forms(map[string]ui.FormHandler{
		denialsPath + "deny/":   s.Confirming(s.deny),
		denialsPath + "undeny/": s.Confirming(s.undeny),
		denialsPath + "pin/":    s.Confirming(s.pin),
		denialsPath + "unpin/":  s.Confirming(s.unpin),
		denialsPath + "accept/": s.Confirming(s.acceptReturn),
	})...)
	for i := range rows {
		rows[i].Handle = ui.ForAdministrators(rows[i].Handle)
	}
	return rows
}

func (s *Section) adminFrame(r *http.Request, who access.Caller, title string) ui.Frame {
	f := s.Frame(r, who, title)
	f.Section, f.Tab = "admin", "policy"
	return f
}

// counted is the number of decisions by one rule.
type counted struct {
	Rule                   policy.Rule
	About                  string
	Held, Denied, Observed int64
}

type overviewView struct {
	ui.Frame
	Now          nowTallies // what is held and denied at present
	Reading      bool       // Now is not complete yet
	Repositories []servedRepository
	Rules        []counted
	Served       int64 // decisions that a file is served
	Open         []waiting
	InForce      int // exemptions
	Denials      int
	Pins         int
	Lifts        int
	Feeds        []feedView
	Affected     []affected
	More         int // affected releases that are not shown
}

// affected is a release that an advisory is about, with the callers that downloaded it.
type affected struct {
	advisory.AffectedRelease
	Readers     []reader
	MoreReaders int
}

// feedView is a feed with when it becomes, or became, too old.
type feedView struct {
	advisory.FeedStatus
	OldAt time.Time
}

// Span writes a duration, such as "3 days".
func (v *overviewView) Span(d time.Duration) string { return ui.AgeWords(d) }

// affectedShown is the number of affected releases on the page.
const affectedShown = 100

// servedRepository is a repository that draws on upstreams, with what its settings do.
type servedRepository struct {
	Name    string
	Observe bool
	Effects []string
}

// rules are the rules in the order of the page, with what they are about.
var rules = []counted{
	{Rule: policy.RuleCooldown, About: "too new"},
	{Rule: policy.RuleAdvisory, About: "malicious according to a feed"},
	{Rule: policy.RuleDenylist, About: "denied by an administrator"},
	{Rule: policy.RuleStartup, About: "start-up files"},
	{Rule: policy.RuleRemoved, About: "removed by its upstream"},
	{Rule: policy.RuleReturned, About: "project that was gone and came back"},
	{Rule: policy.RuleStatus, About: "project in quarantine"},
	{Rule: policy.RuleName, About: "name that may not be read from an upstream"},
	{Rule: policy.RuleDigest, About: "other content than pinned or stated"},
	{Rule: policy.RuleFeed, About: "feed of advisories too old"},
	{Rule: policy.RuleOffline, About: "not stored here while offline"},
}

// overview shows what policy decided and what waits for people.
func (s *Section) overview(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	v := overviewView{Frame: s.adminFrame(r, who, "Policy")}
	v.Rules, v.Served = byRule(s.o.Reader.Decisions())
	if err := s.heldNow(r, who, &v); err != nil {
		return err
	}
	if err := s.repositories(r.Context(), who, &v); err != nil {
		return err
	}
	if err := s.decisions(r.Context(), who, &v); err != nil {
		return err
	}
	if err := s.feeds(r.Context(), who, &v); err != nil {
		return err
	}
	return s.Render(w, http.StatusOK, "admin-policy", &v)
}

// byRule returns the number of decisions by each rule, and of those that a file is served.
func byRule(all map[policy.Counted]int64) (out []counted, served int64) {
	out = slices.Clone(rules)
	for c, n := range all {
		i := slices.IndexFunc(out, func(row counted) bool { return row.Rule == c.Rule })
		switch {
		case c.Verdict == policy.Serve && !c.Observed:
			served += n
		case i < 0:
		case c.Observed:
			out[i].Observed += n
		case c.Verdict == policy.Deny:
			out[i].Denied += n
		default:
			out[i].Held += n
		}
	}
	return slices.DeleteFunc(out, func(c counted) bool { return c.Held+c.Denied+c.Observed == 0 }), served
}

// repositories adds the repositories that have upstreams as bases, or rules of their own.
func (s *Section) repositories(ctx context.Context, who access.Caller, v *overviewView) error {
	all, err := s.o.Index.Repositories(ctx, who)
	if err != nil {
		return err
	}
	bases, err := s.o.Index.Bases(ctx, who)
	for _, repo := range all {
		direct := slices.ContainsFunc(bases[repo.Name], func(b catalog.Base) bool { return b.Upstream != "" })
		if direct || ui.Served(repo) != "" {
			v.Repositories = append(v.Repositories, servedRepository{repo.Name, repo.Observe, repo.Effects(direct)})
		}
	}
	return err
}

// feeds adds the feeds of advisories, and the releases that callers asked for and that an advisory is about.
func (s *Section) feeds(ctx context.Context, who access.Caller, v *overviewView) error {
	all, err := s.o.Advisories.Status(ctx, who)
	if err != nil {
		return err
	}
	for _, f := range all {
		v.Feeds = append(v.Feeds, feedView{f, f.OldAt()})
	}
	if len(all) == 0 {
		return nil
	}
	found, err := s.o.Advisories.Affected(ctx, who)
	if err != nil {
		return err
	}
	v.More = max(0, len(found)-affectedShown)
	for _, one := range found[:len(found)-v.More] {
		row := affected{AffectedRelease: one}
		row.Readers, row.MoreReaders, err = s.readers(ctx, who, one.Project.String(), one.Version)
		if err != nil {
			return err
		}
		v.Affected = append(v.Affected, row)
	}
	return nil
}

// decisions adds the requests that wait, and the number of decisions in effect.
func (s *Section) decisions(ctx context.Context, who access.Caller, v *overviewView) error {
	requests, err := s.o.Holds.Requests(ctx, who, "")
	if err != nil {
		return err
	}
	v.Open = s.waiting(ctx, who, requests)
	exemptions, err := s.o.Holds.Exemptions(ctx, who, "")
	if err != nil {
		return err
	}
	for _, e := range exemptions {
		if e.InForce(s.Now()) {
			v.InForce++
		}
	}
	all, err := s.rulings(ctx, who)
	v.Denials, v.Pins, v.Lifts = len(all[holds.KindDenial]), len(all[holds.KindPin]), len(all[holds.KindLift])
	return err
}

// rulings returns what administrators decided about files, by kind, the newest first.
func (s *Section) rulings(ctx context.Context, who access.Caller) (map[holds.Kind][]holds.Ruling, error) {
	all, err := s.o.Holds.Rulings(ctx, who, holds.KindDenial, holds.KindPin, holds.KindLift)
	out := map[holds.Kind][]holds.Ruling{}
	for _, one := range slices.Backward(all) {
		out[one.Kind] = append(out[one.Kind], one)
	}
	return out, err
}

type denialsView struct {
	ui.Frame
	Denials, Lifts, Pins []holds.Ruling
	Returns              []holds.Return

	DenyTarget, DenyFile, DenySHA256, DenyReason ui.Field
	PinProject, PinFile, PinSHA256, PinReason    ui.Field
	ReturnUpstream, ReturnProject, ReturnReason  ui.Field
}

func (s *Section) denialsPage(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.showDenials(w, r, who, ui.Typed(nil))
}

func (s *Section) showDenials(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	v := denialsView{Frame: s.adminFrame(r, who, "Denials and pins")}
	all, err := s.rulings(r.Context(), who)
	if err != nil {
		return err
	}
	v.Denials, v.Pins, v.Lifts = all[holds.KindDenial], all[holds.KindPin], all[holds.KindLift]
	if v.Returns, err = s.o.Holds.Returns(r.Context(), who); err != nil {
		return err
	}
	v.fields(f)
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "admin-denials", &v)
}

func (v *denialsView) fields(f ui.Form) {
	mono := func(name, label, help string, required bool) ui.Field {
		return f.Field(ui.Field{Name: name, Label: label, Mono: true, MaxLength: 300, Help: help, Required: required})
	}
	reason := func(name, help string) ui.Field {
		return f.Field(ui.Field{Name: name, Label: "Reason", Required: true, MaxLength: catalog.MaxReason, Help: help})
	}
	v.DenyTarget = mono("deny_target", "Project or release", "Such as demo, or demo==1.0 for one version.", false)
	v.DenyFile = mono("deny_file", "File", "Leave it empty for all files.", false)
	v.DenySHA256 = mono("deny_sha256", "SHA-256",
		"Denies this content only. Without a project, it is denied under every name.", false)
	v.DenyReason = reason("deny_reason", "Everyone who asks for a file reads it.")
	v.PinProject = mono("pin_project", "Project", "", true)
	v.PinFile = mono("pin_file", "File", "", true)
	v.PinSHA256 = mono("pin_sha256", "SHA-256", "A file of this name with other content is denied.", true)
	v.PinReason = reason("pin_reason", "")
	v.ReturnUpstream = mono("return_upstream", "Upstream", "", true)
	v.ReturnProject = mono("return_project", "Project", "", true)
	v.ReturnReason = reason("return_reason", "")
}

// deny denies what the form selects.
func (s *Section) deny(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	n := holds.NewDenial{SHA256: f.Get("deny_sha256"), Reason: f.Get("deny_reason")}
	if f.Get("deny_target") != "" || n.SHA256 == "" || f.Get("deny_file") != "" {
		var err error
		n.Target, err = holds.ParseTarget(f.Get("deny_target"), f.Get("deny_file"))
		if err := f.Refused(prefixed("deny_", targetField(err)), err); err != nil {
			return err
		}
	}
	if f.Bad() {
		return s.showDenials(w, r, who, f)
	}
	v, err := s.o.Holds.Deny(r.Context(), who, n)
	said := "Denied " + cmp.Or(subject(v.Project, v.Version, v.Filename), "the content "+v.SHA256) +
		" in all repositories."
	if err == nil && v.Project != "" {
		if n, unread := s.o.Holds.Known(r.Context(), who, v); unread == nil && n == 0 {
			said += " This index knows no such file today. If you did not deny it in advance, check the name."
		}
	}
	return s.decided(w, r, who, f, "deny_", err, said)
}

// undeny removes a denial, or the decision that lifted one.
func (s *Section) undeny(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	v, err := s.o.Holds.Undeny(r.Context(), who, f.Get("id"))
	said := "Removed the denial of "
	if v.Kind == holds.KindLift {
		said = "Removed the lift of the denial of "
	}
	return s.decided(w, r, who, f, "", err, said+cmp.Or(subject(v.Project, v.Version, v.Filename), "that content")+".")
}

// pin pins a file name to content.
func (s *Section) pin(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := packaging.ParseProjectName(f.Get("pin_project"))
	if err != nil {
		f.Wrong("pin_project", "Enter the name of a project.")
		return s.showDenials(w, r, who, f)
	}
	v, err := s.o.Holds.Pin(r.Context(), who, holds.NewPin{
		Project: name, Filename: f.Get("pin_file"), SHA256: f.Get("pin_sha256"), Reason: f.Get("pin_reason"),
	})
	return s.decided(w, r, who, f, "pin_", err, "Pinned "+v.Filename+". Other content of that name is denied.")
}

func (s *Section) unpin(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	v, err := s.o.Holds.Unpin(r.Context(), who, f.Get("id"))
	return s.decided(w, r, who, f, "", err, "Removed the pin of "+v.Filename+".")
}

// acceptReturn accepts a project that was gone from an upstream and came back.
func (s *Section) acceptReturn(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := packaging.ParseProjectName(f.Get("return_project"))
	if err != nil {
		f.Wrong("return_project", "Enter the name of a project.")
		return s.showDenials(w, r, who, f)
	}
	_, err = s.o.Holds.AcceptReturn(r.Context(), who, f.Get("return_upstream"), name, f.Get("return_reason"))
	if fault.Is(err, fault.NotFound) {
		f.Wrong("return_upstream", fault.Sentence(err))
		err = nil
	}
	return s.decided(w, r, who, f, "return_", err, "Accepted that "+name.String()+" came back.")
}

// decided returns err, shows the page with the errors of the form, or redirects to it with a success notice. prefix is
// that of the names of the form's fields.
func (s *Section) decided(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, prefix string,
	err error,
	said string,
) error {
	field := fault.FieldOf(err)
	if field == "filename" {
		field = "file"
	}
	if field == "project" && prefix == "deny_" {
		field = "target"
	}
	if err := f.Refused(prefixed(prefix, field), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.showDenials(w, r, who, f)
	}
	to := denialsPath
	if at := f.Get("next"); at == nowPath {
		to = at
	}
	return s.Done(w, r, to, said)
}

// prefixed returns the name of a form's field, "" for none.
func prefixed(prefix, field string) string {
	if field == "" || prefix == "" {
		return ""
	}
	return strings.TrimSuffix(prefix, "_") + "_" + field
}
