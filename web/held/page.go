package held

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/web/ui"
)

// verdict is a decision as the page shows it.
type verdict struct {
	policy.Decision
	Sentence string
	By       string // repository whose settings decided, "" for none that the reader may see
}

// Held reports whether the file may be served later.
func (v verdict) Held() bool { return v.Verdict == policy.Hold }

// Denied reports whether the file is not served unless something changes.
func (v verdict) Denied() bool { return v.Verdict == policy.Deny }

// Remedy says what ends the decision, in a sentence. It is "" for a file that is served, and if nothing here ends it.
func (v verdict) Remedy() string {
	switch {
	case v.Held() && v.Rule == policy.RuleReturned:
		return "It is held until an administrator accepts that the project came back."
	case v.Held() && v.Rule == policy.RuleFeed:
		return "It is held until the feed of advisories is read again."
	case v.Held() && !v.Until.IsZero():
		return "It is served from " + policy.Date(v.Until) + " on."
	case v.Exemptable():
		return "It is held until a maintainer of the repository exempts it."
	case v.Held() && v.Rule == policy.RuleDigest:
		return "It is held until an administrator accepts the new content."
	case v.Denied() && v.Rule == policy.RuleDigest:
		return "It is denied until an administrator removes the pin."
	case v.Denied() && v.Rule == policy.RuleStatus:
		return "It is denied until the quarantine ends."
	case v.Denied() && v.Liftable():
		return "It is denied until an administrator lifts the denial."
	}
	return ""
}

type heldFile struct {
	catalog.File
	Verdict  verdict
	Liftable bool   // an administrator can lift the denial
	Observed string // the decision that would be in effect if no repository observed, "" if it is
	Lifted   lifted
}

// lifted is the exemption, or the lift, by which a file is served. It is zero if there is none, and has only its ID for
// readers who may not see it.
type lifted struct {
	ID, By, Reason string
	EndsAt         time.Time // zero for the lift of a denial
}

type pageView struct {
	ui.Frame
	Project catalog.Project
	Of      string // version, as the files have it, "" for the page of a project
	Whole   *verdict
	Files   []heldFile
	Stopped int    // files that are held or denied
	Served  int    // files of the version that are served
	Exempt  int    // files that an exemption would lift a hold of
	Instead string // newest other version that is served, "" if there is none

	Advisories []advisory.Advisory // about the version

	Requests []holds.Request // open ones, which the reader may see
	Others   int             // open requests of others, which the reader may not see
	Asks     bool            // the reader may ask
	Manages  bool            // the reader may exempt files
	Recipes  []ui.Block

	Readers     []reader // for administrators, if a file of the release is not served
	MoreReaders int

	Next string // this page, below the base path

	AskFile, AskReason                   ui.Field
	ExemptFile, ExemptReason, ExemptDays ui.Field
	LiftFile, LiftReason                 ui.Field
}

// page explains why files of a version, or of a project, are held or denied, and offers what can be done about it.
func (s *Section) page(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.show(w, r, who, ui.Typed(nil))
}

// found is what is known about the version of a request.
type found struct {
	name     packaging.ProjectName
	version  string
	contents catalog.Contents    // of the project
	files    []catalog.File      // of the version, or of the project
	whole    *policy.Decision    // denies the project as a whole
	advised  []advisory.Advisory // about the version
}

