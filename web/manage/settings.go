package manage

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"strings"

	"pyindex/internal/access"
	"pyindex/internal/catalog"
	"pyindex/web/ui"
)

type settingsView struct {
	managing
	Choices  []statusChoice
	Reason   ui.Field
	Frozen   bool // by an administrator, who alone can undo it
	Limits   []limit
	File     ui.Field
	Size     ui.Field
	Typed    ui.Field
	Counts   catalog.Counts
	Requires requiring
}

// Kept reports whether the reader may not delete the project because of a quarantine.
func (v *settingsView) Kept() bool { return !v.Who.Admin && (v.Frozen || v.Counts.Quarantined > 0) }

// Quarantine returns what is in quarantine, with its verb.
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

// Removed returns the releases and files that deleting the project removes.
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

// limit is a limit in force. Size is in bytes, 0 for none.
type limit struct {
	Of   string
	Size int64
	Own  bool // set for the project
}

// statusChoice is a status that a project can get, with the words of its button.
type statusChoice struct {
	Status       catalog.Status
	Button, Help string
	Danger       bool
}

// statusChoices are the statuses that a project can get now.
func statusChoices(p catalog.Project, admin bool) []statusChoice {
	name := p.Name.String()
	all := []statusChoice{
		{catalog.Active, "Make " + name + " active again", "It takes uploads and installs as any other.", false},
		{catalog.Archived, "Archive " + name, "What is here installs as before; nothing new is taken.", false},
		{
			catalog.Deprecated, "Deprecate " + name,
			"Everything works as before; pages and clients say that people should move on, and the reason where to.", false,
		},
	}
	if admin {
		all = append(all, statusChoice{
			catalog.Quarantined, "Quarantine " + name,
			"Nothing of it can be installed or uploaded until an administrator ends it. For what may be malicious.", true,
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
	v.Frozen = p.Status == catalog.Quarantined && !who.Admin()
	if !v.Frozen {
		v.Choices = statusChoices(p, who.Admin())
	}
	if v.Requires, err = s.requiring(r, who, p, ""); err != nil {
		return err
	}
	v.Reason = f.Field(ui.Field{
		Name: "reason", Label: "Reason", MaxLength: catalog.MaxReason,
		Help: "Shown on the project's page, and by clients that know of statuses.",
	})
	v.File = f.Field(ui.Field{
		Name:        "file_size",
		Label:       "One file",
		Value:       ownSize(p.Limits.FileSize),
		Placeholder: "as configured",
		Help:        "Such as 500 MB. Empty for what is configured.",
	})
	v.Size = f.Field(ui.Field{
		Name:        "project_size",
		Label:       "All files together",
		Value:       ownSize(p.Limits.ProjectSize),
		Placeholder: "as configured",
		Help:        "Such as 20 GB. Empty for what is configured.",
	})
	v.Typed = f.Field(ui.Field{
		Name: "typed", Label: "Type " + name.String() + " to delete it", Required: true, Mono: true,
	})
	v.Notice = cmp.Or(f.Problem(), v.Notice)
	return s.Render(w, f.Status(), "manage-settings", &v)
}

// ownSize writes a project's own limit exactly, in the unit in which it is shortest; "" for none.
func ownSize(n int64) string {
	if n == 0 {
		return ""
	}
	for _, u := range sizeUnits {
		if n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + " " + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"TB", 1e12},
	{"TiB", 1 << 40},
	{"GB", 1e9},
	{"GiB", 1 << 30},
	{"MB", 1e6},
	{"MiB", 1 << 20},
	{"kB", 1e3},
	{"KiB", 1 << 10},
	{"bytes", 1},
}

// sizeTyped reads a limit: a number with a unit, bytes without one, 0 for nothing.
func sizeTyped(f ui.Form, field string) int64 {
	text := strings.ToLower(f.Get(field))
	if text == "" {
		return 0
	}
	factor := int64(1)
	for _, u := range sizeUnits {
		if n, ok := strings.CutSuffix(text, strings.ToLower(u.name)); ok {
			text, factor = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/2/factor {
		f.Wrong(field, "Write a whole number with a unit, such as 500 MB or 2 GB.")
		return 0
	}
	return n * factor
}

var statusWords = map[catalog.Status]string{
	catalog.Active: "is active again", catalog.Archived: "is archived: it takes no uploads",
	catalog.Deprecated:  "is deprecated",
	catalog.Quarantined: "is in quarantine: nothing of it can be installed",
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
	l := catalog.Limits{FileSize: sizeTyped(f, "file_size"), ProjectSize: sizeTyped(f, "project_size")}
	if !f.Bad() {
		err = s.o.Index.SetLimits(r.Context(), who, ui.Repository(r), name, l)
	}
	if err := f.Refused("", err); err != nil || f.Bad() {
		return s.settingsAgain(w, r, who, f, err)
	}
	return s.Done(w, r, s.Back(r), "The limits of "+name.String()+" are changed.")
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
	text := "People and API tokens may upload to " + name.String() + " again."
	if f.On("on") {
		text = "Only trusted publishers may upload to " + name.String() + " from now on."
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
	v := s.Frame(r, who, "")
	return s.Done(w, r, v.Tree()+"/manage/projects/", "Deleted "+name.String()+" with everything in it."+rest)
}

// settingsAgain shows the page once more with what is wrong, or fails where that is nothing that the reader typed.
func (s *Section) settingsAgain(w http.ResponseWriter, r *http.Request, who access.Caller, f ui.Form, err error) error {
	if err != nil {
		return err
	}
	return s.settingsPage(w, r, who, f)
}
