package projects

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/advisory"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/internal/policy"
	"pyindex/internal/readme"
	"pyindex/internal/resolve"
	"pyindex/internal/roles"
	"pyindex/internal/route"
	"pyindex/web/ui"
)

func (s *Section) projectRoutes() []route.Route {
	return []route.Route{
		{Method: http.MethodGet, Path: "/project/:project/", Auth: route.Page, Tree: true, Handle: s.project},
		{Method: http.MethodGet, Path: "/project/:project/versions/", Auth: route.Page, Tree: true, Handle: s.versions},
		{Method: http.MethodGet, Path: "/project/:project/:version/", Auth: route.Page, Tree: true, Handle: s.project},
		{Method: http.MethodGet, Path: "/project/:project/:version/diff/", Auth: route.Page, Tree: true, Handle: s.diff},
		{
			Method: http.MethodGet, Path: "/project/:project/:version/file/:filename", Auth: route.Page, Tree: true,
			Handle: s.download,
		},
		{
			Method: http.MethodGet, Path: "/project/:project/:version/picture/:key", Auth: route.Page, Tree: true,
			Handle: s.showPicture,
		},
	}
}

// fewVersions is the number of releases on the project page. All of them are on the versions page.
const fewVersions = 8

// downloadDays is the period of the download count.
const downloadDays = 30

// Limits on the files and origins on the project page.
const (
	maxFilesShown   = 200
	maxOriginsShown = 3
)

// fewDependents is the number of dependents on the project page.
const fewDependents = 30

type projectView struct {
	ui.Frame
	catalog.Overview
	Description readme.Rendered
	Files       []fileView
	Origins     []ui.Origin // distinct origins of the files
	MoreFiles   int         // files that are not shown
	MoreOrigins int
	Requires    []requirementGroup
	People      []person
	Links       []namedLink
	Keywords    []string
	Imports     []importName
	Classifiers []classifierGroup
	Classified  int // number of all classifiers
	Left        omitted
	Contacts    []roles.Contact
	Downloads   int // in the last downloadDays days
	Days        int
	Closed      bool // installing needs a token
	Follow      followView
	Listed      []catalog.Summary
	Pip, UV     string
	Older       bool // not the release that installers choose
	Maintains   bool
	Near        []catalog.LimitUse // limits that are nearly used up, shown to uploaders
	Formerly    catalog.Deleted    // the deleted project with the same name, shown to owners
	From        fromView
	Kept        bool                 // the project, or a part of it, is this index's own
	Home        string               // path prefix of the repository that has it
	Stopped     *stoppedView         // if no file of the release is served
	Advisories  []advisory.Advisory  // about the release
	Explained   *resolve.Explanation // for callers who may see where names come from
	HeldPage    string               // path of the page about what is held of the release
	// Create is the address of the form that uploads the first release of a reserved name, "" if not offered.
	Create string

	Dependents      []catalog.Card // first ones by name
	DependentsTotal int
	DependentsMore  int
}

// stoppedView is why a release, or a project, is not served.
type stoppedView struct {
	Denied   bool
	Sentence string
	Until    time.Time // zero if time alone does not change it
}

type fileView struct {
	catalog.File
	Stopped  *stoppedView // if the file is not served
	Observed string       // the decision that would be in effect if no repository observed, "" if it is
	Words    string
	URL      string
	Origin   ui.Origin

	Documented bool              // the metadata can be read
	AttestedAt string            // the upstream that offers provenance, "" for none
	Imported   *catalog.Imported // where an import got the file, nil for other files
}

// Trust returns how well the upload time is known: as catalog.Imported.TimeTrust, "unknown" if the source of an import
// had no time, and "stated" for a file that no import brought.
func (f fileView) Trust() string {
	if f.Imported == nil {
		return "stated"
	}
	return cmp.Or(f.Imported.TimeTrust, "unknown")
}

