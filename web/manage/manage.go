package manage

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// managePath is the path of the pages about one project.
const managePath = "/manage/project/:project/"

// Routes returns the pages and forms of the area.
func (s *Section) Routes() []route.Route {
	rows := []route.Route{
		{Method: http.MethodGet, Path: "/manage/projects/", Handle: s.managed},
		{Method: http.MethodGet, Path: managePath, Handle: s.toReleases},
		{Method: http.MethodGet, Path: managePath + "releases/", Handle: s.releases},
		{Method: http.MethodGet, Path: managePath + "release/:version/", Handle: s.release},
		{Method: http.MethodGet, Path: managePath + "collaboration/", Handle: s.collaboration},
		{Method: http.MethodGet, Path: managePath + "service-accounts/", Handle: s.services},
		{Method: http.MethodGet, Path: managePath + "settings/", Handle: s.settings},
		{Method: http.MethodGet, Path: managePath + "history/", Handle: s.history},
		{Method: http.MethodGet, Path: "/manage/upload/", Handle: s.uploadForm},
		{Method: http.MethodPost, Path: "/manage/upload/", Handle: s.upload, Limit: route.LimitUpload},
	}
	rows = append(rows, s.Forms(map[string]ui.FormHandler{
		managePath + "release/:version/yank/":        s.yank,
		managePath + "release/:version/unyank/":      s.unyank,
		managePath + "release/:version/delete/":      s.deleteRelease,
		managePath + "release/:version/yank-file/":   s.yankFile,
		managePath + "release/:version/unyank-file/": s.unyankFile,
		managePath + "release/:version/delete-file/": s.deleteFile,

		managePath + "collaboration/add/":          s.addPerson,
		managePath + "collaboration/change/":       s.changePerson,
		managePath + "collaboration/remove/":       s.removePerson,
		managePath + "collaboration/leave/":        s.leave,
		managePath + "collaboration/add-group/":    s.addGroup,
		managePath + "collaboration/remove-group/": s.removeGroup,
		managePath + "collaboration/invite/":       s.invite,
		managePath + "collaboration/revoke/":       s.revokeInvitation,

		managePath + "service-accounts/add/": s.addService,

		managePath + "settings/status/":        s.setStatus,
		managePath + "settings/limits/":        s.setLimits,
		managePath + "settings/trusted-only/":  s.trustOnly,
		managePath + "settings/startup-files/": s.allowStartup,
		managePath + "settings/delete/":        s.deleteProject,
	})...)
	for i := range rows {
		rows[i].Auth, rows[i].Tree = route.Signed, true
	}
	return rows
}

// managing has the data that all management pages of a project share.
type managing struct {
	ui.Frame
	Project catalog.Project
	Near    []catalog.LimitUse // limits of the project and its repository that are nearly used up
}

// managing returns the shared data of a management page.
func (s *Section) managing(r *http.Request, who access.Caller, p catalog.Project, tab, title string) managing {
	m := managing{Frame: s.Frame(r, who, title+" · "+p.Name.String()), Project: p}
	m.Section, m.Tab, m.Mine = "projects", tab, who.RoleIn(p.Object())
	m.Near = s.near(p)
	return m
}

// near returns the limits of a project and its repository that are nearly used up.
func (s *Section) near(p catalog.Project) (out []catalog.LimitUse) {
	for _, u := range s.o.Index.LimitUses(p) {
		if u.Near() {
			out = append(out, u)
		}
	}
	return out
}

// typedName records an error unless the field contains the name of the object to delete.
func typedName(f ui.Form, field, want string) {
	if f.Get(field) != want {
		f.Wrong(field, "Type "+want+" exactly. Nothing was deleted.")
	}
}

// requiring has the dependents and downloads of a project or release that may be deleted.
type requiring struct {
	Projects []catalog.Card // the first by name
	Total    int
	More     int

	Downloads int // of the project or release in the last Days days
	Days      int
}

// fewRequiring is the number of dependents shown, lately the number of days in the download count.
const (
	fewRequiring = 10
	lately       = 30
)

// requiring returns the dependents of p that the caller may see, and the recent downloads of p. If version is not "",
// the downloads are those of that release.
func (s *Section) requiring(r *http.Request, who access.Caller, p catalog.Project,
	version string,
) (q requiring, err error) {
	q.Days = lately
	if q.Downloads, err = s.o.Index.Downloads(r.Context(), who, p.Repository.Name, p.Name, version, lately); err != nil {
		return q, err
	}
	q.Projects, q.Total, err = s.o.Browser.Dependents(r.Context(), who, p.Repository.Name, p.Name, 1, fewRequiring)
	q.More = q.Total - len(q.Projects)
	return q, err
}

type managedView struct {
	ui.Frame
	Projects   []catalog.ManagedProject
	Filter     string
	Total      int
	Pages      ui.Pages
	Everything bool               // the reader has a role in the whole repository
	Near       []catalog.LimitUse // the limit of the repository, if it is nearly used up and the reader may upload to it
	Upload     string
}

const managedPerPage = 50

// managed lists the projects in which the caller is at least an uploader.
func (s *Section) managed(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	v := managedView{Frame: s.Frame(r, who, "Your projects"), Filter: r.URL.Query().Get("q")}
	v.Section = "projects"
	at := ui.PageNumber(r)
	repo, _, _, err := s.o.Index.ListingState(r.Context(), who, ui.Repository(r))
	if err == nil {
		v.Projects, v.Total, err = s.o.Index.ManagedPage(r.Context(), who, ui.Repository(r),
			catalog.Page{Text: v.Filter, Number: at, Size: managedPerPage})
	}
	if err != nil {
		return err
	}
	v.Pages = ui.Paginate(r, at, v.Total, managedPerPage)
	v.Everything = who.May(access.Uploader, repo.Object())
	if u := s.o.Index.RepositoryLimitUse(repo); v.Everything && u.Near() {
		v.Near = append(v.Near, u)
	}
	v.Upload = "uvx twine upload --repository-url " + s.Absolute(v.Tree()+"/legacy/") + " dist/*"
	return s.Render(w, http.StatusOK, "manage-projects", &v)
}
