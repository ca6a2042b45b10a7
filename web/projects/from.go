package projects

import (
	"net/http"
	"time"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/packaging"
	"pyindex/internal/resolve"
	"pyindex/internal/upstream/pages"
	"pyindex/web/ui"
)

// fromView says where a project comes from, if not only from the repository that was asked.
type fromView struct {
	Repository string // base that has the project, "" if it is the one that was asked or there is no own project
	Home       string // path prefix of the repository that has the project
	Upstream   string // "" if no file comes from one
	Mixed      bool   // own files too
	Reserved   bool   // the name is reserved and there is no project
	ReadAt     time.Time
	Stale      bool           // the page is older than it should be
	Waiting    int            // files without a digest, which are not listed
	Ruling     catalog.Ruling // the decision that allows own versions beside those of the upstream, if Mixed
}

// Shown reports whether there is something to say.
func (f fromView) Shown() bool { return f.Repository != "" || f.Upstream != "" }

// overview returns a project as the repository in the path shows it: its own, that of a base, or that of an upstream.
func (s *Section) overview(r *http.Request, who access.Caller, name packaging.ProjectName,
	version string,
) (resolve.Overview, error) {
	ask := s.ask(r)
	v, err := s.o.Reader.View(r.Context(), who, ui.Repository(r), name, ask)
	if err != nil {
		return resolve.Overview{}, err
	}
	if _, stale := v.Age(); stale > 0 && ask.Freshness == pages.Normal { // people can wait a moment, unlike installers
		ask.Freshness = pages.NoCache
		if v, err = s.o.Reader.View(r.Context(), who, ui.Repository(r), name, ask); err != nil {
			return resolve.Overview{}, err
		}
	}
	return s.o.Reader.Overview(r.Context(), who, v, version)
}

func (s *Section) ask(r *http.Request) resolve.Ask {
	return resolve.AskOf(r.Header["Cache-Control"], r.Header["Via"], s.o.Instance)
}

// from describes the source of a project on a page with the path prefix root.
func (s *Section) from(root string, o resolve.Overview) fromView {
	f := fromView{Home: root, Upstream: o.View.Upstream.Name, Waiting: o.Waiting, Reserved: o.View.Reserved()}
	if p := o.View.Project; p.ID != "" && p.Repository.ID != o.View.Repository.ID {
		f.Repository, f.Home = p.Repository.Name, ui.Tree(s.Base, p.Repository.Name)
	}
	if f.Upstream == "" {
		return f
	}
	age, stale := o.View.Age()
	f.ReadAt, f.Stale = s.Now().Add(-age), stale > 0
	if f.Mixed = o.View.Project.ID != ""; f.Mixed {
		f.Ruling = o.View.Ownership.Ruling
	}
	return f
}

// pictureRoot returns the path prefix of the addresses of pictures: one for each description, whatever page shows it.
func pictureRoot(root string, f fromView, source catalog.File) string {
	if source.Upstream != nil {
		return root
	}
	return f.Home
}

// textKey identifies the rendered description of a release on pages with the path prefix root. The metadata of an
// upstream's file may change, if it states no digest.
func textKey(root string, source catalog.File, m packaging.Metadata) string {
	if source.Upstream == nil {
		return source.ID
	}
	return root + " " + source.Upstream.Name + "/" + source.Upstream.Path + " " +
		digest(m.DescriptionContentType, m.Description)
}
