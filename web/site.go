package web

import (
	"embed"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/account"
	"pyindex/internal/account/outbox"
	"pyindex/internal/account/signin"
	"pyindex/internal/assembly"
	"pyindex/internal/lockout"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/route"
	accountpages "pyindex/web/account"
	"pyindex/web/admin"
	"pyindex/web/help"
	"pyindex/web/letters"
	"pyindex/web/manage"
	"pyindex/web/projects"
	"pyindex/web/publishing"
	"pyindex/web/ui"
)

//go:embed static templates
var files embed.FS

// Options are what the pages are made from. Index, Directory, Registry, Exchange, Accounts, SignIn, Outbox, Desk and
// BaseURL are needed.
type Options struct {
	Index     *assembly.Index
	Directory *access.Directory
	Registry  *publishers.Registry
	Exchange  *exchange.Minter
	Accounts  *account.Accounts
	SignIn    *signin.Methods
	Outbox    *outbox.Outbox
	Desk      *lockout.Desk
	BaseURL   *url.URL // where browsers and clients reach the index; its path is the prefix of every link
	Name      string   // of this index, as pages show it; "Index" where empty
	Closed    bool     // whether nobody may read anything without signing in
	// certificate in PEM of the authority that this server made for itself; empty where it did not
	Authority []byte
	SignOn    accountpages.SignOn // provider of single sign-on; nil for none
	Mail      letters.Mailer      // sends links to people; nil where none are sent
	Version   string              // of the program
	Settings  []ui.Setting

	Believed time.Duration // how long a replica that is cut off may accept what was revoked; 0 for not at all

	SignOnName    string // of the provider, as people know it
	SignOnCreates bool   // whether who comes for the first time gets an account

	Log *slog.Logger
	Now func() time.Time // time.Now
}

// Site is the pages of an index. It is safe for concurrent use.
type Site struct {
	kit     *ui.Kit
	account *accountpages.Section
	rows    []route.Route
}

// New returns the pages. It returns an error if a template or the manual does not parse.
func New(o Options) (*Site, error) {
	kit, err := ui.New(ui.Options{
		Files: files, BaseURL: o.BaseURL, Name: o.Name, Closed: o.Closed, Believed: o.Believed, Log: o.Log, Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	manual, err := help.New(kit, help.Options{Settings: o.Settings, Authority: o.Authority})
	if err != nil {
		return nil, err
	}
	mail := letters.New(kit, o.Accounts, o.Outbox, o.Mail)
	s := &Site{kit: kit}
	s.account = accountpages.New(kit, accountpages.Options{
		Index: o.Index, Directory: o.Directory, Accounts: o.Accounts, SignIn: o.SignIn, Letters: mail,
		SignOn: o.SignOn, SignOnName: o.SignOnName, SignOnCreates: o.SignOnCreates,
	})
	s.rows = slices.Concat(
		kit.StaticRoutes(),
		projects.New(kit, projects.Options{Index: o.Index, Authority: o.Authority}).Routes(),
		s.account.Routes(),
		manual.Routes(),
		admin.New(kit, admin.Options{
			Index: o.Index, Directory: o.Directory, Exchange: o.Exchange, Accounts: o.Accounts, Desk: o.Desk, Letters: mail,
			Version: o.Version, Settings: o.Settings,
		}).Routes(),
		publishing.New(kit,
			publishing.Options{Index: o.Index, Directory: o.Directory, Registry: o.Registry, Exchange: o.Exchange}).Routes(),
		manage.New(kit, manage.Options{Index: o.Index, Accounts: o.Accounts, Letters: mail}).Routes(),
	)
	kit.SetPages(s.rows)
	return s, nil
}

// Table returns the pages' routes.
func (s *Site) Table() route.Table {
	t := route.Table{Name: "web", Fail: s.kit.Fail}
	for _, row := range s.rows {
		row.Handle = s.kit.Named(s.enrolled(row))
		t.Routes = append(t.Routes, row)
	}
	return t
}

// Missing writes the page for an address that does not exist.
func (s *Site) Missing(w http.ResponseWriter, r *http.Request) { s.kit.Missing(w, r) }

// Known identifies the browser that sends a request if somebody signed in with it before. It returns "" for any other.
func (s *Site) Known(r *http.Request) string { return s.account.Known(r) }

// enrolling are the beginnings of the paths that people can reach who have to set up a second factor first.
var enrolling = []string{
	"/static/", "/favicon.ico", "/login/", "/logout/", "/confirm/", "/help/", "/manage/account/security/",
}

// enrolled leads people who have to set up a second factor to the page where they do, from every other page.
func (s *Site) enrolled(row route.Route) route.Handler {
	for _, path := range enrolling {
		if strings.HasPrefix(row.Path, path) {
			return row.Handle
		}
	}
	return func(w http.ResponseWriter, r *http.Request, who access.Caller) error {
		if who.MustEnrol() {
			s.kit.See(w, r, "/manage/account/security/")
			return nil
		}
		return row.Handle(w, r, who)
	}
}
