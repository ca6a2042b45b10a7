package publishing

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/route"
	"pyindex/internal/workload"
	"pyindex/web/ui"
)

// repositoryPath is the page about the publishers of a repository. The repository's name is not called :repository,
// because the page is not in the tree of the repository.
const repositoryPath = "/admin/repository/:name/publishing/"

func (s *Section) repositoryRoutes() []route.Route {
	rows := append([]route.Route{{
		Method: http.MethodGet, Path: repositoryPath, Auth: route.Signed, Handle: s.repository,
	}}, s.Forms(map[string]ui.FormHandler{
		repositoryPath + "preview/":   s.repositoryPreview,
		repositoryPath + "add/":       s.addToRepository,
		repositoryPath + "constrain/": s.constrainInRepository,
		repositoryPath + "remove/":    s.removeFromRepository,
	})...)
	for i := range rows {
		rows[i].Handle = ui.ForAdministrators(rows[i].Handle)
	}
	return rows
}

type repositoryView struct {
	ui.Frame
	Of         string // name of the repository
	RootOf     string // base path of its pages
	Guide      *guideView
	Publishers []wideCard
	Add        addForm
}

// wideCard is the card of a publisher of a repository.
type wideCard struct {
	publisherCard
	Covers int           // existing projects
	Recent []exchangeRow // newest first
}

func (s *Section) repository(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.repositoryPage(w, r, who, s.wideFrom(r.URL.Query(), r), tightening{form: ui.Typed(nil)})
}

// wideFrom is addFrom for the publishers of a repository.
func (s *Section) wideFrom(values url.Values, r *http.Request) adding {
	a := s.addFrom(values)
	a.request.Repository, a.request.Project = r.PathValue("name"), ""
	a.request.Wide, a.request.Names = true, a.form.Get(publishers.FieldNames)
	a.request.Creates, a.request.User = a.form.On(fieldCreates), a.form.Get(publishers.FieldOwner)
	a.filled = a.filled || a.request.Names != ""
	return a
}

const fieldCreates = "creates"

// wideFields are the fields of the form that are only about the publishers of repositories.
var wideFields = []string{publishers.FieldNames, fieldCreates, publishers.FieldOwner}

// repositoryPage shows the page with the values of the form for a new publisher and of the form of a card.
func (s *Section) repositoryPage(w http.ResponseWriter, r *http.Request, who access.Caller, a adding,
	t tightening,
) error {
	all, err := s.insight.ForRepository(r.Context(), who, r.PathValue("name"))
	if err != nil {
		return err
	}
	name := r.PathValue("name")
	v := repositoryView{
		Frame: s.Frame(r, who, "Publishers of the repository "+name), Of: name, RootOf: ui.Tree(s.Base, name),
	}
	v.Section, v.Tab, v.Scripts = "admin", "repositories", []string{"publishing.js"}
	if v.Add, err = s.addForm(r, who, a); err != nil {
		return err
	}
	v.Add.Main = append(wideInputs(a.form), v.Add.Main...)
	focusFirst(v.Add.Main, v.Add.Stricter)
	shown := make([]insight.Shown, 0, len(all))
	for n, p := range all {
		shown = append(shown, p.Shown)
		v.Publishers = append(v.Publishers, wideCard{
			publisherCardOf(n, p.Shown, t), p.Covers, exchangeRows(p.Recent, nil, ""),
		})
	}
	v.Guide = s.guideFor(r, shown)
	if r.Method != http.MethodPost {
		return s.Render(w, http.StatusOK, "publishing-repository", &v)
	}
	if n := cmp.Or(a.form.Problem(), t.form.Problem()); n != nil {
		v.Notice = n
	}
	return s.Render(w, max(a.form.Status(), t.form.Status()), "publishing-repository", &v)
}

func wideInputs(f ui.Form) []ui.Field {
	return []ui.Field{
		f.Field(ui.Field{
			Name: publishers.FieldNames, Label: "Name prefix", Required: true, Mono: true, Wide: true, Placeholder: "acme",
			MaxLength: 200,
			Help:      "acme covers the project acme and every name that begins with acme-, but not acmecorp. Spelling is normalized.",
		}),
		f.Field(ui.Field{
			Name: fieldCreates, Label: "An upload may create a project", Type: "checkbox", Wide: true,
			Help: "Otherwise the workflow can only upload to projects that exist.",
		}),
		f.Field(ui.Field{
			Name: publishers.FieldOwner, Label: "Owner of new projects", MaxLength: 64, Wide: true,
			Help: "Name of a user. If empty, only administrators can manage the projects that the workflow creates.",
		}),
	}
}

func (s *Section) addToRepository(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	a := s.wideFrom(f.Values, r)
	maps.Copy(f.Values, a.form.Values) // with pasted addresses taken apart
	a.form = f
	if s.Confirmed(who) != nil {
		return s.confirmFilledIn(w, r, who, a)
	}
	added, err := s.add(r, who, &a)
	if err != nil {
		return err
	}
	if a.form.Bad() {
		return s.repositoryPage(w, r, who, a, tightening{form: ui.Typed(nil)})
	}
	text := workload.Clause(workload.Of(added.Provider).Describe(added.Issuer, a.compiled).Capital().String()) +
		" may now publish " + added.What() + "."
	return s.Done(w, r, s.Back(r)+"?publisher="+url.QueryEscape(added.ID), text+" The workflow file is below.")
}

func (s *Section) constrainInRepository(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	fields := constraintOf(f)
	if !f.Bad() {
		added, err := s.o.Registry.Constrain(r.Context(), who, publishers.ConstrainRequest{
			ID: f.Get("publisher_id"), Repository: r.PathValue("name"), Names: f.Get(publishers.FieldNames), Fields: fields,
		})
		if err == nil {
			return s.Done(w, r, s.Back(r)+"?publisher="+url.QueryEscape(added.ID),
				"Tightened: "+workload.Clause(workload.Of(added.Provider).Describe(added.Issuer, added.Fields).Capital().String())+
					" may publish "+added.What()+". Requests that only the looser rule allowed are now refused.")
		}
		if err := f.Refused(fault.FieldOf(err), err); err != nil {
			return err
		}
	}
	return s.repositoryPage(w, r, who, s.wideFrom(nil, r), tightening{id: f.Get("publisher_id"), form: f})
}

func (s *Section) removeFromRepository(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	names := f.Get(publishers.FieldNames)
	err := s.o.Registry.RemoveFromRepository(r.Context(), who, f.Get("publisher_id"), r.PathValue("name"), names)
	if err != nil {
		return err
	}
	return s.Done(w, r, s.Back(r),
		"Publisher removed. Tokens already issued to it can no longer upload to "+names+" and "+names+"-*.")
}

func (s *Section) repositoryPreview(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	return s.writePreview(w, r, who, s.wideFrom(f.Values, r))
}

// repositoryLink returns the path of the page about the publishers of a repository.
func repositoryLink(base string, repo catalog.Repository) string {
	return base + "/admin/repository/" + url.PathEscape(repo.Name) + "/publishing/"
}
