package web

import (
	"net/http"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/audit"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/route"
)

// Setting is a setting of the server as it understood it. Secrets are hidden by who makes it.
type Setting struct {
	Name, Value string
	From        string // "default", "file", "environment" or "flag"
	Help        string
	Default     string
}

func (s *Site) adminRoutes() []route.Route {
	pages := []struct {
		path string
		h    route.Handler
	}{
		{"/admin/", s.adminOverview}, {"/admin/users/", s.adminUsers}, {"/admin/user/:user/", s.adminUser}, {"/admin/grants/", s.adminGrants}, {"/admin/tokens/", s.adminTokens},
		{"/admin/repositories/", s.adminRepositories}, {"/admin/issuers/", s.adminIssuers}, {"/admin/storage/", s.adminStorage}, {"/admin/audit/", s.adminAudit},
		{"/admin/audit/export", s.adminExport}, {"/admin/settings/", s.adminSettings},
		{"/admin/lockout/:kind/:subject/", s.adminLockout}, {"/admin/quarantine/", s.adminQuarantine},
	}
	forms := []struct {
		path string
		h    route.Handler
	}{
		{"/admin/users/", s.adminInvite}, {"/admin/users/approve/", s.adminApprove}, {"/admin/users/uninvite/", s.adminUninvite}, {"/admin/user/:user/", s.adminChangeUser}, {"/admin/grants/", s.adminChangeGrant}, {"/admin/repositories/", s.adminChangeRepository},
		{"/admin/lockout/:kind/:subject/", s.adminLockOut}, {"/admin/quarantine/", s.adminRelease},
	}
	var out []route.Route
	for _, p := range pages {
		out = append(out, route.Route{Method: http.MethodGet, Path: p.path, Auth: route.Signed, Handle: s.administers(p.h)})
	}
	for _, f := range forms {
		out = append(out, route.Route{Method: http.MethodPost, Path: f.path, Auth: route.Signed, Handle: s.administers(f.h)})
	}
	return out
}

// administers gives everybody else the answer for what is not there.
func (s *Site) administers(h route.Handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		if !who.Admin() {
			return fault.New(fault.NotFound, "the address may be mistyped, or what was here is gone")
		}
		return h(w, r, who)
	}
}

func (s *Site) adminFrame(r *http.Request, who access.Caller, tab, title string) Frame {
	f := s.frame(r, who, title)
	f.Section, f.Tab = "admin", tab
	return f
}

type overviewView struct {
	Frame
	Usage    catalog.Usage
	Users    int
	Waiting  int // invitations that an administrator has to approve
	Program  string
	Since    time.Time
	Trouble  string    // why uploads fail, "" if they do not
	Failing  time.Time // since when
	Plots    []Plot
	Uploads  []catalog.Card
	Refusals []historyEntry
}

// daysPlotted is how many days the plots show.
const daysPlotted = 30

func (s *Site) adminOverview(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	v := overviewView{Frame: s.adminFrame(r, who, "overview", "Administration"), Program: s.o.Version, Since: s.started}
	var err error
	if since, why := s.o.Index.Trouble(); why != nil {
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
	for _, p := range [][3]string{{"file.add", "Uploads", "uploads"}, {"download", "Downloads", "downloads"}, {"publisher.exchange", "Token exchanges", "exchanges"}} {
		v.Plots = append(v.Plots, plotOf(p[1], p[2], p[0], days, s.o.Now(), daysPlotted))
	}
	newest, err := s.o.Index.Search(r.Context(), who, "", catalog.Query{Sort: catalog.ByNewest, PerPage: 5})
	if err != nil {
		return err
	}
	v.Uploads = newest.Cards
	h, err := s.o.Index.Record(r.Context(), who, catalog.HistoryFilter{Outcome: audit.Refused, Limit: 8})
	if err != nil {
		return err
	}
	v.Refusals = entriesOf(h)
	return s.render(w, http.StatusOK, "admin", &v)
}

func entriesOf(h catalog.History) (out []historyEntry) {
	for _, e := range h.Entries {
		x := historyEntry{Entry: e, Sentence: sentence(e), Details: detailLines(e)}
		if e.Outcome == audit.Refused {
			x.Mark = "bad"
		}
		out = append(out, x)
	}
	return out
}

type issuersView struct {
	Frame
	Issuers []exchange.IssuerHealth
}

func (s *Site) adminIssuers(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	all, err := s.o.Exchange.Health(who)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "admin-issuers", &issuersView{s.adminFrame(r, who, "issuers", "Issuers"), all})
}

