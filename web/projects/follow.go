package projects

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

// followView is the reader's subscription to a project.
type followView struct {
	Offered bool // whether the index sends e-mail and the reader is signed in
	On      bool
	Address string // the reader's, "" if they have none yet
}

func (s *Section) followRoutes() []route.Route {
	rows := s.Forms(map[string]ui.FormHandler{
		"/project/:project/versions/follow/": s.startFollowing, "/project/:project/versions/unfollow/": s.stopFollowing,
	})
	for i := range rows {
		rows[i].Tree = true
	}
	return rows
}

// pageOf returns the path of a project page below the base path.
func (s *Section) pageOf(r *http.Request, who access.Caller, name packaging.ProjectName) string {
	f := s.Frame(r, who, "")
	return f.Tree() + "/project/" + name.String() + "/"
}

func (s *Section) follow(r *http.Request, who access.Caller, p catalog.Project) (v followView, err error) {
	if !s.o.Mail || who.Kind() != access.KindUser {
		return v, nil
	}
	v.Offered = true
	if v.On, err = s.o.Followers.Follows(r.Context(), who, p.ID); err != nil {
		return v, err
	}
	profile, err := s.o.Accounts.ProfileOf(r.Context(), who)
	v.Address = profile.Email
	return v, err
}

func (s *Section) startFollowing(w http.ResponseWriter, r *http.Request, who access.Caller, _ ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	if err := s.o.Followers.Follow(r.Context(), who, ui.Repository(r), name); err != nil {
		return err
	}
	return s.Done(w, r, s.pageOf(r, who, name), "You get an e-mail about each new release of "+name.String()+".")
}

func (s *Section) stopFollowing(w http.ResponseWriter, r *http.Request, who access.Caller, _ ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	p, err := s.o.Index.Project(r.Context(), who, ui.Repository(r), name)
	if err != nil {
		return err
	}
	if err := s.o.Followers.Unfollow(r.Context(), who, p.ID); err != nil {
		return err
	}
	return s.Done(w, r, s.pageOf(r, who, name), "You no longer get e-mails about "+name.String()+".")
}
