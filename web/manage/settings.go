package manage

import (
	"cmp"
	"net/http"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/internal/ingest"
	"pyindex/web/ui"
)

type settingsView struct {
	managing
	Choices                   []statusChoice
	Reason, File, Size, Typed ui.Field
	Frozen                    bool // in quarantine, which only administrators can end
	Limits                    []limit
	Uses                      [2]catalog.LimitUse // of the project and of its repository
	Counts                    catalog.Counts
	Requires                  requiring
	Startup                   ingest.StartupPolicy
	Ruling                    catalog.Ruling // an administrator's decision about the name, zero if there is none
}

// Kept reports whether a quarantine prevents the reader from deleting the project.
func (v *settingsView) Kept() bool { return !v.Who.Admin && (v.Frozen || v.Counts.Quarantined > 0) }

// Quarantine returns the beginning of a sentence: the quarantined objects with their verb.
func (v *settingsView) Quarantine() string {
	switch n := v.Counts.Quarantined; {
	case v.Frozen:
		return v.Project.Name.String() + " is"
	case n == 1:
		return "One of its files is"
	default:
		return ui.Count(n) + " of its files are"
	}
}

// Removed returns the number of releases and files that deleting the project removes.
func (v *settingsView) Removed() string {
	c := v.Counts
	text := ui.Plural(c.Releases, "release", "releases") + " with " + ui.Plural(c.Files, "file", "files")
	switch c.Quarantined {
	case 0:
		return text
	case c.Files:
		return text + " in quarantine"
	default:
		return text + ", " + ui.Count(c.Quarantined) + " of them in quarantine"
	}
}

// limit is an effective size limit. Size is in bytes, 0 for no limit.
type limit struct {
	Of   string
	Size int64
	Own  bool // set for the project
}

type statusChoice struct {
	Status       catalog.Status
	Button, Help string
	Danger       bool
}

// statusChoices returns the buttons for all statuses except the current one.
func statusChoices(p catalog.Project, admin bool) []statusChoice {
	name := p.Name.String()
	all := []statusChoice{
		{catalog.Active, "Make " + name + " active again", "Allows uploads and installs.", false},
		{catalog.Archived, "Archive " + name, "Existing releases can be installed, but new uploads are refused.", false},
		{
			catalog.Deprecated, "Deprecate " + name,
			"Everything keeps working. Pages and clients advise users to switch. Name the replacement in the reason.", false,
		},
	}
	if admin {
		all = append(all, statusChoice{
			catalog.Quarantined, "Quarantine " + name,
			"For suspected malware. Blocks installs and uploads until an administrator ends it.", true,
		})
	}
	var out []statusChoice
	for _, c := range all {
		if c.Status != p.Status {
			out = append(out, c)
		}
	}
	return out
}

func (s *Section) settings(w http.ResponseWriter, r *http.Request, who access.Caller) error {
	return s.settingsPage(w, r, who, ui.Typed(nil))
}

func (s *Section) settingsPage(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil || name.IsZero() {
		return err
	}
	m, err := s.o.Index.ManagedSettings(r.Context(), who, ui.Repository(r), name)
	if err != nil {
		return err
	}
	p := m.Project
	v := settingsView{managing: s.managing(r, who, p, "settings", "Settings"), Counts: m.Counts}
	v.Limits = []limit{
		{"One file", m.Limits.FileSize, p.Limits.FileSize > 0},
		{"All files together", m.Limits.ProjectSize, p.Limits.ProjectSize > 0},
	}
	v.Uses = s.o.Index.LimitUses(p)
	v.Startup = s.o.Intake.StartupPolicy()
	if v.Ruling, err = s.o.Index.RulingIn(r.Context(), who, ui.Repository(r), name); err != nil {
		return err
	}
	v.Frozen = p.Status == catalog.Quarantined && !who.Admin()
	if !v.Frozen {
		v.Choices = statusChoices(p, who.Admin())
	}
	if v.Requires, err = s.requiring(r, who, p, ""); err != nil {
		return err
	}
	v.Reason = f.Field(ui.Field{
		Name: "reason", Label: "Reason", MaxLength: catalog.MaxReason,
		Help: "Shown on the project page, and by clients that support project statuses.",
	})
	v.File = f.Field(ui.Field{
		Name: "file_size", Label: "One file", Value: ui.SizeValue(p.Limits.FileSize), Placeholder: "server setting",
		Help: "For example, 500 MiB. Leave empty to use the server setting.",
	})
	v.Size = f.Field(ui.Field{
		Name: "project_size", Label: "All files together", Value: ui.SizeValue(p.Limits.ProjectSize),
		Placeholder: "server setting", Help: "For example, 20 GiB. Leave empty to use the server setting.",
	})
	v.Typed = f.Field(ui.Field{
		Name: "typed", Label: "Type " + name.String() + " to delete it", Required: true, Mono: true,
	})
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "manage-settings", &v)
}

