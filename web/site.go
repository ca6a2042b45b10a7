package web

import (
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/catalog"
	"pyindex/internal/lockout"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/publishers/insight"
	"pyindex/internal/route"
)

// Options are what the pages are made from. Index, Directory, Registry, Exchange, Accounts, Desk and BaseURL are needed.
type Options struct {
	Index     *catalog.Index
	Directory *access.Directory
	Registry  *publishers.Registry
	Exchange  *exchange.Minter
	Accounts  *account.Accounts
	Desk      *lockout.Desk
	BaseURL   *url.URL // where browsers and clients reach the index; its path is the prefix of every link
	Name      string   // of this index, as pages show it; "Index" where empty
	Closed    bool     // whether nobody may read anything without signing in
	Authority []byte   // certificate in PEM of the authority that this server made for itself; empty where it did not
	SignOn    SignOn   // provider of single sign-on; nil for none
	Mail      Mailer   // sends links to people; nil where none are sent
	Version   string   // of the program
	Settings  []Setting

	Believed time.Duration // how long a replica that is cut off may accept what was revoked; 0 for not at all

	SignOnName    string // of the provider, as people know it
	SignOnCreates bool   // whether who comes for the first time gets an account

	Log *slog.Logger
	Now func() time.Time // time.Now
}

// Site is the pages of an index. It is safe for concurrent use.
type Site struct {
	o         Options
	base      string // path prefix, "" or "/prefix"
	templates map[string]*template.Template
	static    map[string]asset
	version   string // of the static files
	started   time.Time
	manual    []chapter

	mailing chan struct{} // bounds the messages that nobody waits for

	insight      *insight.View
	descriptions *descriptions
}

// New returns the pages. A template that does not parse is an error, at start and not at the first request.
func New(o Options) (*Site, error) {
	if o.Name == "" {
		o.Name = "Index"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Site{o: o, base: strings.TrimSuffix(o.BaseURL.Path, "/"), started: o.Now(), mailing: make(chan struct{}, mailsAtOnce), descriptions: newDescriptions(o.Now), insight: insight.New(o.Registry)}
	if err := s.loadStatic(); err != nil {
		return nil, err
	}
	if err := s.loadManual(); err != nil {
		return nil, err
	}
	return s, s.loadTemplates()
}

// areas are the routes of each part of the site.
func (s *Site) areas() [][]route.Route {
	return [][]route.Route{
		s.staticRoutes(),
		s.homeRoutes(),
		s.connectRoutes(),
		s.searchRoutes(),
		s.loginRoutes(),
		s.mailRoutes(),
		s.welcomeRoutes(),
		s.accountRoutes(),
		s.passkeyRoutes(),
		s.ssoRoutes(),
		s.tokenRoutes(),
		s.helpRoutes(),
		s.adminRoutes(),
		s.groupRoutes(),
		s.projectRoutes(),
		s.publishingRoutes(),
		s.manageRoutes(),
	}
}

// Table returns the pages' routes.
func (s *Site) Table() route.Table {
	t := route.Table{Name: "web", Fail: s.fail}
	for _, rows := range s.areas() {
		for _, row := range rows {
			row.Handle = s.named(s.enrolled(row))
			t.Routes = append(t.Routes, row)
		}
	}
	return t
}

// enrolling are the beginnings of the paths that people can reach who have to set up a second factor first.
var enrolling = []string{"/static/", "/favicon.ico", "/login/", "/logout/", "/confirm/", "/help/", "/manage/account/security/"}

// enrolled leads people who have to set up a second factor to the page where they do, from every other page.
func (s *Site) enrolled(row route.Route) route.Handler {
	for _, path := range enrolling {
		if strings.HasPrefix(row.Path, path) {
			return row.Handle
		}
	}
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		if who.MustEnrol() {
			s.see(w, r, "/manage/account/security/")
			return nil
		}
		return row.Handle(w, r, who)
	}
}

// named lets the page of an error know who asked.
func (s *Site) named(h route.Handler) route.Handler {
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		if err := h(w, r, who); err != nil {
			return &failure{who, err}
		}
		return nil
	}
}

// repository is the name of the repository whose tree a request is in, "" for main.
func repository(r *http.Request) string { return r.PathValue("repository") }

// absolute returns the URL of a path below the base, as clients outside need it.
func (s *Site) absolute(path string) string {
	u := *s.o.BaseURL
	u.Path = s.base + path
	return u.String()
}
