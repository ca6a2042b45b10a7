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
	"pyindex/internal/advisory"
	"pyindex/internal/assembly"
	"pyindex/internal/downloads"
	"pyindex/internal/follow"
	"pyindex/internal/holds"
	"pyindex/internal/lockout"
	"pyindex/internal/publishers"
	"pyindex/internal/publishers/exchange"
	"pyindex/internal/resolve"
	"pyindex/internal/route"
	"pyindex/internal/upstream"
	accountpages "pyindex/web/account"
	"pyindex/web/admin"
	"pyindex/web/held"
	"pyindex/web/help"
	"pyindex/web/letters"
	"pyindex/web/manage"
	"pyindex/web/projects"
	"pyindex/web/publishing"
	"pyindex/web/ui"
)

// files has the static files and templates.
//
//go:embed static templates
var files embed.FS

// Options configure the pages. Index, Directory, Registry, Exchange, Accounts, SignIn, Outbox, Desk, Followers,
// Upstreams and BaseURL are required.
type Options struct {
	Index      *assembly.Index
	Directory  *access.Directory
	Registry   *publishers.Registry
	Exchange   *exchange.Minter
	Accounts   *account.Accounts
	SignIn     *signin.Methods
	Outbox     *outbox.Outbox
	Desk       *lockout.Desk
	Holds      *holds.Holds         // nil for a site without the pages about held files
	Advisories *advisory.Advisories // required with Holds
	Downloads  *downloads.Record    // required with Holds
	Followers  *follow.Followers
	Upstreams  *upstream.Registry
	Health     upstream.Monitor // nil if nobody measures upstreams
	Doctor     admin.Doctor     // nil for a site without checks
	Reader     *resolve.Reader  // nil for the repositories of Index without what they draw on
	Instance   string           // id of this index, as it appears in Via headers
	BaseURL    *url.URL         // public URL of the index; its path is the prefix of every link
	Name       string           // display name of this index; "Index" if empty
	Logo       []byte           // PNG, SVG or WebP image, shown in place of Name; nil for none
	Security   ui.Security
	Closed     bool // whether reading requires signing in
	// PEM certificate of the server's own certificate authority; empty if there is none
	Authority []byte
	SignOn    accountpages.SignOn // single sign-on provider; nil for none
	Mail      letters.Mailer      // nil if the index sends no e-mail
	Version   string              // of the program
	Programs  []string            // file names of the programs below /_/client/, such as index-linux-amd64
	Settings  []ui.Setting
	Pictures  projects.Pictures // pictures of other sites in descriptions

	Believed time.Duration // how long a replica without database access may accept revoked credentials; 0 for not at all

	SignOnName    string // display name of the provider
	SignOnCreates bool   // create an account on the first sign-on of a person

	Log *slog.Logger
	Now func() time.Time // default time.Now
}

// Site serves the pages of an index. It is safe for concurrent use.
type Site struct {
	kit     *ui.Kit
	account *accountpages.Section
	rows    []route.Route
}

// New returns a site. It returns an error if a shared template cannot be parsed.
func New(o Options) (*Site, error) {
	kit, err := ui.New(ui.Options{
		Files: files, BaseURL: o.BaseURL, Name: o.Name, Logo: o.Logo, Security: o.Security, Programs: o.Programs,
		Closed: o.Closed, Believed: o.Believed, Log: o.Log, Now: o.Now, Repositories: o.Index.Visible,
		Server: o.Registry.Server, Recovered: o.Index.RecoveredNow,
	})
	if err != nil {
		return nil, err
	}
	manual := help.New(kit, help.Options{
		Settings: o.Settings, Authority: o.Authority, Audience: o.Registry.Options().Audience,
	})
	if o.Reader == nil {
		o.Reader = resolve.New(o.Index.Index, resolve.Options{})
	}
	mail := letters.New(kit, o.Accounts, o.Outbox, o.Mail)
	s := &Site{kit: kit}
	s.account = accountpages.New(kit, accountpages.Options{
		Index: o.Index.Index, Browser: o.Index.Browser, Directory: o.Directory, Accounts: o.Accounts, SignIn: o.SignIn,
		Letters: mail, Followers: o.Followers, SignOn: o.SignOn, SignOnName: o.SignOnName, SignOnCreates: o.SignOnCreates,
	})
	s.rows = slices.Concat(
		route.NoFiles.Mark(kit.StaticRoutes()),
		route.ByPolicy.Mark(projects.New(kit, projects.Options{
			Index:     o.Index.Index,
			Reader:    o.Reader,
			Instance:  o.Instance,
			Browser:   o.Index.Browser,
			Roles:     o.Index.Roles,
			Followers: o.Followers,
			Holds:     o.Holds,
			Accounts:  o.Accounts,
			Mail:      o.Mail != nil,
			Authority: o.Authority,
			Pictures:  o.Pictures,
		}).Routes()),
		route.NoFiles.Mark(s.account.Routes()),
		route.NoFiles.Mark(manual.Routes()),
		route.AsKept.Mark(admin.New(kit, admin.Options{
			Index: o.Index.Index, Browser: o.Index.Browser, Roles: o.Index.Roles, Intake: o.Index.Intake,
			Registry: o.Registry, Directory: o.Directory, Exchange: o.Exchange, Accounts: o.Accounts, Desk: o.Desk,
			Letters: mail, Version: o.Version, Settings: o.Settings, Upstreams: o.Upstreams, Health: o.Health, Doctor: o.Doctor,
		}).Routes()),
		route.AsKept.Mark(publishing.New(kit, publishing.Options{
			Index:     o.Index.Index,
			Directory: o.Directory,
			Registry:  o.Registry,
			Exchange:  o.Exchange,
		}).Routes()),
		route.AsKept.Mark(manage.New(kit, manage.Options{
			Index:    o.Index.Index,
			Browser:  o.Index.Browser,
			Roles:    o.Index.Roles,
			Intake:   o.Index.Intake,
			Accounts: o.Accounts,
			Letters:  mail,

			Directory: o.Directory,
		}).Routes()),
	)
	if o.Holds != nil {
		s.rows = append(s.rows, held.New(kit, held.Options{
			Index: o.Index.Index, Reader: o.Reader, Instance: o.Instance, Holds: o.Holds, Advisories: o.Advisories,
			Downloads: o.Downloads,
		}).Routes()...)
	}
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

// Missing writes the 404 page of an address that has no route.
func (s *Site) Missing(w http.ResponseWriter, r *http.Request, who access.Caller) {
	s.kit.Missing(w, r, who)
}

// Known returns an identifier of the browser that sent r if the browser was used to sign in before, and "" otherwise.
func (s *Site) Known(r *http.Request) string { return s.account.Known(r) }

// enrolling are the prefixes of the paths that users can open before they set up a required second factor.
var enrolling = []string{
	"/static/", "/favicon.ico", "/robots.txt", "/.well-known/", "/login/", "/logout/", "/confirm/", "/help/",
	"/manage/account/security/",
}

// enrolled redirects users who must set up a second factor to the page for that.
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
