package publishing

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/route"
	"pyindex/internal/workload"
	"pyindex/internal/workload/ciconfig"
	"pyindex/web/ui"
)

// Paths of the publishing pages. They match the links that other tools generate.
const (
	publishingPath        = "/manage/project/:project/settings/publishing/"
	accountPublishingPath = "/manage/account/publishing/"
)

// Routes returns the pages and forms of the area.
func (s *Section) Routes() []route.Route {
	rows := append([]route.Route{{
		Method: http.MethodGet, Path: publishingPath, Auth: route.Signed, Handle: s.publishing,
	}}, s.Forms(map[string]ui.FormHandler{
		publishingPath + "preview/":      s.publishingPreview,
		publishingPath + "add/":          s.addPublisher,
		publishingPath + "constrain/":    s.constrainPublisher,
		publishingPath + "remove/":       s.removePublisher,
		publishingPath + "trusted-only/": s.setTrustedOnly,
		publishingPath + "revoke/":       s.revokeUploadToken,
	})...)
	rows = append(rows, route.Route{Method: http.MethodGet, Path: letInPath, Auth: route.Signed, Handle: s.letIn})
	rows = append(rows, s.Forms(map[string]ui.FormHandler{letInPath + "remove/": s.removeFrom})...)
	for i := range rows {
		rows[i].Tree = true
	}
	rows = append(rows,
		route.Route{Method: http.MethodGet, Path: accountPublishingPath, Auth: route.Signed, Handle: s.pending})
	rows = append(rows, s.repositoryRoutes()...)
	return append(rows, s.Forms(map[string]ui.FormHandler{
		accountPublishingPath + "preview/": s.pendingPreview,
		accountPublishingPath + "add/":     s.addPending,
		accountPublishingPath + "remove/":  s.removePending,
	})...)
}

type publishingView struct {
	ui.Frame
	Project     catalog.Project
	Enabled     bool
	Guide       *guideView
	Publishers  []publisherCard
	Wide        []publisherCard // of the repository
	WideLink    string          // for administrators: the page where they are changed
	Tokens      []insight.UploadToken
	TrustedOnly bool
	Add         addForm
	Exchanges   []exchangeRow
}

// tightening is the invalid form of a publisher card.
type tightening struct {
	id   string // of the publisher
	form ui.Form
}

func (s *Section) publishing(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.publishingPage(w, r, who, s.addFrom(r.URL.Query()), tightening{form: ui.Typed(nil)})
}

// publishingPage shows the page with the values of the form for a new publisher and of the form of a card.
func (s *Section) publishingPage(w http.ResponseWriter, r *http.Request, who access.Caller, a adding,
	t tightening,
) error {
	p, err := s.insight.ForProject(r.Context(), who, ui.Repository(r), r.PathValue("project"))
	if err != nil {
		return err
	}
	v := publishingView{
		Frame: s.Frame(r, who, "Publishing of "+p.Project.Name.String()), Project: p.Project, Enabled: s.o.Exchange.Enabled(),
		Tokens: p.Tokens, TrustedOnly: p.Project.TrustedOnly,
	}
	v.Section, v.Tab, v.Mine, v.Scripts = "projects", "publishing", who.RoleIn(p.Project.Object()),
		[]string{"publishing.js"}
	a.request.Repository, a.request.Project = ui.Repository(r), p.Project.Name.String()
	if v.Add, err = s.addForm(r, who, a); err != nil {
		return err
	}
	said := map[string]workload.Words{}
	for n, x := range p.Publishers {
		said[x.ID] = x.Words
		v.Publishers = append(v.Publishers, publisherCardOf(n, x, t))
	}
	v.Exchanges = exchangeRows(p.Exchanges, said, r.URL.Query().Get("exchange"))
	for n, x := range p.Wide {
		said[x.ID] = x.Words
		v.Wide = append(v.Wide, publisherCardOf(len(p.Publishers)+n, x, t).shownOnly())
	}
	if who.Admin() {
		v.WideLink = repositoryLink(s.Base, p.Project.Repository)
	}
	v.Guide = s.guideFor(r, slices.Concat(p.Publishers, p.Wide))
	if r.Method != http.MethodPost {
		return s.Render(w, http.StatusOK, "publishing", &v)
	}
	if n := cmp.Or(a.form.Problem(), t.form.Problem()); n != nil {
		v.Notice = n
	}
	return s.Render(w, max(a.form.Status(), t.form.Status()), "publishing", &v)
}

func (s *Section) addPublisher(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	a := s.addFrom(f.Values)
	maps.Copy(f.Values, a.form.Values) // with pasted addresses taken apart
	a.form = f
	if err := s.Confirmed(who); err != nil {
		return s.confirmFilledIn(w, r, who, a)
	}
	added, err := s.add(r, who, &a)
	if err != nil {
		return err
	}
	if a.form.Bad() {
		return s.publishingPage(w, r, who, a, tightening{form: ui.Typed(nil)})
	}
	text := workload.Clause(workload.Of(added.Provider).Describe(added.Issuer, a.compiled).Capital().String()) +
		" may now publish " + added.Project + ". The workflow file is below."
	if added.Warning != "" {
		label := func(f workload.Field) string { return f.Label }
		text += " Not yet pinned: " + workload.Rename(added.Warning, workload.Of(added.Provider).Fields, label) + "."
	}
	return s.Done(w, r, s.Back(r)+"?publisher="+url.QueryEscape(added.ID), text)
}

// confirmFilledIn redirects to re-authentication, which completes the form or leads back to it with its values. A
// caller without access to the page gets its error first.
func (s *Section) confirmFilledIn(w http.ResponseWriter, r *http.Request, who access.Caller, a adding) error {
	if r.PathValue("project") != "" {
		if _, err := s.insight.ForProject(r.Context(), who, ui.Repository(r), r.PathValue("project")); err != nil {
			return err
		}
	}
	s.ConfirmFirst(w, r, who, s.Back(r)+"?"+a.query().Encode())
	return nil
}