// find reads the files that a request is about. The name is zero if it was redirected.
func (s *Section) find(w http.ResponseWriter, r *http.Request, who access.Caller) (f found, err error) {
	if f.name, err = s.ProjectName(w, r); err != nil || f.name.IsZero() {
		return f, err
	}
	ask := resolve.AskOf(r.Header["Cache-Control"], r.Header["Via"], s.o.Instance)
	h, err := s.o.Reader.Held(r.Context(), who, repository(r), f.name, ask)
	if err != nil {
		return f, err
	}
	f.contents, f.whole = h.Contents, h.Whole
	if f.version = r.PathValue("version"); f.version == "" {
		for _, one := range f.contents.Files {
			if one.Held() {
				f.files = append(f.files, one)
			}
		}
		return f, nil
	}
	for _, one := range f.contents.Files {
		if catalog.SameVersion(one.Version, f.version) {
			f.files = append(f.files, one)
		}
	}
	if len(f.files) == 0 && f.whole == nil {
		tree := s.tree(r)
		return f, ui.Advise(fault.New(fault.NotFound, "there is no release of that version here"),
			ui.Step{Label: "Project page of " + f.name.String(), Path: tree + "/project/" + f.name.String() + "/"})
	}
	if len(f.files) > 0 {
		f.version = f.files[0].Version
		f.advised = h.Advised(f.version, f.files)
	}
	return f, nil
}

// tree returns the path prefix of the repository of a request, below the base path.
func (s *Section) tree(r *http.Request) string { return ui.Tree("", repository(r)) }

// path returns the path of the held page of a version, below the base path.
func (s *Section) path(r *http.Request, f found) string {
	at := s.tree(r) + "/held/" + f.name.String() + "/"
	if r.PathValue("version") != "" {
		at += url.PathEscape(f.version) + "/"
	}
	return at
}

func (s *Section) show(w http.ResponseWriter, r *http.Request, who access.Caller, form ui.Form) error {
	f, err := s.find(w, r, who)
	if err != nil || f.name.IsZero() {
		return err
	}
	title := "Held files of " + f.name.String()
	if r.PathValue("version") != "" {
		title += " " + f.version
	}
	v := pageView{Frame: s.Frame(r, who, title), Project: f.contents.Project, Next: s.path(r, f), Advisories: f.advised}
	if r.PathValue("version") != "" {
		v.Of = f.version
	}
	deciding := []string{repository(r)}
	for _, one := range f.files {
		if one.Decision != nil {
			deciding = append(deciding, one.Decision.Repository)
		}
	}
	seen := s.visible(r, who, deciding)
	if f.whole != nil {
		v.Whole = &verdict{Decision: *f.whole, Sentence: resolve.Sentence(*f.whole)}
	}
	for _, one := range f.files {
		v.add(one, seen, who.Admin())
	}
	v.Instead = instead(f.contents, v.Of)
	if err := s.people(r, who, f, seen, &v); err != nil {
		return err
	}
	if who.Admin() && v.Of != "" && v.Stopped > 0 {
		v.Readers, v.MoreReaders, err = s.readers(r.Context(), who, f.name.String(), v.Of)
		if err != nil {
			return err
		}
	}
	v.Asks = v.Asks && (form.Bad() || !v.asked(who))
	v.Recipes = recipes(f.name.String(), v.Of)
	v.fields(form)
	v.Notice = cmp.Or(form.Problem(), v.Notice)
	if v.Of != "" && v.Stopped > 0 && v.Served == 0 {
		ui.Hold(w, v.strictest())
	}
	return s.Render(w, form.Status(), "held", &v)
}

// All returns the verdict about the release, if it is the same for all of its files. It is nil if some are served, and
// for a project.
func (v *pageView) All() *verdict {
	if groups := v.Groups(); v.Of != "" && v.Served == 0 && len(groups) == 1 {
		return &groups[0][0].Verdict
	}
	return nil
}

// Groups returns the files with those together about which the same was decided, for the same reason.
func (v *pageView) Groups() (out [][]heldFile) {
	type reason struct {
		verdict  verdict
		observed string
		lifted   lifted
	}
	at := map[reason]int{}
	for _, f := range v.Files {
		key := reason{f.Verdict, f.Observed, f.Lifted}
		i, known := at[key]
		if !known {
			i, at[key] = len(out), len(out)
			out = append(out, nil)
		}
		out[i] = append(out[i], f)
	}
	return out
}

