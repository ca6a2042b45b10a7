package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/route"
	"pyindex/internal/workload"
	"pyindex/internal/workload/ciconfig"
)

// The paths of the publishing pages. Links that other tools make for a project's page lead here too.
const (
	publishingPath        = "/manage/project/:project/settings/publishing/"
	accountPublishingPath = "/manage/account/publishing/"
)

func (s *Site) publishingRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: publishingPath, Auth: route.Signed, Tree: true, Handle: s.publishing},
		{Method: http.MethodPost, Path: publishingPath, Auth: route.Signed, Tree: true, Handle: s.publishingPost},
		{Method: http.MethodPost, Path: publishingPath + "preview/", Auth: route.Signed, Tree: true, Handle: s.publishingPreview},
		{Method: http.MethodGet, Path: accountPublishingPath, Auth: route.Signed, Handle: s.pending},
		{Method: http.MethodPost, Path: accountPublishingPath, Auth: route.Signed, Handle: s.pendingPost},
		{Method: http.MethodPost, Path: accountPublishingPath + "preview/", Auth: route.Signed, Handle: s.pendingPreview},
	}
}

type publishingView struct {
	Frame
	Project     catalog.Project
	Enabled     bool
	Guide       *guideView
	Publishers  []publisherCard
	Tokens      []insight.UploadToken
	TrustedOnly bool
	Add         addForm
	Exchanges   []exchangeRow
}

// tightening is a form of a card that was sent and refused.
type tightening struct {
	id   string // of the publisher
	form form
}

func (s *Site) publishing(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.publishingPage(w, r, who, addFrom(r.URL.Query()), tightening{form: typed(nil)})
}

// publishingPage shows the page with what was typed into the form for a new publisher, or into that of a card.
func (s *Site) publishingPage(w http.ResponseWriter, r *http.Request, who access.Caller, a adding, t tightening) error {
	p, err := s.insight.ForProject(r.Context(), who, repository(r), r.PathValue("project"))
	if err != nil {
		return err
	}
	v := publishingView{
		Frame: s.frame(r, who, "Publishing of "+p.Project.Name.String()), Project: p.Project, Enabled: s.o.Exchange.Enabled(),
		Tokens: p.Tokens, TrustedOnly: p.Project.TrustedOnly,
	}
	v.Section, v.Tab, v.Scripts = "projects", "publishing", []string{"publishing.js"}
	a.request.Repository, a.request.Project = repository(r), p.Project.Name.String()
	if v.Add, err = s.addForm(r, who, a); err != nil {
		return err
	}
	said := map[string]workload.Words{}
	for n, x := range p.Publishers {
		said[x.ID] = x.Words
		v.Publishers = append(v.Publishers, publisherCardOf(n, x, t))
	}
	v.Exchanges = exchangeRows(p.Exchanges, said, r.URL.Query().Get("exchange"))
	v.Guide = s.guideFor(r, p.Publishers)
	if r.Method != http.MethodPost {
		return s.render(w, http.StatusOK, "publishing", &v)
	}
	if n := cmp.Or(a.form.problem(), t.form.problem()); n != nil {
		v.Notice = n
	}
	return s.render(w, max(a.form.status(), t.form.status()), "publishing", &v)
}

// publishingPost does what one of the page's forms asks for: "do" says which.
func (s *Site) publishingPost(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	acts := map[string]func(http.ResponseWriter, *http.Request, access.Caller, form) error{
		"add": s.addPublisher, "constrain": s.constrainPublisher, "remove": s.removePublisher, "trusted-only": s.setTrustedOnly, "revoke": s.revokeUploadToken,
	}
	act := acts[f.get("do")]
	if act == nil {
		return fault.New(fault.Invalid, "the form does not say what to do")
	}
	return act(w, r, who, f)
}

func (s *Site) addPublisher(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	a := addFrom(f.values)
	a.form = f
	if err := s.confirmed(who); err != nil {
		return s.confirmFilledIn(w, r, who, a)
	}
	added, err := s.add(r, who, &a)
	if err != nil {
		return err
	}
	if a.form.bad() {
		return s.publishingPage(w, r, who, a, tightening{form: typed(nil)})
	}
	text := clause(workload.Say(added.Provider, added.Issuer, a.compiled)) + " may now publish " + added.Project + ". The file to paste is below."
	if added.Warning != "" {
		text += " Not yet pinned: " + added.Warning + "."
	}
	return s.done(w, r, s.back(r)+"?publisher="+url.QueryEscape(added.ID), text)
}

// clause is a sentence's subject: what hangs on with commas ends with one.
func clause(w workload.Words) string {
	if s := w.String(); !strings.Contains(s, ", ") {
		return s
	}
	return w.String() + ","
}

// confirmFilledIn leads to confirming who one is and back to the form, filled in: nothing that was typed is lost. Whoever
// may not see the page learns that first.
func (s *Site) confirmFilledIn(w http.ResponseWriter, r *http.Request, who access.Caller, a adding) error {
	if r.PathValue("project") != "" {
		if _, err := s.insight.ForProject(r.Context(), who, repository(r), r.PathValue("project")); err != nil {
			return err
		}
	}
	s.see(w, r, "/confirm/?next="+url.QueryEscape(s.back(r)+"?"+a.query().Encode()))
	return nil
}