// project shows the latest release of a project, or the release in the path.
func (s *Section) project(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	o, err := s.overview(r, who, name, r.PathValue("version"))
	if err != nil {
		return s.missing(r, who, name, err)
	}
	title := o.Project.Display
	if r.PathValue("version") != "" {
		title += " " + o.Release.Version
	}
	v := projectView{Frame: s.Frame(r, who, title), Days: downloadDays, Kept: o.Project.ID != ""}
	v.Closed = s.Closed || !o.View.Repository.Public
	v.From = s.from(v.Root, o)
	v.Home = v.From.Home
	o.Metadata, v.Left = shown(o.Metadata)
	v.Overview, v.Classified = o.Overview, len(o.Metadata.Classifiers)+v.Left.Classifiers
	v.Listed = o.Releases[:min(len(o.Releases), fewVersions)]
	v.Older = o.Release.ID != "" && o.Release.ID != o.Latest.ID
	v.HeldPage = v.Root + "/held/" + name.String() + "/"
	if o.Release.Version != "" {
		v.HeldPage += url.PathEscape(o.Release.Version) + "/"
	}
	if len(o.Files) > 0 {
		v.fill(r.Context(), s, o.Overview)
		v.Advisories = o.View.Advised(o.Release.Version, o.Files)
	}
	if err := s.explain(r, who, name, &v); err != nil {
		return err
	}
	if v.From.Reserved && who.MayCreate(o.View.Repository.Object()) {
		v.Create = v.Root + "/manage/upload/"
	}
	if err := s.mark(r, who, v.Requires); err != nil {
		return err
	}
	if v.Kept {
		if err := s.kept(r, who, &v); err != nil {
			return err
		}
	}
	if v.Stopped != nil {
		ui.Hold(w, strictest(o.Files))
	}
	return s.Render(w, http.StatusOK, "project", &v)
}

// kept adds what only projects of this index have: people, followers, downloads and dependents.
func (s *Section) kept(r *http.Request, who access.Caller, v *projectView) (err error) {
	ctx, p := r.Context(), v.Project
	repo, name := p.Repository.Name, p.Name
	v.Maintains = who.May(access.Maintainer, p.Object())
	if who.May(access.Uploader, p.Object()) {
		for _, u := range s.o.Index.LimitUses(p) {
			if u.Near() {
				v.Near = append(v.Near, u)
			}
		}
	}
	v.Feed = v.Home + "/rss/project/" + name.String() + "/releases.xml"
	imported, err := s.o.Index.ImportedFiles(ctx, who, p)
	if err != nil {
		return err
	}
	for i, f := range v.Files {
		if o, ok := imported[f.ID]; ok {
			if !who.May(access.Uploader, p.Object()) { // the location may be a path of the server
				o.Source, _, _ = strings.Cut(o.Source, " ")
			}
			v.Files[i].Imported = &o
		}
	}
	if v.Contacts, err = s.o.Roles.Contacts(ctx, who, repo, name); err != nil {
		return err
	}
	if v.Follow, err = s.follow(r, who, p); err != nil {
		return err
	}
	if v.Downloads, err = s.o.Index.Downloads(ctx, who, repo, name, "", downloadDays); err != nil {
		return err
	}
	if who.May(access.Owner, p.Object()) {
		if v.Formerly, err = s.o.Index.Formerly(ctx, who, repo, name); err != nil {
			return err
		}
	}
	v.Dependents, v.DependentsTotal, err = s.o.Browser.Dependents(ctx, who, repo, name, 1, fewDependents)
	v.DependentsMore = v.DependentsTotal - len(v.Dependents)
	return err
}

// mark sets Here on the requirements whose projects the caller can see.
func (s *Section) mark(r *http.Request, who access.Caller, groups []requirementGroup) error {
	var names []string
	for _, g := range groups {
		for _, item := range g.Items {
			names = append(names, item.Name)
		}
	}
	here, err := s.o.Index.Present(r.Context(), who, ui.Repository(r), names)
	for _, g := range groups {
		for i := range g.Items {
			g.Items[i].Here = here[g.Items[i].Name]
		}
	}
	return err
}

// explain adds what "index explain" prints, for administrators. A page does not depend on it.
func (s *Section) explain(r *http.Request, who access.Caller, name packaging.ProjectName, v *projectView) error {
	if !who.Admin() || v.From.Upstream == "" && v.Stopped == nil {
		return nil
	}
	repo := cmp.Or(ui.Repository(r), catalog.MainRepository)
	e, err := s.o.Reader.Explain(r.Context(), who, repo, name, v.Release.Version)
	if err != nil {
		return err
	}
	e.Why = fault.AsSentence(e.Why)
	e.Hidden = e.Hidden[:min(len(e.Hidden), maxFilesShown)]
	v.Explained = &e
	return nil
}

// stop describes the decision about a file that is not served, nil if it is.
func stop(f *catalog.File) *stoppedView {
	if !f.Held() {
		return nil
	}
	return &stoppedView{f.Decision.Verdict == policy.Deny, resolve.Sentence(*f.Decision), f.Decision.Until}
}

