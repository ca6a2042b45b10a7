package manage

import (
	"cmp"
	"net/http"
	"slices"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/onetime"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/roles"
	"pyindex/web/ui"
)

type collaborationView struct {
	managing
	People    []personRow
	Elsewhere []personRow // users with a role in the whole repository
	Owners    int         // number of groups and enabled users that are owners
	Self      *personRow  // row of the reader; nil without a role
	Add       addPerson
	Groups    []access.GroupGrant
	AddGroup  addPerson // its User field is the group
	Leave     ui.Field
	Invite    addPerson
	Open      []invitationRow // invitations that the reader may see
	Link      string          // link of a new invitation, shown only once
	Waiting   bool            // the new invitation needs approval
	Approval  bool            // invitations of the reader need approval
	Members   access.Role     // role of every account in the repository
}

// addPerson has the fields of a form that adds a collaborator.
type addPerson struct{ User, Role ui.Field }

type invitationRow struct {
	ID, Name, Role       string
	CreatedAt, ExpiresAt time.Time
	Waiting              bool // not yet approved by an administrator
}

type personRow struct {
	roles.GrantInfo
	Words string
	Self  bool
	Last  bool // the only owner with an enabled account
	Field ui.Field
}

// roleWords describes the permissions of each role.
var roleWords = map[access.Role]string{
	access.Reader:     "can see and install it",
	access.Uploader:   "can upload files",
	access.Maintainer: "can upload and yank",
	access.Owner:      "full access, including deletion, roles and publishers",
}

func roleOptions(role access.Role) []ui.Option {
	var all []ui.Option
	for _, r := range []access.Role{access.Reader, access.Uploader, access.Maintainer, access.Owner} {
		all = append(all, ui.Option{Value: r.String(), Label: roleTitle(r) + ": " + roleWords[r], Selected: r == role})
	}
	return all
}

// roleField returns a choice of roles in which none is selected, so that nobody gets more than was meant.
func roleField(f ui.Form, id, name, label string) ui.Field {
	options := append([]ui.Option{{Label: "Choose a role"}}, roleOptions(access.NoRole)...)
	return f.Field(ui.Field{ID: id, Name: name, Label: label, Type: "select", Options: options, Required: true})
}

func roleTitle(r access.Role) string {
	return map[access.Role]string{
		access.Reader: "Reader", access.Uploader: "Uploader", access.Maintainer: "Maintainer", access.Owner: "Owner",
	}[r]
}

func (s *Section) collaboration(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.collaborationWith(w, r, who, ui.Typed(nil), "", false)
}

// collaborationWith shows the page with the link of a new invitation, if there is one.
func (s *Section) collaborationWith(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, link string,
	waiting bool,
) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	p, err := s.o.Index.Project(r.Context(), who, ui.Repository(r), name)
	if err != nil {
		return err
	}
	all, err := s.o.Roles.Collaborators(r.Context(), who, ui.Repository(r), name)
	if err != nil {
		return err
	}
	v := collaborationView{
		managing: s.managing(r, who, p, "collaboration", "Collaboration"), Members: p.Repository.Members,
	}
	if v.Groups, err = s.o.Roles.GroupGrants(r.Context(), who, ui.Repository(r), name); err != nil {
		return err
	}
	v.people(all, who)
	users, groups, err := s.o.Roles.Suggested(r.Context(), who, ui.Repository(r), name)
	if err != nil {
		return err
	}
	users = slices.DeleteFunc(users, func(user string) bool {
		return slices.ContainsFunc(v.People, func(p personRow) bool { return p.User == user })
	})
	v.Add = addPerson{
		User: f.Field(ui.Field{Name: "user", Label: "User name", Required: true, MaxLength: 64, List: users}),
		Role: roleField(f, "f-role", "role", "Role"),
	}
	v.AddGroup = addPerson{
		User: f.Field(ui.Field{
			Name: "group", Label: "Group", Required: true, MaxLength: 64, Mono: true, List: groups,
			Help: "Administrators create groups and manage their members.",
		}),
		Role: roleField(f, "f-group-role", "group_role", "Role of the group"),
	}
	v.Link, v.Waiting, v.Approval = link, waiting, !who.Admin() && !s.o.Accounts.OwnersInvite()
	v.Invite = addPerson{
		User: f.Field(ui.Field{
			ID: "f-invited", Name: "invited", Label: "User name", MaxLength: 64, Mono: true,
			Help: "Leave empty to let the recipient choose.",
		}),
		Role: roleField(f, "f-invited-role", "invited_role", "Role of the invited person"),
	}
	if v.Open, err = s.invitations(r, who, p); err != nil {
		return err
	}
	v.Leave = f.Field(ui.Field{Name: "typed", Label: "Type " + name.String() + " to leave it", Required: true, Mono: true})
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "manage-collaboration", &v)
}

