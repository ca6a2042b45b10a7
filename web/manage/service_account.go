package manage

import (
	"cmp"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/web/ui"
)

type servicesView struct {
	managing
	Services                     []access.Service
	NameField, Description, Role ui.Field
	Full                         bool // there are as many as allowed
}

func (s *Section) services(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.servicesWith(w, r, who, ui.Typed(nil))
}

// servicesWith shows the service accounts of a project. It requires an owner.
func (s *Section) servicesWith(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	p, err := s.project(w, r, who)
	if err != nil || p.ID == "" {
		return err
	}
	v := servicesView{managing: s.managing(r, who, p, "collaboration", "Service accounts")}
	if v.Services, err = s.o.Directory.ServicesOf(r.Context(), who, p.Repository.ID, p.ID); err != nil {
		return err
	}
	v.Full = len(v.Services) >= access.MaxServices
	v.fields(f)
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "manage-service-accounts", &v)
}

// fields fills in the fields of the form.
func (v *servicesView) fields(f ui.Form) {
	v.NameField = f.Field(ui.Field{
		Name: "name", Label: "Name", Required: true, Mono: true, MaxLength: 64, Placeholder: "nightly-build",
		Help: "Lower-case letters, digits and single dashes. It is shown as svc:NAME and can never be reused.",
	})
	v.Description = f.Field(ui.Field{Name: "description", Label: "Description", MaxLength: 100})
	v.Role = f.Field(ui.Field{
		Name: "role", Label: "Role in " + v.Project.Name.String(), Type: "select", Options: serviceRoles(access.Uploader),
	})
}

// serviceRoles are the roles that a service account can have.
func serviceRoles(role access.Role) (out []ui.Option) {
	for _, r := range []access.Role{access.Uploader, access.Reader} {
		out = append(out, ui.Option{
			Value: r.String(), Label: roleTitle(r) + ": " + roleWords[r], Selected: r == role,
		})
	}
	return out
}

// project returns the project that a path names, or the zero value after a redirect to its normal name.
func (s *Section) project(w http.ResponseWriter, r *http.Request, who access.Caller) (catalog.Project, error) {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return catalog.Project{}, err
	}
	return s.o.Index.Project(r.Context(), who, ui.Repository(r), name)
}

func (s *Section) addService(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	p, err := s.project(w, r, who)
	if err != nil || p.ID == "" {
		return err
	}
	if who.May(access.Owner, p.Object()) { // AddService refuses and records the others
		if err := s.Confirmed(who); err != nil {
			return err
		}
	}
	role, err := access.ParseRole(f.Get("role"))
	if err != nil {
		f.Wrong("role", "Choose a role.")
		return s.servicesWith(w, r, who, f)
	}
	x, err := s.o.Directory.AddService(r.Context(), who, access.NewService{
		Name:         f.Get("name"),
		Description:  f.Get("description"),
		Role:         role,
		RepositoryID: p.Repository.ID,
		ProjectID:    p.ID,
		Project:      p.Name.String(),
	})
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.servicesWith(w, r, who, f)
	}
	return s.Done(w, r, "/manage/service-account/"+x.ShortName()+"/",
		"Created the service account "+x.Name+". Create its first token below.")
}
