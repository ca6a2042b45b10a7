package admin

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

func (s *Section) groupRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/admin/groups/", Auth: route.Signed, Handle: s.administers(s.adminGroups)},
		{Method: http.MethodPost, Path: "/admin/groups/", Auth: route.Signed, Handle: s.administers(s.adminAddGroup)},
		{Method: http.MethodGet, Path: "/admin/group/:group/", Auth: route.Signed, Handle: s.administers(s.adminGroup)},
		{Method: http.MethodPost, Path: "/admin/group/:group/", Auth: route.Signed, Handle: s.administers(s.adminChangeGroup)},
	}
}

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
	if p := f.Problem(); p != nil {
		v.Notice = p
	}
	v.GroupName = f.Field(ui.Field{Name: "name", Label: "Name", Required: true, Mono: true, MaxLength: 64, Help: "Lower-case letters, digits, dots, dashes and underscores."})
	v.Description = f.Field(ui.Field{Name: "description", Label: "What it is for", MaxLength: 200})
	return s.Render(w, f.Status(), "admin-groups", &v)
}

func (s *Section) adminAddGroup(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	f, err := ui.ReadForm(w, r)
	if err != nil {
		return err
	}
	g, err := s.o.Directory.AddGroup(r.Context(), who, f.Get("name"), f.Get("description"))
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.groupsPage(w, r, who, f)
	}
	return s.Done(w, r, "/admin/group/"+g.Name+"/", "The group "+g.Name+" is made. Put somebody into it.")
}

type groupView struct {
	ui.Frame
	Group                     access.GroupDetail
	User, Role, Project, Repo ui.Field
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
	if p := f.Problem(); p != nil {
		v.Notice = p
	}
	repos, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return err
	}
	var options []ui.Option
	for _, repo := range repos {
		options = append(options, ui.Option{Value: repo.Name, Label: repo.Name})
	}
	v.User = f.Field(ui.Field{Name: "user", Label: "User", Required: true, Mono: true, MaxLength: 64})
	v.Role = f.Field(ui.Field{Name: "role", Label: "Role", Type: "select", Options: plainRoles()})
	v.Repo = f.Field(ui.Field{Name: "repository", Label: "Repository", Type: "select", Options: options})
	v.Project = f.Field(ui.Field{Name: "project", Label: "Project", Mono: true, MaxLength: 200, Help: "Without one the role is good in all of the repository."})
	return s.Render(w, f.Status(), "admin-group", &v)
}

func plainRoles() []ui.Option {
	return []ui.Option{{Value: "reader", Label: "reader"}, {Value: "uploader", Label: "uploader"}, {Value: "maintainer", Label: "maintainer"}, {Value: "owner", Label: "owner"}}
}

// adminChangeGroup does one thing to a group.
func (s *Section) adminChangeGroup(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.Confirmed(who); err != nil {
		return err
	}
	f, err := ui.ReadForm(w, r)
	if err != nil {
		return err
	}
	group, ctx, said := r.PathValue("group"), r.Context(), ""
	back := "/admin/group/" + group + "/"
	name, err := optionalName(f.Get("project"))
	if err == nil {
		switch f.Get("do") {
		case "add":
			said, err = f.Get("user")+" is in the group.", s.o.Directory.AddMember(ctx, who, group, f.Get("user"))
		case "remove":
			said, err = f.Get("user")+" is in the group no more.", s.o.Directory.RemoveMember(ctx, who, group, f.Get("user"))
		case "grant":
			var role access.Role
			if role, err = access.ParseRole(f.Get("role")); err == nil {
				said, err = "The group has the role.", s.o.Index.GrantGroup(ctx, who, f.Get("repository"), name, group, role)
			}
		case "ungrant":
			said, err = "The group has the role no more.", s.o.Index.UngrantGroup(ctx, who, f.Get("repository"), name, group)
		case "delete":
			said, back, err = "The group "+group+" is removed.", "/admin/groups/", s.o.Directory.DeleteGroup(ctx, who, group)
		default:
			err = fault.New(fault.Invalid, "choose what to do")
		}
	}
	if fault.Is(err, fault.NotFound) {
		f.Wrong(map[string]string{"add": "user", "grant": "project"}[f.Get("do")], fault.Message(err))
	} else if err := f.Refused("", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.groupPage(w, r, who, f)
	}
	return s.Done(w, r, back, said)
}
