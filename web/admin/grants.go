package admin

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/roles"
	"pyindex/web/ui"
)

type grantsView struct {
	ui.Frame
	By       string // "person" or "project"
	Filter   string
	Parts    []grantPart
	Total    int // number of roles that match the filter
	Pages    ui.Pages
	Filtered bool
	grantFields
}

// grantPart has the roles of one person, or those in one project or repository.
type grantPart struct {
	Heading, Link string
	Grants        []grantRow
}

type grantRow struct {
	roles.GrantInfo
	Repository string
}

// Key identifies the row in a form.
func (g grantRow) Key() string { return strings.Join([]string{g.User, g.Repository, g.Project}, "|") }

// Place names the project or repository of the role.
func (g grantRow) Place() string {
	switch {
	case g.Project == "":
		return "the repository " + g.Repository
	case g.Repository == catalog.MainRepository:
		return g.Project
	}
	return g.Project + " in " + g.Repository
}

// partsPerPage is the number of persons or projects on a page, maxRemoved that of roles that one form removes.
const (
	partsPerPage = 25
	maxRemoved   = 500
)

func (s *Section) adminGrants(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.grantsPage(w, r, who, ui.Typed(r.URL.Query()))
}

func (s *Section) grantsPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	v := grantsView{Frame: s.adminFrame(r, who, "grants", "Grants"), By: "person"}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	q := r.URL.Query()
	if q.Get("by") == "project" {
		v.By = "project"
	}
	v.Filter = strings.TrimSpace(q.Get("filter"))
	v.Filtered = v.Filter != ""
	repos, err := s.o.Index.Repositories(r.Context(), who)
	if err != nil {
		return err
	}
	all, err := s.allGrants(r, who, repos)
	if err != nil {
		return err
	}
	var known []string
	for _, g := range all {
		if g.Project != "" && len(known) < maxSuggested && !slices.Contains(known, g.Project) {
			known = append(known, g.Project)
		}
	}
	words := strings.Fields(strings.ToLower(v.Filter))
	all = slices.DeleteFunc(all, func(g grantRow) bool {
		text := g.User + " " + g.Role.String() + " " + g.Place()
		return slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	})
	v.Total = len(all)
	parts := v.group(all)
	v.Pages = ui.Paginate(r, ui.PageNumber(r), len(parts), partsPerPage)
	from := min((v.Pages.Page-1)*partsPerPage, len(parts))
	v.Parts = parts[from:min(from+partsPerPage, len(parts))]
	users, err := s.userNames(r, who)
	if err != nil {
		return err
	}
	v.grantFields = grantFieldsOf(f, repos, users, known)
	return s.Render(w, f.Status(), "admin-grants", &v)
}

// allGrants returns the roles of users in all repositories.
func (s *Section) allGrants(r *http.Request, who access.Caller,
	repos []catalog.Repository,
) (out []grantRow, err error) {
	for _, repo := range repos {
		all, err := s.o.Roles.Grants(r.Context(), who, repo.Name, zeroName)
		if err != nil {
			return nil, err
		}
		for _, g := range all {
			out = append(out, grantRow{g, repo.Name})
		}
	}
	return out, nil
}

// group returns the roles by person, or by project and repository.
func (v *grantsView) group(all []grantRow) (parts []grantPart) {
	heading := func(g grantRow) (string, string) {
		switch {
		case v.By == "person":
			return g.User, v.Base + "/admin/user/" + g.User + "/"
		case g.Project == "":
			return g.Place(), ""
		}
		return g.Place(), ui.Tree(v.Base, g.Repository) + "/project/" + g.Project + "/"
	}
	slices.SortStableFunc(all, func(a, b grantRow) int {
		first, _ := heading(a)
		second, _ := heading(b)
		return cmp.Or(strings.Compare(first, second), strings.Compare(a.Place(), b.Place()), strings.Compare(a.User, b.User))
	})
	for _, g := range all {
		text, link := heading(g)
		if len(parts) == 0 || parts[len(parts)-1].Heading != text {
			parts = append(parts, grantPart{Heading: text, Link: link})
		}
		last := &parts[len(parts)-1]
		last.Grants = append(last.Grants, g)
	}
	return parts
}