func (v *collaborationView) people(all []roles.GrantInfo, who access.Caller) {
	for _, g := range v.Groups {
		if g.Role == access.Owner {
			v.Owners++
		}
	}
	for _, g := range all {
		if g.Project != "" && g.Role == access.Owner && !g.Disabled {
			v.Owners++
		}
	}
	for _, g := range all {
		row := personRow{GrantInfo: g, Words: roleWords[g.Role], Self: g.User == who.Name()}
		row.Field = ui.Field{
			ID: "role-" + g.User, Name: "role", Label: "Role of " + g.User, Type: "select", Value: g.Role.String(),
			Options: roleOptions(g.Role),
		}
		if g.Service {
			row.Field.Options = serviceRoles(g.Role)
		}
		row.Last = v.Owners == 1 && g.Role == access.Owner && !g.Disabled
		if g.Project == "" {
			v.Elsewhere = append(v.Elsewhere, row)
			continue
		}
		v.People = append(v.People, row)
		if row.Self {
			v.Self = &v.People[len(v.People)-1]
		}
	}
}

// invitations returns the unused invitations to a project that the caller may see.
func (s *Section) invitations(r *http.Request, who access.Caller, p catalog.Project) ([]invitationRow, error) {
	all, err := s.o.Accounts.Invitations(r.Context(), who)
	var out []invitationRow
	for _, l := range all {
		for _, g := range l.Invitation.Grants {
			if g.ProjectID == p.ID {
				out = append(out, invitationRow{l.ID, l.Invitation.Name, g.Role, l.CreatedAt, l.ExpiresAt, l.Waiting})
			}
		}
	}
	return out, err
}

// invite creates an invitation link for a person without an account. The response shows the link; it cannot be shown
// again.
func (s *Section) invite(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	role := roleOf(f, "invited_role")
	if f.Get("invited") != "" {
		_, err := access.ParseUserName(f.Get("invited"))
		if err := f.Refused("invited", err); err != nil {
			return err
		}
	}
	grant, err := s.o.Roles.MayGrant(r.Context(), who, ui.Repository(r), name.String(), max(role, access.Reader))
	if err == nil {
		err = s.Confirmed(who)
	}
	if err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	o, secret, err := s.o.Accounts.Invite(r.Context(), who,
		account.NewInvitation{Name: f.Get("invited"), Grants: []onetime.Grant{grant}})
	if err := f.Refused("invited", err); err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	if o.Announce {
		s.o.Letters.ToAdmins(r, account.WaitingLetter(s.Name, o, s.Absolute("/admin/users/")))
	}
	return s.collaborationWith(w, r, who, ui.Typed(nil), s.Absolute(ui.LinkPath(onetime.Invite, secret)), o.Waiting)
}

func (s *Section) revokeInvitation(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	if _, err := s.o.Accounts.RevokeInvitation(r.Context(), who, f.Get("invitation")); err != nil {
		return err
	}
	return s.Done(w, r, s.Back(r), "Invitation revoked. Its link no longer works.")
}