type storageView struct {
	Frame
	Usage   catalog.Usage
	Broken  int64  // objects that the last checks found missing or damaged
	Storage string // where the bytes are, without secrets
}

func (s *Site) adminStorage(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	u, err := s.o.Index.Usage(r.Context(), who)
	if err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "admin-storage", &storageView{Frame: s.adminFrame(r, who, "storage", "Storage"), Usage: u, Broken: broken(u.Checks)})
}

type serverSettingsView struct {
	Frame
	Settings []Setting
}

func (s *Site) adminSettings(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.render(w, http.StatusOK, "admin-settings", &serverSettingsView{s.adminFrame(r, who, "settings", "Settings"), s.o.Settings})
}

type repositoriesView struct {
	Frame
	Repositories       []catalog.Repository
	NameField, Members Field
	Public             Field
	Closed             bool
}

func (s *Site) adminRepositories(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.repositoriesPage(w, r, who, typed(nil))
}

func memberOptions() []Option {
	return []Option{{Value: "none", Label: "see nothing without a role"}, {Value: "reader", Label: "read everything"}, {Value: "uploader", Label: "read everything and make projects"}}
}

func (s *Site) repositoriesPage(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	all, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return err
	}
	v := repositoriesView{Frame: s.adminFrame(r, who, "repositories", "Repositories"), Repositories: all, Closed: s.o.Closed}
	if p := f.problem(); p != nil {
		v.Notice = p
	}
	v.NameField = f.field(Field{Name: "name", Label: "Name", Required: true, Mono: true, MaxLength: 64, Help: "Lower-case letters, digits and dashes: its tree is below /r/ and the name."})
	v.Members = f.field(Field{Name: "members", Label: "Everybody with an account may", Type: "select", Options: memberOptions()})
	v.Public = f.field(Field{Name: "public", Label: "Anybody may read it without signing in", Type: "checkbox", Help: "Only where the index allows that at all."})
	return s.render(w, f.status(), "admin-repositories", &v)
}

func (s *Site) adminChangeRepository(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	members, err := access.ParseRole(f.get("members"))
	if err != nil && f.get("do") != "remove" {
		return err
	}
	name, said := f.get("name"), "The repository is changed."
	switch f.get("do") {
	case "add":
		said = "The repository " + name + " is made."
		err = s.o.Index.AddRepository(r.Context(), who, catalog.NewRepository{Name: name, Members: members, Public: f.on("public")})
	case "change":
		err = s.o.Index.SetRepository(r.Context(), who, name, members, f.on("public"))
	case "remove":
		said = "The repository " + name + " is removed."
		err = s.o.Index.RemoveRepository(r.Context(), who, name)
	default:
		err = fault.New(fault.Invalid, "choose what to do")
	}
	field := ""
	if f.get("do") == "add" {
		field = "name"
	}
	if err := f.refused(field, err); err != nil {
		return err
	}
	if f.bad() {
		return s.repositoriesPage(w, r, who, f)
	}
	return s.done(w, r, "/admin/repositories/", said)
}

type grantsView struct {
	Frame
	Grants                    []grantRow
	User, Role, Project, Repo Field
}

type grantRow struct {
	catalog.GrantInfo
	Repository string
}

func (s *Site) adminGrants(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.grantsPage(w, r, who, typed(r.URL.Query()))
}

