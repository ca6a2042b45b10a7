package account

import (
	"cmp"
	"net/http"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// servicePath is the path of the page about one service account. The name in it has no prefix.
const servicePath = "/manage/service-account/:account/"

func (s *Section) serviceRoutes() []route.Route {
	rows := []route.Route{{Method: http.MethodGet, Path: servicePath, Auth: route.Signed, Handle: s.service}}
	return append(rows, s.Forms(map[string]ui.FormHandler{
		servicePath + "token/":            s.makeServiceToken,
		servicePath + "token/revoke/":     s.revokeServiceToken,
		servicePath + "token/regenerate/": s.regenerateServiceToken,
		servicePath + "remove/":           s.removeService,
	})...)
}

type serviceView struct {
	ui.Frame
	Service     access.Service
	List        tokenList
	Made        *madeToken
	Description ui.Field
	Scope       ui.Field
	Expires     ui.Field
	Typed       ui.Field
	Up          string // path of the list that the account is in
	Admin       bool   // the reader is an administrator
}

// serviceOf returns the service account that a path names. It returns fault.NotFound unless the caller manages it.
func (s *Section) serviceOf(r *http.Request, who access.Caller) (access.ServiceInfo, error) {
	return s.o.Directory.Service(r.Context(), who, access.ServicePrefix+r.PathValue("account"))
}

// servicePage returns the path of the page of an account.
func servicePage(x access.Service) string { return "/manage/service-account/" + x.ShortName() + "/" }

func (s *Section) service(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.serviceWith(w, r, who, ui.Typed(nil), nil)
}

func (s *Section) serviceWith(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form,
	made *madeToken,
) error {
	x, err := s.serviceOf(r, who)
	if err != nil {
		return err
	}
	v := serviceView{
		Frame: s.Frame(r, who, x.Name), Service: x.Service, Made: made, Admin: who.Admin(), Up: listOf(x.Service),
	}
	v.Section = "projects"
	v.Notice = cmp.Or(f.Problem(), v.Notice, ending(x.Tokens, s.Now()))
	v.List = s.tokenList(servicePage(x.Service)+"token/", x.Tokens, who)
	v.Description = f.Field(ui.Field{
		Name: "description", Label: "Description", Required: true, MaxLength: 100,
		Placeholder: "for example, nightly build", Help: "A name you will recognize later.",
	})
	v.Scope = f.Field(ui.Field{Name: "scope", Label: "Permissions", Type: "select", Options: []ui.Option{
		{Value: "upload", Label: "Read and upload"}, {Value: "read", Label: "Read"},
	}})
	v.Expires = f.Field(ui.Field{
		Name: "expires", Label: "Expires after", Type: "select", Options: s.lifetimeOptions(), Help: s.longestLife(),
	})
	v.Typed = f.Field(ui.Field{Name: "typed", Label: "Type " + x.Name + " to remove it", Required: true, Mono: true})
	return s.Render(w, f.Status(), "service-account", &v)
}

// listOf returns the path, below the base path, of the list that an account is in.
func listOf(x access.Service) string {
	tree := ""
	if x.Project == "" {
		return "/admin/service-accounts/"
	}
	if x.Repository != "main" {
		tree = "/r/" + x.Repository
	}
	return tree + "/manage/project/" + x.Project + "/service-accounts/"
}

// makeServiceToken creates a token of a service account and shows it. The secret cannot be shown again.
func (s *Section) makeServiceToken(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	x, err := s.serviceOf(r, who)
	if err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	n := access.NewAPIToken{User: x.Name, Description: f.Get("description")}
	if n.Description == "" {
		f.Wrong("description", "Enter a description.")
	}
	if n.Scope, err = access.ParseScope(f.Get("scope")); err != nil {
		f.Wrong("scope", fault.Message(err))
	}
	if n.Expires, n.Endless = s.askedLife(f); f.Bad() {
		return s.serviceWith(w, r, who, f, nil)
	}
	t, secret, err := s.o.Directory.CreateToken(r.Context(), who, n)
	if err := f.Refused(fault.FieldOf(err), err); err != nil {
		return err
	}
	if f.Bad() {
		return s.serviceWith(w, r, who, f, nil)
	}
	s.letters.Alert(r, who, "You created an API token of the service account "+x.Name+".")
	return s.serviceWith(w, r, who, ui.Typed(nil), s.madeToken(access.TokenInfo{Token: t, User: x.Name}, secret, who))
}

// serviceToken returns fault.NotFound unless the account of the path has the token and the caller manages it.
func (s *Section) serviceToken(r *http.Request, who access.Caller, id string) (access.ServiceInfo, error) {
	x, err := s.serviceOf(r, who)
	if err == nil && !slices.ContainsFunc(x.Tokens, func(t access.TokenInfo) bool { return t.ID == id }) {
		err = fault.New(fault.NotFound, "%s has no such token; it may already be revoked", x.Name)
	}
	return x, err
}

func (s *Section) revokeServiceToken(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	x, err := s.serviceToken(r, who, f.Get("token"))
	if err != nil {
		return err
	}
	if err := s.o.Directory.RevokeToken(r.Context(), who, f.Get("token")); err != nil {
		return err
	}
	return s.Done(w, r, servicePage(x.Service), "Token revoked."+s.RevocationDelay())
}

func (s *Section) regenerateServiceToken(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	x, err := s.serviceToken(r, who, f.Get("token"))
	if err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	t, secret, err := s.regenerate(r, who, f)
	if err := f.Refused("", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.serviceWith(w, r, who, ui.Form{Errs: map[string]string{"": f.Errs[""]}}, nil)
	}
	s.letters.Alert(r, who, "You regenerated an API token of the service account "+x.Name+".")
	return s.serviceWith(w, r, who, ui.Typed(nil), s.madeToken(t, secret, who))
}

func (s *Section) removeService(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	x, err := s.serviceOf(r, who)
	if err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	if f.Get("typed") != x.Name {
		f.Wrong("typed", "Type "+x.Name+" exactly. Nothing was removed.")
		return s.serviceWith(w, r, who, f, nil)
	}
	if err := s.o.Directory.RemoveService(r.Context(), who, x.Name); err != nil {
		return err
	}
	return s.Done(w, r, listOf(x.Service), "Removed the service account "+x.Name+"."+s.RevocationDelay())
}