// strictest returns the strictest decision about files.
func strictest(files []catalog.File) (d policy.Decision) {
	for _, f := range files {
		if f.Decision != nil && f.Decision.Stricter(d) {
			d = *f.Decision
		}
	}
	return d
}

func (v *projectView) fill(ctx context.Context, s *Section, o catalog.Overview) {
	m := o.Metadata
	v.Description = s.descriptions.of(ctx, textKey(v.Root, o.Source, m), m,
		s.picture(pictureRoot(v.Root, v.From, o.Source), o))
	v.Pictures = s.o.Pictures.Direct
	v.MoreFiles = max(0, len(o.Files)-maxFilesShown)
	for _, f := range o.Files[:len(o.Files)-v.MoreFiles] {
		f.RequiresPython = ui.Cut(maxFact, f.RequiresPython)
		x := fileView{
			File: f, URL: v.Root + "/project/" + o.Project.Name.String() + "/" + url.PathEscape(o.Release.Version) + "/file/" +
				url.PathEscape(f.Filename), Origin: s.OriginOf(f.Uploader),
		}
		if x.Stopped = stop(&f); x.Stopped != nil {
			x.URL = v.HeldPage
		}
		if d := f.Decision; d != nil && d.Observed != "" && v.Who.Name != "" {
			x.Observed = policy.Decision{Verdict: d.ObservedVerdict, Rule: d.Observed, Until: d.ObservedUntil}.Text()
		}
		x.Documented = x.Stopped == nil && (f.MetadataSHA256 != "" || f.Upstream != nil && f.Upstream.Metadata)
		if f.Upstream != nil {
			if f.Upstream.Provenance {
				x.AttestedAt = f.Upstream.Name
			}
			x.Origin = ui.Origin{Kind: "upstream", Name: f.Upstream.Name}
		}
		if parsed, err := packaging.ParseFilename(f.Filename, o.Project.Name); err == nil {
			x.Words = parsed.Words()
		}
		v.Files = append(v.Files, x)
		if f.Upstream == nil && !slices.Contains(v.Origins, x.Origin) { // the page says above which upstream it is
			v.Origins = append(v.Origins, x.Origin)
		}
	}
	if v.MoreOrigins = max(0, len(v.Origins)-maxOriginsShown); v.MoreOrigins > 0 {
		v.Origins = v.Origins[:maxOriginsShown]
	}
	if v.Release.HeldFiles > 0 && v.Release.HeldFiles == len(o.Files) {
		v.Stopped = v.Files[0].Stopped
	}
	v.Requires, v.Imports = requirements(m.RequiresDist), importNames(m)
	v.People, v.Links, v.Classifiers = people(m), links(m), classified(m.Classifiers)
	v.Keywords = strings.FieldsFunc(m.Keywords, func(c rune) bool { return c == ',' || c == ';' })
	if len(v.Keywords) == 1 {
		v.Keywords = strings.Fields(m.Keywords)
	}
	v.Keywords = few(maxWords, maxWord, v.Keywords)
	exact := o.Project.Name.String()
	if v.Older {
		exact += "==" + o.Release.Version
	}
	index := s.Absolute(strings.TrimPrefix(v.Root, v.Base) + "/simple/")
	v.Pip = fmt.Sprintf("pip install --index-url %s %s", index, exact)
	v.UV = fmt.Sprintf("uv add --index %s %s", index, exact)
}

type versionsView struct {
	ui.Frame
	Project catalog.Project
	From    fromView
	Latest  catalog.Summary
	Listed  []catalog.Summary
	Pages   ui.Pages
}

const versionsPerPage = 100

// versions lists the releases of a project, newest version first.
func (s *Section) versions(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	o, err := s.overview(r, who, name, "")
	if err != nil {
		return s.missing(r, who, name, err)
	}
	p := ui.Paginate(r, ui.PageNumber(r), len(o.Releases), versionsPerPage)
	from := min((p.Page-1)*versionsPerPage, len(o.Releases))
	v := versionsView{
		Frame: s.Frame(r, who, "Versions of "+o.Project.Display), Project: o.Project, Latest: o.Latest, Pages: p,
	}
	v.From = s.from(v.Root, o)
	v.Listed = o.Releases[from:min(from+versionsPerPage, len(o.Releases))]
	return s.Render(w, http.StatusOK, "versions", &v)
}