func (s *Site) grantsPage(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	v := grantsView{Frame: s.adminFrame(r, who, "grants", "Grants")}
	if p := f.problem(); p != nil {
		v.Notice = p
	}
	repos, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return err
	}
	var options []Option
	for _, repo := range repos {
		options = append(options, Option{Value: repo.Name, Label: repo.Name})
		all, err := s.o.Index.Grants(r.Context(), who, repo.Name, zeroName)
		if err != nil {
			return err
		}
		for _, g := range all {
			v.Grants = append(v.Grants, grantRow{g, repo.Name})
		}
	}
	v.User = f.field(Field{Name: "user", Label: "User", Required: true, Mono: true, MaxLength: 64})
	v.Role = f.field(Field{Name: "role", Label: "Role", Type: "select", Options: plainRoles()})
	v.Repo = f.field(Field{Name: "repository", Label: "Repository", Type: "select", Options: options})
	v.Project = f.field(Field{Name: "project", Label: "Project", Mono: true, MaxLength: 200, Help: "Without one the role is good in all of the repository."})
	return s.render(w, f.status(), "admin-grants", &v)
}

func (s *Site) adminChangeGrant(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	name, err := optionalName(f.get("project"))
	if err == nil && f.get("do") == "remove" {
		err = s.o.Index.Ungrant(r.Context(), who, f.get("repository"), name, f.get("user"))
	} else if err == nil {
		var role access.Role
		if role, err = access.ParseRole(f.get("role")); err == nil {
			err = s.o.Index.Grant(r.Context(), who, f.get("repository"), name, f.get("user"), role)
		}
	}
	if fault.Is(err, fault.NotFound) {
		f.wrong("", fault.Message(err))
	} else if err := f.refused("", err); err != nil {
		return err
	}
	if f.bad() {
		return s.grantsPage(w, r, who, f)
	}
	said := f.get("user") + " has the role now."
	if f.get("do") == "remove" {
		said = f.get("user") + " has the role no more."
	}
	return s.done(w, r, "/admin/grants/", said)
}

type auditView struct {
	Frame
	Entries                               []historyEntry
	Action, Outcome, Actor, Project, Text Field
	Address, From, To                     Field
	Clear                                 bool
	Newest, Older                         string
	JSON, CSV                             string
}

// adminAsked reads the filters of the whole record.
func adminAsked(f form) catalog.HistoryFilter {
	ask := historyAsked(f)
	ask.Project, ask.Address = strings.ToLower(f.get("project")), f.get("address")
	if action := f.get("action"); action != "" {
		ask.Actions = []string{action}
	}
	return ask
}

func (s *Site) adminAudit(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f := typed(r.URL.Query())
	ask := adminAsked(f)
	ask.Limit = 50
	var err error
	if ask.After, err = audit.ParseCursor(f.get("after")); err != nil {
		return err
	}
	v := auditView{Frame: s.adminFrame(r, who, "audit", "Audit log")}
	h, err := s.o.Index.Record(r.Context(), who, ask)
	if err := f.refused("", err); err != nil {
		return err
	}
	if p := f.problem(); p != nil {
		v.Notice = p
	}
	v.Entries = entriesOf(h)
	v.Action = f.field(Field{Name: "action", Label: "Action", Mono: true, MaxLength: 60, List: knownActions(), Placeholder: "file.add"})
	v.Outcome = f.field(Field{Name: "outcome", Label: "Outcome", Type: "select", Options: []Option{{Label: "Any"}, {Value: "granted", Label: "Done"}, {Value: "refused", Label: "Refused"}}})
	v.Actor = f.field(Field{Name: "actor", Label: "Who", MaxLength: 300})
	v.Project = f.field(Field{Name: "project", Label: "Project", Mono: true, MaxLength: 200})
	v.Address = f.field(Field{Name: "address", Label: "Address", Mono: true, MaxLength: 60})
	v.Text = f.field(Field{Name: "text", Label: "Words", MaxLength: 200})
	v.From = f.field(Field{Name: "from", Label: "From", Type: "date"})
	v.To = f.field(Field{Name: "to", Label: "To", Type: "date"})
	q := r.URL.Query()
	v.Newest, v.Older = historyLinks(r.URL.Query(), h)
	q.Del("after")
	v.Clear = len(q) > 0
	q.Set("as", "json")
	v.JSON = "export?" + q.Encode()
	q.Set("as", "csv")
	v.CSV = "export?" + q.Encode()
	return s.render(w, f.status(), "admin-audit", &v)
}

// broken returns how many objects the last checks found missing or damaged.
func broken(checks []catalog.Check) (n int64) {
	for _, c := range checks {
		n = max(n, c.Missing+c.Damaged)
	}
	return n
}