// Other returns the link that groups the roles in the other way.
func (v *grantsView) Other() string {
	q := url.Values{}
	if v.Filter != "" {
		q.Set("filter", v.Filter)
	}
	if v.By == "person" {
		q.Set("by", "project")
	}
	return "?" + q.Encode()
}

// maxSuggested is the largest number of suggestions for a field.
const maxSuggested = 300

// userNames returns the names of active users to suggest.
func (s *Section) userNames(r *http.Request, who access.Caller) (names []string, err error) {
	all, err := s.o.Directory.Users(r.Context(), who)
	for _, u := range all {
		if u.Active() && len(names) < maxSuggested {
			names = append(names, u.Name)
		}
	}
	return names, err
}

// askedGrant is the role that a form asks for.
type askedGrant struct {
	repository string
	project    packaging.ProjectName // zero for the repository
	role       access.Role
}

// askedGrant reads the fields of a role. It records all that are wrong.
func (s *Section) askedGrant(r *http.Request, who access.Caller, f ui.Form) (a askedGrant, err error) {
	a.repository = f.Get("repository")
	if a.role, err = access.ParseRole(f.Get("role")); err != nil || a.role == access.NoRole {
		f.Wrong("role", "Choose a role.")
	}
	if _, err := s.o.Index.Repository(r.Context(), who, a.repository); fault.Is(err, fault.NotFound) {
		f.Wrong("repository", "There is no repository with this name.")
		return a, nil
	} else if err != nil {
		return a, err
	}
	a.project, err = optionalName(f.Get("project"))
	if err == nil && !a.project.IsZero() {
		_, err = s.o.Index.Project(r.Context(), who, a.repository, a.project)
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		f.Wrong("project", "There is no project with this name in the repository.")
		err = nil
	}
	return a, err
}

func (s *Section) addGrant(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	a, err := s.askedGrant(r, who, f)
	if err != nil {
		return err
	}
	if _, err := s.o.Directory.User(r.Context(), who, f.Get("user")); fault.Is(err, fault.NotFound) {
		f.Wrong("user", "There is no account with this name.")
	} else if err != nil {
		return err
	}
	if !f.Bad() {
		err = s.o.Roles.Grant(r.Context(), who, a.repository, a.project, f.Get("user"), a.role)
	}
	return s.grantDone(w, r, who, f, err, f.Get("user")+" now has the role.")
}

// removeGrant removes the chosen roles, or the one that the fields name. It stops at the first that cannot be removed.
func (s *Section) removeGrant(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	chosen := f.Values["grant"]
	if len(chosen) == 0 && f.Get("user") != "" {
		chosen = []string{strings.Join([]string{f.Get("user"), f.Get("repository"), f.Get("project")}, "|")}
	}
	switch {
	case len(chosen) == 0:
		f.Wrong("", "Choose at least one role to remove.")
	case len(chosen) > maxRemoved:
		f.Wrong("", "Choose at most "+ui.Count(maxRemoved)+" roles at a time.")
	}
	removed := 0
	var err error
	for _, key := range chosen {
		if f.Bad() || err != nil {
			break
		}
		part := strings.Split(key, "|")
		if len(part) != 3 {
			f.Wrong("", "One of the chosen roles is unknown. Reload the page and try again.")
			break
		}
		var name packaging.ProjectName
		if name, err = optionalName(part[2]); err == nil {
			err = s.o.Roles.Ungrant(r.Context(), who, part[1], name, part[0])
		}
		if err == nil {
			removed++
		}
	}
	said := ui.Plural(removed, "role", "roles") + " removed."
	if removed == 1 {
		user, _, _ := strings.Cut(chosen[0], "|")
		said = user + " no longer has the role."
	} else if removed > 0 && err != nil {
		f.Wrong("", ui.Plural(removed, "role was", "roles were")+" removed, but not the next one: "+fault.Sentence(err))
	}
	return s.grantDone(w, r, who, f, err, said)
}

// grantDone returns err, shows the page with the errors of the form, or redirects to it with a success notice.
func (s *Section) grantDone(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, err error,
	said string,
) error {
	if fault.Is(err, fault.NotFound) {
		f.Wrong("", fault.Sentence(err))
	} else if err := f.Refused("", err); err != nil {
		return err
	}
	if f.Bad() {
		return s.grantsPage(w, r, who, f)
	}
	return s.Done(w, r, "/admin/grants/", said)
}
