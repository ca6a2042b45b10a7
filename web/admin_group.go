package web

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

func (s *Site) groupRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/admin/groups/", Auth: route.Signed, Handle: s.administers(s.adminGroups)},
		{Method: http.MethodPost, Path: "/admin/groups/", Auth: route.Signed, Handle: s.administers(s.adminAddGroup)},
		{Method: http.MethodGet, Path: "/admin/group/:group/", Auth: route.Signed, Handle: s.administers(s.adminGroup)},
		{Method: http.MethodPost, Path: "/admin/group/:group/", Auth: route.Signed, Handle: s.administers(s.adminChangeGroup)},
	}
}

type groupsView struct {
	Frame
	Groups                 []access.Group
	GroupName, Description Field
}

func (s *Site) adminGroups(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.groupsPage(w, r, who, typed(nil))
}

func (s *Site) groupsPage(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	all, err := s.o.Directory.Groups(r.Context(), who)
	if err != nil {
		return err
	}
	v := groupsView{Frame: s.adminFrame(r, who, "groups", "Groups"), Groups: all}
	if p := f.problem(); p != nil {
		v.Notice = p
	}
	v.GroupName = f.field(Field{Name: "name", Label: "Name", Required: true, Mono: true, MaxLength: 64, Help: "Lower-case letters, digits, dots, dashes and underscores."})
	v.Description = f.field(Field{Name: "description", Label: "What it is for", MaxLength: 200})
	return s.render(w, f.status(), "admin-groups", &v)
}

func (s *Site) adminAddGroup(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	g, err := s.o.Directory.AddGroup(r.Context(), who, f.get("name"), f.get("description"))
	if err := f.refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.bad() {
		return s.groupsPage(w, r, who, f)
	}
	return s.done(w, r, "/admin/group/"+g.Name+"/", "The group "+g.Name+" is made. Put somebody into it.")
}

type groupView struct {
	Frame
	Group                     access.GroupDetail
	User, Role, Project, Repo Field
}

func (s *Site) adminGroup(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.groupPage(w, r, who, typed(nil))
}

func (s *Site) groupPage(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	g, err := s.o.Directory.Group(r.Context(), who, r.PathValue("group"))
	if err != nil {
		return err
	}
	v := groupView{Frame: s.adminFrame(r, who, "groups", "Group "+g.Name), Group: g}
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
	}
	v.User = f.field(Field{Name: "user", Label: "User", Required: true, Mono: true, MaxLength: 64})
	v.Role = f.field(Field{Name: "role", Label: "Role", Type: "select", Options: plainRoles()})
	v.Repo = f.field(Field{Name: "repository", Label: "Repository", Type: "select", Options: options})
	v.Project = f.field(Field{Name: "project", Label: "Project", Mono: true, MaxLength: 200, Help: "Without one the role is good in all of the repository."})
	return s.render(w, f.status(), "admin-group", &v)
}

func plainRoles() []Option {
	return []Option{{Value: "reader", Label: "reader"}, {Value: "uploader", Label: "uploader"}, {Value: "maintainer", Label: "maintainer"}, {Value: "owner", Label: "owner"}}
}

// adminChangeGroup does one thing to a group.
func (s *Site) adminChangeGroup(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if err := s.confirmed(who); err != nil {
		return err
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	group, ctx, said := r.PathValue("group"), r.Context(), ""
	back := "/admin/group/" + group + "/"
	name, err := optionalName(f.get("project"))
	if err == nil {
		switch f.get("do") {
		case "add":
			said, err = f.get("user")+" is in the group.", s.o.Directory.AddMember(ctx, who, group, f.get("user"))
		case "remove":
			said, err = f.get("user")+" is in the group no more.", s.o.Directory.RemoveMember(ctx, who, group, f.get("user"))
		case "grant":
			var role access.Role
			if role, err = access.ParseRole(f.get("role")); err == nil {
				said, err = "The group has the role.", s.o.Index.GrantGroup(ctx, who, f.get("repository"), name, group, role)
			}
		case "ungrant":
			said, err = "The group has the role no more.", s.o.Index.UngrantGroup(ctx, who, f.get("repository"), name, group)
		case "delete":
			said, back, err = "The group "+group+" is removed.", "/admin/groups/", s.o.Directory.DeleteGroup(ctx, who, group)
		default:
			err = fault.New(fault.Invalid, "choose what to do")
		}
	}
	if fault.Is(err, fault.NotFound) {
		f.wrong(map[string]string{"add": "user", "grant": "project"}[f.get("do")], fault.Message(err))
	} else if err := f.refused("", err); err != nil {
		return err
	}
	if f.bad() {
		return s.groupPage(w, r, who, f)
	}
	return s.done(w, r, back, said)
}
