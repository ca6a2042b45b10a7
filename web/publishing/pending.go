package publishing

import (
	"maps"
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/workload"
	"pyindex/web/ui"
)

type pendingView struct {
	ui.Frame
	Guide   *guideView
	Pending []publisherCard
	Add     addForm
	Enabled bool
	Exists  string // link to the prefilled form of an existing project of the reader, "" if there is none
	Typed   string // name of that project
}

func (s *Section) pending(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.pendingPage(w, r, who, s.addFrom(r.URL.Query()), "")
}

// pendingPage shows the page with the values of the form. exists is the link for pendingView.Exists.
func (s *Section) pendingPage(w http.ResponseWriter, r *http.Request, who access.Caller, a adding,
	exists string,
) error {
	all, err := s.insight.PendingOf(r.Context(), who)
	if err != nil {
		return err
	}
	v := pendingView{
		Frame: s.Frame(r, who, "Pending publishers"), Enabled: s.o.Exchange.Enabled(), Exists: exists,
		Typed: a.form.Get("project_name"),
	}
	v.Section, v.Tab, v.Scripts = "account", "publishing", []string{"publishing.js"}
	a.request.Pending = true
	a.request.Repository = a.form.Get("repository_name")
	if v.Add, err = s.addForm(r, who, a); err != nil {
		return err
	}
	project := a.form.Field(ui.Field{
		Name: "project_name", Label: "Project name", Required: true, Mono: true, Wide: true, Placeholder: "widgets",
		MaxLength: 200, Help: "The first upload creates this project. Until then the name is not reserved for you.",
	})
	v.Add.Main = append([]ui.Field{project}, v.Add.Main...)
	if repositories, err := s.repositoryField(r, who, a); err != nil {
		return err
	} else if repositories != nil {
		v.Add.Main = append([]ui.Field{*repositories}, v.Add.Main...)
	}
	focusFirst(v.Add.Main, v.Add.Stricter)
	for n, p := range all {
		v.Pending = append(v.Pending, publisherCardOf(n, p, tightening{form: ui.Typed(nil)}))
	}
	v.Guide = s.guideFor(r, all)
	if r.Method != http.MethodPost {
		return s.Render(w, http.StatusOK, "pending", &v)
	}
	v.Notice = a.form.Problem()
	return s.Render(w, a.form.Status(), "pending", &v)
}

// repositoryField returns the choice of repositories in which the caller may create projects, or nil if there is no
// choice.
func (s *Section) repositoryField(r *http.Request, who access.Caller, a adding) (*ui.Field, error) {
	all, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return nil, err
	}
	var options []ui.Option
	for _, repo := range all {
		if who.MayCreate(repo.Object()) {
			options = append(options, ui.Option{Value: repo.Name, Label: repo.Name})
		}
	}
	if len(options) < 2 {
		return nil, nil
	}
	out := a.form.Field(ui.Field{
		Name: "repository_name", Label: "Repository", Type: "select", Value: catalog.MainRepository, Options: options,
		Help: "The repository of the new project.",
	})
	out.ID = "f-index-repository"
	return &out, nil
}

func (s *Section) addPending(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	a := s.addFrom(f.Values)
	maps.Copy(f.Values, a.form.Values) // with pasted addresses taken apart
	a.form = f
	a.request.Pending, a.request.Repository = true, f.Get("repository_name")
	if s.Confirmed(who) != nil {
		return s.confirmFilledIn(w, r, who, a)
	}
	added, err := s.add(r, who, &a)
	if err != nil {
		return err
	}
	if a.form.Bad() {
		return s.pendingPage(w, r, who, a, s.existing(r, who, a))
	}
	text := workload.Clause(workload.Of(added.Provider).Describe(added.Issuer, a.compiled).Capital().String()) +
		" may create the project " + added.Project + " until " +
		ui.Day(added.ExpiresAt) + ". The workflow file is below."
	return s.Done(w, r, accountPublishingPath+"?publisher="+url.QueryEscape(added.ID), text)
}

// existing returns the path of the prefilled publisher form of an existing project with the same name. It returns ""
// unless the caller may manage that project.
func (s *Section) existing(r *http.Request, who access.Caller, a adding) string {
	p, err := s.insight.ForProject(r.Context(), who, a.request.Repository, a.request.Project)
	if err != nil {
		return ""
	}
	root := s.Base
	if p.Project.Repository.Name != catalog.MainRepository {
		root += "/r/" + p.Project.Repository.Name
	}
	q := a.query()
	q.Del("project_name")
	q.Del("repository_name")
	return root + "/manage/project/" + p.Project.Name.String() + "/settings/publishing/?" + q.Encode() + "#add"
}

func (s *Section) removePending(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	if err := s.o.Registry.RemovePending(r.Context(), who, f.Get("publisher_id")); err != nil {
		return err
	}
	return s.Done(w, r, accountPublishingPath, "Removed. The workflow can no longer create the project.")
}

func (s *Section) pendingPreview(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	a := s.addFrom(f.Values)
	a.request.Pending, a.request.Repository = true, f.Get("repository_name")
	return s.writePreview(w, r, who, a)
}
