package web

import (
	"net/http"
	"net/url"
	"slices"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/fault"
	"pyindex/internal/packaging"
)

type releasesView struct {
	managing
	Releases []catalog.Summary
	Filter   string
	Total    int // with the letters of the filter
	Counts   catalog.Counts
	Pages    Pages
}

const releasesPerPage = 100

// releases lists the releases of a project that is managed, newest version first.
func (s *Site) releases(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	name, err := s.projectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	filter, at := r.URL.Query().Get("q"), page(r)
	m, err := s.o.Index.ManagedReleases(r.Context(), who, repository(r), name, catalog.Page{Text: filter, Number: at, Size: releasesPerPage})
	if err != nil {
		return err
	}
	v := releasesView{
		managing: s.managing(r, who, m.Project, "releases", "Releases"), Releases: m.Releases, Filter: filter, Total: m.Total, Counts: m.Counts,
		Pages: pages(r, at, m.Total, releasesPerPage),
	}
	return s.render(w, http.StatusOK, "manage-releases", &v)
}

type releaseView struct {
	managing
	Release  catalog.Release
	Files    []releaseFile
	Size     int64
	Yanked   int
	Reasons  []string // of the yank
	Hidden   int      // files in quarantine
	Chosen   *releaseFile
	Reason   Field
	Typed    Field
	File     chosenFields
	Requires requiring
}

// chosenFields are the fields of the forms about one file.
type chosenFields struct{ Reason, Typed Field }

type releaseFile struct {
	catalog.File
	Words  string
	Origin Origin
	Link   string // to the forms about it
}

func (s *Site) release(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.releasePage(w, r, who, typed(nil), r.URL.Query().Get("file"))
}

// releasePage shows a release, with the forms about one of its files where that is chosen.
func (s *Site) releasePage(w http.ResponseWriter, r *http.Request, who access.Caller, f form, chosen string) error {
	name, err := s.projectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	m, err := s.o.Index.ManagedRelease(r.Context(), who, repository(r), name, r.PathValue("version"))
	if err != nil {
		return err
	}
	v := releaseView{managing: s.managing(r, who, m.Project, "releases", m.Release.Version), Release: m.Release}
	v.fill(m.Files, chosen)
	v.fields(f)
	if v.Owns() {
		if v.Requires, err = s.requiring(r, who, m.Project, m.Release.Version); err != nil {
			return err
		}
	}
	if n := f.problem(); n != nil {
		v.Notice = n
	}
	return s.render(w, f.status(), "manage-release", &v)
}

