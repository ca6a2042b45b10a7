package web

import (
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/workload"
)

type pendingView struct {
	Frame
	Guide   *guideView
	Pending []publisherCard
	Add     addForm
	Enabled bool
	Exists  string // path of the settings of a project of that name that is the reader's, filled in
	Typed   string // its name
}

func (s *Site) pending(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.pendingPage(w, r, who, addFrom(r.URL.Query()), "")
}

// pendingPage shows the page with what was typed. exists is the link to the project that there is already.
func (s *Site) pendingPage(w http.ResponseWriter, r *http.Request, who access.Caller, a adding, exists string) error {
	all, err := s.insight.PendingOf(r.Context(), who)
	if err != nil {
		return err
	}
	v := pendingView{Frame: s.frame(r, who, "Pending publishers"), Enabled: s.o.Exchange.Enabled(), Exists: exists, Typed: a.form.get("project_name")}
	v.Section, v.Tab, v.Scripts = "account", "publishing", []string{"publishing.js"}
	a.request.Pending = true
	a.request.Repository = a.form.get("repository_name")
	if v.Add, err = s.addForm(r, who, a); err != nil {
		return err
	}
	project := a.form.field(Field{
		Name: "project_name", Label: "Project name", Required: true, Mono: true, Wide: true, Placeholder: "widgets", MaxLength: 200,
		Help: "Of the project that the first upload makes. The name is not reserved until then: whoever is first has it.",
	})
	v.Add.Main = append([]Field{project}, v.Add.Main...)
	if repositories, err := s.repositoryField(r, who, a); err != nil {
		return err
	} else if repositories != nil {
		v.Add.Main = append([]Field{*repositories}, v.Add.Main...)
	}
	for n, p := range all {
		v.Pending = append(v.Pending, publisherCardOf(n, p, tightening{form: typed(nil)}))
	}
	v.Guide = s.guideFor(r, all)
	if r.Method != http.MethodPost {
		return s.render(w, http.StatusOK, "pending", &v)
	}
	v.Notice = a.form.problem()
	return s.render(w, a.form.status(), "pending", &v)
}

// repositoryField is the choice among the repositories in which the reader may make projects; nil where there is none.
func (s *Site) repositoryField(r *http.Request, who access.Caller, a adding) (*Field, error) {
	all, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return nil, err
	}
	var options []Option
	for _, repo := range all {
		if who.MayCreate(repo.Object()) {
			options = append(options, Option{Value: repo.Name, Label: repo.Name})
		}
	}
	if len(options) < 2 {
		return nil, nil
	}
	out := a.form.field(Field{Name: "repository_name", Label: "Repository", Type: "select", Value: catalog.MainRepository, Options: options, Help: "Of this index: where the project will be."})
	out.ID = "f-index-repository"
	return &out, nil
}

func (s *Site) pendingPost(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	switch f.get("do") {
	case "add":
		return s.addPending(w, r, who, f)
	case "remove":
		return s.removePending(w, r, who, f)
	}
	return fault.New(fault.Invalid, "the form does not say what to do")
}

func (s *Site) addPending(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	a := addFrom(f.values)
	a.form = f
	a.request.Pending, a.request.Repository = true, f.get("repository_name")
	if s.confirmed(who) != nil {
		return s.confirmFilledIn(w, r, who, a)
	}
	added, err := s.add(r, who, &a)
	if err != nil {
		return err
	}
	if a.form.bad() {
		return s.pendingPage(w, r, who, a, s.existing(r, who, a))
	}
	text := clause(workload.Say(added.Provider, added.Issuer, a.compiled)) + " may make the project " + added.Project + ", until " +
		day(added.ExpiresAt) + ". The file to paste is below."
	return s.done(w, r, accountPublishingPath+"?publisher="+url.QueryEscape(added.ID), text)
}

// existing is the path of the settings of a project of the typed name, filled in with what was typed, where it is the
// reader's; "" otherwise.
func (s *Site) existing(r *http.Request, who access.Caller, a adding) string {
	p, err := s.insight.ForProject(r.Context(), who, a.request.Repository, a.request.Project)
	if err != nil {
		return ""
	}
	root := s.base
	if p.Project.Repository.Name != catalog.MainRepository {
		root += "/r/" + p.Project.Repository.Name
	}
	q := a.query()
	q.Del("project_name")
	q.Del("repository_name")
	return root + "/manage/project/" + p.Project.Name.String() + "/settings/publishing/?" + q.Encode() + "#add"
}

func (s *Site) removePending(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	if err := s.o.Registry.RemovePending(r.Context(), who, f.get("publisher_id")); err != nil {
		return err
	}
	return s.done(w, r, accountPublishingPath, "Removed. The workload makes no project any more.")
}

func (s *Site) pendingPreview(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	a := addFrom(f.values)
	a.request.Pending, a.request.Repository = true, f.get("repository_name")
	return s.writePreview(w, r, who, a)
}