var statusWords = map[catalog.Status]string{
	catalog.Active: "is active again", catalog.Archived: "is archived and accepts no uploads",
	catalog.Deprecated:  "is deprecated",
	catalog.Quarantined: "is in quarantine and cannot be installed",
}

func (s *Section) setStatus(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	status := catalog.Status(f.Get("status"))
	reason := f.Get("reason")
	if status == catalog.Active {
		reason = ""
	}
	err = s.o.Index.SetStatus(r.Context(), who, ui.Repository(r), name, status, reason)
	if err := f.Refused("reason", err); err != nil || f.Bad() {
		return s.settingsAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.Back(r), name.String()+" "+statusWords[status]+".")
}

func (s *Section) setLimits(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	l := catalog.Limits{FileSize: f.Size("file_size"), ProjectSize: f.Size("project_size")}
	if !f.Bad() {
		err = s.o.Index.SetLimits(r.Context(), who, ui.Repository(r), name, l)
	}
	if err := f.Refused("", err); err != nil || f.Bad() {
		return s.settingsAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.Back(r), "Changed the limits of "+name.String()+".")
}

func (s *Section) trustOnly(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err == nil {
		err = s.Confirmed(who)
	}
	if err == nil {
		err = s.o.Index.SetTrustedOnly(r.Context(), who, ui.Repository(r), name, f.On("on"))
	}
	if err != nil {
		return err
	}
	text := "People and API tokens can upload to " + name.String() + " again."
	if f.On("on") {
		text = "Only trusted publishers can now upload to " + name.String() + "."
	}
	return s.Done(w, r, s.Back(r), text)
}

func (s *Section) allowStartup(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err == nil {
		err = s.Confirmed(who)
	}
	if err == nil {
		err = s.o.Index.SetStartupFiles(r.Context(), who, ui.Repository(r), name, f.On("on"))
	}
	if err != nil {
		return err
	}
	text := "New start-up files are no longer allowed in " + name.String() + "."
	if f.On("on") {
		text = "New versions of " + name.String() + " may now have start-up files."
	}
	return s.Done(w, r, s.Back(r), text)
}

func (s *Section) deleteProject(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form) error {
	name, err := s.ProjectName(w, r)
	if err != nil {
		return err
	}
	if typedName(f, "typed", name.String()); f.Bad() {
		return s.settingsPage(w, r, who, f)
	}
	if err := s.Confirmed(who); err != nil {
		return err
	}
	rest, err := leftover(s.o.Index.DeleteProject(r.Context(), who, ui.Repository(r), name))
	if err != nil {
		return err
	}
	return s.Done(w, r, s.tree(r)+"/manage/projects/", "Deleted "+name.String()+" and all its files."+rest)
}

// settingsAgain returns err, or shows the page with the errors of the form if err is nil.
func (s *Section) settingsAgain(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, err error) error {
	if err != nil {
		return err
	}
	return s.settingsPage(w, r, who, f)
}