func (v *releaseView) fill(files []catalog.File, chosen string) {
	for _, f := range files {
		x := releaseFile{File: f, Origin: originOf(f.Uploader), Link: "?" + url.Values{"file": {f.Filename}}.Encode() + "#file"}
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

const reasonHelp = "Installers show it to whoever asks for this version. A few words: what is wrong, and what to take instead."

func (v *releaseView) fields(f form) {
	v.Reason = f.field(Field{Name: "reason", Label: "Reason", MaxLength: catalog.MaxReason, Help: reasonHelp})
	v.Typed = f.field(Field{Name: "typed", Label: "Type " + v.Release.Version + " to delete it", Required: true, Mono: true})
	v.File.Reason = f.field(Field{Name: "file_reason", Label: "Reason", MaxLength: catalog.MaxReason, Help: reasonHelp})
	if v.Chosen != nil {
		v.File.Typed = f.field(Field{Name: "file_typed", Label: "Type the file's name to delete it", Required: true, Mono: true, Placeholder: v.Chosen.Filename})
	}
}

// AllYanked reports whether installers skip the release.
func (v *releaseView) AllYanked() bool { return len(v.Files) > 0 && v.Yanked == len(v.Files) }

// Invisible reports whether readers see nothing of the release.
func (v *releaseView) Invisible() bool {
	return v.Project.Status == catalog.Quarantined || len(v.Files) > 0 && v.Hidden == len(v.Files)
}

// Kept reports whether the reader may not delete the release because of a quarantine.
func (v *releaseView) Kept() bool {
	return !v.Who.Admin && (v.Hidden > 0 || v.Project.Status == catalog.Quarantined)
}

// KeptFile reports whether the reader may not delete the file because of a quarantine.
func (v *releaseView) KeptFile(f releaseFile) bool {
	return !v.Who.Admin && (f.Quarantined() || v.Project.Status == catalog.Quarantined)
}

func (s *Site) releasePost(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return do(w, r, who, map[string]act{
		"yank": s.yank, "unyank": s.unyank, "delete": s.deleteRelease, "yank-file": s.yankFile, "unyank-file": s.unyankFile, "delete-file": s.deleteFile,
	})
}

func (s *Site) yank(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	name, version, err := s.releaseName(w, r)
	if err == nil {
		err = s.o.Index.Yank(r.Context(), who, repository(r), name, version, f.get("reason"))
	}
	if err := f.refused("reason", err); err != nil || f.bad() {
		return s.again(w, r, who, f, "", err)
	}
	return s.done(w, r, s.back(r), "Yanked "+version+": installers skip it from now on.")
}

func (s *Site) unyank(w http.ResponseWriter, r *http.Request, who access.Caller, _ form) error {
	name, version, err := s.releaseName(w, r)
	if err == nil {
		err = s.o.Index.Unyank(r.Context(), who, repository(r), name, version)
	}
	if err != nil {
		return err
	}
	return s.done(w, r, s.back(r), "Unyanked "+version+": installers choose it again.")
}

func (s *Site) deleteRelease(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	name, _, err := s.releaseName(w, r)
	if err != nil {
		return err
	}
	m, err := s.o.Index.ManagedRelease(r.Context(), who, repository(r), name, r.PathValue("version"))
	if fault.Is(err, fault.Denied) { // recorded by the change itself
		return s.o.Index.DeleteRelease(r.Context(), who, repository(r), name, r.PathValue("version"))
	} else if err != nil {
		return err
	}
	if typedName(f, "typed", m.Release.Version); f.bad() {
		return s.releasePage(w, r, who, f, "")
	}
	if err := s.confirmed(who); err != nil {
		return err
	}
	rest, err := leftover(s.o.Index.DeleteRelease(r.Context(), who, repository(r), name, m.Release.Version))
	if err != nil {
		return err
	}
	return s.done(w, r, s.projectPath(r, name, "releases/"), "Deleted "+name.String()+" "+m.Release.Version+" with "+plural(len(m.Files), "file", "files")+"."+rest)
}

func (s *Site) yankFile(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	name, _, err := s.releaseName(w, r)
	if err == nil {
		err = s.o.Index.YankFile(r.Context(), who, repository(r), name, f.get("file"), f.get("file_reason"))
	}
	if err := f.refused("file_reason", err); err != nil || f.bad() {
		return s.again(w, r, who, f, f.get("file"), err)
	}
	return s.done(w, r, s.back(r), "Yanked "+f.get("file")+".")
}

func (s *Site) unyankFile(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	name, _, err := s.releaseName(w, r)
	if err == nil {
		err = s.o.Index.UnyankFile(r.Context(), who, repository(r), name, f.get("file"))
	}
	if err != nil {
		return err
	}
	return s.done(w, r, s.back(r), "Unyanked "+f.get("file")+".")
}

func (s *Site) deleteFile(w http.ResponseWriter, r *http.Request, who access.Caller, f form) error {
	name, _, err := s.releaseName(w, r)
	if err != nil {
		return err
	}
	file := f.get("file")
	m, err := s.o.Index.ManagedRelease(r.Context(), who, repository(r), name, r.PathValue("version"))
	if fault.Is(err, fault.Denied) { // recorded by the change itself
		return s.o.Index.DeleteFile(r.Context(), who, repository(r), name, file)
	} else if err != nil {
		return err
	}
	if typedName(f, "file_typed", file); f.bad() {
		return s.releasePage(w, r, who, f, file)
	}
	if err := s.confirmed(who); err != nil {
		return err
	}
	rest, err := leftover(s.o.Index.DeleteFile(r.Context(), who, repository(r), name, file))
	if err != nil {
		return err
	}
	if len(m.Files) == 1 {
		return s.done(w, r, s.projectPath(r, name, "releases/"), "Deleted "+file+", and with its last file the release "+m.Release.Version+"."+rest)
	}
	return s.done(w, r, s.back(r), "Deleted "+file+"."+rest)
}

// again shows the page once more with what is wrong, or fails where that is nothing that the reader typed.
func (s *Site) again(w http.ResponseWriter, r *http.Request, who access.Caller, f form, chosen string, err error) error {
	if err != nil {
		return err
	}
	return s.releasePage(w, r, who, f, chosen)
}

// releaseName reads the project and the version that a posted form's path names.
func (s *Site) releaseName(w http.ResponseWriter, r *http.Request) (packaging.ProjectName, string, error) {
	name, err := s.projectName(w, r)
	return name, r.PathValue("version"), err
}

// projectPath is the path, below the base path, of a page about a project that is managed.
func (s *Site) projectPath(r *http.Request, name packaging.ProjectName, rest string) string {
	f := s.frame(r, access.Caller{}, "")
	return f.tree() + "/manage/project/" + name.String() + "/" + rest
}