// add asks the registry for a publisher; what is wrong with the fields is in a.form then.
func (s *Site) add(r *http.Request, who access.Caller, a *adding) (publishers.Added, error) {
	a.request.Repository = cmp.Or(repository(r), a.request.Repository)
	if !a.request.Pending {
		a.request.Project = r.PathValue("project")
	} else if _, err := packaging.ParseProjectName(a.request.Project); err != nil {
		a.form.wrong("project_name", fault.Message(err))
	}
	for name, message := range s.o.Registry.Problems(a.kind, a.request.Fields) {
		a.form.wrong(name, message)
	}
	if a.form.bad() {
		// Nobody learns about fields what they may not learn about the project.
		_, err := s.o.Registry.Preview(r.Context(), who, a.kind, a.request)
		return publishers.Added{}, err
	}
	added, err := s.o.Registry.Add(r.Context(), who, a.request)
	if err != nil {
		field := fault.FieldOf(err)
		if field == publishers.FieldIssuer {
			field = "" // nobody types it
		}
		if a.request.Pending && fault.Is(err, fault.Conflict) {
			field = "project_name"
		}
		return added, a.form.refused(field, err)
	}
	a.compiled = added.Fields
	return added, nil
}

func (s *Site) constrainPublisher(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	fields := map[string]string{}
	for name := range f.values {
		if v := f.get(name); name != "do" && name != "publisher_id" && name != workload.FieldClaims && v != "" {
			fields[name] = v
		}
	}
	if v := f.get(workload.FieldClaims); v != "" {
		var err error
		if fields, err = workload.ParseClaims(v); err != nil {
			f.wrong(workload.FieldClaims, fault.Message(err))
		}
	}
	if !f.bad() {
		added, err := s.o.Registry.Constrain(r.Context(), who, publishers.ConstrainRequest{
			ID: f.get("publisher_id"), Repository: repository(r), Project: r.PathValue("project"), Fields: fields,
		})
		if err == nil {
			return s.done(w, r, s.back(r)+"?publisher="+url.QueryEscape(added.ID), "Tightened: "+clause(workload.Say(added.Provider, added.Issuer, added.Fields))+
				" may publish "+added.Project+". What the looser publisher could do and this one cannot is refused from now on.")
		}
		if err := f.refused(fault.FieldOf(err), err); err != nil {
			return err
		}
	}
	return s.publishingPage(w, r, who, addFrom(nil), tightening{id: f.get("publisher_id"), form: f})
}

func (s *Site) removePublisher(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	name := r.PathValue("project")
	if err := s.o.Registry.RemoveFrom(r.Context(), who, f.get("publisher_id"), repository(r), name); err != nil {
		return err
	}
	return s.done(w, r, s.back(r), "Removed. Tokens that were minted for it upload to "+name+" no more.")
}

func (s *Site) setTrustedOnly(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	// A reader of the project may know it, and gets the answer of this page all the same.
	p, err := s.insight.ForProject(r.Context(), who, repository(r), r.PathValue("project"))
	if err != nil {
		return err
	}
	name := p.Project.Name
	if err := s.o.Index.SetTrustedOnly(r.Context(), who, p.Project.Repository.Name, name, f.on("on")); err != nil {
		return err
	}
	text := "API tokens may upload to " + name.String() + " again."
	if f.on("on") {
		text = "Only trusted publishers may upload to " + name.String() + " from now on."
	}
	return s.done(w, r, s.back(r), text)
}

// revokeUploadToken ends an API token that could upload to the project.
func (s *Site) revokeUploadToken(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	if err := s.o.Directory.RevokeToken(r.Context(), who, f.get("token_id")); err != nil {
		return err
	}
	return s.done(w, r, s.back(r), "The API token is revoked: it does nothing from the next request on."+s.believed())
}

// guideView is the file to paste after a publisher was added, and what else is to be done.
type guideView struct {
	Project   string
	Publisher string // id
	Words     workload.Words
	File      ciconfig.File
	Others    []ciconfig.File // all alternatives, the shown one too
	Steps, CA []string
}

// guideFor is the guide of the publisher that the query asks for, if it is one of these.
func (s *Site) guideFor(r *http.Request, all []insight.Shown) *guideView {
	q := r.URL.Query()
	i := slices.IndexFunc(all, func(p insight.Shown) bool { return p.ID == q.Get("publisher") })
	if i < 0 || r.Method == http.MethodPost {
		return nil
	}
	p := all[i]
	t := ciconfig.Target{BaseURL: s.absolute(""), Repository: p.Repository, Project: p.Project, Audience: s.o.BaseURL.Host}
	for _, issuer := range s.o.Registry.Issuers() {
		if issuer.Provider == p.Provider && issuer.URL == p.Issuer {
			t.Audience = cmp.Or(issuer.Audience, t.Audience)
		}
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
