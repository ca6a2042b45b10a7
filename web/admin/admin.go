package admin

import (
	"cmp"
	"net/http"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/browse"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/web/auditlog"
	"pyindex/web/ui"
)

func (s *Section) adminFrame(r *http.Request, who access.Caller, tab, title string) ui.Frame {
	f := s.Frame(r, who, title)
	f.Section, f.Tab = "admin", tab
	return f
}

type overviewView struct {
	ui.Frame
	Usage    catalog.Usage
	Users    int
	Wide     int // number of publishers of repositories
	Waiting  int // number of invitations to approve
	Program  string
	Since    time.Time
	Trouble  string    // reason why uploads fail, "" if they work
	Failing  time.Time // start of the failures
	Plots    []ui.Plot
	Uploads  []catalog.Card
	Refusals []auditlog.Entry
}

// daysPlotted is the number of days in the plots.
const daysPlotted = 30

func (s *Section) adminOverview(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	v := overviewView{Frame: s.adminFrame(r, who, "overview", "Administration"), Program: s.o.Version, Since: s.started}
	var err error
	if since, why := s.o.Intake.Trouble(); why != nil {
		v.Trouble, v.Failing = fault.Explain(why), since
	}
	if v.Usage, err = s.o.Index.Usage(r.Context(), who); err != nil {
		return err
	}
	users, err := s.o.Directory.Users(r.Context(), who)
	if err != nil {
		return err
	}
	v.Users = len(users)
	wide, err := s.o.Registry.RepositoryCounts(r.Context(), who)
	if err != nil {
		return err
	}
	for _, n := range wide {
		v.Wide += n
	}
	open, err := s.o.Accounts.Invitations(r.Context(), who)
	if err != nil {
		return err
	}
	for _, o := range open {
		if o.Waiting {
			v.Waiting++
		}
	}
	days, err := s.o.Index.Days(r.Context(), who, daysPlotted)
	if err != nil {
		return err
	}
	for _, p := range [][3]string{
		{"file.add", "Uploads", "uploads"},
		{"download", "Downloads of own files", "downloads"},
		{"publisher.exchange", "Token exchanges", "exchanges"},
	} {
		v.Plots = append(v.Plots, plotOf(p[1], p[2], p[0], days, s.Now(), daysPlotted))
	}
	newest, err := s.o.Browser.Search(r.Context(), who, "", browse.Query{Sort: browse.ByNewest, PerPage: 5})
	if err != nil {
		return err
	}
	v.Uploads = newest.Cards
	h, err := s.o.Browser.Record(r.Context(), who, browse.HistoryFilter{Outcome: audit.Refused, Limit: 8})
	if err != nil {
		return err
	}
	v.Refusals = auditlog.EntriesOf(h)
	return s.Render(w, http.StatusOK, "admin", &v)
}

type storageView struct {
	ui.Frame
	Usage        catalog.Usage
	Broken       int64              // missing or damaged objects found by the last checks
	Near         []catalog.LimitUse // limits that are nearly used up
	Repositories []sizeRow
	Largest      []sizeRow
}

// sizeRow is the size of a repository or project in a table.
type sizeRow struct {
	catalog.LimitUse
	Projects int64  // of a repository
	Share    string // of the files of the index or, for a project, of its repository
}

func (s *Section) adminStorage(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	u, err := s.o.Index.Usage(r.Context(), who)
	if err != nil {
		return err
	}
	v := storageView{Frame: s.adminFrame(r, who, "storage", "Storage"), Usage: u, Broken: broken(u.Checks)}
	if v.Near, err = s.o.Index.NearLimits(r.Context(), who); err != nil {
		return err
	}
	sizes := map[string]int64{}
	for _, x := range u.Repositories {
		sizes[x.Name] = x.Bytes
		use := s.o.Index.RepositoryLimitUse(catalog.Repository{Name: x.Name, Size: x.Bytes, SizeLimit: x.SizeLimit})
		v.Repositories = append(v.Repositories, sizeRow{use, x.Projects, ui.Share(x.Bytes, u.Bytes)})
	}
	for _, x := range u.Largest {
		v.Largest = append(v.Largest, sizeRow{s.o.Index.ProjectLimitUse(x), 0, ui.Share(x.Bytes, sizes[x.Repository])})
	}
	return s.Render(w, http.StatusOK, "admin-storage", &v)
}

