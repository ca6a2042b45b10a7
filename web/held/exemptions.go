package held

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/holds"
	"pyindex/internal/policy"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// exemptionsPath is the page of requests and exemptions.
const exemptionsPath = "/manage/exemptions/"

func (s *Section) exemptionRoutes() []route.Route {
	return append([]route.Route{
		{Method: http.MethodGet, Path: exemptionsPath, Auth: route.Signed, Handle: s.exemptionsPage},
	}, s.Forms(map[string]ui.FormHandler{
		exemptionsPath + "grant/":  s.grant,
		exemptionsPath + "refuse/": s.refuse,
		exemptionsPath + "add/":    s.addExemption,
		exemptionsPath + "end/":    s.endExemption,
	})...)
}

// decidedShown is the number of decided requests, and of ended exemptions, on the page.
const decidedShown = 50

type exemptionsView struct {
	ui.Frame
	Manages []string // names of the repositories in which the reader exempts files
	Open    []waiting
	Decided []holds.Request
	InForce []holds.Exemption
	Ended   []holds.Exemption
	Own     []holds.Request // of the reader

	In, Target, File, Reason, Days ui.Field
}

func (s *Section) exemptionsPage(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.showExemptions(w, r, who, ui.Typed(nil))
}

func (s *Section) showExemptions(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	v := exemptionsView{Frame: s.Frame(r, who, "Exemptions")}
	v.Section = "projects"
	ctx := r.Context()
	var err error
	if v.Own, err = s.o.Holds.OwnRequests(ctx, who); err != nil {
		return err
	}
	if v.Manages, err = s.manages(ctx, who); err != nil {
		return err
	}
	if f.Bad() && len(v.Manages) == 0 {
		return errNoMaintainer
	}
	if len(v.Manages) > 0 {
		if err := s.queue(ctx, who, &v); err != nil {
			return err
		}
	}
	v.fields(f)
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "exemptions", &v)
}

// manages returns the names of the repositories in which the caller exempts files.
func (s *Section) manages(ctx context.Context, who access.Caller) (out []string, err error) {
	names, err := s.o.Index.Visible(ctx, who)
	for _, name := range names {
		repo, err := s.o.Index.Repository(ctx, who, name)
		if err == nil && s.o.Holds.Manages(who, repo) {
			out = append(out, name)
		} else if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
	}
	return out, err
}

// waiting is an open request, with what is decided now about the files that it is about.
type waiting struct {
	holds.Request
	Present []string // sentences
}

// presentShown is the number of requests on a page for which what is decided now is read. It can need the upstream.
const presentShown = 50

// waiting returns the open ones of requests, the oldest first.
func (s *Section) waiting(ctx context.Context, who access.Caller, all []holds.Request) (out []waiting) {
	for _, q := range slices.Backward(all) {
		if q.State != holds.Open {
			continue
		}
		one := waiting{Request: q}
		if len(out) < presentShown {
			one.Present = s.present(ctx, who, q)
		}
		out = append(out, one)
	}
	return out
}

// present returns what is decided now about the files of a request, in sentences.
func (s *Section) present(ctx context.Context, who access.Caller, q holds.Request) (out []string) {
	all, err := s.o.Holds.Present(ctx, who, q)
	if err != nil {
		return []string{"Whether it is held now is not known: " + fault.Message(err) + "."}
	}
	for _, d := range all {
		if d.Verdict == policy.Serve && len(all) == 1 {
			out = append(out, "It is served now, so no exemption is needed.")
		} else if d.Verdict != policy.Serve {
			out = append(out, resolve.Sentence(d))
		}
	}
	return out
}

// queue adds the requests and exemptions of the repositories that the reader manages.
func (s *Section) queue(ctx context.Context, who access.Caller, v *exemptionsView) error {
	requests, err := s.o.Holds.Requests(ctx, who, "")
	if err != nil {
		return err
	}
	for _, q := range requests {
		if q.State != holds.Open && len(v.Decided) < decidedShown {
			v.Decided = append(v.Decided, q)
		}
	}
	v.Open = s.waiting(ctx, who, requests)
	all, err := s.o.Holds.Exemptions(ctx, who, "")
	for _, e := range all {
		if e.InForce(s.Now()) {
			v.InForce = append(v.InForce, e)
		} else if len(v.Ended) < decidedShown {
			v.Ended = append(v.Ended, e)
		}
	}
	return err
}

