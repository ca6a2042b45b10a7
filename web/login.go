package web

import (
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/fault"
	"pyindex/internal/route"
)

type loginView struct {
	Frame
	User, Password Field
}

func (s *Site) loginRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/login/", Auth: route.Visitor, Handle: s.login},
		{Method: http.MethodPost, Path: "/login/", Auth: route.Visitor, Handle: s.signIn},
		{Method: http.MethodPost, Path: "/logout/", Auth: route.Visitor, Handle: s.signOut},
	}
}

func (s *Site) login(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.loginPage(w, r, who, typed(nil))
}

func (s *Site) loginPage(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	v := loginView{Frame: s.frame(r, who, "Sign in")}
	v.Notice = f.problem()
	v.User = f.field(Field{Name: "user", Label: "User name", Required: true, Autocomplete: "username", Focus: true})
	v.Password = f.field(Field{Name: "password", Label: "Password", Type: "password", Required: true, Autocomplete: "current-password"})
	return s.render(w, f.status(), "login", &v)
}

func (s *Site) signIn(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	u, err := s.o.Directory.UserByPassword(r.Context(), f.get("user"), access.Secret(f.secret("password")))
	if fault.Is(err, fault.Unauthenticated) {
		f.wrong("", fault.Message(err))
		return s.loginPage(w, r, who, f)
	}
	if err == nil {
		err = s.begin(w, r, who, access.NewSession{UserID: u.ID, Method: "password"})
	}
	if err != nil {
		return err
	}
	next := r.URL.Query().Get("next")
	if !local(next) {
		next = "/"
	}
	s.see(w, r, next)
	return nil
}

// begin signs a person in with this browser. Whoever calls it has made sure who the person is.
func (s *Site) begin(w http.ResponseWriter, r *http.Request, who access.Caller, n access.NewSession) error {
	n.Agent = r.UserAgent()
	session, secret, err := s.o.Directory.BeginSession(r.Context(), who, n)
	if err != nil {
		return err
	}
	c := route.Cookie(s.o.BaseURL, route.SessionCookie)
	c.Value, c.Expires = secret.Reveal(), session.ExpiresAt
	http.SetCookie(w, c)
	return nil
}

func (s *Site) signOut(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	if id := who.SessionID(); id != "" {
		if err := s.o.Directory.EndSession(r.Context(), who, id); err != nil && !fault.Is(err, fault.NotFound) {
			return err
		}
	}
	c := route.Cookie(s.o.BaseURL, route.SessionCookie)
	c.MaxAge = -1
	http.SetCookie(w, c)
	return s.done(w, r, "/login/", "You are signed out.")
}