type serverSettingsView struct {
	ui.Frame
	Groups  []ui.SettingGroup
	Changed int // number of settings with another value than the default
}

func (s *Section) adminSettings(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	v := serverSettingsView{
		Frame: s.adminFrame(r, who, "settings", "Settings"), Groups: ui.GroupSettings(s.o.Settings),
	}
	for _, x := range s.o.Settings {
		if x.Changed() {
			v.Changed++
		}
	}
	return s.Render(w, http.StatusOK, "admin-settings", &v)
}

type repositoriesView struct {
	ui.Frame
	Repositories       []catalog.Repository
	Publishers         map[string]int // number of publishers of a repository
	Bases              map[string][]catalog.Base
	NameField, Members ui.Field
	Public             ui.Field
	uses               map[string]catalog.LimitUse // by id
	Closed             bool
}

// Use returns the use of the limit of a repository.
func (v *repositoriesView) Use(r catalog.Repository) catalog.LimitUse { return v.uses[r.ID] }

// SizeValue formats a limit for its field.
func (v *repositoriesView) SizeValue(n int64) string { return ui.SizeValue(n) }

// Readers describes the people who can read a repository.
func (v *repositoriesView) Readers(r catalog.Repository) string {
	return r.Readers(v.Closed)
}

// Served describes what a repository serves of upstreams, in a few words.
func (v *repositoriesView) Served(r catalog.Repository) string { return cmp.Or(ui.Served(r), "policy") }

func (s *Section) adminRepositories(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.repositoriesPage(w, r, who, ui.Typed(nil))
}

func memberOptions() []ui.Option {
	return []ui.Option{
		{Value: "none", Label: "see nothing without a role"},
		{Value: "reader", Label: "read everything"},
		{Value: "uploader", Label: "read everything and create projects"},
	}
}

func (s *Section) repositoriesPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	all, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return err
	}
	v := repositoriesView{Frame: s.adminFrame(r, who, "repositories", "Repositories"), Repositories: all, Closed: s.Closed}
	v.uses = map[string]catalog.LimitUse{}
	for _, x := range all {
		v.uses[x.ID] = s.o.Index.RepositoryLimitUse(x)
	}
	if v.Publishers, err = s.o.Registry.RepositoryCounts(r.Context(), who); err != nil {
		return err
	}
	if v.Bases, err = s.o.Index.Bases(r.Context(), who); err != nil {
		return err
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.NameField = f.Field(ui.Field{
		Name: "name", Label: "Name", Required: true, Mono: true, MaxLength: 64,
		Help: "Lower-case letters, digits and dashes. The repository is served at /r/NAME/.",
	})
	v.Members = f.Field(ui.Field{
		Name: "members", Label: "Everyone with an account can", Type: "select", Options: memberOptions(),
	})
	v.Public = f.Field(ui.Field{
		Name: "public", Label: "Anyone can read it without signing in", Type: "checkbox",
		Help: "Takes effect only if the index allows anonymous reading.",
	})
	return s.Render(w, f.Status(), "admin-repositories", &v)
}

func (s *Section) addRepository(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	members, err := access.ParseRole(f.Get("members"))
	if err != nil {
		f.Wrong("members", "Choose what everyone with an account can do.")
	}
	if !catalog.IsRepositoryName(f.Get("name")) {
		f.Wrong("name", "Use lower-case letters, digits and dashes.")
	}
	if f.Bad() {
		return s.repositoriesPage(w, r, who, f)
	}
	n := catalog.NewRepository{Name: f.Get("name"), Members: members, Public: f.On("public")}
	err = f.Refused("name", s.o.Index.AddRepository(r.Context(), who, n))
	return s.repositoryDone(w, r, who, f, err, "Created the repository "+n.Name+".")
}