func (v *exemptionsView) fields(f ui.Form) {
	places := make([]ui.Option, 0, len(v.Manages))
	for _, name := range v.Manages {
		places = append(places, ui.Option{Value: name, Label: name})
	}
	first := ""
	if len(v.Manages) > 0 {
		first = v.Manages[0]
	}
	v.In = f.Field(ui.Field{
		Name: "repository", Label: "Repository", Type: "select", Value: first, Options: places,
		Help: "The one that holds the files.",
	})
	v.Target = f.Field(ui.Field{
		Name: "target", Label: "Project or release", Required: true, Mono: true, MaxLength: 300, Placeholder: "requests==2.32.4",
	})
	v.File = f.Field(ui.Field{
		Name: "file", Label: "File", Mono: true, MaxLength: 300, Help: "Leave it empty for all files.",
	})
	v.Reason = f.Field(ui.Field{Name: "reason", Label: "Reason", Required: true, MaxLength: catalog.MaxReason})
	v.Days = daysField(f)
}

// grant grants a request.
func (s *Section) grant(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	last := life(f)
	if f.Bad() {
		f.Wrong("", f.Errs["days"])
		return s.showExemptions(w, r, who, f)
	}
	e, err := s.o.Holds.Grant(r.Context(), who, f.Get("request"), last)
	if err := f.Refused("", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.showExemptions(w, r, who, f)
	}
	return s.Done(w, r, next(f), "Exempted "+subject(e.Project, e.Version, e.Filename)+". It is served from now on.")
}

// refuse refuses a request with an answer.
func (s *Section) refuse(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	q, err := s.o.Holds.Refuse(r.Context(), who, f.Get("request"), f.Get("answer"))
	if err := f.Refused("", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.showExemptions(w, r, who, f)
	}
	return s.Done(w, r, next(f), "Refused the request of "+q.By.Name+" for "+subject(q.Project, q.Version, q.Filename)+".")
}

// next returns the page to which a form leads: the one that it was on.
func next(f ui.Form) string {
	if at := f.Get("next"); at != "" && ui.Local(at) {
		return at
	}
	return exemptionsPath
}

// subject writes what a decision is about.
func subject(project, version, filename string) string {
	switch {
	case filename != "":
		return filename
	case version != "":
		return project + " " + version
	}
	return project
}

// addExemption exempts files without a request.
func (s *Section) addExemption(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	last := life(f)
	t, err := holds.ParseTarget(f.Get("target"), f.Get("file"))
	if err := f.Refused(targetField(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.showExemptions(w, r, who, f)
	}
	e, err := s.o.Holds.Exempt(r.Context(), who, holds.NewExemption{
		Repository: f.Get("repository"), Target: t, Reason: f.Get("reason"), For: last,
	})
	if fault.Is(err, fault.NotFound) {
		f.Wrong("target", fault.Sentence(err))
		err = nil
	}
	fields := map[string]string{"": "target", "reason": "reason", "filename": "file", "expires": "days"}
	if err := refused(w, f, fields, err); err != nil {
		return err
	}
	if f.Bad() {
		return s.showExemptions(w, r, who, f)
	}
	return s.Done(w, r, exemptionsPath, "Exempted "+subject(e.Project, e.Version, e.Filename)+" in "+e.Repository+".")
}

// targetField returns the field that an error of holds.ParseTarget is about.
func targetField(err error) string {
	if fault.FieldOf(err) == "filename" {
		return "file"
	}
	return "target"
}

// endExemption ends an exemption early.
func (s *Section) endExemption(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	e, err := s.o.Holds.EndExemption(r.Context(), who, f.Get("exemption"))
	if err := f.Refused("", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.showExemptions(w, r, who, f)
	}
	return s.Done(w, r, exemptionsPath, "Ended the exemption of "+subject(e.Project, e.Version, e.Filename)+
		". Its files are decided about again.")
}