// add adds a publisher. It records invalid fields in a.form.
func (s *Section) add(r *http.Request, who access.Caller, a *adding) (publishers.Added, error) {
	a.request.Repository = cmp.Or(ui.Repository(r), a.request.Repository)
	if !a.request.Pending {
		a.request.Project = r.PathValue("project")
	} else if _, err := packaging.ParseProjectName(a.request.Project); err != nil {
		a.form.Wrong("project_name", fault.Sentence(err))
	}
	for name, message := range workload.Problems(a.kind, a.request.Fields) {
		a.form.Wrong(name, fault.AsSentence(message))
	}
	if a.form.Bad() {
		// Check access to the project before reporting errors in fields.
		_, err := s.o.Registry.Preview(r.Context(), who, a.kind, a.request)
		return publishers.Added{}, err
	}
	added, err := s.o.Registry.Add(r.Context(), who, a.request)
	if err != nil {
		field := fault.FieldOf(err)
		if field == publishers.FieldIssuer {
			field = "" // hidden field
		}
		if fault.Is(err, fault.Conflict) && a.request.Pending {
			field = "project_name"
		} else if fault.Is(err, fault.Conflict) && a.request.Wide {
			field = publishers.FieldNames
		}
		return added, a.form.Refused(field, err)
	}
	a.compiled = added.Fields
	return added, nil
}

func (s *Section) constrainPublisher(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	fields := constraintOf(f)
	if !f.Bad() {
		added, err := s.o.Registry.Constrain(r.Context(), who, publishers.ConstrainRequest{
			ID: f.Get("publisher_id"), Repository: ui.Repository(r), Project: r.PathValue("project"), Fields: fields,
			Kind: f.Get("kind"),
		})
		if err == nil {
			return s.Done(w, r, s.Back(r)+"?publisher="+url.QueryEscape(added.ID),
				"Tightened: "+workload.Clause(workload.Of(added.Provider).Describe(added.Issuer, added.Fields).Capital().String())+
					" may publish "+added.Project+". Requests that only the looser rule allowed are now refused.")
		}
		if err := f.Refused(fault.FieldOf(err), err); err != nil {
			return err
		}
	}
	return s.publishingPage(w, r, who, s.addFrom(nil), tightening{id: f.Get("publisher_id"), form: f})
}

// constraintOf returns the fields that a card's form adds to a rule. It records invalid ones in f.
func constraintOf(f ui.Form) map[string]string {
	fields := map[string]string{}
	for name := range f.Values {
		other := name == "publisher_id" || name == "kind" || name == publishers.FieldNames || name == workload.FieldClaims
		if v := f.Get(name); !other && v != "" {
			fields[name] = v
		}
	}
	if v := f.Get(workload.FieldClaims); v != "" {
		var err error
		if fields, err = workload.ParseClaims(v); err != nil {
			f.Wrong(workload.FieldClaims, fault.Sentence(err))
		}
	}
	return fields
}

func (s *Section) removePublisher(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	name := r.PathValue("project")
	if err := s.o.Registry.RemoveFrom(r.Context(), who, f.Get("publisher_id"), ui.Repository(r), name); err != nil {
		return err
	}
	return s.Done(w, r, s.Back(r), "Publisher removed. Tokens already issued to it can no longer upload to "+name+".")
}

func (s *Section) setTrustedOnly(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	// Return the same error as the page if the caller may not manage the project.
	p, err := s.insight.ForProject(r.Context(), who, ui.Repository(r), r.PathValue("project"))
	if err != nil {
		return err
	}
	name := p.Project.Name
	if err := s.o.Index.SetTrustedOnly(r.Context(), who, p.Project.Repository.Name, name, f.On("on")); err != nil {
		return err
	}
	text := "API tokens can upload to " + name.String() + " again."
	if f.On("on") {
		text = "Only trusted publishers can now upload to " + name.String() + "."
	}
	return s.Done(w, r, s.Back(r), text)
}

// revokeUploadToken revokes an API token that can upload to the project.
func (s *Section) revokeUploadToken(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.o.Directory.RevokeToken(r.Context(), who, f.Get("token_id")); err != nil {
		return err
	}
	return s.Done(w, r, s.Back(r),
		"API token revoked."+s.RevocationDelay())
}

// guideView has the workflow file and the next steps after a publisher was added.
type guideView struct {
	Project   string
	Publisher string // id
	Words     workload.Words
	File      ciconfig.File
	Others    []ciconfig.File // all alternatives, including File
	Steps, CA []string
}

// guideFor returns the guide of the publisher in the query, or nil.
func (s *Section) guideFor(r *http.Request, all []insight.Shown) *guideView {
	q := r.URL.Query()
	i := slices.IndexFunc(all, func(p insight.Shown) bool { return p.ID == q.Get("publisher") })
	if i < 0 || r.Method == http.MethodPost {
		return nil
	}
	p := all[i]
	t := ciconfig.Target{
		BaseURL: s.Absolute(""), Repository: p.Repository, Project: p.Project,
		Audience: cmp.Or(s.o.Registry.Options().Audience, s.BaseURL.Host), Accepts: s.o.Registry.OwnAudience(p.Issuer),
	}
	g := ciconfig.For(t, p.Provider, p.Issuer, p.Fields)
	v := &guideView{Project: p.Project, Publisher: p.ID, Words: p.Words, Others: g.Files, Steps: g.Steps, CA: g.CA}
	for n, f := range g.Files {
		if n == 0 || f.Key == q.Get("with") {
			v.File = f
		}
	}
	return v
}