func (s *Section) changeRepository(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	members, err := access.ParseRole(f.Get("members"))
	if err != nil {
		return err
	}
	public := f.On("public")
	change := catalog.RepositoryChange{Members: &members, Public: &public}
	if f.Values.Has("size_limit") {
		limit := f.Size("size_limit")
		change.SizeLimit = &limit
	}
	if wrong := f.Errs["size_limit"]; wrong != "" {
		f.Wrong("", "The size limit of "+f.Get("name")+": "+wrong)
	}
	if !f.Bad() {
		err = f.Refused("", s.o.Index.ChangeRepository(r.Context(), who, f.Get("name"), change))
	}
	return s.repositoryDone(w, r, who, f, err, "Repository changed.")
}

func (s *Section) removeRepository(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	err := f.Refused("", s.o.Index.RemoveRepository(r.Context(), who, f.Get("name")))
	return s.repositoryDone(w, r, who, f, err, "Removed the repository "+f.Get("name")+".")
}

// repositoryDone returns err, shows the page with the errors of the form, or redirects to it with a success notice.
func (s *Section) repositoryDone(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, err error,
	said string,
) error {
	if err != nil {
		return err
	}
	if f.Bad() {
		return s.repositoriesPage(w, r, who, f)
	}
	return s.Done(w, r, "/admin/repositories/", said)
}

type auditView struct {
	ui.Frame
	Entries                               []auditlog.Entry
	Action, Outcome, Actor, Project, Text ui.Field
	Address, From, To                     ui.Field
	Clear                                 bool
	Newest, Older                         string
	JSON, CSV                             string
}

// adminAsked reads the filters of the audit log page.
func adminAsked(f ui.Form) browse.HistoryFilter {
	ask := auditlog.ReadFilter(f)
	ask.Project, ask.Address = strings.ToLower(f.Get("project")), f.Get("address")
	if action := f.Get("action"); action != "" {
		ask.Actions = []string{action}
	}
	return ask
}

func (s *Section) adminAudit(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f := ui.Typed(r.URL.Query())
	ask := adminAsked(f)
	ask.Limit = 50
	var err error
	if ask.After, err = audit.ParseCursor(f.Get("after")); err != nil {
		return err
	}
	v := auditView{Frame: s.adminFrame(r, who, "audit", "Audit log")}
	h, err := s.o.Browser.Record(r.Context(), who, ask)
	if err := f.Refused("", err); err != nil {
		return err
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.Entries = auditlog.EntriesOf(h)
	v.Action = f.Field(ui.Field{
		Name: "action", Label: "Action", Mono: true, MaxLength: 60, List: auditlog.KnownActions(), Placeholder: "file.add",
	})
	v.Outcome, v.Actor, v.Text, v.From, v.To = auditlog.FilterFields(f)
	v.Project = f.Field(ui.Field{Name: "project", Label: "Project", Mono: true, MaxLength: 200})
	v.Address = f.Field(ui.Field{Name: "address", Label: "Address", Mono: true, MaxLength: 60})
	q := r.URL.Query()
	v.Newest, v.Older = auditlog.Links(r.URL.Query(), h)
	q.Del("after")
	v.Clear = len(q) > 0
	q.Set("as", "json")
	v.JSON = "export?" + q.Encode()
	q.Set("as", "csv")
	v.CSV = "export?" + q.Encode()
	return s.Render(w, f.Status(), "admin-audit", &v)
}

// broken returns the largest number of missing or damaged objects found by one of the last checks.
func broken(checks []custody.Check) (n int64) {
	for _, c := range checks {
		n = max(n, c.Missing+c.Damaged)
	}
	return n
}