// add adds a file with the decision about it.
func (v *pageView) add(f catalog.File, seen map[string]catalog.Repository, admin bool) {
	one := heldFile{File: f}
	if f.Decision != nil {
		d := *f.Decision
		one.Verdict.Decision = d
		if d.Verdict != policy.Serve {
			one.Verdict.Sentence = resolve.Sentence(d)
		}
		if _, may := seen[d.Repository]; may {
			one.Verdict.By = d.Repository
		}
		if d.Observed != "" {
			one.Observed = policy.Decision{Verdict: d.ObservedVerdict, Rule: d.Observed, Until: d.ObservedUntil}.Text()
		}
		one.Lifted.ID = d.Exemption
		one.Liftable = admin && d.Liftable()
	}
	if one.Held() {
		v.Stopped++
	} else {
		v.Served++
	}
	if one.Verdict.Exemptable() {
		v.Exempt++
	}
	v.Files = append(v.Files, one)
}

// strictest returns the strictest decision about the files of the page: the header names one rule.
func (v *pageView) strictest() (d policy.Decision) {
	for _, f := range v.Files {
		if f.Verdict.Stricter(d) {
			d = f.Verdict.Decision
		}
	}
	return d
}

// instead returns the newest other version with a file that is served and not yanked, final ones first.
func instead(c catalog.Contents, but string) string {
	var best packaging.Version
	text := ""
	for _, f := range c.Files {
		if f.Held() || f.Yanked || catalog.SameVersion(f.Version, but) {
			continue
		}
		v, err := packaging.ParseVersion(f.Version)
		if err != nil || text != "" && better(best, v) {
			continue
		}
		best, text = v, f.Version
	}
	return text
}

// better reports whether installers prefer v to another version.
func better(v, other packaging.Version) bool {
	if v.IsPrerelease() != other.IsPrerelease() {
		return !v.IsPrerelease()
	}
	return v.Compare(other) >= 0
}

// people adds what people asked for and decided about the project, as far as the reader may see it.
func (s *Section) people(r *http.Request, who access.Caller, f found, seen map[string]catalog.Repository,
	v *pageView,
) error {
	ctx := r.Context()
	v.Asks = who.Kind() == access.KindUser && v.Exempt > 0 && v.Of != ""
	for _, name := range s.deciders(r, f) {
		repo, may := seen[name]
		if !may {
			continue
		}
		manages := s.o.Holds.Manages(who, repo)
		v.Manages = v.Manages || manages
		asked, all, err := s.o.Holds.Asked(ctx, who, name, f.name.String())
		if err != nil {
			return err
		}
		v.Others += all - len(asked)
		for _, q := range asked {
			if v.Of == "" || q.Version == "" || catalog.SameVersion(q.Version, v.Of) {
				v.Requests = append(v.Requests, q)
			}
		}
		if manages {
			if err := s.exemptions(r, who, name, v); err != nil {
				return err
			}
		}
	}
	return s.lifts(r, who, v)
}

// asked reports whether the caller has an open request for all files of the page.
func (v *pageView) asked(who access.Caller) bool {
	return slices.ContainsFunc(v.Requests, func(q holds.Request) bool {
		return q.By.ID == who.ID() && q.Filename == ""
	})
}

