package web

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/fault"
)

// addGroup gives all of a group a role in the project.
func (s *Site) addGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	name, err := s.projectName(w, r)
	if err != nil {
		return err
	}
	if err := s.confirmed(who); err != nil {
		return err
	}
	role, err := access.ParseRole(f.get("group_role"))
	if err != nil {
		return err
	}
	err = s.o.Index.GrantGroup(r.Context(), who, repository(r), name, f.get("group"), role)
	if fault.Is(err, fault.NotFound) {
		f.wrong("group", "There is no group of that name: administrators make groups.")
		err = nil
	}
	if err := f.refused("group", err); err != nil || f.bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.done(w, r, s.back(r), "Everybody in "+f.get("group")+" is now "+article(role)+" of "+name.String()+".")
}

// removeGroup takes a group's role in the project away.
func (s *Site) removeGroup(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	name, err := s.projectName(w, r)
	if err != nil {
		return err
	}
	if err := s.confirmed(who); err != nil {
		return err
	}
	err = s.o.Index.UngrantGroup(r.Context(), who, repository(r), name, f.get("group"))
	if err := f.refused("", err); err != nil || f.bad() {
		return s.collaborationAgain(w, r, who, f, err)
	}
	return s.done(w, r, s.back(r), "The group "+f.get("group")+" has no role in "+name.String()+" any more.")
}
