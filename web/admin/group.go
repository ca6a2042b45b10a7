package admin

import (
	"cmp"
	"net/http"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/web/ui"
)

type groupsView struct {
	ui.Frame
	Groups                 []access.Group
	GroupName, Description ui.Field
}

func (s *Section) adminGroups(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.groupsPage(w, r, who, ui.Typed(nil))
}

func (s *Section) groupsPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	all, err := s.o.Directory.Groups(r.Context(), who)
	if err != nil {
		return err
	}
	v := groupsView{Frame: s.adminFrame(r, who, "groups", "Groups"), Groups: all}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	v.GroupName = f.Field(ui.Field{
		Name: "name", Label: "Name", Required: true, Mono: true, MaxLength: 64,
		Help: "Lower-case letters, digits, dots, dashes and underscores.",
	})
	v.Description = f.Field(ui.Field{Name: "description", Label: "Description", MaxLength: 200})
	return s.Render(w, f.Status(), "admin-groups", &v)
}

func (s *Section) adminAddGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	g, err := s.o.Directory.AddGroup(r.Context(), who, f.Get("name"), f.Get("description"))
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.groupsPage(w, r, who, f)
	}
	return s.Done(w, r, "/admin/group/"+g.Name+"/", "Created the group "+g.Name+". Add its first members.")
}

type groupView struct {
	ui.Frame
	Group access.GroupDetail
	grantFields
}

func (s *Section) adminGroup(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.groupPage(w, r, who, ui.Typed(nil))
}

func (s *Section) groupPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	g, err := s.o.Directory.Group(r.Context(), who, r.PathValue("group"))
	if err != nil {
		return err
	}
	v := groupView{Frame: s.adminFrame(r, who, "groups", "Group "+g.Name), Group: g}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	repos, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return err
	}
	users, err := s.userNames(r, who)
	if err != nil {
		return err
	}
	users = slices.DeleteFunc(users, func(name string) bool {
		return slices.ContainsFunc(g.Members, func(m access.Member) bool { return m.User == name })
	})
	v.grantFields = grantFieldsOf(f, repos, users, nil)
	return s.Render(w, f.Status(), "admin-group", &v)
}

// grantFields are the fields of a form that gives a role to a user, or to a group and its members.
type grantFields struct{ User, Role, Project, Repo ui.Field }

// grantFieldsOf returns the fields with the values of f, repos to choose from, and users and projects to suggest.
func grantFieldsOf(f ui.Form, repos []catalog.Repository, users, projects []string) grantFields {
	var options []ui.Option
	for _, repo := range repos {
		options = append(options, ui.Option{Value: repo.Name, Label: repo.Name})
	}
	return grantFields{
		User: f.Field(ui.Field{Name: "user", Label: "User", Required: true, Mono: true, MaxLength: 64, List: users}),
		Role: f.Field(ui.Field{Name: "role", Label: "Role", Type: "select", Options: plainRoles(), Required: true}),
		Repo: f.Field(ui.Field{Name: "repository", Label: "Repository", Type: "select", Options: options}),
		Project: f.Field(ui.Field{
			Name: "project", Label: "Project", Mono: true, MaxLength: 200, List: projects,
			Help: "Leave empty for a role in the whole repository.",
		}),
	}
}

func plainRoles() []ui.Option {
	return []ui.Option{
		{Label: "Choose a role"},
		{Value: "reader", Label: "reader"},
		{Value: "uploader", Label: "uploader"},
		{Value: "maintainer", Label: "maintainer"},
		{Value: "owner", Label: "owner"},
	}
}

func (s *Section) addMember(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	err := s.o.Directory.AddMember(r.Context(), who, r.PathValue("group"), f.Get("user"))
	return s.groupDone(w, r, who, f, "user", err, f.Get("user")+" is now in the group.")
}

func (s *Section) removeMember(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	err := s.o.Directory.RemoveMember(r.Context(), who, r.PathValue("group"), f.Get("user"))
	return s.groupDone(w, r, who, f, "", err, f.Get("user")+" is no longer in the group.")
}

func (s *Section) grantGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	a, err := s.askedGrant(r, who, f)
	if err == nil && !f.Bad() {
		err = s.o.Roles.GrantGroup(r.Context(), who, a.repository, a.project, r.PathValue("group"), a.role)
	}
	return s.groupDone(w, r, who, f, "project", err, "The group now has the role.")
}

func (s *Section) ungrantGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := optionalName(f.Get("project"))
	if err == nil {
		err = s.o.Roles.UngrantGroup(r.Context(), who, f.Get("repository"), name, r.PathValue("group"))
	}
	return s.groupDone(w, r, who, f, "", err, "The group no longer has the role.")
}

func (s *Section) deleteGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	group := r.PathValue("group")
	if err := s.o.Directory.DeleteGroup(r.Context(), who, group); err != nil {
		return s.groupDone(w, r, who, f, "", err, "")
	}
	return s.Done(w, r, "/admin/groups/", "Deleted the group "+group+".")
}

// groupDone returns err, shows the page with the errors of the form, or redirects to it with a success notice. missing
// is the field that gets the message of a fault.NotFound.
func (s *Section) groupDone(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, missing string,
	err error, said string,
) error {
	if fault.Is(err, fault.NotFound) {
		f.Wrong(missing, fault.Sentence(err))
	} else if err := f.Refused("", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.groupPage(w, r, who, f)
	}
	return s.Done(w, r, s.Back(r), said)
}