// addPerson adds a user without a role. It refuses users who already have one, so that a role is never lowered by
// mistake.
func (s *Section) addPerson(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	there, err := s.o.Roles.Grants(r.Context(), who, ui.Repository(r), name)
	if err != nil && !fault.Is(err, fault.Denied) { // Grant returns and audits the denial
		return err
	}
	for _, g := range there {
		if g.User == f.Get("user") {
			f.Wrong("user", g.User+" is already "+article(g.Role)+". Change the role in the list.")
		}
	}
	role := roleOf(f, "role")
	if err := s.Confirmed(who); err != nil {
		return err
	}
	if f.Bad() {
		err = s.o.Roles.CheckUser(r.Context(), who, ui.Repository(r), name, f.Get("user"))
	} else {
		err = s.o.Roles.Grant(r.Context(), who, ui.Repository(r), name, f.Get("user"), role)
	}
	if fault.Is(err, fault.NotFound) {
		f.Wrong("user", "There is no account with this name.")
		err = nil
	}
	if err := f.Refused("user", err); err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.Back(r), f.Get("user")+" is now "+article(role)+" of "+name.String()+".")
}

// roleOf returns the role in a field. It records an error if there is none.
func roleOf(f ui.Form, field string) access.Role {
	role, err := access.ParseRole(f.Get(field))
	if err != nil || role == access.NoRole {
		f.Wrong(field, "Choose a role.")
	}
	return role
}

func article(r access.Role) string {
	if r == access.Owner || r == access.Uploader {
		return "an " + r.String()
	}
	return "a " + r.String()
}

func (s *Section) changePerson(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	role := roleOf(f, "role")
	if err := s.Confirmed(who); err != nil {
		return err
	}
	if !f.Bad() {
		err = s.o.Roles.Grant(r.Context(), who, ui.Repository(r), name, f.Get("person"), role)
	}
	if err := f.Refused("", err); err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.afterChange(r, name, f.Get("person") == who.Name() && role < access.Owner),
		f.Get("person")+" is now "+article(role)+" of "+name.String()+".")
}

func (s *Section) removePerson(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	err = s.o.Roles.Ungrant(r.Context(), who, ui.Repository(r), name, f.Get("person"))
	if err := f.Refused("", err); err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.afterChange(r, name, f.Get("person") == who.Name()),
		f.Get("person")+" no longer has a role in "+name.String()+".")
}

func (s *Section) leave(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	if typedName(f, "typed", name.String()); f.Bad() {
		f.Errs["typed"] = "Type " + name.String() + " to leave it."
		return s.collaborationWith(w, r, who, f, "", false)
	}
	err = s.o.Roles.Leave(r.Context(), who, ui.Repository(r), name)
	if err := f.Refused("", err); err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.afterChange(r, name, true), "You left "+name.String()+".")
}

// afterChange returns the path to continue at after a role change: the list of projects if the caller changed their own
// role.
func (s *Section) afterChange(r *http.Request, name packaging.ProjectName, own bool) string {
	if own {
		return s.tree(r) + "/manage/projects/"
	}
	return s.projectPath(r, name, "collaboration/")
}

// collaborationAgain returns err, or shows the page with the errors of the form if err is nil.
func (s *Section) collaborationAgain(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form,
	err error,
) error {
	if err != nil {
		return err
	}
	return s.collaborationWith(w, r, who, f, "", false)
}

func (s *Section) addGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	role := roleOf(f, "group_role")
	if f.Bad() {
		err = s.o.Roles.CheckGroup(r.Context(), who, ui.Repository(r), name, f.Get("group"))
	} else {
		err = s.o.Roles.GrantGroup(r.Context(), who, ui.Repository(r), name, f.Get("group"), role)
	}
	if fault.Is(err, fault.NotFound) {
		f.Wrong("group", "There is no group with this name. Only administrators can create groups.")
		err = nil
	}
	if err := f.Refused("group", err); err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.Back(r), "Everyone in "+f.Get("group")+" is now "+article(role)+" of "+name.String()+".")
}

func (s *Section) removeGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	err = s.o.Roles.UngrantGroup(r.Context(), who, ui.Repository(r), name, f.Get("group"))
	if err := f.Refused("", err); err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.Back(r), "The group "+f.Get("group")+" no longer has a role in "+name.String()+".")
}