// deciders returns the repositories whose exemptions concern the files of a request: those that hold them, and else the
// one that was asked.
func (s *Section) deciders(r *http.Request, f found) (out []string) {
	for _, one := range f.files {
		if one.Decision == nil {
			continue
		}
		if name := one.Decision.Repository; name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if len(out) == 0 || slices.ContainsFunc(f.files, func(f catalog.File) bool {
		return f.Decision != nil && f.Decision.Exemption != ""
	}) {
		if name := repository(r); !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// exemptions adds the exemptions of a repository to the files that are served by them.
func (s *Section) exemptions(r *http.Request, who access.Caller, name string, v *pageView) error {
	if !slices.ContainsFunc(v.Files, func(f heldFile) bool { return f.Lifted.ID != "" }) {
		return nil
	}
	all, err := s.o.Holds.Exemptions(r.Context(), who, name)
	for i := range v.Files {
		at := &v.Files[i].Lifted
		for _, e := range all {
			if e.ID == at.ID {
				*at = lifted{e.ID, e.By.Name, e.Reason, e.EndsAt}
			}
		}
	}
	return err
}

// lifts adds the decisions that lift denials to the files that are served by them.
func (s *Section) lifts(r *http.Request, who access.Caller, v *pageView) error {
	if !who.Admin() || !slices.ContainsFunc(v.Files, func(f heldFile) bool { return f.Lifted.ID != "" }) {
		return nil
	}
	all, err := s.o.Holds.Rulings(r.Context(), who, holds.KindLift)
	for i := range v.Files {
		at := &v.Files[i].Lifted
		for _, l := range all {
			if l.ID == at.ID {
				*at = lifted{ID: l.ID, By: l.By.Name, Reason: l.Reason}
			}
		}
	}
	return err
}

// recipes are commands that take another release, for tools that keep what they chose.
func recipes(name, version string) []ui.Block {
	if version == "" {
		return nil
	}
	return []ui.Block{
		{Label: "uv, if a lock names it", Text: "uv lock --upgrade-package " + name},
		{Label: "pip", Text: `pip install "` + name + "!=" + version + `"`},
		{Label: "poetry", Text: "poetry update --lock " + name},
		{Label: "pdm", Text: "pdm update --no-sync " + name},
	}
}

// defaultDays and maxDays bound how long an exemption lasts.
const (
	defaultDays = int(holds.DefaultLife / (24 * time.Hour))
	maxDays     = int(holds.MaxLife / (24 * time.Hour))
)

func (v *pageView) fields(f ui.Form) {
	choice := func(name, label, whole string, wanted func(heldFile) bool) ui.Field {
		x := ui.Field{Name: name, Label: label, Type: "select"}
		if whole != "" {
			x.Options = append(x.Options, ui.Option{Label: whole})
		}
		for _, one := range v.Files {
			if wanted(one) {
				x.Options = append(x.Options, ui.Option{Value: one.Filename, Label: one.Filename})
			}
		}
		return f.Field(x)
	}
	reason := func(name, help string) ui.Field {
		return f.Field(ui.Field{Name: name, Label: "Reason", Required: true, MaxLength: catalog.MaxReason, Help: help})
	}
	held := func(one heldFile) bool { return one.Verdict.Exemptable() }
	all := "all held files of " + v.Project.Display + " " + v.Of
	v.AskFile, v.AskReason = choice("ask_file", "Files", all, held), reason("ask_reason", "The maintainers of the repository read it.")
	v.ExemptFile = choice("exempt_file", "Files", all, held)
	v.ExemptReason, v.ExemptDays = reason("exempt_reason", "The other maintainers of the repository read it."), daysField(f)
	v.LiftFile = choice("lift_file", "File", "", func(one heldFile) bool { return one.Liftable })
	v.LiftReason = reason("lift_reason", "Other administrators read it.")
}

func daysField(f ui.Form) ui.Field {
	return f.Field(ui.Field{
		Name: "days", Label: "Days", Type: "number", Required: true, Value: strconv.Itoa(defaultDays),
		InputMode: "numeric", Help: "At most " + strconv.Itoa(maxDays) + ". After that, the rules of the repository decide again.",
	})
}

// life reads how long an exemption lasts. It marks the field if that is wrong.
func life(f ui.Form) time.Duration {
	n, err := strconv.Atoi(f.Get("days"))
	if err != nil || n < 1 || n > maxDays {
		f.Wrong("days", "Enter a number of days from 1 to "+strconv.Itoa(maxDays)+".")
		return 0
	}
	return time.Duration(n) * 24 * time.Hour
}
