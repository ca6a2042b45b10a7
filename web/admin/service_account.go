package admin

import (
	"cmp"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/web/ui"
)

type servicesView struct {
	ui.Frame
	Services                      []access.Service
	NameField, Description, Group ui.Field
	Groups                        int
}

func (s *Section) adminServices(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.servicesPage(w, r, who, ui.Typed(nil))
}

func (s *Section) servicesPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	all, err := s.o.Directory.Services(r.Context(), who)
	if err != nil {
		return err
	}
	groups, err := s.o.Directory.Groups(r.Context(), who)
	if err != nil {
		return err
	}
	v := servicesView{
		Frame: s.adminFrame(r, who, "service-accounts", "Service accounts"), Services: all, Groups: len(groups),
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	var names []ui.Option
	for _, g := range groups {
		names = append(names, ui.Option{Value: g.Name, Label: g.Name})
	}
	v.NameField = f.Field(ui.Field{
		Name: "name", Label: "Name", Required: true, Mono: true, MaxLength: 64, Placeholder: "nightly-build",
		Help: "Lower-case letters, digits and single dashes. It is shown as svc:NAME and can never be reused.",
	})
	v.Description = f.Field(ui.Field{Name: "description", Label: "Description", MaxLength: 100})
	v.Group = f.Field(ui.Field{
		Name: "group", Label: "Group", Type: "select", Options: names,
		Help: "The account has the roles of the group, up to uploader.",
	})
	return s.Render(w, f.Status(), "admin-service-accounts", &v)
}

// adminAddService creates a service account of a group.
func (s *Section) adminAddService(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	x, err := s.o.Directory.AddService(r.Context(), who, access.NewService{
		Name: f.Get("name"), Description: f.Get("description"), Group: f.Get("group"),
	})
	if fault.Is(err, fault.NotFound) {
		f.Wrong("group", "There is no group with this name.")
		err = nil
	}
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.servicesPage(w, r, who, f)
	}
	return s.Done(w, r, "/manage/service-account/"+x.ShortName()+"/",
		"Created the service account "+x.Name+". Create its first token below.")
}
