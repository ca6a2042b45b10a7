package manage

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/custody"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
	"pyindex/web/ui"
)

type releasesView struct {
	managing
	Releases []catalog.Summary
	Filter   string
	Total    int // that match the filter
	Counts   catalog.Counts
	Pages    ui.Pages
}

// Share returns the share of a release in the size of the project, in percent.
func (v *releasesView) Share(r catalog.Summary) string {
	return ui.Share(r.TotalSize(), v.Project.Size)
}

const releasesPerPage = 100

// toReleases redirects from the address of a project's management to its first page.
func (s *Section) toReleases(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	_, err = s.o.Index.ManagedReleases(r.Context(), who, ui.Repository(r), name, catalog.Page{Number: 1, Size: 1})
	if err == nil {
		s.See(w, r, s.projectPath(r, name, "releases/"))
	}
	return err
}

func (s *Section) releases(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	filter, at := r.URL.Query().Get("q"), ui.PageNumber(r)
	m, err := s.o.Index.ManagedReleases(r.Context(), who, ui.Repository(r), name,
		catalog.Page{Text: filter, Number: at, Size: releasesPerPage})
	if err != nil {
		return err
	}
	v := releasesView{
		managing: s.managing(r, who, m.Project, "releases", "Releases"), Releases: m.Releases, Filter: filter,
		Total: m.Total, Counts: m.Counts,
		Pages: ui.Paginate(r, at, m.Total, releasesPerPage),
	}
	return s.Render(w, http.StatusOK, "manage-releases", &v)
}

type releaseView struct {
	managing
	Release       catalog.Release
	Files         []releaseFile
	Size          int64
	Yanked        int
	Reasons       []string // distinct yank reasons
	Hidden        int      // number of files in quarantine
	Chosen        *releaseFile
	Reason, Typed ui.Field
	File          chosenFields
	Requires      requiring
}

type chosenFields struct{ Reason, Typed ui.Field }

type releaseFile struct {
	catalog.File
	Words  string
	Origin ui.Origin
	Link   string // to its forms
}

func (s *Section) release(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.releasePage(w, r, who, ui.Typed(nil), r.URL.Query().Get("file"))
}

// releasePage shows a release, with the forms of the chosen file if there is one.
func (s *Section) releasePage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form,
	chosen string,
) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	m, err := s.o.Index.ManagedRelease(r.Context(), who, ui.Repository(r), name, r.PathValue("version"))
	if err != nil {
		return err
	}
	v := releaseView{managing: s.managing(r, who, m.Project, "releases", m.Release.Version), Release: m.Release}
	v.fill(s.Kit, m.Files, chosen)
	v.fields(f)
	if v.Owns() {
		if v.Requires, err = s.requiring(r, who, m.Project, m.Release.Version); err != nil {
			return err
		}
	}
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "manage-release", &v)
}

func (v *releaseView) fill(kit *ui.Kit, files []catalog.File, chosen string) {
	for _, f := range files {
		x := releaseFile{
			File: f, Origin: kit.OriginOf(f.Uploader), Link: v.Here + "?" + url.Values{"file": {f.Filename}}.Encode() + "#file",
		}
		if parsed, err := packaging.ParseFilename(f.Filename, v.Project.Name); err == nil {
			x.Words = parsed.Words()
		}
		v.Files = append(v.Files, x)
		v.Size += f.Size
		if f.Quarantined() {
			v.Hidden++
		}
		if f.Yanked {
			v.Yanked++
			if f.YankedReason != "" && !slices.Contains(v.Reasons, f.YankedReason) {
				v.Reasons = append(v.Reasons, f.YankedReason)
			}
		}
		if f.Filename == chosen {
			v.Chosen = &v.Files[len(v.Files)-1]
		}
	}
}

const reasonHelp = "Installers show it to users of this version. For example: what is wrong, and which version to use instead."

func (v *releaseView) fields(f ui.Form) {
	v.Reason = f.Field(ui.Field{Name: "reason", Label: "Reason", MaxLength: catalog.MaxReason, Help: reasonHelp})
	v.Typed = f.Field(ui.Field{
		Name: "typed", Label: "Type " + v.Release.Version + " to delete it", Required: true, Mono: true,
	})
	v.File.Reason = f.Field(ui.Field{Name: "file_reason", Label: "Reason", MaxLength: catalog.MaxReason, Help: reasonHelp})
	if v.Chosen != nil {
		v.File.Typed = f.Field(ui.Field{
			Name: "file_typed", Label: "Type the file's name to delete it", Required: true, Mono: true,
			Placeholder: v.Chosen.Filename,
		})
	}
}

// AllYanked reports whether all files of the release are yanked.
func (v *releaseView) AllYanked() bool { return len(v.Files) > 0 && v.Yanked == len(v.Files) }

// Invisible reports whether the release is hidden from readers.
func (v *releaseView) Invisible() bool {
	return v.Project.Status == catalog.Quarantined || len(v.Files) > 0 && v.Hidden == len(v.Files)
}

// Kept reports whether a quarantine prevents the reader from deleting the release.
func (v *releaseView) Kept() bool {
	return !v.Who.Admin && (v.Hidden > 0 || v.Project.Status == catalog.Quarantined)
}

