package manage

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/web/ui"
)

func (s *Section) addGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	role, err := access.ParseRole(f.Get("group_role"))
	if err != nil {
		return err
	}
	err = s.o.Index.GrantGroup(r.Context(), who, ui.Repository(r), name, f.Get("group"), role)
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
	err = s.o.Index.UngrantGroup(r.Context(), who, ui.Repository(r), name, f.Get("group"))
	if err := f.Refused("", err); err != nil || f.Bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.Back(r), "The group "+f.Get("group")+" no longer has a role in "+name.String()+".")
}