// KeptFile reports whether a quarantine prevents the reader from deleting the file.
func (v *releaseView) KeptFile(f releaseFile) bool {
	return !v.Who.Admin && (f.Quarantined() || v.Project.Status == catalog.Quarantined)
}

func (s *Section) yank(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, version, err := s.releaseName(w, r)
	if err == nil {
		err = s.o.Index.Yank(r.Context(), who, ui.Repository(r), name, version, f.Get("reason"))
	}
	if err := f.Refused("reason", err); err != nil || f.Bad() {
		return s.again(w, r, who, f, "", err)
	}
	return s.Done(w, r, s.Back(r), "Yanked "+version+". Installers now skip it.")
}

func (s *Section) unyank(w http.ResponseWriter, r *http.Request, who access.Caller, _ ui.Form) error {
	name, version, err := s.releaseName(w, r)
	if err == nil {
		err = s.o.Index.Unyank(r.Context(), who, ui.Repository(r), name, version)
	}
	if err != nil {
		return err
	}
	return s.Done(w, r, s.Back(r), "Unyanked "+version+". Installers can choose it again.")
}

func (s *Section) deleteRelease(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, _, err := s.releaseName(w, r)
	if err != nil {
		return err
	}
	m, err := s.o.Index.ManagedRelease(r.Context(), who, ui.Repository(r), name, r.PathValue("version"))
	if fault.Is(err, fault.Denied) { // DeleteRelease audits the denial
		return s.o.Index.DeleteRelease(r.Context(), who, ui.Repository(r), name, r.PathValue("version"))
	} else if err != nil {
		return err
	}
	if typedName(f, "typed", m.Release.Version); f.Bad() {
		return s.releasePage(w, r, who, f, "")
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	rest, err := leftover(s.o.Index.DeleteRelease(r.Context(), who, ui.Repository(r), name, m.Release.Version))
	if err != nil {
		return err
	}
	return s.Done(w, r, s.projectPath(r, name, "releases/"),
		"Deleted "+name.String()+" "+m.Release.Version+" with "+ui.Plural(len(m.Files), "file", "files")+"."+rest)
}

func (s *Section) yankFile(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, _, err := s.releaseName(w, r)
	if err == nil {
		err = s.o.Index.YankFile(r.Context(), who, ui.Repository(r), name, f.Get("file"), f.Get("file_reason"))
	}
	if err := f.Refused("file_reason", err); err != nil || f.Bad() {
		return s.again(w, r, who, f, f.Get("file"), err)
	}
	return s.Done(w, r, s.Back(r), "Yanked "+f.Get("file")+".")
}

func (s *Section) unyankFile(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, _, err := s.releaseName(w, r)
	if err == nil {
		err = s.o.Index.UnyankFile(r.Context(), who, ui.Repository(r), name, f.Get("file"))
	}
	if err != nil {
		return err
	}
	return s.Done(w, r, s.Back(r), "Unyanked "+f.Get("file")+".")
}

func (s *Section) deleteFile(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, _, err := s.releaseName(w, r)
	if err != nil {
		return err
	}
	file := f.Get("file")
	m, err := s.o.Index.ManagedRelease(r.Context(), who, ui.Repository(r), name, r.PathValue("version"))
	if fault.Is(err, fault.Denied) { // DeleteFile audits the denial
		return s.o.Index.DeleteFile(r.Context(), who, ui.Repository(r), name, file)
	} else if err != nil {
		return err
	}
	if typedName(f, "file_typed", file); f.Bad() {
		return s.releasePage(w, r, who, f, file)
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	rest, err := leftover(s.o.Index.DeleteFile(r.Context(), who, ui.Repository(r), name, file))
	if err != nil {
		return err
	}
	if len(m.Files) == 1 {
		return s.Done(w, r, s.projectPath(r, name, "releases/"),
			"Deleted "+file+" and the release "+m.Release.Version+", because this was its last file."+rest)
	}
	return s.Done(w, r, s.Back(r), "Deleted "+file+"."+rest)
}

// again returns err, or shows the page with the errors of the form if err is nil.
func (s *Section) again(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, chosen string,
	err error,
) error {
	if err != nil {
		return err
	}
	return s.releasePage(w, r, who, f, chosen)
}

func (s *Section) releaseName(w http.ResponseWriter, r *http.Request) (packaging.ProjectName, string, error) {
	name, err := s.ProjectName(w, r)
	return name, r.PathValue("version"), err
}

// projectPath returns the path of a management page below the base path.
func (s *Section) projectPath(r *http.Request, name packaging.ProjectName, rest string) string {
	return s.tree(r) + "/manage/project/" + name.String() + "/" + rest
}

// tree returns the path prefix of the current repository below the base path.
func (s *Section) tree(r *http.Request) string {
	f := s.Frame(r, access.Caller{}, "")
	return f.Tree()
}

// leftover returns a sentence about blobs that a deletion could not remove from storage, or "". A *custody.Leftover is
// not an error here, because the deletion itself succeeded.
func leftover(err error) (string, error) {
	if l, ok := errors.AsType[*custody.Leftover](err); ok {
		return " " + l.Rest() + ".", nil
	}
	return "", err
}
